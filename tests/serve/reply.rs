//! One request and its reply.

use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{Method, Response};
use ureq::{Agent, Body};

/// A request that is being made.
pub(super) struct Request {
    method: Method,
    address: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A whole reply.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn new(method: &str, address: &str) -> Self {
        Self { method: method.parse().unwrap(), address: address.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub(super) fn json(self, text: &str) -> Self {
        self.body("application/json", text)
    }

    pub(super) fn form(self, text: &str) -> Self {
        self.body("application/x-www-form-urlencoded", text)
    }

    #[track_caller]
    pub(super) fn send(self) -> Reply {
        let what = format!("{} {}", self.method, self.address);
        let response = self.open().unwrap_or_else(|error| panic!("{what}: {error}"));
        let status = response.status().as_u16();
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let mut body = Vec::new();
        response.into_body().into_reader().read_to_end(&mut body).unwrap_or_else(|error| panic!("{what}: {error}"));
        Reply { status, headers, body }
    }

    /// The reply as far as its head; the body is still to be read.
    pub(super) fn open(self) -> Result<Response<Body>, ureq::Error> {
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_mins(1)))
            .proxy(None)
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(self.method).uri(self.address);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if self.body.is_empty() {
            agent.run(request.body(()).unwrap())
        } else {
            agent.run(request.body(self.body).unwrap())
        }
    }
}

impl Reply {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The values of a header, in order.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The only value of a header; empty when it is not there.
    #[track_caller]
    pub(super) fn header(&self, name: &str) -> &str {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} comes more than once: {self:?}");
        all.first().copied().unwrap_or("")
    }

    /// Status, content type and text: what most cases are about.
    pub(super) fn shown(&self) -> (u16, &str, &str) {
        (self.status, self.header("content-type"), self.text())
    }
}
