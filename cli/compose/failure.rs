//! Faults of the world and of usage.

use std::error::Error;
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
    /// What caused it.
    pub(super) source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, source: None }
    }

    /// An error that says itself what failed.
    pub(crate) fn of(error: impl Error + Send + Sync + 'static) -> Self {
        Self { message: error.to_string(), help: None, source: Some(Box::new(error)) }
    }

    /// What failed is said by `message`, why by `cause`.
    pub(crate) fn because(message: impl Into<String>, cause: impl Error + Send + Sync + 'static) -> Self {
        Self { message: message.into(), help: None, source: Some(Box::new(cause)) }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The store cannot be used.
    pub(crate) fn store(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |error| {
            let kind = error.kind();
            let failure = Self::because(format!("The store at `{path}` cannot be used"), error);
            match kind {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    failure.with_help("Set `WEBSTIR_STORE` to a directory that can be written to")
                }
                io::ErrorKind::StorageFull => failure.with_help("Free some space, or run `webstir cache clear`"),
                _ => failure,
            }
        }
    }

    /// The message and the causes on one line, for those who take no more.
    pub(crate) fn in_full(&self) -> String {
        causes(self).into_iter().fold(self.message.clone(), |text, cause| format!("{text}: {cause}"))
    }
}

/// What caused an error, the nearest first. A cause is left out where the text above it ends with it already.
pub(crate) fn causes(error: &dyn Error) -> Vec<String> {
    let mut above = error.to_string();
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        next = cause.source();
        let text = cause.to_string();
        if !above.ends_with(&text) {
            causes.push(text.clone());
            above = text;
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_reported_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("Writing `a`: {0}")]
        struct Repeating(#[source] io::Error);

        #[derive(Debug, thiserror::Error)]
        #[error("The lock is held")]
        struct Silent(#[source] Repeating);

        let full = || Repeating(io::Error::other(Failure::because("The disk", io::Error::other("is full"))));
        assert_eq!(causes(&full()), ["is full"]);
        assert_eq!(causes(&Failure::of(full())), ["is full"]);
        assert_eq!(
            causes(&Failure::because("It failed", Silent(full()))),
            ["The lock is held", "Writing `a`: The disk", "is full"]
        );
        assert_eq!(Failure::because("It failed", full()).in_full(), "It failed: Writing `a`: The disk: is full");
        assert_eq!(Failure::new("It failed").in_full(), "It failed");
    }
}
