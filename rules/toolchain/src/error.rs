//! What can go wrong between a package and its files.
//!
//! No message holds a credential: addresses are shown without user, password and query.

use std::io;
use std::path::PathBuf;

use super::integrity::{Integrity, InvalidIntegrity};
use super::unpack::ArchiveError;

/// A world fault of the toolchain.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// The network is forbidden and the package is not in the store.
    #[error(
        "`{name}` {version} is not in the store and `--offline` forbids fetching it: `{}` {problem}; run `webstir build` once without `--offline`",
        .path.display()
    )]
    Offline {
        /// The package.
        name: String,
        /// Its version.
        version: String,
        /// Where it was looked for.
        path: PathBuf,
        /// `does not exist` or `is damaged`.
        problem: &'static str,
    },
    /// The server did not answer, or the connection broke.
    #[error("Fetching `{url}` failed: {reason}")]
    Transport {
        /// The address.
        url: String,
        /// How it failed.
        reason: String,
    },
    /// The server answered something else than success.
    #[error("`{url}` answered {status}{}", status_hint(*.status))]
    Status {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A redirect that leads nowhere, in circles, or from `https` to `http`.
    #[error("`{url}` redirects {problem}")]
    Redirect {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The response is larger than a package may be.
    #[error("`{url}` is larger than {limit} bytes")]
    TooLarge {
        /// The address.
        url: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The tarball is not the one that was locked.
    #[error("`{name}` {version} from `{url}` is not the package that is expected: expected {expected}, found {found}")]
    IntegrityMismatch {
        /// The package.
        name: String,
        /// Its version.
        version: String,
        /// Where it came from.
        url: String,
        /// What it should hash to.
        expected: Box<Integrity>,
        /// What it hashes to.
        found: Box<Integrity>,
    },
    /// The hash is that of another package.
    #[error("What is locked as `{name}` {version} is {}", own_name(found))]
    AnotherPackage {
        /// The package.
        name: String,
        /// Its version.
        version: String,
        /// What it is by its own `package.json`; empty where that does not say.
        found: String,
    },
    /// The tarball holds something that a package may not hold.
    #[error("`{name}` {version} cannot be unpacked: {source}")]
    Archive {
        /// The package.
        name: String,
        /// Its version.
        version: String,
        /// What it holds.
        source: ArchiveError,
    },
    /// The registry does not know the version.
    #[error("The registry has no `{name}` {version}")]
    UnknownVersion {
        /// The package.
        name: String,
        /// The version.
        version: String,
    },
    /// The registry gives no usable hash.
    #[error("The registry gives no usable integrity of `{name}` {version}: {source}")]
    Integrity {
        /// The package.
        name: String,
        /// Its version.
        version: String,
        /// What is wrong with it.
        source: InvalidIntegrity,
    },
    /// The registry's description of a version is not what it should be.
    #[error("`{url}` is not the description of a package: {problem}")]
    Metadata {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An `.npmrc`, or a value of it or of the environment, cannot be used.
    #[error("{place}: {problem}")]
    Settings {
        /// The file, or the name of the variable.
        place: String,
        /// What is wrong with it; never the value.
        problem: String,
    },
    /// The disk failed.
    #[error("{action} `{}`: {source}", .path.display())]
    Store {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// How it failed.
        source: io::Error,
    },
}

fn own_name(found: &str) -> String {
    if found.is_empty() { "a package without a name and a version".to_owned() } else { format!("`{found}`") }
}

fn status_hint(status: u16) -> &'static str {
    match status {
        401 | 403 => ": the token in `.npmrc` is missing or not accepted",
        404 => ": the registry does not have it",
        _ => "",
    }
}

impl ToolchainError {
    pub(super) fn store(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Store { action, path, source }
    }
}
