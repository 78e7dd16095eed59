//! A request that a view serves.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::message::{SessionMessage, header_list};
use super::route::{add_cookie, session_change};
use super::{Exchange, Failure};
use crate::application::{Application, View};
use crate::document::{CacheStatus, DocumentError, ViewState, with_state};
use crate::response::{self, Body, HTML};
use crate::route::RequestPath;
use crate::session::{CommitContext, SessionChange, cookies};

const DOCUMENT_CACHE: HeaderName = HeaderName::from_static("x-webstir-document-cache");

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    session: &'a RawValue,
}

impl Exchange {
    pub(super) async fn call_view(
        &self,
        application: &Arc<Application>,
        index: usize,
        parameters: &[(String, String)],
        path: &RequestPath<'_>,
    ) -> Response<Body> {
        let view = application.view(index);
        match self.render(application, view, parameters, path).await {
            Ok(response) => response,
            Err(failure) => self.failed(&view.name, &failure),
        }
    }

    async fn render(
        &self,
        application: &Arc<Application>,
        view: &View,
        parameters: &[(String, String)],
        path: &RequestPath<'_>,
    ) -> Result<Response<Body>, Failure> {
        let opened = self.serving.configured.sessions().open(&self.headers).await?;
        let auth = self.serving.configured.authenticator.authenticate(&self.headers).await;
        let page = path.segments().first().map_or("", |segment| &**segment).to_owned();
        let (document, cache) = self.document(application, page).await?;
        let parameters: Map<String, Value> =
            parameters.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let (data, change) = if view.has_loader {
            let mut message = json!({
                "op": "view",
                "view": view.index,
                "request": { "url": self.url() },
                "params": parameters,
                "cookies": self.cookies(),
                "headers": self.joined_headers(),
                "requestId": self.id,
                "bindings": self.bindings(&view.name, path.as_str()),
            });
            if let Some(auth) = auth {
                message["auth"] = json!(auth);
            }
            if let Some(session) = opened.script_session() {
                message["session"] = json!(SessionMessage::new(&session));
            }
            let reply = application.call(message.to_string(), None).await?;
            let Reply { session } = serde_json::from_str(&reply.message)?;
            let data = String::from_utf8_lossy(reply.body.as_deref().unwrap_or(b"null")).into_owned();
            (data, session_change(session.get())?)
        } else {
            ("null".to_owned(), SessionChange::Unchanged)
        };
        let text = with_state(
            &document,
            &ViewState {
                name: &view.name,
                path: view.pattern.as_str(),
                pathname: path.as_str(),
                params: &Value::Object(parameters).to_string(),
                data: &data,
                request_id: &self.id,
            },
        );
        let mut response = response::text(StatusCode::OK, HTML, text);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert(DOCUMENT_CACHE, HeaderValue::from_static(cache.as_str()));
        let cookie = opened.commit(change, CommitContext::default()).await?;
        add_cookie(&mut response, cookie);
        Ok(response)
    }

    /// While a workspace is edited the page is that of the release whose module renders the view: the tree on the disk may be ahead.
    async fn document(
        &self,
        application: &Application,
        page: String,
    ) -> Result<(Arc<str>, CacheStatus), DocumentError> {
        match application.site().filter(|_| self.state.live.is_some()) {
            Some(site) => Ok((site.document(page).await?, CacheStatus::Hit)),
            None => self.state.document(page).await,
        }
    }

    /// Of a repeated cookie the last counts.
    fn cookies(&self) -> Map<String, Value> {
        let headers = self.headers.get_all(http::header::COOKIE).iter().filter_map(|header| header.to_str().ok());
        headers.flat_map(cookies).map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
    }

    fn joined_headers(&self) -> Map<String, Value> {
        let mut joined = Map::new();
        for (name, value) in header_list(&self.headers) {
            match joined.get_mut(name) {
                Some(Value::String(before)) => {
                    before.push_str(", ");
                    before.push_str(&value);
                }
                _ => {
                    joined.insert(name.to_owned(), Value::String(value.into_owned()));
                }
            }
        }
        joined
    }
}
