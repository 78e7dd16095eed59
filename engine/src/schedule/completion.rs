//! Starting actions and taking what is said while they run.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use salsa::Setter as _;

use super::progress::Trial;
use super::{BuildError, CANCELLATION_INTERVAL, Message, RETRIES, Scheduler};
use crate::action::{Action, ActionResult, Origin, SharedResult, Verdict};
use crate::blob::Blobs as _;
use crate::clock;
use crate::db::Db;
use crate::digest::Digest;
use crate::discovered::DiscoveredInput;
use crate::event::{Event, Status};
use crate::execute::{Completion, End};
use crate::file::{Changes, Files};
use crate::label::Label;
use crate::machine::Programs;
use crate::path::RelPath;
use crate::run::{Previous, RunError};
use crate::validity::{gives, holds, renew};

impl Scheduler {
    pub(super) fn start(&mut self, action: Arc<Action>) {
        let uses_previous = self.executor.runs().uses_previous(action.label.rule.kind());
        let sees_everything = self.sees_everything(&action);
        let cancelled = self.actions.start(&action, sees_everything);
        let inbox = self.inbox.0.clone();
        // A scheduler that has gone away wants no more completions.
        let done = move |completion| drop(inbox.send(Message::Completed(completion)));
        let previous = uses_previous.then(|| self.previous(&action)).flatten();
        self.executor.start(action, previous, cancelled, Arc::new(done));
    }

    /// Whether any change of the workspace may concern the action, and it takes long.
    pub(super) fn sees_everything(&self, action: &Action) -> bool {
        action.discovers_inputs && self.executor.runs().is_process(action.label.rule.kind())
    }

    /// What came of the action before the world changed: in this process, or else in the store.
    fn previous(&self, action: &Action) -> Option<Previous> {
        let db: &dyn Db = &self.database;
        let previous = |result: SharedResult| {
            let differing = result.discovered.iter().filter(|(path, input)| !gives(db, path, input));
            let mut changed: Vec<RelPath> = differing.map(|(path, _)| path.clone()).collect();
            changed.dedup();
            Previous { result, changed: changed.into_boxed_slice() }
        };
        if let Some((key, result)) = db.result_inputs().of(db, &action.label).done(db)
            && *key == action.key(&[])
        {
            return Some(previous(result.clone()));
        }
        if !action.cacheable || !self.actions.may_be_stored(&action.label) {
            return None;
        }
        // One that cannot be read is none: it is only where to start from.
        let stored = self.store.results(action.key(&[])).unwrap_or_default();
        let usable = stored.into_iter().filter(|result| result.state.is_some_and(|state| self.store.contains(state)));
        usable.map(|result| previous(Arc::new(result))).min_by_key(|previous| previous.changed.len())
    }

    /// Waits for messages until there is a reason to plan, or something to tell: while some rule still has all its results to come,
    /// planning again could not start anything. False when that is not so until the `deadline`.
    pub(super) fn wait(
        &mut self,
        concerns: &dyn Fn(&RelPath) -> bool,
        deadline: Option<Instant>,
    ) -> Result<bool, BuildError> {
        let mut outstanding: FxHashMap<Label, usize> = FxHashMap::default();
        self.actions.running().for_each(|running| *outstanding.entry(running.label.rule.clone()).or_default() += 1);
        loop {
            let received = if self.actions.is_quiet() {
                self.inbox.1.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                let left = deadline.map(|deadline| deadline.saturating_duration_since(clock::now()));
                if left.is_some_and(|left| left.is_zero()) {
                    return Ok(false);
                }
                self.inbox.1.recv_timeout(left.map_or(CANCELLATION_INTERVAL, |left| left.min(CANCELLATION_INTERVAL)))
            };
            let Ok(message) = received else {
                if self.cancelled.load(Ordering::Relaxed) {
                    return Err(BuildError::Interrupted);
                }
                continue;
            };
            let rule = match &message {
                Message::Completed(completion) => Some(completion.action.label.rule.clone()),
                _ => None,
            };
            let again = self.take(message, concerns)?;
            let left = rule.map(|rule| {
                let left = outstanding.entry(rule).or_default();
                *left = left.saturating_sub(1);
                *left
            });
            if again || left == Some(0) {
                return Ok(true);
            }
        }
    }

    /// Takes one message. Returns whether to stop waiting at once.
    pub(super) fn take(&mut self, message: Message, concerns: &dyn Fn(&RelPath) -> bool) -> Result<bool, BuildError> {
        match message {
            Message::Completed(completion) => {
                self.progress.reopen();
                self.complete(completion)
            }
            Message::Changed(changes) => Ok(self.look(&changes, concerns)),
            Message::Woken => {
                self.woken += 1;
                Ok(true)
            }
        }
    }

    /// Asks the world again. Returns whether anything is not as it was.
    fn look(&mut self, changes: &Changes, concerns: &dyn Fn(&RelPath) -> bool) -> bool {
        let started = clock::now();
        let mut others: BTreeSet<RelPath> = Files::look(&mut self.database, changes).into_iter().collect();
        let has_changes = !others.is_empty() | Programs::look(&mut self.database);
        match changes {
            Changes::Everything => self.looked = Some(started.elapsed()),
            Changes::Some { paths, moved } => {
                others.extend(paths.iter().chain(moved).filter(|path| concerns(path)).cloned());
            }
        }
        if others.is_empty() {
            if self.progress.trial() != Trial::AfterError && !has_changes {
                return false;
            }
            if let Changes::Some { paths, moved } = changes {
                others.extend(paths.iter().chain(moved).cloned());
            }
        }
        if has_changes {
            // Nobody can say what it has read so far.
            self.actions.running().filter(|running| running.sees_everything).for_each(|running| running.cancel());
        }
        self.begin(Trial::First);
        self.changed.append(&mut others);
        true
    }

    /// Takes one completion. Returns whether to plan at once.
    fn complete(&mut self, completion: Completion) -> Result<bool, BuildError> {
        let Completion { action, end, duration } = completion;
        let is_superseded = self.actions.end(&action.label);
        match end {
            End::Result(result) => {
                let status = if result.is_failed() { Status::Failed } else { Status::Ran };
                // What the action saw may be newer than the file inputs that the plan depends on.
                let mut differing = Vec::new();
                for (path, input) in &result.discovered {
                    if gives(&self.database, path, input) {
                        continue;
                    }
                    if let DiscoveredInput::Derived(name, _) = input {
                        renew(&self.database, path, name);
                    }
                    differing.push(path.clone());
                }
                let moved = Files::refresh(&mut self.database, &differing);
                if moved || !differing.is_empty() && !holds(&self.database, &result.discovered) {
                    self.count_retry(&action, differing.first().cloned())?;
                }
                self.finish(&action, result, status, duration);
                Ok(moved)
            }
            End::Error(RunError::InputChanged(path)) => {
                Files::refresh(&mut self.database, std::slice::from_ref(&path));
                self.count_retry(&action, Some(path))?;
                Ok(true)
            }
            End::Error(RunError::ProgramChanged(_)) => {
                Programs::look(&mut self.database);
                self.count_retry(&action, None)?;
                Ok(true)
            }
            End::Error(RunError::BlobMissing(_)) => {
                self.count_retry(&action, None)?;
                // A damaged store has usually lost more than one.
                let inputs = action.inputs.iter().filter(|input| input.origin == Origin::Store);
                self.rebuild_lost(inputs.map(|input| input.digest))?;
                Ok(true)
            }
            End::Error(RunError::Cancelled) if is_superseded && !self.cancelled.load(Ordering::Relaxed) => Ok(true),
            End::Error(RunError::Cancelled) => Err(BuildError::Interrupted),
            End::Error(source) => Err(BuildError::Run { label: action.label.clone(), source }),
            End::Panic(message) => Err(BuildError::Panic { label: action.label.clone(), message }),
        }
    }

    fn count_retry(&mut self, action: &Action, path: Option<RelPath>) -> Result<(), BuildError> {
        let retries = self.actions.retry(&action.label);
        if retries > RETRIES { Err(BuildError::Unstable { label: action.label.clone(), path }) } else { Ok(()) }
    }

    /// The one place where a finished action becomes an input.
    pub(super) fn finish(&mut self, action: &Action, result: ActionResult, status: Status, duration: Duration) {
        let planned = action.key(&[]);
        let key = if result.discovered.is_empty() { planned } else { action.key(&result.discovered) };
        let db: &dyn Db = &self.database;
        let result_input = db.result_inputs().of(db, &action.label);
        if result.verdict == Verdict::Uncacheable {
            self.uncacheable.push(result_input);
        }
        result_input.set_done(&mut self.database).to(Some((planned, Arc::new(result))));
        self.actions.reach(&action.label, (status, duration));
        (self.events)(Event::Finished { label: action.label.clone(), status, key, duration });
    }

    /// Makes every action run again that made one of `digests` which the store no longer has, and tells again what depends on it.
    pub fn rebuild_lost(&mut self, digests: impl IntoIterator<Item = Digest>) -> io::Result<()> {
        for digest in digests {
            if self.store.get(digest)?.is_none() {
                self.forget_maker(digest);
            }
        }
        Ok(())
    }

    fn forget_maker(&mut self, digest: Digest) {
        let db: &dyn Db = &self.database;
        let losers = db.result_inputs().with_artifact(db, digest);
        for result_input in losers {
            let label = result_input.label(&self.database).clone();
            result_input.set_done(&mut self.database).to(None);
            self.actions.make_again(&label);
            self.progress.make_again();
        }
    }

    /// Cancels the running actions and waits until they have ended. Other messages are queued again.
    pub fn abandon(&mut self) {
        self.actions.running().for_each(|running| running.cancel());
        let mut others = Vec::new();
        while !self.actions.is_quiet() {
            match self.inbox.1.recv() {
                Ok(Message::Completed(completion)) => drop(self.actions.end(&completion.action.label)),
                Ok(other) => others.push(other),
                Err(_) => break,
            }
        }
        for message in others {
            // The receiver is ours.
            let _ = self.inbox.0.send(message);
        }
    }
}
