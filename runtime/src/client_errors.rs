//! What browsers report to `POST /client-errors`.
//!
//! A *report* is an error that a page did not catch. It comes from anybody: it is bounded, taken without judgement, and what is
//! shown of it on a terminal is cut and has its control characters escaped.

use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use std::fmt::{self, Write as _};

/// Where reports go.
pub const CLIENT_ERRORS_PATH: &str = "/client-errors";

/// The most bytes of a report; more are refused while they are read.
pub const CLIENT_ERROR_MAX_BYTES: u64 = 32 * 1024;

/// The longest text of one field in a log line, in characters.
const RENDERED_FIELD_LIMIT: usize = 1000;

/// One error of a page, values as they came. [`fmt::Display`] gives the line for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientErrorReport {
    #[serde(rename = "type")]
    pub kind: String,
    pub message: String,
    pub stack: String,
    pub filename: String,
    pub lineno: i64,
    pub colno: i64,
    pub page_url: String,
    pub user_agent: String,
    pub timestamp: String,
    pub correlation_id: String,
}

/// What the headers of a report are answered with before its body is read; nothing if it may be read.
pub fn refusal(headers: &HeaderMap) -> Option<StatusCode> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !text(header::CONTENT_TYPE).trim().to_ascii_lowercase().starts_with("application/json") {
        return Some(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let declared = text(header::CONTENT_LENGTH).parse::<u64>();
    declared.is_ok_and(|length| length > CLIENT_ERROR_MAX_BYTES).then_some(StatusCode::PAYLOAD_TOO_LARGE)
}

impl ClientErrorReport {
    /// Reads a report; nothing if the body is no JSON object. Such a body is accepted all the same: the page that sent it would
    /// only send it again. The correlation id may come in the header `x-correlation-id`.
    pub fn parse(body: &[u8], headers: &HeaderMap) -> Option<Self> {
        let payload: Value = serde_json::from_str(&String::from_utf8_lossy(body)).ok()?;
        let payload = payload.as_object()?;
        let text = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let or = |text: String, default: &str| if text.is_empty() { default.to_owned() } else { text };
        let correlation = headers.get("x-correlation-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
        Some(Self {
            kind: or(text("type"), "error"),
            message: or(text("message"), "Client error"),
            stack: text("stack"),
            filename: text("filename"),
            lineno: whole(payload.get("lineno")),
            colno: whole(payload.get("colno")),
            page_url: text("pageUrl"),
            user_agent: text("userAgent"),
            timestamp: text("timestamp"),
            correlation_id: or(text("correlationId"), correlation.trim()),
        })
    }
}

/// A number without its fraction; zero for what is none.
#[expect(clippy::cast_possible_truncation, reason = "a number beyond all lines may saturate")]
fn whole(value: Option<&Value>) -> i64 {
    value.and_then(Value::as_f64).map_or(0, |number| number.trunc() as i64)
}

impl fmt::Display for ClientErrorReport {
    /// `type: message at file:line:column (correlation)`, and the first line of the stack below unless the message has it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", Rendered(&self.kind), Rendered(&self.message))?;
        if !self.filename.is_empty() {
            write!(formatter, " at {}:{}:{}", Rendered(&self.filename), self.lineno, self.colno)?;
        }
        if !self.correlation_id.is_empty() {
            write!(formatter, " ({})", Rendered(&self.correlation_id))?;
        }
        match self.stack.split('\n').map(str::trim).find(|line| !line.is_empty()) {
            Some(line) if !self.message.contains(line) => write!(formatter, "\n  {}", Rendered(line)),
            _ => Ok(()),
        }
    }
}

/// A field that is safe to show on a terminal.
struct Rendered<'a>(&'a str);

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(RENDERED_FIELD_LIMIT) {
            match character {
                '\n' => formatter.write_str("\\n")?,
                '\r' => formatter.write_str("\\r")?,
                '\t' => formatter.write_str("\\t")?,
                '\u{2028}' | '\u{2029}' => write!(formatter, "\\u{:04x}", u32::from(character))?,
                control if control.is_control() => write!(formatter, "\\x{:02x}", u32::from(control))?,
                other => formatter.write_char(other)?,
            }
        }
        if characters.next().is_some() { formatter.write_char('\u{2026}') } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{CLIENT_ERROR_MAX_BYTES, ClientErrorReport, refusal};
    use http::{HeaderMap, HeaderName, HeaderValue};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn report(payload: &Value) -> ClientErrorReport {
        ClientErrorReport::parse(payload.to_string().as_bytes(), &HeaderMap::new()).unwrap()
    }

    #[test]
    fn headers_are_judged_before_the_body() {
        let status = |pairs: &[(&'static str, &str)]| refusal(&headers(pairs)).map(|status| status.as_u16());
        let json = ("content-type", " Application/JSON; charset=utf-8");
        let limit = CLIENT_ERROR_MAX_BYTES.to_string();
        assert_eq!(status(&[json, ("content-length", &limit)]), None);
        assert_eq!(status(&[json, ("content-length", "32769")]), Some(413));
        assert_eq!(status(&[("content-type", "text/plain")]), Some(415));
        assert_eq!(status(&[]), Some(415));
    }

    #[test]
    fn what_is_missing_or_wrong_is_filled_in() {
        let empty = json!({
            "type": "error", "message": "Client error", "stack": "", "filename": "", "lineno": 0, "colno": 0,
            "pageUrl": "", "userAgent": "", "timestamp": "", "correlationId": "",
        });
        assert_eq!(json!(report(&json!({"type": 4, "lineno": "7", "stack": null}))), empty);
        let full = json!({
            "type": "t", "message": "m", "stack": "s", "filename": "f", "lineno": 7, "colno": -2,
            "pageUrl": "p", "userAgent": "u", "timestamp": "d", "correlationId": "c",
        });
        let mut sent = full.clone();
        sent["lineno"] = json!(7.9);
        sent["colno"] = json!(-2.9);
        assert_eq!(json!(report(&sent)), full);
    }

    #[test]
    fn the_correlation_may_come_in_a_header() {
        let headers = headers(&[("x-correlation-id", " from-header ")]);
        let id = |body: &str| ClientErrorReport::parse(body.as_bytes(), &headers).unwrap().correlation_id;
        assert_eq!(id("{}"), "from-header");
        assert_eq!(id("{\"correlationId\":\"own\"}"), "own");
    }

    #[test]
    fn what_is_no_object_is_dropped() {
        for body in ["", " ", "{", "[]", "4", "null", "\"text\""] {
            assert_eq!(ClientErrorReport::parse(body.as_bytes(), &HeaderMap::new()), None, "{body}");
        }
    }

    #[test]
    fn lines_say_where_and_escape_controls() {
        let full = json!({
            "type": "TypeError", "message": "a\nb\u{1b}[31m\u{85}\u{2028}\t", "filename": "/x.js", "lineno": 3, "colno": 9,
            "correlationId": "id\r", "stack": "\n \n  at f (x.js)\nmore",
        });
        let line = "TypeError: a\\nb\\x1b[31m\\x85\\u2028\\t at /x.js:3:9 (id\\r)\n  at f (x.js)";
        assert_eq!(report(&full).to_string(), line);
        assert_eq!(report(&json!({"message": "boom at f", "stack": "at f"})).to_string(), "error: boom at f");
    }

    #[test]
    fn fields_are_cut() {
        let line = report(&json!({"message": "x".repeat(1001)})).to_string();
        assert_eq!(line, format!("error: {}\u{2026}", "x".repeat(1000)));
        let line = report(&json!({"message": "x".repeat(1000)})).to_string();
        assert_eq!(line, format!("error: {}", "x".repeat(1000)));
    }

    proptest! {
        #[test]
        fn any_report_is_one_or_two_clean_lines(body in "\\PC{0,60}|.{0,60}", message in any::<String>(), stack in any::<String>()) {
            ClientErrorReport::parse(body.as_bytes(), &HeaderMap::new());
            let line = report(&json!({"message": message, "stack": stack, "filename": stack})).to_string();
            prop_assert!(line.lines().count() <= 2);
            prop_assert!(!line.chars().any(|character| character.is_control() && character != '\n'));
        }
    }
}
