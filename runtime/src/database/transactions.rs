//! The open transactions of one database.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::task::AbortHandle;

use super::DatabaseError;

/// Transactions by id. One that is dropped unfinished rolls itself back.
pub(super) struct Transactions<T> {
    limit: Duration,
    last: AtomicU64,
    open: Arc<Mutex<FxHashMap<u64, Entry<T>>>>,
}

struct Entry<T> {
    transaction: Arc<T>,
    limit: AbortHandle,
}

impl<T> Drop for Entry<T> {
    fn drop(&mut self) {
        self.limit.abort();
    }
}

impl<T: Send + Sync + 'static> Transactions<T> {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, last: AtomicU64::new(0), open: Arc::default() }
    }

    /// Keeps one, until its limit.
    pub(super) fn add(&self, transaction: T) -> u64 {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (open, limit) = (Arc::downgrade(&self.open), self.limit);
        let limit = tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            if let Some(open) = open.upgrade() {
                lock(&open).remove(&id);
            }
        });
        let entry = Entry { transaction: Arc::new(transaction), limit: limit.abort_handle() };
        lock(&self.open).insert(id, entry);
        id
    }

    pub(super) fn find(&self, id: u64) -> Result<Arc<T>, DatabaseError> {
        lock(&self.open).get(&id).map(|entry| Arc::clone(&entry.transaction)).ok_or(DatabaseError::TransactionOver)
    }

    /// From here on nobody finds it.
    pub(super) fn take(&self, id: u64) -> Result<Arc<T>, DatabaseError> {
        let entry = lock(&self.open).remove(&id);
        entry.map(|entry| Arc::clone(&entry.transaction)).ok_or(DatabaseError::TransactionOver)
    }

    pub(super) fn clear(&self) {
        lock(&self.open).clear();
    }
}

fn lock<T>(open: &Mutex<FxHashMap<u64, Entry<T>>>) -> MutexGuard<'_, FxHashMap<u64, Entry<T>>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
