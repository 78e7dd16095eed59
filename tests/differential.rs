//! What `build` materialises and `publish` links computes what `tsc` makes of the same source.
//!
//! The snippets lie in `tests/differential/*.md`, a file a subject; `corpus.rs` says how they are written. All of one set of compiler
//! options are one workspace: it is compiled by TypeScript, built and published, and each result is run by Node and, but for what
//! `[node]` marks, evaluated by the embedded engine. What snippets say must be equal everywhere. A fault that is found becomes a snippet.

mod corpus;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::{Case, packages};
use corpus::{Snippet, Subject};

/// The compilers that results are compared with.
const PACKAGES: [&str; 2] = ["typescript@5.9.3", "esbuild@0.28.2"];

/// What each snippet said.
type Said = BTreeMap<String, Vec<String>>;

/// A directory with [`PACKAGES`], installed once for all runs.
fn compilers() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| packages("differential-compilers-1", &PACKAGES))
}

const JSX: &str = "export const Fragment = 'fragment';\n\
    export const jsx = (type, props, key) => ({ type: typeof type === 'function' ? 'function' : type, props, key });\n\
    export const jsxs = jsx;\nexport const createElement = (type, props, ...children) => ({ type, props, children });\n";

fn workspace(options: &str, subjects: &[&Subject]) -> Case {
    let case = Case::with(&[
        ("package.json", "{ \"name\": \"differential\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" } }\n"),
        (
            "webstir.kdl",
            "workspace differential { mode api; }\ntypecheck backend remove=#true\nmanifest backend { limits { cpu \"60s\"; }; }\n",
        ),
        (
            "src/backend/tsconfig.json",
            &format!(
                "{{ \"compilerOptions\": {{ \"target\": \"es2022\", \"lib\": [\"esnext\"], \"module\": \"esnext\", \"moduleResolution\": \"bundler\", \
                 \"jsx\": \"react-jsx\", \"jsxImportSource\": \"tinyjsx\", \"types\": [], \"noCheck\": true, \"noEmit\": true{options} }}, \
                 \"include\": [\"**/*.ts\", \"**/*.tsx\"] }}\n"
            ),
        ),
        ("src/backend/record.ts", include_str!("differential/record.ts")),
        ("run.mjs", include_str!("differential/run.mjs")),
        (
            "node_modules/tinyjsx/package.json",
            "{ \"name\": \"tinyjsx\", \"type\": \"module\", \"exports\": { \".\": \"./index.js\", \"./jsx-runtime\": \"./index.js\" } }\n",
        ),
        ("node_modules/tinyjsx/index.js", JSX),
    ]);
    let mut module = String::new();
    for subject in subjects {
        for (path, text) in subject.files() {
            case.write(&path, &text);
        }
        for entry in subject.entries().filter(|entry| !entry.ends_with("-node")) {
            module.push_str(&format!("import './functions/{entry}/index.js';\n"));
        }
    }
    module.push_str(
        "export const module = { manifest: { contractVersion: '1.0.0', name: JSON.stringify((globalThis as any).differential), \
         version: '1.0.0', kind: 'backend' } };\n",
    );
    case.write("src/backend/module.ts", &module);
    case
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{error}");
    out.into_owned()
}

/// What the files below `directory` say in Node.
fn in_node(case: &Case, directory: &str, entries: &[String]) -> Said {
    let files = entries.iter().map(|entry| case.path(directory).join(format!("functions/{entry}/index.js")));
    let said = run(Command::new("node").arg(case.path("run.mjs")).args(files));
    serde_json::from_str(&said).unwrap()
}

/// What the module definition said in the embedded engine, which put it into the manifest.
fn embedded(case: &Case, directory: &str) -> Said {
    let index: Value = serde_json::from_str(&case.read(&format!("{directory}/backend/artifacts.json"))).unwrap();
    let module = &index["module"];
    assert_eq!((&module["engine"], &module["hermetic"]), (&"embedded".into(), &true.into()));
    let manifest: Value = serde_json::from_str(&case.read(&format!("{directory}/backend/manifest.json"))).unwrap();
    serde_json::from_str(manifest["name"].as_str().unwrap()).unwrap()
}

/// What is said otherwise than by what TypeScript made.
fn compare(place: &str, right: &Said, said: &Said, snippets: &[&Snippet], faults: &mut Vec<String>) {
    for snippet in snippets {
        let (right, said) = (right.get(&snippet.name), said.get(&snippet.name));
        if right != said {
            let show = |said: Option<&Vec<String>>| said.map_or("nothing".to_owned(), |said| said.join("\n        "));
            faults.push(format!("{} in {place}\n  right {}\n  said  {}", snippet.name, show(right), show(said)));
        }
    }
}

/// Those that the embedded engine runs as it should.
fn portable<'a>(snippets: &[&'a Snippet]) -> Vec<&'a Snippet> {
    snippets.iter().filter(|snippet| !snippet.node && !snippet.engine).copied().collect()
}

fn differential(options: &str, subjects: &[&Subject]) {
    let case = workspace(options, subjects);
    let entries: Vec<String> = subjects.iter().flat_map(|subject| subject.entries()).collect();
    let tsc = compilers().join("node_modules/typescript/bin/tsc");
    let mut typescript = Command::new("node");
    typescript.arg(tsc).current_dir(case.root()).args(["-p", "src/backend", "--noEmit", "false"]);
    typescript.args(["--rootDir", "src/backend", "--outDir", "reference"]);
    run(&mut typescript);
    let built = case.run(&["build"]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    let published = case.run(&["publish"]);
    assert_eq!(published.code, Some(0), "{}{}", published.stdout, published.stderr);

    let right = in_node(&case, "reference", &entries);
    let failed: Vec<_> = right.iter().filter(|(name, _)| name.starts_with("failed")).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let snippets = || subjects.iter().flat_map(|subject| &subject.snippets);
    let silent: Vec<_> = snippets().filter(|snippet| !right.contains_key(&snippet.name)).map(|it| &it.name).collect();
    assert!(silent.is_empty(), "{silent:#?}");

    let mut faults = Vec::new();
    let all: Vec<&Snippet> = snippets().collect();
    let linked: Vec<&Snippet> = snippets().filter(|snippet| !snippet.dropped).collect();
    let published = in_node(&case, "dist/backend", &entries);
    let engine = embedded(&case, "build");
    let mended = all.iter().filter(|it| it.engine && engine.get(&it.name) == right.get(&it.name));
    faults.extend(mended.map(|snippet| format!("{}: the engine is right now; take the mark away", snippet.name)));
    for (place, said, snippets) in [
        ("build, Node", in_node(&case, "build/backend", &entries), all.clone()),
        ("build, embedded", engine, portable(&all)),
        ("publish, Node", published.clone(), linked.clone()),
        ("publish, embedded", embedded(&case, "dist"), portable(&linked)),
    ] {
        faults.extend(
            said.iter()
                .filter(|(name, _)| name.starts_with("failed"))
                .map(|(name, why)| format!("{name} in {place}: {why:?}")),
        );
        compare(place, &right, &said, &snippets, &mut faults);
    }
    // What is allowed to be dropped is what esbuild drops.
    let dropped: Vec<&Snippet> = snippets().filter(|snippet| snippet.dropped).collect();
    if !dropped.is_empty() {
        let has_dropped = |subject: &&&Subject| subject.snippets.iter().any(|snippet| snippet.dropped);
        let entries: Vec<String> = subjects.iter().filter(has_dropped).flat_map(|subject| subject.entries()).collect();
        let inputs = entries.iter().map(|entry| format!("src/backend/functions/{entry}/index.ts"));
        let mut esbuild = Command::new(compilers().join("node_modules/.bin/esbuild"));
        esbuild.current_dir(case.root()).args(inputs).args([
            "--bundle",
            "--minify",
            "--format=esm",
            "--platform=node",
            "--target=es2022",
        ]);
        run(esbuild.args(["--packages=external", "--log-level=error", "--outbase=src/backend", "--outdir=esbuild"]));
        compare("publish as esbuild", &in_node(&case, "esbuild", &entries), &published, &dropped, &mut faults);
    }
    assert!(faults.is_empty(), "{} of {} differ\n\n{}", faults.len(), all.len(), faults.join("\n\n"));
}

#[test]
fn the_corpus_is_large() {
    let count: usize = corpus::subjects().iter().map(|subject| subject.snippets.len()).sum();
    assert!(count >= 400, "{count}");
}

#[test]
fn publish_2_all_compilers_agree() {
    let subjects = corpus::subjects();
    differential("", &subjects.iter().filter(|subject| subject.options == "standard").collect::<Vec<_>>());
}

#[test]
fn publish_2_all_compilers_agree_about_legacy_decorators() {
    let subjects = corpus::subjects();
    let legacy = subjects.iter().filter(|subject| subject.options == "legacy").collect::<Vec<_>>();
    differential(
        ", \"experimentalDecorators\": true, \"emitDecoratorMetadata\": true, \"useDefineForClassFields\": false",
        &legacy,
    );
}
