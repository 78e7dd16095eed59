//! Which files a change can give other findings.
//!
//! A file depends on what it says itself, on the interfaces of all files that it reaches through imports, and on what is declared
//! globally. Types are what other files make of them, so a file counts as soon as anything that it reaches changes, however far.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};
use webstir_engine::path::RelPath;

use super::imports::{Imports, is_installed};
use super::shape::{Interface, Shape};

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
    open.extend(entered);
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
    if has_cycle(&reached, &importers, shapes) {
        // What is inferred in a circle depends on where the compiler enters it.
        return Affected::Everything;
    }
    Affected::Files(affected)
}

/// Whether types of some of these files may be inferred from each other in a circle: not where all files of it declare theirs.
fn has_cycle(
    files: &FxHashSet<&RelPath>,
    importers: &FxHashMap<RelPath, Vec<&RelPath>>,
    shapes: &BTreeMap<RelPath, Shape>,
) -> bool {
    let is_inferred =
        |file: &RelPath| !matches!(shapes.get(file), Some(Shape { interface: Interface::Declared(_), .. }));
    in_cycles(files, importers).into_iter().any(is_inferred)
}

/// Those of some files that lie in a circle of imports, or between two.
fn in_cycles<'a>(
    files: &FxHashSet<&'a RelPath>,
    importers: &FxHashMap<RelPath, Vec<&'a RelPath>>,
) -> FxHashSet<&'a RelPath> {
    let above =
        |file: &RelPath| importers.get(file).into_iter().flatten().copied().filter(|importer| files.contains(importer));
    let mut below: FxHashMap<&RelPath, Vec<&RelPath>> = FxHashMap::default();
    // How many files that are left each one is imported by, and imports.
    let mut left: FxHashMap<&RelPath, [usize; 2]> = files.iter().map(|file| (*file, [0, 0])).collect();
    let mut all: Vec<&RelPath> = files.iter().copied().collect();
    all.sort_unstable();
    for file in all {
        for importer in above(file) {
            below.entry(importer).or_default().push(file);
            left.entry(file).or_default()[0] += 1;
            left.entry(importer).or_default()[1] += 1;
        }
    }
    let mut open: Vec<&RelPath> =
        left.iter().filter(|(_, counts)| counts.contains(&0)).map(|(file, _)| *file).collect();
    while let Some(file) = open.pop() {
        if left.remove(file).is_none() {
            continue;
        }
        let imported = below.get(file).into_iter().flatten().map(|file| (*file, 0));
        for (other, side) in imported.chain(above(file).map(|importer| (importer, 1))) {
            if let Some(counts) = left.get_mut(other) {
                counts[side] -= 1;
                if counts[side] == 0 {
                    open.push(other);
                }
            }
        }
    }
    left.into_keys().collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::session::CompilerOptions;
    use super::super::super::virtual_files::VirtualFiles;
    use super::*;
    use crate::tsconfig::TsConfig;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    /// What is affected when the file `edited` among `files` gets another text; nothing stands for everything.
    fn edit(files: &[(&str, &str)], edited: &str, text: &str) -> Option<Vec<String>> {
        let shapes: BTreeMap<RelPath, Shape> = files
            .iter()
            .map(|(name, before)| (path(name), Shape::of(&path(name), if *name == edited { text } else { before })))
            .collect();
        let (_, before) = files.iter().find(|(name, _)| *name == edited).unwrap();
        let before = Before::from([(path(edited), Shape::of(&path(edited), before))]);
        let (config, options) = (TsConfig::default(), CompilerOptions::default());
        let imports = Imports::new(shapes.keys(), &[], &VirtualFiles::default(), Some(&config), &options);
        match affected(&shapes, &before, &BTreeSet::new(), &imports) {
            Affected::Everything => None,
            Affected::Files(files) => Some(files.iter().map(|file| file.as_str().to_owned()).collect()),
        }
    }

    const FILES: [(&str, &str); 12] = [
        ("low.ts", "export function low(): 1 { return 1 }"),
        ("mid.ts", "export * from './low.js'"),
        ("types.ts", "export type T = import('./mid').low"),
        ("require.ts", "import x = require('./types'); export { x }"),
        ("dynamic.ts", "export const d = () => import('./require.js')"),
        ("other.ts", "export const other = 1"),
        ("circle/a.ts", "import { b } from './b.js'; export const a = [b]"),
        ("circle/b.ts", "import { a } from './a.js'; export const b = [a]"),
        ("types/a.ts", "import type { B } from './b.js'; export interface A { b?: B }"),
        ("types/b.ts", "import type { A } from './a.js'; export interface B { a?: A }"),
        ("above.ts", "import type { A } from './types/a.js'; export const above = [{} as A]"),
        ("global.ts", "import './other.js'; declare global {}; export {}"),
    ];

    #[test]
    fn a_body_affects_its_file() {
        assert_eq!(edit(&FILES, "low.ts", "export function low(): 1 { throw 1 }").unwrap(), ["low.ts"]);
        assert_eq!(edit(&FILES, "other.ts", "export const other = 1 // b").unwrap(), ["other.ts"]);
    }

    #[test]
    fn an_interface_affects_all_that_reach_it() {
        let affected = edit(&FILES, "low.ts", "export function low(): 2 { return 2 }").unwrap();
        assert_eq!(affected, ["dynamic.ts", "low.ts", "mid.ts", "require.ts", "types.ts"]);
        let affected = edit(&FILES, "require.ts", "export const x = 1").unwrap();
        assert_eq!(affected, ["dynamic.ts", "require.ts"]);
    }

    #[test]
    fn what_is_global_and_what_is_a_circle_affect_everything() {
        assert_eq!(edit(&FILES, "circle/a.ts", "import { b } from './b.js'; export const a = [b, 1]"), None);
        // Where all types are declared none is inferred, wherever the compiler enters.
        let affected = edit(&FILES, "types/a.ts", "import type { B } from './b.js'; export interface A { b: B }");
        assert_eq!(affected.unwrap(), ["above.ts", "types/a.ts", "types/b.ts"]);
        assert_eq!(edit(&FILES, "other.ts", "export const other = 2"), None);
        assert_eq!(edit(&FILES, "global.ts", "declare global { var a: 1 }; export {}"), None);
        assert_eq!(edit(&FILES, "low.ts", "function low(): 1 { return 1 }"), None);
    }

    #[test]
    fn what_may_import_anything_is_affected() {
        let mut files = FILES.to_vec();
        files.extend([("unknown.ts", "import '#self'; export {}"), ("higher.ts", "import './unknown.js'; export {}")]);
        files.retain(|(name, _)| *name != "global.ts");
        assert_eq!(
            edit(&files, "other.ts", "export const other = 2").unwrap(),
            ["higher.ts", "other.ts", "unknown.ts"]
        );
    }
}
