//! A SQLite database: one connection on a thread of its own.
//!
//! The *turn* is who may use the connection: a single statement, or a transaction from its begin to its end. Others wait for it
//! as they would for another process.

mod migrating;

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, CachedStatement, Connection, params_from_iter};
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use super::answer::Answer;
use super::parameter::Parameter;
use super::transactions::Transactions;
use super::{DatabaseError, DatabaseLimits, Purpose, Statement};
use crate::sqlite::{self, OpenError, SqliteThread, StartError, Stopped};
pub(crate) use migrating::BrokenReference;
use migrating::Refused;

pub(super) struct Sqlite {
    limits: DatabaseLimits,
    /// None: it is not there for migrations.
    refused: Option<Refused>,
    thread: Thread,
    turn: Arc<tokio::sync::Mutex<()>>,
    transactions: Transactions<Transaction>,
}

/// The thread of the connection, where each statement has a limit.
#[derive(Clone)]
struct Thread {
    limit: Duration,
    connection: Arc<SqliteThread>,
}

/// An open transaction. Dropped unfinished, it is rolled back before anybody else has the turn.
struct Transaction {
    thread: Thread,
    is_finished: AtomicBool,
    _turn: OwnedMutexGuard<()>,
}

/// Stops a statement whose answer nobody waits for any more.
struct Stop<'a>(Option<&'a SqliteThread>);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            connection.interrupt();
        }
    }
}

/// The file that an address names; none for a database in memory. A relative path stays below `root`.
pub(super) fn path_of(url: &str, root: &Path) -> Result<Option<PathBuf>, DatabaseError> {
    let prefixes = ["file://", "file:", "sqlite://", "sqlite:"];
    let path = prefixes.iter().find_map(|prefix| url.strip_prefix(prefix)).unwrap_or(url);
    if path == ":memory:" || url == "sqlite://" {
        return Ok(None);
    }
    let path = Path::new(path);
    let leaves = !path.is_absolute() && path.components().any(|part| matches!(part, Component::ParentDir));
    if path.file_name().is_none() || leaves {
        let reason = "a relative path stays below the workspace; write the absolute path of a file elsewhere";
        return Err(DatabaseError::Address(reason.to_owned()));
    }
    Ok(Some(root.join(path)))
}

fn connect(path: Option<&Path>, turn: Duration) -> Result<Connection, DatabaseError> {
    let Some(path) = path else { return Ok(Connection::open_in_memory()?) };
    sqlite::open(path, false, turn).map_err(|error| match error {
        OpenError::Directory(error) | OpenError::File(error) => DatabaseError::Directory(error),
        OpenError::Sqlite(error) => error.into(),
    })
}

impl From<StartError> for DatabaseError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Thread(error) => Self::Connection(Box::new(error)),
            StartError::Stopped => Self::Closed,
        }
    }
}

impl From<Stopped> for DatabaseError {
    fn from(_: Stopped) -> Self {
        Self::Closed
    }
}

impl Sqlite {
    /// Opens or makes the file and its directory.
    pub(super) async fn open(
        path: Option<PathBuf>,
        limits: DatabaseLimits,
        purpose: Purpose,
    ) -> Result<Self, DatabaseError> {
        let (connection, refused) = SqliteThread::start("database", move || {
            let mut connection = connect(path.as_deref(), limits.turn)?;
            let migrates = purpose == Purpose::Migrations;
            let refused = migrates.then(|| Refused::watch(&mut connection)).transpose()?;
            Ok::<_, DatabaseError>((connection, refused))
        })
        .await?;
        Ok(Self {
            limits,
            refused,
            thread: Thread { limit: limits.statement, connection: Arc::new(connection) },
            turn: Arc::default(),
            transactions: Transactions::new(limits.transaction),
        })
    }

    async fn turn(&self) -> Result<OwnedMutexGuard<()>, DatabaseError> {
        timeout(self.limits.turn, Arc::clone(&self.turn).lock_owned()).await.map_err(|_| DatabaseError::Busy)
    }

    pub(super) async fn run(&self, statement: Statement, transaction: Option<u64>) -> Result<String, DatabaseError> {
        match transaction {
            None => {
                let _turn = self.turn().await?;
                self.thread.run(move |connection| run(connection, &statement)).await
            }
            Some(id) => {
                let transaction = self.transactions.find(id)?;
                let ran = transaction.thread.run(move |connection| run(connection, &statement)).await;
                ran.map_err(|error| match &self.refused {
                    Some(refused) => refused.explain(error),
                    None => error,
                })
            }
        }
    }

    /// For writing at once: a transaction that reads first and then writes would fail when another process wrote meanwhile.
    pub(super) async fn begin(&self) -> Result<u64, DatabaseError> {
        let turn = self.turn().await?;
        // Made first: should the caller go away meanwhile, this rolls back.
        let transaction = Transaction { thread: self.thread.clone(), is_finished: AtomicBool::new(false), _turn: turn };
        if self.refused.is_some() {
            transaction.thread.run(migrating::begin).await?;
        } else {
            transaction.thread.run(|connection| Ok(connection.execute_batch("BEGIN IMMEDIATE")?)).await?;
        }
        Ok(self.transactions.add(transaction))
    }

    pub(super) async fn end(&self, id: u64, commits: bool) -> Result<(), DatabaseError> {
        let transaction = self.transactions.take(id)?;
        let statement = if commits { "COMMIT" } else { "ROLLBACK" };
        transaction.thread.run(move |connection| Ok(connection.execute_batch(statement)?)).await?;
        transaction.is_finished.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The references that lead nowhere, as the transaction sees them.
    pub(super) async fn broken_references(&self, id: u64) -> Result<BTreeSet<BrokenReference>, DatabaseError> {
        self.transactions.find(id)?.thread.run(migrating::broken_references).await
    }

    /// Ends what runs and waits until the file is closed.
    pub(super) async fn close(&self) {
        self.end_thread();
        self.thread.connection.close().await;
    }

    fn end_thread(&self) {
        self.transactions.clear();
        self.thread.connection.end();
        // Not when nothing runs: it would stop the connection while it brings its journal into the file.
        if self.turn.try_lock().is_err() {
            self.thread.connection.interrupt();
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.end_thread();
    }
}

impl Thread {
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let mut answer = self.connection.send(move |connection| job(connection))?;
        let mut stop = Stop(Some(&self.connection));
        let Ok(answered) = timeout(self.limit, &mut answer).await else {
            self.connection.interrupt();
            let _ = answer.await;
            stop.0 = None;
            return Err(DatabaseError::TooSlow { limit: self.limit });
        };
        stop.0 = None;
        answered.map_err(|_| DatabaseError::Closed)?
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.is_finished.load(Ordering::Relaxed) {
            // A thread that has ended has rolled back; so has a statement that failed badly enough.
            let _ = self.thread.connection.send(|connection| connection.execute_batch("ROLLBACK"));
        }
    }
}

fn run(connection: &Connection, statement: &Statement) -> Result<String, DatabaseError> {
    let Statement { text, parameters } = statement;
    let prepared = match connection.prepare_cached(text) {
        Err(rusqlite::Error::MultipleStatement) if !parameters.is_empty() => {
            let reason = "Several statements at once take no parameters".to_owned();
            return Err(DatabaseError::Parameters { reason });
        }
        // A script of several statements, as migrations have it. A later one may need what an earlier one makes; when the first is wrong,
        // it says so again.
        Err(_) if parameters.is_empty() => return run_script(connection, text),
        prepared => prepared?,
    };
    // Nothing but white space and comments.
    if prepared.expanded_sql().is_none() {
        return run_script(connection, text);
    }
    run_prepared(connection, prepared, parameters)
}

/// Runs one statement after the other; each is prepared when those before it have run. Rows are nobody's.
fn run_script(connection: &Connection, text: &str) -> Result<String, DatabaseError> {
    let mut script = Batch::new(connection, text);
    while let Some(mut statement) = script.next()? {
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(Answer::new(std::iter::empty()).finish(Some(0), Some(connection.last_insert_rowid())))
}

fn run_prepared(
    connection: &Connection,
    mut prepared: CachedStatement<'_>,
    parameters: &[Parameter],
) -> Result<String, DatabaseError> {
    let columns = prepared.column_count();
    let mut answer = Answer::new(prepared.column_names());
    if columns == 0 {
        let changed = prepared.execute(params_from_iter(parameters))?;
        return Ok(answer.finish(Some(changed as u64), Some(connection.last_insert_rowid())));
    }
    let mut rows = prepared.query(params_from_iter(parameters))?;
    while let Some(row) = rows.next()? {
        answer.row(columns, |index, field| {
            match row.get_ref(index)? {
                ValueRef::Null => field.null(),
                ValueRef::Integer(value) => field.integer(value),
                ValueRef::Real(value) => field.float(value),
                ValueRef::Text(text) => field.text(&String::from_utf8_lossy(text)),
                ValueRef::Blob(bytes) => field.bytes(bytes),
            }
            Ok(())
        })?;
    }
    Ok(answer.finish(None, Some(connection.last_insert_rowid())))
}
