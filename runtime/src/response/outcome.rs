//! A handler's result.
//!
//! The dispatcher describes what a handler returned as a [`HandlerResult`]; it becomes an [`Outcome`]: a response without its
//! cookies, and what flash messages depend on. Nothing is committed before the outcome is known to be valid.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use http::{Response, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, HTML, JSON, empty, full};

/// What a handler or a hook returned.
#[derive(Debug, Deserialize)]
pub(crate) struct HandlerResult {
    #[serde(default)]
    pub(crate) status: Value,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) payload: Payload,
    #[serde(default)]
    location: Option<String>,
    #[serde(default)]
    errors: Option<Value>,
    #[serde(default)]
    fragment: Option<Fragment>,
    /// It was a `Response`: nothing is added to it.
    #[serde(default)]
    response: bool,
}

/// What kind of body comes with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Payload {
    #[default]
    None,
    Text,
    Json,
    Bytes,
    /// The pieces follow.
    Stream,
}

#[derive(Debug, Deserialize)]
struct Fragment {
    #[serde(default)]
    target: Value,
    #[serde(default)]
    selector: Value,
    #[serde(default)]
    mode: Value,
}

/// A response that may be sent.
pub(crate) struct Outcome {
    pub(crate) response: Response<Body>,
    pub(crate) has_errors: bool,
    /// Fragments publish no flash.
    pub(crate) is_fragment: bool,
}

/// What a handler must not return.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResultError {
    #[error("The handler returned the status {0}; a status is a whole number from 200 to 599")]
    Status(String),
    #[error("The handler returned the header `{0}`, which is not valid")]
    Header(String),
}

const FRAGMENT_CACHE: HeaderName = HeaderName::from_static("x-webstir-fragment-cache");
const FRAGMENT_TARGET: HeaderName = HeaderName::from_static("x-webstir-fragment-target");
const FRAGMENT_SELECTOR: HeaderName = HeaderName::from_static("x-webstir-fragment-selector");
const FRAGMENT_MODE: HeaderName = HeaderName::from_static("x-webstir-fragment-mode");

/// What may not stand in a header as it is. Everything else of a location is the handler's business.
const LOCATION_ESCAPES: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

impl HandlerResult {
    /// Fragment, redirect, errors, payload: in this order.
    pub(crate) fn into_outcome(self, body: Option<Bytes>) -> Result<Outcome, ResultError> {
        let declared = self.declared_status()?;
        let mut headers = self.handler_headers()?;
        if self.response {
            let status = declared.unwrap_or(StatusCode::OK);
            return Ok(Outcome { response: assemble(status, headers, body), has_errors: false, is_fragment: false });
        }
        let is_fragment = self.fragment.is_some();
        if let Some(fragment) = &self.fragment {
            match fragment.headers(self.payload) {
                Ok(fragment) => headers.extend(fragment),
                Err(details) => {
                    let status = declared.filter(|status| status.as_u16() >= 400);
                    return Ok(invalid_fragment(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &details));
                }
            }
            if !headers.contains_key(CACHE_CONTROL) {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
        }
        let has_errors = self.errors.is_some();
        if let Some(location) = &self.location {
            let escaped = utf8_percent_encode(location, LOCATION_ESCAPES).to_string();
            let location = HeaderValue::from_str(&escaped).map_err(|_| ResultError::Header("location".to_owned()))?;
            headers.insert(LOCATION, location);
            let response = assemble(declared.unwrap_or(StatusCode::SEE_OTHER), headers, None);
            return Ok(Outcome { response, has_errors, is_fragment });
        }
        if let Some(errors) = &self.errors {
            headers.entry(CONTENT_TYPE).or_insert(JSON);
            let body = json!({ "errors": errors }).to_string();
            let response = assemble(declared.unwrap_or(StatusCode::BAD_REQUEST), headers, Some(body.into()));
            return Ok(Outcome { response, has_errors, is_fragment });
        }
        let content_type = match self.payload {
            Payload::None | Payload::Stream => None,
            Payload::Text => Some(HTML),
            Payload::Json => Some(JSON),
            Payload::Bytes => Some(HeaderValue::from_static("application/octet-stream")),
        };
        if let Some(content_type) = content_type {
            headers.entry(CONTENT_TYPE).or_insert(content_type);
        }
        Ok(Outcome { response: assemble(declared.unwrap_or(StatusCode::OK), headers, body), has_errors, is_fragment })
    }

    fn declared_status(&self) -> Result<Option<StatusCode>, ResultError> {
        if self.status.is_null() {
            return Ok(None);
        }
        let status = self.status.as_u64().or_else(|| {
            let number = self.status.as_f64().filter(|number| number.fract() == 0.0)?;
            format!("{number}").parse().ok()
        });
        let valid = status.and_then(|status| u16::try_from(status).ok()).filter(|status| (200..600).contains(status));
        let status = valid.and_then(|status| StatusCode::from_u16(status).ok());
        status.map(Some).ok_or_else(|| ResultError::Status(self.status.to_string()))
    }

    /// A name that comes twice is sent twice.
    fn handler_headers(&self) -> Result<HeaderMap, ResultError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let refused = || ResultError::Header(name.escape_default().to_string());
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
            let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| refused())?;
            // The length is known here, and how bodies are delimited is not the handler's business.
            if !matches!(key.as_str(), "content-length" | "transfer-encoding" | "connection" | "keep-alive" | "upgrade")
            {
                headers.append(key, value);
            }
        }
        Ok(headers)
    }
}

impl Fragment {
    /// The headers; else what is wrong.
    fn headers(&self, payload: Payload) -> Result<HeaderMap, Vec<&'static str>> {
        let text = |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).and_then(header);
        let target = text(&self.target);
        let selector = text(&self.selector);
        let mode = self.mode.as_str().filter(|mode| ["replace", "append", "prepend"].contains(mode)).and_then(header);
        let mut wrong = Vec::new();
        if target.is_none() {
            wrong.push("target");
        }
        if selector.is_none() && !self.selector.is_null() {
            wrong.push("selector");
        }
        if mode.is_none() && !self.mode.is_null() {
            wrong.push("mode");
        }
        if payload == Payload::None {
            wrong.push("body");
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut headers = HeaderMap::new();
        headers.insert(FRAGMENT_CACHE, HeaderValue::from_static("bypass"));
        for (name, value) in [(FRAGMENT_TARGET, target), (FRAGMENT_SELECTOR, selector), (FRAGMENT_MODE, mode)] {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        Ok(headers)
    }
}

fn header(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}

fn invalid_fragment(status: StatusCode, details: &[&str]) -> Outcome {
    let errors = json!({ "errors": [{
        "code": "invalid_fragment_response",
        "message": "Fragment responses require a non-empty target, supported mode, and body.",
        "details": details,
    }] });
    let response = super::json(status, &errors);
    Outcome { response, has_errors: true, is_fragment: true }
}

fn assemble(status: StatusCode, headers: HeaderMap, body: Option<Bytes>) -> Response<Body> {
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED);
    let mut response = Response::new(match body {
        Some(bytes) if !bodiless => full(bytes),
        _ => empty(),
    });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().remove(CONTENT_LENGTH);
    response
}

#[cfg(test)]
mod tests;
