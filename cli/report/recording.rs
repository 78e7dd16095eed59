//! Recording a build: `--events` and `--trace`.
//!
//! A [`Recording`] gets every event on its way to the progress display and gives it a time and a *lane*, the thread on which it
//! happened. Events become lines of JSON at once (`docs/events.md`); the trace is written when the build is over, since only then its
//! critical path is known.

mod trace;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use webstir_engine::diagnostic::Severity;
use webstir_engine::event::{Event, EventSink, Status};
use webstir_engine::label::ActionLabel;

use super::cause;
use crate::args::Record;
use crate::compose::{Built, Failure};
use crate::hidden;

/// The version of the lines. New kinds of lines and new fields do not raise it.
const VERSION: u32 = 1;

/// Where and when an event happened.
struct Stamped {
    at: Duration,
    lane: String,
    event: Event,
}

/// What is recorded of one build.
pub(crate) struct Recording {
    started: Instant,
    trace: Option<PathBuf>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    lines: Option<Lines>,
    /// Kept for the trace.
    stamped: Option<Vec<Stamped>>,
    /// The threads that run processes now; each has a lane while it lives.
    processes: BTreeMap<usize, ThreadId>,
}

struct Lines {
    path: PathBuf,
    out: BufWriter<File>,
    /// The first error; nothing is written after it.
    error: Option<io::Error>,
}

impl Recording {
    /// Opens what `record` names.
    pub(crate) fn start(record: &Record, profile: &str) -> Result<Self, Failure> {
        let mut state = State { stamped: record.trace.is_some().then(Vec::new), ..State::default() };
        if let Some(path) = &record.events {
            let file = File::create(path).map_err(unwritable(path))?;
            let mut lines = Lines { path: path.clone(), out: BufWriter::new(file), error: None };
            let program = env!("CARGO_PKG_VERSION");
            lines.write(&json!({"version": VERSION, "event": "build-started", "program": program, "profile": profile}));
            state.lines = Some(lines);
        }
        if let Some(path) = &record.trace {
            // Found out before the work, not after it.
            File::create(path).map_err(unwritable(path))?;
        }
        Ok(Self { started: Instant::now(), trace: record.trace.clone(), state: Arc::new(Mutex::new(state)) })
    }

    /// A sink that records and then passes on to `next`.
    pub(crate) fn sink(&self, next: EventSink) -> EventSink {
        if self.trace.is_none() && self.lock().lines.is_none() {
            return next;
        }
        let (state, started) = (self.state.clone(), self.started);
        Arc::new(move |event| {
            state.lock().unwrap_or_else(PoisonError::into_inner).take(started.elapsed(), &event);
            next(event);
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is left to write.
    pub(crate) fn finish(&self, built: Result<&Built, &Failure>) -> Result<(), Failure> {
        let mut state = self.lock();
        if let Some(lines) = &mut state.lines {
            let at = milliseconds(self.started.elapsed());
            match built {
                Err(failure) => lines.write(&json!({"event": "build-failed", "ms": at, "message": failure.in_full()})),
                Ok(built) => {
                    for line in causes(built, at) {
                        lines.write(&line);
                    }
                    lines.write(&finished(built, at));
                }
            }
            let flushed = lines.out.flush();
            if let Some(error) = lines.error.take().or(flushed.err()) {
                return Err(unwritable(&lines.path)(error));
            }
        }
        if let (Some(path), Some(stamped), Ok(built)) = (&self.trace, &state.stamped, built) {
            let document = trace::document(stamped, built);
            std::fs::write(path, hidden::text(&document.to_string()).as_bytes()).map_err(unwritable(path))?;
        }
        Ok(())
    }
}

impl State {
    fn take(&mut self, at: Duration, event: &Event) {
        let lane = self.lane(event);
        if let Some(lines) = &mut self.lines {
            lines.write(&line(event, at, &lane));
        }
        if let Some(stamped) = &mut self.stamped {
            stamped.push(Stamped { at, lane, event: event.clone() });
        }
    }

    /// The name of a worker, or a number among the threads that run processes at the moment.
    fn lane(&mut self, event: &Event) -> String {
        let thread = std::thread::current();
        if thread.name() != Some("process") {
            return thread.name().unwrap_or("thread").to_owned();
        }
        let known = self.processes.iter().find(|(_, id)| **id == thread.id()).map(|(number, _)| *number);
        let number = known.unwrap_or_else(|| {
            let most = self.processes.len();
            (0..=most).find(|number| !self.processes.contains_key(number)).unwrap_or(most)
        });
        if matches!(event, Event::Stopped { .. }) {
            self.processes.remove(&number);
        } else {
            self.processes.insert(number, thread.id());
        }
        format!("process-{number}")
    }
}

impl Lines {
    fn write(&mut self, value: &Value) {
        if self.error.is_none() {
            self.error = writeln!(self.out, "{value}").err();
        }
    }
}

fn line(event: &Event, at: Duration, lane: &str) -> Value {
    let ms = milliseconds(at);
    let action = |kind: &str, label: &ActionLabel| {
        json!({
            "event": kind,
            "ms": ms,
            "lane": lane,
            "label": label.to_string(),
            "rule": label.rule.to_string(),
            "subject": label.subject.as_ref().map(webstir_engine::path::RelPath::as_str),
        })
    };
    match event {
        Event::Planned { actions } => json!({"event": "planned", "ms": ms, "actions": actions}),
        Event::Started { label } => action("action-started", label),
        Event::Stopped { label } => action("action-stopped", label),
        Event::Finished { label, status, key, duration } => {
            let mut value = action("action-finished", label);
            value["status"] = json!(status.as_str());
            value["key"] = json!(key.to_string());
            value["durationMs"] = json!(milliseconds(*duration));
            value
        }
        Event::Began(phase) => json!({"event": "phase-began", "ms": ms, "lane": lane, "phase": phase.as_str()}),
        Event::Ended(phase) => json!({"event": "phase-ended", "ms": ms, "lane": lane, "phase": phase.as_str()}),
        Event::Materialising { files } => json!({"event": "placing", "ms": ms, "files": files}),
    }
}

/// One line for each action that ran.
fn causes(built: &Built, at: f64) -> Vec<Value> {
    let Some(explanation) = &built.explanation else { return Vec::new() };
    let comparison = explanation.comparison();
    let ran = explanation.after.actions.iter().filter(|action| action.ran());
    ran.filter_map(|action| {
        let causes = comparison.causes(&action.label);
        let first = cause::document(causes.first()?);
        Some(json!({"event": "cause", "ms": at, "label": action.label.to_string(), "cause": first}))
    })
    .collect()
}

fn finished(built: &Built, at: f64) -> Value {
    let findings = |severity| built.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let longest = built
        .longest()
        .map(|report| json!({"label": report.label.to_string(), "durationMs": milliseconds(report.duration)}));
    json!({
        "event": "build-finished",
        "ms": at,
        "ok": built.ok,
        "ran": built.count(Status::Ran),
        "cached": built.count(Status::Cached),
        "failed": built.count(Status::Failed),
        "skipped": built.count(Status::Skipped),
        "errors": findings(Severity::Error),
        "warnings": findings(Severity::Warning),
        "written": built.materialised.map(|materialised| materialised.written),
        "removed": built.materialised.map(|materialised| materialised.removed),
        "longest": longest,
        "durationMs": milliseconds(built.duration),
    })
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| {
        Failure::because(format!("`{path}` cannot be written"), error)
            .with_help("Name a file in a directory that exists")
    }
}

/// Milliseconds with three places.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
