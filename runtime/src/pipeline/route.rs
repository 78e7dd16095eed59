//! A request that a route serves.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HOST, ORIGIN, SET_COOKIE};
use http::{HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::message::{Bindings, Details, RequestMessage, RouteCall, SessionMessage, body_message, header_list};
use super::{Exchange, Failure};
use crate::application::{Application, Route};
use crate::body::{Body as RequestBody, BodyError, BodyLimits, parse_query};
use crate::host::{OpenCall, Sender};
use crate::response::{self, Body, HandlerResult, Outcome, Payload};
use crate::session::{CommitContext, CommitError, FlashOutcome, OpenSession, SessionChange};

/// What the dispatcher answered: a result of the handler or of a hook, or why neither was asked.
#[derive(Deserialize)]
struct Reply<'a> {
    source: Source,
    #[serde(default)]
    result: Option<HandlerResult>,
    #[serde(borrow)]
    session: &'a RawValue,
    /// The tokens of forms that the handler accepted.
    #[serde(default)]
    spent: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    Handler,
    Hook,
    SessionRequired,
    Csrf,
}

#[derive(Deserialize)]
struct Replaced {
    value: Map<String, Value>,
    form: Option<Map<String, Value>>,
}

/// Reads `"unchanged"`, null, or what to store.
pub(super) fn session_change(text: &str) -> Result<SessionChange, serde_json::Error> {
    match text {
        "\"unchanged\"" => Ok(SessionChange::Unchanged),
        "null" => Ok(SessionChange::Cleared),
        text => {
            let Replaced { value, form } = serde_json::from_str(text)?;
            Ok(SessionChange::Replaced { value, form })
        }
    }
}

impl Exchange {
    pub(super) async fn call_route(
        &mut self,
        application: &Arc<Application>,
        index: usize,
        parameters: Vec<(String, String)>,
        path: &str,
    ) -> Response<Body> {
        let route = application.route(index);
        // Before session, hooks and authentication.
        let body = match self.read_body().await {
            Ok(body) => body,
            Err(error) => return refused(&error),
        };
        match self.run_route(application, route, parameters, path, body).await {
            Ok(response) => response,
            Err(failure) => self.failed(&route.name, &failure),
        }
    }

    async fn read_body(&mut self) -> Result<RequestBody, BodyError> {
        let Some(incoming) = self.body.take().filter(|_| self.method != Method::GET && self.method != Method::HEAD)
        else {
            return Ok(RequestBody::Empty);
        };
        let limits = BodyLimits::of_total(self.serving.configured.settings.body_limit);
        let read = RequestBody::read(&self.headers, incoming, &limits);
        timeout(self.state.limits.body, read).await.unwrap_or(Err(BodyError::Interrupted))
    }

    async fn run_route(
        &self,
        application: &Arc<Application>,
        route: &Route,
        parameters: Vec<(String, String)>,
        path: &str,
        body: RequestBody,
    ) -> Result<Response<Body>, Failure> {
        let opened = self.serving.configured.sessions().open(&self.headers).await?;
        let sender = route.has_before_auth.then(|| Sender {
            headers: self.headers.clone(),
            authenticator: Arc::clone(&self.serving.configured.authenticator),
        });
        let call = self.state.calls.open(sender);
        let (message, bytes) = self.message(route, &parameters, path, body, &opened, &call).await?;
        let reply = application.call(message, bytes).await?;
        let Reply { source, result, session, spent } = serde_json::from_str(&reply.message)?;
        match source {
            Source::SessionRequired => Self::session_required(opened, session_change(session.get())?).await,
            Source::Csrf => Ok(csrf_refused()),
            Source::Handler | Source::Hook => {
                if source == Source::Hook {
                    tracing::info!(requestId = self.id, route = route.name, "request hook produced early response");
                }
                let result = result.ok_or_else(missing_result)?;
                let is_stream = result.payload == Payload::Stream;
                let outcome = result.into_outcome(reply.body)?;
                let mut response =
                    match Self::commit(route, opened, session_change(session.get())?, outcome, spent).await {
                        Err(CommitError::TokenSpent) => return Ok(csrf_refused()),
                        response => response?,
                    };
                if is_stream && self.method != Method::HEAD {
                    *response.body_mut() = response::stream(call.into_chunks(), Arc::clone(application));
                }
                Ok(response)
            }
        }
    }

    /// What the dispatcher needs for one call.
    async fn message(
        &self,
        route: &Route,
        parameters: &[(String, String)],
        path: &str,
        body: RequestBody,
        opened: &OpenSession,
        call: &OpenCall,
    ) -> Result<(String, Option<Bytes>), serde_json::Error> {
        let session = opened.script_session();
        let authenticator = &self.serving.configured.authenticator;
        let auth = if route.has_before_auth { None } else { authenticator.authenticate(&self.headers).await };
        let (body, bytes) = body_message(body);
        let message = RouteCall {
            op: "route",
            call: call.id(),
            route: route.index,
            params: parameters,
            query: parse_query(self.uri.query().unwrap_or("")),
            flash: opened.deliverable(&route.flash.consume),
            request_id: &self.id,
            session: session.as_ref().map(SessionMessage::new),
            auth,
            auth_pending: route.has_before_auth,
            session_required: route.session_required,
            validate: route.validates,
            csrf: route.csrf,
            cross_site: route.csrf && self.is_cross_site(),
            body,
        };
        let request =
            RequestMessage { method: self.method.as_str(), url: self.url(), headers: header_list(&self.headers) };
        let details = Details { request, bindings: self.bindings(&route.name, path) };
        Ok((message.with_details(&details)?, bytes))
    }

    pub(super) fn url(&self) -> String {
        format!("{}{}", self.origin, self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str))
    }

    pub(super) fn bindings<'a>(&'a self, route: &'a str, path: &'a str) -> Bindings<'a> {
        Bindings { request_id: &self.id, method: self.method.as_str(), path, route }
    }

    /// Whether the browser says that another site made it send this.
    fn is_cross_site(&self) -> bool {
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(site) = text("sec-fetch-site") {
            return !matches!(site, "same-origin" | "none");
        }
        let Some(origin) = text(ORIGIN.as_str()) else { return false };
        let host = text(HOST.as_str()).or_else(|| self.uri.authority().map(http::uri::Authority::as_str));
        origin.split_once("://").map(|(_, authority)| authority) != host
    }

    async fn session_required(opened: OpenSession, change: SessionChange) -> Result<Response<Body>, Failure> {
        let errors = json!({ "errors": [
            { "code": "session_required", "message": "This route requires an existing session." }
        ] });
        let mut response = response::json(StatusCode::UNAUTHORIZED, &errors);
        let cookie = opened.commit(change, CommitContext::default()).await?;
        add_cookie(&mut response, cookie);
        Ok(response)
    }

    async fn commit(
        route: &Route,
        opened: OpenSession,
        change: SessionChange,
        outcome: Outcome,
        spent: Vec<String>,
    ) -> Result<Response<Body>, CommitError> {
        let Outcome { mut response, has_errors, is_fragment } = outcome;
        let flash = FlashOutcome::of(response.status().as_u16(), has_errors);
        let published = if is_fragment { Vec::new() } else { route.flash.published(flash, Timestamp::now()) };
        let context = CommitContext { delivered: route.flash.consume.clone(), published, spent };
        let cookie = opened.commit(change, context).await?;
        add_cookie(&mut response, cookie);
        Ok(response)
    }
}

pub(super) fn add_cookie(response: &mut Response<Body>, cookie: Option<String>) {
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

fn csrf_refused() -> Response<Body> {
    let errors = json!({ "errors": [
        { "code": "csrf", "message": "Form session expired. Reload the page and try again." }
    ] });
    response::json(StatusCode::FORBIDDEN, &errors)
}

fn missing_result() -> serde_json::Error {
    serde::de::Error::missing_field("result")
}

fn refused(error: &BodyError) -> Response<Body> {
    response::error(error.status(), error.code(), Some(&error.to_string()))
}
