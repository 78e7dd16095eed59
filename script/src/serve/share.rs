//! What the thread of an isolate and those who call it share: the calls in flight and the turn being taken.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{CallError, OperationError, OperationReply, Reply};
use crate::limits::thread_cpu_time;

/// Names a call within its isolate.
pub(super) type CallId = u64;

/// Something that an isolate takes a turn for.
pub(super) enum Event {
    Call {
        call: CallId,
        message: String,
        body: Option<Bytes>,
    },
    Operation {
        operation: u64,
        result: Result<OperationReply, OperationError>,
    },
    /// The thread has to end.
    End,
}

/// A turn being taken.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) call: Option<CallId>,
    cpu: Duration,
    wall: Instant,
}

/// One isolate, as its callers and its thread see it.
pub(super) struct Share {
    events: mpsc::Sender<Event>,
    calls: Mutex<BTreeMap<CallId, oneshot::Sender<Result<Reply, CallError>>>>,
    last_call: AtomicU64,
    turn: Mutex<Option<Turn>>,
    thread: OnceLock<ThreadClock>,
    retired: AtomicBool,
    /// Interrupts the engine wherever it is.
    pub(super) abandoned: Arc<AtomicBool>,
}

impl Share {
    pub(super) fn new(events: mpsc::Sender<Event>) -> Self {
        Self {
            events,
            calls: Mutex::default(),
            last_call: AtomicU64::new(0),
            turn: Mutex::new(None),
            thread: OnceLock::new(),
            retired: AtomicBool::new(false),
            abandoned: Arc::default(),
        }
    }

    /// Registers a call and sends it to the thread.
    pub(super) fn start_call(
        &self,
        message: String,
        body: Option<Bytes>,
    ) -> (CallId, oneshot::Receiver<Result<Reply, CallError>>) {
        let (sender, receiver) = oneshot::channel();
        let call = self.last_call.fetch_add(1, Ordering::Relaxed) + 1;
        lock(&self.calls).insert(call, sender);
        self.send(Event::Call { call, message, body });
        (call, receiver)
    }

    /// Ends a call that is in flight; one that has ended already stays as it ended.
    pub(super) fn settle(&self, call: CallId, result: Result<Reply, CallError>) {
        let sender = lock(&self.calls).remove(&call);
        if let Some(sender) = sender {
            // A caller that has gone is no error.
            let _ = sender.send(result);
        }
    }

    /// Forgets a call whose caller has gone.
    pub(super) fn forget(&self, call: CallId) {
        lock(&self.calls).remove(&call);
    }

    /// Whether anybody waits for the call.
    pub(super) fn is_in_flight(&self, call: CallId) -> bool {
        lock(&self.calls).contains_key(&call)
    }

    pub(super) fn in_flight(&self) -> usize {
        lock(&self.calls).len()
    }

    /// A thread that has ended hears nothing, and needs not.
    pub(super) fn send(&self, event: Event) {
        let _ = self.events.send(event);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// From now on it takes no new calls; gives whether it did before.
    pub(super) fn retire(&self) -> bool {
        !self.retired.swap(true, Ordering::AcqRel)
    }

    /// Ends the thread and every call in flight.
    pub(super) fn end(&self) {
        self.retire();
        self.abandoned.store(true, Ordering::Relaxed);
        self.send(Event::End);
        let calls = std::mem::take(&mut *lock(&self.calls));
        for (_, sender) in calls {
            let _ = sender.send(Err(CallError::Ended));
        }
    }

    /// Called on the isolate's thread, before its first turn.
    pub(super) fn enter_thread(&self) {
        self.thread.get_or_init(ThreadClock::of_current);
    }

    pub(super) fn begin_turn(&self, call: Option<CallId>) {
        *lock(&self.turn) = Some(Turn { call, cpu: thread_cpu_time(), wall: Instant::now() });
    }

    pub(super) fn end_turn(&self) {
        *lock(&self.turn) = None;
    }

    /// The turn, when it has used much more than `limit` without having been interrupted: the engine is inside one long call of
    /// its own.
    pub(super) fn stuck_turn(&self, limit: Duration) -> Option<Turn> {
        let turn = (*lock(&self.turn))?;
        let used = match self.thread.get().and_then(ThreadClock::read) {
            Some(now) => now.saturating_sub(turn.cpu),
            // Where the system does not tell, only a turn far too long by the clock on the wall is taken for stuck.
            None => turn.wall.elapsed() / 8,
        };
        (used > limit + limit / 2 + SLACK).then_some(turn)
    }
}

/// The engine looks at its clock every few microseconds, but what follows an interrupt takes a moment.
const SLACK: Duration = Duration::from_millis(50);

/// A lock that a panicking thread held guards plain data all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The CPU clock of a thread, readable from other threads.
struct ThreadClock {
    path: String,
}

impl ThreadClock {
    fn of_current() -> Self {
        Self { path: format!("/proc/self/task/{}/schedstat", rustix::thread::gettid().as_raw_nonzero()) }
    }

    /// None where the system does not tell. The first field is nanoseconds on a processor (Documentation/scheduler/sched-stats).
    fn read(&self) -> Option<Duration> {
        let text = fs::read_to_string(&self.path).ok()?;
        text.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    }
}
