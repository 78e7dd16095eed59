//! Materialised trees: the files of a finished build, on disk.
//!
//! A tree owns exactly the files that it materialised: what it no longer has is removed, what nobody declared is never touched. Files
//! are staged beside the tree and renamed one by one, a tree that is not there yet as one directory, so that no file is ever
//! seen half written. The list of owned files is written before the first rename and again after the last, so that a killed
//! process leaves nothing behind that no list names. `Tree::change` replaces files of an edit while watching, for which the list stays.

#![expect(clippy::disallowed_methods, reason = "a tree lies on disk")]

mod directory;
mod last_materialised;
mod owned;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tempfile::TempDir;

use crate::action::Artifact;
use crate::blob::Blobs;
use crate::digest::Digest;
use crate::path::RelPath;
use crate::state_directory::file_name;
use crate::system::Stat;

use directory::Directories;
pub use last_materialised::LastMaterialised;
use owned::{Owned, OwnedFile};

/// How many files a thread looks at, at least.
const FILES_PER_THREAD: usize = 2048;

/// Why a tree could not be materialised. What was there before is still there.
#[derive(Debug, thiserror::Error)]
pub enum MaterialiseError {
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

impl MaterialiseError {
    fn io(path: &(impl ToString + ?Sized)) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_string();
        move |source| Self::Io { path, source }
    }
}

/// What materialising a tree changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Materialised {
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
    pub fn holds(&self, artifacts: &[Artifact]) -> Result<bool, MaterialiseError> {
        let mut state = self.inspect(artifacts)?;
        let holds = state.is_whole();
        if holds {
            state.refresh_list()?;
        }
        Ok(holds)
    }

    /// Whether it was materialised before, as far as is known.
    pub fn is_known(&self) -> bool {
        self.state.join("trees").join(file_name(&self.name)).is_file()
    }

    /// How the names of its staging areas start, and of no other tree's.
    fn stage(&self) -> String {
        format!("stage.{}.", file_name(&self.name))
    }

    /// Removes what killed processes staged: whoever has the lock is the only one that stages. Best effort.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.state) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&self.stage()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// An empty staging area.
    fn staging(&self) -> Result<TempDir, MaterialiseError> {
        let staging = tempfile::Builder::new().prefix(&self.stage()).tempdir_in(&self.state);
        staging.map_err(MaterialiseError::io(&self.state.display()))
    }

    /// Where the list of owned files lies, and the lock that is held until the tree is whole: two processes never interleave their
    /// renames.
    fn lock(&self) -> Result<(PathBuf, File), MaterialiseError> {
        let lists = self.state.join("trees");
        fs::create_dir_all(&lists).map_err(MaterialiseError::io(&lists.display()))?;
        let list = lists.join(file_name(&self.name));
        let path = list.with_extension("lock");
        let lock = File::create(&path).map_err(MaterialiseError::io(&path.display()))?;
        lock.lock().map_err(MaterialiseError::io(&path.display()))?;
        Ok((list, lock))
    }

    /// Compares the tree with `artifacts`.
    fn inspect<'a>(&'a self, artifacts: &'a [Artifact]) -> Result<Inspection<'a>, MaterialiseError> {
        let (list, lock) = self.lock()?;
        let before = Owned::read(&list, &self.name);
        let root = Directories::open(&self.root).map_err(MaterialiseError::io(&self.name))?;
        // Looking at a file takes a microsecond or two: few are not worth a thread.
        let stats =
            artifacts.par_iter().with_min_len(FILES_PER_THREAD).map(|artifact| present(&root, &before, artifact));
        let stats = stats.collect::<Result<Vec<_>, MaterialiseError>>()?;
        let mut kept = Vec::new();
        let mut missing = Vec::new();
        let mut is_list_fresh = true;
        for (artifact, present) in artifacts.iter().zip(stats) {
            match present {
                Some((stat, is_vouched_for)) => {
                    is_list_fresh &= is_vouched_for;
                    kept.push(OwnedFile { artifact: artifact.clone(), stat });
                }
                None => missing.push(artifact),
            }
        }
        let names: BTreeSet<&RelPath> = artifacts.iter().map(|artifact| &artifact.path).collect();
        let stale = before.paths().filter(|path| !names.contains(path)).cloned().collect();
        Ok(Inspection { name: &self.name, list, before, root, kept, missing, stale, is_list_fresh, _lock: lock })
    }

    /// Makes the tree hold exactly `artifacts`, sorted by path. Files of a lower `rank` become visible before those of a higher one.
    pub fn materialise(
        &self,
        artifacts: &[Artifact],
        blobs: &dyn Blobs,
        rank: &dyn Fn(&RelPath) -> u8,
    ) -> Result<(Materialised, LastMaterialised), MaterialiseError> {
        let mut state = self.inspect(artifacts)?;
        self.sweep();
        if state.is_whole() {
            state.refresh_list()?;
            return Ok((
                Materialised { kept: artifacts.len(), ..Materialised::default() },
                LastMaterialised::new(artifacts, &state.list),
            ));
        }
        let Inspection { name: _, list, before, root, mut kept, mut missing, stale, is_list_fresh: _, _lock } = state;

        let staging = self.staging()?;
        missing.sort_by_key(|artifact| (rank(&artifact.path), &artifact.path));
        before.with_claims(&missing).write(&list, &self.name).map_err(MaterialiseError::io(&list.display()))?;
        let whole = RelPath::new(&self.name).is_ok_and(|top| {
            !top.is_root()
                && artifacts.iter().all(|artifact| artifact.path.is_within(&top) && artifact.path != top)
                && fs::symlink_metadata(self.root.join(top.as_str())).is_err()
        });
        let mut materialised = if whole {
            self.materialise_whole(&root, staging.path(), &missing, blobs)?
        } else {
            materialise_each(&root, staging.path(), &missing, blobs)?
        };
        for path in &stale {
            root.remove(path).map_err(MaterialiseError::io(path))?;
        }
        let counts = Materialised { written: materialised.len(), kept: kept.len(), removed: stale.len() };
        materialised.append(&mut kept);
        Owned::new(materialised).write(&list, &self.name).map_err(MaterialiseError::io(&list.display()))?;
        Ok((counts, LastMaterialised::new(artifacts, &list)))
    }

    /// The tree is not there yet: it is built aside and appears by one rename.
    fn materialise_whole(
        &self,
        root: &Directories,
        stage: &Path,
        missing: &[&Artifact],
        blobs: &dyn Blobs,
    ) -> Result<Vec<OwnedFile>, MaterialiseError> {
        let parents: BTreeSet<RelPath> = missing.iter().filter_map(|artifact| artifact.path.parent()).collect();
        for parent in &parents {
            fs::create_dir_all(stage.join(parent.as_str())).map_err(MaterialiseError::io(parent))?;
        }
        let materialised = missing
            .par_iter()
            .map(|artifact| {
                let stat = write_blob(&stage.join(artifact.path.as_str()), artifact, blobs)?;
                Ok(OwnedFile { artifact: (*artifact).clone(), stat })
            })
            .collect::<Result<Vec<_>, MaterialiseError>>()?;
        let top = RelPath::new(&self.name)
            .map_err(|_| MaterialiseError::InTheWay(RelPath::root(), "not a directory name"))?;
        root.rename_into(&stage.join(top.as_str()), &top).map_err(|error| materialising(&top, error))?;
        Ok(materialised)
    }
}

/// The difference between the tree on disk and the wanted outputs.
struct Inspection<'a> {
    /// Of the tree.
    name: &'a str,
    list: PathBuf,
    before: Owned,
    root: Directories,
    kept: Vec<OwnedFile>,
    missing: Vec<&'a Artifact>,
    stale: Vec<RelPath>,
    /// Whether no file had to be read to be known.
    is_list_fresh: bool,
    _lock: File,
}

impl Inspection<'_> {
    /// Whether nothing is to be done.
    fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.stale.is_empty()
    }

    /// Writes the list of a whole tree anew when some file had to be read to be known.
    fn refresh_list(&mut self) -> Result<(), MaterialiseError> {
        if self.is_list_fresh {
            return Ok(());
        }
        Owned::new(std::mem::take(&mut self.kept))
            .write(&self.list, self.name)
            .map_err(MaterialiseError::io(&self.list.display()))
    }
}

/// Files are staged side by side and renamed into place in order. All are staged before the first is renamed, so that a full disk or a
/// lost blob changes nothing.
fn materialise_each(
    root: &Directories,
    stage: &Path,
    missing: &[&Artifact],
    blobs: &dyn Blobs,
) -> Result<Vec<OwnedFile>, MaterialiseError> {
    let staged = missing
        .par_iter()
        .enumerate()
        .map(|(index, artifact)| {
            let at = stage.join(index.to_string());
            let stat = write_blob(&at, artifact, blobs)?;
            Ok((at, OwnedFile { artifact: (*artifact).clone(), stat }))
        })
        .collect::<Result<Vec<_>, MaterialiseError>>()?;
    let mut materialised = Vec::with_capacity(staged.len());
    for (at, file) in staged {
        let path = &file.artifact.path;
        root.rename_into(&at, path).map_err(|error| materialising(path, error))?;
        // The rename left its mark. What somebody put there meanwhile has another stat than what was staged.
        let stat = root.stat(path).map_err(|error| materialising(path, error))?;
        let stat = stat.filter(|stat| stat.inode == file.stat.inode && stat.modified == file.stat.modified);
        materialised.push(OwnedFile { stat: stat.unwrap_or(file.stat), ..file });
    }
    Ok(materialised)
}

fn materialising(path: &RelPath, error: io::Error) -> MaterialiseError {
    match error.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::DirectoryNotEmpty => {
            MaterialiseError::InTheWay(path.clone(), "a directory")
        }
        io::ErrorKind::NotADirectory => MaterialiseError::InTheWay(path.clone(), "below a file or a symbolic link"),
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            MaterialiseError::InTheWay(path.clone(), "below a symbolic link")
        }
        _ => MaterialiseError::Io { path: path.to_string(), source: error },
    }
}

/// The stat of the file of `artifact` when it is on disk with the right bytes, and whether it need not be read to know it.
fn present(root: &Directories, before: &Owned, artifact: &Artifact) -> Result<Option<(Stat, bool)>, MaterialiseError> {
    let Some(stat) = root.stat(&artifact.path).map_err(|error| materialising(&artifact.path, error))? else {
        return Ok(None);
    };
    if stat.bytes != artifact.bytes || stat.is_executable() != artifact.executable {
        return Ok(None);
    }
    if before.vouches_for(&artifact.path, artifact.digest, stat) {
        return Ok(Some((stat, true)));
    }
    let bytes = root.read(&artifact.path).map_err(MaterialiseError::io(&artifact.path))?;
    Ok((Digest::of(&bytes) == artifact.digest).then_some((stat, false)))
}

fn write_blob(at: &Path, artifact: &Artifact, blobs: &dyn Blobs) -> Result<Stat, MaterialiseError> {
    let io = |error| MaterialiseError::Io { path: artifact.path.to_string(), source: error };
    let bytes = blobs.get(artifact.digest).map_err(io)?.ok_or(MaterialiseError::BlobMissing(artifact.digest))?;
    let mut file = File::create_new(at).map_err(io)?;
    io::Write::write_all(&mut file, &bytes).map_err(io)?;
    if artifact.executable {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(fs::Permissions::from_mode(0o755)).map_err(io)?;
    }
    Ok(Stat::of(&file.metadata().map_err(io)?))
}
