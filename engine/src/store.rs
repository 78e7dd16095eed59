//! The store: what earlier runs left, by content.
//!
//! ```text
//! <root>/v3/
//!   cas/<name>.pack       small blobs, keyed by their blake3 digest
//!   cas/<aa>/<62 hex>     one blob of LOOSE_BYTES or more each
//!   actions/<name>.pack   action records, keyed by the action key without discovered inputs
//!   facts/<name>.pack     facts of one file, keyed by the digest of the file and the version of the fact
//!   id                    tells this store from one that was here before
//!   use/<day>-<root set>  what was used on a day
//!   collected             its time is that of the last collection
//!   lock                  held together while publishing, alone while collecting
//!   tmp/                  files that are not published yet; swept after a day
//!   quarantine/           what was found damaged
//! ```
//!
//! A *pack* is one immutable file of many records with a sorted index at its end; one process writes it under `tmp/` and
//! renames it when it is whole, blobs before the action records that name them. So a reader sees whole packs only, a killed
//! process loses at most what it had not published, and concurrent builds need no lock. Nothing is trusted: a blob is
//! compared with its digest on every read, a record carries a checksum bound to its key, and what does not match is a miss.

#![expect(clippy::disallowed_methods, reason = "the store lives on disk")]

mod bucket;
mod collect;
mod delta;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod pack;
mod record;
#[cfg(test)]
mod tests;
mod usage;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustc_hash::FxHashMap;
use tempfile::TempPath;

use crate::action::{ActionKey, ActionResult};
use crate::blob::Blobs;
use crate::digest::{Digest, KeyHasher};
use crate::state_directory::StateDirectory;

use bucket::Bucket;
use collect::Lock;
pub use collect::{Budget, Collected, Verified};

/// The directory below the root, by the version of what lies there: an older program and this one do not read each other's.
const LAYOUT: &str = "v3";

/// Blobs of this size and more are files of their own.
const LOOSE_BYTES: usize = 256 * 1024;

/// How many results of one action that discovers inputs are kept, newest first.
const RESULTS_KEPT: usize = 4;

/// The store of one workspace, or one shared by several.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    blobs: Bucket,
    actions: Bucket,
    facts: Bucket,
    /// Large blobs that are not published yet.
    staged: Mutex<FxHashMap<Digest, TempPath>>,
    /// Held by who records, and alone by who publishes: a record is never published before a blob that was there before it.
    recording: RwLock<()>,
    /// Looked into where this one has nothing, and never written to.
    lower: Option<Box<Store>>,
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
        let root = root.join(LAYOUT);
        lay_out(&root)?;
        sweep(&root.join("tmp"));
        Self::with_buckets(root, true)
    }

    /// Creates the directories again that another process took away by clearing the store; what is open stays readable.
    pub fn restore(&self) -> io::Result<()> {
        if self.root.join("id").exists() { Ok(()) } else { lay_out(&self.root) }
    }

    /// Looks into the store below `lower` for what this one does not have, for example that of a CI image. It is never written to.
    pub fn over(mut self, lower: &Path) -> io::Result<Self> {
        self.lower = Some(Box::new(Self::with_buckets(lower.join(LAYOUT), false)?));
        Ok(self)
    }

    fn with_buckets(root: PathBuf, writable: bool) -> io::Result<Self> {
        let bucket = |name: &str| Bucket::open(&root, name, writable);
        Ok(Self {
            blobs: bucket("cas")?,
            actions: bucket("actions")?,
            facts: bucket("facts")?,
            root,
            staged: Mutex::default(),
            recording: RwLock::default(),
            lower: None,
        })
    }

    /// What tells the store below `root` from one that was there before it was cleared or lost; `None` when there is none.
    pub fn identity(root: &Path) -> Option<String> {
        fs::read_to_string(root.join(LAYOUT).join("id")).ok()
    }

    /// Whether a blob is there; its bytes are not looked at.
    pub fn contains(&self, digest: Digest) -> bool {
        self.blobs.contains(digest)
            || self.staged().contains_key(&digest)
            || self.loose(digest).is_file()
            || self.lower.as_ref().is_some_and(|lower| lower.contains(digest))
    }

    /// The results recorded for an action, newest first. `key` is the key without discovered inputs.
    pub fn results(&self, key: ActionKey) -> io::Result<Vec<ActionResult>> {
        let mut results = self.own_results(key)?;
        if let Some(lower) = &self.lower {
            results.extend(lower.results(key)?);
        }
        Ok(results)
    }

    fn own_results(&self, key: ActionKey) -> io::Result<Vec<ActionResult>> {
        let Some(bytes) = self.actions.get(key.0)? else { return Ok(Vec::new()) };
        let Some(record) = unseal(key.0, &bytes) else {
            self.actions.quarantine(key.0);
            return Ok(Vec::new());
        };
        Ok(record::decode_results(record).unwrap_or_default())
    }

    /// Records a result, before the older ones of the same action.
    ///
    /// # Panics
    /// When the result is not one of work that was done.
    pub fn record(&self, key: ActionKey, result: &ActionResult) -> io::Result<()> {
        assert!(result.is_done(), "only what was done is ever stored");
        let _recording = self.recording.read().unwrap_or_else(PoisonError::into_inner);
        let mut results = vec![result.clone()];
        results.extend(self.own_results(key)?.into_iter().filter(|older| older.discovered != result.discovered));
        results.truncate(RESULTS_KEPT);
        self.actions.put(key.0, &seal(key.0, &record::encode_results(&results)))
    }

    /// Makes everything added so far visible to other processes and safe from a kill of this one.
    pub fn publish(&self) -> io::Result<()> {
        let _recording = self.recording.write().unwrap_or_else(PoisonError::into_inner);
        let mut staged: Vec<Digest> = self.staged().keys().copied().collect();
        if staged.is_empty() && ![&self.blobs, &self.facts, &self.actions].iter().any(|bucket| bucket.has_pending()) {
            return Ok(());
        }
        let _lock = Lock::shared(&self.root)?;
        if self.blobs.look_for_lost_packs()? {
            let mut named = Vec::new();
            self.actions.each_pending(&mut |key, bytes| named.extend(collect::named_by(key, bytes)))?;
            self.blobs.rescue(&named)?;
        }
        // Blobs before the records that name them.
        staged.sort_unstable();
        for digest in staged {
            let path = self.loose(digest);
            fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
            // Whoever looks for it finds it in one place or the other.
            let mut staged = self.staged();
            if let Some(file) = staged.get(&digest) {
                fs::rename(file, &path)?;
                // Nothing is left to remove.
                staged.remove(&digest).map(TempPath::keep).transpose().map_err(|error| error.error)?;
            }
        }
        self.blobs.publish()?;
        self.facts.publish()?;
        self.actions.publish()
    }

    /// What the store holds.
    pub fn statistics(&self) -> io::Result<Statistics> {
        let mut blobs = self.blobs.statistics()?;
        for (_, path) in self.loose_blobs()? {
            // One that is collected meanwhile is not there.
            let Ok(metadata) = fs::metadata(path) else { continue };
            blobs.records += 1;
            blobs.files += 1;
            blobs.bytes += metadata.len();
        }
        Ok(Statistics { blobs, actions: self.actions.statistics()?, facts: self.facts.statistics()? })
    }

    /// Removes everything of this layout below the root of the store and returns how many bytes that were.
    pub fn clear(root: &Path) -> io::Result<u64> {
        let directory = root.join(LAYOUT);
        let bytes = match tree_bytes(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            bytes => bytes?,
        };
        // One rename takes it out of use; a reader keeps the packs that it has open.
        let doomed = root.join(format!("{LAYOUT}.cleared-{}", std::process::id()));
        fs::rename(&directory, &doomed)?;
        fs::remove_dir_all(&doomed)?;
        Ok(bytes)
    }

    /// Notes that these records and facts are in `root_set`, the GC roots of one workspace in one profile, today.
    pub fn note_use(&self, root_set: Digest, keys: &[Digest]) -> io::Result<()> {
        usage::note(&self.root, root_set, keys)
    }

    /// Whether `root_set` was noted today in the store below `root`.
    pub fn is_use_noted(root: &Path, root_set: Digest) -> bool {
        usage::is_noted(&root.join(LAYOUT), root_set)
    }

    /// Digest and place of each blob that is a file of its own.
    fn loose_blobs(&self) -> io::Result<Vec<(Digest, PathBuf)>> {
        let mut found = Vec::new();
        for directory in fs::read_dir(self.root.join("cas"))? {
            let directory = directory?;
            if !directory.file_type()?.is_dir() {
                continue;
            }
            let start = directory.file_name().to_string_lossy().into_owned();
            for file in fs::read_dir(directory.path())? {
                let file = file?;
                let digest = format!("{start}{}", file.file_name().to_string_lossy()).parse();
                found.extend(digest.ok().map(|digest| (digest, file.path())));
            }
        }
        Ok(found)
    }

    fn staged(&self) -> MutexGuard<'_, FxHashMap<Digest, TempPath>> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
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
        let staged = self.staged().get(&digest).map(|file| file.to_path_buf());
        let loose = || fs::read(self.loose(digest));
        let read = match staged.map(fs::read) {
            // It was published since.
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => loose(),
            Some(read) => read,
            None => loose(),
        };
        match read {
            Ok(bytes) if Digest::of(&bytes) == digest => Ok(Some(Arc::from(bytes))),
            Ok(_) => {
                self.quarantine_loose(digest);
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.lower.as_ref().map_or(Ok(None), |lower| lower.get(digest))
            }
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
        let mut file = tempfile::NamedTempFile::new_in(self.root.join("tmp"))?;
        io::Write::write_all(&mut file, bytes)?;
        self.staged().insert(digest, file.into_temp_path());
        Ok(digest)
    }

    fn fact(&self, key: Digest) -> io::Result<Option<Vec<u8>>> {
        let Some(bytes) = self.facts.get(key)? else {
            return self.lower.as_ref().map_or(Ok(None), |lower| lower.fact(key));
        };
        let fact = unseal(key, &bytes).map(<[u8]>::to_vec);
        if fact.is_none() {
            self.facts.quarantine(key);
        }
        Ok(fact)
    }

    fn put_fact(&self, key: Digest, fact: &[u8]) -> io::Result<()> {
        self.facts.put(key, &seal(key, fact))
    }
}

fn lay_out(root: &Path) -> io::Result<()> {
    if let Some(state) = StateDirectory::around(root) {
        state.create()?;
    }
    for name in ["tmp", "quarantine", "use", "cas", "actions", "facts"] {
        fs::create_dir_all(root.join(name))?;
    }
    name(&root.join("id"), &root.join("tmp"))
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

/// What goes away meanwhile, as temporary files of other processes do, counts as nothing.
fn tree_bytes(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let own = match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => tree_bytes(&entry.path()),
            metadata => metadata.map(|metadata| metadata.len()),
        };
        match own {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            own => bytes += own?,
        }
    }
    Ok(bytes)
}
