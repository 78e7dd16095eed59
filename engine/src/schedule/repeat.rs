//! Running actions once more, to see whether the same comes of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};

use super::{BuildError, CANCELLATION_INTERVAL, Scheduler};
use crate::action::{Action, ActionResult};
use crate::execute::End;
use crate::run::RunError;

impl Scheduler {
    /// Runs actions that were planned and are done once more. Nobody looks for their results in the store, and nothing of what comes of them
    /// is recorded or decides a plan. The results are in the order of the actions.
    pub fn repeat(&self, actions: &[Arc<Action>]) -> Result<Vec<ActionResult>, BuildError> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let (ended, ends) = channel();
        for (index, action) in actions.iter().enumerate() {
            let ended = ended.clone();
            // Who has heard of an error listens to nobody any more.
            let done = move |completion| drop(ended.send((index, completion)));
            self.executor.start_apart(action.clone(), cancelled.clone(), Arc::new(done));
        }
        drop(ended);
        let mut results: Vec<Option<ActionResult>> = actions.iter().map(|_| None).collect();
        let mut failure = None;
        loop {
            let completion = match ends.recv_timeout(CANCELLATION_INTERVAL) {
                Ok(completion) => completion,
                Err(RecvTimeoutError::Timeout) => {
                    if self.cancelled.load(Ordering::Relaxed) {
                        cancelled.store(true, Ordering::Relaxed);
                        failure.get_or_insert(BuildError::Interrupted);
                    }
                    continue;
                }
                // All have ended.
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let (index, completion) = completion;
            let label = completion.action.label.clone();
            let error = match completion.end {
                End::Result(result) => {
                    results[index] = Some(result);
                    continue;
                }
                End::Error(RunError::InputChanged(path)) => BuildError::Unstable { label, path: Some(path) },
                End::Error(RunError::ProgramChanged(_)) => BuildError::Unstable { label, path: None },
                End::Error(RunError::Cancelled) => BuildError::Interrupted,
                End::Error(source) => BuildError::Run { label, source },
                End::Panic(message) => BuildError::Panic { label, message },
            };
            // The others have nothing to run for, and end as cancelled.
            cancelled.store(true, Ordering::Relaxed);
            failure.get_or_insert(error);
        }
        failure.map_or_else(|| Ok(results.into_iter().flatten().collect()), Err)
    }
}
