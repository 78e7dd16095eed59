//! The open transactions of one database.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use tokio::task::AbortHandle;

use super::{DatabaseError, TRANSACTION_LIMIT};

/// Transactions by id. One that is dropped unfinished rolls itself back.
pub(super) struct Transactions<T> {
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

impl<T> Default for Transactions<T> {
    fn default() -> Self {
        Self { last: AtomicU64::new(0), open: Arc::default() }
    }
}

impl<T: Send + Sync + 'static> Transactions<T> {
    /// Keeps one, until its limit.
    pub(super) fn add(&self, transaction: T) -> u64 {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let open = Arc::downgrade(&self.open);
        let limit = tokio::spawn(async move {
            tokio::time::sleep(TRANSACTION_LIMIT).await;
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
