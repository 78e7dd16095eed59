//! The door of the fuzz target `package_archive`.

use std::path::Path;

use super::{ArchiveError, Limits, unpack as unpacking};

/// Unpacks a gzipped tarball into an empty directory; gives path and length of each file.
pub fn unpack(source: &[u8], directory: &Path, limits: Limits) -> Result<Vec<(String, u64)>, ArchiveError> {
    let manifest = unpacking::unpack(source, directory, limits)?;
    Ok(manifest.files().iter().map(|file| (file.path.as_str().to_owned(), file.bytes)).collect())
}
