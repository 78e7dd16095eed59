//! Keys: what identifies an action.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Input;
use crate::digest::{Digest, KeyHasher};
use crate::discovered::DiscoveredInput;
use crate::machine::Program;
use crate::path::RelPath;

/// The identity of an action: equal keys mean equal results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActionKey(pub Digest);

impl fmt::Display for ActionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One part of an action key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPart<'a> {
    /// Rule kind, and what stands for the code that is compiled in.
    Kind(&'a str, Digest),
    /// The package that does the work.
    Package(Digest),
    /// The program that does the work, or interprets the package.
    Program(&'a Program),
    /// One argument.
    Argument(&'a str),
    /// The working directory.
    Directory(&'a RelPath),
    /// The network may be used.
    Network,
    /// One environment value.
    Environment(&'a str, &'a str),
    /// One secret, and what stands for its value.
    Secret(&'a str, Digest),
    /// One declared input.
    Input(&'a Input),
    /// One declared output.
    Output(&'a RelPath),
    /// One file state that the workspace gave.
    DiscoveredInput(&'a RelPath, &'a DiscoveredInput),
}

impl KeyPart<'_> {
    pub(super) fn hash_into(&self, hasher: &mut KeyHasher) {
        match *self {
            Self::Kind(kind, implementation) => hasher.number(0).text(kind).digest(implementation),
            Self::Package(digest) => hasher.number(1).digest(digest),
            Self::Program(program) => hasher.number(2).digest(program.digest()),
            Self::Argument(argument) => hasher.number(3).text(argument),
            Self::Directory(path) => hasher.number(4).text(path.as_str()),
            Self::Network => hasher.number(9),
            Self::Environment(name, value) => hasher.number(5).text(name).text(value),
            Self::Secret(name, digest) => hasher.number(10).text(name).digest(digest),
            Self::Input(input) => {
                hasher.number(6).text(input.path.as_str()).digest(input.digest).number(u64::from(input.executable))
            }
            Self::Output(path) => hasher.number(7).text(path.as_str()),
            Self::DiscoveredInput(path, input) => {
                hasher.number(8).text(path.as_str());
                match input {
                    DiscoveredInput::Kind(kind) => hasher.number(0).number(*kind as u64),
                    DiscoveredInput::Content(None) => hasher.number(1),
                    DiscoveredInput::Content(Some(digest)) => hasher.number(2).digest(*digest),
                    DiscoveredInput::Entries(None) => hasher.number(3),
                    DiscoveredInput::Entries(Some(digest)) => hasher.number(4).digest(*digest),
                    DiscoveredInput::RealPath(None) => hasher.number(5),
                    DiscoveredInput::RealPath(Some(path)) => hasher.number(6).text(path.as_str()),
                    DiscoveredInput::Selected(extensions, digest) => hasher.number(8).text(extensions).digest(*digest),
                    DiscoveredInput::Derived(name, digest) => hasher.number(7).text(name).digest(*digest),
                }
            }
        };
    }
}
