//! A bucket: the packs of one directory, and the pack that this process is writing.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustc_hash::{FxHashMap, FxHashSet};

use super::BucketStatistics;
use super::pack::{Location, MAGIC, Pack, index_and_footer};
use super::usage::{self, Day};
use crate::digest::Digest;

/// Buffered payload is written to the file in pieces of this size.
const BUFFER_BYTES: usize = 1024 * 1024;

/// More packs than this are merged into one when the bucket is published.
const PACKS_KEPT: usize = 24;

/// Records by key; the newest pack wins.
#[derive(Debug)]
pub(super) struct Bucket {
    writable: bool,
    directory: PathBuf,
    temporary: PathBuf,
    quarantine: PathBuf,
    /// Newest first.
    packs: RwLock<Vec<Arc<Pack>>>,
    pending: Mutex<Pending>,
    /// Keys whose record was found damaged: they are written anew even though a pack names them.
    damaged: Mutex<FxHashSet<Digest>>,
}

/// The pack being written.
#[derive(Debug, Default)]
struct Pending {
    file: Option<(tempfile::TempPath, File)>,
    /// Payload bytes in the file already, the magic included.
    written: u64,
    /// Payload bytes that follow them.
    buffer: Vec<u8>,
    records: FxHashMap<Digest, Location>,
}

impl Pending {
    fn flush(&mut self) -> io::Result<()> {
        if let Some((_, file)) = &self.file {
            file.write_all_at(&self.buffer, self.written)?;
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    fn read(&self, location: Location) -> io::Result<Vec<u8>> {
        if location.offset >= self.written {
            let start = usize::try_from(location.offset - self.written).unwrap_or(usize::MAX);
            let bytes = self.buffer.get(start..start + location.length as usize);
            return bytes.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        }
        let (_, file) = self.file.as_ref().ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut bytes = vec![0; location.length as usize];
        file.read_exact_at(&mut bytes, location.offset)?;
        Ok(bytes)
    }
}

impl Bucket {
    /// The bucket `name` of the store at `root`; one that is not `writable` is left exactly as it is.
    pub(super) fn open(root: &Path, name: &str, writable: bool) -> io::Result<Self> {
        let bucket = Self {
            writable,
            directory: root.join(name),
            temporary: root.join("tmp"),
            quarantine: root.join("quarantine"),
            packs: RwLock::default(),
            pending: Mutex::default(),
            damaged: Mutex::default(),
        };
        if writable {
            fs::create_dir_all(&bucket.directory)?;
        }
        let packs = bucket.load()?;
        *bucket.packs.write().unwrap_or_else(PoisonError::into_inner) = packs;
        Ok(bucket)
    }

    /// All packs of the directory, newest first. Damaged ones are moved to quarantine.
    fn load(&self) -> io::Result<Vec<Arc<Pack>>> {
        let mut paths = Vec::new();
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.writable => return Ok(Vec::new()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "pack") {
                paths.push(path);
            }
        }
        paths.sort_by(|a, b| b.cmp(a));
        let mut packs = Vec::with_capacity(paths.len());
        for path in paths {
            match Pack::open(&path) {
                Ok(pack) => packs.push(Arc::new(pack)),
                Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                    let name = path.file_name().unwrap_or_default();
                    if self.writable {
                        let _ = fs::create_dir_all(&self.quarantine);
                        // Best effort: a damaged pack that stays is skipped again next time.
                        let _ = fs::rename(&path, self.quarantine.join(name));
                    }
                }
                // Another process merged it away after we listed the directory.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(packs)
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn packs(&self) -> Vec<Arc<Pack>> {
        self.packs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_damaged(&self, key: Digest) -> bool {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).contains(&key)
    }

    pub(super) fn contains(&self, key: Digest) -> bool {
        if self.lock().records.contains_key(&key) {
            return true;
        }
        let packs = self.packs.read().unwrap_or_else(PoisonError::into_inner);
        packs.iter().any(|pack| pack.find(key).is_some()) && !self.is_damaged(key)
    }

    pub(super) fn get(&self, key: Digest) -> io::Result<Option<Vec<u8>>> {
        {
            let pending = self.lock();
            if let Some(&location) = pending.records.get(&key) {
                return pending.read(location).map(Some);
            }
        }
        if self.is_damaged(key) {
            return Ok(None);
        }
        let mut is_cut_short = false;
        for pack in self.packs() {
            let Some(location) = pack.find(key) else { continue };
            match pack.read(location)? {
                Some(payload) => return Ok(Some(payload)),
                None => is_cut_short = true,
            }
        }
        if is_cut_short {
            // Otherwise it would count as there, and never be written again.
            self.quarantine(key);
        }
        Ok(None)
    }

    /// Adds a record, or replaces one of an older pack. A blob that is there already is not written again.
    pub(super) fn put(&self, key: Digest, payload: &[u8]) -> io::Result<()> {
        let content_addressed = Digest::of(payload) == key;
        if content_addressed && self.contains(key) {
            return Ok(());
        }
        self.write(key, payload)
    }

    fn write(&self, key: Digest, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut pending = self.lock();
        if pending.file.is_none() {
            let (file, path) = tempfile::NamedTempFile::new_in(&self.temporary)?.into_parts();
            file.write_all_at(MAGIC, 0)?;
            pending.file = Some((path, file));
            pending.written = MAGIC.len() as u64;
        }
        let offset = pending.written + pending.buffer.len() as u64;
        pending.buffer.extend_from_slice(payload);
        pending.records.insert(key, Location { offset, length });
        if pending.buffer.len() >= BUFFER_BYTES {
            pending.flush()?;
        }
        Ok(())
    }

    /// Forgets a damaged record, so that it is a miss from now on.
    pub(super) fn quarantine(&self, key: Digest) {
        self.lock().records.remove(&key);
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }

    /// Whether there is anything to publish.
    pub(super) fn has_pending(&self) -> bool {
        !self.lock().records.is_empty()
    }

    /// Completes the pack being written and renames it into place. Nobody looks for a record meanwhile: it is among those that are written
    /// or in a pack.
    pub(super) fn publish(&self) -> io::Result<()> {
        let mut pending = self.lock();
        if pending.records.is_empty() {
            return Ok(());
        }
        pending.flush()?;
        let mut finished = std::mem::take(&mut *pending);
        let (temporary, file) = finished.file.take().ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut entries: Vec<_> = finished.records.drain().collect();
        file.write_all_at(&index_and_footer(&mut entries, finished.written), finished.written)?;
        drop(file);
        let pack = self.place(temporary, self.next_stamp())?;
        let count = {
            let mut packs = self.packs.write().unwrap_or_else(PoisonError::into_inner);
            packs.insert(0, pack);
            packs.len()
        };
        drop(pending);
        // The newest pack is looked at first, so what was damaged in an older one is whole again.
        self.damaged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|key| entries.binary_search_by_key(key, |(published, _)| *published).is_err());
        if count <= PACKS_KEPT {
            return Ok(());
        }
        // What a collection evicted meanwhile must not come back.
        self.reload()?;
        self.merge()
    }

    /// Renames a finished pack into place. It is opened before: once it has its name, another process may merge it and take it away.
    fn place(&self, temporary: tempfile::TempPath, stamp: u64) -> io::Result<Arc<Pack>> {
        let mut pack = Pack::open(&temporary)?;
        pack.path = self.directory.join(pack_name(stamp));
        temporary.persist(&pack.path)?;
        Ok(Arc::new(pack))
    }

    /// A stamp that comes after those of all packs, also where the clock was set back since they were written.
    fn next_stamp(&self) -> u64 {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let last = entries.map(|entry| stamp_of(&entry.path())).max().unwrap_or(0);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_micros()).unwrap_or(u64::MAX).max(last.saturating_add(1))
    }

    /// Writes all packs into one. A reader with the old ones open goes on; a blob is in at least one pack at every moment.
    fn merge(&self) -> io::Result<()> {
        self.rewrite(&|key| !self.is_damaged(key))
    }

    /// Keeps only the records whose key `keep` says yes to. Returns how many went.
    pub(super) fn retain(&self, keep: &dyn Fn(Digest) -> bool) -> io::Result<u64> {
        let mut gone = FxHashSet::default();
        self.each_location(&mut |key, _| {
            if !keep(key) {
                gone.insert(key);
            }
        });
        if !gone.is_empty() {
            self.rewrite(&|key| !gone.contains(&key))?;
        }
        Ok(gone.len() as u64)
    }

    /// Writes the records to keep into one pack and removes the others; into none when there are none to keep.
    fn rewrite(&self, keep: &dyn Fn(Digest) -> bool) -> io::Result<()> {
        let old = self.packs();
        let (file, temporary) = tempfile::NamedTempFile::new_in(&self.temporary)?.into_parts();
        let mut merged = Pending { written: MAGIC.len() as u64, ..Pending::default() };
        file.write_all_at(MAGIC, 0)?;
        merged.file = Some((temporary, file));
        for pack in &old {
            for key in pack.keys() {
                if merged.records.contains_key(&key) || !keep(key) {
                    continue;
                }
                let Some(location) = pack.find(key) else { continue };
                let Some(payload) = pack.read(location)? else { continue };
                let offset = merged.written + merged.buffer.len() as u64;
                merged.buffer.extend_from_slice(&payload);
                merged.records.insert(key, Location { offset, length: location.length });
                if merged.buffer.len() >= BUFFER_BYTES {
                    merged.flush()?;
                }
            }
        }
        merged.flush()?;
        let (temporary, file) = merged.file.take().ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut entries: Vec<_> = merged.records.drain().collect();
        let mut made = None;
        if !entries.is_empty() {
            file.write_all_at(&index_and_footer(&mut entries, merged.written), merged.written)?;
            // What others published since is newer.
            let stamp = old.iter().map(|pack| stamp_of(&pack.path)).max().unwrap_or(0);
            made = Some(self.place(temporary, stamp)?);
        }
        let mut packs = self.packs.write().unwrap_or_else(PoisonError::into_inner);
        packs.retain(|pack| !old.iter().any(|merged| Arc::ptr_eq(merged, pack)));
        packs.extend(made);
        packs.sort_by(|a, b| b.path.cmp(&a.path));
        for pack in old {
            // Best effort: another process may have merged it too.
            let _ = fs::remove_file(&pack.path);
        }
        Ok(())
    }

    /// Whether packs that are open here were taken away by another process, by a collection or by merging. Where they were, the directory is
    /// looked at again; they stay readable here as long as they have what is nowhere else.
    pub(super) fn look_for_lost_packs(&self) -> io::Result<bool> {
        let lost: Vec<Arc<Pack>> = self.packs().into_iter().filter(|pack| !pack.path.exists()).collect();
        if lost.is_empty() {
            return Ok(false);
        }
        let mut packs = self.load()?;
        let there = packs.len();
        for pack in lost {
            if pack.keys().any(|key| packs[..there].iter().all(|other| other.find(key).is_none())) {
                packs.push(pack);
            }
        }
        *self.packs.write().unwrap_or_else(PoisonError::into_inner) = packs;
        Ok(true)
    }

    /// Writes those of these blobs anew that are in lost packs alone: a record that names them is about to be published.
    pub(super) fn rescue(&self, keys: &[Digest]) -> io::Result<()> {
        let (there, lost): (Vec<_>, Vec<_>) = self.packs().into_iter().partition(|pack| pack.path.exists());
        for &key in keys {
            let is_there = |packs: &[Arc<Pack>]| packs.iter().any(|pack| pack.find(key).is_some());
            if is_there(&there) || self.lock().records.contains_key(&key) {
                continue;
            }
            for pack in &lost {
                let Some(payload) = pack.find(key).map(|location| pack.read(location)).transpose()?.flatten() else {
                    continue;
                };
                self.write(key, &payload)?;
                break;
            }
        }
        Ok(())
    }

    /// Every record that is not published yet.
    pub(super) fn each_pending(&self, visit: &mut dyn FnMut(Digest, &[u8])) -> io::Result<()> {
        let pending = self.lock();
        let mut records: Vec<_> = pending.records.iter().map(|(key, location)| (*key, *location)).collect();
        records.sort_unstable_by_key(|(key, _)| *key);
        for (key, location) in records {
            visit(key, &pending.read(location)?);
        }
        Ok(())
    }

    /// Looks at the directory again.
    pub(super) fn reload(&self) -> io::Result<()> {
        let packs = self.load()?;
        *self.packs.write().unwrap_or_else(PoisonError::into_inner) = packs;
        Ok(())
    }

    /// Every record that is published, each key once, with its length.
    pub(super) fn each_location(&self, visit: &mut dyn FnMut(Digest, u32)) {
        let mut seen = FxHashSet::default();
        for pack in self.packs() {
            for key in pack.keys() {
                if let Some(location) = pack.find(key).filter(|_| seen.insert(key)) {
                    visit(key, location.length);
                }
            }
        }
    }

    /// Every record that is published, each key once, with its bytes; with none when they are not all there.
    pub(super) fn each(&self, visit: &mut dyn FnMut(Digest, &[u8])) -> io::Result<()> {
        let mut seen = FxHashSet::default();
        for pack in self.packs() {
            for key in pack.keys() {
                if let Some(location) = pack.find(key).filter(|_| seen.insert(key)) {
                    visit(key, &pack.read(location)?.unwrap_or_default());
                }
            }
        }
        Ok(())
    }

    /// The day on which each record was written, or last merged.
    pub(super) fn days(&self) -> FxHashMap<Digest, Day> {
        let mut days = FxHashMap::default();
        for pack in self.packs() {
            let day = usage::day_of(SystemTime::UNIX_EPOCH + Duration::from_micros(stamp_of(&pack.path)));
            pack.keys().for_each(|key| {
                days.entry(key).or_insert(day);
            });
        }
        days
    }

    pub(super) fn statistics(&self) -> io::Result<BucketStatistics> {
        let mut keys = FxHashSet::default();
        let mut statistics = BucketStatistics::default();
        for pack in self.load()? {
            keys.reserve(pack.len());
            keys.extend(pack.keys());
            statistics.bytes += pack.bytes;
            statistics.files += 1;
        }
        statistics.records = keys.len() as u64;
        Ok(statistics)
    }
}

/// A name that sorts by its stamp, microseconds since 1970. Equal ones of two processes differ in the process id.
fn pack_name(stamp: u64) -> String {
    static SERIAL: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let serial = SERIAL.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("{stamp:016x}-{:08x}-{serial:04x}.pack", std::process::id())
}

/// The stamp in the name of a pack.
fn stamp_of(path: &Path) -> u64 {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    name.split('-').next().and_then(|stamp| u64::from_str_radix(stamp, 16).ok()).unwrap_or(0)
}
