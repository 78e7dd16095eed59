//! Which compiler checks a workspace, and what runs it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Case, Ran, packages, ran};

/// A version of TypeScript as npm installs it, once for all runs: a `node_modules` directory.
pub(crate) fn installed(version: &str) -> PathBuf {
    packages(&format!("typescript-{version}"), &[&format!("typescript@{version}")]).join("node_modules")
}

/// Installs a version of TypeScript in a `node_modules` directory, as files of its own.
pub(crate) fn install(version: &str, node_modules: &Path) {
    let from = installed(version);
    for package in ["typescript", "@typescript"] {
        let (from, to) = (from.join(package), node_modules.join(package));
        if from.exists() {
            fs::create_dir_all(node_modules).unwrap();
            assert!(Command::new("cp").arg("-R").args([from, to]).status().unwrap().success());
        }
    }
}

/// Has an installed compiler say something else of types that do not fit.
pub(crate) fn patch(node_modules: &Path) {
    for name in ["tsc.js", "_tsc.js", "typescript.js"] {
        let file = node_modules.join("typescript/lib").join(name);
        let Ok(text) = fs::read_to_string(&file) else { continue };
        fs::write(&file, text.replace("Type '{0}' is not assignable to type '{1}'.", "Type '{0}' is none of '{1}'."))
            .unwrap();
    }
}

/// Where the workspaces lie in their repository.
const WORKSPACE: &str = "apps/demos/api";

/// The backend of a public workspace, three directories below its repository, with a finding that every compiler has.
fn repository(asked: &str) -> Case {
    let case = Case::with(&[
        ("package.json", r#"{ "name": "repository", "private": true, "workspaces": ["apps/demos/*"] }"#),
        (
            "apps/demos/api/package.json",
            &format!(
                r#"{{ "name": "demo-api", "type": "module", "devDependencies": {{ "typescript": "{asked}" }}, "webstir": {{ "mode": "api" }} }}"#
            ),
        ),
        (
            "apps/demos/api/src/backend/tsconfig.json",
            r#"{ "compilerOptions": { "target": "es2022", "module": "es2022", "moduleResolution": "node10", "baseUrl": ".", "strict": true, "types": [], "noEmit": true }, "include": ["**/*.ts"] }"#,
        ),
        ("apps/demos/api/src/backend/index.ts", "export const answer: number = 'x';\n"),
    ]);
    fs::create_dir(case.path(".git")).unwrap();
    case
}

/// A build in the workspace, with an empty store of compilers where it is to be offline.
fn build(case: &Case, arguments: &[&str]) -> Ran {
    let mut command = case.command();
    command.args(["build", "--json", "--workspace", WORKSPACE]).args(arguments);
    if arguments.contains(&"--offline") {
        command.env("WEBSTIR_TOOLCHAIN", case.beside("toolchain"));
    }
    ran(command.output().unwrap())
}

/// Messages of the findings that are errors.
fn errors(ran: &Ran) -> Vec<String> {
    let document = ran.json();
    let all = document["diagnostics"].as_array().unwrap().iter();
    all.filter(|found| found["severity"] == "error")
        .map(|found| found["message"].as_str().unwrap().to_owned())
        .collect()
}

/// What would be fetched.
#[track_caller]
fn wanted(case: &Case) -> String {
    let ran = build(case, &["--offline"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    let errors = errors(&ran);
    let wanted = errors[0].split(" cannot be used: ").next().unwrap();
    wanted.strip_prefix("TypeScript ").unwrap_or_else(|| panic!("{errors:?}")).to_owned()
}

const WRONG: &str = "Type 'string' is not assignable to type 'number'.";

/// `typescript` 5.7.2 for the workspace and 5.9.2 for others, as each package manager writes it.
const LOCKFILES: &[(&str, &str)] = &[
    (
        "package-lock.json",
        r#"{ "lockfileVersion": 3, "packages": {
            "node_modules/typescript": { "version": "5.9.2", "integrity": "OTHER" },
            "apps/demos/api/node_modules/typescript": { "version": "5.7.2", "integrity": "HASH" } } }"#,
    ),
    (
        "bun.lock",
        r#"{ "lockfileVersion": 1,
            "workspaces": { "": { "name": "repository" }, "apps/demos/api": { "name": "demo-api" }, },
            "packages": {
                "demo-api": ["demo-api@workspace:apps/demos/api"],
                "typescript": ["typescript@5.9.2", "", {}, "OTHER"],
                "demo-api/typescript": ["typescript@5.7.2", "", {}, "HASH"],
            } }"#,
    ),
    (
        "pnpm-lock.yaml",
        "lockfileVersion: '9.0'\nimporters:\n  .:\n    devDependencies:\n      typescript: {specifier: ^5.9.0, version: 5.9.2}\n  \
         apps/demos/api:\n    devDependencies:\n      typescript: {specifier: 5.7.2, version: 5.7.2}\n\
         packages:\n  typescript@5.7.2:\n    resolution: {integrity: HASH}\n  typescript@5.9.2:\n    resolution: {integrity: OTHER}\n",
    ),
    (
        "yarn.lock",
        "# yarn lockfile v1\n\ntypescript@5.7.2:\n  version \"5.7.2\"\n  integrity HASH\n\n\
         typescript@^5.9.0:\n  version \"5.9.2\"\n  integrity OTHER\n",
    ),
];

/// The integrity of 5.7.2, as the registry has it.
const HASH: &str = "sha512-i5t66RHxDvVN40HfDd1PsEThGNnlMCMT3jMUuoh9/0TaqWevNontacunWyN02LA9/fIbEWlcHZcgTKb9QoaLfg==";
const OTHER: &str = "sha512-CWBzXQrc/qOkhidw1OzBTQuYRbfyxDXJMVJ1XNwUHGROVmuaeiEm3OslpZ1RV96d7SKKjZKrSJu3+t/xlw3R9A==";

fn lock(case: &Case, name: &str, text: &str) {
    case.write(name, &text.replace("HASH", HASH).replace("OTHER", OTHER));
}

#[test]
fn what_is_installed_is_used_without_the_network() {
    // Where it lies: in the workspace, above it, behind a link as Bun and pnpm have it.
    for place in ["apps/demos/api/node_modules", "node_modules", "node_modules/.bun/typescript@5.7.2/node_modules"] {
        let case = repository("5.7.2");
        install("5.7.2", &case.path(place));
        if place.contains(".bun") {
            let link = case.path("apps/demos/api/node_modules/typescript");
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink("../../../../node_modules/.bun/typescript@5.7.2/node_modules/typescript", link).unwrap();
        }
        let built = build(&case, &["--offline"]);
        assert_eq!(errors(&built), [WRONG], "{place}: {}", built.stdout);
        assert!(!case.beside("toolchain").exists());
        assert_eq!(build(&case, &["--offline"]).actions(&["ran"]), Vec::<String>::new(), "{place}");
    }
}

#[test]
fn an_installed_native_compiler_has_its_package_beside_it() {
    let case = repository("^7.0.0");
    case.replace(
        "apps/demos/api/src/backend/tsconfig.json",
        r#""moduleResolution": "node10", "baseUrl": ".","#,
        r#""moduleResolution": "bundler","#,
    );
    let link = case.path("apps/demos/api/node_modules/typescript");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    // The package of the platform is found from where the link leads.
    symlink(installed("7.0.2").join("typescript"), link).unwrap();
    let built = build(&case, &["--offline"]);
    assert_eq!(errors(&built), [WRONG], "{}", built.stdout);
    // Without it nothing is installed that could be run.
    fs::remove_file(case.path("apps/demos/api/node_modules/typescript")).unwrap();
    case.write(
        "apps/demos/api/node_modules/typescript/package.json",
        r#"{ "name": "typescript", "version": "7.0.2" }"#,
    );
    assert_eq!(wanted(&case), "7.0.2");
}

#[test]
fn an_installed_compiler_is_known_by_its_files() {
    let case = repository("5.7.2");
    let node_modules = case.path("node_modules");
    install("5.7.2", &node_modules);
    assert_eq!(errors(&build(&case, &["--offline"])), [WRONG]);
    patch(&node_modules);
    for ran in [vec!["typecheck:backend".to_owned()], Vec::new()] {
        let built = build(&case, &["--offline"]);
        assert_eq!(errors(&built), ["Type 'string' is none of 'number'."], "{}", built.stdout);
        assert_eq!(built.actions(&["ran"]), ran);
    }
    // Another one in its place.
    fs::remove_dir_all(node_modules.join("typescript")).unwrap();
    install("5.7.2", &node_modules);
    assert_eq!(errors(&build(&case, &["--offline"])), [WRONG]);
    fs::remove_dir_all(&node_modules).unwrap();
    case.replace("apps/demos/api/package.json", "5.7.2", "5.4.5");
    assert_eq!(wanted(&case), "5.4.5");
}

#[test]
fn another_package_in_place_of_the_compiler_is_said() {
    let case = repository("5.7.2");
    case.write("node_modules/typescript/package.json", r#"{ "name": "@x/fork", "version": "1.0.0" }"#);
    let built = build(&case, &["--offline"]);
    assert_eq!(built.code, Some(1));
    assert_eq!(errors(&built), ["`../../../node_modules/typescript` has `@x/fork@1.0.0` in place of `typescript`"]);
}

#[test]
fn a_lockfile_above_the_workspace_says_the_version_of_its_place() {
    for (name, text) in LOCKFILES {
        let case = repository("5.7.2");
        lock(&case, name, text);
        assert_eq!(wanted(&case), "5.7.2", "{name}");
        // A change is noticed, also where a log of the last build is there.
        lock(&case, name, &text.replace("5.7.2", "5.9.4").replace("typescript@5.9.4:\n  v", "typescript@5.7.2:\n  v"));
        assert_eq!(wanted(&case), "5.9.4", "{name}");
        fs::remove_file(case.path(name)).unwrap();
        let built = build(&case, &["--offline"]);
        assert_eq!(errors(&built), ["The integrity of TypeScript 5.7.2 is not known"], "{name}");
    }
}

#[test]
fn the_locked_compiler_of_a_repository_is_fetched_and_checks() {
    let case = repository("5.7.2");
    let (name, text) = LOCKFILES[1];
    lock(&case, name, text);
    let built = build(&case, &[]);
    assert_eq!(errors(&built), [WRONG], "{}", built.stdout);
    assert_eq!(build(&case, &[]).actions(&["ran"]), Vec::<String>::new());
}

#[test]
fn a_later_yarn_says_the_version_and_no_hash() {
    let case = repository("5.7.2");
    let entry = |version: &str| {
        format!(
            "__metadata:\n  version: 8\n\n\"typescript@npm:5.7.2\":\n  version: {version}\n  resolution: \"typescript@npm:{version}\"\n  \
             checksum: 10/1\n  linkType: hard\n"
        )
    };
    // The table has this one.
    case.write("yarn.lock", &entry("5.7.3"));
    assert_eq!(wanted(&case), "5.7.3");
    case.write("yarn.lock", &entry("5.7.2"));
    let built = build(&case, &["--offline"]);
    assert_eq!(errors(&built), ["`../../../yarn.lock` has no sha512 integrity of `typescript` 5.7.2"]);
    assert!(built.stdout.contains("webstir lock"), "{}", built.stdout);
}

#[test]
fn without_a_lockfile_the_range_of_the_manifest_is_held() {
    for (range, version) in [("^5.4.0", "5.9.3"), ("~5.4.0", "5.4.5"), ("^6.0.0", "6.0.3"), ("*", "7.0.2")] {
        assert_eq!(wanted(&repository(range)), version, "{range}");
    }
}

#[test]
fn the_scaffold_of_an_older_version_is_checked_by_its_compiler() {
    let case = repository("^5.4.0");
    let built = build(&case, &[]);
    assert_eq!(errors(&built), [WRONG], "{}", built.stdout);
    assert_eq!(built.findings().len(), 1, "{:?}", built.findings());
}

#[test]
fn the_installed_compiler_is_held_to_the_lockfile() {
    let case = repository("5.7.2");
    install("5.7.2", &case.path("node_modules"));
    lock(
        &case,
        "package-lock.json",
        r#"{ "lockfileVersion": 3, "packages": { "node_modules/typescript": { "version": "5.7.2" } } }"#,
    );
    assert_eq!(errors(&build(&case, &["--offline", "--ci"])), [WRONG]);
    case.replace("package-lock.json", "5.7.2", "5.9.2");
    let says = "`../../../node_modules/typescript` is version 5.7.2, and `../../../package-lock.json` says 5.9.2";
    assert!(errors(&build(&case, &["--offline", "--ci"])).contains(&says.to_owned()));
}

/// A directory of programs that is all of the search path.
fn programs(case: &Case, scripts: &[(&str, &str)]) -> PathBuf {
    let directory = case.beside("programs");
    fs::create_dir_all(&directory).unwrap();
    for (name, text) in scripts {
        let file = directory.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    directory
}

/// Where Node lies.
fn node() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|directory| directory.join("node")).find(|node| node.exists()).unwrap()
}

#[test]
fn bun_runs_a_compiler_in_javascript_where_there_is_no_node() {
    let case = repository("5.7.2");
    install("5.7.2", &case.path("node_modules"));
    // Nothing else on the path runs JavaScript.
    let bun = format!("#!/bin/sh\nexec \"{}\" \"$@\"\n", node().display());
    let path = programs(&case, &[("bun", &bun)]);
    let mut command = case.command();
    command.args(["build", "--json", "--offline", "--workspace", WORKSPACE]).env("PATH", path);
    let built = ran(command.output().unwrap());
    assert_eq!(errors(&built), [WRONG], "{}{}", built.stdout, built.stderr);
}

#[test]
fn without_node_and_bun_offline_the_way_out_is_said() {
    let case = repository("5.7.2");
    install("5.7.2", &case.path("node_modules"));
    let mut command = case.command();
    command.args(["build", "--json", "--offline", "--workspace", WORKSPACE]);
    command.env("PATH", programs(&case, &[])).env("WEBSTIR_TOOLCHAIN", case.beside("toolchain"));
    let built = ran(command.output().unwrap());
    assert_eq!(built.code, Some(2), "{}", built.stdout);
    assert_eq!(built.findings(), ["typecheck::needs_node"]);
    let error = &errors(&built)[0];
    assert!(
        error.starts_with(
            "TypeScript 5.7.2 needs Node.js or Bun; neither was found, and Bun cannot be used: `@oven/bun-"
        ),
        "{error}"
    );
}

#[test]
fn bun_is_fetched_where_there_is_nothing_else() {
    let case = repository("5.7.2");
    install("5.7.2", &case.path("node_modules"));
    let mut command = case.command();
    command.args(["build", "--json", "--workspace", WORKSPACE]).env("PATH", programs(&case, &[]));
    let built = ran(command.output().unwrap());
    assert_eq!(errors(&built), [WRONG], "{}{}", built.stdout, built.stderr);
}

#[test]
fn a_lock_has_the_version_that_a_build_uses_and_what_runs_it() {
    let case = repository("^5.4.0");
    let locked = ran(case.command().args(["lock", "--json", "--workspace", WORKSPACE]).output().unwrap());
    assert_eq!(locked.code, Some(0), "{}", locked.stderr);
    assert_eq!(locked.json()["tools"]["typescript"], serde_json::json!({ "version": "5.9.3", "packages": 1 }));
    let file: Value = serde_json::from_str(&case.read("apps/demos/api/webstir.lock")).unwrap();
    assert_eq!(file["tools"]["typescript"]["version"], "5.9.3");
    assert!(file["tools"]["bun"]["packages"]["@oven/bun-linux-x64-musl-baseline"].is_string(), "{file}");
    assert_eq!(wanted(&case), "5.9.3");

    // A compiler of the platform needs nothing.
    case.replace("apps/demos/api/package.json", "^5.4.0", "7.0.2");
    let locked = case.run(&["lock", "--workspace", WORKSPACE]);
    assert_eq!(locked.stdout, "[webstir] lock complete\ntypescript: 7.0.2\npackages: 21\n");
    assert!(!case.read("apps/demos/api/webstir.lock").contains("bun"));

    // Of a range that the table does not know the registry says the newest.
    case.replace("apps/demos/api/package.json", "7.0.2", "~4.9.0");
    assert!(case.run(&["lock", "--workspace", WORKSPACE]).stdout.contains("typescript: 4.9.5\n"));
    assert_eq!(wanted(&case), "4.9.5");
}

#[test]
fn names_of_node_are_told_with_the_types_that_declare_them() {
    let case = repository("^6.0.0");
    case.write("apps/demos/api/src/backend/index.ts", "export const port = process.env.PORT;\n");
    let help = || {
        let document = build(&case, &[]).json();
        let found =
            document["diagnostics"].as_array().unwrap().iter().find(|found| found["severity"] == "error").cloned();
        found.unwrap()["help"].as_str().unwrap().to_owned()
    };
    case.replace("apps/demos/api/src/backend/tsconfig.json", r#""moduleResolution": "node10", "baseUrl": ".", "#, "");
    assert!(help().starts_with("Install `@types/node` as a development dependency"), "{}", help());
    case.write(
        "apps/demos/api/node_modules/@types/node/package.json",
        r#"{ "name": "@types/node", "version": "1.0.0" }"#,
    );
    assert!(
        help().starts_with("Add `\"types\": [\"node\"]` to `compilerOptions` of `src/backend/tsconfig.json`"),
        "{}",
        help()
    );
}
