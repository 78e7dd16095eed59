//! Sessions: what an application remembers of a client between requests.
//!
//! A *session* is a JSON object behind a signed cookie. It is *opened* at the start of a request and *committed* at its end,
//! once the response is known; a request that fails commits nothing. Id and lifetime are the runtime's alone: fields named
//! `id`, `createdAt` and `expiresAt` in the value are ordinary fields.

mod clock;
mod cookie;
mod flash;
mod memory;
mod merge;
mod open;
mod plan;
mod postgres;
mod record;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;

use crate::environment::{SessionSettings, StoreLocation};
use jiff::{SignedDuration, Timestamp};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

pub use clock::iso;
pub use cookie::{PresentedCookie, SessionCookie, cookies};
pub use flash::{FlashLevel, FlashMessage, FlashOutcome, FlashPlan, FlashRule};
pub use memory::MemoryStore;
pub use open::{CommitContext, CommitError, OpenSession, ScriptSession, SessionChange, satisfies_required};
pub use postgres::PostgresStore;
pub use record::{RuntimeState, SessionRecord};
pub use sqlite::SqliteStore;
pub use store::{ChangeOutcome, SessionStore, StoreError, StoreFuture};

/// Opens the sessions of requests. Cloning shares it.
#[derive(Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn SessionStore>,
    cookie: SessionCookie,
    lifetime: SignedDuration,
    sliding: bool,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// Requests whose commits met a conflict take turns, by a hash of the session id.
    turns: [Mutex<()>; 64],
    turn_of: RandomState,
}

impl Sessions {
    pub fn new(settings: &SessionSettings, store: Arc<dyn SessionStore>) -> Self {
        Self::with_clock(settings, store, clock::now)
    }

    /// Like [`Sessions::new`], with another source of the current instant.
    pub fn with_clock(
        settings: &SessionSettings,
        store: Arc<dyn SessionStore>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let lifetime = SignedDuration::from_secs(i64::try_from(settings.max_age).unwrap_or(i64::MAX));
        Self {
            shared: Arc::new(Shared {
                store,
                cookie: SessionCookie::new(settings),
                lifetime,
                sliding: settings.sliding,
                clock: Box::new(clock),
                turns: std::array::from_fn(|_| Mutex::new(())),
                turn_of: RandomState::new(),
            }),
        }
    }

    /// Removes expired sessions now and then, as long as the returned task is kept.
    pub fn sweep_every(&self, period: Duration) -> SweepTask {
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                match shared.store.sweep((shared.clock)()).await {
                    Ok(0) => {}
                    Ok(count) => tracing::debug!(count, "Expired sessions removed"),
                    Err(error) => tracing::warn!(reason = %error, "Expired sessions cannot be removed"),
                }
            }
        });
        SweepTask { task }
    }
}

impl Shared {
    async fn turn(&self, id: &str) -> MutexGuard<'_, ()> {
        let hash = self.turn_of.hash_one(id);
        let index = usize::try_from(hash % self.turns.len() as u64).unwrap_or_default();
        self.turns[index].lock().await
    }
}

/// The periodic removal of expired sessions; ends when dropped.
#[must_use = "sweeping ends when this is dropped"]
pub struct SweepTask {
    task: JoinHandle<()>,
}

impl Drop for SweepTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The store that the settings name, ready for use: its table exists.
pub async fn connect(location: &StoreLocation) -> Result<Arc<dyn SessionStore>, StoreError> {
    Ok(match location {
        StoreLocation::Memory => Arc::new(MemoryStore::default()),
        StoreLocation::Sqlite(path) => Arc::new(SqliteStore::open(path).await?),
        StoreLocation::Postgres(url) => Arc::new(PostgresStore::connect(url).await?),
    })
}
