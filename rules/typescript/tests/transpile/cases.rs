//! Each file of `cases/`, transpiled for every target, behaves as it does when TypeScript emits it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use webstir_typescript::source::Facts;
use webstir_typescript::tsconfig::Target;

use crate::tools::{compiler_options, emit_with, options, path, run, scratch, tsc};

const TARGETS: [Target; 6] =
    [Target::Es2018, Target::Es2019, Target::Es2020, Target::Es2021, Target::Es2022, Target::EsNext];

/// The JSX runtime of the cases.
const RUNTIME: &str = "export const Fragment = 'fragment';
const make = (how) => (tag, props, key) => ({ how, tag: typeof tag === 'function' ? tag.name : tag, props, key });
export const jsx = make('jsx'), jsxs = make('jsxs');";
const CREATE: &str =
    "export const createElement = (tag, props, ...children) => ({ how: 'create', tag, props, children });";

/// Text and compiler options of each case; the options stand in the first line as a comment. `from` is the first target that
/// keeps what the case looks at.
fn cases() -> BTreeMap<String, (String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transpile/cases");
    let mut cases = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let first = text.lines().next().unwrap().strip_prefix("// {").map(|rest| format!("{{{rest}"));
        let mut all: Value = first.map_or(json!({}), |first| serde_json::from_str(&first).unwrap());
        let object = all.as_object_mut().unwrap();
        object.insert("target".into(), "es2022".into());
        object.insert("module".into(), "esnext".into());
        object.entry("useDefineForClassFields").or_insert(true.into());
        cases.insert(entry.file_name().into_string().unwrap(), (text, all));
    }
    assert!(cases.len() > 10);
    cases
}

fn targets(compiler: &Value) -> impl Iterator<Item = Target> {
    let from = compiler["from"].as_str().map_or(Target::Es2018, |name| Target::parse(name).unwrap());
    TARGETS.into_iter().filter(move |target| *target >= from)
}

#[test]
fn behave_as_typescript_emits_them() {
    let directory = scratch();
    let fake = directory.path().join("fake");
    std::fs::create_dir(&fake).unwrap();
    std::fs::write(fake.join("jsx-runtime"), RUNTIME).unwrap();
    let cases = cases();
    let mut files = Vec::new();
    let write = |folder: &str, name: &str, code: &str| {
        let folder = directory.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(name).with_extension("mjs");
        let code = code
            .replace("../fake/jsx-runtime", "../fake/jsx-runtime.mjs")
            .replace("\"../fake\"", "\"../fake/index.mjs\"");
        std::fs::write(&file, code).unwrap();
        file
    };
    std::fs::write(fake.join("jsx-runtime.mjs"), RUNTIME).unwrap();
    std::fs::write(fake.join("index.mjs"), CREATE).unwrap();
    for (name, code) in tsc(&cases) {
        files.push(write("tsc", &name, &code));
    }
    for (name, (text, compiler)) in &cases {
        let facts = Facts::of(&path(name), text);
        for target in targets(compiler) {
            let emit = compiler_options(compiler, Some(target));
            let linked: Vec<_> = facts.linked(&emit).into_iter().map(|link| link.specifier.into_string()).collect();
            let emitted = emit_with(name, text, &options(emit));
            let printed: Vec<_> = emitted.imports.into_iter().map(|import| import.specifier).collect();
            assert_eq!(linked, printed, "{name}: facts and output disagree");
            files.push(write(target.as_str(), name, &emitted.code));
        }
    }
    let written = run(&files);
    let get = |folder: &str, name: &str| {
        let file = directory.path().join(folder).join(name).with_extension("mjs");
        &written[file.to_str().unwrap()]
    };
    let mut wrong = Vec::new();
    for (name, (_, compiler)) in &cases {
        let expected = get("tsc", name);
        assert!(!expected.is_empty() && !expected.contains("threw "), "{name}: {expected}");
        for target in targets(compiler) {
            let actual = get(target.as_str(), name);
            if actual != expected {
                wrong.push(format!("{name} for {}:\n{actual}\n--- expected\n{expected}\n", target.as_str()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
