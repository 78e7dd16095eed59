//! Materialised trees: the files of a finished build, on disk.
//!
//! A tree owns exactly the files that it placed: what it no longer has is removed, what nobody declared is never touched. Files
//! are staged beside the tree and renamed one by one, a tree that is not there yet as one directory, so that no file is ever
//! seen half written. The list of owned files is written before the first rename and again after the last, so that a killed
//! process leaves nothing behind that no list names.

#![expect(clippy::disallowed_methods, reason = "a tree lies on disk")]

mod directory;
mod owned;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::action::Artifact;
use crate::digest::Digest;
use crate::path::RelPath;
use crate::rule::Blobs;

use directory::Directories;
use owned::{Owned, OwnedFile, Stat};

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

    /// Makes the tree hold exactly `artifacts`. Files of a lower `rank` become visible before those of a higher one.
    pub fn place(
        &self,
        artifacts: &[Artifact],
        blobs: &dyn Blobs,
        rank: &dyn Fn(&RelPath) -> u8,
    ) -> Result<Placed, PlaceError> {
        let lists = self.state.join("trees");
        fs::create_dir_all(&lists).map_err(PlaceError::io(&lists.display()))?;
        let list = lists.join(self.name.replace('/', "-"));
        let lock_path = list.with_extension("lock");
        let lock = File::create(&lock_path).map_err(PlaceError::io(&lock_path.display()))?;
        // Held until the tree is whole: two processes never interleave their renames.
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
        let stale: Vec<RelPath> = before.paths().filter(|path| !names.contains(path)).cloned().collect();
        if missing.is_empty() && stale.is_empty() {
            if !before.is_settled() {
                Owned::new(kept).write(&list).map_err(PlaceError::io(&list.display()))?;
            }
            return Ok(Placed { kept: artifacts.len(), ..Placed::default() });
        }

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
        root.rename_into(&at, &file.artifact.path).map_err(|error| placing(&file.artifact.path, error))?;
        placed.push(file);
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
    if stat.bytes != artifact.bytes || stat.executable != artifact.executable {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use std::os::unix::fs::symlink;

    struct Case {
        directory: tempfile::TempDir,
        store: Store,
    }

    impl Case {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let store = Store::open(&directory.path().join(".webstir/store")).unwrap();
            Self { directory, store }
        }

        fn artifact(&self, path: &str, text: &str) -> Artifact {
            let digest = self.store.put(text.as_bytes()).unwrap();
            Artifact { path: RelPath::new(path).unwrap(), digest, bytes: text.len() as u64, executable: false }
        }

        fn place(&self, files: &[(&str, &str)]) -> Result<Placed, PlaceError> {
            let mut artifacts: Vec<_> = files.iter().map(|(path, text)| self.artifact(path, text)).collect();
            artifacts.sort();
            let state = self.directory.path().join(".webstir");
            let tree = Tree::new(self.directory.path(), &state, "build");
            tree.place(&artifacts, &self.store, &|path| u8::from(path.file_name() == "index.js"))
        }

        fn read(&self, path: &str) -> Option<String> {
            fs::read_to_string(self.directory.path().join(path)).ok()
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn places_keeps_changes_and_removes() {
        let case = Case::new();
        let first = case.place(&[("build/a/index.js", "1"), ("build/b.js", "2")]).unwrap();
        assert_eq!(first, Placed { written: 2, kept: 0, removed: 0 });
        let again = case.place(&[("build/a/index.js", "1"), ("build/b.js", "2")]).unwrap();
        assert_eq!(again, Placed { written: 0, kept: 2, removed: 0 });
        let changed = case.place(&[("build/b.js", "3"), ("build/c.js", "4")]).unwrap();
        assert_eq!(changed, Placed { written: 2, kept: 0, removed: 1 });
        assert_eq!(case.read("build/b.js").as_deref(), Some("3"));
        // The directory became empty with its last file.
        assert!(!case.directory.path().join("build/a").exists());
    }

    #[test]
    fn what_nobody_declared_is_never_touched() {
        let case = Case::new();
        case.write("build/mine/notes.txt", "keep");
        case.place(&[("build/mine/a.js", "1")]).unwrap();
        case.place(&[("build/b.js", "1")]).unwrap();
        assert_eq!(case.read("build/mine/notes.txt").as_deref(), Some("keep"));
        assert_eq!(case.read("build/mine/a.js"), None);
    }

    #[test]
    fn edits_of_outputs_are_undone() {
        let case = Case::new();
        case.place(&[("build/a.js", "1"), ("build/b.js", "1")]).unwrap();
        case.write("build/a.js", "2");
        fs::remove_file(case.directory.path().join("build/b.js")).unwrap();
        let placed = case.place(&[("build/a.js", "1"), ("build/b.js", "1")]).unwrap();
        assert_eq!(placed.written, 2);
        assert_eq!(case.read("build/a.js").as_deref(), Some("1"));
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let case = Case::new();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), case.directory.path().join("build")).unwrap();
        let error = case.place(&[("build/a.js", "1")]).unwrap_err();
        assert!(matches!(error, PlaceError::InTheWay(..)), "{error}");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_in_place_of_a_file_is_replaced_and_not_followed() {
        let case = Case::new();
        case.write("precious.txt", "keep");
        fs::create_dir_all(case.directory.path().join("build")).unwrap();
        symlink("../precious.txt", case.directory.path().join("build/a.js")).unwrap();
        case.place(&[("build/a.js", "1")]).unwrap();
        assert_eq!(case.read("precious.txt").as_deref(), Some("keep"));
        assert_eq!(case.read("build/a.js").as_deref(), Some("1"));
    }

    #[test]
    fn a_directory_in_the_way_is_an_error_and_a_lost_blob_changes_nothing() {
        let case = Case::new();
        case.write("build/a.js/user.txt", "keep");
        assert!(matches!(case.place(&[("build/a.js", "1")]), Err(PlaceError::InTheWay(..))));
        assert_eq!(case.read("build/a.js/user.txt").as_deref(), Some("keep"));

        let case = Case::new();
        case.place(&[("build/a.js", "old")]).unwrap();
        let lost = Artifact {
            path: RelPath::new("build/z.js").unwrap(),
            digest: Digest::of(b"lost"),
            bytes: 4,
            executable: false,
        };
        let artifacts = [case.artifact("build/a.js", "new"), lost];
        let state = case.directory.path().join(".webstir");
        let tree = Tree::new(case.directory.path(), &state, "build");
        assert!(matches!(tree.place(&artifacts, &case.store, &|_| 0), Err(PlaceError::BlobMissing(_))));
        assert_eq!(case.read("build/a.js").as_deref(), Some("old"));
        assert!(
            fs::read_dir(&state)
                .unwrap()
                .all(|entry| { !entry.unwrap().file_name().to_string_lossy().starts_with("stage-") })
        );
    }
}
