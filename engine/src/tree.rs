//! Materialised trees: the files of a finished build, on disk.
//!
//! A tree owns exactly the files that it placed: what it no longer has is removed, what nobody declared is never touched. Files
//! are staged beside the tree and renamed one by one, a tree that is not there yet as one directory, so that no file is ever
//! seen half written. The list of owned files is written before the first rename and again after the last, so that a killed
//! process leaves nothing behind that no list names.

#![expect(clippy::disallowed_methods, reason = "a tree lies on disk")]

mod directory;
mod owned;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::action::Artifact;
use crate::digest::Digest;
use crate::path::RelPath;
use crate::rule::Blobs;
use crate::system::Stat;

use directory::Directories;
use owned::{Owned, OwnedFile};

/// Why a tree could not be placed. What was there before is still there.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The store lost a blob: the action that made it has to run again.
    #[error("Blob {0} is missing from the store")]
    BlobMissing(Digest),
    /// Something that is not ours is in the way.
    #[error("`{0}` is in the way of an output: it is {1}")]
    InTheWay(RelPath, &'static str),
    /// The system refused.
    #[error("Writing `{path}`: {source}")]
    Io {
        /// What was being written.
        path: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl PlaceError {
    fn io(path: &(impl ToString + ?Sized)) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_string();
        move |source| Self::Io { path, source }
    }
}

/// What placing a tree changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Placed {
    /// Files written.
    pub written: usize,
    /// Files that were as they should be.
    pub kept: usize,
    /// Files removed because nothing makes them any more.
    pub removed: usize,
}

/// One tree of a workspace.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    state: PathBuf,
    name: String,
}

impl Tree {
    /// The tree `name`, which is also its top directory (for example `build`), of the workspace at `root`. The list of owned
    /// files and the staging area lie below `state`, on the same file system.
    pub fn new(root: &Path, state: &Path, name: &str) -> Self {
        Self { root: root.to_owned(), state: state.to_owned(), name: name.to_owned() }
    }

    /// Whether the tree holds exactly `artifacts`, as far as it is ours. Changes nothing but the list of owned files.
    pub fn holds(&self, artifacts: &[Artifact]) -> Result<bool, PlaceError> {
        let state = self.inspect(artifacts)?;
        let holds = state.missing.is_empty() && state.stale.is_empty();
        if holds {
            state.settle()?;
        }
        Ok(holds)
    }

    /// Compares the tree with `artifacts`.
    fn inspect<'a>(&self, artifacts: &'a [Artifact]) -> Result<Inspection<'a>, PlaceError> {
        let lists = self.state.join("trees");
        fs::create_dir_all(&lists).map_err(PlaceError::io(&lists.display()))?;
        let list = lists.join(self.name.replace('/', "-"));
        let lock_path = list.with_extension("lock");
        let lock = File::create(&lock_path).map_err(PlaceError::io(&lock_path.display()))?;
        lock.lock().map_err(PlaceError::io(&lock_path.display()))?;

        let before = Owned::read(&list);
        let root = Directories::open(&self.root).map_err(PlaceError::io(&self.name))?;
        let mut kept = Vec::new();
        let mut missing = Vec::new();
        for artifact in artifacts {
            match present(&root, &before, artifact)? {
                Some(stat) => kept.push(OwnedFile { artifact: artifact.clone(), stat }),
                None => missing.push(artifact),
            }
        }
        let names: BTreeSet<&RelPath> = artifacts.iter().map(|artifact| &artifact.path).collect();
        let stale = before.paths().filter(|path| !names.contains(path)).cloned().collect();
        Ok(Inspection { list, before, root, kept, missing, stale, _lock: lock })
    }

    /// Makes the tree hold exactly `artifacts`. Files of a lower `rank` become visible before those of a higher one.
    pub fn place(
        &self,
        artifacts: &[Artifact],
        blobs: &dyn Blobs,
        rank: &dyn Fn(&RelPath) -> u8,
    ) -> Result<Placed, PlaceError> {
        let state = self.inspect(artifacts)?;
        if state.missing.is_empty() && state.stale.is_empty() {
            state.settle()?;
            return Ok(Placed { kept: artifacts.len(), ..Placed::default() });
        }
        let Inspection { list, before, root, mut kept, mut missing, stale, _lock } = state;

        let staging = tempfile::Builder::new()
            .prefix("stage-")
            .tempdir_in(&self.state)
            .map_err(PlaceError::io(&self.state.display()))?;
        // Everything is staged before the first change, so that a full disk or a lost blob changes nothing.
        missing.sort_by_key(|artifact| (rank(&artifact.path), &artifact.path));
        before.with_claims(&missing).write(&list).map_err(PlaceError::io(&list.display()))?;
        let whole = RelPath::new(&self.name).is_ok_and(|top| {
            !top.is_root()
                && artifacts.iter().all(|artifact| artifact.path.is_within(&top) && artifact.path != top)
                && fs::symlink_metadata(self.root.join(top.as_str())).is_err()
        });
        let mut placed = if whole {
            self.place_whole(&root, staging.path(), &missing, blobs)?
        } else {
            place_each(&root, staging.path(), &missing, blobs)?
        };
        for path in &stale {
            root.remove(path).map_err(PlaceError::io(path))?;
        }
        let counts = Placed { written: placed.len(), kept: kept.len(), removed: stale.len() };
        placed.append(&mut kept);
        Owned::new(placed).write(&list).map_err(PlaceError::io(&list.display()))?;
        Ok(counts)
    }

    /// The tree is not there yet: it is built aside and appears by one rename.
    fn place_whole(
        &self,
        root: &Directories,
        stage: &Path,
        missing: &[&Artifact],
        blobs: &dyn Blobs,
    ) -> Result<Vec<OwnedFile>, PlaceError> {
        let parents: BTreeSet<RelPath> = missing.iter().filter_map(|artifact| artifact.path.parent()).collect();
        for parent in &parents {
            fs::create_dir_all(stage.join(parent.as_str())).map_err(PlaceError::io(parent))?;
        }
        let placed = missing
            .par_iter()
            .map(|artifact| {
                let stat = write_blob(&stage.join(artifact.path.as_str()), artifact, blobs)?;
                Ok(OwnedFile { artifact: (*artifact).clone(), stat })
            })
            .collect::<Result<Vec<_>, PlaceError>>()?;
        let top =
            RelPath::new(&self.name).map_err(|_| PlaceError::InTheWay(RelPath::root(), "not a directory name"))?;
        root.rename_into(&stage.join(top.as_str()), &top).map_err(|error| placing(&top, error))?;
        Ok(placed)
    }
}

/// What a tree holds beside what it should.
struct Inspection<'a> {
    list: PathBuf,
    before: Owned,
    root: Directories,
    kept: Vec<OwnedFile>,
    missing: Vec<&'a Artifact>,
    stale: Vec<RelPath>,
    /// Held until the tree is whole: two processes never interleave their renames.
    _lock: File,
}

impl Inspection<'_> {
    /// Writes the list anew when some file had to be read to be known.
    fn settle(self) -> Result<(), PlaceError> {
        if self.before.is_settled() {
            return Ok(());
        }
        Owned::new(self.kept).write(&self.list).map_err(PlaceError::io(&self.list.display()))
    }
}

/// Files are staged side by side and renamed into place in order.
fn place_each(
    root: &Directories,
    stage: &Path,
    missing: &[&Artifact],
    blobs: &dyn Blobs,
) -> Result<Vec<OwnedFile>, PlaceError> {
    let staged = missing
        .par_iter()
        .enumerate()
        .map(|(index, artifact)| {
            let at = stage.join(index.to_string());
            let stat = write_blob(&at, artifact, blobs)?;
            Ok((at, OwnedFile { artifact: (*artifact).clone(), stat }))
        })
        .collect::<Result<Vec<_>, PlaceError>>()?;
    let mut placed = Vec::with_capacity(staged.len());
    for (at, file) in staged {
        let path = &file.artifact.path;
        root.rename_into(&at, path).map_err(|error| placing(path, error))?;
        // The rename left its mark. What somebody put there meanwhile has another stat than what was staged.
        let stat = root.stat(path).map_err(|error| placing(path, error))?;
        let stat = stat.filter(|stat| stat.inode == file.stat.inode && stat.modified == file.stat.modified);
        placed.push(OwnedFile { stat: stat.unwrap_or(file.stat), ..file });
    }
    Ok(placed)
}

fn placing(path: &RelPath, error: io::Error) -> PlaceError {
    match error.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::DirectoryNotEmpty => {
            PlaceError::InTheWay(path.clone(), "a directory")
        }
        io::ErrorKind::NotADirectory => PlaceError::InTheWay(path.clone(), "below a file or a symbolic link"),
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            PlaceError::InTheWay(path.clone(), "below a symbolic link")
        }
        _ => PlaceError::Io { path: path.to_string(), source: error },
    }
}

/// The stat of the file of `artifact` when it is on disk with the right bytes.
fn present(root: &Directories, before: &Owned, artifact: &Artifact) -> Result<Option<Stat>, PlaceError> {
    let Some(stat) = root.stat(&artifact.path).map_err(|error| placing(&artifact.path, error))? else {
        return Ok(None);
    };
    if stat.bytes != artifact.bytes || stat.is_executable() != artifact.executable {
        return Ok(None);
    }
    if before.vouches_for(&artifact.path, artifact.digest, stat) {
        return Ok(Some(stat));
    }
    let bytes = root.read(&artifact.path).map_err(PlaceError::io(&artifact.path))?;
    Ok((Digest::of(&bytes) == artifact.digest).then_some(stat))
}

fn write_blob(at: &Path, artifact: &Artifact, blobs: &dyn Blobs) -> Result<Stat, PlaceError> {
    let io = |error| PlaceError::Io { path: artifact.path.to_string(), source: error };
    let bytes = blobs.get(artifact.digest).map_err(io)?.ok_or(PlaceError::BlobMissing(artifact.digest))?;
    let mut file = File::create_new(at).map_err(io)?;
    io::Write::write_all(&mut file, &bytes).map_err(io)?;
    if artifact.executable {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(fs::Permissions::from_mode(0o755)).map_err(io)?;
    }
    Ok(Stat::of(&file.metadata().map_err(io)?))
}
