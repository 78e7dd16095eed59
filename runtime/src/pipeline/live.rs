//! What the server itself has for browsers while a workspace is edited.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, RETRY_AFTER};
use http::uri::Authority;
use http::{HeaderValue, Method, Response, StatusCode};

use super::Exchange;
use super::published::accepts_html;
use crate::live::{EVENTS_PATH, Live, SCRIPT, SCRIPT_PATH, SHARED_EVENTS_PATH};
use crate::response::{self, Body, HTML};

const JAVASCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// What a page says of itself in the query.
const REVISION: &str = "revision";

/// Marks a response that ends with the server and not before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endless;

/// What a browser sees where nothing was ever served. The script that it is given tells the rest.
const WAITING: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Waiting for a build</title>
</head>
<body>
<p>There is no build to serve yet. This page loads again when there is one.</p>
</body>
</html>
"#;

impl Exchange {
    /// What a request for a name gets that is not this machine's.
    pub(super) fn live_refusal(&self) -> Option<Response<Body>> {
        let live = self.state.live.as_ref()?;
        let named = self.headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
        let authority = self.uri.authority().map(Authority::as_str).or(named);
        if live.answers_to(authority) {
            return None;
        }
        let host = authority.unwrap_or_default();
        let told = format!(
            "While a workspace is edited this server answers to addresses and to `localhost`, not to `{host}`. `--allow-host` allows it"
        );
        Some(response::error(StatusCode::FORBIDDEN, "forbidden_host", Some(&told)))
    }

    /// What nothing of the user's can stand before. None when the path is none of these.
    pub(super) fn live_built_in(&self, path: &str) -> Option<Response<Body>> {
        let live = self.state.live.as_ref()?;
        match path {
            SCRIPT_PATH => Some(self.read_only(|| {
                let mut response = response::text(StatusCode::OK, JAVASCRIPT, SCRIPT);
                response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
                response
            })),
            EVENTS_PATH => Some(self.read_only(|| self.events(live))),
            _ => None,
        }
    }

    /// The path at which others listen, once the module has no route for it.
    pub(super) fn live_shared(&self, path: &str) -> Option<Response<Body>> {
        let live = self.state.live.as_ref().filter(|_| self.is_read() && path == SHARED_EVENTS_PATH)?;
        Some(self.events(live))
    }

    fn read_only(&self, answer: impl FnOnce() -> Response<Body>) -> Response<Body> {
        if self.is_read() {
            return answer();
        }
        let mut response = response::error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", None);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        response
    }

    fn events(&self, live: &Live) -> Response<Body> {
        let mut response = response::status(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, EVENT_STREAM);
        headers.insert(CACHE_CONTROL, NO_STORE);
        // Proxies would wait for more.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        if self.method == Method::GET {
            *response.body_mut() = live.subscribe(self.known_revision().as_deref()).into_body();
            response.extensions_mut().insert(Endless);
        }
        response
    }

    /// What a browser last heard of counts more than what its page was made at.
    fn known_revision(&self) -> Option<String> {
        let heard = self.headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
        let query = self.uri.query().unwrap_or("");
        let of_page = || form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == REVISION);
        heard.map(str::to_owned).or_else(|| of_page().map(|(_, value)| value.into_owned()))
    }

    /// What everything gets until something can be served.
    pub(super) fn nothing_deployed(&self) -> Response<Body> {
        let mut response = if self.is_read() && accepts_html(&self.headers) {
            response::text(StatusCode::SERVICE_UNAVAILABLE, HTML, WAITING)
        } else {
            let told = "There is no build to serve yet";
            response::error(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", Some(told))
        };
        response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        response
    }
}
