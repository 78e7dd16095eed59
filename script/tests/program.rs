//! Programs of several modules: what imports what, whose names are whose, and what is compiled once.

#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use serde_json::{Value, json};
use webstir_script::{
    Code, Evaluated, Evaluation, Limits, NoFiles, NoSourceMaps, Program, ProgramModule, ScriptError, SourceMap,
    SourceMaps, evaluate,
};

const ENTRY: &str = "build/backend/module.js";

fn module(path: &str, code: Code) -> ProgramModule {
    let name = path.replace("build/", "src/").replace(".js", ".ts");
    ProgramModule { path: path.to_owned(), name, code }
}

/// The first module is the entry.
fn program(modules: &[(&str, &str)], imports: &[(&str, &str)]) -> Program {
    let mut modules = modules.iter().map(|(path, text)| module(path, Code::new(*text)));
    Program {
        entry: modules.next().unwrap(),
        others: modules.map(|module| (module.path.clone(), module)).collect(),
        imports: imports.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect(),
    }
}

fn run_mapped(program: Program, source_maps: &dyn SourceMaps) -> Result<Evaluated, ScriptError> {
    evaluate(Evaluation { program, source_maps, environment: &[], files: &NoFiles, limits: Limits::default() })
}

fn run(program: Program) -> Result<Evaluated, ScriptError> {
    run_mapped(program, &NoSourceMaps)
}

fn manifest(evaluated: Result<Evaluated, ScriptError>) -> Value {
    evaluated.unwrap().module.definition.unwrap().manifest
}

#[test]
fn modules_import_each_other_as_they_would_from_files() {
    let program = program(
        &[
            (
                ENTRY,
                "import { count, raise } from './a/counter.js'; import * as b from './b.js'; import zod from 'zod';
                 import { join } from 'node:path';
                 raise(); const late = await import('./late.js');
                 export const own = 'own';
                 export const module = { manifest: { count, seen: b.seen(), zod, path: join('x', 'y'), late: late.default } };",
            ),
            ("build/backend/a/counter.js", "export let count = 0; export function raise() { count += 1; }"),
            // A cycle through the entry, and a binding that changes.
            (
                "build/backend/b.js",
                "import { count } from './a/counter.js'; import { own } from './module.js'; export const seen = () => [count, own];",
            ),
            ("build/backend/late.js", "await null; export default import.meta.url;"),
            ("build/backend/packages/zod.js", "import './part.js'; export default globalThis.part;"),
            ("build/backend/packages/part.js", "globalThis.part = 'of a package';"),
        ],
        &[("zod", "build/backend/packages/zod.js")],
    );
    let expected = json!({
        "count": 1, "seen": [1, "own"], "zod": "of a package", "path": "x/y",
        "late": "file:///workspace/src/backend/late.ts",
    });
    assert_eq!(manifest(run(program)), expected);
}

#[test]
fn what_the_program_has_not_is_missing() {
    for (import, specifier) in [
        ("import './b.js'", "./b.js"),
        ("import '../../../etc/passwd'", "../../../etc/passwd"),
        ("import 'zod'", "zod"),
        ("import 'build/backend/module.js'", "build/backend/module.js"),
        ("import 'webstir:prelude/host'", "webstir:prelude/host"),
    ] {
        let error = run(program(&[(ENTRY, "import './a.js';"), ("build/backend/a.js", import)], &[])).unwrap_err();
        assert!(matches!(&error, ScriptError::Unsupported { specifier: found } if found == specifier), "{error:?}");
    }
}

#[test]
fn frames_are_those_of_each_module() {
    let maps = BTreeMap::from([(
        "build/backend/a.js".to_owned(),
        SourceMap {
            // Line 2 column 0 is src/backend/a.ts 10:4.
            json: r#"{"version":3,"sources":["../../src/backend/a.ts"],"names":[],"mappings":";AASI"}"#.into(),
            directory: "build/backend".to_owned(),
        },
    )]);
    let error = run_mapped(
        program(
            &[
                (ENTRY, "import { fail } from './a.js';\nexport const module = { manifest: fail() };"),
                ("build/backend/a.js", "export function fail() {\nthrow new Error('x'); }"),
            ],
            &[],
        ),
        &maps,
    )
    .unwrap_err();
    let frames = &error.thrown().unwrap().frames;
    let places: Vec<_> = frames.iter().map(|frame| (frame.file.as_str(), frame.line, frame.mapped)).collect();
    assert_eq!(places, [("src/backend/a.ts", 10, true), ("src/backend/module.ts", 2, false)]);
    let error = run(program(&[(ENTRY, "import './a.js';"), ("build/backend/a.js", "\nconst = 1;")], &[])).unwrap_err();
    let frame = &error.thrown().unwrap().frames[0];
    assert!(matches!(error, ScriptError::Syntax(_)), "{error:?}");
    assert_eq!((frame.file.as_str(), frame.line), ("src/backend/a.ts", 2));
}

#[test]
fn a_text_is_read_once_and_its_module_is_the_same_each_time() {
    let texts = [
        (
            ENTRY,
            "import { make } from './a.js'; let n = 0; n += 1; export const module = { manifest: { n, made: make() } };",
        ),
        (
            "build/backend/a.js",
            "const state = []; export const make = () => { state.push(make.name); return [state, String(make)]; };",
        ),
    ];
    let reads = Cell::new(0);
    let once = || {
        let mut modules = texts.iter().map(|(path, text)| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&(text.len() as u64).to_le_bytes());
            let read = || {
                reads.set(reads.get() + 1);
                Ok::<_, Infallible>((*text).into())
            };
            let Ok(code) = Code::known(path, digest, read);
            module(path, code)
        });
        let entry = modules.next().unwrap();
        let others = modules.map(|module| (module.path.clone(), module)).collect();
        run(Program { entry, others, imports: BTreeMap::new() })
    };
    let first = manifest(once());
    assert_eq!(first["n"], 1);
    assert_eq!(first["made"][0], json!(["make"]));
    for _ in 0..3 {
        assert_eq!(manifest(once()), first);
    }
    assert_eq!(reads.get(), 2);
}
