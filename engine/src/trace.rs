//! What an action asked the workspace, and what it was answered.
//!
//! A [`Question`] is about one path. With its answer, a miss included, it is an [`Observation`]; all of an action are its [`Trace`], its
//! exact input set. A trace holds as long as the workspace would answer every question the same way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::path::RelPath;
use crate::system::PathKind;

/// One answer about one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Observation {
    /// What is there was asked.
    Kind(PathKind),
    /// The bytes were read; `None` when there is no file.
    Content(Option<Digest>),
    /// The entries were listed; `None` when there is no directory.
    Entries(Option<Digest>),
    /// The entries were listed of which [`Listing::select`](crate::system::Listing::select) keeps any: the extensions, and the digest of what is kept.
    Selected(Arc<str>, Digest),
    /// The real path was asked; `None` when nothing is there.
    RealPath(Option<RelPath>),
    /// What was derived from the file's bytes was read: the [name](crate::derivation::Derivation::name) of the derivation, and the digest of what it
    /// gave.
    Derived(Arc<str>, Digest),
}

/// The questions an action asked and their answers, sorted.
pub type Trace = Box<[(RelPath, Observation)]>;

impl Observation {
    /// The question that this answers, or whose answer decides it.
    pub fn question(&self) -> Question {
        match self {
            Self::Kind(_) => Question::Kind,
            Self::Content(_) | Self::Derived(..) => Question::Content,
            Self::Entries(_) | Self::Selected(..) => Question::Entries,
            Self::RealPath(_) => Question::RealPath,
        }
    }

    /// The name of the derivation through which the question was put, or the extensions of the entries that it was about.
    pub(crate) fn restriction(&self) -> Option<&Arc<str>> {
        match self {
            Self::Derived(name, _) => Some(name),
            Self::Selected(extensions, _) => Some(extensions),
            _ => None,
        }
    }
}

/// What can be asked about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// What is there?
    Kind,
    /// Which bytes does the file hold?
    Content,
    /// What does the directory hold?
    Entries,
    /// Where is it, links followed?
    RealPath,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Kind, Self::Content, Self::Entries, Self::RealPath];
}
