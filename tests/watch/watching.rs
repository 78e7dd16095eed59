//! A running `webstir watch`.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::Case;

/// The longest wait for something that must happen.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// A file that says nothing of itself. What was done to files before it was saved is handled when its own saving is.
const MARKER: &str = ".env";

/// What became of the deployment after a marker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deployment {
    Awaited,
    /// It was the marker's alone: all before it are over.
    Own,
    Shared,
}

/// A watch; ended when it is dropped.
pub(super) struct Watching {
    process: Child,
    events: Receiver<Value>,
    /// A file and no pipe: what was written before an event is there when the event is.
    errors: File,
    /// Empty where nothing is served.
    pub(super) url: String,
    /// Every event so far.
    pub(super) received: Vec<Value>,
    marker: PathBuf,
    /// Deployments of markers that are still to be told of, at most.
    owed: usize,
}

impl Watching {
    /// Starts and waits until the first build is checked, and served if it is.
    pub(super) fn start(case: &Case, arguments: &[&str]) -> Self {
        let mut watching = Self::spawn(case, arguments);
        watching.until("watch-ready");
        let told = |kind: &str| watching.received.iter().any(|event| event["type"] == kind);
        let is_built =
            watching.received.iter().any(|event| event["type"] == "build-complete" && event["succeeded"] == true);
        if !watching.url.is_empty() && is_built && !told("served") && !told("refused") {
            watching.until_any(&["served", "refused"]);
        }
        watching
    }

    /// Starts and waits until it listens.
    pub(super) fn spawn(case: &Case, arguments: &[&str]) -> Self {
        let marker = case.path(MARKER);
        if !marker.exists() {
            fs::write(&marker, "# Nothing.\n").unwrap();
        }
        let mut command = case.command();
        command.args(["watch", "--json"]).args(arguments);
        if !arguments.contains(&"--no-serve") && !arguments.contains(&"--port") {
            command.args(["--port", "0"]);
        }
        command.env_remove("PORT").env_remove("HOST");
        let errors = tempfile::tempfile().unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors.try_clone().unwrap());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let mut watching = Self { process, events, errors, url: String::new(), received: Vec::new(), marker, owed: 0 };
        let start = watching.until("watch-start");
        start["url"].as_str().unwrap_or_default().clone_into(&mut watching.url);
        watching
    }

    /// What was written on stderr.
    pub(super) fn stderr(&self) -> String {
        let mut bytes = vec![0; usize::try_from(self.errors.metadata().unwrap().len()).unwrap()];
        self.errors.read_exact_at(&mut bytes, 0).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The next event of this kind.
    #[track_caller]
    pub(super) fn until(&mut self, kind: &str) -> Value {
        self.until_any(&[kind])
    }

    #[track_caller]
    pub(super) fn until_any(&mut self, kinds: &[&str]) -> Value {
        self.until_matching(&format!("{kinds:?}"), |event| kinds.iter().any(|kind| event["type"] == *kind))
    }

    /// The next event that is wanted.
    #[track_caller]
    pub(super) fn until_matching(&mut self, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.receive(what, deadline);
            if self.is_marked(&event) {
                continue;
            }
            self.received.push(event.clone());
            if is_wanted(&event) {
                return event;
            }
        }
    }

    #[track_caller]
    fn receive(&self, what: &str, deadline: Instant) -> Value {
        match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(event) => event,
            Err(error) => {
                let ended = error == RecvTimeoutError::Disconnected;
                panic!("no {what} (ended: {ended}) after {:#?}\n{}", self.received.last(), self.stderr());
            }
        }
    }

    /// Whether an event tells of the deployment of a marker, which changes nothing.
    fn is_marked(&mut self, event: &Value) -> bool {
        let is_marked = self.owed > 0 && event["type"] == "served" && event["changed"] == "nothing";
        self.owed -= usize::from(is_marked);
        is_marked
    }

    /// Whether a build has begun whose checks are not done.
    pub(super) fn is_busy(&self) -> bool {
        let mut kinds = self.received.iter().rev().filter_map(|event| event["type"].as_str());
        kinds.find(|kind| matches!(*kind, "build-start" | "watch-idle")) == Some("build-start")
    }

    /// Takes the events that have come; gives those.
    pub(super) fn so_far(&mut self) -> Vec<Value> {
        let events: Vec<Value> = self.events.try_iter().collect();
        let events: Vec<Value> = events.into_iter().filter(|event| !self.is_marked(event)).collect();
        self.received.extend(events.iter().cloned());
        events
    }

    /// Takes events until everything that was done to files so far is handled: told, built, checked, and served or refused. Gives those
    /// events.
    #[track_caller]
    pub(super) fn quiet(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while !self.mark(&mut events) {}
        events
    }

    /// Saves the marker and waits until that is handled. Events come in the order of what they tell of, but for those of the server, which
    /// has handled everything when the marker's deployment is told by itself; false where it was told together with another one.
    #[track_caller]
    fn mark(&mut self, events: &mut Vec<Value>) -> bool {
        fs::File::options().append(true).create(true).open(&self.marker).unwrap();
        let deadline = Instant::now() + PATIENCE;
        // What the marker alone gives rise to is nobody's.
        let (mut is_marked, mut is_alone) = (false, false);
        let (mut is_idle, mut deployment) = (false, None);
        while !is_marked || !is_idle || deployment == Some(Deployment::Awaited) {
            let mut event = self.receive("marker", deadline);
            let is_nothing = self.is_marked(&event);
            match event["type"].as_str().unwrap_or_default() {
                "build-start" => {
                    let changed = event["changed"].as_array_mut().unwrap();
                    let paths = changed.len();
                    changed.retain(|path| path != MARKER);
                    let has_marker = paths != changed.len();
                    is_alone = has_marker && changed.is_empty() && !self.is_busy();
                    is_marked |= has_marker;
                    (is_idle, deployment) = (false, None);
                    if has_marker && changed.is_empty() {
                        continue;
                    }
                }
                "build-complete" if is_marked && event["succeeded"] == true && !self.url.is_empty() => {
                    deployment = Some(Deployment::Awaited);
                    self.owed += 1;
                }
                "watch-idle" => is_idle = is_marked,
                "served" | "refused" if deployment.is_some() => {
                    let is_own = is_nothing || event["type"] == "refused";
                    deployment = Some(if is_own { Deployment::Own } else { Deployment::Shared });
                }
                _ => {}
            }
            let is_of_marker =
                is_alone && matches!(event["type"].as_str(), Some("build-complete" | "check-complete" | "watch-idle"));
            if !is_nothing && !is_of_marker {
                self.received.push(event.clone());
                events.push(event);
            }
        }
        deployment != Some(Deployment::Shared)
    }

    /// As [`Watching::quiet`], for those that do not ask what came.
    #[track_caller]
    pub(super) fn rest(&mut self) {
        self.quiet();
    }

    /// The build after an edit: until it is complete.
    #[track_caller]
    pub(super) fn build(&mut self) -> Value {
        self.until("build-complete")
    }

    /// The labels of what ran, sorted.
    pub(super) fn ran(event: &Value) -> Vec<String> {
        let mut ran: Vec<String> =
            event["ran"].as_array().unwrap().iter().map(|label| label.as_str().unwrap().to_owned()).collect();
        ran.sort();
        ran
    }

    /// `code file:line` of each finding of an event that is at least a warning.
    pub(super) fn findings(event: &Value) -> Vec<String> {
        let found = event["diagnostics"].as_array().unwrap().iter().filter(|found| found["severity"] != "info");
        found
            .map(|found| {
                let file = found["file"].as_str().map_or(String::new(), |file| format!(" {file}"));
                let line = found["span"]["line"].as_u64().map_or(String::new(), |line| format!(":{line}"));
                format!("{}{file}{line}", found["code"].as_str().unwrap())
            })
            .collect()
    }

    /// The status and body of a page.
    #[track_caller]
    pub(super) fn page(&self, path: &str) -> (u16, String) {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let mut response = ureq::Agent::from(agent).get(&format!("{}{path}", self.url)).call().unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    /// Asks for a page until its body holds `text`.
    #[track_caller]
    pub(super) fn until_page(&self, path: &str, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, body) = self.page(path);
            if body.contains(text) {
                return;
            }
            if Instant::now() > deadline {
                let events: Vec<Value> = self.events.try_iter().collect();
                let last = events.len().saturating_sub(5);
                panic!("{path} never holds {text}: {body}\n{:#?}\n{}", &events[last..], self.stderr());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        // The number of a process that was waited for may be another's.
        if !matches!(self.process.try_wait(), Ok(None)) {
            return;
        }
        let _ = kill_process(Pid::from_child(&self.process), signal);
    }

    /// Waits for the end.
    #[track_caller]
    pub(super) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.stderr());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && matches!(self.process.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
