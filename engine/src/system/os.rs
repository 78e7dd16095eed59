//! The operating system's files below one root.

#![expect(clippy::disallowed_methods, reason = "this is the system")]

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustc_hash::FxHashMap;
use rustix::fs::{CWD, Mode, OFlags};

use super::{FileContent, Listing, PathKind, Stat, System, Version, now};
use crate::digest::Digest;
use crate::path::RelPath;

/// The files below a root directory.
///
/// Containment holds against links: a path is opened by its components only when none of them is a link, and is resolved and
/// compared with the root otherwise.
#[derive(Debug)]
pub struct Os {
    root: PathBuf,
    directory: OwnedFd,
    /// Digests that an earlier process found.
    log: OnceLock<Box<dyn DigestLog>>,
    /// Digests that this process found.
    hashed: Mutex<FxHashMap<RelPath, Hashed>>,
}

/// What an earlier process found out about the bytes of files.
pub(crate) trait DigestLog: Send + Sync + fmt::Debug {
    /// What is known of the file at `path`.
    fn hashed(&self, path: &RelPath) -> Option<Hashed>;
}

/// A file whose bytes were hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hashed {
    pub(crate) digest: Digest,
    /// What the system said about it before and after.
    pub(crate) stat: Stat,
    /// Whether a later change may not show in the stat.
    pub(crate) racy: bool,
}

/// What a directory holds under a name, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EntryType {
    File,
    Directory,
    Link,
    Other,
}

impl Os {
    /// Roots the system at `root`, which must exist; links in it are resolved once, here.
    pub fn new(root: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(root)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, &root, flags, Mode::empty())?;
        Ok(Self { root, directory, log: OnceLock::new(), hashed: Mutex::default() })
    }

    /// Takes digests of files whose stat is the same from `log` instead of hashing them. The first log stays.
    pub(crate) fn remember(&self, log: Box<dyn DigestLog>) {
        let _ = self.log.set(log);
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

    /// What is known of the file at `path`, when it is as `content` says.
    pub(crate) fn hashed(&self, path: &RelPath, content: FileContent) -> Option<Hashed> {
        let hashed = self.hashed.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        let hashed = hashed.or_else(|| self.log.get()?.hashed(path));
        hashed.filter(|hashed| hashed.digest == content.digest && hashed.stat.is_executable() == content.executable)
    }

    /// Every name in an open directory, sorted.
    pub(crate) fn entries(directory: &OwnedFd) -> io::Result<Vec<(OsString, EntryType)>> {
        use rustix::fs::{AtFlags, FileType};
        use std::os::unix::ffi::OsStringExt as _;
        let of_type = |kind| match kind {
            FileType::RegularFile => EntryType::File,
            FileType::Directory => EntryType::Directory,
            FileType::Symlink => EntryType::Link,
            _ => EntryType::Other,
        };
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let mut kind = entry.file_type();
            if kind == FileType::Unknown {
                let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
                kind = FileType::from_raw_mode(stat.st_mode);
            }
            entries.push((OsString::from_vec(name.to_bytes().to_vec()), of_type(kind)));
        }
        entries.sort();
        Ok(entries)
    }
}

/// How a file or directory is shown whose name no path here can have.
pub(crate) fn shown_left_out(name: &OsStr, is_file: bool, is_directory: bool) -> Option<(Arc<str>, PathKind)> {
    let kind = if is_file {
        PathKind::File
    } else if is_directory {
        PathKind::Directory
    } else {
        return None;
    };
    let mut shown = String::new();
    for c in name.to_string_lossy().chars() {
        if c.is_control() || c == '\\' { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Some((Arc::from(shown), kind))
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
    fn open(&self, path: &RelPath, path_only: bool) -> io::Result<Option<File>> {
        use rustix::fs::ResolveFlags;
        use rustix::io::Errno;

        let flags = if path_only { OFlags::PATH } else { OFlags::RDONLY | OFlags::NONBLOCK } | OFlags::CLOEXEC;
        match rustix::fs::openat2(&self.directory, name_of(path), flags, Mode::empty(), ResolveFlags::BENEATH) {
            Ok(file) => Ok(Some(File::from(file))),
            // An absolute link, or one that leaves the root on its way: resolved by name, then compared. An old kernel or a
            // filter without the call ends here too.
            Err(Errno::XDEV | Errno::NOSYS | Errno::PERM | Errno::AGAIN) => match self.resolve(path)? {
                Some(real) if path_only => Ok(Some(File::from(rustix::fs::openat(CWD, &real, flags, Mode::empty())?))),
                Some(real) => Ok(Some(File::open(real)?)),
                None => Ok(None),
            },
            Err(error) => {
                let error = io::Error::from(error);
                if is_absence(&error) { Ok(None) } else { Err(error) }
            }
        }
    }

    /// The directory at `path`, to be listed; `None` when there is none, or only behind a link.
    pub(crate) fn open_directory(&self, path: &RelPath) -> io::Result<Option<OwnedFd>> {
        use rustix::fs::ResolveFlags;
        use rustix::io::Errno;

        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match rustix::fs::openat2(&self.directory, name_of(path), flags, Mode::empty(), resolve) {
            Ok(directory) => Ok(Some(directory)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Os {
    fn open(&self, path: &RelPath, _path_only: bool) -> io::Result<Option<File>> {
        self.resolve(path)?.map(File::open).transpose()
    }

    /// The directory at `path`, to be listed; `None` when there is none, or only behind a link.
    pub(crate) fn open_directory(&self, path: &RelPath) -> io::Result<Option<OwnedFd>> {
        if self.real_path(path)?.as_ref() != Some(path) || self.kind(path)? != PathKind::Directory {
            return Ok(None);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Some(rustix::fs::openat(&self.directory, name_of(path), flags, Mode::empty())?))
    }
}

impl Os {
    fn open_file(&self, path: &RelPath) -> io::Result<(File, fs::Metadata)> {
        let file = self.open(path, false)?.ok_or(io::ErrorKind::NotFound)?;
        let metadata = file.metadata()?;
        if metadata.is_file() { Ok((file, metadata)) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

fn read_all(file: &mut File, metadata: &fs::Metadata) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    io::Read::read_to_end(file, &mut bytes)?;
    Ok(bytes)
}

fn name_of(path: &RelPath) -> &str {
    if path.is_root() { "." } else { path.as_str() }
}

impl System for Os {
    fn name(&self) -> &str {
        self.root.file_name().and_then(OsStr::to_str).unwrap_or_default()
    }

    fn kind(&self, path: &RelPath) -> io::Result<PathKind> {
        match self.open(path, true)? {
            Some(file) => Ok(kind_of(&file.metadata()?)),
            None => Ok(PathKind::Absent),
        }
    }

    fn read(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        let (mut file, metadata) = self.open_file(path)?;
        read_all(&mut file, &metadata)
    }

    fn content(&self, path: &RelPath) -> io::Result<FileContent> {
        let found = self.hashed.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        let found = found.or_else(|| self.log.get()?.hashed(path));
        if let Some(found) = found.filter(|found| !found.racy)
            && let Some(file) = self.open(path, true)?
            && Stat::of(&file.metadata()?) == found.stat
        {
            return Ok(FileContent { digest: found.digest, executable: found.stat.is_executable() });
        }
        let (mut file, metadata) = self.open_file(path)?;
        let (stat, before) = (Stat::of(&metadata), now());
        let digest = Digest::of(&read_all(&mut file, &metadata)?);
        // A file that changed while it was read is hashed again next time.
        if Stat::of(&file.metadata()?) == stat {
            let hashed = Hashed { digest, stat, racy: stat.is_racy(before) };
            self.hashed.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), hashed);
        }
        Ok(FileContent { digest, executable: stat.is_executable() })
    }

    fn version(&self, path: &RelPath) -> io::Result<Option<Version>> {
        let Some(file) = self.open(path, true)? else { return Ok(None) };
        let metadata = file.metadata()?;
        Ok(metadata.is_file().then(|| Version(Stat::of(&metadata))))
    }

    fn doubt(&self, path: &RelPath) {
        let mut hashed = self.hashed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hashed.get(path).copied().or_else(|| self.log.get()?.hashed(path)) {
            hashed.insert(path.clone(), Hashed { racy: true, ..known });
        }
    }

    fn list(&self, path: &RelPath) -> io::Result<Listing> {
        let directory = self.resolve(path)?.ok_or(io::ErrorKind::NotFound)?;
        let mut entries = Vec::new();
        let listed = match fs::read_dir(directory) {
            Err(error) if is_absence(&error) => return Err(io::ErrorKind::NotFound.into()),
            listed => listed?,
        };
        let mut left_out = Vec::new();
        for entry in listed {
            let entry = entry?;
            let kind = entry.file_type()?;
            let Some(name) = entry.file_name().to_str().filter(|name| path.join(name).is_ok()).map(str::to_owned)
            else {
                left_out.extend(shown_left_out(&entry.file_name(), kind.is_file(), kind.is_dir()));
                continue;
            };
            let kind = if kind.is_file() {
                PathKind::File
            } else if kind.is_dir() {
                PathKind::Directory
            } else if kind.is_symlink() {
                path.join(&name).map_or(Ok(PathKind::Absent), |path| self.kind(&path))?
            } else {
                PathKind::Absent
            };
            if kind != PathKind::Absent {
                entries.push((Arc::from(name), kind));
            }
        }
        Ok(Listing::new(entries).leaving_out(left_out))
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
