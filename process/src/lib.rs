//! Runs one process of the user to its end, in a tree of its own.
//!
//! A [`Tree`] says which files a command may see; a [`Stage`] is the place on disk where they are shown to it, a [`Job`] what is
//! run there, and [`Finished`] how that ended and what lies in the tree then. The workspace is never written.
//!
//! ```text
//! engine ──> launcher (`webstir __process`)
//!   ^            │ fork
//!   └──plan──> helper (sub-reaper) ──> [init of a process namespace] ──> command
//!    <─answer─                                                           └──> its descendants
//! ```
//!
//! The engine never forks: it is large, and a copy of its page tables alone takes tens of milliseconds. It spawns a launcher, which
//! is the same binary with the argument `__process`, once, and that makes a helper for each command by `fork`. The engine tells the
//! helper over a socket what to do. It ends when its answer is given or when the engine is gone, and nothing that it started outlives it.
//! An [`Attached`] command is one whose streams the engine holds: a compiler that it talks to.

mod attached;
mod channel;
mod choose;
mod environment;
mod error;
mod finished;
mod helper;
mod launcher;
mod path;
mod plan;
mod run;
mod sandbox;
mod stage;
mod surroundings;
mod system;
#[cfg(feature = "testing")]
pub mod testing;

pub use attached::Attached;
pub use choose::Unchanged;
pub use error::ProcessError;
pub use finished::{Collected, Ended, Finished, OutputFile, Refused, RefusedKind};
pub use helper::{helper, is_helper};
pub use path::PathFault;
pub use plan::{Input, Keep, Source, Tree};
pub use run::{Helper, Job};
pub use sandbox::{Access, AccessKind, Accesses, Ran, Sandbox, Tier, Way};
pub use stage::{Stage, sweep};
pub use surroundings::{Factor, Surroundings};
