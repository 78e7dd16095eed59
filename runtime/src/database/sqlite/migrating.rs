//! What is different about a connection that migrations change a database with.
//!
//! Foreign keys are not enforced in it, as SQLite's manual asks for where tables are rebuilt
//! (<https://www.sqlite.org/lang_altertable.html>, section 7): with them, `DROP TABLE` deletes the rows that refer to the table. In their
//! place the *references* are checked before the commit. Pragmas that SQLite passes over without a word in a transaction are refused.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::DatabaseError;

/// Settings that nothing comes of in a transaction, or in a database that has a table, which is what each migration runs in.
/// (`synchronous` and `temp_store` are refused by SQLite.)
const WITHOUT_EFFECT: [&str; 4] = ["auto_vacuum", "encoding", "journal_mode", "page_size"];

/// The pragma that was refused last.
#[derive(Clone, Default)]
pub(super) struct Refused(Arc<Mutex<Option<String>>>);

impl Refused {
    /// From here on `connection` is one for migrations.
    pub(super) fn watch(connection: &mut Connection) -> Result<Self, DatabaseError> {
        let refused = Self::default();
        let seen = refused.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| seen.judge(context.action)))?;
        Ok(refused)
    }

    fn judge(&self, action: AuthAction<'_>) -> Authorization {
        let AuthAction::Pragma { pragma_name, pragma_value: Some(value) } = action else { return Authorization::Allow };
        // Write-ahead logging is what every file has that is opened here.
        let is_so = pragma_name.eq_ignore_ascii_case("journal_mode") && value.eq_ignore_ascii_case("wal");
        if is_so || !WITHOUT_EFFECT.iter().any(|name| pragma_name.eq_ignore_ascii_case(name)) {
            return Authorization::Allow;
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(pragma_name.to_lowercase());
        Authorization::Deny
    }

    /// The error of a statement, as it is to be told.
    pub(super) fn explain(&self, error: DatabaseError) -> DatabaseError {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(pragma) => DatabaseError::Pragma { pragma },
            None => error,
        }
    }
}

/// Before each transaction: one that a migration committed by itself may have changed it.
pub(super) fn begin(connection: &Connection) -> Result<(), DatabaseError> {
    Ok(connection.execute_batch("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE")?)
}

/// A row that refers to one that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BrokenReference {
    pub(crate) table: String,
    /// None in a table without row ids.
    pub(crate) row: Option<i64>,
    /// The table that it refers to.
    pub(crate) parent: String,
}

/// All of them, or why they cannot be told.
pub(super) fn broken_references(connection: &Connection) -> Result<BTreeSet<BrokenReference>, DatabaseError> {
    let mut check = connection.prepare("PRAGMA foreign_key_check")?;
    let rows =
        check.query_map([], |row| Ok(BrokenReference { table: row.get(0)?, row: row.get(1)?, parent: row.get(2)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
