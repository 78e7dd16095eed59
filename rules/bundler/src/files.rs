//! The file system that rolldown gets: none.
//!
//! All that is in it are two `package.json`, by which rolldown learns what Node takes a module for.

use std::io;
use std::path::{Path, PathBuf};

use oxc_resolver::{FileMetadata, FileSystem as ResolverFileSystem, ResolveError};

use crate::host::Format;

const ESM: (&str, &str) = ("/.webstir/module/package.json", r#"{"type":"module"}"#);
const COMMON_JS: (&str, &str) = ("/.webstir/commonjs/package.json", r#"{"type":"commonjs"}"#);

/// The `package.json` that says `format`.
pub(crate) fn package_json_of(format: Format) -> Option<&'static str> {
    match format {
        Format::Esm => Some(ESM.0),
        Format::CommonJs => Some(COMMON_JS.0),
        Format::Unknown => None,
    }
}

/// A file system with nothing of the user's in it; nothing can be written to it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NoFiles;

fn content(path: &Path) -> io::Result<&'static str> {
    [ESM, COMMON_JS]
        .into_iter()
        .find(|(known, _)| path == Path::new(known))
        .map(|(_, text)| text)
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

fn refused<T>() -> io::Result<T> {
    Err(io::Error::from(io::ErrorKind::PermissionDenied))
}

impl ResolverFileSystem for NoFiles {
    fn new(_: bool) -> Self {
        Self
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        content(path).map(|text| text.as_bytes().to_vec())
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        content(path).map(str::to_owned)
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        content(path).map(|_| FileMetadata::new(true, false, false))
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.metadata(path)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        Err(ResolveError::PathNotSupported(path.to_path_buf()))
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        content(path).map(|_| path.to_path_buf())
    }
}

impl rolldown_fs::FileSystem for NoFiles {
    fn remove_dir_all(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        refused()
    }

    fn exists(&self, path: &Path) -> bool {
        content(path).is_ok()
    }

    fn read_dir(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Err(io::Error::from(io::ErrorKind::NotFound))
    }

    fn remove_file(&self, _: &Path) -> io::Result<()> {
        refused()
    }
}
