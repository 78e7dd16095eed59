//! What an action asked the workspace, and what it was told.
//!
//! A [`FileQuery`] is about one path. With the state that it found, a miss included, it is a [`DiscoveredInput`]; all of an action are its
//! [`DiscoveredInputs`], its exact input set. They hold as long as the workspace gives the same for every query.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::path::RelPath;
use crate::system::PathKind;

/// What one query about one path found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DiscoveredInput {
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
    /// What was derived from the file's bytes was read: the [name](crate::projection::Projection::name) of the projection, and the digest of what it
    /// gave.
    Derived(Arc<str>, Digest),
}

/// The queries that an action made and what they found, sorted.
pub type DiscoveredInputs = Box<[(RelPath, DiscoveredInput)]>;

impl DiscoveredInput {
    /// The query that found this, or whose state decides it.
    pub fn query(&self) -> FileQuery {
        match self {
            Self::Kind(_) => FileQuery::Kind,
            Self::Content(_) | Self::Derived(..) => FileQuery::Content,
            Self::Entries(_) | Self::Selected(..) => FileQuery::Entries,
            Self::RealPath(_) => FileQuery::RealPath,
        }
    }

    /// The name of the projection through which the query was made, or the extensions of the entries that it was about.
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
pub enum FileQuery {
    /// What is there?
    Kind,
    /// Which bytes does the file hold?
    Content,
    /// What does the directory hold?
    Entries,
    /// Where is it, links followed?
    RealPath,
}

impl FileQuery {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Kind, Self::Content, Self::Entries, Self::RealPath];
}
