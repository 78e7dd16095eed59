//! What a running action sees of the workspace.
//!
//! A [`View`] is the only file system that an action has which discovers inputs. It records each query with what it found; together they are its
//! [`DiscoveredInputs`].
//!
//! A file may be read through a [`Projection`]: the action then gets what is derived from the bytes, and the discovered input has its
//! digest instead of theirs, so that an edit which derives the same bytes leaves the result valid.

use std::collections::hash_map::Entry;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::digest::Digest;
use crate::discovered::{DiscoveredInput, DiscoveredInputs, FileQuery};
use crate::path::RelPath;
use crate::projection::Projection;
use crate::system::{Listing, PathKind, System, absent_to_none};

/// What a file gave that was read through a projection.
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

/// The workspace as an action sees it that discovers inputs.
#[derive(Debug)]
pub struct View {
    system: Arc<dyn System>,
    discovered: Mutex<FxHashMap<Asked, DiscoveredInput>>,
    /// Where the same query found two things.
    contradiction: Mutex<Option<RelPath>>,
}

impl View {
    /// A view that has recorded nothing yet.
    pub fn new(system: Arc<dyn System>) -> Self {
        Self { system, discovered: Mutex::default(), contradiction: Mutex::default() }
    }

    fn record(&self, path: &RelPath, input: DiscoveredInput) {
        let mut discovered = self.discovered.lock().unwrap_or_else(PoisonError::into_inner);
        // What was found first stays: a later state that differs means that the file changed under the action, and the discovered inputs must
        // then not match the workspace.
        let asked = (path.clone(), input.query(), input.restriction().cloned());
        match discovered.entry(asked) {
            Entry::Vacant(entry) => drop(entry.insert(input)),
            Entry::Occupied(first) if *first.get() == input => {}
            Entry::Occupied(_) => {
                *self.contradiction.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.clone());
            }
        }
    }

    /// What is at `path`.
    pub fn kind(&self, path: &RelPath) -> io::Result<PathKind> {
        let kind = self.system.kind(path)?;
        self.record(path, DiscoveredInput::Kind(kind));
        Ok(kind)
    }

    /// The bytes of the file at `path`; `None` when there is none.
    pub fn read(&self, path: &RelPath) -> io::Result<Option<Vec<u8>>> {
        let bytes = absent_to_none(self.system.read(path))?;
        let digest = bytes.as_deref().map(Digest::of);
        self.record(path, DiscoveredInput::Content(digest));
        Ok(bytes)
    }

    /// What `projection` gives for the file at `path`. Where it gives nothing the file itself is what was read.
    pub fn derive(&self, path: &RelPath, projection: &Projection) -> io::Result<Derived> {
        let Some(bytes) = absent_to_none(self.system.read(path))? else {
            self.record(path, DiscoveredInput::Content(None));
            return Ok(Derived::Absent);
        };
        let Some(derived) = projection.apply(path, &bytes) else {
            self.record(path, DiscoveredInput::Content(Some(Digest::of(&bytes))));
            return Ok(Derived::Source(bytes));
        };
        let input = DiscoveredInput::Derived(Arc::from(projection.name), Digest::of(&derived));
        self.record(path, input);
        Ok(Derived::Derived(derived))
    }

    /// The entries of the directory at `path`; `None` when there is none.
    pub fn list(&self, path: &RelPath) -> io::Result<Option<Listing>> {
        let listing = absent_to_none(self.system.list(path))?;
        let digest = listing.as_ref().map(Listing::digest);
        self.record(path, DiscoveredInput::Entries(digest));
        Ok(listing)
    }

    /// The entries of the directory at `path` that [`Listing::select`] keeps; `None` when there is none.
    pub fn list_selected(&self, path: &RelPath, extensions: &str) -> io::Result<Option<Listing>> {
        let Some(listing) = absent_to_none(self.system.list(path))? else {
            self.record(path, DiscoveredInput::Entries(None));
            return Ok(None);
        };
        let listing = listing.select(extensions);
        self.record(path, DiscoveredInput::Selected(Arc::from(extensions), listing.digest()));
        Ok(Some(listing))
    }

    /// Where `path` really is, links followed; `None` when nothing is there.
    pub fn real_path(&self, path: &RelPath) -> io::Result<Option<RelPath>> {
        let real = self.system.real_path(path)?;
        self.record(path, DiscoveredInput::RealPath(real.clone()));
        Ok(real)
    }

    /// Takes over what the workspace is believed to give still, where nothing was asked.
    pub fn assume<'a>(&self, discovered: impl IntoIterator<Item = &'a (RelPath, DiscoveredInput)>) {
        for (path, input) in discovered {
            self.record(path, input.clone());
        }
    }

    /// A path of which two states differed, asked or assumed: it changed meanwhile.
    pub fn contradiction(&self) -> Option<RelPath> {
        self.contradiction.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything asked so far, sorted by path.
    pub fn discovered(&self) -> DiscoveredInputs {
        let discovered = self.discovered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<_> = discovered.iter().map(|((path, ..), input)| (path.clone(), input.clone())).collect();
        sorted.sort();
        sorted.into_boxed_slice()
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
            &*view.discovered(),
            [
                (path("a"), DiscoveredInput::Kind(PathKind::Absent)),
                (path("b/a.ts"), DiscoveredInput::Content(Some(Digest::of(b"a")))),
                (path("b/none.ts"), DiscoveredInput::Content(None)),
            ]
        );
    }

    #[test]
    fn records_what_was_derived_instead_of_the_bytes() {
        const FIRST_LINE: Projection = Projection {
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
            (path("a"), DiscoveredInput::Derived(Arc::from("first line v1"), Digest::of(b"1"))),
            (path("b"), DiscoveredInput::Content(Some(Digest::of(b"1")))),
            (path("c"), DiscoveredInput::Content(None)),
        ];
        assert_eq!(&*view.discovered(), expected);
        // The bytes themselves are another query.
        view.read(&path("a")).unwrap();
        let both: Vec<_> = view.discovered().iter().filter(|(asked, _)| asked.as_str() == "a").cloned().collect();
        assert_eq!(both, [(path("a"), DiscoveredInput::Content(Some(Digest::of(b"1\n2")))), expected[0].clone()]);
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
            (path("a"), DiscoveredInput::Selected(Arc::from("js ts"), selected.digest())),
            (path("none"), DiscoveredInput::Entries(None)),
        ];
        assert_eq!(&*view.discovered(), expected);
    }

    #[test]
    fn what_was_asked_stays_when_more_is_assumed() {
        let view = View::new(Arc::new(Memory::with_files(&[("a", "new")])));
        let path = |text: &str| RelPath::new(text).unwrap();
        view.read(&path("a")).unwrap();
        let derived = (path("a"), DiscoveredInput::Derived(Arc::from("first line v1"), Digest::of(b"1")));
        let other = (path("b"), DiscoveredInput::Kind(PathKind::File));
        view.assume(&[(path("a"), DiscoveredInput::Content(Some(Digest::of(b"old")))), derived.clone(), other.clone()]);
        assert_eq!(
            &*view.discovered(),
            [(path("a"), DiscoveredInput::Content(Some(Digest::of(b"new")))), derived, other]
        );
        assert_eq!(view.contradiction(), Some(path("a")));
    }
}
