//! The published tree: files that are served as they are.
//!
//! An *asset* is one file, named by its path below the root of the tree. An [`AssetIndex`] knows all assets of a release; nothing
//! that it does not name is ever served. The *version* of an asset is which bytes it has, by digest. A *variant* is another asset
//! that holds the same bytes compressed: `app.js.br` beside `app.js`. The *place* of an asset is the disk or memory.

mod cache_control;
mod condition;
mod contents;
mod encoding;
mod live;
mod place;
mod response;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::HeaderValue;
use mime_guess::mime;

use cache_control::{CachePolicy, HashedNames};
use contents::Contents;
use encoding::ContentEncoding;

pub use place::{Place, Stamp};

/// All assets of a release.
#[derive(Debug)]
pub struct AssetIndex {
    assets: BTreeMap<String, Arc<Asset>>,
    identity: blake3::Hash,
    contents: Arc<Contents>,
}

/// What an index is made of.
#[derive(Debug, Clone)]
pub struct AssetEntry {
    /// Below the root, `/`-separated, without a dot segment.
    pub path: String,
    pub digest: blake3::Hash,
    /// In bytes.
    pub length: u64,
    pub place: Place,
}

/// Why a tree cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} holds more than {most} files", path.display())]
    TooMany { path: PathBuf, most: usize },
}

/// One file.
#[derive(Debug)]
pub(crate) struct Asset {
    path: String,
    /// What was indexed, whatever its place holds now.
    digest: blake3::Hash,
    place: Place,
    content_type: HeaderValue,
    cache: CachePolicy,
    variants: Vec<(ContentEncoding, Arc<Asset>)>,
    current: Mutex<Current>,
}

/// Which bytes an asset has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    digest: blake3::Hash,
    length: u64,
    /// Whether these are the bytes that were indexed; variants hold those and no others.
    is_indexed: bool,
}

#[derive(Debug)]
struct Current {
    version: Version,
    stamp: Option<Stamp>,
    /// When the place was last asked; none before the first time.
    checked: Option<Instant>,
}

impl AssetIndex {
    /// Indexes the files below `root`: every one is read once. Links, and names that begin with a dot, are passed over, save for
    /// `.well-known` at the top.
    pub fn read(root: &Path) -> Result<Self, AssetError> {
        tree::entries(root).map(Self::new)
    }

    /// The same, whose files are looked at for every request; else one is believed to be what it was for a second.
    #[must_use]
    pub fn believing_nothing(self) -> Self {
        Self { contents: Arc::new(Contents::believing(std::time::Duration::ZERO)), ..self }
    }

    /// The later of two entries with one path counts.
    pub fn new(entries: impl IntoIterator<Item = AssetEntry>) -> Self {
        let entries: BTreeMap<String, AssetEntry> =
            entries.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
        let mut hasher = blake3::Hasher::new();
        for entry in entries.values() {
            hasher.update(&(entry.path.len() as u64).to_le_bytes());
            hasher.update(entry.path.as_bytes());
            hasher.update(entry.digest.as_bytes());
        }
        let names = HashedNames::read(&entries);
        let mut assets: BTreeMap<String, Arc<Asset>> = BTreeMap::new();
        // A variant has no variants: each asset is made after those that it refers to.
        let (variants, plain): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(path, _)| is_variant(path));
        for (path, entry) in variants {
            let cache = names.policy(&entry);
            assets.insert(path, Arc::new(Asset::new(entry, cache, Vec::new())));
        }
        for (path, entry) in plain {
            let of = |encoding: ContentEncoding| {
                let variant = assets.get(&format!("{path}.{}", encoding.extension()))?;
                Some((encoding, Arc::clone(variant)))
            };
            let variants = ContentEncoding::ALL.into_iter().filter_map(of).collect();
            let cache = names.policy(&entry);
            assets.insert(path, Arc::new(Asset::new(entry, cache, variants)));
        }
        Self { assets, identity: hasher.finalize(), contents: Arc::default() }
    }

    /// Equal for trees with equal paths and bytes.
    pub fn identity(&self) -> blake3::Hash {
        self.identity
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.assets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.assets.is_empty()
    }

    pub(crate) fn asset(&self, path: &str) -> Option<&Arc<Asset>> {
        self.assets.get(path)
    }
}

fn is_variant(path: &str) -> bool {
    ContentEncoding::ALL
        .iter()
        .any(|encoding| path.strip_suffix(encoding.extension()).is_some_and(|stem| stem.ends_with('.')))
}

impl Asset {
    fn new(entry: AssetEntry, cache: CachePolicy, variants: Vec<(ContentEncoding, Arc<Self>)>) -> Self {
        let version = Version { digest: entry.digest, length: entry.length, is_indexed: true };
        let stamp = entry.place.stamp();
        Self {
            content_type: content_type(&entry.path),
            path: entry.path,
            digest: entry.digest,
            place: entry.place,
            cache,
            variants,
            current: Mutex::new(Current { version, stamp, checked: None }),
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By the name alone; text says that it is UTF-8.
fn content_type(path: &str) -> HeaderValue {
    let guessed = match extension(path) {
        // The table of types knows no source maps, and modules by the name that RFC 9239 retired.
        Some("map") => mime::APPLICATION_JSON,
        Some("mjs") => mime::TEXT_JAVASCRIPT,
        _ => mime_guess::from_path(path).first_or_octet_stream(),
    };
    let is_text = guessed.type_() == mime::TEXT
        || matches!(guessed.subtype().as_str(), "json" | "javascript" | "xml")
        || matches!(guessed.suffix().map(|suffix| suffix.as_str()), Some("json" | "xml"));
    let text = if is_text { format!("{}; charset=utf-8", guessed.essence_str()) } else { guessed.to_string() };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// What follows the last dot of the last segment; none when there is no dot, or only one at its start.
pub(crate) fn extension(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty()).then_some(extension)
}
