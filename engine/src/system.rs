//! The world below the workspace root, behind one trait.
//!
//! A [`System`] answers four queries about a path: what is there, its bytes, its entries, its real place. Links are
//! followed as long as they stay inside the workspace; whatever lies behind a link that leaves it is [`PathKind::Absent`].
//! [`Os`] is the real one, [`Memory`] the one for tests.

mod memory;
mod os;
mod stat;

use std::fmt;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, KeyHasher};
use crate::path::RelPath;

pub use memory::Memory;
pub use os::Os;
pub(crate) use os::{DigestLog, EntryType, Hashed, shown_left_out};
pub use stat::Stat;
pub(crate) use stat::now;

/// What is at a path, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PathKind {
    /// Nothing, or something outside the workspace, or neither a file nor a directory.
    Absent,
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// The entries of one directory, sorted by name, links resolved to the kind of their target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    entries: Arc<[(Arc<str>, PathKind)]>,
    left_out: Arc<[(Arc<str>, PathKind)]>,
}

impl Listing {
    /// Sorts the entries.
    pub fn new(mut entries: Vec<(Arc<str>, PathKind)>) -> Self {
        entries.sort();
        Self { entries: Arc::from(entries), left_out: Arc::default() }
    }

    /// With files and directories whose names no path here can have: those that are not UTF-8, or hold a backslash or a control
    /// character. They are as they can be shown.
    #[must_use]
    pub fn leaving_out(self, mut left_out: Vec<(Arc<str>, PathKind)>) -> Self {
        left_out.sort();
        Self { left_out: Arc::from(left_out), ..self }
    }

    /// Name and kind of each entry.
    pub fn entries(&self) -> impl Iterator<Item = (&str, PathKind)> {
        self.entries.iter().map(|(name, kind)| (&**name, *kind))
    }

    /// What is there and cannot be named.
    pub fn left_out(&self) -> impl Iterator<Item = (&str, PathKind)> {
        self.left_out.iter().map(|(name, kind)| (&**name, *kind))
    }

    /// The directories, and the files with one of `extensions`, which are without dots and stand apart by spaces.
    #[must_use]
    pub fn select(&self, extensions: &str) -> Self {
        let is_selected = |name: &str| {
            let extension = name.rsplit_once('.').map(|(_, extension)| extension);
            extension.is_some_and(|extension| extensions.split(' ').any(|selected| selected == extension))
        };
        let kept = self.entries.iter().filter(|(name, kind)| *kind == PathKind::Directory || is_selected(name));
        Self { entries: kept.cloned().collect(), left_out: Arc::default() }
    }

    /// The digest of names and kinds.
    pub fn digest(&self) -> Digest {
        let mut hasher = KeyHasher::new("webstir listing v1");
        for (name, kind) in self.entries() {
            hasher.text(name).number(kind as u64);
        }
        for (name, kind) in self.left_out() {
            hasher.text("left out").text(name).number(kind as u64);
        }
        hasher.finish()
    }
}

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileContent {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// Tells one version of a file from another. Only equality has a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub(crate) Stat);

/// The world below the workspace root.
pub trait System: Send + Sync + fmt::Debug {
    /// The name of the root directory; it does not change in the life of a process. What is made of it belongs into a key.
    fn name(&self) -> &str;
    /// What is at `path`.
    fn kind(&self, path: &RelPath) -> io::Result<PathKind>;
    /// The bytes of a file; `NotFound` for anything else.
    fn read(&self, path: &RelPath) -> io::Result<Vec<u8>>;
    /// What is known of a file without holding its bytes; `NotFound` for anything else.
    fn content(&self, path: &RelPath) -> io::Result<FileContent>;
    /// The version of a file: one that differs after every write to it, also one that writes what was there; `None` for anything else.
    fn version(&self, path: &RelPath) -> io::Result<Option<Version>>;
    /// What is known of the bytes of a file is not to be trusted: they are read the next time that its digest is asked for.
    fn doubt(&self, _path: &RelPath) {}
    /// The entries of a directory; `NotFound` for anything else. Those that no path can have are [left out](Listing::left_out).
    fn list(&self, path: &RelPath) -> io::Result<Listing>;
    /// Where `path` really is, all links followed; `None` when it is absent.
    fn real_path(&self, path: &RelPath) -> io::Result<Option<RelPath>>;
}

/// What is not there is no error.
pub(crate) fn absent_to_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
