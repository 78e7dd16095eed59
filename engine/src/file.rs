//! The workspace as salsa inputs.
//!
//! A [`FileInput`] holds the [`FileState`] of one path for one [`FileQuery`]. Of the workspace queries read these inputs and nothing
//! else; each is created when it is first asked for, and changes only where this module asks the system again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};
use salsa::Setter as _;

use crate::action::{Input, Origin};
use crate::digest::Digest;
use crate::discovered::{DiscoveredInput, FileQuery};
use crate::path::RelPath;
use crate::system::{FileContent, Listing, PathKind, System, absent_to_none};

/// What may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Some of it.
    Some {
        /// What may be other than it was.
        paths: BTreeSet<RelPath>,
        /// What came, went or moved, with everything below it.
        moved: BTreeSet<RelPath>,
    },
    /// Anything.
    Everything,
}

/// What the file system says about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// What is there.
    Kind(PathKind),
    /// The digest of the file's bytes and whether it may be executed; `None` when there is no file.
    Content(Option<FileContent>),
    /// The entries of the directory; `None` when there is none.
    Entries(Option<Listing>),
    /// Where it really is; `None` when nothing is there.
    RealPath(Option<RelPath>),
    /// The system refused; the text is its reason.
    Unreadable(Arc<str>),
}

impl FileState {
    /// Whether an action that saw `input` saw the same. What was derived is not decided by a file state alone.
    pub fn agrees(&self, input: &DiscoveredInput) -> bool {
        match (self, input) {
            (Self::Kind(state), DiscoveredInput::Kind(seen)) => state == seen,
            (Self::Content(state), DiscoveredInput::Content(seen)) => state.map(|state| state.digest) == *seen,
            (Self::Entries(state), DiscoveredInput::Entries(seen)) => state.as_ref().map(Listing::digest) == *seen,
            (Self::Entries(Some(state)), DiscoveredInput::Selected(extensions, seen)) => {
                state.select(extensions).digest() == *seen
            }
            (Self::RealPath(state), DiscoveredInput::RealPath(seen)) => state == seen,
            _ => false,
        }
    }
}

/// The part of the database that knows the workspace.
#[salsa::db]
pub trait FileDb: salsa::Database {
    /// The world, for reading the bytes of a digest that a file state names.
    fn system(&self) -> &dyn System;
    /// The file inputs so far.
    fn files(&self) -> &Files;
}

/// What the file system says about one path.
#[salsa::input(debug)]
pub struct FileInput {
    /// The path that was asked about.
    #[returns(ref)]
    pub path: RelPath,
    /// What was asked.
    #[returns(copy)]
    pub query: FileQuery,
    /// What it found.
    #[returns(ref)]
    pub state: FileState,
}

/// Actions finish many times between two edits: what follows from file inputs alone is not looked at again for each of them.
const DURABILITY: salsa::Durability = salsa::Durability::MEDIUM;

/// Bound on setting an unchanged input again: without it, a file whose bytes differ at each read would be read forever.
const MOST_CONFIRMED: u8 = 8;

/// All file inputs so far, by path and query. Shared by every handle of one database; holds identities only.
#[derive(Debug, Default)]
pub struct Files {
    inputs: Mutex<FileInputs>,
    /// Racy files: paths whose bytes were found to differ from their file state while a query ran.
    racy: Mutex<Vec<RelPath>>,
    /// How often an input was set anew that was right after all, since the last change.
    confirmed: Mutex<FxHashMap<RelPath, u8>>,
}

#[derive(Debug, Default)]
struct FileInputs {
    by_query: FxHashMap<(RelPath, FileQuery), FileInput>,
    /// Directories in which something was asked about, or whose entries were.
    asked_in: BTreeSet<RelPath>,
    /// Those and all above them.
    ancestors: FxHashSet<RelPath>,
}

impl FileInputs {
    fn insert(&mut self, path: &RelPath, query: FileQuery, input: FileInput) {
        self.by_query.insert((path.clone(), query), input);
        let directory = if query == FileQuery::Entries { Some(path.clone()) } else { path.parent() };
        let mut above = directory.clone();
        self.asked_in.extend(directory.filter(|directory| !self.asked_in.contains(directory)));
        while let Some(directory) = above.filter(|directory| !self.ancestors.contains(directory)) {
            above = directory.parent();
            self.ancestors.insert(directory);
        }
    }

    /// All about one path.
    fn of<'a>(&'a self, path: &'a RelPath) -> impl Iterator<Item = FileInput> + 'a {
        FileQuery::ALL.into_iter().filter_map(|query| self.by_query.get(&(path.clone(), query)).copied())
    }
}

impl Files {
    fn lock(&self) -> MutexGuard<'_, FileInputs> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn input(&self, db: &dyn FileDb, path: &RelPath, query: FileQuery) -> FileInput {
        let mut inputs = self.lock();
        if let Some(&input) = inputs.by_query.get(&(path.clone(), query)) {
            return input;
        }
        let state = ask(db.system(), path, query);
        let input = FileInput::builder(path.clone(), query, state)
            .path_durability(salsa::Durability::NEVER_CHANGE)
            .query_durability(salsa::Durability::NEVER_CHANGE)
            .state_durability(DURABILITY)
            .new(db);
        inputs.insert(path, query, input);
        input
    }

    /// Remembers that `path` no longer holds what its file state says; it is asked again before the next plan.
    pub fn mark_racy(&self, path: &RelPath) {
        self.racy.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
    }

    /// The state in every file input so far, sorted by path.
    pub fn all(db: &dyn FileDb) -> Vec<(RelPath, FileState)> {
        let inputs = db.files().lock();
        let mut all: Vec<_> =
            inputs.by_query.iter().map(|((path, _), input)| (path.clone(), input.state(db).clone())).collect();
        drop(inputs);
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// The directories in which something was asked about, or whose entries were.
    pub fn directories(&self) -> BTreeSet<RelPath> {
        self.lock().asked_in.clone()
    }

    /// The racy files so far, which are forgotten.
    pub fn take_racy(&self) -> Vec<RelPath> {
        std::mem::take(&mut self.racy.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The digest of every file that was asked for its bytes and is there, sorted by path.
    pub fn contents(&self, db: &dyn FileDb) -> Vec<(RelPath, Digest)> {
        let inputs = self.lock();
        let mut contents: Vec<_> = inputs
            .by_query
            .iter()
            .filter(|((_, query), _)| *query == FileQuery::Content)
            .filter_map(|((path, _), input)| match input.state(db) {
                FileState::Content(Some(content)) => Some((path.clone(), content.digest)),
                _ => None,
            })
            .collect();
        contents.sort();
        contents
    }

    /// Asks the world again about `paths`, all queries that were ever made, and sets what changed. Returns whether
    /// anything did.
    pub fn refresh(db: &mut dyn FileDb, paths: &[RelPath]) -> bool {
        let inputs = db.files().lock();
        let stale: Vec<FileInput> = paths.iter().flat_map(|path| inputs.of(path)).collect();
        drop(inputs);
        !Self::ask_again(db, stale).is_empty()
    }

    /// Reads inputs again whose bytes disagreed while a query ran, and invalidates what depends on them even where they agree now, as when a file
    /// was emptied and then restored: the query may have seen either. Returns whether any was invalidated.
    pub fn reconsider(db: &mut dyn FileDb, racy: &[RelPath]) -> bool {
        for path in racy {
            db.system().doubt(path);
        }
        let mut any = Self::refresh(db, racy);
        for path in racy {
            let input = db.files().lock().by_query.get(&(path.clone(), FileQuery::Content)).copied();
            let Some(input) = input else { continue };
            let times = {
                let mut confirmed = db.files().confirmed.lock().unwrap_or_else(PoisonError::into_inner);
                let times = confirmed.entry(path.clone()).or_default();
                *times += 1;
                *times
            };
            if times <= MOST_CONFIRMED {
                let state = input.state(db).clone();
                input.set_state(db).to(state);
                any = true;
            }
        }
        any
    }

    /// Asks the world again about what may have changed, and sets what did. Returns the paths whose file states are others now, sorted.
    pub fn look(db: &mut dyn FileDb, changes: &Changes) -> Vec<RelPath> {
        db.files().confirmed.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let inputs = db.files().lock();
        let stale: Vec<FileInput> = match changes {
            Changes::Everything => inputs.by_query.values().copied().collect(),
            Changes::Some { paths, moved } => {
                let mut stale: Vec<FileInput> = paths.iter().chain(moved).flat_map(|path| inputs.of(path)).collect();
                // What is below a directory that came, went or moved did so, too.
                let above: Vec<&RelPath> = moved.iter().filter(|path| inputs.ancestors.contains(*path)).collect();
                if !above.is_empty() {
                    let below = inputs.by_query.iter().filter(|((path, _), _)| {
                        above.iter().any(|directory| path != *directory && path.is_within(directory))
                    });
                    stale.extend(below.map(|(_, input)| *input));
                }
                stale
            }
        };
        drop(inputs);
        Self::ask_again(db, stale)
    }

    /// Asks about everything in these directories again, as [`Files::look`] does.
    pub fn look_in(db: &mut dyn FileDb, directories: &[RelPath]) -> Vec<RelPath> {
        if directories.is_empty() {
            return Vec::new();
        }
        let directories: FxHashSet<&RelPath> = directories.iter().collect();
        let inputs = db.files().lock();
        let stale = inputs.by_query.iter().filter(|((path, _), _)| {
            directories.contains(path) || path.parent().is_some_and(|parent| directories.contains(&parent))
        });
        let stale = stale.map(|(_, input)| *input).collect();
        drop(inputs);
        Self::ask_again(db, stale)
    }

    fn ask_again(db: &mut dyn FileDb, stale: Vec<FileInput>) -> Vec<RelPath> {
        let mut changed = Vec::new();
        for input in stale {
            let found = ask(db.system(), input.path(db), input.query(db));
            // Setting an equal value would still start a revision.
            if *input.state(db) != found {
                changed.push(input.path(db).clone());
                input.set_state(db).to(found);
            }
        }
        changed.sort();
        changed.dedup();
        changed
    }
}

pub(crate) fn ask(system: &dyn System, path: &RelPath, query: FileQuery) -> FileState {
    let state = match query {
        FileQuery::Kind => system.kind(path).map(FileState::Kind),
        FileQuery::Content => absent_to_none(system.content(path)).map(FileState::Content),
        FileQuery::Entries => absent_to_none(system.list(path)).map(FileState::Entries),
        FileQuery::RealPath => system.real_path(path).map(FileState::RealPath),
    };
    state.unwrap_or_else(|error| FileState::Unreadable(Arc::from(error.to_string())))
}

/// What the world says about `path`: a dependency of the running query.
pub fn state<'db>(db: &'db dyn FileDb, path: &RelPath, query: FileQuery) -> &'db FileState {
    db.files().input(db, path, query).state(db)
}

/// What is at `path`; nothing when the system refuses to say.
pub fn kind(db: &dyn FileDb, path: &RelPath) -> PathKind {
    match state(db, path, FileQuery::Kind) {
        FileState::Kind(kind) => *kind,
        _ => PathKind::Absent,
    }
}

/// The state of a file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// They have this digest.
    Digest(Digest),
    /// There is no file.
    Absent,
    /// The system refused; the text is its reason.
    Unreadable(Arc<str>),
}

/// The digest of the file at `path`.
pub fn content(db: &dyn FileDb, path: &RelPath) -> Content {
    match state(db, path, FileQuery::Content) {
        FileState::Content(Some(content)) => Content::Digest(content.digest),
        FileState::Unreadable(reason) => Content::Unreadable(reason.clone()),
        _ => Content::Absent,
    }
}

/// The file at `path` as an action declares it; `None` when there is none, or it cannot be read.
pub fn input(db: &dyn FileDb, path: &RelPath) -> Option<Input> {
    match state(db, path, FileQuery::Content) {
        FileState::Content(Some(FileContent { digest, executable })) => {
            Some(Input { path: path.clone(), digest: *digest, executable: *executable, origin: Origin::Workspace })
        }
        _ => None,
    }
}

/// The entries of the directory at `path`; none when it is not one.
pub fn entries<'db>(db: &'db dyn FileDb, path: &RelPath) -> Option<&'db Listing> {
    match state(db, path, FileQuery::Entries) {
        FileState::Entries(listing) => listing.as_ref(),
        _ => None,
    }
}

/// The bytes that have the digest which the file state of `path` names. They are read anew on each call, so no memo holds
/// them. `None` when there is no file, or when it changed since: then it is marked racy and the caller is planned again.
pub fn bytes(db: &dyn FileDb, path: &RelPath) -> Option<Vec<u8>> {
    let Content::Digest(digest) = content(db, path) else { return None };
    match db.system().read(path) {
        Ok(bytes) if Digest::of(&bytes) == digest => Some(bytes),
        _ => {
            db.files().mark_racy(path);
            None
        }
    }
}

/// As [`bytes`], as text; what is not UTF-8 is replaced.
pub fn text(db: &dyn FileDb, path: &RelPath) -> Option<String> {
    bytes(db, path).map(|bytes| match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}
