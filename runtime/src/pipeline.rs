//! From a request to its response.
//!
//! In this order: the built-in endpoints, a route, a view, a published file. Every response carries the id of its request, and belongs
//! to one state of the server: what was served, and how it was configured, when the request came.

mod endpoint;
mod forwarded;
mod live;
mod message;
mod published;
mod route;
mod view;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS,
};
use http::header::{ALLOW, ORIGIN, VARY};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use uuid::Uuid;

use crate::host::HostError;
use crate::live::Injection;
use crate::metrics::{STATIC_ROUTE, UNMATCHED_ROUTE};
use crate::response::{self, Body, REQUEST_ID};
use crate::route::{Found, RequestPath};
use crate::session::{CommitError, StoreError};
use crate::site;
use crate::state::{Serving, State};

pub(crate) use live::Endless;

/// One request, as the parts of the pipeline see it.
struct Exchange {
    state: Arc<State>,
    serving: Arc<Serving>,
    id: String,
    /// As it was sent; `HEAD` is answered like `GET`, without a body.
    method: Method,
    headers: HeaderMap,
    uri: http::Uri,
    body: Option<Incoming>,
    /// The scheme and authority that the client used.
    origin: String,
}

/// Why a request is answered with an error of the server.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Result(#[from] crate::response::ResultError),
    #[error(transparent)]
    Document(#[from] crate::document::DocumentError),
    #[error("A published file cannot be read: {0}")]
    Asset(io::Error),
    #[error("The dispatcher answered in a way that cannot be read: {0}")]
    Reply(#[from] serde_json::Error),
}

/// Answers one request.
pub(crate) async fn answer(state: Arc<State>, request: Request<Incoming>) -> Response<Body> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    // Before what is served: a page that says a revision is never of an earlier one.
    let injection = state.live.as_ref().map(|live| Injection::new(live, &parts.method, &parts.headers));
    let serving = state.serving();
    let configured = Arc::clone(&serving.configured);
    let _in_flight = configured.metrics.begin();
    let origin = forwarded::origin(&parts);
    let exchange = Exchange {
        id: request_id(&parts.headers),
        method: parts.method,
        headers: parts.headers,
        uri: parts.uri,
        body: Some(body),
        origin,
        state,
        serving,
    };
    let id = HeaderValue::from_str(&exchange.id).unwrap_or(HeaderValue::from_static("invalid"));
    let mut response = exchange.run(started).await;
    if let Some(injection) = injection {
        response = injection.apply(response).await;
    }
    configured.security.complete(response.headers_mut());
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// That of the client when it is short and plain, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    const LONGEST: usize = 128;
    let sent = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::trim);
    let is_plain = |id: &&str| {
        !id.is_empty()
            && id.len() <= LONGEST
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&byte))
    };
    sent.filter(is_plain).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

impl Exchange {
    async fn run(mut self, started: Instant) -> Response<Body> {
        if let Some(refusal) = self.live_refusal() {
            return refusal;
        }
        let path = self.uri.path().to_owned();
        let Ok(path) = RequestPath::parse(&path) else {
            return response::error(
                StatusCode::BAD_REQUEST,
                "bad_request",
                Some("The path of the request is not valid"),
            );
        };
        if let Some(response) = self.built_in(path.as_str()).await {
            return response;
        }
        if self.state.live.is_some() && !self.serving.is_deployed {
            if let Some(response) = self.live_shared(path.as_str()) {
                return response;
            }
            let response = self.nothing_deployed();
            self.completed(UNMATCHED_ROUTE, &response, started);
            return response;
        }
        let application = Arc::clone(&self.serving.application);
        let found = application.routes().find(&self.method, &path);
        let view = application.views().find(&Method::GET, &path);
        let site = application.site().filter(|_| !site::is_api(&path));
        match found {
            Found::Route { index, parameters } => {
                let label = application.route(index).name.clone();
                let response = self.call_route(&application, index, parameters, path.as_str()).await;
                self.completed(&label, &response, started);
                response
            }
            other => {
                if let Found::Route { index, parameters } = view {
                    // A view without a loader has nothing to say about the page that is published for its path.
                    let is_published = !application.view(index).has_loader
                        && site.is_some_and(|site| site.pages().declares(&application.view(index).pattern));
                    if self.is_read() && !is_published {
                        let label = application.view(index).name.clone();
                        let response = self.call_view(&application, index, &parameters, &path).await;
                        self.completed(&label, &response, started);
                        return response;
                    }
                    if self.method != Method::OPTIONS && !is_published {
                        return self.unmatched(&path, &[Method::GET, Method::HEAD], started);
                    }
                }
                if let Some(response) = self.live_shared(path.as_str()) {
                    return response;
                }
                if self.method == Method::OPTIONS {
                    return self.preflight();
                }
                if let Some(site) = site.filter(|_| self.is_read()) {
                    if let Some(response) = self.published_file(site, &path).await {
                        self.completed(STATIC_ROUTE, &response, started);
                        return response;
                    }
                    if other == Found::Nothing {
                        let response = self.nothing_published(site).await;
                        self.completed(UNMATCHED_ROUTE, &response, started);
                        return response;
                    }
                }
                let allowed = if let Found::OtherMethods(methods) = other { methods } else { Vec::new() };
                self.unmatched(&path, &allowed, started)
            }
        }
    }

    /// Nothing serves it, or nothing with its method.
    fn unmatched(&self, path: &RequestPath<'_>, allowed: &[Method], started: Instant) -> Response<Body> {
        let response = if allowed.is_empty() {
            response::not_found(path.as_str())
        } else {
            let body = json!({ "error": "method_not_allowed", "path": path.as_str() });
            let mut response = response::json(StatusCode::METHOD_NOT_ALLOWED, &body);
            let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
            if let Ok(names) = HeaderValue::from_str(&names.join(", ")) {
                response.headers_mut().insert(ALLOW, names);
            }
            response
        };
        self.completed(UNMATCHED_ROUTE, &response, started);
        response
    }

    /// What a browser asks before a request to another origin. Only in development is the answer yes.
    fn preflight(&self) -> Response<Body> {
        let mut response = response::status(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        headers
            .insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"));
        let asked = self.headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or(HeaderValue::from_static("content-type")));
        headers.insert(VARY, HeaderValue::from_static("origin, access-control-request-headers"));
        if self.serving.configured.settings.mode.is_development()
            && let Some(origin) = self.headers.get(ORIGIN)
        {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        response
    }

    fn completed(&self, label: &str, response: &Response<Body>, started: Instant) {
        let status = response.status().as_u16();
        let duration = started.elapsed();
        self.serving.configured.metrics.record(&self.method, label, response.status(), duration);
        tracing::info!(
            requestId = self.id,
            method = self.method.as_str(),
            path = self.uri.path(),
            route = label,
            status,
            // Microseconds are enough.
            durationMs = (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0,
            "request.completed"
        );
    }

    /// An error of the server: logged with everything, answered with what a stranger may know.
    fn failed(&self, label: &str, failure: &Failure) -> Response<Body> {
        let (kind, stack, message) = match failure {
            Failure::Host(error) => (error.kind(), error.stack(), error.message()),
            other => ("ServerError", other.to_string(), other.to_string()),
        };
        let record = json!({
            "message": "request handler failed",
            "fields": {
                "requestId": self.id,
                "method": self.method.as_str(),
                "path": self.uri.path(),
                "route": label,
                "err": { "type": kind, "message": message, "stack": stack },
            },
        })
        .to_string();
        tracing::error!(record = record.as_str());
        let (status, code) = match failure {
            Failure::Host(HostError::Stopped { .. } | HostError::Memory { .. } | HostError::Unavailable(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "service_unavailable")
            }
            Failure::Host(HostError::Lost) => (StatusCode::BAD_GATEWAY, "bad_gateway"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
        };
        let told = match failure {
            // What was thrown may name anything; a value that is no error has no message.
            Failure::Host(HostError::Thrown(thrown)) => thrown.name.is_some().then_some(message),
            _ => Some(message),
        };
        if self.serving.configured.settings.mode.is_production() {
            return response::error(status, code, None);
        }
        response::error(status, code, told.as_deref())
    }
}
