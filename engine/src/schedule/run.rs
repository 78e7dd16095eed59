//! What came of bringing rules up to date.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::action::{ActionKey, Artifact};
use crate::diagnostic::Diagnostic;
use crate::event::Status;
use crate::label::{ActionLabel, Label};
use crate::plan::{RulePlan, State};

/// How one action got its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its name.
    pub label: ActionLabel,
    /// How.
    pub status: Status,
    /// Its key, the trace included. A skipped action has the key of what was planned.
    pub key: ActionKey,
    /// How long it ran in this process.
    pub duration: Duration,
}

/// The result of bringing some rules up to date.
#[derive(Debug)]
pub struct Run {
    /// The last plan of each goal and of the rules below, by rule.
    pub plans: BTreeMap<Label, RulePlan>,
    /// Every action of those plans, by name.
    pub reports: Vec<Report>,
}

impl Run {
    /// Whether every goal is done.
    pub fn is_done(&self) -> bool {
        self.plans.values().all(|plan| plan.state == State::Done)
    }

    /// All findings, sorted, each once.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut diagnostics: Vec<_> = self.plans.values().flat_map(RulePlan::findings).cloned().collect();
        diagnostics.sort();
        diagnostics.dedup();
        diagnostics
    }

    /// The files of all goals, sorted by path.
    pub fn artifacts(&self) -> Vec<Artifact> {
        let mut artifacts: Vec<_> = self.plans.values().flat_map(|plan| plan.artifacts.iter().cloned()).collect();
        artifacts.sort();
        artifacts.dedup();
        artifacts
    }
}
