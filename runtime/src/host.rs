//! What runs handlers.
//!
//! A [`HandlerHost`] has loaded one module and answers calls to it: *embedded* in this process, or in *worker* processes of Bun
//! or Node. Beside the user's code runs the *dispatcher*, one JavaScript text for every host: it makes contexts, runs hooks and
//! says what came out. While a call runs, the script may ask for *operations* ([`Calls`]).

mod calls;
mod embedded;
mod fetch;
mod module;
mod schemas;
mod stack;
#[cfg(test)]
pub(crate) mod tests;
mod worker;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use webstir_script::Thrown;

pub(crate) use calls::OpenTransaction;
pub use calls::{Calls, Chunks, OpenCall, Sender};
pub use embedded::{Embedded, EmbeddedSettings};
pub use module::{HostedFile, HostedModule, HostedText};
#[cfg(feature = "fuzzing")]
pub(crate) use worker::fuzzing;
pub use worker::{Interpreter, WorkerSettings, Workers};

/// The dispatcher: an ES module with the exports `load` and `call`.
pub const DISPATCHER: &str = concat!(
    include_str!("host/script/definition.js"),
    include_str!("host/script/context.js"),
    include_str!("host/script/task.js"),
    include_str!("host/script/dispatch.js"),
);

/// Runs handlers of one module.
pub trait HandlerHost: Send + Sync {
    /// One call to the dispatcher.
    fn call(&self, message: String, body: Option<Bytes>) -> BoxFuture<'_, Result<HostReply, HostError>>;
    /// Whether a call would find somebody to run it.
    fn is_available(&self) -> bool;
    /// Ends it; calls that still run fail.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// What the dispatcher answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostReply {
    pub message: String,
    pub body: Option<Bytes>,
}

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The user's code threw.
    #[error("{0}")]
    Thrown(Thrown),
    /// It was stopped because it used too much CPU time, or the process that ran it no longer answered.
    #[error("The handler was stopped after {} ms", limit.as_millis())]
    Stopped { limit: Duration },
    /// It used too much memory.
    #[error("The handler used more than {} MiB of memory", limit >> 20)]
    Memory { limit: usize },
    /// What ran it ended meanwhile.
    #[error("What ran the handler ended")]
    Lost,
    /// Nothing is there to run it.
    #[error("Nothing is there to run the handler: {0}")]
    Unavailable(String),
}
