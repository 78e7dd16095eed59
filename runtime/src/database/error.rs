//! What keeps a database from answering.

use std::error::Error;
use std::io;
use std::time::Duration;

use webstir_script::OperationError;

/// Why an operation gave nothing. No message repeats the text of a statement or an address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    #[error("The database address cannot be used: {0}")]
    Address(String),
    #[error("The operation cannot be read: {0}")]
    Unreadable(String),
    #[error("The database is closed")]
    Closed,
    #[error("The transaction is over")]
    TransactionOver,
    #[error("Too many databases are open; call `close()` when one is no longer needed")]
    TooMany,
    #[error("The result is too large; select fewer rows or columns")]
    TooLarge,
    #[error("The statement took longer than {} s", limit.as_secs())]
    TooSlow { limit: Duration },
    #[error("Another transaction holds the database")]
    Busy,
    #[error("{reason}")]
    Parameters { reason: String },
    #[error("Column `{column}` has the type `{kind}`, which has no JavaScript value; cast it to `text`")]
    UnknownType { column: String, kind: String },
    #[error("Column `{column}` cannot be read: {reason}")]
    Column { column: String, reason: String },
    #[error(
        "`PRAGMA {pragma}` changes nothing in a migration, which is made in a transaction; run it before, with another tool"
    )]
    Pragma { pragma: String },
    #[error("{message}")]
    Sqlite { code: String, message: String },
    #[error("{message}")]
    Postgres { code: Option<String>, message: String },
    #[error("The database address cannot be used: its directory cannot be made: {0}")]
    Directory(#[source] io::Error),
    #[error("The connection cannot be made: {0}")]
    Connection(#[source] Box<dyn Error + Send + Sync>),
}

impl DatabaseError {
    /// Its code is the SQLSTATE of PostgreSQL or the name of SQLite's result code, where there is one.
    pub(crate) fn into_operation(self) -> OperationError {
        let message = self.to_string();
        let code = match self {
            Self::Sqlite { code, .. } => Some(code),
            Self::Postgres { code, .. } => code,
            Self::Busy => Some("SQLITE_BUSY".to_owned()),
            _ => None,
        };
        OperationError { name: "Error".to_owned(), message, code }
    }
}

impl From<rusqlite::Error> for DatabaseError {
    /// The driver's own message of a syntax error holds the whole text.
    fn from(error: rusqlite::Error) -> Self {
        let (failure, message) = match error {
            rusqlite::Error::SqliteFailure(failure, message) => {
                (failure, message.unwrap_or_else(|| failure.to_string()))
            }
            rusqlite::Error::SqlInputError { error, msg, .. } => (error, msg),
            rusqlite::Error::InvalidParameterCount(given, wanted) => {
                let reason = format!("The statement has {wanted} placeholders, and {given} parameters were given");
                return Self::Parameters { reason };
            }
            other => return Self::Sqlite { code: "SQLITE_ERROR".to_owned(), message: other.to_string() },
        };
        Self::Sqlite { code: code_name(failure.extended_code).to_owned(), message }
    }
}

/// The names of result codes (<https://www.sqlite.org/rescode.html>); the primary code stands for extended ones that nobody asks
/// for.
fn code_name(code: i32) -> &'static str {
    use rusqlite::ffi;
    match code {
        ffi::SQLITE_CONSTRAINT_CHECK => "SQLITE_CONSTRAINT_CHECK",
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "SQLITE_CONSTRAINT_FOREIGNKEY",
        ffi::SQLITE_CONSTRAINT_NOTNULL => "SQLITE_CONSTRAINT_NOTNULL",
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY => "SQLITE_CONSTRAINT_PRIMARYKEY",
        ffi::SQLITE_CONSTRAINT_ROWID => "SQLITE_CONSTRAINT_ROWID",
        ffi::SQLITE_CONSTRAINT_TRIGGER => "SQLITE_CONSTRAINT_TRIGGER",
        ffi::SQLITE_CONSTRAINT_UNIQUE => "SQLITE_CONSTRAINT_UNIQUE",
        ffi::SQLITE_BUSY_SNAPSHOT => "SQLITE_BUSY_SNAPSHOT",
        _ => match code & 0xff {
            ffi::SQLITE_PERM => "SQLITE_PERM",
            ffi::SQLITE_ABORT => "SQLITE_ABORT",
            ffi::SQLITE_BUSY => "SQLITE_BUSY",
            ffi::SQLITE_LOCKED => "SQLITE_LOCKED",
            ffi::SQLITE_NOMEM => "SQLITE_NOMEM",
            ffi::SQLITE_READONLY => "SQLITE_READONLY",
            ffi::SQLITE_INTERRUPT => "SQLITE_INTERRUPT",
            ffi::SQLITE_IOERR => "SQLITE_IOERR",
            ffi::SQLITE_CORRUPT => "SQLITE_CORRUPT",
            ffi::SQLITE_FULL => "SQLITE_FULL",
            ffi::SQLITE_CANTOPEN => "SQLITE_CANTOPEN",
            ffi::SQLITE_TOOBIG => "SQLITE_TOOBIG",
            ffi::SQLITE_CONSTRAINT => "SQLITE_CONSTRAINT",
            ffi::SQLITE_MISMATCH => "SQLITE_MISMATCH",
            ffi::SQLITE_RANGE => "SQLITE_RANGE",
            ffi::SQLITE_NOTADB => "SQLITE_NOTADB",
            _ => "SQLITE_ERROR",
        },
    }
}

impl From<tokio_postgres::Error> for DatabaseError {
    /// The detail of an error is left out: it holds values.
    fn from(error: tokio_postgres::Error) -> Self {
        let code = error.code().map(|code| code.code().to_owned());
        let message = match error.as_db_error() {
            Some(answer) => answer.message().to_owned(),
            None => crate::postgres::with_sources(&error),
        };
        Self::Postgres { code, message }
    }
}
