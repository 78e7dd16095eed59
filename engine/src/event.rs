//! Events: the one stream that progress, summaries and traces are made of.

use std::sync::Arc;
use std::time::Duration;

use crate::action::ActionKey;
use crate::label::ActionLabel;

/// How an action got its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// Something happened.
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
    /// An action has an outcome.
    Finished {
        /// Its name.
        label: ActionLabel,
        /// How it got it.
        status: Status,
        /// Its key, the trace included.
        key: ActionKey,
        /// How long it ran.
        duration: Duration,
    },
    /// Files are being written into the tree.
    Placing {
        /// How many.
        files: usize,
    },
}

/// Where events go. Called from the scheduling thread and from workers.
pub type EventSink = Arc<dyn Fn(Event) + Send + Sync>;
