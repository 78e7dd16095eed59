//! What a running action sees of the workspace.
//!
//! A [`View`] is the only file system that a traced action has. It records each query with what it found; together they are the
//! [`Trace`] of the action.
//!
//! A file may be read through a [`Derivation`]: the action then gets what is derived from the bytes, and the trace holds its
//! digest instead of theirs, so that an edit which derives the same bytes leaves the trace valid.

use std::collections::hash_map::Entry;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::derivation::Derivation;
use crate::digest::Digest;
use crate::path::RelPath;
use crate::system::{Listing, PathKind, System, absent_to_none};
use crate::trace::{FileQuery, Observation, Trace};

/// What a file gave that was read through a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derived {
    /// There is no file.
    Absent,
    /// Nothing can be derived from the file: these are its own bytes.
    Source(Vec<u8>),
    /// What was derived.
    Derived(Vec<u8>),
}

/// What was asked: a query, and to what it was restricted.
type Asked = (RelPath, FileQuery, Option<Arc<str>>);

/// The workspace as a traced action sees it.
#[derive(Debug)]
pub struct View {
    system: Arc<dyn System>,
    discovered: Mutex<FxHashMap<Asked, Observation>>,
    /// Where the same query found two things.
    contradiction: Mutex<Option<RelPath>>,
}

impl View {
    /// A view that has recorded nothing yet.
    pub fn new(system: Arc<dyn System>) -> Self {
        Self { system, discovered: Mutex::default(), contradiction: Mutex::default() }
    }

    fn record(&self, path: &RelPath, observation: Observation) {
        let mut discovered = self.discovered.lock().unwrap_or_else(PoisonError::into_inner);
        // What was found first stays: a later state that differs means that the file changed under the action, and the trace must
        // then not match the workspace.
        let asked = (path.clone(), observation.query(), observation.restriction().cloned());
        match discovered.entry(asked) {
            Entry::Vacant(entry) => drop(entry.insert(observation)),
            Entry::Occupied(first) if *first.get() == observation => {}
            Entry::Occupied(_) => {
                *self.contradiction.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.clone());
            }
        }
    }

    /// What is at `path`.
    pub fn kind(&self, path: &RelPath) -> io::Result<PathKind> {
        let kind = self.system.kind(path)?;
        self.record(path, Observation::Kind(kind));
        Ok(kind)
    }

    /// The bytes of the file at `path`; `None` when there is none.
    pub fn read(&self, path: &RelPath) -> io::Result<Option<Vec<u8>>> {
        let bytes = absent_to_none(self.system.read(path))?;
        let digest = bytes.as_deref().map(Digest::of);
        self.record(path, Observation::Content(digest));
        Ok(bytes)
    }

    /// What `derivation` gives for the file at `path`. Where it gives nothing the file itself is what was read.
    pub fn derive(&self, path: &RelPath, derivation: &Derivation) -> io::Result<Derived> {
        let Some(bytes) = absent_to_none(self.system.read(path))? else {
            self.record(path, Observation::Content(None));
            return Ok(Derived::Absent);
        };
        let Some(derived) = derivation.apply(path, &bytes) else {
            self.record(path, Observation::Content(Some(Digest::of(&bytes))));
            return Ok(Derived::Source(bytes));
        };
        let observation = Observation::Derived(Arc::from(derivation.name), Digest::of(&derived));
        self.record(path, observation);
        Ok(Derived::Derived(derived))
    }

    /// The entries of the directory at `path`; `None` when there is none.
    pub fn list(&self, path: &RelPath) -> io::Result<Option<Listing>> {
        let listing = absent_to_none(self.system.list(path))?;
        let digest = listing.as_ref().map(Listing::digest);
        self.record(path, Observation::Entries(digest));
        Ok(listing)
    }

    /// The entries of the directory at `path` that [`Listing::select`] keeps; `None` when there is none.
    pub fn list_selected(&self, path: &RelPath, extensions: &str) -> io::Result<Option<Listing>> {
        let Some(listing) = absent_to_none(self.system.list(path))? else {
            self.record(path, Observation::Entries(None));
            return Ok(None);
        };
        let listing = listing.select(extensions);
        self.record(path, Observation::Selected(Arc::from(extensions), listing.digest()));
        Ok(Some(listing))
    }

    /// Where `path` really is, links followed; `None` when nothing is there.
    pub fn real_path(&self, path: &RelPath) -> io::Result<Option<RelPath>> {
        let real = self.system.real_path(path)?;
        self.record(path, Observation::RealPath(real.clone()));
        Ok(real)
    }

    /// Takes over what the workspace is believed to give still, where nothing was asked.
    pub fn assume<'a>(&self, trace: impl IntoIterator<Item = &'a (RelPath, Observation)>) {
        for (path, observation) in trace {
            self.record(path, observation.clone());
        }
    }

    /// A path of which two states differed, asked or assumed: it changed meanwhile.
    pub fn contradiction(&self) -> Option<RelPath> {
        self.contradiction.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything asked so far, sorted by path.
    pub fn trace(&self) -> Trace {
        let discovered = self.discovered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut trace: Vec<_> =
            discovered.iter().map(|((path, ..), observation)| (path.clone(), observation.clone())).collect();
        trace.sort();
        trace.into_boxed_slice()
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

    #[test]
    fn records_what_was_derived_instead_of_the_bytes() {
        const FIRST_LINE: Derivation = Derivation {
            name: "first line v1",
            derive: |_, bytes| bytes.iter().position(|&byte| byte == b'\n').map(|end| bytes[..end].to_vec()),
        };
        let view = View::new(Arc::new(Memory::with_files(&[("a", "1\n2"), ("b", "1")])));
        let path = |text: &str| RelPath::new(text).unwrap();
        let derive = |name: &str| view.derive(&path(name), &FIRST_LINE).unwrap();
        assert_eq!(derive("a"), Derived::Derived(b"1".to_vec()));
        assert_eq!(derive("b"), Derived::Source(b"1".to_vec()));
        assert_eq!(derive("c"), Derived::Absent);
        let expected = [
            (path("a"), Observation::Derived(Arc::from("first line v1"), Digest::of(b"1"))),
            (path("b"), Observation::Content(Some(Digest::of(b"1")))),
            (path("c"), Observation::Content(None)),
        ];
        assert_eq!(&*view.trace(), expected);
        // The bytes themselves are another query.
        view.read(&path("a")).unwrap();
        let both: Vec<_> = view.trace().iter().filter(|(asked, _)| asked.as_str() == "a").cloned().collect();
        assert_eq!(both, [(path("a"), Observation::Content(Some(Digest::of(b"1\n2")))), expected[0].clone()]);
    }

    #[test]
    fn records_of_a_listing_what_was_selected() {
        let files = [("a/b.ts", ""), ("a/c.d/e.md", ""), ("a/.b.ts.swp", "")];
        let view = View::new(Arc::new(Memory::with_files(&files)));
        let path = |text: &str| RelPath::new(text).unwrap();
        let selected = view.list_selected(&path("a"), "js ts").unwrap().unwrap();
        assert_eq!(selected.entries().collect::<Vec<_>>(), [("b.ts", PathKind::File), ("c.d", PathKind::Directory)]);
        assert_eq!(view.list_selected(&path("none"), "js ts").unwrap(), None);
        let expected = [
            (path("a"), Observation::Selected(Arc::from("js ts"), selected.digest())),
            (path("none"), Observation::Entries(None)),
        ];
        assert_eq!(&*view.trace(), expected);
    }

    #[test]
    fn what_was_asked_stays_when_more_is_assumed() {
        let view = View::new(Arc::new(Memory::with_files(&[("a", "new")])));
        let path = |text: &str| RelPath::new(text).unwrap();
        view.read(&path("a")).unwrap();
        let derived = (path("a"), Observation::Derived(Arc::from("first line v1"), Digest::of(b"1")));
        let other = (path("b"), Observation::Kind(PathKind::File));
        view.assume(&[(path("a"), Observation::Content(Some(Digest::of(b"old")))), derived.clone(), other.clone()]);
        assert_eq!(&*view.trace(), [(path("a"), Observation::Content(Some(Digest::of(b"new")))), derived, other]);
        assert_eq!(view.contradiction(), Some(path("a")));
    }
}
