//! Results and the responses they become.

use http_body_util::BodyExt;

use super::*;

struct Shown {
    status: u16,
    headers: Vec<String>,
    body: String,
}

fn outcome(result: &Value, body: Option<&str>) -> Result<Outcome, ResultError> {
    let result: HandlerResult = serde_json::from_value(result.clone()).unwrap();
    result.into_outcome(body.map(|body| Bytes::from(body.to_owned())))
}

fn show(result: &Value, body: Option<&str>) -> Shown {
    let response = outcome(result, body).unwrap().response;
    let (parts, body) = response.into_parts();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let body = runtime.block_on(body.collect()).unwrap().to_bytes();
    Shown {
        status: parts.status.as_u16(),
        headers: parts.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

#[test]
fn payloads_have_a_type_unless_the_handler_gave_one() {
    for (payload, content_type) in
        [("text", "text/html; charset=utf-8"), ("json", "application/json"), ("bytes", "application/octet-stream")]
    {
        let shown = show(&json!({ "payload": payload }), Some("x"));
        assert_eq!(
            (shown.status, shown.headers, shown.body),
            (200, vec![format!("content-type: {content_type}")], "x".into())
        );
        let shown =
            show(&json!({ "payload": payload, "headers": [["Content-Type", "a/b"]], "status": 201 }), Some("x"));
        assert_eq!((shown.status, shown.headers), (201, vec!["content-type: a/b".to_owned()]));
    }
    let shown = show(&json!({ "payload": "none" }), None);
    assert_eq!((shown.status, shown.headers.len(), shown.body.as_str()), (200, 0, ""));
}

#[test]
fn a_redirect_beats_errors_and_body() {
    let shown = show(&json!({ "location": "/a b\u{e4}", "errors": [{}], "payload": "text" }), None);
    assert_eq!((shown.status, shown.body.as_str()), (303, ""));
    assert_eq!(shown.headers, ["location: /a%20b%C3%A4"]);
    let shown = show(&json!({ "location": "/new", "status": 301, "headers": [["Location", "/old"]] }), None);
    assert_eq!((shown.status, shown.headers), (301, vec!["location: /new".to_owned()]));
    assert!(outcome(&json!({ "location": "/", "errors": [] }), None).unwrap().has_errors);
}

#[test]
fn s11_errors_are_json_whatever_else_is_there() {
    let shown = show(&json!({ "errors": [], "payload": "text" }), None);
    assert_eq!(shown.status, 400);
    assert_eq!(
        (shown.headers, shown.body.as_str()),
        (vec!["content-type: application/json".to_owned()], r#"{"errors":[]}"#)
    );
}

#[test]
fn fragments_carry_their_headers() {
    let fragment = json!({ "target": " list ", "selector": "#a", "mode": "append" });
    let mut shown = show(&json!({ "fragment": fragment, "payload": "text" }), Some("<li>"));
    shown.headers.sort();
    assert_eq!(
        shown.headers,
        [
            "cache-control: no-store",
            "content-type: text/html; charset=utf-8",
            "x-webstir-fragment-cache: bypass",
            "x-webstir-fragment-mode: append",
            "x-webstir-fragment-selector: #a",
            "x-webstir-fragment-target: list",
        ]
    );
    let shown = show(
        &json!({ "fragment": { "target": "a" }, "payload": "text", "headers": [["cache-control", "private"]] }),
        Some(""),
    );
    assert!(shown.headers.contains(&"cache-control: private".to_owned()), "{:?}", shown.headers);
}

#[test]
fn an_invalid_fragment_names_what_is_wrong() {
    let cases = [
        (json!({ "target": " " }), "text", json!(["target"])),
        (json!({ "target": "a", "selector": 1 }), "text", json!(["selector"])),
        (json!({ "target": "a", "mode": "swap" }), "text", json!(["mode"])),
        (json!({ "target": "a" }), "none", json!(["body"])),
        (json!({}), "none", json!(["target", "body"])),
    ];
    for (fragment, payload, details) in cases {
        let shown = show(&json!({ "fragment": fragment, "payload": payload }), Some("x"));
        let body: Value = serde_json::from_str(&shown.body).unwrap();
        assert_eq!((shown.status, &body["errors"][0]["details"]), (500, &details));
        assert_eq!(shown.headers, ["content-type: application/json"]);
    }
    assert_eq!(show(&json!({ "fragment": {}, "status": 422 }), None).status, 422);
    assert_eq!(show(&json!({ "fragment": {}, "status": 200 }), None).status, 500);
}

#[test]
fn what_cannot_be_sent_is_an_error_before_anything_is_committed() {
    for status in [json!(99), json!(101), json!(600), json!("200"), json!(200.5), json!(-1)] {
        assert!(matches!(outcome(&json!({ "status": status }), None), Err(ResultError::Status(_))), "{status}");
    }
    assert_eq!(show(&json!({ "status": 204.0, "payload": "text" }), Some("x")).body, "");
    for header in [["a b", "c"], ["a", "b\r\nc: d"], ["", "x"], ["a", "\u{0}"]] {
        assert!(matches!(outcome(&json!({ "headers": [header] }), None), Err(ResultError::Header(_))), "{header:?}");
    }
}

#[test]
fn cookies_may_be_several_and_lengths_are_ours() {
    let shown = show(
        &json!({ "headers": [["set-cookie", "a=1"], ["Set-Cookie", "b=2"], ["Content-Length", "7"], ["Connection", "x"]] }),
        None,
    );
    assert_eq!(shown.headers, ["set-cookie: a=1", "set-cookie: b=2"]);
}
