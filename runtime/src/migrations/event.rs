//! What is told of migrations. The texts are those that tools look for.

use std::fmt;

use tracing::Level;

/// Something that happened.
#[derive(Debug)]
pub enum MigrationEvent {
    Applying {
        id: String,
    },
    Reverting {
        id: String,
    },
    UpToDate,
    NothingToRevert,
    /// It exports no `up` and is passed over.
    NoUp {
        id: String,
    },
    /// It exports no `down` and stays.
    NoDown {
        id: String,
    },
    /// It is not in the workspace and stays.
    NoFile {
        id: String,
    },
}

impl MigrationEvent {
    /// How much it matters. What is below a warning is what was asked for.
    pub fn level(&self) -> Level {
        match self {
            Self::NoUp { .. } | Self::NoDown { .. } | Self::NoFile { .. } => Level::WARN,
            _ => Level::INFO,
        }
    }
}

impl fmt::Display for MigrationEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applying { id } => write!(f, "[migrate] Applying {id}"),
            Self::Reverting { id } => write!(f, "[migrate] Reverting {id}"),
            Self::UpToDate => f.write_str("[migrate] Database is up to date."),
            Self::NothingToRevert => f.write_str("[migrate] Nothing to revert."),
            Self::NoUp { id } => write!(f, "[migrate] Skipping {id}: it exports no up() function"),
            Self::NoDown { id } => write!(f, "[migrate] Skipping {id}: it exports no down() function"),
            Self::NoFile { id } => write!(f, "[migrate] Skipping {id}: the workspace has no file for it"),
        }
    }
}
