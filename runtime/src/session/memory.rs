//! Sessions in the memory of the process, gone with it.

use super::open::satisfies_required;
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
    /// Those without data of the application, by their start.
    blank: BTreeSet<(Timestamp, String)>,
}

/// Every stranger who is shown a form leaves a blank session. Beyond this many the oldest goes; its form has to be loaded again.
const MOST_BLANK: usize = 20_000;

impl Sessions {
    fn insert(&mut self, record: SessionRecord) {
        self.remove(&record.id);
        self.ends.insert((record.expires_at, record.id.clone()));
        if !satisfies_required(record.value.as_ref()) {
            self.blank.insert((record.created_at, record.id.clone()));
        }
        self.records.insert(record.id.clone(), record);
        if self.blank.len() > MOST_BLANK
            && let Some((_, oldest)) = self.blank.first().cloned()
        {
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, id: &str) {
        if let Some(old) = self.records.remove(id) {
            self.ends.remove(&(old.expires_at, old.id.clone()));
            self.blank.remove(&(old.created_at, old.id));
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

#[cfg(test)]
mod tests {
    use super::super::record::RuntimeState;
    use super::*;
    use jiff::SignedDuration;
    use serde_json::{Map, json};

    fn record(number: usize, value: Option<Map<String, serde_json::Value>>) -> SessionRecord {
        let created_at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::try_from(number).unwrap());
        SessionRecord {
            id: format!("{number}"),
            value,
            state: RuntimeState::default(),
            created_at,
            expires_at: created_at + SignedDuration::from_hours(1),
            version: 0,
        }
    }

    #[test]
    fn sessions_of_strangers_are_bounded_and_others_are_kept() {
        let mut sessions = Sessions::default();
        let data = json!({ "user": 1 }).as_object().cloned();
        sessions.insert(record(0, data.clone()));
        for number in 1..=MOST_BLANK + 10 {
            sessions.insert(record(number, number.is_multiple_of(2).then(Map::new)));
        }
        assert_eq!((sessions.records.len(), sessions.ends.len()), (MOST_BLANK + 1, MOST_BLANK + 1));
        assert!(sessions.records.contains_key("0") && !sessions.records.contains_key("10"));
        sessions.insert(record(11, data));
        assert_eq!(sessions.blank.len(), MOST_BLANK - 1);
    }
}
