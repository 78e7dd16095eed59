//! Directories below a root, opened one component at a time and never through a link.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::path::RelPath;
use crate::system::Stat;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// More directories than these are not held open at once: systems allow a process a few hundred files.
const MOST_OPEN: usize = 64;

/// Open directories by path.
#[derive(Debug)]
pub(super) struct Directories {
    root: Arc<OwnedFd>,
    open: Mutex<FxHashMap<RelPath, Arc<OwnedFd>>>,
}

impl Directories {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let root = rustix::fs::openat(CWD, root, DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty())?;
        Ok(Self { root: Arc::new(root), open: Mutex::default() })
    }

    /// The directory at `path`; made where missing when `create` is set, else `None`.
    fn directory(&self, path: &RelPath, create: bool) -> io::Result<Option<Arc<OwnedFd>>> {
        let Some(parent) = path.parent() else { return Ok(Some(self.root.clone())) };
        if let Some(open) = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(Some(open.clone()));
        }
        let Some(parent) = self.directory(&parent, create)? else { return Ok(None) };
        let directory = match rustix::fs::openat(&parent, path.file_name(), DIRECTORY, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) if create => {
                match rustix::fs::mkdirat(&parent, path.file_name(), Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                rustix::fs::openat(&parent, path.file_name(), DIRECTORY, Mode::empty())?
            }
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let directory = Arc::new(directory);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST_OPEN {
            // Files are taken in the order of their paths: what was opened before is seldom wanted again.
            open.clear();
        }
        open.insert(path.clone(), directory.clone());
        Ok(Some(directory))
    }

    fn parent_of(&self, path: &RelPath, create: bool) -> io::Result<Option<Arc<OwnedFd>>> {
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        self.directory(&parent, create)
    }

    /// The stat of the regular file at `path`; `None` for anything else.
    pub(super) fn stat(&self, path: &RelPath) -> io::Result<Option<Stat>> {
        let Some(parent) = self.parent_of(path, false)? else { return Ok(None) };
        match rustix::fs::statat(&parent, path.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok((FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then(|| stat.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The bytes of the file at `path`.
    pub(super) fn read(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        let parent = self.parent_of(path, false)?.ok_or(io::ErrorKind::NotFound)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&parent, path.file_name(), flags, Mode::empty())?);
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut file, &mut bytes)?;
        Ok(bytes)
    }

    /// Renames `from` to `path`, in place of a file or link that is there.
    pub(super) fn rename_into(&self, from: &Path, path: &RelPath) -> io::Result<()> {
        let parent = self.parent_of(path, true)?.ok_or(io::ErrorKind::NotFound)?;
        rustix::fs::renameat_with(CWD, from, &parent, path.file_name(), RenameFlags::empty())?;
        Ok(())
    }

    /// Removes the file at `path`, if there, and the directories that become empty with it.
    pub(super) fn remove(&self, path: &RelPath) -> io::Result<()> {
        let Some(parent) = self.parent_of(path, false)? else { return Ok(()) };
        match rustix::fs::unlinkat(&parent, path.file_name(), AtFlags::empty()) {
            // A directory that the user put there is not ours.
            Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut empty = path.parent();
        while let Some(directory) = empty.filter(|directory| !directory.is_root()) {
            let Some(parent) = self.parent_of(&directory, false)? else { break };
            if rustix::fs::unlinkat(&parent, directory.file_name(), AtFlags::REMOVEDIR).is_err() {
                break;
            }
            self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&directory);
            empty = directory.parent();
        }
        Ok(())
    }
}
