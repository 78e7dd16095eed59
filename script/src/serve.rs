//! Serving: isolates that run the handlers of one program.
//!
//! An *isolate* is an engine on a thread of its own, with a stack of known size. It loads the *program* and a
//! *dispatcher*, our module that calls the program's functions. A *call* is one request to the dispatcher; many are in flight at
//! once in one isolate. What a call asks of its host is an *operation*, a future that runs outside of the isolate. A *turn* is
//! what the engine does without interruption: for one event (a call, a settled operation, a timer) it runs the script and all the
//! promise jobs that this makes ready. A turn belongs to the call that caused its event.

mod agenda;
mod host;
mod isolate;
mod outcome;
mod pool;
mod reports;
mod share;
mod turns;

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;

use crate::error::Thrown;
use crate::evaluation::LogLevel;
use crate::files::FileReads;

pub use pool::Isolates;

/// How isolates run.
pub struct ServeSettings {
    /// `process.env`.
    pub environment: Vec<(String, String)>,
    /// An absolute path: what `process.cwd()` gives, and below which the program's files are.
    pub working_directory: String,
    /// What one turn and one isolate may use.
    pub limits: ServeLimits,
    /// How many isolates there are. With more than one, state that a module keeps is not shared between calls.
    pub isolates: NonZeroUsize,
    /// The files below `working_directory`.
    pub files: Arc<dyn FileReads + Send + Sync>,
}

/// What an isolate may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeLimits {
    /// CPU time of the isolate's thread in one turn. Waiting does not count, and a busy machine does not shorten it.
    pub cpu: Duration,
    /// Bytes of the engine's heap.
    pub memory: usize,
    /// Bytes of the engine's stack.
    pub stack: usize,
    /// How long the calls in flight on an isolate that is replaced may still take.
    pub grace: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self { cpu: Duration::from_secs(2), memory: 256 << 20, stack: 1 << 20, grace: Duration::from_secs(5) }
    }
}

/// What a script may ask of its host while it runs; every operation is a promise in the script.
///
/// The script itself starts the operation `fetch`: its message is
/// `{"url", "method", "headers": [[name, value]..], "redirect": "follow" | "error" | "manual"}` with the body of the request, its
/// reply `{"url", "status", "statusText", "headers": [[name, value]..], "redirected"}` with the body of the response. An abort
/// drops the future. `Bun.SQL` starts those whose names begin with `db.`. All others come from the dispatcher.
pub trait Operations: Send + Sync + 'static {
    /// Starts an operation. The future runs on the runtime on which the isolates were started, and is dropped when the script gives
    /// it up or the isolate ends.
    fn call(
        &self,
        name: &str,
        message: String,
        body: Option<Bytes>,
    ) -> BoxFuture<'static, Result<OperationReply, OperationError>>;

    /// What one isolate calls instead, dropped when the isolate ends: for operations that keep something open. None: this.
    fn for_isolate(&self) -> Option<Arc<dyn Operations>> {
        None
    }

    /// Makes a directory with all that lead to it, for `mkdirSync`. Called on the isolate's thread.
    fn make_directory(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    /// Takes a record of the log, a JSON object with at least `message`. Called on the isolate's thread: it must not wait.
    fn log(&self, level: LogLevel, record: String);
}

/// What an operation gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationReply {
    /// By convention JSON.
    pub message: String,
    /// Bytes beside it.
    pub body: Option<Bytes>,
}

/// What an operation throws in the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationError {
    /// `Error`, `TypeError`, `RangeError` and `SyntaxError` are those errors, any other name is that of a `DOMException`.
    pub name: String,
    /// Its message.
    pub message: String,
    /// Its `code`.
    pub code: Option<String>,
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The first item of what the dispatcher gave, by convention JSON.
    pub message: String,
    /// The second item.
    pub body: Option<Bytes>,
}

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// One of its turns used too much CPU time. The isolate is replaced.
    #[error("The handler used more than {} ms of CPU time", limit.as_millis())]
    CpuLimit {
        /// The limit.
        limit: Duration,
    },
    /// It filled the isolate's memory. The isolate is replaced. The engine, left without room for an error, throws a bare `null`;
    /// a script that throws `null` itself is taken for one that did this.
    #[error("The handler used more than {} MiB of memory", limit >> 20)]
    MemoryLimit {
        /// The limit in bytes.
        limit: usize,
    },
    /// It called itself too deeply.
    #[error("The handler exceeded the maximum call depth")]
    StackOverflow(Thrown),
    /// It threw.
    #[error("{0}")]
    Thrown(Thrown),
    /// It waits for a promise that nothing can settle any more.
    #[error("The handler waits for something that never happens")]
    NeverSettles,
    /// Its isolate was replaced, for the fault of another call, before it was done.
    #[error("The isolate ended before the handler did")]
    Ended,
}
