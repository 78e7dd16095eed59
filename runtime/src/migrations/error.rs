//! Why migrating ended early.

use std::error::Error;

use super::Direction;
use crate::database::{BrokenReference, DatabaseError};
use crate::task::TaskError;

/// Why migrating ended early. What was finished before stays.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error("DATABASE_MIGRATIONS_TABLE must match [A-Za-z_][A-Za-z0-9_]*")]
    Table,
    #[error(
        "Unsupported DATABASE_URL. Use file:./path/to.sqlite, sqlite:./path/to.sqlite, :memory:, or postgres://..."
    )]
    Address,
    #[error("Duplicate migration id(s): {}", ids.join(", "))]
    Duplicates { ids: Vec<String> },
    /// Nothing was done.
    #[error("Failed to load migrations: `{file}`: {source}")]
    Load { file: String, source: Cause },
    #[error("{} failed while {}\n{source}", id, outcome(*direction))]
    Failed { id: String, direction: Direction, source: Cause },
    /// The database cannot be reached or used.
    #[error("The database cannot be used: {0}")]
    Database(#[source] Box<dyn Error + Send + Sync>),
}

fn outcome(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "applying. The migration was rolled back and was not recorded as applied.",
        Direction::Down => "reverting. The migration record was kept so it can be retried.",
    }
}

/// What went wrong in a migration.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error("{}", with_trace(.0))]
    Task(#[from] TaskError),
    #[error("{0}")]
    Database(#[source] Box<dyn Error + Send + Sync>),
    /// Of SQLite. Rows of tables without row ids have none.
    #[error(
        "{} `{table}` refers to a row of `{parent}` that is not there\nhelp: Foreign keys are checked when a migration ends; while it runs, \
         `ON DELETE` and `ON UPDATE` do nothing. Delete or change such rows in the migration",
        row.map_or_else(|| "A row of".to_owned(), |row| format!("Row {row} of"))
    )]
    Reference { table: String, row: Option<i64>, parent: String },
}

fn with_trace(error: &TaskError) -> String {
    match error {
        TaskError::Thrown { stack, .. } => stack.clone(),
        other => other.to_string(),
    }
}

impl From<DatabaseError> for Cause {
    fn from(error: DatabaseError) -> Self {
        Self::Database(Box::new(error))
    }
}

impl From<BrokenReference> for Cause {
    fn from(BrokenReference { table, row, parent }: BrokenReference) -> Self {
        Self::Reference { table, row, parent }
    }
}

impl MigrationError {
    /// Whether the world failed and not what the user wrote.
    pub fn is_of_the_world(&self) -> bool {
        matches!(self, Self::Database(_))
    }
}

impl From<DatabaseError> for MigrationError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(Box::new(error))
    }
}
