//! The store: what earlier runs left, by content.
//!
//! ```text
//! <root>/v1/
//!   cas/<name>.pack       small blobs, keyed by their blake3 digest
//!   cas/<aa>/<62 hex>     one blob of LOOSE_BYTES or more each
//!   actions/<name>.pack   action records, keyed by the action key over an empty trace
//!   facts/<name>.pack     facts of one file, keyed by the digest of the file and the version of the fact
//!   id                    tells this store from one that was here before
//!   tmp/                  files that are not published yet; swept after a day
//!   quarantine/           what was found damaged
//! ```
//!
//! A *pack* is one immutable file of many records with a sorted index at its end; one process writes it under `tmp/` and
//! renames it when it is whole, blobs before the action records that name them. So a reader sees whole packs only, a killed
//! process loses at most what it had not published, and concurrent processes need no lock. Nothing is trusted: a blob is
//! compared with its digest on every read, a record carries a checksum bound to its key, and what does not match is a miss.

#![expect(clippy::disallowed_methods, reason = "the store lives on disk")]

mod bucket;
pub(crate) mod codec;
mod pack;
pub(crate) mod record;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::action::{ActionKey, Outcome};
use crate::digest::{Digest, KeyHasher};
use crate::rule::Blobs;

use bucket::Bucket;

/// Blobs of this size and more are files of their own.
const LOOSE_BYTES: usize = 256 * 1024;

/// How many outcomes of one traced action are kept, newest first.
const OUTCOMES_KEPT: usize = 4;

/// The store of one workspace, or one shared by several.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    blobs: Bucket,
    actions: Bucket,
    facts: Bucket,
}

/// How much a bucket holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BucketStatistics {
    /// Distinct keys.
    pub records: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Files on disk.
    pub files: u64,
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Blobs.
    pub blobs: BucketStatistics,
    /// Action records.
    pub actions: BucketStatistics,
    /// Facts.
    pub facts: BucketStatistics,
}

impl Store {
    /// Opens the store below `root` and creates it where it is missing.
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = root.join("v1");
        let temporary = root.join("tmp");
        fs::create_dir_all(&temporary)?;
        fs::create_dir_all(root.join("quarantine"))?;
        sweep(&temporary);
        name(&root.join("id"), &temporary)?;
        let bucket = |name: &str| Bucket::open(&root, name);
        Ok(Self { blobs: bucket("cas")?, actions: bucket("actions")?, facts: bucket("facts")?, root })
    }

    /// What tells the store below `root` from one that was there before it was cleared or lost; `None` when there is none.
    pub fn identity(root: &Path) -> Option<String> {
        fs::read_to_string(root.join("v1/id")).ok()
    }

    /// Whether a blob is there; its bytes are not looked at.
    pub fn contains(&self, digest: Digest) -> bool {
        self.blobs.contains(digest) || self.loose(digest).is_file()
    }

    /// The outcomes recorded for an action, newest first. `key` is the key over an empty trace.
    pub fn outcomes(&self, key: ActionKey) -> io::Result<Vec<Outcome>> {
        let Some(bytes) = self.actions.get(key.0)? else { return Ok(Vec::new()) };
        let Some(record) = unseal(key.0, &bytes) else {
            self.actions.quarantine(key.0);
            return Ok(Vec::new());
        };
        Ok(record::decode_outcomes(record).unwrap_or_default())
    }

    /// Records an outcome, before the older ones of the same action.
    ///
    /// # Panics
    /// When the outcome is a failure: failures are never stored.
    pub fn record(&self, key: ActionKey, outcome: &Outcome) -> io::Result<()> {
        assert!(!outcome.failed, "a failed outcome is never stored");
        let mut outcomes = vec![outcome.clone()];
        outcomes.extend(self.outcomes(key)?.into_iter().filter(|older| older.trace != outcome.trace));
        outcomes.truncate(OUTCOMES_KEPT);
        self.actions.put(key.0, &seal(key.0, &record::encode_outcomes(&outcomes)))
    }

    /// A fact of a file; `None` when it is not known or damaged.
    pub fn fact(&self, key: Digest) -> io::Result<Option<Vec<u8>>> {
        let Some(bytes) = self.facts.get(key)? else { return Ok(None) };
        let fact = unseal(key, &bytes).map(<[u8]>::to_vec);
        if fact.is_none() {
            self.facts.quarantine(key);
        }
        Ok(fact)
    }

    /// Keeps a fact of a file.
    pub fn put_fact(&self, key: Digest, fact: &[u8]) -> io::Result<()> {
        self.facts.put(key, &seal(key, fact))
    }

    /// Makes everything added so far visible to other processes and safe from a kill of this one.
    pub fn publish(&self) -> io::Result<()> {
        // Blobs before the records that name them.
        self.blobs.publish()?;
        self.facts.publish()?;
        self.actions.publish()
    }

    /// What the store holds.
    pub fn statistics(&self) -> io::Result<Statistics> {
        let mut blobs = self.blobs.statistics()?;
        for directory in fs::read_dir(self.root.join("cas"))? {
            let directory = directory?;
            if directory.file_type()?.is_dir() {
                for file in fs::read_dir(directory.path())? {
                    blobs.records += 1;
                    blobs.files += 1;
                    blobs.bytes += file?.metadata()?.len();
                }
            }
        }
        Ok(Statistics { blobs, actions: self.actions.statistics()?, facts: self.facts.statistics()? })
    }

    /// Removes everything below the root of the store and returns how many bytes that were.
    pub fn clear(root: &Path) -> io::Result<u64> {
        let directory = root.join("v1");
        let bytes = match tree_bytes(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            bytes => bytes?,
        };
        // One rename takes it out of use; a reader keeps the packs that it has open.
        let doomed = root.join(format!("v1.cleared-{}", std::process::id()));
        fs::rename(&directory, &doomed)?;
        fs::remove_dir_all(&doomed)?;
        Ok(bytes)
    }

    fn loose(&self, digest: Digest) -> PathBuf {
        let hex = digest.to_hex();
        self.root.join("cas").join(&hex[..2]).join(&hex[2..])
    }

    fn quarantine_loose(&self, digest: Digest) {
        let to = self.root.join("quarantine").join(digest.to_hex());
        // Best effort: a blob that cannot be moved is still a miss.
        let _ = fs::rename(self.loose(digest), to);
    }
}

impl Blobs for Store {
    fn get(&self, digest: Digest) -> io::Result<Option<Arc<[u8]>>> {
        if let Some(bytes) = self.blobs.get(digest)? {
            if Digest::of(&bytes) == digest {
                return Ok(Some(Arc::from(bytes)));
            }
            self.blobs.quarantine(digest);
        }
        match fs::read(self.loose(digest)) {
            Ok(bytes) if Digest::of(&bytes) == digest => Ok(Some(Arc::from(bytes))),
            Ok(_) => {
                self.quarantine_loose(digest);
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn put(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        if bytes.len() < LOOSE_BYTES {
            self.blobs.put(digest, bytes)?;
            return Ok(digest);
        }
        let path = self.loose(digest);
        if fs::metadata(&path).is_ok_and(|metadata| metadata.len() == bytes.len() as u64) {
            return Ok(digest);
        }
        fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
        let mut file = tempfile::NamedTempFile::new_in(self.root.join("tmp"))?;
        io::Write::write_all(&mut file, bytes)?;
        file.persist(&path)?;
        Ok(digest)
    }
}

/// Gives a new store its identity. Of two processes that open it at once one is first, and both use its name.
fn name(path: &Path, temporary: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let mut file = tempfile::NamedTempFile::new_in(temporary)?;
    let seed = format!("{:?} {} {}", SystemTime::now(), std::process::id(), file.path().display());
    io::Write::write_all(&mut file, Digest::of(seed.as_bytes()).to_hex().as_bytes())?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// Appends a checksum that is bound to the key.
fn seal(key: Digest, body: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(body.len() + 32);
    sealed.extend_from_slice(body);
    sealed.extend_from_slice(checksum(key, body).as_bytes());
    sealed
}

fn unseal(key: Digest, sealed: &[u8]) -> Option<&[u8]> {
    let (body, sum) = sealed.split_last_chunk::<32>()?;
    (checksum(key, body).as_bytes() == sum).then_some(body)
}

fn checksum(key: Digest, body: &[u8]) -> Digest {
    KeyHasher::new("webstir record v1").digest(key).bytes(body).finish()
}

/// Removes what a killed process left a day ago or earlier. Best effort: another process may be sweeping too.
fn sweep(temporary: &Path) {
    let Ok(entries) = fs::read_dir(temporary) else { return };
    for entry in entries.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        if age.is_some_and(|age| age > Duration::from_hours(24)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn tree_bytes(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { tree_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Artifact;
    use crate::diagnostic::Diagnostic;
    use crate::path::RelPath;

    fn key(text: &str) -> ActionKey {
        ActionKey(Digest::of(text.as_bytes()))
    }

    fn outcome(store: &Store, text: &str) -> Outcome {
        let digest = store.put(text.as_bytes()).unwrap();
        let path = RelPath::new("build/a.js").unwrap();
        Outcome::done(
            vec![Artifact { path: path.clone(), digest, bytes: text.len() as u64, executable: false }],
            vec![Diagnostic::warning("test::w", "Something").in_file(&path)],
        )
    }

    #[test]
    fn published_records_are_there_in_another_process() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let made = outcome(&store, "text");
        store.record(key("a"), &made).unwrap();
        assert_eq!(store.outcomes(key("a")).unwrap(), std::slice::from_ref(&made));
        assert!(Store::open(root.path()).unwrap().outcomes(key("a")).unwrap().is_empty());

        store.publish().unwrap();
        let other = Store::open(root.path()).unwrap();
        assert_eq!(other.outcomes(key("a")).unwrap(), std::slice::from_ref(&made));
        assert_eq!(other.get(made.artifacts[0].digest).unwrap().as_deref(), Some(&b"text"[..]));
        assert_eq!(other.statistics().unwrap().actions.records, 1);
    }

    #[test]
    fn large_blobs_are_files_and_damage_is_a_miss() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let large = vec![7; LOOSE_BYTES];
        let digest = store.put(&large).unwrap();
        assert_eq!(store.get(digest).unwrap().as_deref(), Some(&large[..]));
        let path = store.loose(digest);
        fs::write(&path, b"damaged").unwrap();
        assert_eq!(store.get(digest).unwrap(), None);
        assert!(!path.exists());
        store.put(&large).unwrap();
        assert!(store.get(digest).unwrap().is_some());
    }

    #[test]
    fn every_bit_flip_in_a_pack_is_a_miss_or_harmless() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let made = outcome(&store, "some text");
        store.record(key("a"), &made).unwrap();
        store.put_fact(key("f").0, b"fact").unwrap();
        store.publish().unwrap();
        for bucket in ["cas", "actions", "facts"] {
            let pack = fs::read_dir(root.path().join("v1").join(bucket)).unwrap().next().unwrap().unwrap().path();
            let whole = fs::read(&pack).unwrap();
            for byte in 0..whole.len() {
                let mut damaged = whole.clone();
                damaged[byte] ^= 0x10;
                fs::write(&pack, &damaged).unwrap();
                let reopened = Store::open(root.path()).unwrap();
                let outcomes = reopened.outcomes(key("a")).unwrap();
                assert!(outcomes.is_empty() || outcomes == std::slice::from_ref(&made), "{bucket} byte {byte}");
                let blob = reopened.get(made.artifacts[0].digest).unwrap();
                assert!(blob.is_none() || blob.as_deref() == Some(&b"some text"[..]), "{bucket} byte {byte}");
                let fact = reopened.fact(key("f").0).unwrap();
                assert!(fact.is_none() || fact.as_deref() == Some(&b"fact"[..]), "{bucket} byte {byte}");
                let _ = fs::remove_dir_all(root.path().join("v1/quarantine"));
                fs::write(&pack, &whole).unwrap();
            }
        }
    }

    #[test]
    fn a_damaged_blob_is_healed_by_writing_it_again() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let digest = store.put(b"heal me").unwrap();
        store.publish().unwrap();
        let pack = fs::read_dir(root.path().join("v1/cas")).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&pack).unwrap();
        bytes[20] ^= 1;
        fs::write(&pack, bytes).unwrap();

        let store = Store::open(root.path()).unwrap();
        assert_eq!(store.get(digest).unwrap(), None);
        store.put(b"heal me").unwrap();
        store.publish().unwrap();
        assert!(store.get(digest).unwrap().is_some());
        assert!(Store::open(root.path()).unwrap().get(digest).unwrap().is_some());
    }

    #[test]
    fn newer_outcomes_come_first_and_old_ones_are_dropped() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        for round in 0..6 {
            let mut made = outcome(&store, "text");
            let path = RelPath::new(&format!("f{round}")).unwrap();
            made.trace = Box::from([(path, crate::view::Observation::Content(None))]);
            store.record(key("a"), &made).unwrap();
            store.publish().unwrap();
        }
        let outcomes = Store::open(root.path()).unwrap().outcomes(key("a")).unwrap();
        let first: Vec<_> = outcomes.iter().map(|outcome| outcome.trace[0].0.as_str().to_owned()).collect();
        assert_eq!(first, ["f5", "f4", "f3", "f2"]);
    }

    #[test]
    fn clear_removes_everything() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        store.put(b"x").unwrap();
        store.publish().unwrap();
        let identity = Store::identity(root.path());
        assert!(Store::clear(root.path()).unwrap() > 0);
        assert_eq!(Store::identity(root.path()), None);
        assert_eq!(Store::clear(root.path()).unwrap(), 0);
        Store::open(root.path()).unwrap();
        assert_ne!(Store::identity(root.path()), identity);
    }
}
