//! What is planned and not done, and what the store has of it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{BuildError, Scheduler, Targets};
use crate::action::{Action, ActionResult};
use crate::event::{Event, Phase, Status, during};
use crate::label::Label;
use crate::plan::{PlanDb, RulePlan, State, Target, plan};
use crate::validity::holds;

impl Scheduler {
    /// The actions that have no result and are not running.
    pub(super) fn missing(&self, profile: &Arc<str>, targets: &[Label]) -> Vec<Arc<Action>> {
        let plans = during(&self.events, Phase::Planning, || self.plans(profile, targets));
        (self.events)(Event::Planned { actions: plans.values().map(|plan| plan.steps.len()).sum() });
        let steps = plans.values().flat_map(|plan| plan.steps.iter());
        let mut missing: Vec<_> = steps
            .filter(|step| step.result.is_none() && !self.actions.is_running(&step.action.label))
            .map(|step| step.action.clone())
            .collect();
        // What waits for another process starts first: it takes longest and leaves the workers alone.
        let runs = self.executor.runs();
        let is_builtin = |action: &Arc<Action>| !runs.is_process(action.label.rule.kind());
        missing.sort_by_key(is_builtin);
        missing
    }

    /// The plan of each target and of every rule below.
    pub(super) fn plans<'a>(&'a self, profile: &Arc<str>, targets: &'a [Label]) -> BTreeMap<&'a Label, &'a RulePlan> {
        let db: &dyn PlanDb = &self.database;
        let mut plans = BTreeMap::new();
        let mut open: Vec<&Label> = targets.iter().collect();
        while let Some(rule) = open.pop() {
            if !plans.contains_key(rule) {
                let plan = plan(db, Target::new(db, rule.clone(), profile.clone()));
                plans.insert(rule, plan);
                open.extend(&plan.dependencies);
            }
        }
        plans
    }

    /// Takes results out of the store, for as many of `actions` as it has. Returns whether it had any.
    pub(super) fn take_from_store(&mut self, actions: &[Arc<Action>]) -> Result<bool, BuildError> {
        let found = during(&self.events, Phase::Lookup, || self.look_up(actions))?;
        let any = !found.is_empty();
        for (action, result) in found {
            self.finish(&action, result, Status::Cached, Duration::ZERO);
        }
        Ok(any)
    }

    /// Takes these out of the store, or starts them all. Returns whether the store had any.
    pub(super) fn begin_all(&mut self, actions: Vec<Arc<Action>>) -> Result<bool, BuildError> {
        if self.take_from_store(&actions)? {
            return Ok(true);
        }
        for action in actions {
            self.start(action);
        }
        Ok(false)
    }

    fn look_up(&self, actions: &[Arc<Action>]) -> io::Result<Vec<(Arc<Action>, ActionResult)>> {
        let mut found = Vec::new();
        for action in actions {
            if !action.cacheable || !self.actions.may_be_stored(&action.label) {
                continue;
            }
            let results = self.store.results(action.key(&[]))?;
            let whole =
                |result: &ActionResult| result.artifacts.iter().all(|artifact| self.store.contains(artifact.digest));
            let matching = results
                .into_iter()
                .find(|result| action.accepts(result) && holds(&self.database, &result.discovered) && whole(result));
            if let Some(result) = matching {
                found.push((action.clone(), result));
            }
        }
        Ok(found)
    }

    /// The first target group for which nothing is left to do and that was not reported.
    pub(super) fn done_group(&self, targets: &Targets) -> Option<usize> {
        let is_unreported = |group: &usize| self.progress.is_unreported(*group);
        (0..targets.groups.len())
            .filter(is_unreported)
            .find(|group| self.is_group_done(targets, &targets.groups[*group]))
    }

    fn is_group_done(&self, targets: &Targets, group: &[Label]) -> bool {
        !group.is_empty()
            && self.plans(&targets.profile, group).values().all(|plan| {
                plan.steps.iter().all(|step| step.result.is_some() || !self.actions.is_running(&step.action.label))
            })
    }

    /// Stops what runs although something else is planned in its place, or nothing.
    pub(super) fn stop_superseded(&mut self, targets: &Targets) {
        if !self.progress.is_doubted(!self.actions.is_quiet()) {
            return;
        }
        let plans = self.plans(&targets.profile, &targets.all);
        let steps = plans.values().flat_map(|plan| &plan.steps);
        let wanted: FxHashMap<_, _> = steps.map(|step| (&step.action.label, step.action.key(&[]))).collect();
        for running in self.actions.running() {
            let is_wanted = match wanted.get(running.label) {
                Some(key) => *key == running.key,
                // While a rule below is not done it is not known what will be planned.
                None => plans.get(&running.label.rule).is_some_and(|plan| plan.state == State::Pending),
            };
            if !is_wanted {
                running.cancel();
            }
        }
    }
}
