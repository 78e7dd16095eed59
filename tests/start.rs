//! Starting when nothing changed: the log of the last build.

use std::fs;

use crate::support::Case;

/// Removes what the store holds and leaves the store: what is then answered comes from the log.
fn hollow(case: &Case) {
    for bucket in ["actions", "cas", "facts"] {
        let directory = case.root().join(".webstir/store/v3").join(bucket);
        fs::remove_dir_all(&directory).unwrap();
        fs::create_dir(&directory).unwrap();
    }
}

#[test]
fn nothing_changed_needs_nothing_from_the_store() {
    let case = Case::starter();
    let first = case.build_ok(&[]).json();
    hollow(&case);
    let again = case.build_ok(&[]);
    assert_eq!(again.actions(&["ran"]), Vec::<String>::new());
    let again = again.json();
    assert_eq!(first["artifacts"], again["artifacts"]);
    assert_eq!(first["diagnostics"], again["diagnostics"]);
    assert_eq!(first["manifest"], again["manifest"]);
    let labels = |document: &serde_json::Value| -> Vec<(String, String)> {
        let actions = document["actions"].as_array().unwrap().iter();
        actions.map(|action| (action["label"].to_string(), action["key"].to_string())).collect()
    };
    assert_eq!(labels(&first), labels(&again));
}

#[test]
fn warnings_are_told_again() {
    let case = Case::starter();
    case.write(
        "package.json",
        r#"{ "type": "module", "webstir": { "mode": "api", "moduleManifest": { "jobs": [{ "name": "later" }] } } }"#,
    );
    let first = case.build_ok(&[]);
    assert!(
        first.findings().iter().any(|finding| finding.starts_with("manifest::unscheduled_jobs")),
        "{}",
        first.stdout
    );
    hollow(&case);
    assert_eq!(case.build_ok(&[]).findings(), first.findings());
}

#[test]
fn each_profile_has_a_log_of_its_own() {
    let case = Case::starter();
    case.build_ok(&[]);
    let published = case.run(&["publish", "--json"]);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
    // There is a `dist` now beside the files that the first build asked about.
    case.build_ok(&[]);
    hollow(&case);
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), Vec::<String>::new());
    assert_eq!(case.run(&["publish", "--json"]).actions(&["ran"]), Vec::<String>::new());
}

#[test]
fn another_profile_in_the_same_tree_is_noticed() {
    let case = Case::starter();
    case.build_ok(&[]);
    let before = case.tree("build");
    case.build_ok(&["--profile", "test"]);
    case.build_ok(&[]);
    assert!(case.tree("build") == before);
    // The list of owned files is that of the last build, whichever it was.
    case.write("src/backend/more.test.ts", "export {};\n");
    case.build_ok(&["--profile", "test"]);
    case.remove("src/backend/more.test.ts");
    case.build_ok(&[]);
    assert!(case.tree("build") == before);
}

#[test]
fn damaged_logs_and_dumps_are_made_anew() {
    let case = Case::starter();
    case.build_ok(&[]);
    for directory in [".webstir/start", ".webstir/explain", ".webstir/trees"] {
        for name in case.names(directory) {
            case.write(&name, "garbage");
        }
        assert_eq!(case.build_ok(&[]).actions(&["ran"]), Vec::<String>::new(), "{directory}");
        assert_eq!(case.run(&["why"]).code, Some(0), "{directory}");
    }
}

fn make_executable(case: &Case) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(case.path("tools/shout.sh"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_changed_environment_or_program_is_noticed() {
    let case = Case::empty();
    case.write("package.json", "{}");
    case.write("in.txt", "text");
    case.write("tools/shout.sh", "#!/bin/sh\ntr a-z A-Z < in.txt > \"$WEBSTIR_OUT/out.txt\"\n");
    make_executable(&case);
    case.write(
        "webstir.kdl",
        "workspace shout {\n  environment \"VOLUME\"\n}\nprofile build {\n  out \"build\"\n}\n\
         command shout {\n  run \"tools/shout.sh\"\n  inputs \"in.txt\"\n  outputs \"{out}/out.txt\"\n  environment \"VOLUME\"\n}\n",
    );
    case.build_ok(&[]);
    assert_eq!(case.read("build/out.txt"), "TEXT");
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), Vec::<String>::new());

    case.write("tools/shout.sh", "#!/bin/sh\ntr a-z B-ZA < in.txt > \"$WEBSTIR_OUT/out.txt\"\n");
    make_executable(&case);
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), ["command:shout"]);
    let mut command = case.command();
    let output = command.args(["build", "--json"]).env("VOLUME", "11").output().unwrap();
    assert_eq!(crate::support::ran(output).actions(&["ran"]), ["command:shout"]);
}
