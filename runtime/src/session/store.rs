//! Where sessions are kept.
//!
//! A *store* keeps records by id. It knows nothing of cookies, requests and time. Every change names the version that it
//! starts from: a change never brings back what was deleted, and never overwrites what it has not seen.

use super::record::SessionRecord;
use jiff::Timestamp;
use std::pin::Pin;

/// What an operation of a store gives; boxed, so that stores can stand behind one pointer.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// What became of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeOutcome {
    Done,
    /// Somebody else changed the record before; nothing was written. This is what it is now.
    Conflict(Box<SessionRecord>),
    /// There is no such record any more; nothing was written.
    Gone,
}

/// Keeps sessions. Each operation is atomic, and what it reported as done survives the end of the process if the store
/// survives it at all.
pub trait SessionStore: Send + Sync + 'static {
    /// The record of an id, expired or not.
    fn load<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<SessionRecord>>;

    /// Adds a record under a new id.
    fn create(&self, record: SessionRecord) -> StoreFuture<'_, ()>;

    /// Replaces the record of the same id, if it still has `expected` as its version.
    fn update(&self, record: SessionRecord, expected: u64) -> StoreFuture<'_, ChangeOutcome>;

    /// Removes `old_id` and adds `record` under its own id in one step, if the old record still has `expected` as its version.
    fn rotate<'a>(&'a self, old_id: &'a str, record: SessionRecord, expected: u64) -> StoreFuture<'a, ChangeOutcome>;

    /// Removes a record: if it still has `expected` as its version, or in any version where that is nothing.
    fn delete<'a>(&'a self, id: &'a str, expected: Option<u64>) -> StoreFuture<'a, ChangeOutcome>;

    /// Removes the records that expired at `now` or before and says how many.
    fn sweep(&self, now: Timestamp) -> StoreFuture<'_, u64>;
}

/// What kept a store from answering.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("[session] Failed to deserialize {store} session row '{id}': {reason}")]
    MalformedRow { store: &'static str, id: String, reason: String },
    #[error("[session] Cannot make the SQLite database {path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("[session] Cannot start the thread of the SQLite store: {0}")]
    Thread(#[source] std::io::Error),
    #[error("[session] SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("[session] PostgreSQL: {}", crate::postgres::with_sources(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("[session] PostgreSQL: {0}")]
    Pool(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("[session] SESSION_STORE_URL cannot be used: {0}")]
    PostgresUrl(String),
    #[error("[session] The session store has stopped")]
    Stopped,
    #[error("[session] A session was changed by others {attempts} times in a row")]
    Contention { attempts: u32 },
}
