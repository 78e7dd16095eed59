//! The files that embedded scripts may read: those of the workspace.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use webstir_script::{FileKind, FileReads};

/// Files below one directory. A link that leads out of it leads nowhere.
pub(super) struct WorkspaceFiles {
    root: PathBuf,
}

impl WorkspaceFiles {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root: root.canonicalize().unwrap_or(root) }
    }

    /// None when there is nothing at `path`, or nothing below the root.
    fn find(&self, path: &str) -> io::Result<Option<PathBuf>> {
        match self.root.join(path).canonicalize() {
            Ok(found) => Ok(found.starts_with(&self.root).then_some(found)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput)
}

fn kind(path: &Path) -> FileKind {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => FileKind::Directory,
        Ok(found) if found.is_file() => FileKind::File,
        _ => FileKind::Absent,
    }
}

impl FileReads for WorkspaceFiles {
    fn kind(&self, path: &str) -> io::Result<FileKind> {
        Ok(self.find(path)?.map_or(FileKind::Absent, |found| kind(&found)))
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match self.find(path)? {
            Some(found) if kind(&found) == FileKind::File => fs::read(found).map(Some),
            _ => Ok(None),
        }
    }

    fn list(&self, path: &str) -> io::Result<Option<Vec<(String, FileKind)>>> {
        let Some(found) = self.find(path)?.filter(|found| kind(found) == FileKind::Directory) else {
            return Ok(None);
        };
        let mut entries = Vec::new();
        for entry in fs::read_dir(&found)? {
            let entry = entry?;
            // A name that is not text has no path in a script.
            if let Ok(name) = entry.file_name().into_string() {
                let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                entries.push((name, self.kind(&path)?));
            }
        }
        entries.sort();
        Ok(Some(entries))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_outside_of_the_workspace_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("workspace");
        fs::create_dir_all(root.join("src")).unwrap();
        fs::write(root.join("src/a.txt"), "a").unwrap();
        fs::write(directory.path().join("secret"), "s").unwrap();
        symlink("../secret", root.join("out")).unwrap();
        symlink("src/a.txt", root.join("in")).unwrap();
        let files = WorkspaceFiles::new(root);
        assert_eq!(files.read("src/a.txt").unwrap().unwrap(), b"a");
        assert_eq!(files.read("in").unwrap().unwrap(), b"a");
        for path in ["out", "../secret", "src/../../secret", "none", "src/a.txt/b", "src", "a\0b"] {
            assert_eq!(files.read(path).unwrap(), None, "{path}");
        }
        assert_eq!(
            files.list("").unwrap().unwrap(),
            [
                ("in".to_owned(), FileKind::File),
                ("out".to_owned(), FileKind::Absent),
                ("src".to_owned(), FileKind::Directory)
            ]
        );
        assert_eq!(files.kind("src").unwrap(), FileKind::Directory);
    }
}
