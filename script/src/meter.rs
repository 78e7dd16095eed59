//! The CPU time of a thread that runs an engine, and its end.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rquickjs::Runtime;

use crate::limits::thread_cpu_time;

/// Measures CPU time and interrupts the engine when there is no more.
pub(crate) struct Meter {
    limit: Duration,
    started: Rc<Cell<Option<Duration>>>,
    exhausted: Rc<Cell<bool>>,
}

impl Meter {
    /// Watches `runtime`. Nothing counts before [`start`](Self::start). `abandoned` interrupts at once; `ticks` counts how often
    /// the engine looked at its clock.
    pub(crate) fn watch(runtime: &Runtime, limit: Duration, abandoned: Arc<AtomicBool>, ticks: Rc<Cell<u64>>) -> Self {
        let meter = Self { limit, started: Rc::default(), exhausted: Rc::default() };
        let (started, exhausted) = (Rc::clone(&meter.started), Rc::clone(&meter.exhausted));
        runtime.set_interrupt_handler(Some(Box::new(move || {
            ticks.set(ticks.get() + 1);
            let over = is_over(started.get(), limit) || abandoned.load(Ordering::Relaxed);
            if over {
                exhausted.set(true);
            }
            over
        })));
        meter
    }

    /// From here on time counts, from nothing.
    pub(crate) fn start(&self) {
        self.exhausted.set(false);
        self.started.set(Some(thread_cpu_time()));
    }

    /// Whether the engine was interrupted.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted.get()
    }

    /// Whether there is no time left, looking at the clock now: many short jobs may never be interrupted.
    pub(crate) fn check(&self) -> bool {
        if is_over(self.started.get(), self.limit) {
            self.exhausted.set(true);
        }
        self.exhausted.get()
    }
}

fn is_over(started: Option<Duration>, limit: Duration) -> bool {
    started.is_some_and(|started| thread_cpu_time().saturating_sub(started) > limit)
}
