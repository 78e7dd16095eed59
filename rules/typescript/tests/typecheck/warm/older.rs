//! TypeScript 6 and older: after each edit the result is that of a check that starts over, and of the command line.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use webstir_engine::blob::Blobs as _;
use webstir_typescript::typecheck::{Compiler, Extent};

use super::model::{KINDS, PLAIN};
use super::{Bench, SMALL, edits};
use crate::bare::Bare;
use crate::tools::*;

/// Everything that the library declares is left out of the check.
const CONFIG: &str = r#"{"compilerOptions": {"strict": true, "module": "nodenext", "target": "es2022", "lib": ["es2022"], "types": [], "skipLibCheck": true, "resolveJsonModule": true}, "include": ["src"]}"#;

const FILES: [(&str, &str); 9] = [
    ("tsconfig.json", CONFIG),
    SMALL[1],
    SMALL[2],
    SMALL[3],
    SMALL[4],
    ("src/kinds.ts", "export type Kind = 'b' | 'a';\nexport const kind = (k: Kind): Kind => k;\n"),
    ("src/ambient.d.ts", "declare const ambient: number;\ninterface Same { x: number }\n"),
    ("src/data.json", "{\"n\": 1}"),
    (
        "src/uses.ts",
        "import { kind } from './kinds.js';\nimport data from './data.json' with { type: 'json' };\nexport const n: number = data.n + ambient;\nexport const k = kind('a');\n",
    ),
];

/// An edit of one file, and how much of the program is asked about then: so many files, everything (`usize::MAX`), or anew.
type Edit = (&'static str, &'static str, Option<usize>);

const ALL: Option<usize> = Some(usize::MAX);
const COLD: Option<usize> = None;

const LOW: &str = FILES[2].1;
const MID: &str = FILES[3].1;
const TOP: &str = FILES[4].1;
const UNION: &str = FILES[5].1;
const USES: &str = FILES[8].1;

const LOW_BODY: &str = "export interface Low { count: number }\nexport function low(): Low {\n  const x: string = 1;\n  return { count: 1 };\n}\n";
const LOW_SIZE: &str =
    "export interface Low { size: number }\nexport function low(): Low {\n  return { size: 1 };\n}\n";
const USES_UNION: &str = "import { kind, type Kind } from './kinds.js';\nexport const k: Kind = kind('z');\nexport const l: 'c' | 'a' = k;\n";

const EDITS: &[Edit] = &[
    ("src/low.ts", LOW, Some(0)),
    ("src/low.ts", LOW_BODY, Some(1)),
    ("src/mid.ts", "import { low } from './low.js';\nexport const mid = () => ({ ...low(), more: 1 });\n", Some(2)),
    ("src/low.ts", LOW, Some(1)),
    ("src/low.ts", LOW_SIZE, Some(3)),
    ("src/top.ts", "import { mid } from './mid.js';\nexport const top: number = mid().size;\n", Some(1)),
    ("src/low.ts", LOW, Some(3)),
    ("src/top.ts", TOP, Some(1)),
    ("src/mid.ts", MID, Some(2)),
    // A finding that shows a union: as long as it is there everything is asked.
    ("src/uses.ts", USES_UNION, ALL),
    ("src/low.ts", LOW_BODY, ALL),
    ("src/kinds.ts", "export type Kind = 'c' | 'b' | 'a';\nexport const kind = (k: Kind): Kind => k;\n", ALL),
    ("src/low.ts", LOW, ALL),
    ("src/kinds.ts", "export type Kind = 'a';\nexport const kind = (k: Kind): Kind => k;\n", Some(2)),
    // With the JSON module that comes back.
    ("src/uses.ts", USES, Some(2)),
    ("src/kinds.ts", UNION, Some(2)),
    // Syntax stands alone.
    ("src/low.ts", "export function low(: Low {\n", Some(0)),
    ("src/mid.ts", "import { low } from './low.js';\nexport const mid = (): string => low();\n", Some(0)),
    ("src/low.ts", LOW, Some(3)),
    ("src/mid.ts", MID, Some(2)),
    // What is global is everywhere.
    ("src/ambient.d.ts", "declare const ambient: string;\ninterface Same { x: number }\n", ALL),
    ("src/ambient.d.ts", FILES[6].1, ALL),
    ("src/top.ts", "export {};\ndeclare global { interface Same { x: string } }\n", ALL),
    ("src/top.ts", TOP, ALL),
    ("src/top.ts", "const ambient = 1;\n", ALL),
    ("src/top.ts", TOP, ALL),
    // A global type that is missing is told with the first file that wants it.
    (
        "src/low.ts",
        "export interface Low { count: number }\nexport function low(): Low {\n  using x = null;\n  return { count: 1 };\n}\n",
        ALL,
    ),
    (
        "src/mid.ts",
        "import { low } from './low.js';\nexport const mid = () => { using y = null; return low(); };\n",
        ALL,
    ),
    ("src/low.ts", LOW, ALL),
    ("src/mid.ts", MID, ALL),
    // Circles.
    (
        "src/low.ts",
        "import { top } from './top.js';\nexport interface Low { count: number }\nexport function low() {\n  return { count: top };\n}\n",
        ALL,
    ),
    ("src/top.ts", "import { mid } from './mid.js';\nexport const top = mid().count;\n", ALL),
    ("src/uses.ts", "export const n: number = ambient;\n", ALL),
    ("src/low.ts", LOW, ALL),
    ("src/top.ts", TOP, Some(1)),
    ("src/uses.ts", USES, Some(2)),
    // Files that come and go, and what is no source.
    ("src/new.ts", "export const fresh: string = 1;\n", COLD),
    ("src/top.ts", "import { fresh } from './new.js';\nexport const top: number = fresh;\n", Some(1)),
    ("src/data.json", "{\"n\": \"\"}", COLD),
    ("src/data.json", "{\"n\": 1}", COLD),
    ("src/top.ts", "import './new.js';\nimport './nowhere.js';\n", Some(1)),
    ("src/nowhere.ts", "export {};\n", COLD),
    ("package.json", r#"{"type": "commonjs"}"#, COLD),
    ("package.json", r#"{"type": "module"}"#, COLD),
    ("tsconfig.json", "{\"compilerOptions\": {\"strict\": true, \"nope\": 1}}", COLD),
    ("src/low.ts", LOW_BODY, Some(1)),
];

fn run(version: &str) {
    let mut bench = Bench::of(script(version), &FILES).beside(Bare::script(version));
    bench.run("start");
    let mut wrong = Vec::new();
    for (at, (name, text, expected)) in EDITS.iter().enumerate() {
        bench.write(name, text);
        let (_, extent) = bench.run(&format!("edit {at} of {name}"));
        let is_expected = match (extent, *expected) {
            (Extent::Cold | Extent::Fresh(_), expected) => expected.is_none(),
            (Extent::Files(asked), ALL) => asked > 20,
            (Extent::Files(asked), expected) => Some(asked) == expected,
        };
        if !is_expected {
            wrong.push(format!("edit {at} of {name}: {extent:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{version}: {wrong:#?}");
}

#[test]
fn a_series_of_edits_by_5_9() {
    run("5.9.3");
}

#[test]
fn the_same_series_by_7_0() {
    let mut bench = Bench::of(native(), &FILES).beside(Bare::native());
    bench.run("start");
    for (at, (name, text, _)) in EDITS.iter().enumerate() {
        bench.write(name, text);
        bench.run(&format!("edit {at} of {name}"));
    }
    assert!(bench.parts > 10);
}

#[test]
#[ignore = "long: an oracle"]
fn a_series_of_edits_by_others() {
    for version in ["5.4.5", "5.7.3", "6.0.3"] {
        run(version);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_older_compiler_that_died_is_started_again_and_none_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let pids = directory.path().join("pids");
    let text = format!("#!/bin/sh\necho $$ >> '{}'\nexec '{}' \"$@\"\n", pids.display(), node().display());
    let interpreter = program(directory.path(), "node", &text);
    let package = installed("5.9.3").join("typescript");
    let mut bench = Bench::of(Compiler::script("5.9.3", &package, Some(interpreter)), &SMALL);
    let places = weak_places();
    bench.places = places.path().to_owned();
    let (_, extent) = bench.try_run(None).unwrap();
    assert_eq!(extent, Extent::Cold);
    let started = || -> Vec<String> { fs::read_to_string(&pids).unwrap().lines().map(str::to_owned).collect() };
    let is_there = |pid: &String| Path::new("/proc").join(pid).exists();
    assert_eq!(started().len(), 1);
    assert!(bench.warm.memory() > 0);
    assert!(Command::new("kill").args(["-KILL", &started()[0]]).status().unwrap().success());
    bench.write("src/low.ts", &SMALL[2].1.replace("count", "size"));
    let (checked, extent) = bench.try_run(None).unwrap();
    assert_eq!((checked.diagnostics.len(), extent), (1, Extent::Fresh(3)));
    let (_, extent) = bench.try_run(None).unwrap();
    assert_eq!(extent, Extent::Files(0));
    assert_eq!(started().len(), 2);
    drop(bench);
    assert!(!started().iter().any(is_there));
}

#[test]
fn code_that_is_none_is_compiled_again() {
    let mut bench = Bench::of(script("5.9.3"), &SMALL);
    bench.run("start");
    let compiled = bench.blobs.facts();
    assert_eq!(compiled.len(), 1);
    assert!(compiled[0].1.len() > 1 << 20);
    bench.blobs.put_fact(compiled[0].0, b"no code").unwrap();
    bench.write("src/low.ts", &SMALL[2].1.replace("count", "size"));
    assert_eq!(bench.run("no code").0.diagnostics.len(), 1);
}

#[test]
fn an_older_compiler_that_was_cancelled_goes_on() {
    let mut bench = Bench::of(script("5.9.3"), &SMALL);
    bench.run("start");
    for (edit, patience) in (0..6).zip([0, 1, 5, 20, 60, 200]) {
        bench.write("src/low.ts", &SMALL[2].1.replace("count", ["size", "count"][edit % 2]));
        bench.run_cancelled(Duration::from_millis(patience));
        bench.write("src/top.ts", &format!("{}// {edit}\n", SMALL[4].1));
        bench.run("what was cancelled");
    }
}

#[test]
#[ignore = "long: an oracle"]
fn values_beside_written_types_by_an_older_compiler() {
    edits::run_values(script("5.9.3"), false);
}

#[test]
#[ignore = "long: an oracle"]
fn random_texts_by_an_older_compiler() {
    edits::run_texts(script("5.9.3"), Some(Bare::script("5.9.3")));
}

#[test]
#[ignore = "long: an oracle"]
fn random_edits_by_older_compilers() {
    for (version, kinds) in [("5.4.5", KINDS), ("5.9.3", PLAIN), ("5.7.3", PLAIN), ("6.0.3", KINDS)] {
        edits::run(script(version), Some(Bare::script(version)), kinds, false);
    }
}

#[test]
#[ignore = "long: an oracle"]
fn random_edits_with_isolated_declarations_by_older_compilers() {
    for version in ["5.7.3", "6.0.3"] {
        edits::run(script(version), Some(Bare::script(version)), PLAIN, true);
    }
}

#[test]
fn files_of_a_referenced_project_are_its_declarations_to_an_older_compiler() {
    super::refer(script("5.9.3"));
}
