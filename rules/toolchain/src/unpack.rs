//! Unpacks a package tarball into an empty directory.
//!
//! A tarball is hostile even when its hash is right. Regular files and directories are all that it may hold; every path is
//! checked before anything is made for it; sizes and counts are limited while they grow, not afterwards. Extended headers are
//! read here, with a limit, and not by the tar library, which would hold them whole.

use std::cell::Cell;
use std::collections::hash_map::Entry;
use std::fs;
use std::io::{self, Read, Write as _};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use rustc_hash::FxHashMap;
use tar::{Archive, EntryType, PaxExtensions};
use webstir_engine::digest::Digest;
use webstir_engine::path::RelPath;

use super::manifest::{ALLOWED, File, Manifest};
use super::package::{is_exact_version, is_package_name};

/// The most bytes of one extended header.
const HEADER_LIMIT: u64 = 1 << 20;

/// The most bytes of a path. Longer ones do not fit everywhere.
const PATH_LIMIT: usize = 1024;

/// How large a package may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the tarball.
    pub compressed: u64,
    /// Bytes of what is in it, headers included.
    pub unpacked: u64,
    /// Files, directories and headers.
    pub entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { compressed: 200 << 20, unpacked: 1 << 30, entries: 200_000 }
    }
}

/// What a tarball may not hold, or why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A link or a device, or an entry of a format that npm does not write.
    #[error("`{0}` is neither a file nor a directory")]
    Kind(String),
    /// The path would leave the package, or cannot be a path everywhere.
    #[error("`{0}` is not a path inside the package")]
    Path(String),
    /// Two entries have the same path, or would have it on a file system that does not tell case.
    #[error("`{0}` and `{1}` have the same place")]
    Collision(String, String),
    /// More bytes than allowed.
    #[error("It unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// More entries than allowed.
    #[error("It has more than {0} entries")]
    TooMany(u64),
    /// A header says what cannot be.
    #[error("A header is malformed")]
    Header,
    /// The tarball is damaged or incomplete.
    #[error("The archive cannot be read: {0}")]
    Read(io::Error),
    /// The disk failed.
    #[error("`{path}` cannot be written: {source}")]
    Write {
        /// The file in the package.
        path: String,
        /// How it failed.
        source: io::Error,
    },
}

/// Unpacks the gzipped tarball `source` into `directory`, which exists and is empty. On an error the directory holds anything.
pub(super) fn unpack(source: impl Read, directory: &Path, limits: Limits) -> Result<Manifest, ArchiveError> {
    let exceeded = Cell::new(false);
    let decoder = MultiGzDecoder::new(source);
    let mut archive = Archive::new(Capped { inner: decoder, remaining: limits.unpacked, exceeded: &exceeded });
    unpack_entries(&mut archive, directory, limits).map_err(|error| match error {
        // The limit shows as a failure to read.
        ArchiveError::Read(_) | ArchiveError::Header if exceeded.get() => ArchiveError::TooLarge(limits.unpacked),
        error => error,
    })
}

fn unpack_entries<R: Read>(
    archive: &mut Archive<R>,
    directory: &Path,
    limits: Limits,
) -> Result<Manifest, ArchiveError> {
    let mut files = Vec::new();
    let mut places = Places::default();
    let mut long_path: Option<Vec<u8>> = None;
    let mut count = 0;
    for entry in archive.entries().map_err(ArchiveError::Read)?.raw(true) {
        let mut entry = entry.map_err(ArchiveError::Read)?;
        count += 1;
        if count > limits.entries {
            return Err(ArchiveError::TooMany(limits.entries));
        }
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => continue,
            EntryType::GNULongName => {
                let mut name = extended_header(&mut entry)?;
                while name.last() == Some(&0) {
                    name.pop();
                }
                long_path = Some(name);
                continue;
            }
            EntryType::XHeader => {
                if let Some(path) = pax_path(&extended_header(&mut entry)?)? {
                    long_path = Some(path);
                }
                continue;
            }
            _ => {}
        }
        let raw = long_path.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let name = String::from_utf8_lossy(&raw).into_owned();
        match entry.header().entry_type() {
            EntryType::Directory => {
                place(&raw)?;
            }
            // Before there were types, a directory was a name that ends with a slash.
            EntryType::Regular if raw.ends_with(b"/") => {
                place(&raw)?;
            }
            EntryType::Regular => {
                let path = place(&raw)?.ok_or_else(|| ArchiveError::Path(name.clone()))?;
                if places.take(&path)? {
                    files.push(write(&mut entry, directory, path)?);
                } else {
                    repeat(&mut entry, directory, &mut files, &path)?;
                }
            }
            _ => return Err(ArchiveError::Kind(name)),
        }
    }
    Ok(Manifest::new(own_name(directory), files))
}

/// The name and version that an unpacked package gives itself; nothing where it has no proper `package.json`.
fn own_name(directory: &Path) -> String {
    let read = || -> Option<String> {
        let manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(directory.join("package.json")).ok()?).ok()?;
        let field = |name: &str| manifest.get(name)?.as_str();
        let (name, version) = (field("name")?, field("version")?.trim_start_matches(['v', '=']));
        (is_package_name(name) && is_exact_version(version)).then(|| format!("{name}@{version}"))
    };
    read().unwrap_or_default()
}

/// The path below the first component, whatever that is called; none for the first component itself.
fn place(raw: &[u8]) -> Result<Option<RelPath>, ArchiveError> {
    let refused = || ArchiveError::Path(String::from_utf8_lossy(raw).into_owned());
    let text = str::from_utf8(raw).map_err(|_| refused())?;
    // A colon begins a stream on Windows.
    if text.len() > PATH_LIMIT
        || text.starts_with('/')
        || text.split('/').any(|part| part == "..")
        || text.contains(':')
    {
        return Err(refused());
    }
    let path = RelPath::new(text).map_err(|_| refused())?;
    match path.as_str().split_once('/') {
        Some((_, below)) => RelPath::new(below).map(Some).map_err(|_| refused()),
        None => Ok(None),
    }
}

fn write<R: Read>(entry: &mut tar::Entry<'_, R>, directory: &Path, path: RelPath) -> Result<File, ArchiveError> {
    let failed = |source| ArchiveError::Write { path: path.as_str().to_owned(), source };
    let mode = mode(entry)?;
    let target = directory.join(path.as_str());
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut file = fs::File::create_new(&target).map_err(failed)?;
    let (digest, bytes) = read(entry, &mut |bytes| file.write_all(bytes).map_err(failed))?;
    allow(&file, mode).map_err(failed)?;
    Ok(File { path, digest, bytes, mode })
}

/// Takes a file that is there a second time: `package/./a` beside `package/a`. It has to have the same bytes; the later mode counts, as it
/// does where npm unpacks.
fn repeat<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    directory: &Path,
    files: &mut [File],
    path: &RelPath,
) -> Result<(), ArchiveError> {
    let mode = mode(entry)?;
    let (digest, bytes) = read(entry, &mut |_| Ok(()))?;
    let first = files.iter_mut().find(|file| file.path == *path);
    let Some(first) = first.filter(|first| (first.digest, first.bytes) == (digest, bytes)) else {
        return Err(ArchiveError::Collision(path.to_string(), path.to_string()));
    };
    let failed = |source| ArchiveError::Write { path: path.as_str().to_owned(), source };
    fs::File::open(directory.join(path.as_str())).and_then(|file| allow(&file, mode)).map_err(failed)?;
    first.mode = mode;
    Ok(())
}

/// The mode of a file as npm sets it: everybody may read, the owner may write.
fn mode<R: Read>(entry: &tar::Entry<'_, R>) -> Result<u32, ArchiveError> {
    let mode = entry.header().mode().map_err(|_| ArchiveError::Header)?;
    Ok((mode | 0o666) & ALLOWED)
}

#[cfg(unix)]
fn allow(file: &fs::File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

/// Gives the content of an entry to `take`, piece by piece; its digest and length.
fn read<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    take: &mut dyn FnMut(&[u8]) -> Result<(), ArchiveError>,
) -> Result<(Digest, u64), ArchiveError> {
    let size = entry.header().entry_size().map_err(|_| ArchiveError::Header)?;
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = entry.read(&mut buffer).map_err(ArchiveError::Read)?;
        if count == 0 {
            break;
        }
        bytes += count as u64;
        hasher.update(&buffer[..count]);
        take(&buffer[..count])?;
    }
    if bytes != size {
        return Err(ArchiveError::Read(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok((Digest::from_bytes(*hasher.finalize().as_bytes()), bytes))
}

fn extended_header<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<Vec<u8>, ArchiveError> {
    let size = entry.header().entry_size().map_err(|_| ArchiveError::Header)?;
    if size > HEADER_LIMIT {
        return Err(ArchiveError::Header);
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
    Ok(bytes)
}

/// The path that a pax header gives. One that gives a size is refused: sizes that a header has no room for are not allowed
/// anyway, and two readers must not disagree on where a file ends.
fn pax_path(header: &[u8]) -> Result<Option<Vec<u8>>, ArchiveError> {
    let mut path = None;
    for extension in PaxExtensions::new(header) {
        let extension = extension.map_err(|_| ArchiveError::Header)?;
        match extension.key_bytes() {
            b"path" => path = Some(extension.value_bytes().to_vec()),
            b"size" => return Err(ArchiveError::Header),
            key if key.starts_with(b"GNU.sparse.") => return Err(ArchiveError::Header),
            _ => {}
        }
    }
    Ok(path)
}

/// Every path seen, with the directories above it, by its lower-case form.
#[derive(Default)]
struct Places(FxHashMap<String, (RelPath, bool)>);

impl Places {
    /// Whether the file is not there yet.
    fn take(&mut self, file: &RelPath) -> Result<bool, ArchiveError> {
        let mut path = file.clone();
        let mut is_file = true;
        loop {
            match self.0.entry(path.as_str().to_lowercase()) {
                Entry::Vacant(vacant) => {
                    vacant.insert((path.clone(), is_file));
                }
                // What is above a known file or directory is known.
                Entry::Occupied(known) if *known.get() == (path.clone(), is_file) => return Ok(!is_file),
                Entry::Occupied(known) => {
                    return Err(ArchiveError::Collision(known.get().0.to_string(), path.to_string()));
                }
            }
            match path.parent() {
                Some(parent) if !parent.is_root() => path = parent,
                _ => return Ok(true),
            }
            is_file = false;
        }
    }
}

/// A reader that fails once more than so many bytes came.
struct Capped<'a, R> {
    inner: R,
    remaining: u64,
    exceeded: &'a Cell<bool>,
}

impl<R: Read> Read for Capped<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let Some(remaining) = self.remaining.checked_sub(count as u64) else {
            self.exceeded.set(true);
            return Err(io::Error::other("too large"));
        };
        self.remaining = remaining;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
