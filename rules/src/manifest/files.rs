//! The files that a module reads while its definition is evaluated: a view of the workspace, which records each of them.

use std::io;

use webstir_engine::path::RelPath;
use webstir_engine::system::PathKind;
use webstir_engine::view::View;
use webstir_script::{FileKind, FileReads};

/// A [`View`] as the engine reads it.
#[derive(Debug, Clone, Copy)]
pub struct ViewFiles<'a>(pub &'a View);

impl FileReads for ViewFiles<'_> {
    fn kind(&self, path: &str) -> io::Result<FileKind> {
        // What is no path of a workspace is not there.
        RelPath::new(path).map_or(Ok(FileKind::Absent), |path| self.0.kind(&path).map(file_kind))
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        RelPath::new(path).map_or(Ok(None), |path| self.0.read(&path))
    }

    fn list(&self, path: &str) -> io::Result<Option<Vec<(String, FileKind)>>> {
        let Ok(path) = RelPath::new(path) else {
            return Ok(None);
        };
        let listing = self.0.list(&path)?;
        Ok(listing.map(|listing| listing.entries().map(|(name, kind)| (name.to_owned(), file_kind(kind))).collect()))
    }
}

fn file_kind(kind: PathKind) -> FileKind {
    match kind {
        PathKind::Absent => FileKind::Absent,
        PathKind::File => FileKind::File,
        PathKind::Directory => FileKind::Directory,
    }
}
