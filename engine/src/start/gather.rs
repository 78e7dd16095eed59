//! From the file inputs of a build to the entries of a log.
//!
//! Every file state is compared once more with the directory it depends on, whose stat was taken before: what changes afterwards
//! shows in that stat.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::layout::{DirectoryFingerprint, Found, FoundDirectory};
use crate::digest::{Digest, KeyHasher};
use crate::discovered::DiscoveredInput;
use crate::file::FileState;
use crate::path::RelPath;
use crate::system::{EntryType, FileContent, Hashed, Listing, Os, PathKind, Stat, System as _, now, shown_left_out};

/// A directory as it was seen.
#[derive(Debug)]
struct Seen {
    fingerprint: DirectoryFingerprint,
    /// Sorted.
    names: Vec<(OsString, EntryType)>,
}

/// What is known about a path from the directories above it.
enum Located {
    /// It is in its parent.
    There(EntryType),
    /// Some directory above it lacks the next name, or has a file there.
    Absent,
    /// A link is on the way, or at its end.
    BehindLink,
}

struct Gathering<'a> {
    os: &'a Os,
    seen: FxHashMap<RelPath, Option<Arc<Seen>>>,
    files: BTreeMap<RelPath, BTreeMap<String, Hashed>>,
    asked: Vec<(RelPath, DiscoveredInput)>,
}

/// `None` when some state no longer holds, or cannot be vouched for.
pub(super) fn gather(os: &Os, states: &[(RelPath, FileState)]) -> io::Result<Option<Found>> {
    let mut gathering = Gathering { os, seen: FxHashMap::default(), files: BTreeMap::new(), asked: Vec::new() };
    for (path, state) in states {
        if !gathering.take(path, state)? {
            return Ok(None);
        }
    }
    let Gathering { seen, mut files, asked, .. } = gathering;
    let mut directories: Vec<_> = seen
        .into_iter()
        .filter_map(|(path, seen)| {
            let files = files.remove(&path).unwrap_or_default().into_iter().collect();
            Some(FoundDirectory { fingerprint: seen?.fingerprint, files, path })
        })
        .collect();
    directories.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Some(Found { directories, asked }))
}

impl Gathering<'_> {
    /// Whether the state still holds and is now watched.
    fn take(&mut self, path: &RelPath, state: &FileState) -> io::Result<bool> {
        let located = self.locate(path)?;
        let there = match located {
            Located::BehindLink => return self.take_behind_link(path, state),
            Located::There(kind) => Some(kind),
            Located::Absent => None,
        };
        Ok(match state {
            FileState::Kind(kind) => *kind == kind_of(there),
            FileState::Content(None) => there != Some(EntryType::File),
            // The stat that stands for the bytes also says whether they may be executed.
            FileState::Content(Some(content)) => there == Some(EntryType::File) && self.take_file(path, *content),
            FileState::Entries(None) => there != Some(EntryType::Directory),
            FileState::Entries(Some(listing)) => {
                there == Some(EntryType::Directory) && self.take_entries(path, listing)?
            }
            FileState::RealPath(real) => real.as_ref() == (kind_of(there) != PathKind::Absent).then_some(path),
            FileState::Unreadable(_) => false,
        })
    }

    /// Where a link is involved the query is made again each time; only the bytes at its end are told by their stat.
    fn take_behind_link(&mut self, path: &RelPath, state: &FileState) -> io::Result<bool> {
        let input = match state {
            FileState::Kind(kind) => DiscoveredInput::Kind(*kind),
            FileState::Content(None) => DiscoveredInput::Content(None),
            FileState::Content(Some(content)) => {
                let Some(real) = self.os.real_path(path)? else { return Ok(false) };
                let Located::There(EntryType::File) = self.locate(&real)? else { return Ok(false) };
                let Some(hashed) = self.os.hashed(path, *content) else { return Ok(false) };
                self.put_file(&real, hashed);
                DiscoveredInput::RealPath(Some(real))
            }
            FileState::Entries(listing) => DiscoveredInput::Entries(listing.as_ref().map(Listing::digest)),
            FileState::RealPath(real) => DiscoveredInput::RealPath(real.clone()),
            FileState::Unreadable(_) => return Ok(false),
        };
        let holds = super::check::holds(self.os, path, &input)?;
        self.asked.push((path.clone(), input));
        Ok(holds)
    }

    fn take_file(&mut self, path: &RelPath, content: FileContent) -> bool {
        let hashed = self.os.hashed(path, content);
        hashed.is_some_and(|hashed| {
            self.put_file(path, hashed);
            true
        })
    }

    fn put_file(&mut self, path: &RelPath, hashed: Hashed) {
        let directory = path.parent().unwrap_or_else(RelPath::root);
        self.files.entry(directory).or_default().insert(path.file_name().to_owned(), hashed);
    }

    fn take_entries(&mut self, path: &RelPath, listing: &Listing) -> io::Result<bool> {
        let Some(seen) = self.see(path)? else { return Ok(false) };
        let mut entries = Vec::new();
        let mut has_links = false;
        let mut left_out = Vec::new();
        for (name, kind) in &seen.names {
            let entry = name.to_str().and_then(|text| Some((text, path.join(text).ok()?)));
            let Some((name, entry)) = entry else {
                left_out.extend(shown_left_out(name, *kind == EntryType::File, *kind == EntryType::Directory));
                continue;
            };
            let kind = if *kind == EntryType::Link {
                has_links = true;
                self.os.kind(&entry)?
            } else {
                kind_of(Some(*kind))
            };
            if kind != PathKind::Absent {
                entries.push((Arc::from(name), kind));
            }
        }
        if has_links {
            self.asked.push((path.clone(), DiscoveredInput::Entries(Some(listing.digest()))));
        }
        Ok(Listing::new(entries).leaving_out(left_out) == *listing)
    }

    fn locate(&mut self, path: &RelPath) -> io::Result<Located> {
        let Some(parent) = path.parent() else {
            return Ok(match self.see(path)? {
                Some(_) => Located::There(EntryType::Directory),
                None => Located::Absent,
            });
        };
        if let Some(seen) = self.see(&parent)? {
            let name = OsStr::new(path.file_name());
            let found = seen.names.binary_search_by(|(entry, _)| entry.as_os_str().cmp(name));
            return Ok(match found.map(|index| seen.names[index].1) {
                Ok(EntryType::Link) => Located::BehindLink,
                Ok(kind) => Located::There(kind),
                Err(_) => Located::Absent,
            });
        }
        // The parent is no directory, or a link is above it.
        Ok(match self.locate(&parent)? {
            Located::BehindLink => Located::BehindLink,
            Located::There(_) | Located::Absent => Located::Absent,
        })
    }

    /// The directory at `path`; `None` when there is none, or only behind a link.
    fn see(&mut self, path: &RelPath) -> io::Result<Option<Arc<Seen>>> {
        if let Some(seen) = self.seen.get(path) {
            return Ok(seen.clone());
        }
        let seen = match self.os.open_directory(path)? {
            None => None,
            Some(directory) => {
                let before = now();
                let stat = Stat::from(rustix::fs::fstat(&directory)?);
                let entries = Os::entries(&directory)?;
                let fingerprint = DirectoryFingerprint { stat, racy: stat.is_racy(before), names: digest(&entries) };
                Some(Arc::new(Seen { fingerprint, names: entries }))
            }
        };
        self.seen.insert(path.clone(), seen.clone());
        Ok(seen)
    }
}

fn kind_of(entry: Option<EntryType>) -> PathKind {
    match entry {
        Some(EntryType::File) => PathKind::File,
        Some(EntryType::Directory) => PathKind::Directory,
        // What is behind a link is asked elsewhere.
        Some(EntryType::Link | EntryType::Other) | None => PathKind::Absent,
    }
}

/// The digest of the names in an open directory.
pub(super) fn names(directory: &OwnedFd) -> io::Result<Digest> {
    Os::entries(directory).map(|entries| digest(&entries))
}

fn digest(entries: &[(OsString, EntryType)]) -> Digest {
    let mut hasher = KeyHasher::new("webstir start names v1");
    for (name, kind) in entries {
        hasher.bytes(name.as_bytes()).number(*kind as u64);
    }
    hasher.finish()
}
