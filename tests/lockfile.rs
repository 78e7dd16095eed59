//! What is installed is what the lockfile says, where others rely on a build.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::support::{Case, Ran};

const SOURCES: &[(&str, &str)] = &[
    (
        "package.json",
        r#"{ "name": "page", "type": "module", "dependencies": { "@s/form": "^1.0.0", "lib": "*", "zod": "^3.0.0" }, "webstir": { "mode": "api" } }"#,
    ),
    ("src/backend/index.ts", "export {};\n"),
    (
        "src/backend/module.ts",
        "import { zod } from 'zod';\nimport { form } from '@s/form';\nimport { lib } from 'lib';\n\
         export const module = { manifest: { contractVersion: \"1.0.0\", name: zod + form + lib, version: \"1.0.0\", kind: \"backend\" } };\n",
    ),
    (
        "node_modules/zod/package.json",
        r#"{ "name": "zod", "version": "3.22.4", "type": "module", "main": "index.js" }"#,
    ),
    ("node_modules/zod/index.js", "export const zod = 'zod';\n"),
    (
        "node_modules/@s/form/package.json",
        r#"{ "name": "@s/form", "version": "1.2.0", "type": "module", "main": "index.js", "dependencies": { "zod": "^2.0.0" } }"#,
    ),
    ("node_modules/@s/form/index.js", "export { old as form } from 'zod';\n"),
    (
        "node_modules/@s/form/node_modules/zod/package.json",
        r#"{ "name": "zod", "version": "2.0.0", "type": "module", "main": "index.js" }"#,
    ),
    ("node_modules/@s/form/node_modules/zod/index.js", "export const old = 'old';\n"),
    ("packages/lib/package.json", r#"{ "name": "lib", "version": "0.0.1", "type": "module", "main": "index.js" }"#),
    ("packages/lib/index.js", "export const lib = 'lib';\n"),
];

const NPM: (&str, &str) = (
    "package-lock.json",
    r#"{
  "name": "page",
  "lockfileVersion": 3,
  "packages": {
    "": { "name": "page", "dependencies": { "@s/form": "^1.0.0", "lib": "*", "zod": "^3.0.0" } },
    "node_modules/@s/form": { "version": "1.2.0", "dependencies": { "zod": "^2.0.0" } },
    "node_modules/@s/form/node_modules/zod": { "version": "2.0.0" },
    "node_modules/lib": { "resolved": "packages/lib", "link": true },
    "node_modules/zod": { "version": "3.22.4" },
    "packages/lib": { "version": "0.0.1" }
  }
}
"#,
);

/// What each package manager writes of these packages, and what installs them.
const LOCKFILES: &[(&str, &str, &str)] = &[
    (NPM.0, NPM.1, "npm ci"),
    (
        "bun.lock",
        r#"{
  "lockfileVersion": 1,
  "workspaces": { "": { "name": "page", "dependencies": { "zod": "^3.0.0", }, }, "packages/lib": { "name": "lib", }, },
  "packages": {
    "@s/form": ["@s/form@1.2.0", "", { "dependencies": { "zod": "^2.0.0" } }, "sha512-A"],
    "lib": ["lib@workspace:packages/lib"],
    "zod": ["zod@3.22.4", "", {}, "sha512-A"],
    "@s/form/zod": ["zod@2.0.0", "", {}, "sha512-A"],
  }
}
"#,
        "bun install --frozen-lockfile",
    ),
    (
        "pnpm-lock.yaml",
        "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      '@s/form':\n        specifier: ^1.0.0\n        version: 1.2.0\n      \
         lib:\n        specifier: workspace:*\n        version: link:packages/lib\n      zod:\n        specifier: ^3.0.0\n        version: 3.22.4\n\
         packages:\n  '@s/form@1.2.0':\n    resolution: {integrity: sha512-A}\n  zod@2.0.0:\n    resolution: {integrity: sha512-A}\n  \
         zod@3.22.4:\n    resolution: {integrity: sha512-A}\n",
        "pnpm install --frozen-lockfile",
    ),
    (
        "yarn.lock",
        "# yarn lockfile v1\n\n\n\"@s/form@^1.0.0\":\n  version \"1.2.0\"\n  dependencies:\n    zod \"^2.0.0\"\n\n\
         zod@^2.0.0:\n  version \"2.0.0\"\n\nzod@^3.0.0:\n  version \"3.22.4\"\n",
        "yarn install --frozen-lockfile",
    ),
    (
        "yarn.lock",
        "__metadata:\n  version: 8\n\n\"@s/form@npm:^1.0.0\":\n  version: 1.2.0\n  resolution: \"@s/form@npm:1.2.0\"\n  linkType: hard\n\n\
         \"lib@workspace:*, lib@workspace:packages/lib\":\n  version: 0.0.0-use.local\n  resolution: \"lib@workspace:packages/lib\"\n  linkType: soft\n\n\
         \"zod@npm:^2.0.0\":\n  version: 2.0.0\n  resolution: \"zod@npm:2.0.0\"\n  linkType: hard\n\n\
         \"zod@npm:^3.0.0\":\n  version: 3.22.4\n  resolution: \"zod@npm:3.22.4\"\n  linkType: hard\n",
        "yarn install --immutable",
    ),
];

fn workspace() -> Case {
    let case = Case::with(SOURCES);
    case.link("node_modules/lib", "../packages/lib");
    case
}

fn locked(name: &str, text: &str) -> Case {
    let case = workspace();
    case.write(name, text);
    case
}

/// What was found of packages.
fn of_packages(ran: &Ran) -> Vec<String> {
    ran.findings().into_iter().filter(|found| found.starts_with("packages::")).collect()
}

fn change_version(case: &Case) {
    case.replace("node_modules/zod/package.json", "3.22.4", "3.21.0");
}

/// What is said of the version that is not in the lockfile.
#[track_caller]
fn differs(ran: &Ran, says: &str) {
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(of_packages(ran).len(), 1, "{:?}", ran.findings());
    assert!(of_packages(ran)[0].starts_with("packages::not_as_locked"), "{:?}", ran.findings());
    assert!(ran.stdout.contains(says), "{says}\n{}", ran.stdout);
}

#[test]
fn what_every_lockfile_says_is_built() {
    for (name, text, _) in LOCKFILES {
        let case = locked(name, text);
        // The second is taken from the log.
        for _ in 0..2 {
            let built = case.build_ok(&["--ci"]);
            assert_eq!(of_packages(&built), [""; 0], "{name}");
            assert_eq!(built.json()["manifest"]["name"], "zodoldlib");
        }
    }
}

#[test]
fn another_version_is_an_error_that_names_both() {
    for (name, text, install) in LOCKFILES {
        let case = locked(name, text);
        change_version(&case);
        let says = if *name == "yarn.lock" { "2.0.0 or 3.22.4" } else { "3.22.4" };
        let says = format!("`node_modules/zod` is version 3.21.0, and `{name}` says {says}");
        // What ran, and what was found in the store.
        for _ in 0..2 {
            let built = case.build(&["--ci"]);
            differs(&built, &says);
            assert!(built.stdout.contains(&format!("Run `{install}`")), "{}", built.stdout);
            assert!(
                of_packages(&built)[0].starts_with(&format!("packages::not_as_locked {name}:")),
                "{:?}",
                built.findings()
            );
        }
        // Who does not rely on it is not told, and hides nothing from who does.
        for _ in 0..2 {
            assert_eq!(of_packages(&case.build_ok(&[])), [""; 0], "{name}");
        }
        differs(&case.build(&["--ci"]), &says);
        case.replace("node_modules/zod/package.json", "3.21.0", "3.22.4");
        assert_eq!(of_packages(&case.build_ok(&["--ci"])), [""; 0], "{name}");
    }
}

#[test]
fn the_entry_is_shown_where_it_stands() {
    let case = locked(NPM.0, NPM.1);
    change_version(&case);
    assert_eq!(of_packages(&case.build(&["--ci"])), ["packages::not_as_locked package-lock.json:9:6"]);
    let told = case.run(&["build", "--ci"]);
    assert!(told.stderr.contains("help: Run `npm ci`"), "{}", told.stderr);
}

#[test]
fn a_lockfile_that_changes_is_looked_at_in_an_unchanged_workspace() {
    let case = locked(NPM.0, NPM.1);
    case.build_ok(&["--ci"]);
    case.build_ok(&["--ci"]);
    case.replace(NPM.0, "\"version\": \"3.22.4\"", "\"version\": \"3.23.0\"");
    differs(&case.build(&["--ci"]), "is version 3.22.4, and `package-lock.json` says 3.23.0");
    case.write(NPM.0, NPM.1);
    case.build_ok(&["--ci"]);
}

#[test]
fn what_the_lockfile_does_not_have_is_an_error() {
    let case = locked(NPM.0, NPM.1);
    case.replace(NPM.0, "    \"node_modules/@s/form/node_modules/zod\": { \"version\": \"2.0.0\" },\n", "");
    let says = "`node_modules/@s/form/node_modules/zod` is installed, and `package-lock.json` does not have it";
    differs(&case.build(&["--ci"]), says);
    case.build_ok(&[]);
}

#[test]
fn packages_that_nothing_reaches_are_not_looked_at() {
    let case = locked(NPM.0, NPM.1);
    case.write("node_modules/other/package.json", r#"{ "name": "other", "version": "1.0.0" }"#);
    case.build_ok(&["--ci"]);
}

#[test]
fn another_package_under_the_name_is_an_error() {
    let case = locked(NPM.0, NPM.1);
    case.replace("node_modules/zod/package.json", r#""name": "zod""#, r#""name": "fork""#);
    differs(&case.build(&["--ci"]), "`node_modules/zod` is the package `fork`, and `package-lock.json` says `zod`");
}

#[test]
fn what_is_locked_and_not_installed_is_said_where_it_is_asked_for() {
    let case = locked(NPM.0, NPM.1);
    case.remove("node_modules/zod");
    let note = "`zod` 3.22.4 is in `package-lock.json`: run `npm ci`";
    let built = case.build(&["--ci"]);
    assert_eq!(built.code, Some(1), "{}", built.stdout);
    assert!(built.findings().iter().any(|found| found.starts_with("bundle::unresolved")), "{:?}", built.findings());
    assert!(built.stdout.contains(note), "{}", built.stdout);
    assert_eq!(of_packages(&built), [""; 0]);
    // Of what no lockfile has there is nothing to say.
    case.replace(NPM.0, "node_modules/zod", "node_modules/another");
    assert!(!case.build(&["--ci"]).stdout.contains("run `npm ci`"));
}

#[test]
fn without_a_lockfile_there_is_a_warning() {
    let case = workspace();
    for _ in 0..2 {
        assert_eq!(of_packages(&case.build_ok(&["--ci"])), ["packages::no_lockfile"]);
    }
    assert_eq!(of_packages(&case.build_ok(&[])), [""; 0]);
    // Where no package is reached, none has to be locked.
    let bare = Case::with(&SOURCES[..2]);
    assert_eq!(of_packages(&bare.build_ok(&["--ci"])), [""; 0]);
}

#[test]
fn a_lockfile_that_cannot_be_read_is_an_error() {
    let case = locked(NPM.0, &NPM.1.replace("\"lockfileVersion\": 3,", "<<<<<<< HEAD"));
    let built = case.build(&["--ci"]);
    assert_eq!(built.code, Some(1), "{}", built.stdout);
    let found = built.findings();
    assert_eq!(
        found.iter().filter(|found| found.starts_with("toolchain::lockfile_malformed package-lock.json:3:")).count(),
        1,
        "{found:?}"
    );
}

#[test]
fn nothing_is_published_from_other_packages() {
    let case = locked(NPM.0, NPM.1);
    change_version(&case);
    let published = case.run(&["publish", "--ci"]);
    assert_eq!(published.code, Some(1), "{}", published.stderr);
    assert!(published.stderr.contains("is version 3.21.0"), "{}", published.stderr);
    assert!(!case.exists("dist"));
    case.replace("node_modules/zod/package.json", "3.21.0", "3.22.4");
    assert_eq!(case.run(&["publish", "--ci"]).code, Some(0));
    assert!(case.exists("dist"));
}

#[test]
fn packages_of_a_command_are_those_that_it_may_load() {
    let case = workspace();
    case.write("src/backend/module.ts", "export const module = {};\n");
    case.write("webstir.kdl", "workspace { mode api; }\ncommand check { run \"tool\"; outputs \"{out}/made.txt\"; }\n");
    case.replace("package.json", "\"lib\"", "\"tool\": \"1\", \"lib\"");
    case.write(
        "node_modules/tool/package.json",
        r#"{ "name": "tool", "version": "1.0.0", "dependencies": { "dep": "1" } }"#,
    );
    case.write(
        "node_modules/tool/bin.sh",
        "#!/bin/sh\nmkdir -p \"$WEBSTIR_OUT\" && echo made > \"$WEBSTIR_OUT/made.txt\"\n",
    );
    case.write("node_modules/dep/package.json", r#"{ "name": "dep", "version": "1.0.0" }"#);
    fs::set_permissions(case.path("node_modules/tool/bin.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    case.link("node_modules/.bin/tool", "../tool/bin.sh");
    let packages = "\"node_modules/dep\": { \"version\": \"1.0.0\" },\n    \"node_modules/tool\": { \"version\": \"1.0.0\" },\n    \"node_modules/zod\"";
    case.write(NPM.0, &NPM.1.replace("\"node_modules/zod\"", packages));
    for _ in 0..2 {
        assert_eq!(of_packages(&case.build_ok(&["--ci"])), [""; 0]);
    }
    case.replace("node_modules/dep/package.json", "1.0.0", "1.1.0");
    for _ in 0..2 {
        differs(&case.build(&["--ci"]), "`node_modules/dep` is version 1.1.0, and `package-lock.json` says 1.0.0");
    }
}

#[test]
fn the_lockfile_of_a_repository_counts_for_the_workspaces_in_it() {
    let case = workspace();
    fs::write(case.beside("package.json"), r#"{ "workspaces": ["*"] }"#).unwrap();
    let below = NPM.1.replace("\"node_modules/", "\"workspace/node_modules/");
    fs::write(case.beside("package-lock.json"), below).unwrap();
    assert_eq!(of_packages(&case.build_ok(&["--ci"])), [""; 0]);
    change_version(&case);
    differs(&case.build(&["--ci"]), "`node_modules/zod` is version 3.21.0, and `../package-lock.json` says 3.22.4");
}

#[test]
fn a_package_that_is_linked_in_place_of_a_locked_one_is_an_error() {
    let case = locked(NPM.0, NPM.1);
    fs::rename(case.path("node_modules/zod"), case.path("packages/zod")).unwrap();
    symlink("../packages/zod", case.path("node_modules/zod")).unwrap();
    differs(&case.build(&["--ci"]), "`node_modules/zod` is linked from elsewhere, and `package-lock.json` says 3.22.4");
}

#[test]
fn a_package_in_a_store_is_named_as_it_is_asked_for() {
    let (name, text, _) = LOCKFILES[2];
    let case = locked(name, text);
    fs::create_dir_all(case.path("node_modules/.pnpm/zod@3.22.4/node_modules")).unwrap();
    fs::rename(case.path("node_modules/zod"), case.path("node_modules/.pnpm/zod@3.22.4/node_modules/zod")).unwrap();
    case.link("node_modules/zod", ".pnpm/zod@3.22.4/node_modules/zod");
    assert_eq!(of_packages(&case.build_ok(&["--ci"])), [""; 0]);
    change_version(&case);
    let built = case.build(&["--ci"]);
    differs(&built, "`node_modules/zod` is version 3.21.0, and `pnpm-lock.yaml` says 3.22.4");
    assert!(!built.stdout.contains("more package"), "{}", built.stdout);
}

#[test]
fn what_came_in_the_archive_of_another_package_is_not_locked_by_itself() {
    let (name, text, _) = LOCKFILES[1];
    let case = locked(name, &text.replace("    \"@s/form/zod\": [\"zod@2.0.0\", \"\", {}, \"sha512-A\"],\n", ""));
    let says = "`node_modules/@s/form/node_modules/zod` is version 2.0.0, and `bun.lock` says 3.22.4";
    differs(&case.build(&["--ci"]), says);
    case.replace(
        "node_modules/@s/form/package.json",
        "\"dependencies\"",
        "\"bundledDependencies\": [\"zod\"], \"dependencies\"",
    );
    assert_eq!(of_packages(&case.build_ok(&["--ci"])), [""; 0]);
}

#[test]
fn a_package_of_the_repository_may_have_the_name_of_a_locked_one() {
    let (name, text, _) = LOCKFILES[3];
    let case = locked(name, &format!("{text}\nlib@^7.0.0:\n  version \"7.0.0\"\n"));
    assert_eq!(of_packages(&case.build_ok(&["--ci"])), [""; 0]);
}
