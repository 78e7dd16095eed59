//! Endpoints that every server has: health, readiness, metrics, and the errors that browsers report.

use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::json;
use tokio::time::timeout;

use super::Exchange;
use crate::client_errors::{self, CLIENT_ERROR_MAX_BYTES, CLIENT_ERRORS_PATH, ClientErrorReport};
use crate::metrics::{EXPOSITION_CONTENT_TYPE, wants_exposition};
use crate::response::{self, Body};

impl Exchange {
    /// None when the path is none of theirs.
    pub(super) async fn built_in(&mut self, path: &str) -> Option<Response<Body>> {
        if let Some(response) = self.live_built_in(path) {
            return Some(response);
        }
        match path {
            "/api/health" | "/healthz" => {
                let uptime = self.state.started.elapsed().as_secs_f64();
                Some(response::json(StatusCode::OK, &json!({ "ok": true, "uptime": uptime })))
            }
            "/readyz" => Some(self.readiness()),
            "/metrics" => Some(self.metrics()),
            CLIENT_ERRORS_PATH if self.method == Method::POST => Some(self.client_error().await),
            _ => None,
        }
    }

    fn readiness(&self) -> Response<Body> {
        let readiness = self.serving.readiness();
        response::json(readiness.status.http_status(), &json!(readiness))
    }

    /// JSON, or the text format of Prometheus for those who ask for it.
    fn metrics(&self) -> Response<Body> {
        if wants_exposition(&self.headers) {
            let content_type = HeaderValue::from_static(EXPOSITION_CONTENT_TYPE);
            return response::text(StatusCode::OK, content_type, self.serving.configured.metrics.exposition());
        }
        response::json(StatusCode::OK, &self.serving.configured.metrics.document())
    }

    async fn client_error(&mut self) -> Response<Body> {
        if let Some(status) = client_errors::refusal(&self.headers) {
            return response::status(status);
        }
        let Some(body) = self.body.take() else { return response::status(StatusCode::NO_CONTENT) };
        let limited = Limited::new(body, usize::try_from(CLIENT_ERROR_MAX_BYTES).unwrap_or(usize::MAX));
        let read = timeout(self.state.limits.body, limited.collect()).await;
        let bytes = match read {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return response::status(StatusCode::PAYLOAD_TOO_LARGE);
            }
            Ok(Err(_)) => return response::status(StatusCode::BAD_REQUEST),
            Err(_) => return response::status(StatusCode::REQUEST_TIMEOUT),
        };
        if let Some(report) = ClientErrorReport::parse(&bytes, &self.headers)
            && self.state.client_errors.allows()
        {
            let record = json!({
                "message": format!("[webstir-backend] client error: {report}"),
                "fields": { "clientError": report, "correlationId": report.correlation_id },
            })
            .to_string();
            tracing::error!(record = record.as_str());
        }
        response::status(StatusCode::NO_CONTENT)
    }
}
