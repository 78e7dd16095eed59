//! What an isolate waits for: timers and operations, each with the call that it belongs to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::Operations;
use super::share::{CallId, Event, Share};

/// The timers and operations of one isolate. Lives on its thread.
pub(super) struct Agenda {
    share: Arc<Share>,
    operations: Arc<dyn Operations>,
    runtime: Handle,
    /// The call of the turn being taken: what is started now belongs to it.
    current: Cell<Option<CallId>>,
    alarms: RefCell<Alarms>,
    running: RefCell<BTreeMap<u64, Running>>,
}

/// An operation that has not ended.
pub(super) struct Running {
    pub(super) call: Option<CallId>,
    task: AbortHandle,
}

#[derive(Default)]
struct Alarms {
    by_time: BTreeMap<(Instant, u64), Option<CallId>>,
    due: BTreeMap<u64, Instant>,
}

impl Agenda {
    pub(super) fn new(share: Arc<Share>, operations: Arc<dyn Operations>, runtime: Handle) -> Self {
        Self {
            share,
            operations,
            runtime,
            current: Cell::new(None),
            alarms: RefCell::default(),
            running: RefCell::default(),
        }
    }

    pub(super) fn set_current(&self, call: Option<CallId>) {
        self.current.set(call);
    }

    /// Arms an alarm, again when it is armed.
    pub(super) fn start_timer(&self, id: u64, delay: Duration) {
        let mut alarms = self.alarms.borrow_mut();
        alarms.stop(id);
        let due = Instant::now() + delay;
        alarms.due.insert(id, due);
        alarms.by_time.insert((due, id), self.current.get());
    }

    pub(super) fn stop_timer(&self, id: u64) {
        self.alarms.borrow_mut().stop(id);
    }

    /// When the next alarm rings.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        self.alarms.borrow().by_time.first_key_value().map(|((due, _), _)| *due)
    }

    /// Takes the earliest alarm that rings by now.
    pub(super) fn take_alarm(&self, now: Instant) -> Option<(u64, Option<CallId>)> {
        let mut alarms = self.alarms.borrow_mut();
        let entry = alarms.by_time.first_entry()?;
        let (due, id) = *entry.key();
        if due > now {
            return None;
        }
        let call = entry.remove();
        alarms.due.remove(&id);
        Some((id, call))
    }

    pub(super) fn start_operation(&self, id: u64, name: &str, message: String, body: Option<Bytes>) {
        let future = self.operations.call(name, message, body);
        let share = Arc::clone(&self.share);
        let task = self.runtime.spawn(async move {
            let result = future.await;
            share.send(Event::Operation { operation: id, result });
        });
        let running = Running { call: self.current.get(), task: task.abort_handle() };
        self.running.borrow_mut().insert(id, running);
    }

    pub(super) fn make_directory(&self, path: &str) -> io::Result<()> {
        self.operations.make_directory(Path::new(path))
    }

    pub(super) fn stop_operation(&self, id: u64) {
        if let Some(Running { task, .. }) = self.running.borrow_mut().remove(&id) {
            task.abort();
        }
    }

    /// The operation, unless it was given up meanwhile.
    pub(super) fn finish_operation(&self, id: u64) -> Option<Running> {
        self.running.borrow_mut().remove(&id)
    }

    /// Whether nothing will happen by itself any more.
    pub(super) fn is_empty(&self) -> bool {
        self.alarms.borrow().due.is_empty() && self.running.borrow().is_empty()
    }
}

impl Alarms {
    fn stop(&mut self, id: u64) {
        if let Some(due) = self.due.remove(&id) {
            self.by_time.remove(&(due, id));
        }
    }
}

/// What was asked for by an isolate that has ended is given up.
impl Drop for Agenda {
    fn drop(&mut self) {
        for Running { task, .. } in self.running.borrow().values() {
            task.abort();
        }
    }
}
