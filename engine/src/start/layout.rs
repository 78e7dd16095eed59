//! The bytes of a log.
//!
//! ```text
//! magic (16) | key (32) | directories, files, bytes of texts, of queries, of the cached build (u32 each) | padding (4)
//! directories  100 bytes each, sorted by path: path, first file, files, flags, stat, digest of its names
//! files         92 bytes each, those of one directory together and sorted by name: name, flags, stat, digest
//! texts | queries | cached build | blake3 of everything before (32)
//! ```
//! Numbers are little-endian. A text is offset and length (u32 each) within the texts. Records have one size and stand sorted, so
//! they are searched where they lie.

use crate::codec::{self, u32_at, u64_at};
use crate::digest::Digest;
use crate::discovered::DiscoveredInput;
use crate::path::RelPath;
use crate::system::{Hashed, Stat};

const MAGIC: &[u8; 16] = b"webstir start 1\n";
const HEADER_BYTES: usize = 16 + 32 + 6 * 4;
const STAT_BYTES: usize = 4 + 5 * 8;
const DIRECTORY_BYTES: usize = 6 * 4 + STAT_BYTES + 32;
const FILE_BYTES: usize = 4 * 4 + STAT_BYTES + 32;
const SUM_BYTES: usize = 32;

/// Where `flags` stands in a record of either kind, and its only bit.
const DIRECTORY_FLAGS: usize = 16;
const FILE_FLAGS: usize = 8;
const NOT_RACY: u32 = 1;

/// What a log is made of.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Sorted by path.
    pub(super) directories: Vec<FoundDirectory>,
    /// What has to be asked again as it was.
    pub(super) asked: Vec<(RelPath, DiscoveredInput)>,
}

/// The fingerprint of a directory, with the files in it whose bytes matter.
#[derive(Debug)]
pub(super) struct FoundDirectory {
    pub(super) path: RelPath,
    pub(super) fingerprint: DirectoryFingerprint,
    /// Sorted by name.
    pub(super) files: Vec<(String, Hashed)>,
}

/// A directory whose names matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DirectoryFingerprint {
    pub(super) stat: Stat,
    pub(super) racy: bool,
    /// Of its names and their types.
    pub(super) names: Digest,
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Directory(usize),
    File(usize),
}

/// Where everything is. Every offset was checked, so no accessor can miss.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) key: Digest,
    directories: usize,
    files: usize,
    texts_at: usize,
    asked_at: usize,
    cached_build_at: usize,
    end: usize,
}

impl Layout {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<SUM_BYTES>()?;
        if body.len() < HEADER_BYTES || !body.starts_with(MAGIC) || Digest::of(body).as_bytes() != sum {
            return None;
        }
        let count = |index: usize| u32_at(body, 48 + index * 4) as usize;
        let [directories, files] = [count(0), count(1)];
        let texts_at = HEADER_BYTES
            .checked_add(directories.checked_mul(DIRECTORY_BYTES)?)?
            .checked_add(files.checked_mul(FILE_BYTES)?)?;
        let asked_at = texts_at.checked_add(count(2))?;
        let cached_build_at = asked_at.checked_add(count(3))?;
        let end = cached_build_at.checked_add(count(4))?;
        let layout = Self { key: digest_at(body, 16), directories, files, texts_at, asked_at, cached_build_at, end };
        (end == body.len() && layout.is_sound(body)).then_some(layout)
    }

    /// Whether every text and every range of files is where it says.
    fn is_sound(&self, bytes: &[u8]) -> bool {
        let Ok(texts) = std::str::from_utf8(&bytes[self.texts_at..self.asked_at]) else { return false };
        let is_text = |at: usize| {
            let (start, length) = (u32_at(bytes, at) as usize, u32_at(bytes, at + 4) as usize);
            start.checked_add(length).is_some_and(|end| texts.get(start..end).is_some())
        };
        let mut next = 0;
        (0..self.directories).all(|index| {
            let at = directory_at(index);
            let (first, count) = (u32_at(bytes, at + 8) as usize, u32_at(bytes, at + 12) as usize);
            let follows = first == next;
            next = first.saturating_add(count);
            follows && is_text(at)
        }) && next == self.files
            && (0..self.files).all(|index| is_text(self.file_at(index)))
    }

    pub(super) fn directories(&self) -> usize {
        self.directories
    }

    pub(super) fn files(&self) -> usize {
        self.files
    }

    /// Path, fingerprint and the files of a directory.
    pub(super) fn directory<'a>(
        &self,
        bytes: &'a [u8],
        index: usize,
    ) -> (&'a str, DirectoryFingerprint, std::ops::Range<usize>) {
        let at = directory_at(index);
        let first = u32_at(bytes, at + 8) as usize;
        let fingerprint = DirectoryFingerprint {
            stat: stat_at(bytes, at + 24),
            racy: u32_at(bytes, at + DIRECTORY_FLAGS) & NOT_RACY == 0,
            names: digest_at(bytes, at + 24 + STAT_BYTES),
        };
        (self.text(bytes, at), fingerprint, first..first + u32_at(bytes, at + 12) as usize)
    }

    /// Name and state of a file.
    pub(super) fn file<'a>(&self, bytes: &'a [u8], index: usize) -> (&'a str, Hashed) {
        let at = self.file_at(index);
        let hashed = Hashed {
            stat: stat_at(bytes, at + 16),
            racy: u32_at(bytes, at + FILE_FLAGS) & NOT_RACY == 0,
            digest: digest_at(bytes, at + 16 + STAT_BYTES),
        };
        (self.text(bytes, at), hashed)
    }

    /// The queries to make again, with what they found. `None` when they cannot be read.
    pub(super) fn asked(&self, bytes: &[u8]) -> Option<Vec<(RelPath, DiscoveredInput)>> {
        codec::decode(&bytes[self.asked_at..self.cached_build_at])
    }

    pub(super) fn cached_build<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.cached_build_at..self.end]
    }

    pub(super) fn hashed(&self, bytes: &[u8], path: &RelPath) -> Option<Hashed> {
        let (directory, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
        let found = search(0..self.directories, |index| self.text(bytes, directory_at(index)).cmp(directory))?;
        let (_, _, files) = self.directory(bytes, found);
        let found = search(files, |index| self.text(bytes, self.file_at(index)).cmp(name))?;
        Some(self.file(bytes, found).1)
    }

    /// Marks records as not racy.
    pub(super) fn mark_not_racy(&self, bytes: &mut [u8], places: &[Place]) {
        for place in places {
            let at = match *place {
                Place::Directory(index) => directory_at(index) + DIRECTORY_FLAGS,
                Place::File(index) => self.file_at(index) + FILE_FLAGS,
            };
            bytes[at..at + 4].copy_from_slice(&NOT_RACY.to_le_bytes());
        }
        let sum = Digest::of(&bytes[..self.end]);
        bytes[self.end..].copy_from_slice(sum.as_bytes());
    }

    fn file_at(&self, index: usize) -> usize {
        directory_at(self.directories) + index * FILE_BYTES
    }

    fn text<'a>(&self, bytes: &'a [u8], at: usize) -> &'a str {
        let start = self.texts_at + u32_at(bytes, at) as usize;
        let text = &bytes[start..start + u32_at(bytes, at + 4) as usize];
        std::str::from_utf8(text).unwrap_or_default()
    }
}

fn directory_at(index: usize) -> usize {
    HEADER_BYTES + index * DIRECTORY_BYTES
}

/// The index in `range` where `compare` says equal, in a range that is sorted by it.
fn search(range: std::ops::Range<usize>, compare: impl Fn(usize) -> std::cmp::Ordering) -> Option<usize> {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        match compare(middle) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Some(middle),
        }
    }
    None
}

/// The bytes of a log; `None` when it would be too large for its own offsets.
pub(super) fn write(key: Digest, found: &Found, cached_build: &[u8]) -> Option<Vec<u8>> {
    let asked = codec::encode(&found.asked);
    let mut texts = String::new();
    let mut directories = Vec::new();
    let mut files = Vec::new();
    let mut count: u32 = 0;
    for directory in &found.directories {
        put_text(&mut directories, &mut texts, directory.path.as_str())?;
        put_u32(&mut directories, count);
        let own = u32::try_from(directory.files.len()).ok()?;
        put_u32(&mut directories, own);
        put_u32(&mut directories, u32::from(!directory.fingerprint.racy));
        put_u32(&mut directories, 0);
        put_stat(&mut directories, &directory.fingerprint.stat);
        directories.extend_from_slice(directory.fingerprint.names.as_bytes());
        for (name, hashed) in &directory.files {
            put_text(&mut files, &mut texts, name)?;
            put_u32(&mut files, u32::from(!hashed.racy));
            put_u32(&mut files, 0);
            put_stat(&mut files, &hashed.stat);
            files.extend_from_slice(hashed.digest.as_bytes());
        }
        count = count.checked_add(own)?;
    }
    let mut bytes = Vec::from(MAGIC);
    bytes.extend_from_slice(key.as_bytes());
    put_u32(&mut bytes, u32::try_from(found.directories.len()).ok()?);
    put_u32(&mut bytes, count);
    for part in [texts.len(), asked.len(), cached_build.len()] {
        put_u32(&mut bytes, u32::try_from(part).ok()?);
    }
    put_u32(&mut bytes, 0);
    for part in [&directories, &files, texts.as_bytes(), &asked, cached_build] {
        bytes.extend_from_slice(part);
    }
    let sum = Digest::of(&bytes);
    bytes.extend_from_slice(sum.as_bytes());
    Some(bytes)
}

fn put_text(bytes: &mut Vec<u8>, texts: &mut String, text: &str) -> Option<()> {
    put_u32(bytes, u32::try_from(texts.len()).ok()?);
    put_u32(bytes, u32::try_from(text.len()).ok()?);
    texts.push_str(text);
    Some(())
}

fn put_u32(bytes: &mut Vec<u8>, number: u32) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn put_stat(bytes: &mut Vec<u8>, stat: &Stat) {
    put_u32(bytes, stat.mode);
    for number in [stat.device, stat.inode, stat.bytes, stat.modified, stat.changed] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
}

fn stat_at(bytes: &[u8], at: usize) -> Stat {
    let number = |index: usize| u64_at(bytes, at + 4 + index * 8);
    Stat {
        mode: u32_at(bytes, at),
        device: number(0),
        inode: number(1),
        bytes: number(2),
        modified: number(3),
        changed: number(4),
    }
}

fn digest_at(bytes: &[u8], at: usize) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(&bytes[at..at + 32]);
    Digest::from_bytes(digest)
}
