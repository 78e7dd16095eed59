//! The doors of the fuzz targets `store_pack` and `store_record`.

use std::io::{self, Write as _};

use super::pack::{ENTRY_BYTES, MAGIC, Pack};
use super::record;
use crate::digest::Digest;

/// Reads all records of a pack of which `body` is all but the footer, and of which `entries` index entries are the end.
/// Gives how many records there were and how many could be read.
pub fn read_pack(body: &[u8], entries: u8) -> io::Result<(usize, usize)> {
    let index_at = body.len().saturating_sub(usize::from(entries) * ENTRY_BYTES);
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(body)?;
    file.write_all(&(index_at as u64).to_le_bytes())?;
    file.write_all(&u64::from(entries).to_le_bytes())?;
    file.write_all(Digest::of(&body[index_at..]).as_bytes())?;
    file.write_all(MAGIC)?;
    let pack = Pack::open(file.path())?;
    let records =
        pack.keys().filter_map(|key| pack.find(key)).filter_map(|location| pack.read(location).ok().flatten());
    Ok((pack.len(), records.count()))
}

/// Reads an action record; what can be read is written as it was understood.
pub fn read_record(bytes: &[u8]) -> bool {
    let Some(results) = record::decode_results(bytes) else { return false };
    let written = record::encode_results(&results);
    assert_eq!(record::decode_results(&written), Some(results), "a record that changes when it is written");
    true
}
