//! Which rules differ between two revisions.
//!
//! Both were planned without running anything, so what the store does not have is unknown. [`affected`] errs on one side only: a
//! rule that it does not name has the same keys in both.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::planning::PlanningDiff;
use super::{Cause, Change, Comparison, Difference};
use crate::discovered::DiscoveredInput;
use crate::event::Status;
use crate::graph::{Direction, RuleGraph};
use crate::key_dump::{ActionRecord, KeyDump};
use crate::label::ActionLabel;
use crate::path::RelPath;

/// Why a rule is affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A key differs.
    Cause(Cause),
    /// An action of the base is no longer planned.
    Gone(ActionLabel),
    /// It cannot be planned in one of the two without running a rule below it that is affected.
    BuildsOn(String),
    /// What an action would see is not known without running it, and something changed.
    Unknown(ActionLabel),
}

/// A rule that is affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// Its label.
    pub rule: String,
    /// The most direct first, never none.
    pub reasons: Vec<Reason>,
}

/// The rules of `head` that are not as they were in `base`, sorted by label. `changed` are the files that differ between the two, and
/// directories of which nothing is known.
pub fn affected(base: &KeyDump, head: &KeyDump, changed: &[(RelPath, Difference)]) -> Vec<Affected> {
    let comparison = Comparison::new(Some(base), head);
    let planning = PlanningDiff::new(base, head);
    let (rules, rules_before) = (RuleGraph::of_dump(head), RuleGraph::of_dump(base));
    let (unknown, unknown_before) = (unknown_rules(head), unknown_rules(base));
    let (actions, actions_before) = (by_rule(head), by_rule(base));
    let none = Vec::new();
    let mut found: Vec<Affected> = Vec::new();
    for rule in rules.nodes() {
        let name = &rule.label;
        let (now, before) = (actions.get(name).unwrap_or(&none), actions_before.get(name).unwrap_or(&none));
        let is_planned = |graph: &RuleGraph, unknown: &BTreeSet<String>| {
            !graph.closure(std::slice::from_ref(name), Direction::Incoming).iter().any(|below| unknown.contains(*below))
        };
        let complete = is_planned(&rules, &unknown) && is_planned(&rules_before, &unknown_before);
        let mut reasons = Vec::new();
        let mut undecided = false;
        for action in now {
            match base.action(&action.label) {
                Some(old) => reasons.extend(compare(&comparison, old, action, changed)),
                None if complete => reasons.extend(causes(&comparison, action)),
                None => undecided = true,
            }
        }
        for old in before.iter().filter(|old| head.action(&old.label).is_none()) {
            if complete {
                reasons.push(Reason::Gone(old.label.clone()));
            } else {
                undecided = true;
            }
        }
        // A rule that plans nothing yet, in either, may still be one that would.
        if reasons.is_empty() && (undecided || (!complete && now.is_empty())) {
            let below = rules.closure(std::slice::from_ref(name), Direction::Incoming);
            reasons.extend(
                found
                    .iter()
                    .filter(|other| below.contains(&&*other.rule))
                    .map(|other| Reason::BuildsOn(other.rule.clone())),
            );
            if reasons.is_empty() {
                let rows = planning.rows_seen(name).map(|row| row.change(None));
                let files = planning.files.iter().map(|(path, how)| Change::File(*how, path.clone()));
                reasons.extend(rows.chain(files).map(|change| Reason::Cause(Cause { change, through: Vec::new() })));
            }
        }
        if !reasons.is_empty() {
            found.push(Affected { rule: name.clone(), reasons });
        }
    }
    found.sort_by(|a, b| a.rule.cmp(&b.rule));
    found
}

fn by_rule(dump: &KeyDump) -> FxHashMap<String, Vec<&ActionRecord>> {
    let mut rules: FxHashMap<String, Vec<&ActionRecord>> = FxHashMap::default();
    for action in &dump.actions {
        rules.entry(action.label.rule.to_string()).or_default().push(action);
    }
    rules
}

/// The rules with an action whose result is not known.
fn unknown_rules(dump: &KeyDump) -> BTreeSet<String> {
    let unknown = dump.actions.iter().filter(|action| is_unknown(action));
    unknown.map(|action| action.label.rule.to_string()).collect()
}

fn is_unknown(action: &ActionRecord) -> bool {
    action.status == Status::Skipped
}

fn compare(
    comparison: &Comparison<'_>,
    old: &ActionRecord,
    new: &ActionRecord,
    changed: &[(RelPath, Difference)],
) -> Vec<Reason> {
    let discovers_inputs = old.discovers_inputs || new.discovers_inputs;
    let both_known = !is_unknown(old) && !is_unknown(new);
    if !old.is_planned_as(new) || (discovers_inputs && both_known && old.key != new.key) {
        return causes(comparison, new);
    }
    if !discovers_inputs || both_known || changed.is_empty() {
        return Vec::new();
    }
    let Some(known) = [old, new].into_iter().find(|action| !is_unknown(action)) else {
        return vec![Reason::Unknown(new.label.clone())];
    };
    let seen = changed
        .iter()
        .filter(|(path, how)| known.discovered_inputs().any(|(seen, found)| concerns(path, *how, seen, found)));
    seen.map(|(path, how)| Reason::Cause(Cause { change: Change::File(*how, path.clone()), through: Vec::new() }))
        .collect()
}

/// Whether a change of `path` can change what is found about `seen`.
fn concerns(path: &RelPath, how: Difference, seen: &RelPath, found: &DiscoveredInput) -> bool {
    if seen.is_within(path) {
        return true;
    }
    // What comes or goes is seen by a listing of its directory; with it, directories above may come or go.
    let above = || path.is_within(seen);
    match found {
        DiscoveredInput::Entries(_)
        | DiscoveredInput::Selected(..)
        | DiscoveredInput::Kind(_)
        | DiscoveredInput::RealPath(_) => how != Difference::Changed && above(),
        DiscoveredInput::Content(_) | DiscoveredInput::Derived(..) => false,
    }
}

fn causes(comparison: &Comparison<'_>, action: &ActionRecord) -> Vec<Reason> {
    let causes = comparison.causes(&action.label);
    if causes.is_empty() {
        return vec![Reason::Unknown(action.label.clone())];
    }
    causes.into_iter().map(Reason::Cause).collect()
}
