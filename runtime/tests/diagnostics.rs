//! What authentication says to the log. A process of its own: loggers are looked up once and for all threads.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use http::{HeaderMap, HeaderName, HeaderValue};
use std::io;
use std::sync::{Arc, Mutex};
use webstir_runtime::auth::Authenticator;
use webstir_runtime::{Environment, Settings};

/// A place that log lines are written to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn authenticate(variables: &[(&str, &str)], headers: &[(&'static str, &str)]) {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let settings = Settings::load(&Environment::from_parts(variables, [""; 0], "/")).unwrap();
    let pair =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    let headers: HeaderMap = headers.iter().map(pair).collect();
    Authenticator::new(&settings.auth).authenticate(&headers).await;
}

#[tokio::test]
async fn diagnostics_hold_no_token() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone()).init();
    let guarded = [("AUTH_JWT_SECRET", "jwt-secret"), ("AUTH_SERVICE_TOKENS", "one")];
    authenticate(&guarded, &[("authorization", "Bearer a.secret.c"), ("x-service-token", "secret")]).await;
    authenticate(&[], &[("authorization", "Bearer a.secret.c")]).await;
    authenticate(&guarded, &[("x-api-key", "one")]).await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> =
        text.lines().map(|line| line.trim().trim_start_matches("WARN webstir_runtime::auth: ")).collect();
    let expected = [
        "Bearer token validation failed reason=\"invalid_token\"",
        "Service token did not match any allowed AUTH_SERVICE_TOKENS entry",
        "Authorization header provided but no JWT verification config is set.",
    ];
    assert_eq!(lines, expected);
}
