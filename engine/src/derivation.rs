//! What is derived from the bytes of one file, and stands in for them.
//!
//! A [`Derivation`] is a pure function that the rules give. An action that reads a file through one depends on what it gives and
//! on nothing else of the file. What a file with certain bytes derives to is a [fact](crate::fact): planning compares digests and
//! derives each content once.

use std::sync::Arc;

use crate::db::Db;
use crate::digest::Digest;
use crate::fact::FactTable;
use crate::file::{self, Content};
use crate::path::RelPath;

/// A pure function of the bytes of a file and of the extension of its name.
#[derive(Debug, Clone, Copy)]
pub struct Derivation {
    /// What it gives, in plural and lower case, and its version, which is raised when it gives other bytes for the same file:
    /// `declarations v1`.
    pub name: &'static str,
    /// The function; `None` when nothing can be derived, so that the file stands for itself.
    pub derive: fn(&RelPath, &[u8]) -> Option<Vec<u8>>,
}

impl Derivation {
    /// What it gives for the file at `path` with these bytes.
    pub fn apply(&self, path: &RelPath, bytes: &[u8]) -> Option<Vec<u8>> {
        (self.derive)(path, bytes)
    }
}

/// What the derivation of that name gives, as one says it: its name without the version.
pub fn noun(name: &str) -> &str {
    name.rsplit_once(" v").map_or(name, |(noun, _)| noun)
}

/// The digest of what the derivation of that name gives for the file at `path`; `None` when it gives nothing, when there is no
/// file, or no such derivation.
pub fn derived(db: &dyn Db, path: &RelPath, name: &str) -> Option<Digest> {
    let derivation = db.rules().derivation(name)?;
    let Content::Digest(content) = file::content(db, path) else { return None };
    let key = FactTable::key(&format!("{name} {}", path.extension()), content);
    // The fact is the digest, or empty where nothing is derived. One that is neither is made again.
    if let Some(fact) = db.facts().find(key) {
        match <[u8; 32]>::try_from(&*fact) {
            Ok(bytes) => return Some(Digest::from_bytes(bytes)),
            Err(_) if fact.is_empty() => return None,
            Err(_) => {}
        }
    }
    let digest = derivation.apply(path, &file::bytes(db, path)?).map(|derived| Digest::of(&derived));
    db.facts().keep(key, Arc::from(digest.as_ref().map_or(&[][..], |digest| digest.as_bytes())));
    digest
}
