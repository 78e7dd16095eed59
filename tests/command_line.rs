//! Commands as people and scripts use them.

use std::fs;

use crate::support::{Case, ran};

#[test]
fn init_writes_a_workspace_that_builds() {
    let case = Case::named("my notes");
    let made = case.run(&["init", "api", "."]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(made.stdout.starts_with("[webstir] init complete\n"), "{}", made.stdout);
    assert!(case.read("package.json").contains("\"name\": \"my-notes\""));

    let built = case.run(&["build"]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    assert!(built.stdout.starts_with("[webstir] build complete\n"), "{}", built.stdout);
    assert!(built.stdout.contains("build/backend/module.js"), "{}", built.stdout);
    // Not a terminal: plain lines, no control sequences.
    assert!(!built.stderr.contains('\u{1b}'), "{}", built.stderr);

    let again = case.run(&["init", "api", "."]);
    assert_eq!(again.code, Some(2));
    assert!(
        again.stderr.contains("[webstir] init failed:") && again.stderr.contains("already exists"),
        "{}",
        again.stderr
    );
}

#[test]
fn licences_are_told_of_everything_that_is_linked() {
    let case = Case::empty();
    let list = case.run(&["licenses"]);
    assert_eq!(list.code, Some(0), "{}", list.stderr);
    assert!(list.stdout.starts_with("webstir 0.1.0: MIT\n"), "{}", list.stdout);
    for package in ["rolldown ", "rquickjs-sys ", "salsa ", "swc_core "] {
        assert!(list.stdout.lines().any(|line| line.starts_with(package)), "{package}");
    }
    // What only builds or tests is not in it, and neither are our own crates.
    for package in ["cargo_metadata ", "insta ", "webstir-engine "] {
        assert!(!list.stdout.lines().any(|line| line.starts_with(package)), "{package}");
    }
    let full = case.run(&["licenses", "--full"]).stdout;
    assert!(full.contains("\nwebstir\n\nMIT License\n"), "the licence of webstir");
    assert!(full.contains("Fabrice Bellard"), "the notice of the JavaScript engine");
}

#[test]
fn a_failure_is_followed_by_what_caused_it() {
    let case = Case::starter();
    case.write("taken", "");
    let store = case.path("taken/store");
    let run = |arguments: &[&str]| {
        let ran = ran(case.command().args(arguments).env("WEBSTIR_STORE", &store).output().unwrap());
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        let lines: Vec<String> = ran.stderr.lines().map(str::to_owned).collect();
        let first = lines.iter().position(|line| line.starts_with("[webstir] ")).unwrap();
        lines[first..].to_vec()
    };
    let failed = format!("[webstir] build failed: The store at `{}` cannot be used", store.display());
    assert_eq!(run(&["build"]), [failed.as_str(), "  caused by: Not a directory (os error 20)"]);
    // What a message says already is not told again.
    case.write(".env", "AUTH_JWT_PUBLIC_KEY_FILE=nowhere.pem");
    let told = run(&["serve", "--build"]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].ends_with("nowhere.pem' cannot be read: No such file or directory (os error 2)"), "{told:?}");
}

#[test]
fn the_starter_has_its_routes_in_the_manifest() {
    let case = Case::starter();
    let document = case.build_ok(&[]).json();
    assert_eq!(document["ok"], true);
    let routes = document["manifest"]["routes"].as_array().unwrap();
    let routes: Vec<String> = routes
        .iter()
        .map(|route| format!("{} {}", route["method"].as_str().unwrap(), route["path"].as_str().unwrap()))
        .collect();
    assert_eq!(routes, ["GET /", "POST /", "GET /api/notes", "POST /api/notes", "GET /api/notes/:id"]);
    assert_eq!(document["manifest"]["jobs"][0]["name"], "nightly");
    // No finding but the summary.
    let codes: Vec<&str> =
        document["diagnostics"].as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect();
    assert!(codes.iter().all(|code| code.starts_with("manifest::")), "{codes:?}");
}

#[test]
fn the_document_of_build_has_its_keys() {
    let case = Case::starter();
    let document = case.build_ok(&[]).json();
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    let expected =
        ["ok", "ran", "cached", "restored", "durationMs", "actions", "diagnostics", "artifacts", "manifest", "sandbox"];
    assert_eq!(keys, expected);
    let action = &document["actions"][0];
    assert_eq!(
        action.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["label", "kind", "status", "key", "durationMs", "cause"]
    );
    let artifact = &document["artifacts"][0];
    assert_eq!(artifact.as_object().unwrap().keys().collect::<Vec<_>>(), ["path", "digest", "bytes", "type"]);
    let paths: Vec<&str> =
        document["artifacts"].as_array().unwrap().iter().map(|artifact| artifact["path"].as_str().unwrap()).collect();
    assert!(paths.is_sorted());
    assert_eq!(document["ran"].as_u64(), document["actions"].as_array().map(|actions| actions.len() as u64));
}

#[test]
fn publish_makes_one_file_an_entry() {
    let case = Case::starter();
    let ran = case.run(&["publish", "--json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(
        case.names("dist"),
        [
            "dist/backend/artifacts.json",
            "dist/backend/build-manifest.json",
            "dist/backend/functions/hello/index.js",
            "dist/backend/index.js",
            "dist/backend/jobs/nightly/index.js",
            "dist/backend/manifest.json",
            "dist/backend/module.js",
        ]
    );
    assert!(!case.exists("build"));
}

#[test]
fn every_command_has_help_with_an_example() {
    let case = Case::empty();
    for command in [
        "init",
        "build",
        "publish",
        "why",
        "graph",
        "query",
        "affected",
        "lock",
        "config",
        "cache",
        "completions",
        "licenses",
    ] {
        let help = case.run(&[command, "--help"]);
        assert_eq!(help.code, Some(0));
        assert!(help.stdout.contains("Example"), "{command}: {}", help.stdout);
    }
    assert_eq!(case.run(&["build", "--no-such-flag"]).code, Some(2));
    assert_eq!(case.run(&["nothing"]).code, Some(2));
}

#[test]
fn config_expanded_builds_the_same() {
    let case = Case::starter();
    case.build_ok(&[]);
    let expanded = case.run(&["config", "--expanded"]);
    assert_eq!(expanded.code, Some(0), "{}", expanded.stderr);
    assert!(expanded.stdout.contains("transpile backend"), "{}", expanded.stdout);
    case.write("webstir.kdl", &expanded.stdout);
    let again = case.build_ok(&[]);
    assert_eq!(again.actions(&["ran"]), Vec::<String>::new());
    let document = case.run(&["config", "--json"]).json();
    assert_eq!(document["mode"], "api");
}

#[test]
fn the_example_configuration_builds() {
    let case = Case::starter();
    let example = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/webstir.kdl.example")).unwrap();
    case.write("webstir.kdl", &example);
    case.write(
        "scripts/schema.mjs",
        "import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';\n\
         const out = process.env.WEBSTIR_OUT;\n\
         const { routes } = JSON.parse(readFileSync(`${out}/backend/manifest.json`, 'utf8'));\n\
         mkdirSync(`${out}/schema`, { recursive: true });\n\
         writeFileSync(`${out}/schema/routes.json`, JSON.stringify(routes.map(({ path }) => path)));\n",
    );
    case.write("scripts/announce.mjs", "console.log('published');\n");
    case.write(
        "scripts/client.mjs",
        "import { mkdirSync, writeFileSync } from 'node:fs';\n\
         const out = `${process.env.WEBSTIR_OUT}/client`;\nmkdirSync(out, { recursive: true });\n\
         writeFileSync(`${out}/routes.ts`, 'export const routes: string[] = [];\\n');\n",
    );
    let with_token = |arguments: &[&str]| {
        crate::support::ran(case.command().env("ROUTES_TOKEN", "a token of a test").args(arguments).output().unwrap())
    };
    let config = case.run(&["config", "--json"]);
    assert_eq!(config.code, Some(0), "{}", config.stdout);
    let ran = with_token(&["build", "--json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(case.read("build/schema/routes.json"), r#"["/","/","/api/notes","/api/notes","/api/notes/:id"]"#);
    assert_eq!(with_token(&["build", "--json"]).actions(&["ran"]), Vec::<String>::new());
    let published = with_token(&["publish"]);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
}

#[test]
fn cache_counts_and_clears() {
    let case = Case::starter();
    case.build_ok(&[]);
    let before = case.run(&["cache", "stats", "--json"]).json();
    assert!(before["buckets"]["actions"]["records"].as_u64().unwrap() > 5, "{before}");
    assert_eq!(case.run(&["cache", "clear"]).code, Some(0));
    let after = case.run(&["cache", "stats", "--json"]).json();
    assert_eq!(after["buckets"]["actions"]["records"], 0);
    assert!(!case.build_ok(&[]).actions(&["ran"]).is_empty());
}

#[test]
fn lock_writes_what_build_then_uses() {
    let case = Case::starter();
    let locked = case.run(&["lock"]);
    assert_eq!(locked.code, Some(0), "{}", locked.stderr);
    let first = case.read("webstir.lock");
    assert!(first.contains("sha512-") && first.contains("7.0.2"), "{first}");
    case.build_ok(&[]);
    assert_eq!(case.run(&["lock"]).code, Some(0));
    assert_eq!(case.read("webstir.lock"), first);
    // Nobody's registry is named in it.
    assert!(!first.contains("://"), "{first}");
}

#[test]
fn offline_says_what_is_missing_and_works_once_fetched() {
    let case = Case::starter();
    let toolchain = case.beside("toolchain");
    let mut command = case.command();
    command.args(["build", "--offline"]).env("WEBSTIR_TOOLCHAIN", &toolchain);
    let offline = crate::support::ran(command.output().unwrap());
    assert_eq!(offline.code, Some(2), "{}", offline.stderr);
    assert!(offline.stderr.contains("--offline") && offline.stderr.contains("7.0.2"), "{}", offline.stderr);
    // The shared toolchain has it.
    case.build_ok(&[]);
    case.run(&["cache", "clear"]);
    case.build_ok(&["--offline"]);
}

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let case = Case::starter();
    let ran = case.run(&["build", "--quiet"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn the_workspace_comes_from_the_flag_then_the_environment() {
    let case = Case::starter();
    let elsewhere = Case::empty();
    let root = case.root().to_str().unwrap();
    let flagged = elsewhere.run(&["build", "--workspace", root]);
    assert_eq!(flagged.code, Some(0), "{}", flagged.stderr);
    for name in ["WORKSPACE_ROOT", "WEBSTIR_WORKSPACE_ROOT"] {
        let output = elsewhere.command().arg("build").env(name, root).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
    }
    let output = elsewhere.command().arg("build").env("WORKSPACE_ROOT", "  ").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not a workspace"));
}
