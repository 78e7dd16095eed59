//! How requests went, for `/metrics` and `/readyz`.
//!
//! A *snapshot* is the JSON of earlier versions: counts, and durations over a window of the last requests. The *exposition* is
//! the text that Prometheus reads, by method, route and status class.

use crate::environment::MetricsSettings;
use http::{HeaderMap, Method, StatusCode, header};
use mime::Mime;
use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use serde::Serialize;
use serde_json::{Number, Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The content type of the exposition.
pub const EXPOSITION_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The label of requests that no route matched; their paths are the clients' and without number.
pub const UNMATCHED_ROUTE: &str = "unmatched";

/// The label of requests that the published tree served.
pub const STATIC_ROUTE: &str = "static";

/// Counts requests. Does nothing where metrics are off.
pub struct Metrics {
    recorder: Option<Recorder>,
}

struct Recorder {
    window: usize,
    totals: Mutex<Totals>,
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    resident_memory: IntGauge,
}

#[derive(Default)]
struct Totals {
    requests: u64,
    errors: u64,
    by_status: BTreeMap<u16, u64>,
    /// Milliseconds of the last requests.
    durations: VecDeque<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    enabled: bool,
    total_requests: u64,
    error_count: u64,
    average_duration_ms: Value,
    p95_duration_ms: Value,
    by_status: BTreeMap<u16, u64>,
    window_size: usize,
}

/// A request that is being answered; ends when dropped.
#[must_use = "the request counts as answered when this is dropped"]
pub struct InFlight<'a> {
    gauge: Option<&'a IntGauge>,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(gauge) = self.gauge {
            gauge.dec();
        }
    }
}

impl Metrics {
    pub fn new(settings: MetricsSettings) -> Self {
        Self { recorder: settings.enabled.then(|| Recorder::new(settings.window)) }
    }

    /// Counts a request that begins.
    pub fn begin(&self) -> InFlight<'_> {
        let gauge = self.recorder.as_ref().map(|recorder| &recorder.in_flight);
        gauge.inspect(|gauge| gauge.inc());
        InFlight { gauge }
    }

    /// Counts a request that ended. `route` is the pattern of the route, or [`UNMATCHED_ROUTE`].
    pub fn record(&self, method: &Method, route: &str, status: StatusCode, duration: Duration) {
        if let Some(recorder) = &self.recorder {
            recorder.record(method, route, status, duration);
        }
    }

    /// The JSON for `/readyz`; nothing where metrics are off.
    pub fn snapshot(&self) -> Option<Value> {
        self.recorder.as_ref().map(Recorder::snapshot)
    }

    /// The JSON for `/metrics`.
    pub fn document(&self) -> Value {
        self.snapshot().unwrap_or_else(|| json!({"enabled": false}))
    }

    /// The text for Prometheus, empty where metrics are off.
    pub fn exposition(&self) -> String {
        self.recorder.as_ref().map(Recorder::exposition).unwrap_or_default()
    }
}

/// Whether a client of `/metrics` asks for the exposition: it names plain text or OpenMetrics, and no JSON.
pub fn wants_exposition(headers: &HeaderMap) -> bool {
    let accepted: Vec<Mime> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.trim().parse().ok())
        .collect();
    let names = |essences: &[&str]| accepted.iter().any(|range| essences.contains(&range.essence_str()));
    names(&["text/plain", "application/openmetrics-text"]) && !names(&["application/json"])
}

impl Recorder {
    fn new(window: usize) -> Self {
        let labels = ["method", "route", "status"];
        let requests = Opts::new("http_requests_total", "Requests that were answered.");
        let durations = HistogramOpts::new("http_request_duration_seconds", "Time from request to response.");
        let recorder = Self {
            window,
            totals: Mutex::default(),
            registry: Registry::new(),
            requests: IntCounterVec::new(requests, &labels).expect("the names are valid"),
            durations: HistogramVec::new(durations, &labels[..2]).expect("the names are valid"),
            in_flight: IntGauge::new("http_requests_in_flight", "Requests that are being answered.")
                .expect("the name is valid"),
            resident_memory: IntGauge::new("process_resident_memory_bytes", "Resident memory size in bytes.")
                .expect("the name is valid"),
        };
        let collectors: [Box<dyn Collector>; 4] = [
            Box::new(recorder.requests.clone()),
            Box::new(recorder.durations.clone()),
            Box::new(recorder.in_flight.clone()),
            Box::new(recorder.resident_memory.clone()),
        ];
        for collector in collectors {
            recorder.registry.register(collector).expect("each name is registered once");
        }
        recorder
    }

    /// A panic of a holder cannot leave the totals half changed: nothing under the lock calls out.
    fn totals(&self) -> MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, method: &Method, route: &str, status: StatusCode, duration: Duration) {
        let method = method_label(method);
        self.requests.with_label_values(&[method, route, status_class(status)]).inc();
        self.durations.with_label_values(&[method, route]).observe(duration.as_secs_f64());
        let mut totals = self.totals();
        totals.requests += 1;
        totals.errors += u64::from(status.is_server_error());
        *totals.by_status.entry(status.as_u16()).or_default() += 1;
        if totals.durations.len() >= self.window {
            totals.durations.pop_front();
        }
        totals.durations.push_back(duration.as_secs_f64() * 1000.0);
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a window has far fewer entries than a float has digits"
    )]
    fn snapshot(&self) -> Value {
        let totals = self.totals();
        let mut durations: Vec<f64> = totals.durations.iter().copied().collect();
        let (total_requests, error_count) = (totals.requests, totals.errors);
        let by_status = totals.by_status.clone();
        // Sorting is not for the time of the lock.
        drop(totals);
        durations.sort_by(f64::total_cmp);
        let count = durations.len();
        let average = if count == 0 { 0.0 } else { durations.iter().sum::<f64>() / count as f64 };
        let p95 = (0.95 * count.saturating_sub(1) as f64).floor() as usize;
        json!(Snapshot {
            enabled: true,
            total_requests,
            error_count,
            average_duration_ms: number(average),
            p95_duration_ms: number(durations.get(p95).copied().unwrap_or_default()),
            by_status,
            window_size: self.window,
        })
    }

    fn exposition(&self) -> String {
        if let Some(bytes) = resident_memory() {
            self.resident_memory.set(bytes);
        }
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_else(|_| unreachable!("what was gathered has names and values"))
    }
}

/// A number as JavaScript writes it: whole numbers have no fraction.
#[expect(clippy::cast_possible_truncation, reason = "the number is whole and small enough")]
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        Value::from(value as i64)
    } else {
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}

/// Methods that clients make up share one label.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// The resident bytes of this process, where the system says.
fn resident_memory() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::{Metrics, UNMATCHED_ROUTE, wants_exposition};
    use crate::environment::MetricsSettings;
    use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
    use serde_json::json;
    use std::time::Duration;

    fn metrics(window: usize) -> Metrics {
        Metrics::new(MetricsSettings { enabled: true, window })
    }

    fn record(metrics: &Metrics, status: u16, milliseconds: u64) {
        let status = StatusCode::from_u16(status).unwrap();
        metrics.record(&Method::GET, "/a/:b", status, Duration::from_millis(milliseconds));
    }

    #[test]
    fn nothing_is_counted_where_metrics_are_off() {
        let metrics = Metrics::new(MetricsSettings { enabled: false, window: 200 });
        record(&metrics, 200, 1);
        let _in_flight = metrics.begin();
        assert_eq!((metrics.snapshot(), metrics.document()), (None, json!({"enabled": false})));
        assert_eq!(metrics.exposition(), "");
    }

    #[test]
    fn a_fresh_snapshot_is_all_zero() {
        let text = metrics(200).document().to_string();
        let expected = concat!(
            r#"{"enabled":true,"totalRequests":0,"errorCount":0,"averageDurationMs":0,"p95DurationMs":0,"#,
            r#""byStatus":{},"windowSize":200}"#,
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn durations_are_those_of_the_window() {
        let metrics = metrics(4);
        for (status, milliseconds) in [(200, 1000), (503, 8), (404, 2), (200, 4), (500, 16)] {
            record(&metrics, status, milliseconds);
        }
        let snapshot = metrics.snapshot().unwrap();
        assert_eq!(snapshot["averageDurationMs"], json!(7.5));
        // floor(0.95 * 3) = 2
        assert_eq!(snapshot["p95DurationMs"].to_string(), "8");
        assert_eq!((&snapshot["totalRequests"], &snapshot["errorCount"]), (&json!(5), &json!(2)));
        assert_eq!(snapshot["byStatus"], json!({"200": 2, "404": 1, "500": 1, "503": 1}));
    }

    #[test]
    fn the_exposition_counts_by_method_route_and_class() {
        let metrics = metrics(4);
        record(&metrics, 200, 20);
        record(&metrics, 201, 20);
        metrics.record(&Method::from_bytes(b"BREW").unwrap(), UNMATCHED_ROUTE, StatusCode::NOT_FOUND, Duration::ZERO);
        let in_flight = metrics.begin();
        let text = metrics.exposition();
        for line in [
            "# TYPE http_requests_total counter",
            r#"http_requests_total{method="GET",route="/a/:b",status="2xx"} 2"#,
            r#"http_requests_total{method="OTHER",route="unmatched",status="4xx"} 1"#,
            r#"http_request_duration_seconds_bucket{method="GET",route="/a/:b",le="0.025"} 2"#,
            r#"http_request_duration_seconds_count{method="GET",route="/a/:b"} 2"#,
            "http_requests_in_flight 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let memory = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes ")).unwrap();
        assert!(memory.parse::<u64>().unwrap() > 0);
        drop(in_flight);
        assert!(metrics.exposition().contains("http_requests_in_flight 0\n"));
    }

    #[test]
    fn text_is_for_who_asks_for_it() {
        let wants = |accept: &str| {
            wants_exposition(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_str(accept).unwrap())]))
        };
        assert!(wants("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"));
        assert!(wants("text/plain"));
        for accept in ["*/*", "application/json", "application/json, text/plain", "text/html,*/*", "", ";;,"] {
            assert!(!wants(accept), "{accept}");
        }
        assert!(!wants_exposition(&HeaderMap::new()));
    }
}
