//! How the world fails around a command.

use std::io;
use std::path::{Path, PathBuf};

use crate::path::PathFault;
use crate::plan::Fault;

/// The world failed around a command.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// A path that has no place in a tree.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// A declared input is not what it was: it is gone, or it is no file.
    #[error("`{0}` changed while a command was prepared")]
    InputChanged(String),
    /// The tree could not be made.
    #[error("{what}: `{}`", path.display())]
    Stage {
        /// What was done.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The helper could not make the tree.
    #[error("{what}")]
    Prepare {
        /// What was done, with the path.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// The tree was to be an overlay, and the system does not allow it.
    #[error("An overlay is not possible here: {what}")]
    Overlay {
        /// What was done.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// The command was to be kept from something, and the system does not allow it.
    #[error("{what}")]
    Sandbox {
        /// What was done.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// The helper could not be started or spoken to.
    #[error("Starting the helper process `{}`", program.display())]
    Helper {
        /// Its program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The helper ended before it answered.
    #[error("The helper process ended: {status}")]
    HelperEnded {
        /// How.
        status: String,
    },
    /// What a command left could not be read.
    #[error("Reading `{path}` of a command's tree")]
    Read {
        /// Relative to the tree.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

impl ProcessError {
    pub(crate) fn stage(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Stage { what, path, source }
    }

    pub(crate) fn read(path: &str) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }

    pub(crate) fn helper(program: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let program = program.to_owned();
        move |source| Self::Helper { program: program.clone(), source }
    }
}

impl From<Fault> for ProcessError {
    fn from(fault: Fault) -> Self {
        let code = io::Error::from_raw_os_error;
        match fault {
            Fault::InputChanged(path) => Self::InputChanged(path),
            Fault::Full => Self::Prepare {
                what: "There is no room in memory".to_owned(),
                source: io::ErrorKind::StorageFull.into(),
            },
            Fault::Overlay(what, error) => Self::Overlay { what, source: code(error) },
            Fault::Sandbox(what, error) => Self::Sandbox { what, source: code(error) },
            Fault::Io(what, error) => Self::Prepare { what, source: code(error) },
        }
    }
}
