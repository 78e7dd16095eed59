//! Why an action ran: what differs between two builds, followed down to its first cause.
//!
//! A [`KeyDump`] is what one build planned: the parts of every action's key, from the walk that computes it, with the configuration,
//! the environment (by digest) and the files that planning read. A [`Comparison`] of two dumps gives the [`Cause`]s of each
//! action, the most direct first. A cause is a [`Change`] of the world, and the outputs through which it reached the action.
//! Everything here is a pure function of the two dumps.

mod affected;
mod arguments;
mod comparison;
mod planning;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::affected::{Affected, Reason, affected};
pub use self::comparison::Comparison;

use crate::config::settings::Setting;
use crate::diagnostic::Span;
use crate::discovered::FileQuery;
use crate::key_dump::KeyDump;
use crate::label::ActionLabel;
use crate::path::RelPath;

/// How a thing differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// It is there, and was not before.
    Added,
    /// It was there before.
    Removed,
    /// It is another.
    Changed,
}

impl Difference {
    /// `added`, `removed` or `changed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }

    fn of<T: PartialEq>(before: Option<&T>, after: Option<&T>) -> Option<Self> {
        match (before, after) {
            (None, None) => None,
            (None, Some(_)) => Some(Self::Added),
            (Some(_), None) => Some(Self::Removed),
            (Some(before), Some(after)) => (before != after).then_some(Self::Changed),
        }
    }
}

/// What differs in the world.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A file of the workspace.
    File(Difference, RelPath),
    /// What was [derived](crate::projection::Projection::name) from a file that the action read.
    Derived(Arc<str>, RelPath),
    /// A file that a glob of the configuration matches, or no longer finds.
    Glob {
        /// Whether the file came or went.
        difference: Difference,
        /// The file.
        file: RelPath,
        /// The row of the configuration that holds the glob.
        glob: Setting,
    },
    /// The value of an environment variable.
    Environment(Difference, Arc<str>),
    /// A node or field of the configuration. `file` is one that came or went with it.
    Setting {
        /// How it differs.
        difference: Difference,
        /// The row as it was; `None` when it is new.
        before: Option<Setting>,
        /// The row as it is; `None` when it is gone.
        after: Option<Setting>,
        /// A file that the action reads, or no longer reads, because of it.
        file: Option<RelPath>,
    },
    /// Whether a file may be executed; its bytes are the same.
    Executable(bool, RelPath),
    /// What does the work: the program, by its name, or a package.
    Tool(Option<Arc<str>>, ToolPart),
    /// webstir is another version.
    Implementation,
    /// What a query of the action found in the workspace.
    FileState(Difference, RelPath, FileQuery),
    /// One argument, by its place in the arguments.
    Argument {
        /// Its place: `emit.target`, or a number for a process.
        name: Arc<str>,
        /// Its value before.
        before: Option<Arc<str>>,
        /// Its value now.
        after: Option<Arc<str>>,
    },
    /// A declared output.
    Output(Difference, RelPath),
    /// The working directory.
    Directory,
    /// An input that another action makes, though nothing that is known of that action differs.
    Upstream(ActionLabel, RelPath),
    /// The action is not in the dump before.
    NeverRan,
    /// It failed before, and failures are not kept.
    FailedBefore,
    /// What it gave before was to go on with: it read what it did not declare, or a limit cut it off.
    ProvisionalBefore,
    /// Its last result was made in a sandbox that this build does not accept: the name of that.
    Sandbox(Arc<str>),
    /// The rule says that its result is never kept.
    NotKept,
    /// Nothing differs: the store had no record of it, or lost what the record names.
    NotInStore,
}

impl Change {
    /// A stable name for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(..) => "file",
            Self::Derived(..) => "derived",
            Self::Glob { .. } => "glob",
            Self::Environment(..) => "environment",
            Self::Setting { .. } => "configuration",
            Self::Executable(..) => "executable",
            Self::Tool(..) => "tool",
            Self::Implementation => "version",
            Self::FileState(..) => "answer",
            Self::Argument { .. } => "argument",
            Self::Output(..) => "output",
            Self::Directory => "directory",
            Self::Upstream(..) => "upstream",
            Self::NeverRan => "never-ran",
            Self::FailedBefore => "failed-before",
            Self::ProvisionalBefore => "provisional-before",
            Self::Sandbox(_) => "sandbox",
            Self::NotKept => "not-kept",
            Self::NotInStore => "not-in-store",
        }
    }

    /// The file that it is about.
    pub fn file(&self) -> Option<&RelPath> {
        match self {
            Self::File(_, path)
            | Self::Derived(_, path)
            | Self::Executable(_, path)
            | Self::FileState(_, path, _)
            | Self::Output(_, path)
            | Self::Upstream(_, path) => Some(path),
            Self::Glob { file, .. } => Some(file),
            Self::Setting { file, .. } => file.as_ref(),
            _ => None,
        }
    }

    /// Where in `webstir.kdl` it is written, as that file is now.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Glob { glob, .. } => glob.span,
            Self::Setting { after, .. } => after.as_ref()?.span,
            _ => None,
        }
    }
}

/// A part of what does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ToolPart {
    /// The program or package itself.
    File,
    /// The interpreter that the program's first line names.
    Interpreter,
    /// The packages that it may load.
    Packages,
}

/// An output through which a change reached an action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The action that makes it.
    pub action: ActionLabel,
    /// The output.
    pub output: RelPath,
}

/// One reason why an action ran.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// What differs in the world.
    pub change: Change,
    /// The way from there to the action, in that order; empty when the action sees the change itself.
    pub through: Vec<Link>,
}

/// Why `action` has another key in `after` than in `before`, or ran all the same: the most direct cause first, never none.
pub fn causes(before: Option<&KeyDump>, after: &KeyDump, action: &ActionLabel) -> Vec<Cause> {
    Comparison::new(before, after).causes(action)
}
