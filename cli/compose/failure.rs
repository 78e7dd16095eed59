//! Faults of the world and of usage.

use std::io;
use std::path::Path;

/// The world failed, or the command was used wrongly: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// One line.
    pub(crate) message: String,
    /// The way out.
    pub(crate) help: Option<String>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The store cannot be used.
    pub(crate) fn store(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |error| {
            let failure = Self::new(format!("The store at `{path}` cannot be used: {error}"));
            match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    failure.with_help("Set `WEBSTIR_STORE` to a directory that can be written to")
                }
                io::ErrorKind::StorageFull => failure.with_help("Free some space, or run `webstir cache clear`"),
                _ => failure,
            }
        }
    }
}
