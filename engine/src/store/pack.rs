//! One immutable file of many records.
//!
//! ```text
//! magic (16 bytes) | payloads | index | footer
//! index  = entries of 44 bytes, sorted by key: key (32), offset (u64), length (u32)
//! footer = index offset (u64), entry count (u64), blake3 of the index (32), magic (16)
//! ```
//! Numbers are little-endian.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::codec::{u32_at, u64_at};
use crate::digest::Digest;

pub(super) const MAGIC: &[u8; 16] = b"webstir pack v1\n";
pub(super) const ENTRY_BYTES: usize = 44;
const FOOTER_BYTES: usize = 8 + 8 + 32 + 16;

/// An open pack.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) path: PathBuf,
    file: File,
    /// The raw index: searched as it is.
    index: Vec<u8>,
    pub(super) bytes: u64,
}

/// Where a record lies in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) offset: u64,
    pub(super) length: u32,
}

impl Pack {
    /// Opens a pack and checks its index. `InvalidData` means that it is damaged.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let footer_at = bytes.checked_sub(FOOTER_BYTES as u64).ok_or_else(damaged)?;
        let mut footer = [0; FOOTER_BYTES];
        file.read_exact_at(&mut footer, footer_at)?;
        let index_at = u64_at(&footer, 0);
        let count = u64_at(&footer, 8);
        if &footer[48..] != MAGIC || count > bytes / ENTRY_BYTES as u64 || index_at < MAGIC.len() as u64 {
            return Err(damaged());
        }
        let index_bytes = count * ENTRY_BYTES as u64;
        if index_at.checked_add(index_bytes) != Some(footer_at) {
            return Err(damaged());
        }
        let mut index = vec![0; usize::try_from(index_bytes).map_err(|_| damaged())?];
        file.read_exact_at(&mut index, index_at)?;
        if Digest::of(&index).as_bytes() != &footer[16..48] {
            return Err(damaged());
        }
        Ok(Self { path: path.to_owned(), file, index, bytes })
    }

    /// How many records it holds.
    pub(super) fn len(&self) -> usize {
        self.index.len() / ENTRY_BYTES
    }

    /// The keys in order.
    pub(super) fn keys(&self) -> impl Iterator<Item = Digest> {
        self.index.as_chunks::<ENTRY_BYTES>().0.iter().map(key_of)
    }

    /// Where a record is.
    pub(super) fn find(&self, key: Digest) -> Option<Location> {
        let entries = self.index.as_chunks::<ENTRY_BYTES>().0;
        let found = entries.binary_search_by(|entry| entry[..32].cmp(key.as_bytes().as_slice())).ok()?;
        let entry = &entries[found];
        Some(Location { offset: u64_at(entry, 32), length: u32_at(entry, 40) })
    }

    /// The bytes of a record; `None` when they are not all there.
    pub(super) fn read(&self, location: Location) -> io::Result<Option<Vec<u8>>> {
        // Nothing is reserved for a record that cannot be there.
        if u64::from(location.length) > self.bytes {
            return Ok(None);
        }
        let mut bytes = vec![0; location.length as usize];
        match self.file.read_exact_at(&mut bytes, location.offset) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            read => read.map(|()| Some(bytes)),
        }
    }
}

/// The index and footer that complete a pack whose payloads end at `payload_end`. Sorts `entries`.
pub(super) fn index_and_footer(entries: &mut [(Digest, Location)], payload_end: u64) -> Vec<u8> {
    entries.sort_by_key(|(key, _)| *key);
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES + FOOTER_BYTES);
    for (key, location) in entries.iter() {
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(&location.offset.to_le_bytes());
        bytes.extend_from_slice(&location.length.to_le_bytes());
    }
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(&payload_end.to_le_bytes());
    bytes.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    bytes.extend_from_slice(digest.as_bytes());
    bytes.extend_from_slice(MAGIC);
    bytes
}

fn key_of(entry: &[u8; ENTRY_BYTES]) -> Digest {
    let mut key = [0; 32];
    key.copy_from_slice(&entry[..32]);
    Digest::from_bytes(key)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_record_longer_than_its_pack_is_damage() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.pack");
        let (whole, endless) = (Digest::of(b"whole"), Digest::of(b"endless"));
        let mut bytes = [MAGIC.as_slice(), b"payload"].concat();
        let offset = MAGIC.len() as u64;
        let mut entries = [(whole, Location { offset, length: 7 }), (endless, Location { offset, length: u32::MAX })];
        bytes.extend(index_and_footer(&mut entries, offset + 7));
        fs::write(&path, bytes).unwrap();
        let pack = Pack::open(&path).unwrap();
        assert_eq!(pack.read(pack.find(whole).unwrap()).unwrap().as_deref(), Some(&b"payload"[..]));
        assert_eq!(pack.read(pack.find(endless).unwrap()).unwrap(), None);
    }
}
