//! Which files a change can give other findings.
//!
//! A file depends on what it says itself, on the interfaces of all files that it reaches through imports, and on what is declared
//! globally. Types are what other files make of them, so a file counts as soon as anything that it reaches changes, however far.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};
use webstir_engine::path::RelPath;

use super::imports::{Imports, is_installed};
use super::shape::Shape;

/// What is to be asked again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Affected {
    /// Every file.
    Everything,
    /// These.
    Files(BTreeSet<RelPath>),
}

/// Files of a program whose texts are other ones, with what they were to others.
pub(super) type Before = BTreeMap<RelPath, Shape>;

/// The files that a change affects. `shapes` holds the shape of each file of the program, `entered` are the files that were not in it
/// before.
pub(super) fn affected(
    shapes: &BTreeMap<RelPath, Shape>,
    before: &Before,
    entered: &BTreeSet<RelPath>,
    imports: &Imports<'_>,
) -> Affected {
    let mut affected: BTreeSet<RelPath> = before.keys().chain(entered).cloned().collect();
    let mut open: Vec<&RelPath> = Vec::new();
    for (path, old) in before {
        let Some(new) = shapes.get(path) else { continue };
        if old.interface == new.interface {
            continue;
        }
        if old.is_global || new.is_global || is_installed(path) {
            return Affected::Everything;
        }
        open.push(path);
    }
    if entered.iter().any(|path| shapes.get(path).is_none_or(|shape| shape.is_global)) {
        return Affected::Everything;
    }
    if open.is_empty() {
        return Affected::Files(affected);
    }
    let mut importers: FxHashMap<RelPath, Vec<&RelPath>> = FxHashMap::default();
    let mut reached: FxHashSet<&RelPath> = open.iter().copied().collect();
    for (path, shape) in shapes {
        match imports.of(path, shape) {
            Some(targets) => targets.into_iter().for_each(|target| importers.entry(target).or_default().push(path)),
            None if reached.insert(path) => open.push(path),
            None => {}
        }
    }
    while let Some(path) = open.pop() {
        if shapes.get(path).is_some_and(|shape| shape.is_global) {
            // What it declares globally may be made of what changed.
            return Affected::Everything;
        }
        affected.insert(path.clone());
        for importer in importers.get(path).into_iter().flatten() {
            if reached.insert(importer) {
                open.push(importer);
            }
        }
    }
    Affected::Files(affected)
}
