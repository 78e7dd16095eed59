//! Sessions in PostgreSQL, shared by all processes that serve a workspace.
//!
//! The *store* holds a pool of connections. The table has the columns of the SQLite store, with real timestamps; values stay
//! text, so that both stores give back exactly what they were given. It is made on demand, by one process at a time.

use super::record::{RowTexts, SessionRecord, decode, runtime_text, value_text};
use super::store::{ChangeOutcome, SessionStore, StoreError, StoreFuture};
use crate::postgres::{ConnectionError, Connections, PoolSettings};
use deadpool_postgres::{GenericClient, Object};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

/// How long a server that has vanished goes unnoticed.
const SILENCE: Duration = Duration::from_secs(10);

/// How many connections one process holds at most.
const CONNECTIONS: usize = 16;

/// The advisory lock under which the table is made; a number of our own.
const TABLE_LOCK: i64 = 0x7765_6273_7469_7201;

/// Sessions in PostgreSQL.
pub struct PostgresStore {
    connections: Connections,
}

impl From<ConnectionError> for StoreError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Address(reason) => Self::PostgresUrl(reason),
            ConnectionError::Server(error) => Self::Postgres(error),
            ConnectionError::Pool(reason) => Self::Pool(reason),
        }
    }
}

impl PostgresStore {
    /// Connects to a `postgres://` URL, whose `sslmode` means what it means to `libpq`, and makes the table.
    pub async fn connect(url: &SecretString) -> Result<Self, StoreError> {
        let settings = PoolSettings { connections: CONNECTIONS, silence: SILENCE, prologue: None };
        let store = Self { connections: Connections::new(url.expose_secret(), settings)? };
        store.make_table().await?;
        Ok(store)
    }

    async fn connection(&self) -> Result<Object, StoreError> {
        Ok(self.connections.get().await?)
    }

    /// Does nothing where the table is complete: the user of the runtime may then do without the right to make tables.
    async fn make_table(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let transaction = connection.transaction().await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&TABLE_LOCK]).await?;
        let is_complete: bool = transaction
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_attribute
                WHERE attrelid = to_regclass('webstir_sessions') AND attname = 'version' AND NOT attisdropped)",
                &[],
            )
            .await?
            .get(0);
        if !is_complete {
            transaction
                .batch_execute(
                    "CREATE TABLE IF NOT EXISTS webstir_sessions (
                        id text PRIMARY KEY,
                        value text NOT NULL,
                        flash text NOT NULL,
                        runtime text NOT NULL DEFAULT '{}',
                        created_at timestamptz NOT NULL,
                        expires_at timestamptz NOT NULL
                    );
                    ALTER TABLE webstir_sessions ADD COLUMN IF NOT EXISTS version bigint NOT NULL DEFAULT 1;
                    CREATE INDEX IF NOT EXISTS webstir_sessions_expires_at_idx ON webstir_sessions (expires_at);",
                )
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

async fn select(client: &impl GenericClient, id: &str) -> Result<Option<SessionRecord>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT value, flash, runtime, created_at, expires_at, version FROM webstir_sessions WHERE id = $1",
        )
        .await?;
    let Some(row) = client.query_opt(&statement, &[&id]).await? else { return Ok(None) };
    let malformed = |reason: String| StoreError::MalformedRow { store: "Postgres", id: id.to_owned(), reason };
    let unreadable = |error: tokio_postgres::Error| malformed(error.to_string());
    let texts = RowTexts {
        value: row.try_get(0).map_err(unreadable)?,
        flash: row.try_get(1).map_err(unreadable)?,
        runtime: row.try_get(2).map_err(unreadable)?,
    };
    let (value, state) = decode(&texts).map_err(|error| malformed(error.to_string()))?;
    Ok(Some(SessionRecord {
        id: id.to_owned(),
        value,
        state,
        created_at: row.try_get(3).map_err(unreadable)?,
        expires_at: row.try_get(4).map_err(unreadable)?,
        version: row.try_get::<_, i64>(5).map_err(unreadable)?.cast_unsigned(),
    }))
}

async fn insert(client: &impl GenericClient, record: &SessionRecord) -> Result<(), StoreError> {
    let statement = client
        .prepare_cached(
            "INSERT INTO webstir_sessions (id, value, flash, runtime, created_at, expires_at, version)
            VALUES ($1, $2, '[]', $3, $4, $5, $6)",
        )
        .await?;
    client
        .execute(
            &statement,
            &[
                &record.id,
                &value_text(record),
                &runtime_text(&record.state),
                &record.created_at,
                &record.expires_at,
                &record.version.cast_signed(),
            ],
        )
        .await?;
    Ok(())
}

async fn remove(client: &impl GenericClient, id: &str, expected: Option<u64>) -> Result<bool, StoreError> {
    let statement = client
        .prepare_cached("DELETE FROM webstir_sessions WHERE id = $1 AND ($2::bigint IS NULL OR version = $2)")
        .await?;
    Ok(client.execute(&statement, &[&id, &expected.map(u64::cast_signed)]).await? > 0)
}

/// What a change met that found no row of its version.
async fn obstacle(client: &impl GenericClient, id: &str) -> Result<ChangeOutcome, StoreError> {
    let current = select(client, id).await?;
    Ok(current.map_or(ChangeOutcome::Gone, |current| ChangeOutcome::Conflict(Box::new(current))))
}

impl SessionStore for PostgresStore {
    fn load<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<SessionRecord>> {
        Box::pin(async move { select(&self.connection().await?, id).await })
    }

    fn create(&self, record: SessionRecord) -> StoreFuture<'_, ()> {
        Box::pin(async move { insert(&self.connection().await?, &record).await })
    }

    fn update(&self, record: SessionRecord, expected: u64) -> StoreFuture<'_, ChangeOutcome> {
        Box::pin(async move {
            let connection = self.connection().await?;
            let statement = connection
                .prepare_cached(
                    "UPDATE webstir_sessions
                    SET value = $3, flash = '[]', runtime = $4, expires_at = $5, version = $2 + 1
                    WHERE id = $1 AND version = $2",
                )
                .await?;
            let changed = connection
                .execute(
                    &statement,
                    &[
                        &record.id,
                        &expected.cast_signed(),
                        &value_text(&record),
                        &runtime_text(&record.state),
                        &record.expires_at,
                    ],
                )
                .await?;
            if changed > 0 { Ok(ChangeOutcome::Done) } else { obstacle(&connection, &record.id).await }
        })
    }

    fn rotate<'a>(&'a self, old_id: &'a str, record: SessionRecord, expected: u64) -> StoreFuture<'a, ChangeOutcome> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            // Dropped without a commit, a transaction is rolled back.
            let transaction = connection.transaction().await?;
            if !remove(&transaction, old_id, Some(expected)).await? {
                return obstacle(&transaction, old_id).await;
            }
            insert(&transaction, &record).await?;
            transaction.commit().await?;
            Ok(ChangeOutcome::Done)
        })
    }

    fn delete<'a>(&'a self, id: &'a str, expected: Option<u64>) -> StoreFuture<'a, ChangeOutcome> {
        Box::pin(async move {
            let connection = self.connection().await?;
            let removed = remove(&connection, id, expected).await?;
            if removed { Ok(ChangeOutcome::Done) } else { obstacle(&connection, id).await }
        })
    }

    fn sweep(&self, now: Timestamp) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let connection = self.connection().await?;
            // In portions, and around rows that somebody changes: a sweep must not hold up requests.
            let statement = connection
                .prepare_cached(
                    "DELETE FROM webstir_sessions WHERE id IN (SELECT id FROM webstir_sessions
                    WHERE expires_at <= $1 LIMIT 500 FOR UPDATE SKIP LOCKED)",
                )
                .await?;
            let mut removed = 0;
            loop {
                let portion = connection.execute(&statement, &[&now]).await?;
                removed += portion;
                if portion == 0 {
                    return Ok(removed);
                }
            }
        })
    }
}
