//! What a lockfile says about the compiler.
//!
//! The lockfile may lie above the workspace and be that of many packages: the compiler is the one that Node finds from the place of the
//! workspace in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use webstir_engine::path::RelPath;

use super::super::lockfiles::{FoundLockfile, Locked, Lockfile, PACKAGES, Unreadable, Version, find};
use super::{TYPESCRIPT, dependency};

/// A lockfile and what it says about the compiler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// How it is named from the workspace: `../../bun.lock`.
    pub(super) shown: Box<str>,
    pub(super) says: Says,
}

/// What a lockfile says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Says {
    /// Which packages it is made of.
    Pins(Pins),
    /// That this is in its place.
    Replaced(String),
    /// Nothing that can be read.
    Unreadable(Unreadable),
}

/// The versions and hashes of `typescript` and its platform packages, as a workspace has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pins {
    /// The version of `typescript` that the workspace has.
    pub(super) version: String,
    /// Each package of interest by name; all of that version.
    pub(super) packages: BTreeMap<String, Pin>,
}

/// One package of a lockfile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pin {
    pub(super) integrity: Option<String>,
    pub(super) address: Option<String>,
}

impl Pinned {
    /// What the lockfile of the workspace at `root` says; none where there is no lockfile or no compiler in it.
    pub fn of(root: &Path) -> Option<Self> {
        Self::read(root, &find(root)?)
    }

    fn read(root: &Path, found: &FoundLockfile) -> Option<Self> {
        let says = match &found.lockfile {
            Err(problem) => Says::Unreadable(problem.clone()),
            Ok(lockfile) => {
                let below = root.strip_prefix(&found.directory).ok()?.to_str()?;
                says(lockfile, below, &asked(root, &found.directory))?
            }
        };
        Some(Self { shown: found.shown.as_str().into(), says })
    }

    /// The version that is locked.
    pub fn version(&self) -> Option<&str> {
        match &self.says {
            Says::Pins(pins) => Some(&pins.version),
            Says::Replaced(_) | Says::Unreadable(_) => None,
        }
    }

    /// The path of the lockfile, if it is a file of the workspace.
    pub(super) fn path(&self) -> Option<RelPath> {
        RelPath::new(&self.shown).ok()
    }
}

/// What the packages from the workspace up to the directory of its lockfile ask for, the nearest first.
fn asked(root: &Path, top: &Path) -> Vec<String> {
    let directories = root.ancestors().take_while(|directory| directory.starts_with(top));
    let texts = directories.filter_map(|directory| fs::read_to_string(directory.join("package.json")).ok());
    texts.filter_map(|text| dependency(&text)).collect()
}

/// What a lockfile says about the compiler of the workspace in the directory `below` that of the lockfile; `asked` are the ranges that it
/// and the packages above ask for.
fn says(lockfile: &Lockfile, below: &str, asked: &[String]) -> Option<Says> {
    let directories = Path::new(below).ancestors().filter_map(Path::to_str);
    let mut places = directories.map(|directory| {
        let start = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        format!("{start}{PACKAGES}{TYPESCRIPT}")
    });
    let at_place = places.find_map(|place| lockfile.placed(&place));
    let compiler = at_place.or_else(|| asked.iter().find_map(|range| lockfile.asked(TYPESCRIPT, range)))?;
    let version = match &compiler.version {
        Version::Exact(version) if compiler.name == TYPESCRIPT => version,
        _ => return Some(Says::Replaced(compiler.shown())),
    };
    // Several versions may be there.
    let is_wanted = |locked: &&Locked| locked.version == compiler.version;
    let packages = lockfile.names().filter(|name| is_compiler(name)).filter_map(|name| {
        let own = (name == TYPESCRIPT).then_some(compiler).into_iter();
        let mut locked = own.chain(lockfile.named(name)).filter(is_wanted);
        let locked = locked.find(|locked| locked.name == name)?;
        Some((name.to_owned(), Pin { integrity: locked.integrity.clone(), address: locked.address.clone() }))
    });
    Some(Says::Pins(Pins { version: version.clone(), packages: packages.collect() }))
}

/// Whether pins of `name` are of interest.
fn is_compiler(name: &str) -> bool {
    name == TYPESCRIPT || name.starts_with("@typescript/typescript-")
}

#[cfg(test)]
pub(super) mod tests;
