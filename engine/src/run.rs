//! How the actions of one kind of node in `webstir.kdl` are run.
//!
//! A [`Run`] is given the action, a view of files and the blobs, and no database, so that what it does is decided by the action alone.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::action::{Action, ActionResult, Artifact, Input, Origin, SharedResult};
use crate::blob::Blobs;
use crate::digest::Digest;
use crate::path::RelPath;
use crate::system::System;
use crate::view::View;

/// How the actions of one kind of node are run.
pub trait Run: Send + Sync + 'static {
    /// The name of its node in the configuration.
    fn kind(&self) -> &'static str;
    /// Runs one of the actions that the plan of the same kind planned.
    fn run(&self, context: &Context<'_>) -> RunResult;
    /// Whether its actions mostly wait for another process; those do not take a place among the builtin ones.
    fn is_process(&self) -> bool {
        false
    }
    /// Whether it starts from what came of the action before: it receives the [`Previous`] result.
    fn uses_previous(&self) -> bool {
        false
    }
}

/// What the last run of the same action gave: in this process, or one of those in the store that has a [state](ActionResult::state).
#[derive(Debug, Clone)]
pub struct Previous {
    /// Its result.
    pub result: SharedResult,
    /// Paths of which the workspace no longer gives what the result's discovered inputs say, sorted.
    pub changed: Box<[RelPath]>,
}

/// How the actions of every rule kind are run. Fixed for the life of a process.
#[derive(Default)]
pub struct Runs(Vec<Arc<dyn Run>>);

impl Runs {
    /// Takes the rule kinds.
    pub fn new(runs: Vec<Arc<dyn Run>>) -> Self {
        Self(runs)
    }

    /// How that kind is run.
    pub fn run(&self, kind: &str) -> Option<&dyn Run> {
        self.0.iter().find(|run| run.kind() == kind).map(|run| &**run)
    }

    /// Each of them, for who wants to stand around it.
    pub fn into_inner(self) -> Vec<Arc<dyn Run>> {
        self.0
    }

    /// Whether its actions mostly wait for another process.
    pub fn is_process(&self, kind: &str) -> bool {
        self.run(kind).is_some_and(Run::is_process)
    }

    /// Whether it starts from what came of an action before.
    pub fn uses_previous(&self, kind: &str) -> bool {
        self.run(kind).is_some_and(Run::uses_previous)
    }
}

/// Why a run gave no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A workspace file no longer holds what was planned: plan again.
    #[error("`{0}` changed while it was being read")]
    InputChanged(RelPath),
    /// A program is not what was planned with: plan again.
    #[error("The program `{0}` changed while it was running")]
    ProgramChanged(Box<str>),
    /// A blob that an earlier action made is gone or damaged: run that action again.
    #[error("Blob {0} is missing from the store")]
    BlobMissing(Digest),
    /// Nobody wants the result any more.
    #[error("Cancelled")]
    Cancelled,
    /// The world failed.
    #[error("{what}: {source}")]
    World {
        /// What was being done.
        what: String,
        /// How it failed.
        source: io::Error,
    },
}

impl RunError {
    /// Wraps an error of the world, saying what was being done.
    pub fn world(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::World { what, source }
    }
}

/// All that a running action sees.
pub struct Context<'a> {
    /// The action to run.
    pub action: &'a Action,
    /// The workspace, for an action that discovers inputs; its reads are recorded.
    pub view: &'a Arc<View>,
    /// The blobs.
    pub blobs: &'a dyn Blobs,
    /// Set when the result is no longer wanted.
    pub cancelled: &'a AtomicBool,
    /// The workspace behind the declared inputs; reads of it are checked against the declared digest.
    pub(crate) system: &'a dyn System,
    /// What was there before, for a rule that [starts from it](Run::uses_previous); `None` also when all that is known is to be forgotten.
    pub previous: Option<&'a Previous>,
}

impl Context<'_> {
    /// The bytes of a declared input.
    pub fn read(&self, input: &Input) -> Result<Arc<[u8]>, RunError> {
        self.check_cancelled()?;
        match input.origin {
            Origin::Store => self
                .blobs
                .get(input.digest)
                .map_err(RunError::world("Reading the store"))?
                .ok_or(RunError::BlobMissing(input.digest)),
            Origin::Workspace => {
                let bytes = match self.system.read(&input.path) {
                    Ok(bytes) => bytes,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        return Err(RunError::InputChanged(input.path.clone()));
                    }
                    Err(error) => return Err(RunError::world(format!("Reading `{}`", input.path))(error)),
                };
                if Digest::of(&bytes) != input.digest {
                    return Err(RunError::InputChanged(input.path.clone()));
                }
                Ok(Arc::from(bytes))
            }
        }
    }

    /// The declared input of that name.
    pub fn input(&self, path: &RelPath) -> Option<&Input> {
        let inputs = &self.action.inputs;
        inputs.binary_search_by(|input| input.path.cmp(path)).ok().map(|index| &inputs[index])
    }

    /// Stores `bytes` as the output `path`, a file that is not executed.
    pub fn write(&self, path: RelPath, bytes: &[u8]) -> Result<Artifact, RunError> {
        self.write_as(path, bytes, false)
    }

    /// Stores `bytes` as the output `path`.
    pub fn write_as(&self, path: RelPath, bytes: &[u8], executable: bool) -> Result<Artifact, RunError> {
        let digest = self.blobs.put(bytes).map_err(RunError::world("Writing to the store"))?;
        Ok(Artifact { path, digest, bytes: bytes.len() as u64, executable })
    }

    /// An error once the result is no longer wanted; to be asked between steps.
    pub fn check_cancelled(&self) -> Result<(), RunError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(RunError::Cancelled) } else { Ok(()) }
    }
}

/// What running an action gives.
pub type RunResult = Result<ActionResult, RunError>;
