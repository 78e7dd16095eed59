//! The lockfiles of package managers.
//!
//! A [`Lockfile`] is what one of them says of every package, in one shape for all formats: by the place at which a package is installed,
//! as far as the format knows places, and by the name under which it is. [`find`](find()) says which lockfile a workspace is installed
//! by. A lockfile is foreign text: its size and depth are bounded, and nothing that it says is a path.

mod bun;
mod find;
mod npm;
mod pnpm;
mod yarn;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use webstir_engine::diagnostic::{Diagnostic, Span};
use webstir_engine::path::RelPath;

use super::package::is_exact_version;

pub use find::{FoundLockfile, deciding, find};

/// The lockfiles that can be read, in the order in which they are believed where `package.json` names no package manager. npm itself
/// passes over `package-lock.json` where there is the other one.
pub const LOCKFILES: &[&str] = &["npm-shrinkwrap.json", "package-lock.json", "bun.lock", "pnpm-lock.yaml", "yarn.lock"];

/// The largest lockfile that is read, in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Below this directory packages are installed.
pub(super) const PACKAGES: &str = "node_modules/";

/// Who writes a lockfile and installs by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PackageManager {
    /// `npm`.
    Npm,
    /// `bun`.
    Bun,
    /// `pnpm`.
    Pnpm,
    /// `yarn`, all versions.
    Yarn,
}

impl PackageManager {
    /// The one that writes a lockfile of this name.
    fn of(lockfile: &str) -> Option<Self> {
        Some(match lockfile {
            "npm-shrinkwrap.json" | "package-lock.json" => Self::Npm,
            "bun.lock" => Self::Bun,
            "pnpm-lock.yaml" => Self::Pnpm,
            "yarn.lock" => Self::Yarn,
            _ => return None,
        })
    }

    /// The one of this name.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "npm" => Self::Npm,
            "bun" => Self::Bun,
            "pnpm" => Self::Pnpm,
            "yarn" => Self::Yarn,
            _ => return None,
        })
    }
}

/// Everything that a lockfile says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockfile {
    /// What installs exactly its packages.
    pub install: &'static str,
    /// Packages by the place at which they are installed, from the directory of the lockfile: `node_modules/a/node_modules/@s/b`.
    places: BTreeMap<String, Locked>,
    /// Packages by the name under which they are installed, wherever that is.
    names: BTreeMap<String, Vec<Locked>>,
    /// Packages by what is asked for, `name@range`, where the format says that in place of a place.
    asked: BTreeMap<String, Locked>,
    /// Whether nothing is installed anywhere else than at `places`.
    is_complete: bool,
}

/// One package of a lockfile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Locked {
    /// Its own name, which is another one than that of its place where an alias is installed.
    pub name: String,
    /// Which one of that name.
    pub version: Version,
    /// The subresource integrity of its tarball.
    pub integrity: Option<String>,
    /// Where its tarball is.
    pub address: Option<String>,
    /// What begins its entry in the text.
    key: String,
}

/// Which package of a name it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// The one of this version.
    Exact(String),
    /// A directory that is linked, or copied, and has what it has: where it comes from.
    Linked(String),
    /// What an archive or a repository holds, of which the lockfile says no version: where it comes from.
    Elsewhere(String),
}

impl Version {
    /// A version, or where a package comes from in its place.
    fn of(text: &str) -> Self {
        let is_directory =
            ["workspace:", "link:", "file:", "portal:", "root:"].iter().any(|kind| text.starts_with(kind));
        match text {
            _ if is_exact_version(text) => Self::Exact(text.to_owned()),
            _ if is_directory => Self::Linked(text.to_owned()),
            _ => Self::Elsewhere(text.to_owned()),
        }
    }
}

impl Locked {
    fn new(name: &str, version: Version, key: &str) -> Self {
        Self { name: name.to_owned(), version, integrity: None, address: None, key: key.to_owned() }
    }

    /// What a user takes it for.
    pub(super) fn shown(&self) -> String {
        match &self.version {
            Version::Exact(version) => format!("{}@{version}", self.name),
            Version::Linked(from) | Version::Elsewhere(from) => from.clone(),
        }
    }

    /// Where its entry begins in the text that it was read from.
    pub fn span(&self, text: &str) -> Option<Span> {
        let begins = |before: Option<char>| before.is_none_or(|c| c.is_whitespace() || "\"',".contains(c));
        let ends = |after: Option<char>| self.key.ends_with(['{', '[']) || after.is_some_and(|c| "\"':(_,".contains(c));
        let mut found = text.match_indices(&self.key);
        let (at, key) = found
            .find(|(at, key)| begins(text[..*at].chars().next_back()) && ends(text[at + key.len()..].chars().next()))?;
        let start = at + key.len() - key.trim_start_matches('"').len();
        Some(Span::locate(text, start, at + key.trim_end_matches(['"', ':', ' ', '{', '[']).len()))
    }
}

/// Why a lockfile cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    problem: String,
    span: Option<Span>,
}

impl Unreadable {
    fn new(problem: impl Into<String>, span: Option<Span>) -> Self {
        Self { problem: problem.into(), span }
    }

    /// As a finding about the lockfile that is shown as `shown`, and is the file `path` where it is one of the workspace.
    pub fn finding(&self, shown: &str, path: Option<&RelPath>) -> Diagnostic {
        let problem = &self.problem;
        let message = format!("`{shown}` cannot be read: {problem}");
        let diagnostic = Diagnostic::error("toolchain::lockfile_malformed", message)
            .help("Let the package manager write it anew, or run `webstir lock`");
        match (path, self.span) {
            (Some(path), Some(span)) => diagnostic.at(path, span),
            (Some(path), None) => diagnostic.in_file(path),
            (None, _) => diagnostic,
        }
    }
}

impl Lockfile {
    /// Reads a lockfile, told by its name; `None` for a name that is none of [`LOCKFILES`].
    pub fn read(name: &str, text: &str) -> Option<Result<Self, Unreadable>> {
        let manager = PackageManager::of(name)?;
        if text.len() > MOST_BYTES {
            return Some(Err(too_large()));
        }
        Some(match manager {
            PackageManager::Npm => npm::read(text),
            PackageManager::Bun => bun::read(text),
            PackageManager::Pnpm => pnpm::read(text),
            PackageManager::Yarn => yarn::read(text),
        })
    }

    fn new(install: &'static str) -> Self {
        Self { install, places: BTreeMap::new(), names: BTreeMap::new(), asked: BTreeMap::new(), is_complete: false }
    }

    /// Adds a package at a place.
    fn put(&mut self, place: String, locked: Locked) {
        if let Some(name) = installed_name(&place) {
            self.allow(name, locked.clone());
        }
        self.places.insert(place, locked);
    }

    /// Adds a package that may be installed under a name, and in a store under its own.
    fn allow(&mut self, name: &str, locked: Locked) {
        if name != locked.name {
            self.allow(&locked.name.clone(), locked.clone());
        }
        let allowed = self.names.entry(name.to_owned()).or_default();
        // Many places hold the same: one of them stands for all.
        if !allowed.iter().any(|other| other.name == locked.name && other.version == locked.version) {
            allowed.push(locked);
        }
    }

    /// Adds a package that is installed where one of this name and range is asked for.
    fn answer(&mut self, asked: &str, name: &str, locked: Locked) {
        self.allow(name, locked.clone());
        self.asked.insert(asked.to_owned(), locked);
    }

    /// What may be installed at a place, from the directory of the lockfile: the one package that belongs there, or all of that name where the
    /// format does not say which. Nothing for what is not to be there.
    pub fn at(&self, place: &str) -> Vec<&Locked> {
        if let Some(locked) = self.places.get(place) {
            return vec![locked];
        }
        // A package manager lays out a store of its own as it likes: `node_modules/.pnpm/a@1.0.0/node_modules/a`.
        let is_in_store = place.split(PACKAGES).skip(1).any(|below| below.starts_with('.'));
        match installed_name(place) {
            Some(name) if is_in_store || !self.is_complete => self.named(name),
            _ => Vec::new(),
        }
    }

    /// Whether the lockfile says what lies at a place.
    pub fn has_place(&self, place: &str) -> bool {
        self.places.contains_key(place)
    }

    /// All packages that are installed under a name.
    pub(super) fn named(&self, name: &str) -> Vec<&Locked> {
        self.names.get(name).into_iter().flatten().collect()
    }

    /// The package at a place, where the format says which one that is.
    pub(super) fn placed(&self, place: &str) -> Option<&Locked> {
        self.places.get(place)
    }

    /// The package that is had where a `package.json` asks for `name` and `range`, where the format says so.
    pub(super) fn asked(&self, name: &str, range: &str) -> Option<&Locked> {
        ["", "npm:"].iter().find_map(|kind| self.asked.get(&format!("{name}@{kind}{range}")))
    }

    /// The names of all packages.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }
}

/// The name under which the package at a place is installed.
fn installed_name(place: &str) -> Option<&str> {
    let at = place.rfind(PACKAGES)?;
    let is_directory = at == 0 || place[..at].ends_with('/');
    let name = &place[at + PACKAGES.len()..];
    (is_directory && !name.is_empty()).then_some(name)
}

/// A name, and what follows the `@` behind it.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let at = text.char_indices().skip(1).find(|(_, c)| *c == '@')?.0;
    Some((&text[..at], &text[at + 1..]))
}

fn too_large() -> Unreadable {
    Unreadable::new(format!("It is larger than {} MiB", MOST_BYTES / 1024 / 1024), None)
}

#[cfg(test)]
mod tests;
