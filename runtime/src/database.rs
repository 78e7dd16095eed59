//! Databases of embedded scripts: what stands behind `Bun.SQL`.
//!
//! A *database* is one `SQL` object of a script, open under a *handle*. It runs *statements*, text with *parameters*, each by
//! itself or in a *transaction*. [`Databases`] are those of one isolate: they are closed when it ends. Values cross as JSON in
//! which every object is a tag with a value. Neither text nor parameters are ever logged.

mod answer;
mod error;
mod parameter;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;
mod transactions;

use std::path::PathBuf;
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
use postgres::Postgres;
use sqlite::Sqlite;

/// How long a statement may run.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);
/// How long a transaction may stay open: it holds a connection, and in SQLite all other writers.
const TRANSACTION_LIMIT: Duration = Duration::from_mins(1);
/// How long a statement waits for its turn, or for a connection.
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

enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// A statement as it arrives.
#[derive(Deserialize)]
struct Statement {
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
                let database = Arc::new(self.connect(&url).await?);
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
                if let Some(Database::Sqlite(sqlite)) = database.as_deref() {
                    sqlite.close().await;
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
                let statement = statement.ok_or_else(missing)?;
                let running = async {
                    match &*database {
                        Database::Sqlite(sqlite) => sqlite.run(statement, transaction).await,
                        Database::Postgres(postgres) => postgres.run(statement, transaction).await,
                    }
                };
                // The server ends it first; this is for a server that is gone.
                let ended = timeout(STATEMENT_LIMIT + PATIENCE * 2, running).await;
                ended.unwrap_or(Err(DatabaseError::TooSlow))
            }
            "begin" => {
                let transaction = match &*database {
                    Database::Sqlite(sqlite) => sqlite.begin().await?,
                    Database::Postgres(postgres) => postgres.begin().await?,
                };
                Ok(json!({ "transaction": transaction }).to_string())
            }
            "commit" | "rollback" => {
                let (transaction, commits) = (is_transaction()?, name == "commit");
                match &*database {
                    Database::Sqlite(sqlite) => sqlite.end(transaction, commits).await?,
                    Database::Postgres(postgres) => postgres.end(transaction, commits).await?,
                }
                Ok(String::new())
            }
            _ => Err(DatabaseError::Unreadable(format!("there is no operation `db.{name}`"))),
        }
    }

    async fn connect(&self, url: &str) -> Result<Database, DatabaseError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Database::Postgres(Postgres::new(url)?));
        }
        let path = sqlite::path_of(url, &self.root)?;
        Ok(Database::Sqlite(Sqlite::open(path).await?))
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<u64, Arc<Database>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
