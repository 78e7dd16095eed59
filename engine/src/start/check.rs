//! Whether the world is as a log says.

use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags};

use super::gather::names;
use super::layout::Place;
use super::{Layout, StartLog};
use crate::digest::Digest;
use crate::discovered::DiscoveredInput;
use crate::path::RelPath;
use crate::system::{Listing, Os, Stat, System as _, absent_to_none, now};

/// Fewer files than this are not worth a thread.
const FILES_PER_THREAD: usize = 4096;

/// Something is not as the log says, or could not be looked at.
pub(super) struct Changed;

impl From<io::Error> for Changed {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl From<rustix::io::Errno> for Changed {
    fn from(_: rustix::io::Errno) -> Self {
        Self
    }
}

/// The entries that were racy and no longer are, when nothing changed.
pub(super) fn unchanged(log: &StartLog, os: &Os) -> Result<Vec<Place>, Changed> {
    let layout = &log.layout;
    for (path, input) in layout.asked(&log.bytes).ok_or(Changed)? {
        if !holds(os, &path, &input)? {
            return Err(Changed);
        }
    }
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = processors.min(layout.files().div_ceil(FILES_PER_THREAD)).max(1);
    let share = layout.directories().div_ceil(threads).max(1);
    let ranges = (0..layout.directories()).step_by(share).map(|start| start..(start + share).min(layout.directories()));
    std::thread::scope(|scope| {
        let mut ranges = ranges.collect::<Vec<_>>().into_iter();
        let own = ranges.next().unwrap_or(0..0);
        let others: Vec<_> = ranges.map(|range| scope.spawn(|| directories(log, os, range))).collect();
        let mut no_longer_racy = directories(log, os, own)?;
        for other in others {
            no_longer_racy.extend(other.join().map_err(|_| Changed)??);
        }
        Ok(no_longer_racy)
    })
}

fn directories(log: &StartLog, os: &Os, range: Range<usize>) -> Result<Vec<Place>, Changed> {
    let mut no_longer_racy = Vec::new();
    for index in range {
        let (path, fingerprint, files) = log.layout.directory(&log.bytes, index);
        let path = RelPath::new(path).map_err(|_| Changed)?;
        let directory = os.open_directory(&path)?.ok_or(Changed)?;
        let before = now();
        if Stat::from(rustix::fs::fstat(&directory)?) != fingerprint.stat {
            return Err(Changed);
        }
        if fingerprint.racy {
            if names(&directory)? != fingerprint.names {
                return Err(Changed);
            }
            if !fingerprint.stat.is_racy(before) {
                no_longer_racy.push(Place::Directory(index));
            }
        }
        for file in files {
            if is_no_longer_racy(&log.layout, &log.bytes, file, &directory)? {
                no_longer_racy.push(Place::File(file));
            }
        }
    }
    Ok(no_longer_racy)
}

/// Whether a racy file no longer is; an error when it changed.
fn is_no_longer_racy(layout: &Layout, bytes: &[u8], index: usize, directory: &OwnedFd) -> Result<bool, Changed> {
    let (name, logged) = layout.file(bytes, index);
    let before = now();
    if Stat::from(rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?) != logged.stat {
        return Err(Changed);
    }
    if !logged.racy {
        return Ok(false);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = std::fs::File::from(rustix::fs::openat(directory, name, flags, Mode::empty())?);
    let mut content = Vec::new();
    io::Read::read_to_end(&mut file, &mut content)?;
    if Digest::of(&content) != logged.digest {
        return Err(Changed);
    }
    Ok(!logged.stat.is_racy(before))
}

/// Whether the world is still so.
pub(super) fn holds(os: &Os, path: &RelPath, input: &DiscoveredInput) -> io::Result<bool> {
    Ok(match input {
        DiscoveredInput::Kind(kind) => os.kind(path)? == *kind,
        DiscoveredInput::Content(digest) => absent_to_none(os.content(path))?.map(|content| content.digest) == *digest,
        DiscoveredInput::Entries(digest) => absent_to_none(os.list(path))?.as_ref().map(Listing::digest) == *digest,
        DiscoveredInput::Selected(extensions, digest) => {
            absent_to_none(os.list(path))?.map(|listing| listing.select(extensions).digest()) == Some(*digest)
        }
        DiscoveredInput::RealPath(real) => os.real_path(path)? == *real,
        // A build asks for the bytes that this was derived from, and those are in the log.
        DiscoveredInput::Derived(..) => false,
    })
}
