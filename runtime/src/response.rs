//! Responses: what the server says itself, and what a handler's result becomes.

mod outcome;

use std::io;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use serde_json::{Value, json};

use crate::host::Chunks;

pub(crate) use outcome::{HandlerResult, Outcome, Payload, ResultError};

/// The body of a response. An error in it ends the connection.
pub type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, io::Error>;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body that cannot be given.
pub(crate) fn failing(error: io::Error) -> Body {
    StreamBody::new(futures_util::stream::once(std::future::ready(Err(error)))).boxed_unsync()
}

/// A body that arrives in pieces; `kept` lives as long as it does.
pub(crate) fn stream<K: Send + 'static>(chunks: Chunks, kept: K) -> Body {
    let pieces = futures_util::stream::unfold((chunks, kept), |(mut chunks, kept)| async move {
        chunks.recv().await.map(|chunk| (chunk, (chunks, kept)))
    });
    StreamBody::new(pieces.map(|chunk| chunk.map(Frame::data))).boxed_unsync()
}

pub(crate) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(empty());
    *response.status_mut() = status;
    response
}

pub(crate) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(full(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

pub(crate) fn text(status: StatusCode, content_type: HeaderValue, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// `{"error": code, "message": message}`; without a message when there is none to tell.
pub(crate) fn error(status: StatusCode, code: &str, message: Option<&str>) -> Response<Body> {
    let mut body = json!({ "error": code });
    if let Some(message) = message {
        body["message"] = json!(message);
    }
    json(status, &body)
}

pub(crate) fn not_found(path: &str) -> Response<Body> {
    json(StatusCode::NOT_FOUND, &json!({ "error": "not_found", "path": path }))
}
