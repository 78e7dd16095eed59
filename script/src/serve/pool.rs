//! The isolates of one program, from the caller's side.

use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::isolate::{self, Job};
use super::share::{CallId, Share, Turn};
use super::{CallError, Operations, Reply, ServeSettings};
use crate::error::ScriptError;
use crate::program::{Program, SourceMaps};

/// Isolates that all run one program: a handle, cheap to clone. Dropping the last one ends their threads.
///
/// A call goes to the isolate with the fewest calls in flight. An isolate in which a turn used too much CPU time or memory is
/// replaced: new calls go to a fresh one, in which the program is loaded again; calls in flight may still finish within
/// [`grace`](super::ServeLimits::grace). A turn that the engine cannot interrupt is noticed by those who wait for the isolate; its
/// thread is left behind and ends by itself.
#[derive(Clone)]
pub struct Isolates(Arc<Pool>);

/// What is the same for every isolate of a pool.
pub(super) struct Common {
    pub(super) program: Arc<Program>,
    pub(super) source_maps: Arc<dyn SourceMaps + Send + Sync>,
    pub(super) dispatcher: &'static str,
    pub(super) settings: ServeSettings,
    pub(super) operations: Arc<dyn Operations>,
    pub(super) runtime: Handle,
}

/// Lets the thread of an isolate reach its pool, if there is one still.
pub(super) struct Place {
    pool: Weak<Pool>,
    slot: usize,
}

struct Pool {
    common: Arc<Common>,
    slots: Mutex<Vec<Arc<Share>>>,
}

type Loaded = oneshot::Receiver<Result<String, ScriptError>>;

impl Isolates {
    /// Starts the isolates and loads the program in each; gives what the dispatcher's `load` gave in the first.
    ///
    /// `dispatcher` is the text of an ES module with the exports `load(namespace, port)`, which gives a promise of a string, and
    /// `call(message, body)`, which gives one of `[string, Uint8Array | string | null]`. `port` is
    /// `{ operation(name, message, body?, signal?), log(level, record) }`; an operation gives a promise of
    /// `[string, Uint8Array | null]`. `body` is a `Uint8Array` or null.
    ///
    /// # Panics
    /// Outside of a tokio runtime with a timer.
    pub async fn start(
        program: Program,
        source_maps: Arc<dyn SourceMaps + Send + Sync>,
        dispatcher: &'static str,
        settings: ServeSettings,
        operations: Arc<dyn Operations>,
    ) -> Result<(Self, String), ScriptError> {
        let count = settings.isolates.get();
        let common = Arc::new(Common {
            program: Arc::new(program),
            source_maps,
            dispatcher,
            settings,
            operations,
            runtime: Handle::current(),
        });
        let pool = Arc::new(Pool { common, slots: Mutex::default() });
        let mut loading = Vec::with_capacity(count);
        for slot in 0..count {
            let (share, loaded) = pool.spawn(slot)?;
            pool.slots().push(Arc::clone(&share));
            loading.push((share, loaded));
        }
        let mut first = None;
        for (share, loaded) in loading {
            let gave = pool.load(&share, loaded).await?;
            first.get_or_insert(gave);
        }
        Ok((Self(pool), first.unwrap_or_default()))
    }

    /// Calls the dispatcher. A caller that no longer waits leaves the script running, for nobody.
    pub async fn call(&self, message: String, body: Option<Bytes>) -> Result<Reply, CallError> {
        let pool = &self.0;
        let share = pool.least_busy().map_err(|_| CallError::Ended)?;
        let (call, receiver) = share.start_call(message, body);
        let waiting = Waiting { share: &share, call };
        let result = pool.watch(&share, receiver).await;
        drop(waiting);
        result.unwrap_or(Err(CallError::Ended))
    }
}

/// A call that someone waits for.
struct Waiting<'a> {
    share: &'a Share,
    call: CallId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.share.forget(self.call);
    }
}

impl Pool {
    fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Share>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: &Arc<Self>, slot: usize) -> Result<(Arc<Share>, Loaded), ScriptError> {
        let (sender, events) = mpsc::channel();
        let share = Arc::new(Share::new(sender));
        let (loaded, receiver) = oneshot::channel();
        let place = Place { pool: Arc::downgrade(self), slot };
        let job = Job { common: Arc::clone(&self.common), share: Arc::clone(&share), place, events, loaded };
        isolate::spawn(job).map_err(|error| ScriptError::Start(error.to_string()))?;
        Ok((share, receiver))
    }

    /// The isolate with the fewest calls; one that takes no calls is replaced first.
    fn least_busy(self: &Arc<Self>) -> Result<Arc<Share>, ScriptError> {
        let mut slots = self.slots();
        for slot in 0..slots.len() {
            if slots[slot].is_retired() {
                slots[slot] = self.spawn(slot)?.0;
            }
        }
        let share = slots.iter().min_by_key(|share| share.in_flight());
        share.map(Arc::clone).ok_or_else(|| ScriptError::Start("no isolate".to_owned()))
    }

    async fn load(&self, share: &Share, loaded: Loaded) -> Result<String, ScriptError> {
        let result = self.watch_with(share, loaded, || false).await;
        result.unwrap_or(Err(ScriptError::CpuLimit { limit: self.common.settings.limits.cpu }))
    }

    /// Waits for the end of a call, and looks after the isolate meanwhile.
    async fn watch<T>(self: &Arc<Self>, share: &Arc<Share>, receiver: oneshot::Receiver<T>) -> Option<T> {
        let limit = self.common.settings.limits.cpu;
        self.watch_with(share, receiver, || {
            self.common.retire(share);
            if let Some(Turn { call: Some(call), .. }) = share.stuck_turn(limit) {
                share.settle(call, Err(CallError::CpuLimit { limit }));
            }
            true
        })
        .await
    }

    /// Waits; asks `stuck` whether to go on when the isolate is in a turn that does not end.
    async fn watch_with<T>(
        &self,
        share: &Share,
        mut receiver: oneshot::Receiver<T>,
        stuck: impl Fn() -> bool,
    ) -> Option<T> {
        let limit = self.common.settings.limits.cpu;
        let interval = limit.clamp(Duration::from_millis(50), Duration::from_secs(1));
        loop {
            if let Ok(received) = tokio::time::timeout(interval, &mut receiver).await {
                return received.ok();
            }
            if share.stuck_turn(limit).is_some() && !stuck() {
                return None;
            }
        }
    }
}

impl Common {
    /// Takes an isolate out of service: its calls may finish within the grace. Gives whether it was in service.
    pub(super) fn retire(&self, share: &Arc<Share>) -> bool {
        let was_in_service = share.retire();
        if was_in_service {
            let (share, grace) = (Arc::clone(share), self.settings.limits.grace);
            self.runtime.spawn(async move {
                tokio::time::sleep(grace).await;
                share.end();
            });
        }
        was_in_service
    }
}

impl Place {
    /// Puts a fresh isolate in the place of `share`, so that the next call need not wait for the program to load.
    pub(super) fn refill(&self, share: &Arc<Share>) {
        let Some(pool) = self.pool.upgrade() else {
            return;
        };
        let mut slots = pool.slots();
        if Arc::ptr_eq(&slots[self.slot], share) {
            // When there is no thread to be had now, the next call tries again.
            if let Ok((fresh, _)) = pool.spawn(self.slot) {
                slots[self.slot] = fresh;
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for share in self.slots().iter() {
            share.end();
        }
    }
}
