//! Sessions in the memory of the process, gone with it.

use super::record::SessionRecord;
use super::store::{ChangeOutcome, SessionStore, StoreFuture};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::future::ready;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sessions in memory. One lock guards them all: nothing but map operations happens under it.
#[derive(Default)]
pub struct MemoryStore {
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    records: HashMap<String, SessionRecord>,
    /// The same records by their end, so that sweeping looks at expired ones only.
    ends: BTreeSet<(Timestamp, String)>,
}

impl Sessions {
    fn insert(&mut self, record: SessionRecord) {
        self.ends.insert((record.expires_at, record.id.clone()));
        if let Some(old) = self.records.insert(record.id.clone(), record)
            && self.records.get(&old.id).is_some_and(|record| record.expires_at != old.expires_at)
        {
            self.ends.remove(&(old.expires_at, old.id));
        }
    }

    fn remove(&mut self, id: &str) {
        if let Some(old) = self.records.remove(id) {
            self.ends.remove(&(old.expires_at, old.id));
        }
    }

    /// What stands in the way of changing `id` from version `expected`.
    fn obstacle(&self, id: &str, expected: Option<u64>) -> Option<ChangeOutcome> {
        match self.records.get(id) {
            None => Some(ChangeOutcome::Gone),
            Some(current) if expected.is_some_and(|version| version != current.version) => {
                Some(ChangeOutcome::Conflict(Box::new(current.clone())))
            }
            Some(_) => None,
        }
    }
}

impl MemoryStore {
    /// A panic of a holder cannot leave the maps half changed: nothing under the lock calls out.
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for MemoryStore {
    fn load<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<SessionRecord>> {
        Box::pin(ready(Ok(self.sessions().records.get(id).cloned())))
    }

    fn create(&self, record: SessionRecord) -> StoreFuture<'_, ()> {
        self.sessions().insert(record);
        Box::pin(ready(Ok(())))
    }

    fn update(&self, mut record: SessionRecord, expected: u64) -> StoreFuture<'_, ChangeOutcome> {
        let mut sessions = self.sessions();
        let outcome = sessions.obstacle(&record.id, Some(expected)).unwrap_or_else(|| {
            record.version = expected + 1;
            sessions.insert(record);
            ChangeOutcome::Done
        });
        Box::pin(ready(Ok(outcome)))
    }

    fn rotate<'a>(&'a self, old_id: &'a str, record: SessionRecord, expected: u64) -> StoreFuture<'a, ChangeOutcome> {
        let mut sessions = self.sessions();
        let outcome = sessions.obstacle(old_id, Some(expected)).unwrap_or_else(|| {
            sessions.remove(old_id);
            sessions.insert(record);
            ChangeOutcome::Done
        });
        Box::pin(ready(Ok(outcome)))
    }

    fn delete<'a>(&'a self, id: &'a str, expected: Option<u64>) -> StoreFuture<'a, ChangeOutcome> {
        let mut sessions = self.sessions();
        let outcome = sessions.obstacle(id, expected).unwrap_or_else(|| {
            sessions.remove(id);
            ChangeOutcome::Done
        });
        Box::pin(ready(Ok(outcome)))
    }

    fn sweep(&self, now: Timestamp) -> StoreFuture<'_, u64> {
        let mut removed = 0;
        // A lock for each: a sweep of many must not hold up requests.
        while self.sweep_one(now) {
            removed += 1;
        }
        Box::pin(ready(Ok(removed)))
    }
}

impl MemoryStore {
    fn sweep_one(&self, now: Timestamp) -> bool {
        let mut sessions = self.sessions();
        let expired = sessions.ends.first().filter(|(end, _)| *end <= now).map(|(_, id)| id.clone());
        expired.is_some_and(|id| {
            sessions.remove(&id);
            true
        })
    }
}
