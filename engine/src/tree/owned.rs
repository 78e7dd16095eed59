//! The list of files that a tree owns.
//!
//! It names the tree, so that a list that lies in the wrong place is nobody's. Besides path and digest it keeps the [`Stat`] that the file had when it was in place. A file with the same stat has the same
//! bytes, unless it was racy when the list was written: then it is read again.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::action::Artifact;
use crate::codec;
use crate::digest::Digest;
use crate::path::RelPath;
use crate::system::{Stat, now};

/// The list as it is kept.
#[derive(Serialize, Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    tree: &'a str,
    written: u64,
    files: Vec<(RelPath, (Digest, Option<Stat>))>,
}

/// A file and the stat it had when it was in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnedFile {
    pub(super) artifact: Artifact,
    pub(super) stat: Stat,
}

/// The files of one tree.
#[derive(Debug, Default)]
pub(super) struct Owned {
    files: BTreeMap<RelPath, (Digest, Option<Stat>)>,
    /// When the list was written.
    written: u64,
}

impl Owned {
    pub(super) fn new(files: Vec<OwnedFile>) -> Self {
        let files =
            files.into_iter().map(|file| (file.artifact.path, (file.artifact.digest, Some(file.stat)))).collect();
        Self { files, written: 0 }
    }

    /// The list with the files that are about to be materialised: owned from now on, vouched for only when they are there.
    pub(super) fn with_claims(&self, claimed: &[&Artifact]) -> Self {
        let mut files = self.files.clone();
        files.extend(claimed.iter().map(|artifact| (artifact.path.clone(), (artifact.digest, None))));
        Self { files, written: 0 }
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &RelPath> {
        self.files.keys()
    }

    /// Whether the file at `path` with this stat is known to have this digest.
    pub(super) fn vouches_for(&self, path: &RelPath, digest: Digest, stat: Stat) -> bool {
        self.files.get(path) == Some(&(digest, Some(stat))) && !stat.is_racy(self.written)
    }

    /// The list of `tree` at `path`; empty when there is none, it is damaged, or it is another tree's: then files are compared by
    /// content, and those that an earlier build left are nobody's.
    pub(super) fn read(path: &Path, tree: &str) -> Self {
        fs::read(path).ok().and_then(|bytes| decode(&bytes, tree)).unwrap_or_default()
    }

    pub(super) fn write(&self, path: &Path, tree: &str) -> io::Result<()> {
        let files = self.files.iter().map(|(path, file)| (path.clone(), *file)).collect();
        let mut bytes = codec::encode(&List { tree, written: now(), files });
        let digest = Digest::of(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        io::Write::write_all(&mut file, &bytes)?;
        file.persist(path)?;
        Ok(())
    }
}

fn decode(bytes: &[u8], tree: &str) -> Option<Owned> {
    let (body, sum) = bytes.split_last_chunk::<32>()?;
    if Digest::of(body).as_bytes() != sum {
        return None;
    }
    let list: List<'_> = codec::decode(body)?;
    if list.tree != tree {
        return None;
    }
    let List { written, files, .. } = list;
    Some(Owned { files: files.into_iter().collect(), written })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut sealed = bytes.clone();
            sealed.extend_from_slice(Digest::of(&bytes).as_bytes());
            let _ = decode(&sealed, "build");
            let _ = decode(&bytes, "build");
        }
    }
}
