//! The records of migrations, in the database that they changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Mutex;

use super::{Direction, MigrationError};
use crate::database::{BrokenReference, Database, DatabaseError, DatabaseLimits, Purpose, Statement};
use crate::environment::Environment;
use crate::host::OpenTransaction;

const DEFAULT_TABLE: &str = "_webstir_migrations";
/// PostgreSQL and SQLite count milliseconds in 32 bits.
const LONGEST: Duration = Duration::from_hours(24 * 20);
const DEFAULT_URL: &str = "file:./data/dev.sqlite";

/// Where records are kept. Connects when it is first opened.
pub(super) struct Ledger {
    url: String,
    root: PathBuf,
    table: String,
    limit: Duration,
    database: Mutex<Option<Arc<Database>>>,
}

/// The records, under the lock of a transaction. Dropped, it takes back what was done in it.
pub(super) struct Records {
    transaction: OpenTransaction,
    table: String,
}

impl Ledger {
    /// `limit` is how long a migration may take, and how long others wait for it.
    pub(super) fn new(environment: &Environment, limit: Duration) -> Result<Self, MigrationError> {
        let table = environment.text("DATABASE_MIGRATIONS_TABLE").unwrap_or(DEFAULT_TABLE);
        let is_name = table.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name || table.as_bytes()[0].is_ascii_digit() {
            return Err(MigrationError::Table);
        }
        let url = environment.text("DATABASE_URL").unwrap_or(DEFAULT_URL);
        if !is_supported(url) {
            return Err(MigrationError::Address);
        }
        Ok(Self {
            url: url.to_owned(),
            root: environment.workspace_root().to_owned(),
            table: table.to_owned(),
            limit,
            database: Mutex::default(),
        })
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// Waits for the lock.
    pub(super) async fn open(&self) -> Result<Records, MigrationError> {
        let database = self.database().await?;
        let number = database.begin().await?;
        let records = Records { transaction: OpenTransaction { database, number }, table: self.table.clone() };
        if records.transaction.database.is_postgres() {
            let key = lock_key(&self.table);
            records.run(&format!("SELECT CAST(pg_advisory_xact_lock({key}) AS text) AS held"), &[]).await?;
        }
        let table = &self.table;
        let statement = format!(
            "CREATE TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"
        );
        records.run(&statement, &[]).await?;
        Ok(records)
    }

    async fn database(&self) -> Result<Arc<Database>, DatabaseError> {
        let mut database = self.database.lock().await;
        if let Some(database) = &*database {
            return Ok(Arc::clone(database));
        }
        // A migration waits for the one before it as long as that may take.
        let limit = self.limit.min(LONGEST);
        let limits = DatabaseLimits { statement: limit, transaction: limit, turn: limit };
        let opened = Arc::new(Database::connect(&self.url, &self.root, limits, Purpose::Migrations).await?);
        Ok(Arc::clone(database.insert(opened)))
    }

    pub(super) async fn close(&self) {
        if let Some(database) = self.database.lock().await.take() {
            database.close().await;
        }
    }
}

fn is_supported(url: &str) -> bool {
    let prefixes = ["file:", "sqlite:", "postgres://", "postgresql://"];
    url == ":memory:"
        || prefixes.iter().any(|prefix| url.starts_with(prefix))
        || !url.contains("://") && Path::new(url).extension().is_some_and(|kind| kind == "sqlite" || kind == "db")
}

/// The same for all who keep records in this table.
fn lock_key(table: &str) -> i64 {
    let hash = blake3::hash(format!("webstir migrations {}", table.to_lowercase()).as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    i64::from_le_bytes(bytes)
}

#[derive(Deserialize)]
struct Rows {
    rows: Vec<Vec<String>>,
}

impl Records {
    pub(super) fn transaction(&self) -> OpenTransaction {
        self.transaction.clone()
    }

    /// Placeholders are `?`.
    async fn run(&self, text: &str, parameters: &[&str]) -> Result<String, DatabaseError> {
        let OpenTransaction { database, number } = &self.transaction;
        database.run_portable(Statement::new(text, parameters), *number).await
    }

    async fn rows(&self, query: &str) -> Result<Vec<Vec<String>>, DatabaseError> {
        let reply = self.run(query, &[]).await?;
        let rows: Rows = serde_json::from_str(&reply).map_err(|error| DatabaseError::Unreadable(error.to_string()))?;
        Ok(rows.rows)
    }

    /// Sorted.
    pub(super) async fn ids(&self) -> Result<Vec<String>, DatabaseError> {
        let rows = self.rows(&format!("SELECT id FROM {} ORDER BY id", self.table)).await?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Each id with a text that sorts by when it was made.
    pub(super) async fn stamped(&self) -> Result<Vec<(String, String)>, DatabaseError> {
        // The default of the column is in the zone of the connection.
        let stamp = if self.transaction.database.is_postgres() {
            "to_char(applied_at::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        } else {
            "applied_at"
        };
        let rows = self.rows(&format!("SELECT id, {stamp} AS stamp FROM {}", self.table)).await?;
        let pairs = rows.into_iter().map(|row| <[String; 2]>::try_from(row).map(|[id, stamp]| (id, stamp)));
        pairs.collect::<Result<_, _>>().map_err(|_| DatabaseError::Unreadable("a record has two columns".to_owned()))
    }

    /// Adds the record of a migration, or removes it.
    pub(super) async fn change(&self, id: &str, direction: Direction) -> Result<(), DatabaseError> {
        let table = &self.table;
        let statement = match direction {
            Direction::Down => format!("DELETE FROM {table} WHERE id = ?"),
            // Finer stamps than the column's own.
            Direction::Up if self.transaction.database.is_postgres() => {
                format!("INSERT INTO {table} (id, applied_at) VALUES (?, clock_timestamp()::text)")
            }
            Direction::Up => {
                format!("INSERT INTO {table} (id, applied_at) VALUES (?, strftime('%Y-%m-%d %H:%M:%f', 'now'))")
            }
        };
        self.run(&statement, &[id]).await.map(drop)
    }

    /// References of rows that lead nowhere. They are not enforced while migrations run.
    pub(super) async fn broken_references(&self) -> Result<BTreeSet<BrokenReference>, DatabaseError> {
        let OpenTransaction { database, number } = &self.transaction;
        database.broken_references(*number).await
    }

    pub(super) async fn commit(self) -> Result<(), DatabaseError> {
        self.transaction.database.end(self.transaction.number, true).await
    }

    /// A connection that fails in this has rolled back by itself.
    pub(super) async fn rollback(self) {
        let _ = self.transaction.database.end(self.transaction.number, false).await;
    }
}
