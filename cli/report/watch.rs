//! What `webstir watch` shows.
//!
//! A [`View`] receives what happens and shows it in one of four [`Style`]s: a screen that is drawn anew when something is done, plain
//! lines, one JSON object a line on stdout, or nothing but what is wrong. It knows all that is wrong at present, not only what the last
//! change did.

mod log;
mod screen;
mod state;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use webstir_engine::diagnostic::{Diagnostic, Severity};
use webstir_engine::path::RelPath;
use webstir_runtime::Deployed;

pub(crate) use log::LogSink;
use state::{Checks, Outcome, State, ran};

use super::terminal::{most_shown, rendered};
use super::{duration, json as documents, result, story, terminal};
use crate::args::Global;
use crate::compose::{Built, Failure, is_check};

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

    /// Whether keys are to be read.
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
            Style::Json => event("error", json!({ "message": failure.in_full(), "help": failure.help })),
            Style::Screen => {
                let mut state = self.state();
                state.now_about();
                state.trouble = Some(terminal::failure_lines(&failure.message, failure).join("\n"));
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
        state.checks = Checks::Awaited;
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
        state.now_about();
        state.served = None;
        state.built = Some(outcome);
        state.ran = ran(built, state.was_asked);
        state.findings.of_build = self.rendered(built, |found| !is_of_a_check(found));
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
            // What is served is drawn when it is.
            Style::Screen if !built.ok || state.url.is_none() => screen::draw(&state),
            Style::Screen => {}
            Style::Lines | Style::Quiet => report_findings(&state.findings.of_build),
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

    /// The checks are done, whether the rest is or not.
    pub(crate) fn checked(&self, checked: &Built) {
        let mut state = self.state();
        let outcome = Outcome::of(checked, &checked.diagnostics);
        state.checks = Checks::Done(outcome);
        state.findings.of_checks = self.rendered(checked, |_| true);
        match self.style {
            Style::Screen => screen::draw(&state),
            Style::Lines | Style::Quiet => report_findings(&state.findings.of_checks),
            Style::Json => event(
                "check-complete",
                json!({
                    "succeeded": checked.ok,
                    "errorCount": outcome.errors,
                    "warningCount": outcome.warnings,
                    "durationMs": milliseconds(checked.duration),
                    "diagnostics": documents::diagnostics(&checked.diagnostics),
                }),
            ),
        }
    }

    /// Nothing is left to do.
    pub(crate) fn idle(&self, built: &Built) {
        let mut state = self.state();
        let outcome = Outcome::of(built, &built.diagnostics);
        state.ran = ran(built, state.was_asked);
        if matches!(state.checks, Checks::Awaited) {
            state.checks = Checks::Absent;
        }
        // What one of them says better is known only now.
        state.findings.of_build = self.rendered(built, |found| !is_of_a_check(found));
        state.findings.of_checks = self.rendered(built, is_of_a_check);
        match self.style {
            Style::Screen => screen::draw(&state),
            Style::Lines => {
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
                "watch-idle",
                json!({
                    "succeeded": built.ok,
                    "errorCount": outcome.errors,
                    "warningCount": outcome.warnings,
                    "durationMs": milliseconds(built.duration),
                    "causes": state.ran.iter().map(|ran| json!({ "label": ran.label, "why": ran.why })).collect::<Vec<_>>(),
                    "diagnostics": documents::diagnostics(&built.diagnostics),
                }),
            ),
            Style::Quiet => {}
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

    /// The findings that are wanted, as text.
    fn rendered(&self, built: &Built, is_wanted: impl Fn(&Diagnostic) -> bool) -> Vec<String> {
        let wanted: Vec<Diagnostic> = built.diagnostics.iter().filter(|found| is_wanted(found)).cloned().collect();
        rendered(&wanted, &built.workspace.system, self.least, most_shown(MOST_FINDINGS))
    }
}

/// Whether a check said it, which holds nothing up.
pub(crate) fn is_of_a_check(diagnostic: &Diagnostic) -> bool {
    diagnostic.rule.as_ref().is_some_and(is_check)
}

fn report_findings(findings: &[String]) {
    for text in findings {
        story(text);
    }
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
