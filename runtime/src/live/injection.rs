//! Giving documents the script.
//!
//! It is added at the end of the body: to a document in memory before the last `</body>`, to one that is streamed after everything else.
//! What a page's script fetches is left as it is, for only a document that is shown runs the script.

mod appending;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, LAST_MODIFIED,
};
use http::{Method, Response};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::{Live, SCRIPT_PATH};
use crate::response::{self, Body};
use appending::Appending;

/// What the answer to one request is given.
pub(crate) struct Injection {
    /// What the page is of at least: taken before the application that answers.
    revision: String,
    is_head: bool,
    is_shown: bool,
}

const FETCH_DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// What names bytes that are no longer those.
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];
const BODY_END: &[u8] = b"</body>";

impl Injection {
    pub(crate) fn new(live: &Live, method: &Method, headers: &HeaderMap) -> Self {
        let destination = headers.get(FETCH_DESTINATION).map(HeaderValue::as_bytes);
        Self {
            revision: live.revision(),
            is_head: *method == Method::HEAD,
            is_shown: destination
                .is_none_or(|name| matches!(name, b"document" | b"embed" | b"frame" | b"iframe" | b"object")),
        }
    }

    /// The response with the script, where it is a document that is shown.
    pub(crate) async fn apply(&self, response: Response<Body>) -> Response<Body> {
        if !self.is_shown || !takes_a_script(&response) {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        forget_bytes(&mut parts.headers);
        let body = match body.size_hint().exact() {
            // What GET would have is not here to be measured.
            Some(0) if self.is_head => body,
            Some(_) => match body.collect().await {
                Ok(collected) => response::full(self.inserted(collected.to_bytes())),
                Err(error) => response::failing(error),
            },
            None => Appending::new(body, self.element()).boxed_unsync(),
        };
        Response::from_parts(parts, body)
    }

    fn element(&self) -> Bytes {
        format!(r#"<script src="{SCRIPT_PATH}" defer data-revision="{}"></script>"#, self.revision).into()
    }

    fn inserted(&self, document: Bytes) -> Bytes {
        if find(&document, SCRIPT_PATH.as_bytes()) {
            return document;
        }
        let end = document.windows(BODY_END.len()).rposition(|window| window.eq_ignore_ascii_case(BODY_END));
        let (before, after) = document.split_at(end.unwrap_or(document.len()));
        [before, &self.element(), after].concat().into()
    }
}

/// Whether it is a whole document whose bytes are text.
fn takes_a_script(response: &Response<Body>) -> bool {
    let headers = response.headers();
    let status = response.status();
    let is_encoded = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    let has_document = !status.is_redirection() && !status.is_informational() && status.as_u16() != 204;
    has_document
        && !is_encoded
        && !headers.contains_key(CONTENT_RANGE)
        && headers.get(CONTENT_TYPE).is_some_and(is_html)
}

/// Whether it is HTML in an encoding that has ASCII in it.
pub(crate) fn is_html(content_type: &HeaderValue) -> bool {
    let text = content_type.as_bytes();
    let essence = text.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let is_wide = text.to_ascii_lowercase().windows(6).any(|window| window == b"utf-16" || window == b"utf-32");
    essence.eq_ignore_ascii_case(b"text/html") && !is_wide
}

/// The document has other bytes at each revision: it is neither kept nor asked for in part.
fn forget_bytes(headers: &mut HeaderMap) {
    for name in [CONTENT_LENGTH, ETAG, LAST_MODIFIED, ACCEPT_RANGES].iter().chain(&DIGESTS) {
        headers.remove(name);
    }
    let is_kept = |value: &HeaderValue| !value.to_str().is_ok_and(|text| text.contains("no-store"));
    if headers.get(CACHE_CONTROL).is_none_or(is_kept) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn find(text: &[u8], sought: &[u8]) -> bool {
    text.windows(sought.len()).any(|window| window == sought)
}

#[cfg(test)]
mod tests;
