//! The loop: plan, start what is missing, take completions, plan again, until nothing is left.
//!
//! A [`Scheduler`] owns the database. Only here do finished actions become inputs (`Scheduler::complete`) and only here are
//! files asked about again. What it gives back is a [`Run`]: the last plan of each goal and how each action got its outcome.

mod run;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use salsa::Setter as _;

pub use self::run::{Report, Run};
use crate::action::{Action, ActionKey, Origin, Outcome};
use crate::db::{Database, Db};
use crate::derivation::renew;
use crate::digest::Digest;
use crate::event::{Event, EventSink, Phase, Status, during};
use crate::execute::{Completion, End, Executor};
use crate::file::Files;
use crate::label::{ActionLabel, Label};
use crate::plan::{RulePlan, Target, gives, holds, plan};
use crate::rule::{Blobs as _, RunError};
use crate::store::Store;
use crate::view::Observation;

/// How often an action is started again because a file changed while it was read.
const RETRIES: u32 = 5;

/// How often what was done so far is published, so that a killed build loses little.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);

/// The world failed, or we did.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// An action could not be run.
    #[error("{label}: {source}")]
    Run {
        /// The action.
        label: ActionLabel,
        /// Why.
        source: RunError,
    },
    /// The files never stood still.
    #[error("{0}: its files keep changing while they are read")]
    Unstable(ActionLabel),
    /// The store could not be written or read.
    #[error("The store failed: {0}")]
    Store(#[from] io::Error),
    /// The user asked to stop.
    #[error("Interrupted")]
    Interrupted,
    /// A bug of ours.
    #[error("{label} panicked: {message}")]
    Panic {
        /// The action.
        label: ActionLabel,
        /// The panic's message.
        message: String,
    },
}

/// Owns the database and drives it.
pub struct Scheduler {
    database: Database,
    store: Arc<Store>,
    executor: Executor,
    events: EventSink,
    cancelled: Arc<AtomicBool>,
    done: (Sender<Completion>, Receiver<Completion>),
    /// How each action last got its outcome.
    status: FxHashMap<ActionLabel, (Status, Duration)>,
    running: FxHashMap<ActionLabel, ActionKey>,
    retries: FxHashMap<ActionLabel, u32>,
}

impl Scheduler {
    /// A scheduler over a database and an executor that share `store`.
    pub fn new(
        database: Database,
        store: Arc<Store>,
        executor: Executor,
        events: EventSink,
        cancelled: Arc<AtomicBool>,
    ) -> Self {
        Self {
            database,
            store,
            executor,
            events,
            cancelled,
            done: channel(),
            status: FxHashMap::default(),
            running: FxHashMap::default(),
            retries: FxHashMap::default(),
        }
    }

    /// The database, between runs.
    pub fn database(&mut self) -> &mut Database {
        &mut self.database
    }

    /// The worker threads.
    pub fn pool(&self) -> &rayon::ThreadPool {
        self.executor.pool()
    }

    /// Brings `goals` up to date in `profile`.
    pub fn run(&mut self, profile: &str, goals: &[Label]) -> Result<Run, BuildError> {
        self.status.clear();
        self.retries.clear();
        let result = self.run_until_idle(profile, goals);
        if result.is_err() {
            self.abandon();
        }
        // What was finished is kept even when something else failed.
        let published = during(&self.events, Phase::Publishing, || self.store.publish());
        let run = result?;
        published?;
        Ok(run)
    }

    /// Plans as far as the store has outcomes, and runs nothing.
    pub fn plan_only(&mut self, profile: &str, goals: &[Label]) -> Result<Run, BuildError> {
        let profile: Arc<str> = Arc::from(profile);
        loop {
            let missing = self.missing(&profile, goals);
            let suspects = self.database.files().take_suspects();
            if !Files::refresh(&mut self.database, &suspects) && !self.take_from_store(&missing)? {
                return Ok(self.report(&profile, goals));
            }
        }
    }

    fn run_until_idle(&mut self, profile: &str, goals: &[Label]) -> Result<Run, BuildError> {
        let profile: Arc<str> = Arc::from(profile);
        let mut published = Instant::now();
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(BuildError::Interrupted);
            }
            let missing = self.missing(&profile, goals);
            let suspects = self.database.files().take_suspects();
            if Files::refresh(&mut self.database, &suspects) {
                continue;
            }
            if self.take_from_store(&missing)? {
                continue;
            }
            for action in missing {
                self.start(action);
            }
            if self.running.is_empty() {
                return Ok(self.report(&profile, goals));
            }
            self.wait()?;
            if published.elapsed() >= PUBLISH_INTERVAL {
                self.store.publish()?;
                published = Instant::now();
            }
        }
    }

    /// The actions that have no outcome and are not running.
    fn missing(&self, profile: &Arc<str>, goals: &[Label]) -> Vec<Arc<Action>> {
        let plans = during(&self.events, Phase::Planning, || self.plans(profile, goals));
        (self.events)(Event::Planned { actions: plans.values().map(|plan| plan.steps.len()).sum() });
        let steps = plans.values().flat_map(|plan| plan.steps.iter());
        let mut missing: Vec<_> = steps
            .filter(|step| step.outcome.is_none() && !self.running.contains_key(&step.action.label))
            .map(|step| step.action.clone())
            .collect();
        // What waits for another process starts first: it takes longest and leaves the workers alone.
        let rules = self.database.rules();
        let is_builtin =
            |action: &Arc<Action>| !rules.rule(action.label.rule.kind()).is_some_and(crate::rule::Rule::is_process);
        missing.sort_by_key(is_builtin);
        missing
    }

    /// The plan of each goal and of every rule below.
    fn plans<'a>(&'a self, profile: &Arc<str>, goals: &'a [Label]) -> BTreeMap<&'a Label, &'a RulePlan> {
        let db: &dyn Db = &self.database;
        let mut plans = BTreeMap::new();
        let mut open: Vec<&Label> = goals.iter().collect();
        while let Some(rule) = open.pop() {
            if !plans.contains_key(rule) {
                let plan = plan(db, Target::new(db, rule.clone(), profile.clone()));
                plans.insert(rule, plan);
                open.extend(&plan.dependencies);
            }
        }
        plans
    }

    /// Takes outcomes out of the store, for as many of `actions` as it has. Returns whether it had any.
    fn take_from_store(&mut self, actions: &[Arc<Action>]) -> Result<bool, BuildError> {
        let found = during(&self.events, Phase::Lookup, || self.look_up(actions))?;
        let any = !found.is_empty();
        for (action, outcome) in found {
            self.finish(&action, outcome, Status::Cached, Duration::ZERO);
        }
        Ok(any)
    }

    fn look_up(&self, actions: &[Arc<Action>]) -> io::Result<Vec<(Arc<Action>, Outcome)>> {
        let mut found = Vec::new();
        for action in actions {
            if !action.cacheable || self.retries.contains_key(&action.label) {
                continue;
            }
            let outcomes = self.store.outcomes(action.key(&[]))?;
            let whole =
                |outcome: &Outcome| outcome.artifacts.iter().all(|artifact| self.store.contains(artifact.digest));
            let matching = outcomes.into_iter().find(|outcome| holds(&self.database, &outcome.trace) && whole(outcome));
            if let Some(outcome) = matching {
                found.push((action.clone(), outcome));
            }
        }
        Ok(found)
    }

    fn start(&mut self, action: Arc<Action>) {
        self.running.insert(action.label.clone(), action.key(&[]));
        self.executor.start(action, self.done.0.clone());
    }

    /// Waits for a completion and takes all that are there, and more while some rule still has all its results to come:
    /// planning again before that could not start anything.
    fn wait(&mut self) -> Result<(), BuildError> {
        let mut outstanding: FxHashMap<Label, usize> = FxHashMap::default();
        self.running.keys().for_each(|label| *outstanding.entry(label.rule.clone()).or_default() += 1);
        loop {
            // Cancellation has no message of its own: the flag is looked at a few times a second.
            let Ok(completion) = self.done.1.recv_timeout(Duration::from_millis(50)) else {
                if self.cancelled.load(Ordering::Relaxed) {
                    return Err(BuildError::Interrupted);
                }
                continue;
            };
            let rule = completion.action.label.rule.clone();
            let again = self.complete(completion)?;
            let left = outstanding.entry(rule).or_default();
            *left = left.saturating_sub(1);
            if again || *left == 0 {
                return Ok(());
            }
        }
    }

    /// Takes one completion. Returns whether to plan at once.
    fn complete(&mut self, completion: Completion) -> Result<bool, BuildError> {
        let Completion { action, end, duration } = completion;
        self.running.remove(&action.label);
        match end {
            End::Outcome(outcome) => {
                let status = if outcome.failed { Status::Failed } else { Status::Ran };
                // What the action saw may be newer than the answers that the plan stands on.
                let mut differing = Vec::new();
                for (path, observation) in &outcome.trace {
                    if gives(&self.database, path, observation) {
                        continue;
                    }
                    if let Observation::Derived(name, _) = observation {
                        renew(&self.database, path, name);
                    }
                    differing.push(path.clone());
                }
                let moved = Files::refresh(&mut self.database, &differing);
                if moved || !differing.is_empty() && !holds(&self.database, &outcome.trace) {
                    self.count_retry(&action)?;
                }
                self.finish(&action, outcome, status, duration);
                Ok(moved)
            }
            End::Error(RunError::InputChanged(path)) => {
                self.count_retry(&action)?;
                Files::refresh(&mut self.database, &[path]);
                Ok(true)
            }
            End::Error(RunError::BlobMissing(_)) => {
                self.count_retry(&action)?;
                // A damaged store has usually lost more than one.
                let inputs = action.inputs.iter().filter(|input| input.origin == Origin::Store);
                self.heal(inputs.map(|input| input.digest))?;
                Ok(true)
            }
            End::Error(RunError::Cancelled) => Err(BuildError::Interrupted),
            End::Error(source) => Err(BuildError::Run { label: action.label.clone(), source }),
            End::Panic(message) => Err(BuildError::Panic { label: action.label.clone(), message }),
        }
    }

    fn count_retry(&mut self, action: &Action) -> Result<(), BuildError> {
        let retries = self.retries.entry(action.label.clone()).or_default();
        *retries += 1;
        if *retries > RETRIES { Err(BuildError::Unstable(action.label.clone())) } else { Ok(()) }
    }

    /// The one place where a finished action becomes an input.
    fn finish(&mut self, action: &Action, outcome: Outcome, status: Status, duration: Duration) {
        let planned = action.key(&[]);
        let key = if outcome.trace.is_empty() { planned } else { action.key(&outcome.trace) };
        let db: &dyn Db = &self.database;
        let slot = db.slots().slot(db, &action.label);
        slot.set_done(&mut self.database).to(Some((planned, Arc::new(outcome))));
        self.status.insert(action.label.clone(), (status, duration));
        (self.events)(Event::Finished { label: action.label.clone(), status, key, duration });
    }

    /// Makes every action run again that made one of `digests` which the store no longer has.
    pub fn heal(&mut self, digests: impl IntoIterator<Item = Digest>) -> io::Result<()> {
        for digest in digests {
            if self.store.get(digest)?.is_none() {
                self.forget(digest);
            }
        }
        Ok(())
    }

    fn forget(&mut self, digest: Digest) {
        let db: &dyn Db = &self.database;
        let losers = db.slots().with_artifact(db, digest);
        for slot in losers {
            let label = slot.label(&self.database).clone();
            slot.set_done(&mut self.database).to(None);
            self.retries.entry(label).or_default();
        }
    }

    /// Tells what runs to end and waits until it has.
    fn abandon(&mut self) {
        let asked_before = self.cancelled.swap(true, Ordering::Relaxed);
        while !self.running.is_empty() {
            let Ok(completion) = self.done.1.recv() else { break };
            self.running.remove(&completion.action.label);
        }
        self.cancelled.store(asked_before, Ordering::Relaxed);
    }

    fn report(&self, profile: &Arc<str>, goals: &[Label]) -> Run {
        let plans = self.plans(profile, goals);
        let mut reports = Vec::new();
        for plan in plans.values() {
            for step in &plan.steps {
                let label = &step.action.label;
                let trace = step.outcome.as_ref().map_or(&[][..], |outcome| &outcome.trace);
                let (status, duration) = match &step.outcome {
                    None => (Status::Skipped, Duration::ZERO),
                    Some(outcome) => self.status.get(label).copied().unwrap_or_else(|| {
                        let status = if outcome.failed { Status::Failed } else { Status::Cached };
                        (status, Duration::ZERO)
                    }),
                };
                reports.push(Report { label: label.clone(), status, key: step.action.key(trace), duration });
            }
        }
        reports.sort_by(|a, b| a.label.cmp(&b.label));
        let plans = plans.into_iter().map(|(rule, plan)| (rule.clone(), plan.clone())).collect();
        Run { plans, reports }
    }
}
