//! What a result depends on is all in its action: what changes, runs again, and what ran is never the result of something else.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Case, Ran, processes_with, until};

const SOURCES: &[(&str, &str)] = &[
    (
        "package.json",
        r#"{ "name": "x", "version": "0.1.0", "private": true, "type": "module", "webstir": { "mode": "api" } }"#,
    ),
    ("src/backend/index.ts", "export {};\n"),
];

/// A workspace with a command.
fn with_command(command: &str, files: &[(&str, &str)]) -> Case {
    let case = Case::with(SOURCES);
    case.write("webstir.kdl", &format!("workspace {{ mode api; }}\n{command}\n"));
    for (path, text) in files {
        case.write(path, text);
    }
    case
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn ran(ran: &Ran) -> Vec<String> {
    ran.actions(&["ran", "failed"]).into_iter().filter(|label| label.starts_with("command:")).collect()
}

/// A directory with only these programs, as links.
fn programs(case: &Case, name: &str, wanted: &[&str]) -> PathBuf {
    let directory = case.beside(name);
    fs::create_dir_all(&directory).unwrap();
    for name in wanted {
        let path = std::env::var_os("PATH").unwrap();
        let found = std::env::split_paths(&path).map(|path| path.join(name)).find(|path| path.exists()).unwrap();
        symlink(fs::canonicalize(found).unwrap(), directory.join(name)).unwrap();
    }
    directory
}

const NEEDS_NODE: &str = "import net from 'node:net';\n\
    export const module = { manifest: { contractVersion: '1.0.0', name: 'needs', version: '0.1.0', kind: 'backend' },\n\
    routes: [{ definition: { name: 'x', method: 'GET', path: '/x' }, handler: async () => ({ body: String(net.isIP('::1')) }) }] };\n";

#[test]
fn t1_what_an_absent_program_left_undone_is_done_when_it_is_there() {
    let case = Case::with(SOURCES);
    case.write("src/backend/module.ts", NEEDS_NODE);
    let build = |path: &Path| {
        let mut command = case.command();
        let output = command.env("PATH", path).args(["build", "--json"]).output().unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    };
    let (empty, node) = (programs(&case, "empty", &[]), programs(&case, "node", &["node"]));
    let routes = || {
        let manifest: serde_json::Value = serde_json::from_str(&case.read("build/backend/manifest.json")).unwrap();
        manifest["routes"].as_array().map_or(0, Vec::len)
    };
    for _ in 0..2 {
        let without = build(&empty);
        assert_eq!(without.code, Some(0), "{}{}", without.stdout, without.stderr);
        assert!(
            without.findings().iter().any(|found| found.starts_with("manifest::unsupported_import")),
            "{}",
            without.stdout
        );
        assert_eq!(routes(), 0);
    }
    let with = build(&node);
    assert_eq!(with.code, Some(0), "{}{}", with.stdout, with.stderr);
    assert!(with.findings().iter().all(|found| !found.starts_with("manifest::")), "{}", with.stdout);
    assert_eq!(routes(), 1);
    assert!(build(&node).actions(&["ran"]).is_empty());
    // And back.
    build(&empty);
    assert_eq!(routes(), 0);
}

#[test]
fn t1_what_a_limit_cut_off_is_not_kept() {
    let case = Case::with(SOURCES);
    case.write("webstir.kdl", "workspace { mode api; }\nmanifest backend { limits { cpu \"50ms\"; } }\n");
    case.write("src/backend/module.ts", "for (;;) {}\nexport const module = {};\n");
    for _ in 0..2 {
        let build = case.build(&[]);
        assert!(build.findings().iter().any(|found| found.starts_with("manifest::cpu_limit")), "{}", build.stdout);
        assert_eq!(build.actions(&["ran"]).iter().filter(|label| label.starts_with("manifest:")).count(), 1);
    }
    // What the module itself throws is a finding, which is kept.
    case.write("src/backend/module.ts", "throw new Error('no');\nexport const module = {};\n");
    let thrown = |build: &Ran| build.findings().iter().any(|found| found.starts_with("manifest::load_failed"));
    assert!(thrown(&case.build(&[])));
    let again = case.build(&[]);
    assert!(thrown(&again) && again.actions(&["ran"]).is_empty(), "{}", again.stdout);
}

#[test]
fn t3_a_workspace_without_a_name_is_called_by_its_own_directory() {
    let case = Case::named("first");
    case.write("package.json", r#"{ "private": true, "type": "module", "webstir": { "mode": "api" } }"#);
    case.write("src/backend/index.ts", "export {};\n");
    case.write(".gitignore", ".webstir\nbuild\n");
    let git = |arguments: &[&str]| {
        let status = Command::new("git")
            .args(["-c", "user.name=x", "-c", "user.email=x@example.test"])
            .args(arguments)
            .current_dir(case.root())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{arguments:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
    let second = case.beside("second");
    git(&["worktree", "add", "-q", second.to_str().unwrap()]);
    let name = |root: &Path| {
        let output = case.command().arg("build").arg("--workspace").arg(root).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let manifest = fs::read_to_string(root.join("build/backend/manifest.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&manifest).unwrap()["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(name(case.root()), "backend-module-first");
    assert_eq!(name(&second), "backend-module-second");
    // A directory that is given another name, with all that an earlier build left in it.
    let third = case.beside("third");
    fs::rename(&second, &third).unwrap();
    assert_eq!(name(&third), "backend-module-third");
}

#[test]
fn t4_a_program_of_a_package_runs_again_when_the_package_changes() {
    let case = with_command(
        "command gen { run \"tool\"; outputs \"{out}/version.txt\"; }",
        &[
            ("node_modules/tool/package.json", r#"{ "name": "tool", "version": "1.0.0", "bin": "bin.js" }"#),
            ("node_modules/tool/lib/v.js", "exports.v = 'one';\n"),
            (
                "node_modules/tool/bin.js",
                "#!/usr/bin/env node\nrequire('node:fs').writeFileSync(process.env.WEBSTIR_OUT + '/version.txt', require('./lib/v.js').v);\n",
            ),
        ],
    );
    case.link("node_modules/.bin/tool", "../tool/bin.js");
    chmod(&case.path("node_modules/tool/bin.js"), 0o755);
    case.build_ok(&[]);
    assert_eq!(case.read("build/version.txt"), "one");
    assert_eq!(ran(&case.build_ok(&[])), Vec::<String>::new());
    case.write("node_modules/tool/lib/v.js", "exports.v = 'two';\n");
    case.replace("node_modules/tool/package.json", "1.0.0", "1.0.1");
    assert_eq!(ran(&case.build_ok(&[])), ["command:gen"]);
    assert_eq!(case.read("build/version.txt"), "two");
    let why = case.run(&["why", "command:gen"]);
    assert!(why.stdout.contains("The packages that `tool` may load changed"), "{}", why.stdout);
}

#[test]
fn t4_the_interpreter_that_is_in_the_key_is_the_one_that_runs() {
    let case = with_command(
        "command gen { run \"./tools/tool\"; inputs \"tools/*\"; outputs \"{out}/said.txt\"; }",
        &[
            ("tools/tool", "#!/usr/bin/env speaker\n"),
            ("tools/speaker", "#!/bin/sh\necho beside > $WEBSTIR_OUT/said.txt\n"),
        ],
    );
    chmod(&case.path("tools/tool"), 0o755);
    chmod(&case.path("tools/speaker"), 0o755);
    // On the search path it is a link whose target has another name.
    let bin = case.beside("bin");
    fs::create_dir(&bin).unwrap();
    let version = |number: &str| {
        let real = case.beside(&format!("speaker-{number}"));
        fs::write(&real, format!("#!/bin/sh\necho {number} > $WEBSTIR_OUT/said.txt\n")).unwrap();
        chmod(&real, 0o755);
        let _ = fs::remove_file(bin.join("speaker"));
        symlink(&real, bin.join("speaker")).unwrap();
    };
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let build = || crate::support::ran(case.command().args(["build", "--json"]).env("PATH", &path).output().unwrap());
    for number in ["one", "two"] {
        version(number);
        let ended = build();
        assert_eq!(ran(&ended), ["command:gen"], "{}", ended.stderr);
        assert_eq!(case.read("build/said.txt"), format!("{number}\n"));
    }
}

#[test]
fn t5_whether_an_input_may_be_executed_is_part_of_it() {
    let case = with_command(
        "command test { run \"sh\" \"-c\" \"if test -x tool.sh; then echo yes; else echo no; fi > $WEBSTIR_OUT/x.txt\"; inputs \"tool.sh\"; outputs \"{out}/x.txt\"; }",
        &[("tool.sh", "#!/bin/sh\n")],
    );
    chmod(&case.path("tool.sh"), 0o644);
    case.build_ok(&[]);
    assert_eq!(case.read("build/x.txt"), "no\n");
    chmod(&case.path("tool.sh"), 0o755);
    assert_eq!(ran(&case.build_ok(&[])), ["command:test"]);
    assert_eq!(case.read("build/x.txt"), "yes\n");
    let why = case.run(&["why", "command:test"]);
    assert!(why.stdout.contains("`tool.sh` may be executed now"), "{}", why.stdout);
    // Other bits of its mode are no part of it.
    chmod(&case.path("tool.sh"), 0o700);
    assert_eq!(ran(&case.build_ok(&[])), Vec::<String>::new());
}

#[test]
fn t10_the_executable_bit_goes_from_command_to_copy_to_command_and_through_the_store() {
    let case = with_command(
        "command make { run \"sh\" \"-c\" \"printf '#!/bin/sh\\necho made' > $WEBSTIR_OUT/made.sh; chmod +x $WEBSTIR_OUT/made.sh\"; outputs \"{out}/made.sh\"; }\n\
         command use { run \"sh\" \"-c\" \"./build/made.sh > $WEBSTIR_OUT/said.txt\"; from \"command:make\"; outputs \"{out}/said.txt\"; }\n\
         files scripts { include \"scripts/*\"; }\n\
         copy scripts { from \"files:scripts\"; to \"{out}/copied\"; }",
        &[("scripts/a.sh", "#!/bin/sh\n"), ("scripts/b.txt", "b\n")],
    );
    chmod(&case.path("scripts/a.sh"), 0o755);
    let check = || {
        assert_eq!(case.read("build/said.txt"), "made\n");
        assert_eq!(mode(&case.path("build/made.sh")) & 0o111, 0o111);
        assert_eq!(mode(&case.path("build/copied/scripts/a.sh")) & 0o111, 0o111);
        assert_eq!(mode(&case.path("build/copied/scripts/b.txt")) & 0o111, 0);
    };
    case.build_ok(&[]);
    check();
    case.remove("build");
    assert!(case.build_ok(&[]).actions(&["ran"]).is_empty());
    check();
    // Through a store below another one.
    let lower = case.path(".webstir/store");
    case.remove("build");
    let output = case
        .command()
        .args(["build", "--json"])
        .env("WEBSTIR_STORE", case.beside("upper"))
        .env("WEBSTIR_STORE_LOWER", lower)
        .output()
        .unwrap();
    assert!(output.status.success());
    check();
    case.write("scripts/c.sh", "#!/bin/sh\n");
    case.build_ok(&[]);
    assert_eq!(mode(&case.path("build/copied/scripts/c.sh")) & 0o111, 0);
    chmod(&case.path("scripts/c.sh"), 0o755);
    case.build_ok(&[]);
    assert_eq!(mode(&case.path("build/copied/scripts/c.sh")) & 0o111, 0o111);
}

/// Seconds for `sleep` that no other process names.
fn long(number: u32) -> String {
    format!("{}.{}", 4320 + number, std::process::id())
}

#[test]
fn t9_a_command_ends_with_its_timeout_and_nothing_of_it_is_left() {
    let sleep = long(1);
    let case = with_command(
        &format!(
            "command hang {{ run \"sh\" \"-c\" \"setsid sleep {sleep} & wait\"; timeout \"1s\"; outputs \"{{out}}/x.txt\"; }}"
        ),
        &[],
    );
    let build = case.build(&[]);
    assert_eq!(build.code, Some(1), "{}", build.stdout);
    assert!(build.stdout.contains("did not end within 1 s"), "{}", build.stdout);
    assert_eq!(processes_with(&format!("sleep {sleep}")), Vec::<String>::new());
}

#[test]
fn t9_what_a_command_started_and_left_does_not_hold_the_build() {
    let sleep = long(2);
    let case = with_command(
        &format!(
            "command leave {{ run \"sh\" \"-c\" \"setsid sleep {sleep} & echo done > $WEBSTIR_OUT/x.txt\"; timeout \"600s\"; outputs \"{{out}}/x.txt\"; }}"
        ),
        &[],
    );
    case.build_ok(&[]);
    assert_eq!(case.read("build/x.txt"), "done\n");
    assert_eq!(processes_with(&format!("sleep {sleep}")), Vec::<String>::new());
}

#[test]
fn t9_an_interrupt_ends_the_build_and_everything_in_it() {
    let sleep = long(3);
    let case = with_command(
        &format!("command hang {{ run \"sh\" \"-c\" \"setsid sleep {sleep} & wait\"; outputs \"{{out}}/x.txt\"; }}"),
        &[],
    );
    let mut build = case.command().arg("build").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(|| !processes_with(&format!("sleep {sleep}")).is_empty());
    let id = rustix::process::Pid::from_raw(i32::try_from(build.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert!(!build.wait().unwrap().success());
    assert_eq!(processes_with(&format!("sleep {sleep}")), Vec::<String>::new());
}

#[test]
fn t9_what_a_killed_build_had_started_ends_with_it() {
    let sleep = long(4);
    let case = with_command(
        &format!("command hang {{ run \"sh\" \"-c\" \"setsid sleep {sleep} & wait\"; outputs \"{{out}}/x.txt\"; }}"),
        &[],
    );
    let mut build = case.command().arg("build").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(|| !processes_with(&format!("sleep {sleep}")).is_empty());
    build.kill().unwrap();
    build.wait().unwrap();
    until(|| processes_with(&format!("sleep {sleep}")).is_empty());
}

#[test]
fn t11_builds_at_once_do_not_meet_in_the_output_of_a_command() {
    let case = with_command(
        "command slow { run \"sh\" \"-c\" \"for i in 1 2 3 4 5 6; do echo 123456789 >> $WEBSTIR_OUT/log.txt; sleep 0.1; done\"; outputs \"{out}/log.txt\"; }",
        &[],
    );
    let builds: Vec<_> = (0..3)
        .map(|_| case.command().arg("build").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
        .collect();
    for mut build in builds {
        assert!(build.wait().unwrap().success());
    }
    assert_eq!(case.read("build/log.txt").len(), 60);
    case.remove("build");
    assert!(case.build_ok(&[]).actions(&["ran"]).is_empty());
    assert_eq!(case.read("build/log.txt").len(), 60);
    assert_eq!(case.run(&["cache", "verify"]).code, Some(0));
}

#[test]
fn t14_a_command_that_changes_its_own_input_is_told_and_runs_once() {
    let case = with_command(
        "command fmt { run \"node\" \"scripts/fmt.mjs\"; inputs \"assets/**\"; outputs \"{out}/gen/o.txt\"; }",
        &[
            (
                "scripts/fmt.mjs",
                "import { readFileSync, writeFileSync } from 'node:fs';\n\
                 const n = Number(readFileSync('assets/count.txt', 'utf8')) + 1;\n\
                 writeFileSync('assets/count.txt', String(n));\n\
                 writeFileSync('build/gen/o.txt', String(n));\n",
            ),
            ("assets/count.txt", "0"),
        ],
    );
    let build = case.build_ok(&[]);
    assert_eq!(ran(&build), ["command:fmt"]);
    assert!(
        build.findings().iter().any(|found| found.starts_with("command::changed_input webstir.kdl:2:")),
        "{}",
        build.stdout
    );
    assert!(build.stdout.contains("`node` changed its own input `assets/count.txt`"), "{}", build.stdout);
    assert_eq!((case.read("assets/count.txt"), case.read("build/gen/o.txt")), ("0".to_owned(), "1".to_owned()));
    let again = case.build_ok(&[]);
    assert_eq!(ran(&again), Vec::<String>::new());
    assert_eq!(again.findings(), build.findings());
}

#[test]
fn a_command_sees_what_it_declares_and_what_its_command_line_names() {
    let case = with_command(
        "command see { run \"sh\" \"tools/list.sh\"; inputs \"a/one.txt\" \"b/**\"; outputs \"{out}/list.txt\"; }",
        &[
            (
                "tools/list.sh",
                "find . -type f -not -path './node_modules/*' -not -path './build/*' | sort > $WEBSTIR_OUT/list.txt\n",
            ),
            ("a/one.txt", ""),
            ("a/two.txt", ""),
            ("b/c/three.txt", ""),
            ("secret.txt", ""),
        ],
    );
    case.build_ok(&[]);
    assert_eq!(case.read("build/list.txt"), "./a/one.txt\n./b/c/three.txt\n./tools/list.sh\n");
    case.write("tools/list.sh", "echo other > $WEBSTIR_OUT/list.txt\n");
    assert_eq!(ran(&case.build_ok(&[])), ["command:see"]);
    assert_eq!(case.read("build/list.txt"), "other\n");
}

#[test]
fn a_command_that_lacks_a_file_is_told_how_to_declare_it() {
    let case = with_command(
        "command see { run \"cat\" \"a/one.txt\" \"b/../secret.txt\"; outputs \"{out}/x.txt\"; }",
        &[("a/one.txt", ""), ("other.txt", "")],
    );
    let build = case.build(&[]);
    assert_eq!(build.code, Some(1));
    assert!(build.stdout.contains("declare what else it reads"), "{}", build.stdout);
}
