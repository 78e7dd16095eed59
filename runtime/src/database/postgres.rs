//! A PostgreSQL database: a pool of connections.
//!
//! A *lease* is a connection out of the pool. It goes back when its work was done to the end; otherwise it is dropped, and the
//! server ends what it was doing.

mod value;

use std::sync::atomic::{AtomicBool, Ordering};

use deadpool_postgres::{GenericClient as _, Object};
use futures_util::{StreamExt as _, pin_mut};
use tokio_postgres::error::SqlState;

use super::answer::Answer;
use super::transactions::Transactions;
use super::{DatabaseError, DatabaseLimits, PATIENCE, Statement};
use crate::postgres::{ConnectionError, Connections, PoolSettings};

/// How many connections one database of one isolate holds at most.
const CONNECTIONS: usize = 10;

pub(super) struct Postgres {
    connections: Connections,
    transactions: Transactions<Lease>,
}

struct Lease {
    connection: Option<Object>,
    is_done: AtomicBool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && !self.is_done.load(Ordering::Relaxed)
        {
            drop(Object::take(connection));
        }
    }
}

impl From<ConnectionError> for DatabaseError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Address(reason) => Self::Address(reason),
            ConnectionError::Server(error) => error.into(),
            ConnectionError::Pool(reason) => Self::Connection(reason),
        }
    }
}

impl Postgres {
    /// Connects when it is first used.
    pub(super) fn new(url: &str, limits: DatabaseLimits) -> Result<Self, DatabaseError> {
        let set_limits = format!(
            "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}",
            limits.statement.as_millis(),
            limits.transaction.as_millis()
        );
        let silence = limits.statement + PATIENCE;
        let settings = PoolSettings { connections: CONNECTIONS, silence, prologue: Some(set_limits) };
        let connections = Connections::new(url, settings)?;
        Ok(Self { connections, transactions: Transactions::new(limits.transaction) })
    }

    async fn lease(&self) -> Result<Lease, DatabaseError> {
        let connection = self.connections.get().await?;
        Ok(Lease { connection: Some(connection), is_done: AtomicBool::new(false) })
    }

    pub(super) async fn run(&self, statement: Statement, transaction: Option<u64>) -> Result<String, DatabaseError> {
        if let Some(id) = transaction {
            return self.transactions.find(id)?.run(&statement, true).await;
        }
        let lease = self.lease().await?;
        let result = lease.run(&statement, false).await;
        // After an error of the server the connection is as good as before; after a result that was too large it is not.
        let is_done = matches!(result, Ok(_) | Err(DatabaseError::Postgres { .. }));
        lease.is_done.store(is_done, Ordering::Relaxed);
        result
    }

    pub(super) async fn begin(&self) -> Result<u64, DatabaseError> {
        let lease = self.lease().await?;
        lease.connection()?.batch_execute("BEGIN").await?;
        Ok(self.transactions.add(lease))
    }

    pub(super) async fn end(&self, id: u64, commits: bool) -> Result<(), DatabaseError> {
        let lease = self.transactions.take(id)?;
        lease.connection()?.batch_execute(if commits { "COMMIT" } else { "ROLLBACK" }).await?;
        lease.is_done.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Lease {
    fn connection(&self) -> Result<&Object, DatabaseError> {
        self.connection.as_ref().ok_or(DatabaseError::Closed)
    }

    async fn run(&self, statement: &Statement, in_transaction: bool) -> Result<String, DatabaseError> {
        let Statement { text, parameters } = statement;
        let connection = self.connection()?;
        // Only one statement can be prepared. An error ends a transaction, so that a savepoint is needed to try.
        let may_be_several = parameters.is_empty() && text.trim_end().trim_end_matches(';').contains(';');
        let is_guarded = may_be_several && in_transaction;
        if is_guarded {
            connection.batch_execute("SAVEPOINT webstir_prepare").await?;
        }
        let prepared = connection.prepare_cached(text).await;
        let is_refused = prepared.as_ref().is_err_and(|error| error.code() == Some(&SqlState::SYNTAX_ERROR));
        if is_guarded {
            let back = if is_refused { "ROLLBACK TO webstir_prepare; " } else { "" };
            if prepared.is_ok() || is_refused {
                connection.batch_execute(&format!("{back}RELEASE webstir_prepare")).await?;
            }
        }
        if may_be_several && is_refused {
            connection.batch_execute(text).await?;
            return Ok(Answer::new(std::iter::empty()).finish(Some(0), None));
        }
        let prepared = prepared?;
        let wanted = prepared.params().len();
        if wanted != parameters.len() {
            let given = parameters.len();
            let reason = format!("The statement has {wanted} placeholders, and {given} parameters were given");
            return Err(DatabaseError::Parameters { reason });
        }
        let rows = connection.query_raw(&prepared, parameters).await?;
        pin_mut!(rows);
        let columns = prepared.columns();
        let mut answer = Answer::new(columns.iter().map(tokio_postgres::Column::name));
        while let Some(row) = rows.next().await {
            let row = row?;
            answer.row(columns.len(), |index, field| value::write(&row, index, field))?;
        }
        let changed = columns.is_empty().then(|| rows.rows_affected().unwrap_or(0));
        Ok(answer.finish(changed, None))
    }
}
