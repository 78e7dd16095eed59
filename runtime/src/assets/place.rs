//! Where the bytes of an asset are, and how they are read.
//!
//! A *stamp* tells one state of a file from another without reading it: inode, length, and the times of the last change of its
//! bytes and of its record. A restored or touched file may keep its length and its time of modification; no program sets the other.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{Mode, OFlags, open, openat};
use rustix::io::Errno;

/// Where the bytes of an asset are.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a file below this directory, as it was when it had the stamp.
    Disk {
        root: Arc<Path>,
        stamp: Stamp,
    },
    Memory(Bytes),
}

/// A state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// An asset's bytes, ready to be read.
#[derive(Debug)]
pub(super) enum Source {
    File(File, Stamp),
    Memory(Bytes),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

impl Place {
    pub(super) fn stamp(&self) -> Option<Stamp> {
        match self {
            Self::Disk { stamp, .. } => Some(*stamp),
            Self::Memory(_) => None,
        }
    }

    /// Opens what is there now; what is no plain file is not found.
    pub(super) fn open(&self, path: &str) -> io::Result<Source> {
        match self {
            Self::Disk { root, .. } => {
                let (file, stamp) = open_beneath(root, path)?;
                Ok(Source::File(file, stamp))
            }
            Self::Memory(bytes) => Ok(Source::Memory(bytes.clone())),
        }
    }
}

/// Opens a plain file below `root`. No segment of `path` is followed when it is a link, whatever the tree has become since it was
/// indexed.
pub(super) fn open_beneath(root: &Path, path: &str) -> io::Result<(File, Stamp)> {
    // Without NONBLOCK a named pipe that has taken the place of a file would be waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut directory = open(root, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY, Mode::empty())?;
    let (directories, name) = path.rsplit_once('/').unwrap_or(("", path));
    for segment in directories.split('/').filter(|segment| !segment.is_empty()) {
        directory = openat(&directory, segment, flags | OFlags::DIRECTORY, Mode::empty()).map_err(without_links)?;
    }
    let file = File::from(openat(&directory, name, flags, Mode::empty()).map_err(without_links)?);
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, Stamp::of(&metadata))) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// A link, or what is no directory, is as good as nothing.
fn without_links(error: Errno) -> io::Error {
    match error {
        Errno::LOOP | Errno::MLINK | Errno::NOTDIR => io::ErrorKind::NotFound.into(),
        other => other.into(),
    }
}
