//! Endpoints that every server has: health, readiness, metrics, and the errors that browsers report.

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::json;

use super::Exchange;
use crate::client_errors::{self, CLIENT_ERROR_MAX_BYTES};
use crate::response::{self, Body};

impl Exchange {
    /// None when the path is none of theirs.
    pub(super) async fn built_in(&mut self, path: &str) -> Option<Response<Body>> {
        match path {
            "/api/health" | "/healthz" => {
                let uptime = self.state.started.elapsed().as_secs_f64();
                Some(response::json(StatusCode::OK, &json!({ "ok": true, "uptime": uptime })))
            }
            "/readyz" => Some(self.readiness()),
            "/metrics" => Some(self.metrics()),
            "/client-errors" if self.method == Method::POST => Some(self.client_error().await),
            _ => None,
        }
    }

    fn readiness(&self) -> Response<Body> {
        let readiness = self.state.readiness();
        let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        response::json(status, &readiness.to_json())
    }

    /// JSON, or the text format of Prometheus for those who ask for it.
    fn metrics(&self) -> Response<Body> {
        let accept = self.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("");
        let wants_text = accept.split(',').any(|range| {
            let range = range.split(';').next().unwrap_or("").trim();
            range.eq_ignore_ascii_case("text/plain") || range.eq_ignore_ascii_case("application/openmetrics-text")
        });
        if wants_text {
            let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            return response::text(StatusCode::OK, content_type, self.state.metrics.prometheus());
        }
        response::json(StatusCode::OK, &self.state.metrics.snapshot())
    }

    async fn client_error(&mut self) -> Response<Body> {
        let header = |name| self.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or("");
        if !header(CONTENT_TYPE).trim().to_ascii_lowercase().starts_with("application/json") {
            return response::status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let declared: Option<usize> = header(CONTENT_LENGTH).parse().ok();
        if declared.is_some_and(|length| length > CLIENT_ERROR_MAX_BYTES) {
            return response::status(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let Some(body) = self.body.take() else { return response::status(StatusCode::NO_CONTENT) };
        let limited = Limited::new(body, CLIENT_ERROR_MAX_BYTES);
        let read = tokio::time::timeout(self.state.limits.body, limited.collect()).await;
        let bytes = match read {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return response::status(StatusCode::PAYLOAD_TOO_LARGE);
            }
            Ok(Err(_)) => return response::status(StatusCode::BAD_REQUEST),
            Err(_) => return response::status(StatusCode::REQUEST_TIMEOUT),
        };
        if self.state.client_errors.allows() {
            client_errors::log(&bytes, &self.headers);
        }
        response::status(StatusCode::NO_CONTENT)
    }
}
