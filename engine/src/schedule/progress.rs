//! How far the scheduler is.

use std::collections::BTreeSet;

use super::Targets;
use crate::label::Label;

/// How far the scheduler is with the present state of the world.
///
/// | from | when | to | by |
/// | --- | --- | --- | --- |
/// | open | all that can be started was | waiting | `wait` |
/// | waiting | an action ended | open, with what was told | `reopen` |
/// | waiting | nothing runs | idle, which is told | |
/// | any | something is to be made again | open, and all is told again | `make_again` |
/// | any | a new revision begins | open, of which nothing was reported | `begin` |
/// | any | an error is told, after what runs has been abandoned | failed; open where a change is still to be told | `fail` |
#[derive(Debug)]
pub(super) enum Progress {
    /// What can be started is not known: nothing was planned since the world changed or an action ended.
    Open(Round),
    /// Everything that can be started was. What ended since is of rules of which more runs.
    Waiting(Round),
    /// Nothing runs, nothing is left to do, and that was told. The next message is waited for.
    Idle,
    /// An error was told, and nothing runs. The next change is a reason to plan again, even if what it tells was found out before.
    Failed,
}

/// What is known while there is something to do.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The numbers of the target groups that are done, as was reported.
    groups: BTreeSet<usize>,
    /// The rules that are in these groups and in none that is still to be reported.
    rules: BTreeSet<Label>,
    /// Whether what runs may have been started before the last change.
    is_doubted: bool,
    trial: Trial,
}

/// How often everything has been tried without an end. It goes from one round to the next, until nothing is left to do or something
/// else is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Trial {
    /// For the first time.
    #[default]
    First,
    /// The one retry after files kept changing while they were read: the change that would have triggered it may be consumed already.
    Second,
    /// There was an error before the change of this round. Any change is a reason to plan again, as it is after an error.
    AfterError,
}

impl Default for Progress {
    fn default() -> Self {
        Self::Open(Round::default())
    }
}

impl Progress {
    fn round(&self) -> Option<&Round> {
        match self {
            Self::Open(round) | Self::Waiting(round) => Some(round),
            Self::Idle | Self::Failed => None,
        }
    }

    /// Whether what can be started has to be found out.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// Whether nothing is left to do, be it after an error.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Idle | Self::Failed)
    }

    pub(super) fn trial(&self) -> Trial {
        match self {
            Self::Open(round) | Self::Waiting(round) => round.trial,
            Self::Idle => Trial::First,
            Self::Failed => Trial::AfterError,
        }
    }

    /// Whether the group with this number is still to be reported.
    pub(super) fn is_unreported(&self, group: usize) -> bool {
        self.round().is_some_and(|round| !round.groups.contains(&group))
    }

    /// Whether the rule is one of which it was told that nothing is left to do.
    pub(super) fn is_reported(&self, rule: &Label) -> bool {
        self.round().is_none_or(|round| round.rules.contains(rule))
    }

    /// It is reported that nothing is left to do for a group.
    pub(super) fn report(&mut self, group: usize, targets: &Targets) {
        if let Self::Open(round) | Self::Waiting(round) = self {
            round.groups.insert(group);
            round.rules = targets.rules_in_no_other_than(&round.groups);
        }
    }

    /// An action ended: what can be started is another question.
    pub(super) fn reopen(&mut self) {
        *self = Self::Open(self.take());
    }

    /// Everything that can be started was.
    pub(super) fn wait(&mut self) {
        *self = Self::Waiting(self.take());
    }

    /// A new revision begins. What runs may be of the one before.
    pub(super) fn begin(&mut self, trial: Trial) {
        *self = Self::Open(Round { is_doubted: true, trial, ..Round::default() });
    }

    /// Something is to be made again in the same world, and told again.
    pub(super) fn make_again(&mut self) {
        let trial = self.trial();
        let is_doubted = self.round().is_some_and(|round| round.is_doubted);
        *self = Self::Open(Round { is_doubted, trial, ..Round::default() });
    }

    /// An error is reported, and nothing runs any more. Where a change `is_received` it is still to be reported, and planned for.
    pub(super) fn fail(&mut self, is_received: bool) {
        match self {
            Self::Open(round) | Self::Waiting(round) if is_received => round.trial = Trial::AfterError,
            _ => *self = Self::Failed,
        }
    }

    /// Whether what runs may have been started before the last change; where nothing `runs` that is so of nothing any more.
    pub(super) fn is_doubted(&mut self, runs: bool) -> bool {
        match self {
            Self::Open(round) | Self::Waiting(round) => {
                round.is_doubted &= runs;
                round.is_doubted
            }
            Self::Idle | Self::Failed => false,
        }
    }

    fn take(&mut self) -> Round {
        let trial = self.trial();
        match std::mem::take(self) {
            Self::Open(round) | Self::Waiting(round) => round,
            Self::Idle | Self::Failed => Round { trial, ..Round::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn each_group_is_reported_once_and_again_of_another_world() {
        let [a, b] = ["a", "b"].map(|name| Label::new("kind", name));
        let groups = vec![vec![a.clone(), b.clone()], vec![b.clone()]];
        let targets = Targets { profile: Arc::from("build"), groups, all: vec![a.clone(), b.clone()] };
        let mut progress = Progress::default();
        assert!(progress.is_open() && progress.is_unreported(0));
        progress.wait();
        progress.report(0, &targets);
        assert!(!progress.is_open() && !progress.is_unreported(0) && progress.is_unreported(1));
        // The other is in a group that was not reported.
        assert!(progress.is_reported(&a) && !progress.is_reported(&b));
        progress.reopen();
        assert!(progress.is_open() && !progress.is_unreported(0));
        progress.begin(Trial::First);
        assert!(progress.is_unreported(0) && !progress.is_reported(&a));
        progress = Progress::Idle;
        assert!(progress.is_over() && !progress.is_unreported(0) && progress.is_reported(&b));
        progress.make_again();
        assert!(progress.is_open() && progress.is_unreported(0));
    }

    #[test]
    fn what_runs_is_doubted_from_a_change_until_nothing_runs() {
        let mut progress = Progress::default();
        assert!(!progress.is_doubted(true));
        progress.begin(Trial::First);
        assert!(progress.is_doubted(true));
        progress.wait();
        progress.make_again();
        assert!(progress.is_doubted(true) && !progress.is_doubted(false) && !progress.is_doubted(true));
    }

    #[test]
    fn an_error_is_remembered_until_something_else_is_received() {
        let mut progress = Progress::default();
        progress.begin(Trial::Second);
        progress.fail(false);
        assert!(progress.is_over() && progress.trial() == Trial::AfterError);
        progress.make_again();
        assert!(progress.is_open() && progress.trial() == Trial::AfterError);
        progress.begin(Trial::First);
        progress.fail(true);
        assert!(progress.is_open() && progress.trial() == Trial::AfterError);
        progress = Progress::Idle;
        assert_eq!(progress.trial(), Trial::First);
    }
}
