//! Where each action stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::action::{Action, ActionKey};
use crate::event::Status;
use crate::label::{ActionLabel, Label};

/// How an action got a result, and how long it ran for it.
pub(super) type Reached = (Status, Duration);

/// The state of one action in the present revision. One of which nothing is known is *unknown*, which takes no room.
///
/// | from | when | to | by |
/// | --- | --- | --- | --- |
/// | unknown, reached | it is planned without a result, and the store has one | reached | `reach` |
/// | unknown, reached, due | it is planned without a result, and the store has none or is not asked | running | `start` |
/// | running | it gave a result | reached | `end`, `reach` |
/// | running | what it saw is not what is there, or what it needed is lost | due | `end`, `retry` |
/// | running | it was cancelled, or could not be run | as it was before | `end` |
/// | unknown, reached, due | what it made is lost, or not wanted | due | `make_again` |
/// | running | what it made before is lost, or not wanted | running, as if it had been due | `make_again` |
/// | running | a new revision begins | running, as if it had not been due | `begin` |
/// | reached, due | a new revision begins | reached where that was not reported yet, else unknown | `begin` |
///
/// What was due once is not looked up in the store until a new revision begins, also after it was reached: its result is taken even
/// where a file changed just before, and then the next plan has it run again.
#[derive(Debug)]
enum Standing {
    /// It has to run, whatever the store has: what it did last is not of the present files, or what it made is lost.
    Due {
        /// How often it ran in vain.
        retries: u32,
        /// How it got a result that may be the right one again.
        before: Option<Reached>,
    },
    /// It was handed to the executor, whose completion has not been heard.
    Running {
        /// Its key without discovered inputs: what was planned when it started.
        key: ActionKey,
        /// Set when its result is no longer wanted.
        cancelled: Arc<AtomicBool>,
        /// Whether any change of the workspace may concern it, and it takes long.
        sees_everything: bool,
        /// How often it ran in vain; `None` when it was not due.
        retries: Option<u32>,
        /// How it got a result before, as in `Due`.
        before: Option<Reached>,
    },
    /// It got a result, which is the right one as long as the database says so.
    Reached {
        /// How it got it.
        how: Reached,
        /// How often it ran in vain, which counts on where the result does not hold; `None` when it was not due.
        retries: Option<u32>,
    },
}

impl Standing {
    fn reached(&self) -> Option<Reached> {
        match self {
            Self::Due { before, .. } | Self::Running { before, .. } => *before,
            Self::Reached { how, .. } => Some(*how),
        }
    }

    fn retries(&self) -> Option<u32> {
        match self {
            Self::Due { retries, .. } => Some(*retries),
            Self::Running { retries, .. } | Self::Reached { retries, .. } => *retries,
        }
    }

    fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }
}

/// An action that runs.
pub(super) struct Running<'a> {
    pub(super) label: &'a ActionLabel,
    pub(super) key: ActionKey,
    pub(super) sees_everything: bool,
    cancelled: &'a AtomicBool,
}

impl Running<'_> {
    /// Its result is not wanted any more. It stays running until its end is received.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

/// All actions that are not unknown.
#[derive(Debug, Default)]
pub(super) struct Standings {
    of: FxHashMap<ActionLabel, Standing>,
    /// How many of them run.
    running: usize,
}

impl Standings {
    /// Whether nothing runs.
    pub(super) fn is_quiet(&self) -> bool {
        self.running == 0
    }

    pub(super) fn is_running(&self, label: &ActionLabel) -> bool {
        self.running > 0 && self.of.get(label).is_some_and(Standing::is_running)
    }

    /// Whether the store may have its result.
    pub(super) fn may_be_stored(&self, label: &ActionLabel) -> bool {
        self.of.get(label).and_then(Standing::retries).is_none()
    }

    /// How it got the result that it has; `None` where that is not of the present state of the world.
    pub(super) fn reached(&self, label: &ActionLabel) -> Option<Reached> {
        self.of.get(label).and_then(Standing::reached)
    }

    /// What runs, in no order.
    pub(super) fn running(&self) -> impl Iterator<Item = Running<'_>> {
        let of = if self.running > 0 { Some(&self.of) } else { None };
        of.into_iter().flatten().filter_map(|(label, standing)| match standing {
            Standing::Running { key, cancelled, sees_everything, .. } => {
                Some(Running { label, key: *key, sees_everything: *sees_everything, cancelled })
            }
            _ => None,
        })
    }

    /// An action that does not run is handed to the executor. Returns what tells it to end.
    pub(super) fn start(&mut self, action: &Action, sees_everything: bool) -> Arc<AtomicBool> {
        debug_assert!(!self.is_running(&action.label), "an action runs once at a time");
        let cancelled = Arc::<AtomicBool>::default();
        let old = self.of.get(&action.label);
        let (retries, before) = (old.and_then(Standing::retries), old.and_then(Standing::reached));
        let key = action.key(&[]);
        let running = Standing::Running { key, cancelled: cancelled.clone(), sees_everything, retries, before };
        self.running += 1;
        self.of.insert(action.label.clone(), running);
        cancelled
    }

    /// The executor is done with an action. What came of it is said by [`Standings::reach`] or [`Standings::retry`]; else it is as it was
    /// before it ran. Returns whether it had been cancelled.
    pub(super) fn end(&mut self, label: &ActionLabel) -> bool {
        let Some(Standing::Running { cancelled, retries, before, .. }) = self.of.get(label) else { return false };
        let was_cancelled = cancelled.load(Ordering::Relaxed);
        let after = match (*before, *retries) {
            (before, Some(retries)) => Some(Standing::Due { retries, before }),
            (Some(how), None) => Some(Standing::Reached { how, retries: None }),
            (None, None) => None,
        };
        self.running -= 1;
        match after {
            Some(after) => drop(self.of.insert(label.clone(), after)),
            None => drop(self.of.remove(label)),
        }
        was_cancelled
    }

    /// An action that does not run has a result.
    pub(super) fn reach(&mut self, label: &ActionLabel, how: Reached) {
        let retries = self.of.get(label).and_then(Standing::retries);
        self.of.insert(label.clone(), Standing::Reached { how, retries });
    }

    /// What an action that has ended did is not of the present files. Returns how often that was so.
    pub(super) fn retry(&mut self, label: &ActionLabel) -> u32 {
        let retries = self.of.get(label).and_then(Standing::retries).unwrap_or_default() + 1;
        self.of.insert(label.clone(), Standing::Due { retries, before: self.reached(label) });
        retries
    }

    /// An action is to be run again, whatever the store has. One that runs goes on.
    pub(super) fn make_again(&mut self, label: &ActionLabel) {
        match self.of.get_mut(label) {
            Some(Standing::Running { retries, .. }) => drop(retries.get_or_insert(0)),
            old => {
                let (retries, before) = old.map_or((None, None), |old| (old.retries(), old.reached()));
                let due = Standing::Due { retries: retries.unwrap_or_default(), before };
                self.of.insert(label.clone(), due);
            }
        }
    }

    /// The world is another one. Of what was reached, that stays known whose rule `is_open`.
    pub(super) fn begin(&mut self, is_open: impl Fn(&Label) -> bool) {
        self.of.retain(|label, standing| {
            let kept = standing.reached().filter(|_| is_open(&label.rule));
            match standing {
                Standing::Running { retries, before, .. } => {
                    (*retries, *before) = (None, kept);
                    true
                }
                Standing::Due { .. } | Standing::Reached { .. } => match kept {
                    Some(how) => {
                        *standing = Standing::Reached { how, retries: None };
                        true
                    }
                    None => false,
                },
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Payload;
    use crate::digest::Digest;

    const RAN: Reached = (Status::Ran, Duration::from_secs(1));

    fn action() -> Action {
        let label = ActionLabel { rule: Label::new("kind", "a"), profile: Arc::from("build"), subject: None };
        Action::new(label, Digest::of(b"1"), Payload::Parameters(Box::default()))
    }

    #[test]
    fn what_ran_in_vain_is_run_whatever_the_store_has_until_the_world_changes() {
        let (action, mut actions) = (action(), Standings::default());
        let label = &action.label;
        assert!(actions.may_be_stored(label));
        for retries in 1..=3 {
            actions.start(&action, false);
            assert!(actions.is_running(label) && !actions.is_quiet());
            assert!(!actions.end(label));
            assert_eq!(actions.retry(label), retries);
            assert!(!actions.may_be_stored(label) && actions.is_quiet());
        }
        actions.start(&action, false);
        // What runs goes on, and its next time in vain is the first.
        actions.begin(|_| true);
        assert!(actions.is_running(label) && actions.may_be_stored(label));
        actions.end(label);
        assert_eq!(actions.retry(label), 1);
        actions.reach(label, RAN);
        // It may be found out to have been in vain after all.
        assert_eq!((actions.retry(label), actions.reached(label)), (2, Some(RAN)));
    }

    #[test]
    fn a_result_stays_known_while_it_is_sought_anew_and_until_it_was_reported() {
        let (action, mut actions) = (action(), Standings::default());
        let label = &action.label;
        actions.reach(label, RAN);
        actions.begin(|rule| rule.name() == "a");
        actions.start(&action, false);
        assert_eq!(actions.reached(label), Some(RAN));
        actions.running().for_each(|running| running.cancel());
        assert!(actions.end(label));
        assert_eq!((actions.reached(label), actions.may_be_stored(label)), (Some(RAN), true));
        actions.make_again(label);
        assert_eq!((actions.reached(label), actions.may_be_stored(label)), (Some(RAN), false));
        actions.begin(|_| false);
        assert_eq!((actions.reached(label), actions.may_be_stored(label)), (None, true));
        assert!(actions.of.is_empty() && actions.is_quiet());
    }

    #[test]
    fn what_is_to_be_made_again_while_it_runs_goes_on() {
        let (action, mut actions) = (action(), Standings::default());
        let label = &action.label;
        actions.start(&action, true);
        actions.make_again(label);
        assert!(actions.is_running(label));
        assert!(!actions.end(label));
        assert!(!actions.may_be_stored(label) && actions.is_quiet());
        // It has ended already.
        assert!(!actions.end(label) && actions.is_quiet());
    }
}
