//! Why an evaluation gave nothing.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Why an evaluation, or the start of isolates, gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The module imports something that the engine does not have.
    #[error("Cannot import `{specifier}`: the embedded engine does not have it")]
    Unsupported {
        /// What is imported.
        specifier: String,
    },
    /// The module cannot be parsed or linked.
    #[error("{0}")]
    Syntax(Thrown),
    /// The module, or a getter of what it exports, threw.
    #[error("{0}")]
    Thrown(Thrown),
    /// A promise was rejected and nobody handled it.
    #[error("Unhandled rejection: {0}")]
    UnhandledRejection(Thrown),
    /// The module awaits something that never comes.
    #[error("The module waits for something that never happens")]
    NeverSettles,
    /// It used too much CPU time.
    #[error("The module used more than {} ms of CPU time", limit.as_millis())]
    CpuLimit {
        /// The limit.
        limit: Duration,
    },
    /// It used too much memory.
    #[error("The module used more than {} MiB of memory", limit >> 20)]
    MemoryLimit {
        /// The limit in bytes.
        limit: usize,
    },
    /// It called itself too deeply.
    #[error("The module exceeded the maximum call depth")]
    StackOverflow(Thrown),
    /// It was inside one long call that cannot be interrupted.
    #[error("The module gave no sign for {} s", limit.as_secs())]
    Silence {
        /// The limit.
        limit: Duration,
    },
    /// What it exports is too large to describe.
    #[error("The exports describe to {bytes} bytes, more than the {limit} that are read")]
    TooLarge {
        /// The size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Reading a file for it failed: the world's fault.
    #[error("Reading `{path}`: {source}")]
    Files {
        /// The path below the workspace root.
        path: String,
        /// How it failed.
        source: std::io::Error,
    },
    /// The engine could not be started: the world's fault.
    #[error("Starting the embedded engine: {0}")]
    Start(String),
}

impl ScriptError {
    /// The value that was thrown, for the kinds that have one.
    pub fn thrown(&self) -> Option<&Thrown> {
        match self {
            Self::Syntax(thrown)
            | Self::Thrown(thrown)
            | Self::UnhandledRejection(thrown)
            | Self::StackOverflow(thrown) => Some(thrown),
            _ => None,
        }
    }

    /// Whether the world failed, rather than the module.
    pub fn is_world(&self) -> bool {
        matches!(self, Self::Files { .. } | Self::Start(_))
    }

    /// Whether a limit was reached, which says nothing of the next time: machines are faster and slower.
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::CpuLimit { .. } | Self::MemoryLimit { .. } | Self::StackOverflow(_) | Self::Silence { .. })
    }

    pub(crate) fn thrown_mut(&mut self) -> Option<&mut Thrown> {
        match self {
            Self::Syntax(thrown)
            | Self::Thrown(thrown)
            | Self::UnhandledRejection(thrown)
            | Self::StackOverflow(thrown) => Some(thrown),
            _ => None,
        }
    }
}

/// A value that was thrown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Thrown {
    /// The name of the error, for example `TypeError`; none when the value is no error.
    pub name: Option<String>,
    /// Its message, or the value as text.
    pub message: String,
    /// Where it was made, innermost first; frames of the engine itself are left out.
    pub frames: Vec<Frame>,
    /// Its `cause`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<Thrown>>,
}

/// `name: message`.
impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) if self.message.is_empty() => f.write_str(name),
            Some(name) => write!(f, "{name}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// One frame of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// The function, when it has a name.
    pub function: Option<String>,
    /// The file: a path below the workspace root once mapped, else the name of the evaluated module.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in UTF-16 code units.
    pub column: u32,
    /// Whether the place was found in the source map.
    pub mapped: bool,
}
