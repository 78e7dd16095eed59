//! What `webstir watch` shows.
//!
//! A [`View`] is told what happens and shows it in one of four [`Style`]s: a screen that is drawn anew when something is done, plain
//! lines, one JSON object a line on stdout, or nothing but what is wrong. It knows all that is wrong at present, not only what the last
//! change did.

mod log;
mod screen;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use webstir_engine::diagnostic::{Diagnostic, Severity};
use webstir_engine::event::Status;
use webstir_engine::explain::{Cause, Change};
use webstir_engine::path::RelPath;
use webstir_runtime::Deployed;

use log::Log;
pub(crate) use log::LogSink;

use super::terminal::{most_shown, plural, rendered};
use super::{cause, duration, json as documents, result, story, terminal};
use crate::args::Global;
use crate::compose::{Built, Failure};
use crate::explanation::Explanation;

/// As many findings are shown, unless `WEBSTIR_BACKEND_DIAG_MAX` says otherwise: the screen is small.
const MOST_FINDINGS: usize = 20;

/// How things are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Screen,
    Lines,
    Json,
    /// Only errors.
    Quiet,
}

/// Shows what happens. Cloning shares it.
#[derive(Clone)]
pub(crate) struct View {
    style: Style,
    least: Severity,
    state: Arc<Mutex<State>>,
}

/// What there is to be shown.
#[derive(Default)]
struct State {
    name: String,
    profile: String,
    /// `None` where nothing is served.
    url: Option<String>,
    has_keys: bool,
    /// What the build under way is about; `None` when none is.
    building: Option<Vec<String>>,
    /// What the last build was about.
    changed: Vec<String>,
    /// Whether somebody asked for the last build: nothing had changed.
    was_asked: bool,
    ran: Vec<Ran>,
    built: Option<Outcome>,
    served: Option<Duration>,
    checked: Option<Outcome>,
    /// The findings of everything, as text.
    findings: Vec<String>,
    /// What the user should know for as long as this runs.
    notice: Option<String>,
    /// Why what was built is not served.
    refused: Option<String>,
    /// What went wrong since the last change, other than in the build.
    trouble: Option<String>,
    started_before: bool,
    /// What was logged last.
    log: Log,
}

/// An action that ran.
struct Ran {
    label: String,
    duration: Duration,
    why: Option<String>,
}

/// How a part of a build ended.
#[derive(Clone, Copy)]
struct Outcome {
    ok: bool,
    errors: usize,
    warnings: usize,
    duration: Duration,
}

impl View {
    pub(crate) fn new(global: &Global) -> Self {
        let style = if global.json {
            Style::Json
        } else if global.quiet {
            Style::Quiet
        } else if console::user_attended_stderr() && std::env::var_os("CI").is_none() && !global.verbose {
            Style::Screen
        } else {
            Style::Lines
        };
        Self { style, least: terminal::least_shown(global), state: Arc::default() }
    }

    /// Whether keys are to be heard.
    pub(crate) fn is_screen(&self) -> bool {
        self.style == Style::Screen
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It begins.
    pub(crate) fn started(&self, name: &str, profile: &str, url: Option<&str>, has_keys: bool) {
        let mut state = self.state();
        name.clone_into(&mut state.name);
        profile.clone_into(&mut state.profile);
        state.url = url.map(str::to_owned);
        state.has_keys = has_keys;
        match self.style {
            Style::Screen => screen::draw(&state),
            Style::Lines => {
                story(&format!("[webstir] watch starting\nworkspace: {name}\nmode: {profile}"));
                if let Some(url) = url {
                    story(&format!("url: {url}"));
                }
                story(&format!("[webstir-backend] watch:start ({profile})"));
            }
            Style::Json => event("watch-start", json!({ "workspace": name, "profile": profile, "url": url })),
            Style::Quiet => {}
        }
    }

    /// Something that the user should know.
    pub(crate) fn notice(&self, text: &str) {
        match self.style {
            Style::Screen => {
                let mut state = self.state();
                state.notice = Some(text.to_owned());
                screen::draw(&state);
            }
            Style::Lines => story(&format!("[webstir] {text}")),
            Style::Json => event("notice", json!({ "message": text })),
            Style::Quiet => {}
        }
    }

    /// The world failed; what is next is waited for.
    pub(crate) fn trouble(&self, failure: &Failure) {
        match self.style {
            Style::Json => event("error", json!({ "message": failure.message, "help": failure.help })),
            Style::Screen => {
                let mut state = self.state();
                state.now_about();
                let help = failure.help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
                state.trouble = Some(format!("{}{help}", failure.message));
                screen::draw(&state);
            }
            _ => terminal::failure("watch", failure),
        }
    }

    /// A build begins.
    pub(crate) fn changed(&self, paths: &BTreeSet<RelPath>) {
        let mut state = self.state();
        let changed: Vec<String> = paths.iter().map(ToString::to_string).collect();
        state.trouble = None;
        match self.style {
            Style::Lines if !paths.is_empty() => story(&format!("changed: {}", listed(&changed))),
            Style::Json => event("build-start", json!({ "changed": changed })),
            _ => {}
        }
        state.building = Some(changed);
        if self.style == Style::Screen {
            // What the last build did stays until there is more to say.
            screen::draw(&state);
        }
    }

    /// Everything but the checks is done.
    pub(crate) fn built(&self, built: &Built) {
        let mut state = self.state();
        let outcome = Outcome::of(built, &built.diagnostics);
        if built.ok && state.built.is_some_and(|before| !before.ok) {
            // What made it fail is gone.
            state.findings.clear();
        }
        state.now_about();
        state.served = None;
        state.built = Some(outcome);
        state.checked = None;
        state.ran = ran(built, state.was_asked);
        match self.style {
            Style::Json => {
                let labels: Vec<&str> = state.ran.iter().map(|ran| ran.label.as_str()).collect();
                event(
                    "build-complete",
                    json!({
                        "succeeded": built.ok,
                        "errorCount": outcome.errors,
                        "warningCount": outcome.warnings,
                        "durationMs": milliseconds(built.duration),
                        "ran": labels,
                        "diagnostics": documents::diagnostics(&built.diagnostics),
                    }),
                );
            }
            Style::Screen if !built.ok => {
                state.findings = self.findings(built);
                screen::draw(&state);
            }
            // What is served is drawn when it is.
            Style::Screen if state.url.is_none() => screen::draw(&state),
            Style::Screen => {}
            // All of them are told when the checks are done.
            Style::Lines if built.ok => {}
            Style::Lines | Style::Quiet => self.tell(built),
        }
    }

    /// What was built is served.
    pub(crate) fn served(&self, deployed: &Deployed, since: Duration) {
        let mut state = self.state();
        state.served = Some(since);
        state.refused = None;
        let is_first = !std::mem::replace(&mut state.started_before, true);
        let url = state.url.clone().unwrap_or_default();
        match self.style {
            Style::Screen => screen::draw(&state),
            Style::Lines if is_first => story(&format!("backend ready at {url}")),
            Style::Lines => match deployed {
                Deployed::Unchanged => {}
                Deployed::Site { changed, .. } => story(&format!("served {} in {}", listed(changed), duration(since))),
                Deployed::Module => story(&format!("backend restarted at {url} in {}", duration(since))),
            },
            Style::Json => {
                let (what, paths) = match deployed {
                    Deployed::Unchanged => ("nothing", &[][..]),
                    Deployed::Site { changed, .. } => ("site", &changed[..]),
                    Deployed::Module => ("module", &[][..]),
                };
                event("served", json!({ "changed": what, "paths": paths, "durationMs": milliseconds(since) }));
            }
            Style::Quiet => {}
        }
    }

    /// What was built cannot be served; what was before still is.
    pub(crate) fn refused(&self, message: &str) {
        match self.style {
            Style::Json => event("refused", json!({ "message": message })),
            Style::Screen => {
                let mut state = self.state();
                state.refused = Some(message.to_owned());
                screen::draw(&state);
            }
            _ => story(&format!("[webstir] not served: {message}; keeping the current runtime")),
        }
    }

    /// The checks are done as well.
    pub(crate) fn checked(&self, built: &Built) {
        let mut state = self.state();
        let of_checks: Vec<_> = built.diagnostics.iter().filter(|found| is_of_a_check(found)).cloned().collect();
        let checked = Outcome::of(built, &of_checks);
        state.checked = Some(Outcome { ok: checked.errors == 0, ..checked });
        state.ran = ran(built, state.was_asked);
        match self.style {
            Style::Screen => {
                state.findings = self.findings(built);
                screen::draw(&state);
            }
            Style::Lines => {
                self.tell(built);
                for ran in &state.ran {
                    if let Some(why) = &ran.why {
                        story(&format!("    why {}: {why}", ran.label));
                    }
                }
                story(&terminal::summary(built));
                if !built.ok && state.served.is_none() && state.built.is_some_and(|built| !built.ok) {
                    story("backend rebuild failed; keeping the current runtime process");
                }
            }
            Style::Json => event(
                "check-complete",
                json!({
                    "succeeded": built.ok,
                    "errorCount": checked.errors,
                    "warningCount": checked.warnings,
                    "durationMs": milliseconds(built.duration),
                    "causes": state.ran.iter().map(|ran| json!({ "label": ran.label, "why": ran.why })).collect::<Vec<_>>(),
                    "diagnostics": documents::diagnostics(&built.diagnostics),
                }),
            ),
            Style::Quiet => self.tell(built),
        }
    }

    /// It is over.
    pub(crate) fn stopped(&self) {
        match self.style {
            Style::Lines => story("[webstir-backend] watch:stopped"),
            Style::Json => event("watch-stop", json!({})),
            Style::Screen | Style::Quiet => {}
        }
    }

    /// The first build is done, whatever came of it.
    pub(crate) fn ready(&self) {
        match self.style {
            Style::Lines => story("[webstir-backend] watch:ready"),
            Style::Json => event("watch-ready", json!({})),
            Style::Screen | Style::Quiet => {}
        }
    }

    fn tell(&self, built: &Built) {
        for text in self.findings(built) {
            story(&text);
        }
    }

    fn findings(&self, built: &Built) -> Vec<String> {
        rendered(&built.diagnostics, &built.workspace.system, self.least, most_shown(MOST_FINDINGS))
    }
}

impl State {
    /// What was under way is what is shown from now on.
    fn now_about(&mut self) {
        if let Some(changed) = self.building.take() {
            self.was_asked = changed.is_empty();
            self.changed = changed;
        }
    }
}

impl Outcome {
    fn of(built: &Built, diagnostics: &[Diagnostic]) -> Self {
        let count = |severity| diagnostics.iter().filter(|found| found.severity == severity).count();
        Self {
            ok: built.ok,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            duration: built.duration,
        }
    }

    /// `2 errors, 1 warning`.
    fn counts(&self) -> String {
        let mut parts = Vec::new();
        for (number, noun) in [(self.errors, "error"), (self.warnings, "warning")] {
            if number > 0 {
                parts.push(plural(number, noun));
            }
        }
        parts.join(", ")
    }
}

/// Whether a check said it, which holds nothing up.
pub(crate) fn is_of_a_check(diagnostic: &Diagnostic) -> bool {
    diagnostic.rule.as_ref().is_some_and(|rule| rule.kind() == "typecheck")
}

/// What ran, the longest first, with the cause where it is known.
fn ran(built: &Built, was_asked: bool) -> Vec<Ran> {
    let comparison = built.explanation.as_ref().map(Explanation::comparison);
    let why = |cause: &Cause| match cause.change {
        // To check again is to forget what the check gave.
        Change::NotInStore if was_asked => "You asked for it".to_owned(),
        _ => cause::sentence(cause),
    };
    let reports = built.run.iter().flat_map(|run| &run.reports);
    let mut ran: Vec<Ran> = reports
        .filter(|report| matches!(report.status, Status::Ran | Status::Failed))
        .map(|report| Ran {
            label: report.label.to_string(),
            duration: report.duration,
            why: comparison.as_ref().and_then(|comparison| comparison.causes(&report.label).first().map(why)),
        })
        .collect();
    ran.sort_by(|a, b| b.duration.cmp(&a.duration).then_with(|| a.label.cmp(&b.label)));
    ran
}

/// The first few of a list.
fn listed(names: &[String]) -> String {
    const FEW: usize = 3;
    let mut text = names.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > FEW {
        text += &format!(" and {} more", names.len() - FEW);
    }
    text
}

fn event(kind: &str, mut fields: Value) {
    if let Value::Object(fields) = &mut fields {
        fields.shift_insert(0, "type".to_owned(), json!(kind));
    }
    result(&format!("{fields}\n"));
}

fn milliseconds(duration: Duration) -> f64 {
    // Microseconds are enough.
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
