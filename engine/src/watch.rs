//! Watching: what the system says about files while a process runs.
//!
//! A [`Watcher`] follows the directories in which something was asked about, each by itself, and tells of [`Changes`]. What it says is a
//! hint to ask again, never a file state: too much costs time, and where it cannot know (too many events, too many directories, no events
//! at all) it says that [everything](Changes::Everything) may have changed.

#![expect(clippy::disallowed_methods, reason = "the watcher speaks to the system")]

mod coalesce;
mod links;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::Watcher as _;
use rustc_hash::{FxHashMap, FxHashSet};

use self::coalesce::{Batch, Seen};
use self::links::Trail;
use crate::file::Changes;
use crate::path::RelPath;

/// How long between two looks where the system tells nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(750);
/// Looking takes at most this part of the time.
const POLL_SHARE: u32 = 50;

/// Receives changes; false when nobody wants them any more.
pub type ChangeSink = Box<dyn Fn(Changes) -> bool + Send>;

/// Follows directories.
pub struct Watcher {
    root: PathBuf,
    /// `None` where the system tells nothing: then everything is looked at again and again.
    events: Option<notify::RecommendedWatcher>,
    raw: Sender<Raw>,
    followed: Arc<Mutex<Followed>>,
    /// Said once.
    complaint: Option<String>,
}

/// What reaches the thread that coalesces.
enum Raw {
    Event(notify::Result<notify::Event>),
    /// From now on by looking.
    Poll,
    /// How long the last look took.
    Looked(Duration),
}

/// The directories that are followed. A link gives one directory several names, and the system knows only one.
#[derive(Debug, Default)]
struct Followed {
    names: FxHashMap<PathBuf, BTreeSet<RelPath>>,
    known: FxHashSet<RelPath>,
    /// What changes when something comes or goes at a place that a link leads to or over: the link, or the directory that is followed by
    /// its name. The directory of the place is followed as long as that one is.
    links: FxHashMap<PathBuf, BTreeSet<RelPath>>,
}

impl Watcher {
    /// A watcher below `root`, an absolute path without links, that follows nothing yet. `polls` where the system is not to be asked for
    /// events. `sink` is called on a thread of its own.
    pub fn start(root: &Path, polls: bool, sink: ChangeSink) -> io::Result<Self> {
        let (raw, incoming) = channel();
        let followed = Arc::<Mutex<Followed>>::default();
        let sender = raw.clone();
        let handler = move |event| drop(sender.send(Raw::Event(event)));
        let mut watcher =
            Self { root: root.to_owned(), events: None, raw, followed: followed.clone(), complaint: None };
        if polls {
            // It is received by the thread that starts below.
            let _ = watcher.raw.send(Raw::Poll);
        } else {
            match notify::RecommendedWatcher::new(handler, notify::Config::default()) {
                Ok(events) => watcher.events = Some(events),
                Err(error) => watcher.give_up(&error),
            }
        }
        let names = Names { root: root.to_owned(), followed };
        std::thread::Builder::new().name("watch".to_owned()).spawn(move || listen(&incoming, &names, &sink))?;
        Ok(watcher)
    }

    /// Follows these directories, and no others. Returns those that were not followed before: what changed in them until now was not
    /// told. A directory that is not there stands for the nearest one above it that is.
    pub fn follow(&mut self, directories: &BTreeSet<RelPath>) -> Vec<RelPath> {
        if self.events.is_none() {
            return Vec::new();
        }
        let (new, gone) = {
            let followed = self.lock();
            let new: Vec<RelPath> =
                directories.iter().filter(|directory| !followed.known.contains(*directory)).cloned().collect();
            let mut gone: Vec<RelPath> =
                followed.known.iter().filter(|directory| !directories.contains(*directory)).cloned().collect();
            gone.sort();
            (new, gone)
        };
        for directory in &gone {
            self.leave(directory);
        }
        let mut added = Vec::new();
        for directory in new {
            let Some((real, name)) = self.nearest(&directory) else { continue };
            match self.follow_real(&real, &name) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    self.give_up(&error);
                    return Vec::new();
                }
            }
            self.lock().known.insert(directory.clone());
            for (link, place) in self.links_in(&real, &name).into_iter().chain(self.links_to(&real, &name)) {
                let Some(parent) = place.parent() else { continue };
                if let Err(error) = self.follow_real(parent, &name) {
                    self.give_up(&error);
                    return Vec::new();
                }
                self.lock().links.entry(place).or_default().insert(link);
            }
            added.push(directory);
        }
        added
    }

    /// Follows a directory under a name. False when it is not there any more, which its parent tells.
    fn follow_real(&mut self, real: &Path, name: &RelPath) -> Result<bool, notify::Error> {
        let is_new = !self.lock().names.contains_key(real);
        if is_new
            && let Some(events) = &mut self.events
            && let Err(error) = events.watch(real, notify::RecursiveMode::NonRecursive)
        {
            if matches!(error.kind, notify::ErrorKind::PathNotFound) || !real.exists() {
                return Ok(false);
            }
            return Err(error);
        }
        self.lock().names.entry(real.to_owned()).or_default().insert(name.clone());
        Ok(true)
    }

    /// The links in a directory, each with the places below the root that it leads over and to. A directory that one leads to is followed
    /// itself where somebody asks about what is in it.
    fn links_in(&self, real: &Path, name: &RelPath) -> Vec<(RelPath, PathBuf)> {
        let entries = fs::read_dir(real).into_iter().flatten().flatten();
        let mut found = Vec::new();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink())) {
            let Some(link) = entry.file_name().to_str().and_then(|entry| name.join(entry).ok()) else { continue };
            let mut trail = Trail::of(&entry.path());
            trail.end = trail.end.filter(|end| !end.is_dir());
            let places = trail.places().filter(|place| place.starts_with(&self.root) && *place != entry.path());
            found.extend(places.map(|place| (link.clone(), place)));
        }
        found
    }

    /// The places below the root that a directory's name leads over, where it is not its own.
    fn links_to(&self, real: &Path, name: &RelPath) -> Vec<(RelPath, PathBuf)> {
        let path = self.root.join(name.as_str());
        if path == real || name.is_root() {
            return Vec::new();
        }
        let links = Trail::of(&path).links.into_iter().filter(|place| place.starts_with(&self.root));
        links.map(|place| (name.clone(), place)).collect()
    }

    /// Why the system tells nothing, when that is so; given once.
    pub fn take_complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    /// How long it took to look at everything: what is polled is polled no more often than is bearable.
    pub fn looked(&self, took: Duration) {
        // The thread ends with the process.
        let _ = self.raw.send(Raw::Looked(took));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&mut self, directory: &RelPath) {
        let mut orphans = Vec::new();
        {
            let mut followed = self.lock();
            followed.known.remove(directory);
            followed.links.retain(|_, links| {
                links.retain(|link| link != directory && link.parent().as_ref() != Some(directory));
                !links.is_empty()
            });
            followed.names.retain(|real, names| {
                names.remove(directory);
                if names.is_empty() {
                    orphans.push(real.clone());
                }
                !names.is_empty()
            });
        }
        for real in orphans {
            if let Some(events) = &mut self.events {
                // One that is gone is left already.
                let _ = events.unwatch(&real);
            }
        }
    }

    /// The place of a directory on disk, links followed, and its name; of the nearest one above it where it is not there.
    fn nearest(&self, directory: &RelPath) -> Option<(PathBuf, RelPath)> {
        let mut directory = Some(directory.clone());
        while let Some(candidate) = directory {
            if let Ok(real) = fs::canonicalize(self.root.join(candidate.as_str()))
                && real.is_dir()
                && real.starts_with(&self.root)
            {
                return Some((real, candidate));
            }
            directory = candidate.parent();
        }
        None
    }

    fn give_up(&mut self, error: &notify::Error) {
        self.events = None;
        *self.lock() = Followed::default();
        self.complaint = Some(match error.kind {
            notify::ErrorKind::MaxFilesWatch => {
                "The system's limit of watched directories is reached (`fs.inotify.max_user_watches`)".to_owned()
            }
            _ => format!("The system does not tell of changes: {error}"),
        });
        let _ = self.raw.send(Raw::Poll);
    }
}

/// Names the paths of events.
struct Names {
    root: PathBuf,
    followed: Arc<Mutex<Followed>>,
}

impl Names {
    /// Every name of a path on disk below the root. A directory that came, went or moved is no longer followed under its name, nor is
    /// what is below: whoever asks again follows what is there now.
    fn of(&self, path: &Path, moved: bool) -> Vec<RelPath> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if moved && path != self.root {
            followed.names.retain(|real, _| !real.starts_with(path));
        }
        let mut found: Vec<RelPath> = Vec::new();
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) {
            let directories = followed.names.get(parent).into_iter().flatten();
            found.extend(directories.filter_map(|directory| directory.join(name).ok()));
            let links: Vec<RelPath> = followed.links.get(path).into_iter().flatten().cloned().collect();
            if moved {
                // Where they lead now is found out when their directories are followed anew.
                followed.known.retain(|known| !links.iter().any(|link| link.parent().as_ref() == Some(known)));
                if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
                    let holders = followed.names.get(parent).cloned().unwrap_or_default();
                    followed.known.retain(|known| !holders.contains(known));
                }
            }
            found.extend(links);
        }
        let plain = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
        found.extend(plain.and_then(|plain| RelPath::new(plain).ok()));
        if moved {
            followed.known.retain(|known| !found.iter().any(|found| known.is_within(found)));
        }
        found
    }
}

fn listen(incoming: &Receiver<Raw>, names: &Names, sink: &ChangeSink) {
    let mut batch = Batch::default();
    let mut polls = false;
    let mut pause = POLL_INTERVAL;
    let mut looked = Instant::now();
    loop {
        let timeout = match batch.due() {
            Some(due) => due.saturating_duration_since(Instant::now()),
            None if polls => pause.saturating_sub(looked.elapsed()),
            None => Duration::from_hours(1),
        };
        match incoming.recv_timeout(timeout) {
            Ok(Raw::Event(event)) => batch.take(Seen::of(event), names),
            Ok(Raw::Poll) => polls = true,
            Ok(Raw::Looked(took)) => {
                pause = POLL_INTERVAL.max(took * POLL_SHARE);
                looked = Instant::now();
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                let changes = match batch.finish() {
                    Some(changes) => changes,
                    None if polls => Changes::Everything,
                    None => continue,
                };
                looked = Instant::now();
                if !sink(changes) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
