//! A workspace in memory, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{FileContent, Listing, PathKind, Stat, System, Version};
use crate::digest::Digest;
use crate::path::RelPath;

/// Files by path. Directories exist as long as they hold a file. Has no links.
#[derive(Debug, Default)]
pub struct Memory {
    files: Mutex<BTreeMap<RelPath, File>>,
    writes: AtomicU64,
}

#[derive(Debug, Clone, Default)]
struct File {
    bytes: Vec<u8>,
    executable: bool,
    /// The number of the write that made it so.
    write: u64,
}

impl Memory {
    /// A workspace with these files.
    pub fn with_files(files: &[(&str, &str)]) -> Self {
        let memory = Self::default();
        for (path, text) in files {
            memory.write(path, text);
        }
        memory
    }

    /// Creates or replaces a file.
    ///
    /// # Panics
    /// When `path` is not a path inside the workspace.
    pub fn write(&self, path: &str, text: &str) {
        self.put(path, text, false);
    }

    /// As [`Memory::write`], a file that may be executed.
    ///
    /// # Panics
    /// As [`Memory::write`].
    pub fn write_executable(&self, path: &str, text: &str) {
        self.put(path, text, true);
    }

    fn put(&self, path: &str, text: &str, executable: bool) {
        let path = RelPath::new(path).expect("a path inside the workspace");
        let write = self.writes.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(path, File { bytes: text.as_bytes().to_vec(), executable, write });
    }

    /// Removes a file, if there.
    pub fn remove(&self, path: &str) {
        self.lock().retain(|file, _| file.as_str() != path);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<RelPath, File>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl System for Memory {
    fn name(&self) -> &'static str {
        "workspace"
    }

    fn kind(&self, path: &RelPath) -> io::Result<PathKind> {
        let files = self.lock();
        Ok(if files.contains_key(path) {
            PathKind::File
        } else if path.is_root() || files.keys().any(|file| file.is_within(path)) {
            PathKind::Directory
        } else {
            PathKind::Absent
        })
    }

    fn read(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        self.lock().get(path).map(|file| file.bytes.clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn content(&self, path: &RelPath) -> io::Result<FileContent> {
        let content = |file: &File| FileContent { digest: Digest::of(&file.bytes), executable: file.executable };
        self.lock().get(path).map(content).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn version(&self, path: &RelPath) -> io::Result<Option<Version>> {
        // The number of the write stands where a file system has the time of the last change.
        let version = |file: &File| Version(Stat { changed: file.write, ..Stat::default() });
        Ok(self.lock().get(path).map(version))
    }

    fn list(&self, path: &RelPath) -> io::Result<Listing> {
        if self.kind(path)? != PathKind::Directory {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut entries = BTreeSet::new();
        for file in self.lock().keys() {
            match file.strip_prefix(path).and_then(|rest| rest.split_once('/').map(|(name, _)| name)) {
                Some(name) => entries.insert((Arc::from(name), PathKind::Directory)),
                None if file.is_within(path) => entries.insert((Arc::from(file.file_name()), PathKind::File)),
                None => false,
            };
        }
        Ok(Listing::new(entries.into_iter().collect()))
    }

    fn real_path(&self, path: &RelPath) -> io::Result<Option<RelPath>> {
        Ok((self.kind(path)? != PathKind::Absent).then(|| path.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_files_and_directories() {
        let memory = Memory::with_files(&[("src/a.ts", ""), ("src/b/c.ts", ""), ("package.json", "{}")]);
        let entries = |path: &str| {
            let listing = memory.list(&RelPath::new(path).unwrap()).unwrap();
            listing.entries().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(entries(""), ["package.json", "src"]);
        assert_eq!(entries("src"), ["a.ts", "b"]);
        assert!(memory.list(&RelPath::new("src/a.ts").unwrap()).is_err());
    }
}
