//! The entries of a directory on disk.

use std::io;
use std::path::Path;
use std::sync::Arc;

use walkdir::{DirEntry, WalkDir};

use super::place::{self, Place, Stamp};
use super::{AssetEntry, AssetError};

const MOST_FILES: usize = 200_000;
const DEEPEST: usize = 64;

/// One entry a plain file below `root`, sorted by path.
pub(super) fn entries(root: &Path) -> Result<Vec<AssetEntry>, AssetError> {
    let failed = |path: &Path, source| AssetError::Read { path: path.to_owned(), source };
    // A root that is a link is another tree once it leads elsewhere.
    let root: Arc<Path> = root.canonicalize().map_err(|error| failed(root, error))?.into();
    let walk = WalkDir::new(&root).follow_links(false).max_depth(DEEPEST).sort_by_file_name();
    let mut entries = Vec::new();
    for found in walk.into_iter().filter_entry(is_visible) {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                let path = error.path().unwrap_or(&root).to_owned();
                let error = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
                if error.kind() == io::ErrorKind::NotFound {
                    continue;
                }
                return Err(failed(&path, error));
            }
        };
        if !found.file_type().is_file() {
            continue;
        }
        // A name that is no text cannot be asked for.
        let Some(path) = found.path().strip_prefix(&root).ok().and_then(Path::to_str) else { continue };
        if entries.len() == MOST_FILES {
            return Err(AssetError::TooMany { path: root.to_path_buf(), most: MOST_FILES });
        }
        match read(&root, path) {
            Ok((digest, stamp)) => entries.push(AssetEntry {
                path: path.to_owned(),
                digest,
                length: stamp.length(),
                place: Place::Disk { root: Arc::clone(&root), stamp },
            }),
            // It went away meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(found.path(), error)),
        }
    }
    Ok(entries)
}

/// `.well-known` at the top is meant for everyone (RFC 8615); what else begins with a dot is not.
fn is_visible(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    match entry.depth() {
        0 => true,
        1 if name == ".well-known" => entry.file_type().is_dir(),
        _ => !name.as_encoded_bytes().starts_with(b"."),
    }
}

fn read(root: &Path, path: &str) -> io::Result<(blake3::Hash, Stamp)> {
    let (file, stamp) = place::open_beneath(root, path)?;
    let digest = blake3::Hasher::new().update_reader(&file)?.finalize();
    Ok((digest, stamp))
}
