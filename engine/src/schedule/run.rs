//! What came of bringing rules up to date.

use std::collections::BTreeMap;
use std::time::Duration;

use super::standing::Standings;
use crate::action::{ActionKey, Artifact};
use crate::diagnostic::Diagnostic;
use crate::event::Status;
use crate::label::{ActionLabel, Label};
use crate::plan::{RulePlan, State};

/// How one action got its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its name.
    pub label: ActionLabel,
    /// How.
    pub status: Status,
    /// Its key, discovered inputs included. A skipped action has the key of what was planned.
    pub key: ActionKey,
    /// How long it ran in this process.
    pub duration: Duration,
}

/// The result of bringing some rules up to date.
#[derive(Debug)]
pub struct Run {
    /// The last plan of each target and of the rules below, by rule.
    pub plans: BTreeMap<Label, RulePlan>,
    /// Every action of those plans, by name.
    pub reports: Vec<Report>,
}

impl Run {
    /// Of these plans. An action of which it is not known how it got its result was done before.
    pub(super) fn new(plans: BTreeMap<&Label, &RulePlan>, actions: &Standings) -> Self {
        let mut reports = Vec::new();
        for plan in plans.values() {
            for step in &plan.steps {
                let label = &step.action.label;
                let discovered = step.result.as_ref().map_or(&[][..], |result| &result.discovered);
                let (status, duration) = match &step.result {
                    None => (Status::Skipped, Duration::ZERO),
                    Some(result) => actions.reached(label).unwrap_or_else(|| {
                        let status = if result.is_failed() { Status::Failed } else { Status::Cached };
                        (status, Duration::ZERO)
                    }),
                };
                reports.push(Report { label: label.clone(), status, key: step.action.key(discovered), duration });
            }
        }
        reports.sort_by(|a, b| a.label.cmp(&b.label));
        let plans = plans.into_iter().map(|(rule, plan)| (rule.clone(), plan.clone())).collect();
        Self { plans, reports }
    }

    /// Whether every target is done.
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

    /// The files of all targets, sorted by path.
    pub fn artifacts(&self) -> Vec<Artifact> {
        artifacts(self.plans.values())
    }
}

/// The files of some plans, sorted by path.
pub(super) fn artifacts<'a>(plans: impl Iterator<Item = &'a RulePlan>) -> Vec<Artifact> {
    let mut artifacts: Vec<_> = plans.flat_map(|plan| plan.artifacts.iter().cloned()).collect();
    artifacts.sort();
    artifacts.dedup();
    artifacts
}
