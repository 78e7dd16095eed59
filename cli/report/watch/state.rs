//! What there is to be shown: a [`State`] is what is known at present, whatever the last change was about.

use std::time::Duration;

use webstir_engine::diagnostic::{Diagnostic, Severity};
use webstir_engine::event::Status;
use webstir_engine::explain::{Cause, Change};

use super::log::Log;
use crate::compose::Built;
use crate::explanation::Explanation;
use crate::report::cause;
use crate::report::terminal::plural;

/// What there is to be shown.
#[derive(Default)]
pub(super) struct State {
    pub(super) name: String,
    pub(super) profile: String,
    /// `None` where nothing is served.
    pub(super) url: Option<String>,
    pub(super) has_keys: bool,
    /// What the build under way is about; `None` when none is.
    pub(super) building: Option<Vec<String>>,
    /// What the last build was about.
    pub(super) changed: Vec<String>,
    /// Whether somebody asked for the last build: nothing had changed.
    pub(super) was_asked: bool,
    pub(super) ran: Vec<Ran>,
    pub(super) built: Option<Outcome>,
    pub(super) served: Option<Duration>,
    pub(super) checks: Checks,
    pub(super) findings: Findings,
    /// What the user should know for as long as this runs.
    pub(super) notice: Option<String>,
    /// Why what was built is not served.
    pub(super) refused: Option<String>,
    /// What went wrong since the last change, other than in the build.
    pub(super) trouble: Option<String>,
    pub(super) started_before: bool,
    /// What was logged last.
    pub(super) log: Log,
}

/// All that is wrong at present, as text.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) of_build: Vec<String>,
    pub(super) of_checks: Vec<String>,
}

impl Findings {
    pub(super) fn iter(&self) -> impl Iterator<Item = &String> {
        self.of_build.iter().chain(&self.of_checks)
    }
}

/// What the checks of the last change gave.
#[derive(Default)]
pub(super) enum Checks {
    #[default]
    Awaited,
    Done(Outcome),
    /// There are none.
    Absent,
}

/// An action that ran.
pub(super) struct Ran {
    pub(super) label: String,
    pub(super) duration: Duration,
    pub(super) why: Option<String>,
}

/// How a part of a build ended.
#[derive(Clone, Copy)]
pub(super) struct Outcome {
    pub(super) ok: bool,
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) duration: Duration,
}

impl State {
    /// What was under way is what is shown from now on.
    pub(super) fn now_about(&mut self) {
        if let Some(changed) = self.building.take() {
            self.was_asked = changed.is_empty();
            self.changed = changed;
        }
    }
}

impl Outcome {
    pub(super) fn of(built: &Built, diagnostics: &[Diagnostic]) -> Self {
        let count = |severity| diagnostics.iter().filter(|found| found.severity == severity).count();
        Self {
            ok: built.ok,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            duration: built.duration,
        }
    }

    /// `2 errors, 1 warning`.
    pub(super) fn counts(&self) -> String {
        let mut parts = Vec::new();
        for (number, noun) in [(self.errors, "error"), (self.warnings, "warning")] {
            if number > 0 {
                parts.push(plural(number, noun));
            }
        }
        parts.join(", ")
    }
}

/// What ran, the longest first, with the cause where it is known.
pub(super) fn ran(built: &Built, was_asked: bool) -> Vec<Ran> {
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
