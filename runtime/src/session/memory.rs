//! Sessions in the memory of the process, gone with it.

use super::open::satisfies_required;
use super::record::{RowTexts, SessionRecord, decode, runtime_text, value_text};
use super::store::{ChangeOutcome, SessionStore, StoreError, StoreFuture};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Sessions in memory. One lock guards them all: nothing but map operations happens under it.
#[derive(Default)]
pub struct MemoryStore {
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    records: HashMap<Arc<str>, Stored>,
    /// The same records by their end, so that sweeping looks at expired ones only.
    ends: BTreeSet<(Timestamp, Arc<str>)>,
    /// Those without data of the application, by their start.
    blank: BTreeSet<(Timestamp, Arc<str>)>,
}

/// A record without its id. Value and state are text, as in the databases: most records wait for a visitor who does not come back,
/// and as JSON trees they take ten times the room.
struct Stored {
    value: Box<str>,
    runtime: Box<str>,
    created_at: Timestamp,
    expires_at: Timestamp,
    version: u64,
}

impl Stored {
    fn new(record: &SessionRecord) -> Self {
        Self {
            value: value_text(record).into(),
            runtime: runtime_text(&record.state).into(),
            created_at: record.created_at,
            expires_at: record.expires_at,
            version: record.version,
        }
    }

    fn record(&self, id: &str) -> Result<SessionRecord, StoreError> {
        let texts = RowTexts { value: &self.value, flash: "[]", runtime: &self.runtime };
        let (value, state) = decode(&texts).map_err(|error| StoreError::MalformedRow {
            store: "memory",
            id: id.to_owned(),
            reason: error.to_string(),
        })?;
        let Self { created_at, expires_at, version, .. } = *self;
        Ok(SessionRecord { id: id.to_owned(), value, state, created_at, expires_at, version })
    }
}

/// Every stranger who is shown a form leaves a blank session. Beyond this many the oldest goes; its form has to be loaded again.
const MOST_BLANK: usize = 20_000;

impl Sessions {
    fn insert(&mut self, id: &str, is_blank: bool, stored: Stored) {
        self.remove(id);
        let id: Arc<str> = id.into();
        self.ends.insert((stored.expires_at, Arc::clone(&id)));
        if is_blank {
            self.blank.insert((stored.created_at, Arc::clone(&id)));
        }
        self.records.insert(id, stored);
        if self.blank.len() > MOST_BLANK
            && let Some((_, oldest)) = self.blank.first().cloned()
        {
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, id: &str) {
        if let Some((id, old)) = self.records.remove_entry(id) {
            self.ends.remove(&(old.expires_at, Arc::clone(&id)));
            self.blank.remove(&(old.created_at, id));
        }
    }

    /// What stands in the way of changing `id` from version `expected`.
    fn obstacle(&self, id: &str, expected: Option<u64>) -> Result<Option<ChangeOutcome>, StoreError> {
        Ok(match self.records.get(id) {
            None => Some(ChangeOutcome::Gone),
            Some(current) if expected.is_some_and(|version| version != current.version) => {
                Some(ChangeOutcome::Conflict(Box::new(current.record(id)?)))
            }
            Some(_) => None,
        })
    }

    /// Makes the change unless something stands in its way.
    fn change(
        &mut self,
        id: &str,
        expected: Option<u64>,
        change: impl FnOnce(&mut Self),
    ) -> Result<ChangeOutcome, StoreError> {
        if let Some(obstacle) = self.obstacle(id, expected)? {
            return Ok(obstacle);
        }
        change(self);
        Ok(ChangeOutcome::Done)
    }
}

impl MemoryStore {
    /// A panic of a holder cannot leave the maps half changed: nothing under the lock calls out.
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_blank(record: &SessionRecord) -> bool {
    !satisfies_required(record.value.as_ref())
}

impl SessionStore for MemoryStore {
    fn load<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<SessionRecord>> {
        let record = self.sessions().records.get(id).map(|stored| stored.record(id)).transpose();
        Box::pin(ready(record))
    }

    fn create(&self, record: SessionRecord) -> StoreFuture<'_, ()> {
        let stored = Stored::new(&record);
        self.sessions().insert(&record.id, is_blank(&record), stored);
        Box::pin(ready(Ok(())))
    }

    fn update(&self, record: SessionRecord, expected: u64) -> StoreFuture<'_, ChangeOutcome> {
        let stored = Stored { version: expected + 1, ..Stored::new(&record) };
        let outcome = self.sessions().change(&record.id, Some(expected), |sessions| {
            sessions.insert(&record.id, is_blank(&record), stored);
        });
        Box::pin(ready(outcome))
    }

    fn rotate<'a>(&'a self, old_id: &'a str, record: SessionRecord, expected: u64) -> StoreFuture<'a, ChangeOutcome> {
        let stored = Stored::new(&record);
        let outcome = self.sessions().change(old_id, Some(expected), |sessions| {
            sessions.remove(old_id);
            sessions.insert(&record.id, is_blank(&record), stored);
        });
        Box::pin(ready(outcome))
    }

    fn delete<'a>(&'a self, id: &'a str, expected: Option<u64>) -> StoreFuture<'a, ChangeOutcome> {
        let outcome = self.sessions().change(id, expected, |sessions| sessions.remove(id));
        Box::pin(ready(outcome))
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
        let mut insert = |record: SessionRecord| {
            sessions.insert(&record.id, is_blank(&record), Stored::new(&record));
            (sessions.records.len(), sessions.ends.len(), sessions.blank.len())
        };
        insert(record(0, data.clone()));
        for number in 1..=MOST_BLANK + 10 {
            insert(record(number, number.is_multiple_of(2).then(Map::new)));
        }
        assert_eq!(insert(record(11, data)), (MOST_BLANK + 1, MOST_BLANK + 1, MOST_BLANK - 1));
        assert!(sessions.records.contains_key("0") && !sessions.records.contains_key("10"));
    }
}
