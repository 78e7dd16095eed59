//! The start log: what the last finished build asked of the world, and what it gave.
//!
//! A fresh process that finds every file input unchanged takes the *cached build* from the log and plans nothing, the no-op fast path. It
//! makes few queries: a *directory fingerprint* is the stat of a directory in which the build asked about something, with a digest of the
//! names in it; while that stat is the same, whatever the build was told about names in it, misses included, is still so. A *file* is
//! compared by its stat. Only what lies behind links is *asked* again as it was. What is found [racy](crate::system::Stat::is_racy) is
//! listed or hashed again, and the log is written anew so that this happens once.
//!
//! When something did change, the log still saves hashing: a file with the same stat has the same digest
//! ([`StartLog::lend`]).
//!
//! A log is one file, replaced by rename. Its *key* stands for everything that is not a file of the workspace: the program, the
//! configuration, the environment. It is checked as a whole by a digest, so a torn or damaged one is no log.

#![expect(clippy::disallowed_methods, reason = "the log lies on disk")]

mod cached_build;
mod check;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod gather;
mod layout;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::Path;

use crate::database::Database;
use crate::digest::Digest;
use crate::file::{FileDb, Files};
use crate::path::RelPath;
use crate::system::{DigestLog, Hashed, Os};

pub use cached_build::{BuildToCache, CachedBuild};
use layout::Layout;

/// A log that was read.
#[derive(Debug)]
pub struct StartLog {
    bytes: Vec<u8>,
    layout: Layout,
}

impl StartLog {
    /// The log at `path`; `None` when there is none or it is damaged.
    pub fn read(path: &Path) -> Option<Self> {
        Self::parse(fs::read(path).ok()?)
    }

    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let layout = Layout::parse(&bytes)?;
        Some(Self { bytes, layout })
    }

    /// What stood for everything but the files.
    pub fn key(&self) -> Digest {
        self.layout.key
    }

    /// What the build gave, if every query would still find the same. A log that had racy entries is written
    /// anew at `path`.
    pub fn cached_build(&mut self, os: &Os, path: &Path) -> Option<CachedBuild> {
        let no_longer_racy = check::unchanged(self, os).ok()?;
        let cached_build = cached_build::decode(self.layout.cached_build(&self.bytes))?;
        if !no_longer_racy.is_empty() {
            self.layout.mark_not_racy(&mut self.bytes, &no_longer_racy);
            // Best effort: the entries are then looked at again next time.
            let _ = replace(path, &self.bytes);
        }
        Some(cached_build)
    }

    /// Has `os` take digests of files whose stat is the same from the log instead of hashing them. The first log that it is lent stays.
    pub fn lend(self, os: &Os) {
        os.remember(Box::new(self));
    }
}

impl DigestLog for StartLog {
    fn hashed(&self, path: &RelPath) -> Option<Hashed> {
        self.layout.hashed(&self.bytes, path)
    }
}

/// Writes the log of a finished build. Returns whether there is one: not when something changed meanwhile, or was unreadable.
pub fn write(
    path: &Path,
    key: Digest,
    database: &Database,
    os: &Os,
    cached_build: &BuildToCache<'_>,
) -> io::Result<bool> {
    let db: &dyn FileDb = database;
    let states = Files::all(db);
    let Some(found) = gather::gather(os, &states)? else { return Ok(false) };
    let Some(bytes) = layout::write(key, &found, &cached_build::encode(cached_build)) else { return Ok(false) };
    replace(path, &bytes)?;
    Ok(true)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    io::Write::write_all(&mut file, bytes)?;
    file.persist(path)?;
    Ok(())
}
