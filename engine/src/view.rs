//! What a running action sees of the workspace, and the record of what it saw.
//!
//! A [`View`] is the only file system that a traced action has. Each question and its answer, a miss included, becomes an
//! [`Observation`]; together they are the [`Trace`], the exact input set of the action. A trace holds as long as the workspace
//! would answer every question the same way.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::digest::Digest;
use crate::path::RelPath;
use crate::system::{Listing, PathKind, System};

/// One answer about one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Observation {
    /// What is there was asked.
    Kind(PathKind),
    /// The bytes were read; `None` when there is no file.
    Content(Option<Digest>),
    /// The entries were listed; `None` when there is no directory.
    Entries(Option<Digest>),
    /// The real path was asked; `None` when nothing is there.
    RealPath(Option<RelPath>),
}

/// The questions an action asked and their answers, sorted.
pub type Trace = Box<[(RelPath, Observation)]>;

impl Observation {
    /// The question that this answers.
    pub fn question(&self) -> Question {
        match self {
            Self::Kind(_) => Question::Kind,
            Self::Content(_) => Question::Content,
            Self::Entries(_) => Question::Entries,
            Self::RealPath(_) => Question::RealPath,
        }
    }
}

/// What can be asked about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// What is there?
    Kind,
    /// Which bytes does the file hold?
    Content,
    /// What does the directory hold?
    Entries,
    /// Where is it, links followed?
    RealPath,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Kind, Self::Content, Self::Entries, Self::RealPath];
}

/// The workspace as a traced action sees it.
#[derive(Debug)]
pub struct View {
    system: Arc<dyn System>,
    answers: Mutex<FxHashMap<(RelPath, Question), Observation>>,
}

impl View {
    /// A view that has recorded nothing yet.
    pub fn new(system: Arc<dyn System>) -> Self {
        Self { system, answers: Mutex::default() }
    }

    fn record(&self, path: &RelPath, question: Question, observation: Observation) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        // The first answer stays: a later one that differs means that the file changed under the action, and the trace must
        // then not match the workspace.
        answers.entry((path.clone(), question)).or_insert(observation);
    }

    /// What is at `path`.
    pub fn kind(&self, path: &RelPath) -> io::Result<PathKind> {
        let kind = self.system.kind(path)?;
        self.record(path, Question::Kind, Observation::Kind(kind));
        Ok(kind)
    }

    /// The bytes of the file at `path`; `None` when there is none.
    pub fn read(&self, path: &RelPath) -> io::Result<Option<Vec<u8>>> {
        let bytes = absent_to_none(self.system.read(path))?;
        let digest = bytes.as_deref().map(Digest::of);
        self.record(path, Question::Content, Observation::Content(digest));
        Ok(bytes)
    }

    /// The entries of the directory at `path`; `None` when there is none.
    pub fn list(&self, path: &RelPath) -> io::Result<Option<Listing>> {
        let listing = absent_to_none(self.system.list(path))?;
        let digest = listing.as_ref().map(Listing::digest);
        self.record(path, Question::Entries, Observation::Entries(digest));
        Ok(listing)
    }

    /// Where `path` really is, links followed; `None` when nothing is there.
    pub fn real_path(&self, path: &RelPath) -> io::Result<Option<RelPath>> {
        let real = self.system.real_path(path)?;
        self.record(path, Question::RealPath, Observation::RealPath(real.clone()));
        Ok(real)
    }

    /// Everything asked so far, sorted by path.
    pub fn trace(&self) -> Trace {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut trace: Vec<_> =
            answers.iter().map(|((path, _), observation)| (path.clone(), observation.clone())).collect();
        trace.sort();
        trace.into_boxed_slice()
    }
}

/// What is not there is no error.
pub(crate) fn absent_to_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::Memory;

    #[test]
    fn records_hits_and_misses_sorted() {
        let view = View::new(Arc::new(Memory::with_files(&[("b/a.ts", "a")])));
        let path = |text: &str| RelPath::new(text).unwrap();
        assert_eq!(view.read(&path("b/a.ts")).unwrap().as_deref(), Some(&b"a"[..]));
        assert_eq!(view.read(&path("b/none.ts")).unwrap(), None);
        assert_eq!(view.kind(&path("a")).unwrap(), PathKind::Absent);
        view.read(&path("b/a.ts")).unwrap();
        assert_eq!(
            &*view.trace(),
            [
                (path("a"), Observation::Kind(PathKind::Absent)),
                (path("b/a.ts"), Observation::Content(Some(Digest::of(b"a")))),
                (path("b/none.ts"), Observation::Content(None)),
            ]
        );
    }
}
