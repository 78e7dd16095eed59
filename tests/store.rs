//! The store: its bounds, its repair, and who shares it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Case, ran};

fn bytes_below(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries
        .flatten()
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() { bytes_below(&entry.path()) } else { metadata.len() }
        })
        .sum()
}

fn git(directory: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.test", "-c", "init.defaultBranch=main"]);
    let output = command.args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "long: two hundred builds"]
fn churn_stays_within_the_budget() {
    let case = Case::starter();
    let cap = 300 * 1024;
    let store = case.path(".webstir/store");
    for round in 0..200 {
        let text = format!("export const text = `{round}{}`;\n", "x".repeat(40_000 + round));
        case.write("src/backend/functions/large/index.ts", &text);
        let mut command = case.command();
        command.args(["build", "--json"]).env("WEBSTIR_STORE_SIZE", format!("{}KiB", cap / 1024));
        let built = ran(command.output().unwrap());
        assert_eq!(built.code, Some(0), "{}", built.stderr);
        let bytes = bytes_below(&store);
        assert!(bytes <= cap + cap / 20, "round {round}: {bytes}");
    }
    // What the last build made is what stays.
    fs::remove_dir_all(case.path("build")).unwrap();
    fs::remove_dir_all(case.path(".webstir/start")).unwrap();
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), Vec::<String>::new());
}

#[test]
fn builds_without_a_change_grow_nothing() {
    let case = Case::starter();
    case.build_ok(&[]);
    case.build_ok(&[]);
    let before = bytes_below(&case.path(".webstir"));
    for _ in 0..100 {
        case.build_ok(&[]);
    }
    assert_eq!(bytes_below(&case.path(".webstir")), before);
    // Nor do those that plan all of it and find all of it.
    for _ in 0..10 {
        fs::remove_dir_all(case.path(".webstir/start")).unwrap();
        case.build_ok(&[]);
    }
    assert_eq!(bytes_below(&case.path(".webstir")), before);
}

#[test]
fn collecting_by_hand_and_bad_bounds() {
    let case = Case::starter();
    case.build_ok(&[]);
    let collected = case.run(&["cache", "gc", "--size", "1B", "--json"]).json();
    assert!(collected["records"].as_u64().unwrap() > 10, "{collected}");
    assert_eq!(case.run(&["cache", "stats", "--json"]).json()["buckets"]["blobs"]["records"], 0);
    // Everything is made again, and the tree that stands is not touched.
    let again = case.build_ok(&[]);
    assert_eq!(again.json()["restored"], 0);
    case.write("src/backend/functions/hello/index.ts", "export const run = (): number => 1;\n");
    case.build_ok(&[]);

    assert_eq!(case.run(&["cache", "gc", "--size", "1"]).code, Some(2));
    case.remove("build");
    for (name, value) in [("WEBSTIR_STORE_SIZE", "much"), ("WEBSTIR_STORE_DAYS", "-1")] {
        for arguments in [&["cache", "stats"][..], &["build"]] {
            let refused = ran(case.command().args(arguments).env(name, value).output().unwrap());
            assert_eq!(refused.code, Some(2));
            assert!(refused.stderr.contains(name) && refused.stderr.contains("help:"), "{}", refused.stderr);
        }
    }
    assert!(!case.exists("build"), "bad bounds are refused before anything is done");
}

#[test]
fn verify_finds_and_removes_damage() {
    let case = Case::starter();
    case.build_ok(&[]);
    let sound = case.run(&["cache", "verify"]);
    assert_eq!(sound.code, Some(0), "{}", sound.stderr);
    assert!(sound.stdout.contains("all sound"), "{}", sound.stdout);
    for entry in fs::read_dir(case.path(".webstir/store/v3/cas")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let mut bytes = fs::read(&path).unwrap();
            bytes[30] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    let damaged = case.run(&["cache", "verify", "--json"]);
    assert_eq!(damaged.code, Some(2));
    assert_eq!(damaged.json()["damaged"], 1);
    assert_eq!(case.run(&["cache", "verify"]).code, Some(0));
    fs::remove_dir_all(case.path("build")).unwrap();
    let rebuilt = case.build_ok(&[]);
    assert_eq!(rebuilt.actions(&["ran"]).len(), 1, "{:?}", rebuilt.actions(&["ran"]));
}

#[test]
fn worktrees_of_one_repository_share_a_store() {
    let case = Case::starter();
    git(case.root(), &["init", "--quiet"]);
    git(case.root(), &["add", "--all"]);
    git(case.root(), &["commit", "--quiet", "--message", "all"]);
    case.build_ok(&[]);
    let linked = case.beside("linked");
    git(case.root(), &["worktree", "add", "--quiet", linked.to_str().unwrap(), "-b", "other"]);
    let build_at = |root: &Path| {
        let output = case.command().args(["build", "--json", "--workspace"]).arg(root).output().unwrap();
        ran(output)
    };
    let built = build_at(&linked);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    assert_eq!(built.actions(&["ran"]), Vec::<String>::new());
    assert!(!linked.join(".webstir/store").exists());
    assert!(linked.join("build/backend/index.js").is_file());
    // Each has its own tree, and its own log of the last build.
    fs::write(linked.join("src/backend/functions/hello/index.ts"), "export const run = (): number => 1;\n").unwrap();
    assert_eq!(build_at(&linked).code, Some(0));
    assert_eq!(case.build_ok(&[]).json()["restored"], 0);
}

#[test]
fn workspaces_that_build_at_once_share_a_store() {
    let cases: Vec<Case> = (0..4).map(|_| Case::starter()).collect();
    let shared = cases[0].beside("shared");
    for round in 0..3 {
        let children: Vec<_> = cases
            .iter()
            .map(|case| {
                case.write(
                    "src/backend/functions/hello/index.ts",
                    &format!("export const run = (): number => {round};\n"),
                );
                let mut command = case.command();
                command.args(["build", "--json"]).env("WEBSTIR_STORE", &shared);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for child in children {
            let built = ran(child.wait_with_output().unwrap());
            assert_eq!(built.code, Some(0), "{}", built.stderr);
        }
        for case in &cases {
            assert!(case.tree("build") == cases[0].tree("build"));
        }
    }
    // The lock of a process ends with it, and nothing of the store is damaged.
    let output = cases[0].command().args(["cache", "verify"]).env("WEBSTIR_STORE", &shared).output().unwrap();
    assert_eq!(ran(output).code, Some(0));
    let left: Vec<_> = fs::read_dir(shared.join("v3/tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_lower_store_saves_the_work() {
    let image = Case::starter();
    image.build_ok(&[]);
    let case = Case::starter();
    let lower = image.path(".webstir/store");
    let before = bytes_below(&lower);
    let build = || {
        let output = case.command().args(["build", "--json"]).env("WEBSTIR_STORE_LOWER", &lower).output().unwrap();
        ran(output)
    };
    let first = build();
    assert_eq!(first.actions(&["ran"]), Vec::<String>::new(), "{}", first.stderr);
    assert_eq!(case.tree("build"), image.tree("build"));
    case.write("src/backend/functions/hello/index.ts", "export const run = (): number => 1;\n");
    assert!(!build().actions(&["ran"]).is_empty());
    assert_eq!(bytes_below(&lower), before);
}
