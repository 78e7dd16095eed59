//! Giving up what was not used for longest, and finding what is damaged.
//!
//! What was last used too long ago goes, then the least recently used until the rest fits; a blob goes with the last record that
//! names it. Nothing here can make a build wrong: whoever still wanted what went makes it again. A collection holds the lock of the
//! store alone, publishing holds it together with others, so that blobs are never judged before the records that name them.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustc_hash::{FxHashMap, FxHashSet};

use super::bucket::Bucket;
use super::pack::ENTRY_BYTES;
use super::usage::{self, LastUse};
use super::{Store, record, unseal};
use crate::action::ActionResult;
use crate::digest::Digest;
use crate::discovered::DiscoveredInput;

/// How long what was found damaged is kept for whoever wants to look at it.
const QUARANTINE_DAYS: u64 = 7;

/// A collection that was needed leaves one part in this many free, so that the next build does not need another.
const ROOM: u64 = 5;

/// How much a store may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes on disk.
    pub bytes: u64,
    /// Days since the last use.
    pub days: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: 5 << 30, days: 30 }
    }
}

/// What a collection did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Bytes on disk before.
    pub before: u64,
    /// Bytes on disk after.
    pub after: u64,
    /// Action records and facts evicted.
    pub records: u64,
    /// Blobs evicted.
    pub blobs: u64,
}

/// What was found damaged, and removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// Blobs, records and facts that were looked at.
    pub checked: u64,
    /// Those that were not what their key says.
    pub damaged: u64,
    /// Action records of which a blob is missing.
    pub incomplete: u64,
}

/// The lock of a store, held until it is dropped.
pub(super) struct Lock(#[expect(dead_code, reason = "the lock is released when the file is closed")] File);

impl Lock {
    fn open(root: &Path) -> io::Result<File> {
        File::options().create(true).truncate(false).write(true).open(root.join("lock"))
    }

    /// Together with others that publish.
    pub(super) fn shared(root: &Path) -> io::Result<Self> {
        let file = Self::open(root)?;
        file.lock_shared()?;
        Ok(Self(file))
    }

    /// Alone.
    fn exclusive(root: &Path) -> io::Result<Self> {
        let file = Self::open(root)?;
        file.lock()?;
        Ok(Self(file))
    }
}

/// Something that can be evicted.
struct Candidate {
    key: Digest,
    last: LastUse,
    bytes: u64,
    /// The blobs that it names.
    blobs: Vec<Digest>,
}

impl Store {
    /// Whether a collection is due: the store is over its budget, or none was made today.
    pub fn is_collection_due(&self, budget: Budget) -> io::Result<bool> {
        let stamp = fs::metadata(self.root.join("collected")).and_then(|metadata| metadata.modified());
        let collected_today = stamp.is_ok_and(|time| usage::day_of(time) == usage::today());
        Ok(!collected_today || self.bytes()? > budget.bytes)
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> io::Result<u64> {
        super::tree_bytes(&self.root)
    }

    /// Brings the store below `root` within its budget.
    pub fn collect(root: &Path, budget: Budget) -> io::Result<Collected> {
        let store = Self::open(root)?;
        let _lock = Lock::exclusive(&store.root)?;
        store.reload()?;
        let before = store.bytes()?;
        let today = usage::today();
        let oldest = today.saturating_sub(budget.days);
        let uses = usage::last_uses(&store.root, oldest)?;
        let sizes = store.blob_sizes()?;
        let mut candidates = store.candidates(&uses)?;

        candidates.retain(|candidate| candidate.last.day >= oldest);
        candidates.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.key.cmp(&b.key)));
        let free = if before > budget.bytes { budget.bytes / ROOM } else { 0 };
        let limit = budget.bytes.saturating_sub(free).saturating_sub(super::tree_bytes(&store.root.join("use"))?);
        let mut kept = FxHashSet::default();
        let mut blobs = FxHashSet::default();
        let mut bytes = 0_u64;
        for candidate in &candidates {
            let new: Vec<Digest> = candidate.blobs.iter().copied().filter(|blob| !blobs.contains(blob)).collect();
            let size = candidate.bytes + new.iter().filter_map(|blob| sizes.get(blob)).sum::<u64>();
            if size > limit {
                continue;
            }
            if bytes.saturating_add(size) > limit {
                break;
            }
            bytes += size;
            kept.insert(candidate.key);
            blobs.extend(new);
        }
        let mut collected = Collected { before, ..Collected::default() };
        // Records before the blobs that they name.
        collected.records += store.actions.retain(&|key| kept.contains(&key))?;
        collected.records += store.facts.retain(&|key| kept.contains(&key))?;
        collected.blobs += store.blobs.retain(&|key| blobs.contains(&key))?;
        collected.blobs += store.retain_loose(&|key| blobs.contains(&key))?;
        store.sweep_quarantine();
        File::create(store.root.join("collected"))?.set_modified(SystemTime::now())?;
        collected.after = store.bytes()?;
        Ok(collected)
    }

    /// Reads everything, and removes what is not what its key says. What is missing then is made again when it is next wanted.
    pub fn verify(root: &Path) -> io::Result<Verified> {
        let store = Self::open(root)?;
        let _lock = Lock::exclusive(&store.root)?;
        store.reload()?;
        let mut verified = Verified::default();
        let mut sound = FxHashSet::default();
        let mut check = |bucket: &Bucket, is_sound: &dyn Fn(Digest, &[u8]) -> bool| -> io::Result<()> {
            let mut damaged = FxHashSet::default();
            bucket.each(&mut |key, bytes| {
                verified.checked += 1;
                if !is_sound(key, bytes) {
                    damaged.insert(key);
                }
            })?;
            verified.damaged += damaged.len() as u64;
            if !damaged.is_empty() {
                bucket.retain(&|key| !damaged.contains(&key))?;
            }
            Ok(())
        };
        check(&store.blobs, &|key, bytes| Digest::of(bytes) == key)?;
        check(&store.facts, &|key, bytes| unseal(key, bytes).is_some())?;
        check(&store.actions, &|key, bytes| unseal(key, bytes).and_then(record::decode_results).is_some())?;
        store.blobs.each(&mut |key, _| {
            sound.insert(key);
        })?;
        for (key, path) in store.loose_blobs()? {
            verified.checked += 1;
            if fs::read(&path).is_ok_and(|bytes| Digest::of(&bytes) == key) {
                sound.insert(key);
            } else {
                verified.damaged += 1;
                store.quarantine_loose(key);
            }
        }
        let mut incomplete = FxHashSet::default();
        store.actions.each(&mut |key, bytes| {
            if !needed_by(key, bytes).iter().all(|blob| sound.contains(blob)) {
                incomplete.insert(key);
            }
        })?;
        verified.incomplete = incomplete.len() as u64;
        if !incomplete.is_empty() {
            store.actions.retain(&|key| !incomplete.contains(&key))?;
        }
        Ok(verified)
    }

    /// Looks at the packs again: another process may have published or merged since.
    fn reload(&self) -> io::Result<()> {
        self.blobs.reload()?;
        self.actions.reload()?;
        self.facts.reload()
    }

    /// All records and facts.
    fn candidates(&self, uses: &FxHashMap<Digest, LastUse>) -> io::Result<Vec<Candidate>> {
        let mut candidates = Vec::new();
        for (bucket, is_fact) in [(&self.actions, false), (&self.facts, true)] {
            let written = bucket.days();
            bucket.each(&mut |key, bytes| {
                let written = || LastUse::sometime(written.get(&key).copied().unwrap_or(0));
                let last = uses.get(&key).copied().unwrap_or_else(written);
                let blobs = if is_fact { Vec::new() } else { named_by(key, bytes) };
                candidates.push(Candidate { key, last, bytes: (bytes.len() + ENTRY_BYTES) as u64, blobs });
            })?;
        }
        Ok(candidates)
    }

    fn blob_sizes(&self) -> io::Result<FxHashMap<Digest, u64>> {
        let mut sizes = FxHashMap::default();
        self.blobs.each_location(&mut |key, length| {
            sizes.insert(key, u64::from(length) + ENTRY_BYTES as u64);
        });
        for (key, path) in self.loose_blobs()? {
            sizes.insert(key, fs::metadata(path).map_or(0, |metadata| metadata.len()));
        }
        Ok(sizes)
    }

    fn retain_loose(&self, keep: &dyn Fn(Digest) -> bool) -> io::Result<u64> {
        let mut removed = 0;
        for (key, path) in self.loose_blobs()? {
            if !keep(key) {
                fs::remove_file(path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Best effort: what cannot be removed now is removed another day.
    fn sweep_quarantine(&self) {
        let Ok(entries) = fs::read_dir(self.root.join("quarantine")) else { return };
        for entry in entries.flatten() {
            let age =
                entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > Duration::from_hours(24 * QUARANTINE_DAYS)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// The blobs that an action record cannot do without; none when it is damaged.
fn needed_by(key: Digest, bytes: &[u8]) -> Vec<Digest> {
    outputs(&decoded(key, bytes))
}

/// The blobs that are kept for an action record; none when it is damaged.
pub(super) fn named_by(key: Digest, bytes: &[u8]) -> Vec<Digest> {
    let results = decoded(key, bytes);
    let mut named = outputs(&results);
    // What a later run may start from, and those of the files it was made of that are here. It starts over without: of the older results
    // nothing is kept that would take the room of what a build cannot do without.
    if let Some((state, result)) = results.iter().find_map(|result| Some((result.state?, result))) {
        named.push(state);
        named.extend(result.discovered.iter().filter_map(|(_, input)| match input {
            DiscoveredInput::Content(digest) => *digest,
            _ => None,
        }));
    }
    named
}

fn decoded(key: Digest, bytes: &[u8]) -> Vec<ActionResult> {
    unseal(key, bytes).and_then(record::decode_results).unwrap_or_default()
}

fn outputs(results: &[ActionResult]) -> Vec<Digest> {
    results.iter().flat_map(|result| result.artifacts.iter().map(|artifact| artifact.digest)).collect()
}
