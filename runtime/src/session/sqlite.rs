//! Sessions in a SQLite file.
//!
//! The *store* is one connection on a thread of its own. The table is the one of earlier versions, with a `version` column beside.
//! When the machine loses power, the last commits may be missing; a lost sign-in is worth less than a disk flush for each request.

use super::clock::iso;
use super::record::{RowTexts, SessionRecord, decode, runtime_text, value_text};
use super::store::{ChangeOutcome, SessionStore, StoreError, StoreFuture};
use crate::sqlite::{self, OpenError, SqliteThread, StartError, Stopped};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a write waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many jobs wait; requests beyond wait for a place.
const QUEUE_LENGTH: usize = 1024;

/// Sessions in a SQLite file. Dropping it waits for the jobs that were begun and closes the file.
pub struct SqliteStore {
    thread: SqliteThread,
    places: Arc<Semaphore>,
}

impl SqliteStore {
    /// Opens or makes the file at `path` and its directory.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let path = path.to_path_buf();
        let (thread, ()) =
            SqliteThread::start("sessions", move || Ok::<_, StoreError>((connection(&path)?, ()))).await?;
        Ok(Self { thread, places: Arc::new(Semaphore::new(QUEUE_LENGTH)) })
    }

    fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(async move {
            let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Stopped)?;
            // A request that was given up needs no answer; its job is done all the same.
            let answer = self.thread.send(move |connection| {
                drop(place);
                job(connection)
            })?;
            answer.await.map_err(|_| StoreError::Stopped)?
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.thread.join();
    }
}

impl From<StartError> for StoreError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Thread(error) => Self::Thread(error),
            StartError::Stopped => Self::Stopped,
        }
    }
}

impl From<Stopped> for StoreError {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

fn connection(path: &Path) -> Result<Connection, StoreError> {
    // Sessions are nobody else's.
    let mut connection = sqlite::open(path, true, BUSY_TIMEOUT).map_err(|error| match error {
        OpenError::Directory(source) | OpenError::File(source) => {
            StoreError::File { path: path.display().to_string(), source }
        }
        OpenError::Sqlite(error) => StoreError::Sqlite(error),
    })?;
    // At once for writing: two processes that begin together must not both add the column.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS webstir_sessions (
            id TEXT PRIMARY KEY,
            value TEXT NOT NULL,
            flash TEXT NOT NULL,
            runtime TEXT NOT NULL DEFAULT '{}',
            created_at TEXT NOT NULL,
            expires_at TEXT NOT NULL,
            version INTEGER NOT NULL DEFAULT 1
        );
        CREATE INDEX IF NOT EXISTS webstir_sessions_expires_at_idx ON webstir_sessions (expires_at);",
    )?;
    for (column, definition) in [("runtime", "TEXT NOT NULL DEFAULT '{}'"), ("version", "INTEGER NOT NULL DEFAULT 1")] {
        if !transaction.column_exists(None, "webstir_sessions", column)? {
            transaction.execute_batch(&format!("ALTER TABLE webstir_sessions ADD COLUMN {column} {definition}"))?;
        }
    }
    transaction.commit()?;
    Ok(connection)
}

/// The columns of a row as they are.
struct Row {
    value: String,
    flash: String,
    runtime: String,
    created_at: String,
    expires_at: String,
    version: i64,
}

fn select(connection: &Connection, id: &str) -> Result<Option<SessionRecord>, StoreError> {
    let row = connection
        .prepare_cached(
            "SELECT value, flash, runtime, created_at, expires_at, version FROM webstir_sessions WHERE id = ?1",
        )?
        .query_row([id], |row| {
            Ok(Row {
                value: row.get(0)?,
                flash: row.get(1)?,
                runtime: row.get(2)?,
                created_at: row.get(3)?,
                expires_at: row.get(4)?,
                version: row.get(5)?,
            })
        })
        .optional()?;
    row.map(|row| record(id, &row)).transpose()
}

fn record(id: &str, row: &Row) -> Result<SessionRecord, StoreError> {
    let texts = RowTexts { value: &row.value, flash: &row.flash, runtime: &row.runtime };
    let (value, state) = decode(&texts).map_err(|error| StoreError::MalformedRow {
        store: "SQLite",
        id: id.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(SessionRecord {
        id: id.to_owned(),
        value,
        state,
        created_at: row.created_at.parse().unwrap_or(Timestamp::UNIX_EPOCH),
        // A session whose end cannot be read has none.
        expires_at: row.expires_at.parse().unwrap_or(Timestamp::MAX),
        version: row.version.cast_unsigned(),
    })
}

fn insert(connection: &Connection, record: &SessionRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO webstir_sessions (id, value, flash, runtime, created_at, expires_at, version)
            VALUES (?1, ?2, '[]', ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            record.id,
            value_text(record),
            runtime_text(&record.state),
            iso(record.created_at),
            iso(record.expires_at),
            record.version.cast_signed(),
        ])?;
    Ok(())
}

fn remove(connection: &Connection, id: &str, expected: Option<u64>) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("DELETE FROM webstir_sessions WHERE id = ?1 AND (?2 IS NULL OR version = ?2)")?;
    Ok(statement.execute(params![id, expected.map(u64::cast_signed)])? > 0)
}

/// What a change met that found no row of its version.
fn obstacle(connection: &Connection, id: &str) -> Result<ChangeOutcome, StoreError> {
    Ok(select(connection, id)?.map_or(ChangeOutcome::Gone, |current| ChangeOutcome::Conflict(Box::new(current))))
}

impl SessionStore for SqliteStore {
    fn load<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<SessionRecord>> {
        let id = id.to_owned();
        self.run(move |connection| select(connection, &id))
    }

    fn create(&self, record: SessionRecord) -> StoreFuture<'_, ()> {
        self.run(move |connection| insert(connection, &record))
    }

    fn update(&self, record: SessionRecord, expected: u64) -> StoreFuture<'_, ChangeOutcome> {
        self.run(move |connection| {
            // In one transaction: what is reported as the conflict is what stood in the way.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = transaction
                .prepare_cached(
                    "UPDATE webstir_sessions SET value = ?3, flash = '[]', runtime = ?4, expires_at = ?5, version = ?2 + 1
                    WHERE id = ?1 AND version = ?2",
                )?
                .execute(params![
                    record.id,
                    expected.cast_signed(),
                    value_text(&record),
                    runtime_text(&record.state),
                    iso(record.expires_at),
                ])?;
            let outcome = if changed > 0 { ChangeOutcome::Done } else { obstacle(&transaction, &record.id)? };
            transaction.commit()?;
            Ok(outcome)
        })
    }

    fn rotate<'a>(&'a self, old_id: &'a str, record: SessionRecord, expected: u64) -> StoreFuture<'a, ChangeOutcome> {
        let old_id = old_id.to_owned();
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let outcome = if remove(&transaction, &old_id, Some(expected))? {
                insert(&transaction, &record)?;
                ChangeOutcome::Done
            } else {
                obstacle(&transaction, &old_id)?
            };
            transaction.commit()?;
            Ok(outcome)
        })
    }

    fn delete<'a>(&'a self, id: &'a str, expected: Option<u64>) -> StoreFuture<'a, ChangeOutcome> {
        let id = id.to_owned();
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let removed = remove(&transaction, &id, expected)?;
            let outcome = if removed { ChangeOutcome::Done } else { obstacle(&transaction, &id)? };
            transaction.commit()?;
            Ok(outcome)
        })
    }

    fn sweep(&self, now: Timestamp) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut removed = 0;
            loop {
                // In portions: a sweep of many must not hold up requests.
                let portion = self
                    .run(move |connection| {
                        let mut statement = connection.prepare_cached(
                            "DELETE FROM webstir_sessions WHERE rowid IN
                            (SELECT rowid FROM webstir_sessions WHERE expires_at <= ?1 LIMIT 500)",
                        )?;
                        Ok(statement.execute([iso(now)])? as u64)
                    })
                    .await?;
                removed += portion;
                if portion == 0 {
                    return Ok(removed);
                }
            }
        })
    }
}
