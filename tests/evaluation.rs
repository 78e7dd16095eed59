//! Module definitions: what is read of them, and what they may do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::Case;

const PACKAGE: (&str, &str) =
    ("package.json", "{ \"name\": \"page\", \"type\": \"module\", \"webstir\": { \"mode\": \"api\" } }\n");

fn module(text: &str) -> Case {
    Case::with(&[PACKAGE, ("src/backend/index.ts", "export {};\n"), ("src/backend/module.ts", text)])
}

#[test]
fn w7_a_module_that_throws_is_named_with_its_line() {
    let case = module("import { fail } from './fail.js';\nexport const module = fail();\n");
    case.write(
        "src/backend/fail.ts",
        "interface Unused { a: 1 }\nexport function fail(): never {\n  throw new Error('no luck');\n}\n",
    );
    let built = case.build(&[]);
    assert_eq!(built.code, Some(0), "a warning in build");
    assert!(
        built.findings().contains(&"manifest::load_failed src/backend/fail.ts:3:13".to_owned()),
        "{:?}",
        built.findings()
    );
    let published = case.run(&["publish"]);
    assert_eq!(published.code, Some(1), "an error in publish");
    assert!(
        published.stderr.contains("no luck") && published.stderr.contains("throw new Error"),
        "{}",
        published.stderr
    );
    assert!(!case.exists("dist"));
}

#[test]
fn files_and_values_that_a_module_reads_are_inputs() {
    let case = module(
        "import { readFileSync } from 'node:fs';\nimport { fileURLToPath } from 'node:url';\nimport { join } from 'node:path';\n\
         const here = fileURLToPath(new URL('.', import.meta.url));\n\
         const name = readFileSync(join(here, '../../routes.txt'), 'utf8').trim();\n\
         export const module = { manifest: { contractVersion: '1.0.0', name: 'm', version: '1.0.0', kind: 'backend', routes: [{ name, method: 'GET', path: '/' + name }] } };\n",
    );
    case.write("routes.txt", "first\n");
    let document = case.build_ok(&[]).json();
    assert_eq!(document["manifest"]["routes"][0]["path"], "/first");
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), Vec::<String>::new());
    case.write("routes.txt", "second\n");
    let ran = case.build_ok(&[]);
    assert_eq!(ran.actions(&["ran"]), ["artifacts:backend", "manifest:backend"]);
    assert_eq!(ran.json()["manifest"]["routes"][0]["path"], "/second");
}

#[test]
fn an_endless_module_is_stopped() {
    let case = module("for (;;) {}\nexport const module = {};\n");
    let built = case.build(&[]);
    assert!(built.findings().iter().any(|found| found.starts_with("manifest::cpu_limit")), "{:?}", built.findings());
}

#[test]
fn packages_come_from_the_workspace_only() {
    let case = module(
        "import { name } from 'little';\nexport const module = { manifest: { contractVersion: '1.0.0', name, version: '1.0.0', kind: 'backend' } };\n",
    );
    // A package above the workspace is not seen.
    let above = case.beside("node_modules/little");
    std::fs::create_dir_all(&above).unwrap();
    std::fs::write(above.join("package.json"), "{ \"name\": \"little\", \"main\": \"index.js\" }").unwrap();
    std::fs::write(above.join("index.js"), "exports.name = 'stranger';").unwrap();
    let built = case.build(&[]);
    assert_eq!(built.code, Some(1), "{}", built.stdout);
    assert!(
        built.findings().iter().any(|found| found.starts_with("bundle::unresolved src/backend/module.ts:1:")),
        "{:?}",
        built.findings()
    );

    case.write("node_modules/little/package.json", "{ \"name\": \"little\", \"main\": \"index.js\" }");
    case.write("node_modules/little/index.js", "exports.name = 'little';");
    let built = case.build_ok(&[]);
    assert_eq!(built.json()["manifest"]["name"], "little");
    case.write("node_modules/little/index.js", "exports.name = 'larger';");
    assert_eq!(case.build_ok(&[]).json()["manifest"]["name"], "larger");
}

#[test]
fn what_the_engine_lacks_is_evaluated_by_node() {
    let case = module(
        "import net from 'node:net';\nexport const module = { manifest: { contractVersion: '1.0.0', name: typeof net.connect, version: '1.0.0', kind: 'backend' } };\n",
    );
    let built = case.build_ok(&[]);
    assert_eq!(built.json()["manifest"]["name"], "function");
    let index: serde_json::Value = serde_json::from_str(&case.read("build/backend/artifacts.json")).unwrap();
    assert_eq!(index["module"]["hermetic"], false);

    // Without an interpreter the chain and the way out are named.
    let case = module("export { module } from './deep.js';\n");
    case.write("src/backend/deep.ts", "import net from 'node:net';\nexport const module = { manifest: {}, net };\n");
    let output = case.command().args(["publish", "--json"]).env("PATH", "/nonexistent").output().unwrap();
    let ran = crate::support::ran(output);
    assert_eq!(ran.code, Some(1));
    let document = ran.json();
    let found = document["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|found| found["code"] == "manifest::unsupported_import")
        .unwrap();
    assert!(found["notes"].to_string().contains("src/backend/module.ts -> src/backend/deep.ts -> node:net"), "{found}");
    assert!(found["help"].as_str().unwrap().contains("Bun or Node"), "{found}");
}

#[test]
fn a_node_that_is_too_old_is_said_and_nothing_of_it_is_kept() {
    let case = module(
        "import net from 'node:net';\nexport const module = { manifest: { contractVersion: '1.0.0', name: typeof net.connect, version: '1.0.0', kind: 'backend' } };\n",
    );
    let bin = case.beside("bin");
    fs::create_dir(&bin).unwrap();
    let version = bin.join("version.cjs");
    let older = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.19.1' } });\n";
    fs::write(&version, older).unwrap();
    let node = String::from_utf8(Command::new("sh").args(["-c", "command -v node"]).output().unwrap().stdout).unwrap();
    let script = format!("#!/bin/sh\nexec {} --require {} \"$@\"\n", node.trim(), version.display());
    fs::write(bin.join("node"), script).unwrap();
    fs::set_permissions(bin.join("node"), fs::Permissions::from_mode(0o755)).unwrap();
    // Without Bun, which would be taken first.
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let build =
        |arguments: &[&str]| crate::support::ran(case.command().args(arguments).env("PATH", &path).output().unwrap());
    let says = "Node.js 18.19.1 (";
    let ran = build(&["publish", "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.json()["diagnostics"].to_string().contains(says), "{}", ran.stdout);
    // Nor is the module served by it.
    let ran = build(&["build", "--json"]);
    assert!(ran.json()["diagnostics"].to_string().contains(says), "{}", ran.stdout);
    fs::remove_file(bin.join("node")).unwrap();
    std::os::unix::fs::symlink(node.trim(), bin.join("node")).unwrap();
    let ran = build(&["publish", "--json"]);
    assert_eq!((ran.code, &ran.json()["manifest"]["name"]), (Some(0), &"function".into()), "{}", ran.stderr);
}

#[test]
fn the_build_decides_what_runs_handlers_and_says_why() {
    let engine = |case: &Case| {
        let index: serde_json::Value = serde_json::from_str(&case.read("build/backend/artifacts.json")).unwrap();
        index["module"]["engine"].clone()
    };
    let case = module("export { module } from './deep.js';\n");
    case.write(
        "src/backend/deep.ts",
        "import { join } from 'node:path';\nexport const module = { manifest: {}, join };\n",
    );
    case.build_ok(&[]);
    assert_eq!(engine(&case), "embedded");

    case.write(
        "src/backend/deep.ts",
        "import { connect } from 'node:net';\nexport const module = { manifest: {}, connect };\n",
    );
    let document = case.build_ok(&[]).json();
    assert_eq!(engine(&case), "worker");
    let found = document["diagnostics"].as_array().unwrap();
    let found = found.iter().find(|found| found["code"] == "artifacts::engine").unwrap();
    assert_eq!(found["message"], "Handlers run in a worker: the module imports `node:net`");
    assert_eq!((&found["file"], &found["span"]["column"]), (&"src/backend/deep.ts".into(), &25.into()));
    assert!(found["notes"].to_string().contains("src/backend/module.ts -> src/backend/deep.ts -> node:net"), "{found}");

    // What cannot be is an error with the way out.
    case.write("webstir.kdl", "workspace \"page\" {\n  mode api\n}\nartifacts backend {\n  engine embedded\n}\n");
    let built = case.build(&[]);
    assert_eq!(built.code, Some(1));
    assert!(
        built.findings().contains(&"artifacts::engine src/backend/deep.ts:1:25".to_owned()),
        "{:?}",
        built.findings()
    );
    assert!(built.stdout.contains("write `engine \\\"worker\\\"` in `artifacts backend`"), "{}", built.stdout);

    case.write("webstir.kdl", "workspace \"page\" {\n  mode api\n}\nartifacts backend {\n  engine worker\n}\n");
    case.write("src/backend/deep.ts", "export const module = { manifest: {} };\n");
    case.build_ok(&[]);
    assert_eq!(engine(&case), "worker");
}

#[test]
fn what_throws_while_it_loads_is_told_and_not_taken_for_dead_code() {
    let case = module("import { name } from './broken.js';\nexport const module = { manifest: { name } };\n");
    case.write("src/backend/broken.ts", "export const name = 'x';\nthrow new Error('boom at start');\n");
    let ran = case.run(&["build", "--profile", "test"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("boom at start") && ran.stderr.contains("src/backend/broken.ts:2"), "{}", ran.stderr);
}

/// The name of the manifest is what the module says of where it lies.
fn where_it_lies(import: &str) -> String {
    format!(
        "import {{ dirname, basename }} from 'node:path';\nimport {{ fileURLToPath }} from 'node:url';\n{import}\
         const here = dirname(fileURLToPath(import.meta.url));\n\
         const data = fileURLToPath(new URL('./data/routes.json', import.meta.url)).slice(here.length);\n\
         const name = [basename(dirname(here)), basename(here), data, import.meta.dirname === here].join(' ');\n\
         export const module = {{ manifest: {{ contractVersion: '1.0.0', name, version: '1.0.0', kind: 'backend' }} }};\n"
    )
}

#[test]
fn review_6_22_every_evaluation_lies_where_the_source_does() {
    for import in ["", "import net from 'node:net';\nglobalThis.net = net;\n"] {
        let case = module(&where_it_lies(import));
        for profile in ["build", "test", "publish"] {
            let document = case.build_ok(&["--profile", profile]).json();
            assert_eq!(document["manifest"]["name"], "src backend /data/routes.json true", "{profile} {import}");
        }
    }
}

#[test]
fn review_6_22_a_sibling_is_read_beside_the_source() {
    let case = module(
        "import { readFileSync } from 'node:fs';\n\
         const name = readFileSync(new URL('./name.txt', import.meta.url), 'utf8').trim();\n\
         export const module = { manifest: { contractVersion: '1.0.0', name, version: '1.0.0', kind: 'backend' } };\n",
    );
    case.write("src/backend/name.txt", "sibling\n");
    for profile in ["build", "publish"] {
        assert_eq!(case.build_ok(&["--profile", profile]).json()["manifest"]["name"], "sibling", "{profile}");
    }
}
