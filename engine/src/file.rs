//! The workspace as salsa inputs.
//!
//! An [`Answer`] is what the world said about one path when asked one [`Question`]. Queries read answers and nothing else of
//! the world; each is created when it is first asked for, and changes only in [`Files::refresh`].

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};
use salsa::Setter as _;

use crate::action::{Input, Origin};
use crate::digest::Digest;
use crate::path::RelPath;
use crate::system::{FileContent, Listing, PathKind, System, absent_to_none};
use crate::trace::{Observation, Question};

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

/// What is known about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
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

impl Known {
    /// Whether an action that saw `observation` saw the same. What was derived is not decided by an answer alone.
    pub fn agrees(&self, observation: &Observation) -> bool {
        match (self, observation) {
            (Self::Kind(known), Observation::Kind(seen)) => known == seen,
            (Self::Content(known), Observation::Content(seen)) => known.map(|known| known.digest) == *seen,
            (Self::Entries(known), Observation::Entries(seen)) => known.as_ref().map(Listing::digest) == *seen,
            (Self::Entries(Some(known)), Observation::Selected(extensions, seen)) => {
                known.select(extensions).digest() == *seen
            }
            (Self::RealPath(known), Observation::RealPath(seen)) => known == seen,
            _ => false,
        }
    }
}

/// The part of the database that knows the workspace.
#[salsa::db]
pub trait FileDb: salsa::Database {
    /// The world, for reading the bytes of a digest that an answer names.
    fn system(&self) -> &dyn System;
    /// The answers of the world so far.
    fn files(&self) -> &Files;
}

/// What the world answered about one path.
#[salsa::input(debug)]
pub struct Answer {
    /// The path that was asked about.
    #[returns(ref)]
    pub path: RelPath,
    /// What was asked.
    #[returns(copy)]
    pub question: Question,
    /// What it answered.
    #[returns(ref)]
    pub known: Known,
}

/// Actions finish many times between two edits: what follows from answers alone is not looked at again for each of them.
const DURABILITY: salsa::Durability = salsa::Durability::MEDIUM;

/// Bound on setting an unchanged input again: without it, a file whose bytes differ at each read would be read forever.
const MOST_CONFIRMED: u8 = 8;

/// All answers so far, by path and question. Shared by every handle of one database; holds identities only.
#[derive(Debug, Default)]
pub struct Files {
    answers: Mutex<Answers>,
    /// Paths whose bytes were found to differ from their answer while a query ran.
    suspects: Mutex<Vec<RelPath>>,
    /// How often an answer was set anew that was right after all, since the last change.
    confirmed: Mutex<FxHashMap<RelPath, u8>>,
}

#[derive(Debug, Default)]
struct Answers {
    by_question: FxHashMap<(RelPath, Question), Answer>,
    /// Directories in which something was asked about, or whose entries were.
    asked_in: BTreeSet<RelPath>,
    /// Those and all above them.
    ancestors: FxHashSet<RelPath>,
}

impl Answers {
    fn insert(&mut self, path: &RelPath, question: Question, answer: Answer) {
        self.by_question.insert((path.clone(), question), answer);
        let directory = if question == Question::Entries { Some(path.clone()) } else { path.parent() };
        let mut above = directory.clone();
        self.asked_in.extend(directory.filter(|directory| !self.asked_in.contains(directory)));
        while let Some(directory) = above.filter(|directory| !self.ancestors.contains(directory)) {
            above = directory.parent();
            self.ancestors.insert(directory);
        }
    }

    /// All about one path.
    fn of<'a>(&'a self, path: &'a RelPath) -> impl Iterator<Item = Answer> + 'a {
        Question::ALL.into_iter().filter_map(|question| self.by_question.get(&(path.clone(), question)).copied())
    }
}

impl Files {
    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, db: &dyn FileDb, path: &RelPath, question: Question) -> Answer {
        let mut answers = self.lock();
        if let Some(&answer) = answers.by_question.get(&(path.clone(), question)) {
            return answer;
        }
        let known = ask(db.system(), path, question);
        let answer = Answer::builder(path.clone(), question, known)
            .path_durability(salsa::Durability::NEVER_CHANGE)
            .question_durability(salsa::Durability::NEVER_CHANGE)
            .known_durability(DURABILITY)
            .new(db);
        answers.insert(path, question, answer);
        answer
    }

    /// Remembers that `path` no longer holds what its answer says; it is asked again before the next plan.
    pub fn suspect(&self, path: &RelPath) {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
    }

    /// Every answer so far, sorted by path.
    pub fn all(db: &dyn FileDb) -> Vec<(RelPath, Known)> {
        let answers = db.files().lock();
        let mut all: Vec<_> =
            answers.by_question.iter().map(|((path, _), answer)| (path.clone(), answer.known(db).clone())).collect();
        drop(answers);
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// The directories in which something was asked about, or whose entries were.
    pub fn directories(&self) -> BTreeSet<RelPath> {
        self.lock().asked_in.clone()
    }

    /// The suspects so far, which are forgotten.
    pub fn take_suspects(&self) -> Vec<RelPath> {
        std::mem::take(&mut self.suspects.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The digest of every file that was asked for its bytes and is there, sorted by path.
    pub fn contents(&self, db: &dyn FileDb) -> Vec<(RelPath, Digest)> {
        let answers = self.lock();
        let mut contents: Vec<_> = answers
            .by_question
            .iter()
            .filter(|((_, question), _)| *question == Question::Content)
            .filter_map(|((path, _), answer)| match answer.known(db) {
                Known::Content(Some(content)) => Some((path.clone(), content.digest)),
                _ => None,
            })
            .collect();
        contents.sort();
        contents
    }

    /// Asks the world again about `paths`, all questions that were ever asked, and sets what changed. Returns whether
    /// anything did.
    pub fn refresh(db: &mut dyn FileDb, paths: &[RelPath]) -> bool {
        let answers = db.files().lock();
        let stale: Vec<Answer> = paths.iter().flat_map(|path| answers.of(path)).collect();
        drop(answers);
        !Self::ask_again(db, stale).is_empty()
    }

    /// Reads inputs again whose bytes disagreed while a query ran, and invalidates what depends on them even where they agree now, as when a file
    /// was emptied and then restored: the query may have seen either. Returns whether any was invalidated.
    pub fn reconsider(db: &mut dyn FileDb, suspects: &[RelPath]) -> bool {
        for path in suspects {
            db.system().doubt(path);
        }
        let mut any = Self::refresh(db, suspects);
        for path in suspects {
            let answer = db.files().lock().by_question.get(&(path.clone(), Question::Content)).copied();
            let Some(answer) = answer else { continue };
            let times = {
                let mut confirmed = db.files().confirmed.lock().unwrap_or_else(PoisonError::into_inner);
                let times = confirmed.entry(path.clone()).or_default();
                *times += 1;
                *times
            };
            if times <= MOST_CONFIRMED {
                let known = answer.known(db).clone();
                answer.set_known(db).to(known);
                any = true;
            }
        }
        any
    }

    /// Asks the world again about what may have changed, and sets what did. Returns the paths whose answers are others now, sorted.
    pub fn look(db: &mut dyn FileDb, changes: &Changes) -> Vec<RelPath> {
        db.files().confirmed.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let answers = db.files().lock();
        let stale: Vec<Answer> = match changes {
            Changes::Everything => answers.by_question.values().copied().collect(),
            Changes::Some { paths, moved } => {
                let mut stale: Vec<Answer> = paths.iter().chain(moved).flat_map(|path| answers.of(path)).collect();
                // What is below a directory that came, went or moved did so, too.
                let above: Vec<&RelPath> = moved.iter().filter(|path| answers.ancestors.contains(*path)).collect();
                if !above.is_empty() {
                    let below = answers.by_question.iter().filter(|((path, _), _)| {
                        above.iter().any(|directory| path != *directory && path.is_within(directory))
                    });
                    stale.extend(below.map(|(_, answer)| *answer));
                }
                stale
            }
        };
        drop(answers);
        Self::ask_again(db, stale)
    }

    /// Asks about everything in these directories again, as [`Files::look`] does.
    pub fn look_in(db: &mut dyn FileDb, directories: &[RelPath]) -> Vec<RelPath> {
        if directories.is_empty() {
            return Vec::new();
        }
        let directories: FxHashSet<&RelPath> = directories.iter().collect();
        let answers = db.files().lock();
        let stale = answers.by_question.iter().filter(|((path, _), _)| {
            directories.contains(path) || path.parent().is_some_and(|parent| directories.contains(&parent))
        });
        let stale = stale.map(|(_, answer)| *answer).collect();
        drop(answers);
        Self::ask_again(db, stale)
    }

    fn ask_again(db: &mut dyn FileDb, stale: Vec<Answer>) -> Vec<RelPath> {
        let mut changed = Vec::new();
        for answer in stale {
            let known = ask(db.system(), answer.path(db), answer.question(db));
            // Setting an equal value would still start a revision.
            if *answer.known(db) != known {
                changed.push(answer.path(db).clone());
                answer.set_known(db).to(known);
            }
        }
        changed.sort();
        changed.dedup();
        changed
    }
}

pub(crate) fn ask(system: &dyn System, path: &RelPath, question: Question) -> Known {
    let known = match question {
        Question::Kind => system.kind(path).map(Known::Kind),
        Question::Content => absent_to_none(system.content(path)).map(Known::Content),
        Question::Entries => absent_to_none(system.list(path)).map(Known::Entries),
        Question::RealPath => system.real_path(path).map(Known::RealPath),
    };
    known.unwrap_or_else(|error| Known::Unreadable(Arc::from(error.to_string())))
}

/// What the world says about `path`: a dependency of the running query.
pub fn known<'db>(db: &'db dyn FileDb, path: &RelPath, question: Question) -> &'db Known {
    db.files().answer(db, path, question).known(db)
}

/// What is at `path`; nothing when the system refuses to say.
pub fn kind(db: &dyn FileDb, path: &RelPath) -> PathKind {
    match known(db, path, Question::Kind) {
        Known::Kind(kind) => *kind,
        _ => PathKind::Absent,
    }
}

/// What is known of a file's bytes.
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
    match known(db, path, Question::Content) {
        Known::Content(Some(content)) => Content::Digest(content.digest),
        Known::Unreadable(reason) => Content::Unreadable(reason.clone()),
        _ => Content::Absent,
    }
}

/// The file at `path` as an action declares it; `None` when there is none, or it cannot be read.
pub fn input(db: &dyn FileDb, path: &RelPath) -> Option<Input> {
    match known(db, path, Question::Content) {
        Known::Content(Some(FileContent { digest, executable })) => {
            Some(Input { path: path.clone(), digest: *digest, executable: *executable, origin: Origin::Workspace })
        }
        _ => None,
    }
}

/// The entries of the directory at `path`; none when it is not one.
pub fn entries<'db>(db: &'db dyn FileDb, path: &RelPath) -> Option<&'db Listing> {
    match known(db, path, Question::Entries) {
        Known::Entries(listing) => listing.as_ref(),
        _ => None,
    }
}

/// The bytes that have the digest which the answer about `path` names. They are read anew on each call, so no memo holds
/// them. `None` when there is no file, or when it changed since: then it becomes a suspect and the caller is planned again.
pub fn bytes(db: &dyn FileDb, path: &RelPath) -> Option<Vec<u8>> {
    let Content::Digest(digest) = content(db, path) else { return None };
    match db.system().read(path) {
        Ok(bytes) if Digest::of(&bytes) == digest => Some(bytes),
        _ => {
            db.files().suspect(path);
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
