//! The operating system's files below one root.

#![expect(clippy::disallowed_methods, reason = "this is the system")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Listing, PathKind, System};
use crate::path::RelPath;

/// The files below a root directory.
///
/// Containment holds against links: a path is opened by its components only when none of them is a link, and is resolved and
/// compared with the root otherwise.
#[derive(Debug)]
pub struct Os {
    root: PathBuf,
}

impl Os {
    /// Roots the system at `root`, which must exist; links in it are resolved once, here.
    pub fn new(root: &Path) -> io::Result<Self> {
        Ok(Self { root: fs::canonicalize(root)? })
    }

    /// The root, absolute and free of links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The place of `path` on disk, as named: links are not followed.
    pub fn absolute(&self, path: &RelPath) -> PathBuf {
        if path.is_root() { self.root.clone() } else { self.root.join(path.as_str()) }
    }

    /// The place of `path` with all links followed; `None` when it is absent or outside.
    fn resolve(&self, path: &RelPath) -> io::Result<Option<PathBuf>> {
        match fs::canonicalize(self.absolute(path)) {
            Ok(real) => Ok(real.starts_with(&self.root).then_some(real)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Errors that mean that nothing is there: a missing file, a file used as a directory, a loop of links, a name too long.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename)
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn kind_of(metadata: &fs::Metadata) -> PathKind {
    if metadata.is_file() {
        PathKind::File
    } else if metadata.is_dir() {
        PathKind::Directory
    } else {
        PathKind::Absent
    }
}

#[cfg(target_os = "linux")]
impl Os {
    /// One system call when no link leads out: the kernel refuses to leave the root.
    fn open(&self, path: &RelPath, path_only: bool) -> io::Result<Option<fs::File>> {
        use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
        use rustix::io::Errno;

        let root = rustix::fs::openat(CWD, &self.root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let flags = if path_only { OFlags::PATH } else { OFlags::RDONLY | OFlags::NONBLOCK } | OFlags::CLOEXEC;
        let name = if path.is_root() { "." } else { path.as_str() };
        match rustix::fs::openat2(&root, name, flags, Mode::empty(), ResolveFlags::BENEATH) {
            Ok(file) => Ok(Some(fs::File::from(file))),
            // An absolute link, or one that leaves the root on its way: resolved by name, then compared. An old kernel or a
            // filter without the call ends here too.
            Err(Errno::XDEV | Errno::NOSYS | Errno::PERM | Errno::AGAIN) => match self.resolve(path)? {
                Some(real) if path_only => {
                    Ok(Some(fs::File::from(rustix::fs::openat(CWD, &real, flags, Mode::empty())?)))
                }
                Some(real) => Ok(Some(fs::File::open(real)?)),
                None => Ok(None),
            },
            Err(error) => {
                let error = io::Error::from(error);
                if is_absence(&error) { Ok(None) } else { Err(error) }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Os {
    fn open(&self, path: &RelPath, _path_only: bool) -> io::Result<Option<fs::File>> {
        self.resolve(path)?.map(fs::File::open).transpose()
    }
}

impl System for Os {
    fn kind(&self, path: &RelPath) -> io::Result<PathKind> {
        match self.open(path, true)? {
            Some(file) => Ok(kind_of(&file.metadata()?)),
            None => Ok(PathKind::Absent),
        }
    }

    fn read(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        use std::io::Read as _;
        let mut file = self.open(path, false)?.ok_or(io::ErrorKind::NotFound)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn list(&self, path: &RelPath) -> io::Result<Listing> {
        let directory = self.resolve(path)?.ok_or(io::ErrorKind::NotFound)?;
        let mut entries = Vec::new();
        let listed = match fs::read_dir(directory) {
            Err(error) if is_absence(&error) => return Err(io::ErrorKind::NotFound.into()),
            listed => listed?,
        };
        for entry in listed {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = entry.file_type()?;
            let kind = if kind.is_file() {
                PathKind::File
            } else if kind.is_dir() {
                PathKind::Directory
            } else if kind.is_symlink() {
                // A name that a path here cannot have is not in the workspace.
                path.join(&name).map_or(Ok(PathKind::Absent), |path| self.kind(&path))?
            } else {
                PathKind::Absent
            };
            if kind != PathKind::Absent && path.join(&name).is_ok() {
                entries.push((Arc::from(name), kind));
            }
        }
        Ok(Listing::new(entries))
    }

    fn real_path(&self, path: &RelPath) -> io::Result<Option<RelPath>> {
        let Some(real) = self.resolve(path)? else { return Ok(None) };
        let below = real.strip_prefix(&self.root).ok().and_then(Path::to_str);
        Ok(below.and_then(|text| RelPath::new(text).ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_inside_are_followed_and_links_outside_are_absent() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), "s").unwrap();
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("packages/core")).unwrap();
        fs::write(root.path().join("packages/core/a.ts"), "a").unwrap();
        symlink("packages/core", root.path().join("inside")).unwrap();
        symlink(root.path().join("packages"), root.path().join("absolute")).unwrap();
        symlink(outside.path(), root.path().join("outside")).unwrap();
        symlink("loop", root.path().join("loop")).unwrap();

        let os = Os::new(root.path()).unwrap();
        let path = |text: &str| RelPath::new(text).unwrap();
        assert_eq!(os.read(&path("inside/a.ts")).unwrap(), b"a");
        assert_eq!(os.real_path(&path("inside/a.ts")).unwrap(), Some(path("packages/core/a.ts")));
        assert_eq!(os.read(&path("absolute/core/a.ts")).unwrap(), b"a");
        assert_eq!(os.kind(&path("absolute/core/a.ts")).unwrap(), PathKind::File);
        assert_eq!(os.kind(&path("outside")).unwrap(), PathKind::Absent);
        assert_eq!(os.kind(&path("outside/secret")).unwrap(), PathKind::Absent);
        assert!(os.read(&path("outside/secret")).is_err());
        assert_eq!(os.real_path(&path("outside/secret")).unwrap(), None);
        assert_eq!(os.kind(&path("loop")).unwrap(), PathKind::Absent);
        assert_eq!(os.kind(&path("packages/core/a.ts/x")).unwrap(), PathKind::Absent);
        let listing = os.list(&RelPath::root()).unwrap();
        let names: Vec<_> = listing.entries().map(|(name, _)| name).collect();
        assert_eq!(names, ["absolute", "inside", "packages"]);
    }
}
