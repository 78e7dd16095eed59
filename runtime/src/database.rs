//! Databases of scripts: what stands behind `Bun.SQL` in the embedded engine, and what migrations change.
//!
//! A *database* is one `SQL` object of a script, open under a *handle*. It runs *statements*, text with *parameters*, each by
//! itself or in a *transaction*. [`Databases`] are those of one isolate: they are closed when it ends. Values cross as JSON in
//! which every object is a tag with a value. Neither text nor parameters are ever logged.

mod answer;
mod error;
mod parameter;
mod placeholder;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;
mod transactions;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use webstir_script::{OperationError, OperationReply};

pub(crate) use error::DatabaseError;
use parameter::Parameter;
#[cfg(feature = "fuzzing")]
pub(crate) use placeholder::numbered;
use postgres::Postgres;
pub(crate) use sqlite::BrokenReference;
use sqlite::Sqlite;

/// How long a database may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DatabaseLimits {
    /// A statement.
    pub(crate) statement: Duration,
    /// A transaction, from its begin to its end: it holds a connection, and in SQLite all other writers.
    pub(crate) transaction: Duration,
    /// Waiting for a turn in SQLite.
    pub(crate) turn: Duration,
}

/// For the databases of handlers and jobs.
const SCRIPTS: DatabaseLimits =
    DatabaseLimits { statement: Duration::from_secs(30), transaction: Duration::from_mins(1), turn: PATIENCE };
/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(5);
/// A script that opens more than this does not close them.
const MOST_OPEN: usize = 64;

/// The open databases of one isolate.
pub(crate) struct Databases {
    /// Where relative paths start.
    root: PathBuf,
    last: AtomicU64,
    open: Mutex<FxHashMap<u64, Arc<Database>>>,
}

/// Who a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Statements of handlers and jobs.
    Scripts,
    /// Migrations, each in a transaction.
    Migrations,
}

/// An open database.
pub(crate) struct Database {
    driver: Driver,
    limits: DatabaseLimits,
}

enum Driver {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// A statement as it arrives.
#[derive(Deserialize)]
pub(crate) struct Statement {
    text: String,
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    handle: u64,
    #[serde(default)]
    url: String,
    transaction: Option<u64>,
    #[serde(flatten)]
    statement: Option<Statement>,
}

impl Databases {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, last: AtomicU64::new(0), open: Mutex::default() }
    }

    /// One operation: `open {url}` gives `{handle}`, `query {handle, transaction?, text, parameters}` gives
    /// `{columns, rows, count, lastInsertRowid?}`, `begin {handle}` gives `{transaction}`; `commit` and `rollback
    /// {handle, transaction}` and `close {handle}` give nothing.
    pub(crate) async fn run(&self, name: &str, message: &str) -> Result<OperationReply, OperationError> {
        let reply = match serde_json::from_str(message) {
            Ok(question) => self.answer(name, question).await,
            Err(error) => Err(DatabaseError::Unreadable(error.to_string())),
        };
        reply.map(|message| OperationReply { message, body: None }).map_err(DatabaseError::into_operation)
    }

    async fn answer(&self, name: &str, question: Question) -> Result<String, DatabaseError> {
        let Question { handle, url, transaction, statement } = question;
        match name {
            "open" => {
                let database = Arc::new(Database::connect(&url, &self.root, SCRIPTS, Purpose::Scripts).await?);
                let mut open = self.lock();
                if open.len() >= MOST_OPEN {
                    return Err(DatabaseError::TooMany);
                }
                let handle = self.last.fetch_add(1, Ordering::Relaxed) + 1;
                open.insert(handle, database);
                return Ok(json!({ "handle": handle }).to_string());
            }
            "close" => {
                let database = self.lock().remove(&handle);
                if let Some(database) = database {
                    database.close().await;
                }
                return Ok(String::new());
            }
            _ => {}
        }
        let database = self.lock().get(&handle).map(Arc::clone).ok_or(DatabaseError::Closed)?;
        let is_transaction = || transaction.ok_or(DatabaseError::TransactionOver);
        match name {
            "query" => {
                let missing = || DatabaseError::Unreadable("a query has a text and parameters".to_owned());
                database.run(statement.ok_or_else(missing)?, transaction).await
            }
            "begin" => Ok(json!({ "transaction": database.begin().await? }).to_string()),
            "commit" | "rollback" => {
                database.end(is_transaction()?, name == "commit").await?;
                Ok(String::new())
            }
            _ => Err(DatabaseError::Unreadable(format!("there is no operation `db.{name}`"))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<u64, Arc<Database>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Statement {
    /// With texts for its placeholders.
    pub(crate) fn new(text: impl Into<String>, parameters: &[&str]) -> Self {
        let parameters = parameters.iter().map(|text| Parameter::Text((*text).to_owned())).collect();
        Self { text: text.into(), parameters }
    }
}

impl Database {
    /// Opens the file of a SQLite address, or checks that of a PostgreSQL server. Relative paths start at `root`.
    pub(crate) async fn connect(
        url: &str,
        root: &Path,
        limits: DatabaseLimits,
        purpose: Purpose,
    ) -> Result<Self, DatabaseError> {
        let driver = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Driver::Postgres(Postgres::new(url, limits)?)
        } else {
            Driver::Sqlite(Sqlite::open(sqlite::path_of(url, root)?, limits, purpose).await?)
        };
        Ok(Self { driver, limits })
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.driver, Driver::Postgres(_))
    }

    /// Gives `{columns, rows, count, lastInsertRowid?}`.
    pub(crate) async fn run(&self, statement: Statement, transaction: Option<u64>) -> Result<String, DatabaseError> {
        let running = async {
            match &self.driver {
                Driver::Sqlite(sqlite) => sqlite.run(statement, transaction).await,
                Driver::Postgres(postgres) => postgres.run(statement, transaction).await,
            }
        };
        // The server ends it first; this is for a server that is gone.
        let limit = self.limits.statement;
        timeout(limit + PATIENCE * 2, running).await.unwrap_or(Err(DatabaseError::TooSlow { limit }))
    }

    /// The same for a statement whose placeholders are `?` in every kind of database.
    pub(crate) async fn run_portable(&self, statement: Statement, transaction: u64) -> Result<String, DatabaseError> {
        let Statement { text, parameters } = statement;
        let is_numbered = self.is_postgres() && !parameters.is_empty();
        let text = if is_numbered { placeholder::numbered(&text) } else { text };
        self.run(Statement { text, parameters }, Some(transaction)).await
    }

    /// Gives the transaction's number. It is rolled back when it takes too long, or its database is dropped.
    pub(crate) async fn begin(&self) -> Result<u64, DatabaseError> {
        match &self.driver {
            Driver::Sqlite(sqlite) => sqlite.begin().await,
            Driver::Postgres(postgres) => postgres.begin().await,
        }
    }

    pub(crate) async fn end(&self, transaction: u64, commits: bool) -> Result<(), DatabaseError> {
        match &self.driver {
            Driver::Sqlite(sqlite) => sqlite.end(transaction, commits).await,
            Driver::Postgres(postgres) => postgres.end(transaction, commits).await,
        }
    }

    /// The references that lead nowhere, of a database whose transactions do not enforce them: of SQLite, opened for migrations.
    pub(crate) async fn broken_references(&self, transaction: u64) -> Result<BTreeSet<BrokenReference>, DatabaseError> {
        match &self.driver {
            Driver::Sqlite(sqlite) => sqlite.broken_references(transaction).await,
            Driver::Postgres(_) => Ok(BTreeSet::new()),
        }
    }

    /// Waits until a file is closed.
    pub(crate) async fn close(&self) {
        if let Driver::Sqlite(sqlite) = &self.driver {
            sqlite.close().await;
        }
    }
}
