//! Searching directories for the files that globs name.

use std::collections::BTreeSet;
use std::sync::Arc;

use webstir_engine::config::glob::Globs;
use webstir_engine::db::Db;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::discovered::FileQuery;
use webstir_engine::file;
use webstir_engine::path::RelPath;
use webstir_engine::system::PathKind;

/// The deepest directory that is looked into.
const DEPTH: usize = 64;

/// A search. Each path counts by itself, whatever links lead to: of two links to one directory the files of both are found. Only a
/// directory that is reached from within itself is left out, which would make the search endless.
pub(super) struct Walk<'a> {
    db: &'a dyn Db,
    include: &'a Globs,
    exclude: &'a Globs,
    /// Directories that are left out.
    outs: Vec<&'a RelPath>,
    /// Where the directories from the start to the current one really are.
    within: Vec<RelPath>,
    found: Vec<RelPath>,
    left_out: Vec<String>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Found {
    /// Sorted.
    pub files: Arc<[RelPath]>,
    /// Files that are named and directories that may hold some, whose own names no path can have; as they are shown, sorted.
    pub left_out: Arc<[String]>,
}

impl Found {
    /// What several searches found, each once.
    pub(super) fn all(found: impl IntoIterator<Item = Self>) -> Self {
        let (mut files, mut left_out) = (BTreeSet::new(), BTreeSet::new());
        for found in found {
            files.extend(found.files.iter().cloned());
            left_out.extend(found.left_out.iter().cloned());
        }
        Self { files: files.into_iter().collect(), left_out: left_out.into_iter().collect() }
    }

    /// That something is left out.
    pub(crate) fn warning(&self) -> Option<Diagnostic> {
        let first = self.left_out.first()?;
        let more =
            if self.left_out.len() > 1 { format!(", and {} more", self.left_out.len() - 1) } else { String::new() };
        let message =
            format!("`{first}` is left out{more}: its name is not UTF-8, or holds a backslash or a control character");
        Some(Diagnostic::warning("files::name_left_out", message).help("Rename it"))
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(db: &'a dyn Db, include: &'a Globs, exclude: &'a Globs, outs: Vec<&'a RelPath>) -> Self {
        Self { db, include, exclude, outs, within: Vec::new(), found: Vec::new(), left_out: Vec::new() }
    }

    /// The files in and below `start`. Globs see it as `below`.
    pub(super) fn files(mut self, start: &RelPath, below: &str) -> Found {
        self.directory(start, below);
        self.found.sort();
        self.left_out.sort();
        Found { files: Arc::from(self.found), left_out: Arc::from(self.left_out) }
    }

    fn directory(&mut self, path: &RelPath, below: &str) {
        // One that is named as the start is meant.
        let is_left_out = !self.within.is_empty() && self.outs.contains(&path);
        if self.within.len() > DEPTH || is_left_out || !self.include.may_hold(below) {
            return;
        }
        // Of a link that leads out of the workspace the system tells no place: it is known by its own path.
        let real = match file::state(self.db, path, FileQuery::RealPath) {
            file::FileState::RealPath(Some(real)) => real.clone(),
            _ => path.clone(),
        };
        if self.within.contains(&real) {
            return;
        }
        let Some(listing) = file::entries(self.db, path) else { return };
        self.within.push(real);
        for (name, kind) in listing.entries() {
            let Ok(entry) = path.join(name) else { continue };
            let below = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            match kind {
                PathKind::Directory if !self.exclude.is_match(&below) => self.directory(&entry, &below),
                PathKind::File if self.include.is_match(&below) && !self.exclude.is_match(&below) => {
                    self.found.push(entry);
                }
                _ => {}
            }
        }
        for (name, kind) in listing.left_out() {
            let below = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            let is_named =
                if kind == PathKind::Directory { self.include.may_hold(&below) } else { self.include.is_match(&below) };
            if is_named && !self.exclude.is_match(&below) {
                self.left_out.push(if path.is_root() { name.to_owned() } else { format!("{path}/{name}") });
            }
        }
        self.within.pop();
    }
}
