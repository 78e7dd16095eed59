//! `fetch` of embedded scripts.

use std::io::Read as _;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use serde::Deserialize;
use serde_json::json;
use ureq::Agent;
use webstir_script::{OperationError, OperationReply};

/// A client of other servers. It blocks, so each request has a thread for itself.
pub(super) struct Fetch {
    follow: Agent,
    stay: Agent,
}

/// From the start of a request to the last byte of its answer.
const LONGEST: Duration = Duration::from_mins(5);
/// A script holds the whole body of an answer.
const LARGEST: u64 = 64 << 20;
const MOST_REDIRECTS: u32 = 20;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Redirects {
    Follow,
    Error,
    Manual,
}

#[derive(Deserialize)]
struct Question {
    url: String,
    method: String,
    headers: Vec<(String, String)>,
    redirect: Redirects,
}

impl Default for Fetch {
    fn default() -> Self {
        let agent = |redirects: u32| {
            let config = Agent::config_builder().max_redirects(redirects).max_redirects_will_error(redirects > 0);
            config
                .http_status_as_error(false)
                .timeout_global(Some(LONGEST))
                .allow_non_standard_methods(true)
                .build()
                .into()
        };
        Self { follow: agent(MOST_REDIRECTS), stay: agent(0) }
    }
}

impl Fetch {
    /// See [`webstir_script::Operations`] for the shapes.
    pub(super) async fn run(&self, message: &str, body: Option<Bytes>) -> Result<OperationReply, OperationError> {
        let question: Question = serde_json::from_str(message).map_err(|error| failed(&error))?;
        let agent =
            if matches!(question.redirect, Redirects::Follow) { self.follow.clone() } else { self.stay.clone() };
        let answered = tokio::task::spawn_blocking(move || send(&agent, &question, body)).await;
        answered.unwrap_or_else(|fault| Err(failed(&fault)))
    }
}

fn failed(error: &dyn std::fmt::Display) -> OperationError {
    OperationError { name: "TypeError".to_owned(), message: format!("fetch failed: {error}"), code: None }
}

fn send(agent: &Agent, question: &Question, body: Option<Bytes>) -> Result<OperationReply, OperationError> {
    let method = Method::from_bytes(question.method.as_bytes()).map_err(|error| failed(&error))?;
    let mut request = Request::builder().method(method).uri(&question.url);
    if let Some(headers) = request.headers_mut() {
        for (name, value) in &question.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| failed(&error))?;
            headers.append(name, HeaderValue::from_str(value).map_err(|error| failed(&error))?);
        }
    }
    let bytes = body.unwrap_or_default();
    let answered = if bytes.is_empty() {
        agent.run(request.body(()).map_err(|error| failed(&error))?)
    } else {
        agent.run(request.body(&bytes[..]).map_err(|error| failed(&error))?)
    };
    let mut response = answered.map_err(|error| failed(&error))?;
    let status = response.status();
    if status.is_redirection() && matches!(question.redirect, Redirects::Error) {
        return Err(failed(&"the answer is a redirect"));
    }
    let url = ureq::ResponseExt::get_uri(&response).to_string();
    let redirected = ureq::ResponseExt::get_redirect_history(&response).is_some_and(|history| history.len() > 1);
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let mut bytes = Vec::new();
    response.body_mut().as_reader().take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(failed(&format!("the answer is larger than {} MiB", LARGEST >> 20)));
    }
    let message = json!({
        "url": url,
        "status": status.as_u16(),
        "statusText": status.canonical_reason().unwrap_or(""),
        "headers": headers,
        "redirected": redirected,
    });
    Ok(OperationReply { message: message.to_string(), body: Some(bytes.into()) })
}
