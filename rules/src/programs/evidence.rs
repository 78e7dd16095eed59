//! What a conclusion about files of the machine was drawn from.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use webstir_engine::digest::Digest;
use webstir_engine::system::Stat;

/// The longest first line that is read.
const FIRST_LINE: usize = 256;

/// Every path that was looked at, with what was there. While all of it is the same, so is the conclusion.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Evidence {
    paths: Vec<(PathBuf, Option<Stat>)>,
    /// Whether there is anything, of what nothing else was asked.
    present: Vec<(PathBuf, bool)>,
    settled: bool,
}

impl Evidence {
    /// Whether everything is as it was, and no change could have gone unnoticed.
    pub(super) fn holds(&self) -> bool {
        self.settled
            && self.paths.iter().all(|(path, stat)| stat_of(path) == *stat)
            && self.present.iter().all(|(path, is_there)| stat_of(path).is_some() == *is_there)
    }

    /// Whether every later change will show.
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }
}

/// Looks at files and keeps what it saw.
#[derive(Debug, Default)]
pub(super) struct Looker {
    seen: BTreeMap<PathBuf, Option<Stat>>,
    present: BTreeMap<PathBuf, bool>,
    /// Whether a file was another one when it was looked at again.
    is_torn: bool,
}

impl Looker {
    pub(super) fn evidence(self) -> Evidence {
        // What changed lately, or while it was looked at, may have been read half.
        let settled = !self.is_torn
            && self
                .seen
                .iter()
                .all(|(path, stat)| stat.is_none_or(|stat| !stat.is_racy_now()) && stat_of(path) == *stat);
        Evidence { paths: self.seen.into_iter().collect(), present: self.present.into_iter().collect(), settled }
    }

    /// Whether anything is at `path`, links followed.
    pub(super) fn is_there(&mut self, path: &Path) -> bool {
        let is_there = stat_of(path).is_some();
        self.present.insert(path.to_owned(), is_there);
        is_there
    }

    /// What is at `path`, links followed.
    pub(super) fn look(&mut self, path: &Path) -> Option<Stat> {
        let stat = stat_of(path);
        if let Some(before) = self.seen.insert(path.to_owned(), stat) {
            self.is_torn |= before != stat;
        }
        stat
    }

    /// The file at `path` with all links followed, if it may be executed.
    pub(super) fn program(&mut self, path: &Path) -> Option<PathBuf> {
        self.look(path)?;
        let real = fs::canonicalize(path).ok()?;
        let metadata = fs::metadata(&real).ok()?;
        // A link that is pointed elsewhere shows in the stat of what it leads to, as that is another file.
        (metadata.is_file() && metadata.permissions().mode() & 0o111 != 0).then_some(real)
    }

    pub(super) fn is_directory(&mut self, path: &Path) -> bool {
        self.look(path).is_some() && path.is_dir()
    }

    /// The digest of a file, and its first line when it is a script.
    pub(super) fn hash(&mut self, path: &Path) -> Option<(Digest, Option<String>)> {
        let bytes = self.read(path)?;
        let head = &bytes[..bytes.len().min(FIRST_LINE)];
        let line = head.starts_with(b"#!").then(|| head.split(|byte| *byte == b'\n').next()).flatten();
        Some((Digest::of(&bytes), line.map(|line| String::from_utf8_lossy(line).into_owned())))
    }

    pub(super) fn read(&mut self, path: &Path) -> Option<Vec<u8>> {
        self.look(path)?;
        fs::read(path).ok()
    }

    /// The names in a directory, sorted, with whether each is a directory itself; links are told by what they lead to.
    pub(super) fn list(&mut self, path: &Path) -> Vec<(PathBuf, bool)> {
        self.look(path);
        let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
        let mut entries: Vec<_> = entries
            .flatten()
            .map(|entry| {
                let path = entry.path();
                let is_directory = path.is_dir();
                (path, is_directory)
            })
            .collect();
        entries.sort();
        entries
    }
}

fn stat_of(path: &Path) -> Option<Stat> {
    fs::metadata(path).ok().map(|metadata| Stat::of(&metadata))
}
