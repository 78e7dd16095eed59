//! Events: the one stream that progress, summaries and traces are made of.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::ActionKey;
use crate::label::ActionLabel;

/// How an action got its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// It ran.
    Ran,
    /// The store had it.
    Cached,
    /// It ran and the user's code was at fault.
    Failed,
    /// It was not looked at, since something below it failed.
    Skipped,
}

impl Status {
    /// `ran`, `cached`, `failed` or `skipped`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Cached => "cached",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What a build does besides running actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Files are read and hashed, and what is known of each is computed, on all workers.
    Hashing,
    /// It is computed what there is to do; a file that was not read before is hashed here.
    Planning,
    /// The store is asked for results.
    Lookup,
    /// What was done is made visible in the store.
    Publishing,
    /// Files are written into the tree.
    Materialising,
}

impl Phase {
    /// `hashing`, `planning`, `lookup`, `publishing` or `placing`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hashing => "hashing",
            Self::Planning => "planning",
            Self::Lookup => "lookup",
            Self::Publishing => "publishing",
            Self::Materialising => "placing",
        }
    }
}

/// Something happened. An event has no time: it is sent when it happens, on the thread on which it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A plan is known; `actions` are all of it so far.
    Planned {
        /// How many actions the plan holds.
        actions: usize,
    },
    /// An action began to run.
    Started {
        /// Its name.
        label: ActionLabel,
    },
    /// An action no longer runs; it may have to run again before it has a result.
    Stopped {
        /// Its name.
        label: ActionLabel,
    },
    /// An action has a result.
    Finished {
        /// Its name.
        label: ActionLabel,
        /// How it got it.
        status: Status,
        /// Its key, discovered inputs included.
        key: ActionKey,
        /// How long it ran.
        duration: Duration,
    },
    /// A phase began.
    Began(Phase),
    /// A phase ended.
    Ended(Phase),
    /// Files are being written into the tree.
    Materialising {
        /// How many.
        files: usize,
    },
}

/// Where events go. Called from the scheduling thread and from workers.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// Runs `work` between the events of a phase.
pub fn during<T>(events: &EventSink, phase: Phase, work: impl FnOnce() -> T) -> T {
    events(Event::Began(phase));
    let result = work();
    events(Event::Ended(phase));
    result
}
