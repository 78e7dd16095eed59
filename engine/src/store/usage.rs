//! What was used when: the order in which the store evicts.
//!
//! A *root set* is what one workspace in one profile references. For each day on which it was built there is one file
//! `use/<day>-<root set>`, the keys of all records and facts that builds referenced, those of the latest build at the end. A build on an
//! unchanged tree writes it once a day and then never again that day.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::digest::Digest;

/// Days since 1970.
pub(super) type Day = u64;

const DAY: Duration = Duration::from_hours(24);
const KEY_BYTES: usize = 32;

pub(super) fn today() -> Day {
    day_of(SystemTime::now())
}

pub(super) fn day_of(time: SystemTime) -> Day {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / DAY.as_secs()
}

/// Whether `root_set` is on record for today.
pub(super) fn is_noted(root: &Path, root_set: Digest) -> bool {
    path_of(root, today(), root_set).is_file()
}

/// When something was last used; the greatest is the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct LastUse {
    pub(super) day: Day,
    /// How many keys the root set has later on that day.
    later: std::cmp::Reverse<usize>,
}

impl LastUse {
    /// Some time on a day, before everything that was noted.
    pub(super) fn sometime(day: Day) -> Self {
        Self { day, later: std::cmp::Reverse(usize::MAX) }
    }
}

/// Notes that `root_set` has `keys` now.
pub(super) fn note(root: &Path, root_set: Digest, keys: &[Digest]) -> io::Result<()> {
    let path = path_of(root, today(), root_set);
    let mut noted = read(&path).unwrap_or_default();
    if noted.ends_with(keys) {
        return Ok(());
    }
    let now: FxHashSet<&Digest> = keys.iter().collect();
    noted.retain(|key| !now.contains(key));
    noted.extend(keys);
    write(root, &path, &noted)
}

fn path_of(root: &Path, day: Day, root_set: Digest) -> std::path::PathBuf {
    root.join("use").join(format!("{day:08}-{}", &root_set.to_hex()[..16]))
}

fn read(path: &Path) -> io::Result<Vec<Digest>> {
    let bytes = fs::read(path)?;
    Ok(bytes.as_chunks::<KEY_BYTES>().0.iter().map(|key| Digest::from_bytes(*key)).collect())
}

fn write(root: &Path, path: &Path, keys: &[Digest]) -> io::Result<()> {
    let bytes: Vec<u8> = keys.iter().flat_map(|key| *key.as_bytes()).collect();
    let mut file = tempfile::NamedTempFile::new_in(root.join("tmp"))?;
    io::Write::write_all(&mut file, &bytes)?;
    file.persist(path)?;
    Ok(())
}

/// When each key was last used. Forgets days before `oldest`, and what a later day says again.
pub(super) fn last_uses(root: &Path, oldest: Day) -> io::Result<FxHashMap<Digest, LastUse>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join("use"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let day =
            name.split_once('-').and_then(|(day, root_set)| Some((day.parse::<Day>().ok()?, root_set.to_owned())));
        files.extend(day.map(|(day, root_set)| (day, root_set, entry.path())));
    }
    // Newest first: what was seen already needs no older day.
    files.sort_unstable_by(|a, b| b.cmp(a));
    let mut uses: FxHashMap<Digest, LastUse> = FxHashMap::default();
    for (day, _, path) in files {
        if day < oldest {
            remove(&path)?;
            continue;
        }
        let Ok(keys) = read(&path) else { continue };
        let is_fresh = |key: &Digest| uses.get(key).is_none_or(|last| last.day == day);
        let fresh: Vec<Digest> = keys.iter().copied().filter(is_fresh).collect();
        if day != today() && fresh.is_empty() {
            remove(&path)?;
        } else if day != today() && fresh.len() < keys.len() {
            write(root, &path, &fresh)?;
        }
        for (later, key) in fresh.into_iter().rev().enumerate() {
            let this = LastUse { day, later: std::cmp::Reverse(later) };
            let last = uses.entry(key).or_default();
            *last = this.max(*last);
        }
    }
    Ok(uses)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
