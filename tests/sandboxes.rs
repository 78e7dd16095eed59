//! Commands in each sandbox: at once, killed, and without space.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::hermetic::only;
use crate::support::{Case, Ran, processes_with, ran, until};

const SANDBOXES: [(&str, &str); 3] =
    [("namespace", "namespace copy"), ("landlock", "landlock copy"), ("tree", "tree copy")];

/// A workspace with commands that read what they declare, what they do not, by a path and by an absolute one, and what they make.
fn workspace() -> Case {
    let case = Case::with(&[
        ("package.json", r#"{ "name": "x", "private": true, "type": "module", "webstir": { "mode": "api" } }"#),
        ("src/backend/index.ts", "export {};\n"),
        ("declared.txt", "declared 0\n"),
        ("hidden.txt", "hidden 0\n"),
    ]);
    let absolute = case.path("hidden.txt");
    let command = |name: &str, script: &str| {
        format!(
            "command {name} {{\n    run \"sh\" \"-c\" \"mkdir -p $WEBSTIR_OUT; {{ {script}; }} > $WEBSTIR_OUT/{name}.txt 2> /dev/null; true\"\n    inputs \"declared.txt\"\n    outputs \"{{out}}/{name}.txt\"\n}}\n"
        )
    };
    let commands = [
        command("declared", "cat declared.txt"),
        command("hidden", "cat declared.txt hidden.txt"),
        command("absolute", &format!("cat declared.txt {}", absolute.display())),
        command("own", "cat declared.txt; cat $WEBSTIR_OUT/own.txt build/own.txt"),
    ];
    case.write("webstir.kdl", &format!("workspace {{ mode api; }}\n{}", commands.concat()));
    case
}

/// Builds once, and has that sandbox used from then on. False where it is stronger than what works here.
fn with_sandbox(case: &Case, name: &str, works: &str) -> bool {
    let built = case.build_ok(&[]);
    let strongest = built.json()["sandbox"]["tier"].as_str().unwrap().to_owned();
    let rank = |name: &str| SANDBOXES.iter().position(|(sandbox, _)| *sandbox == name);
    if rank(name) < rank(&strongest) {
        return false;
    }
    if name != strongest {
        only(case, works);
    }
    true
}

/// What each command is right to have made of the present files; two answers where the sandbox cannot keep the second one out.
fn is_right(case: &Case, sandbox: &str) -> bool {
    let (declared, hidden) = (case.read("declared.txt"), case.read("hidden.txt"));
    let made = |name: &str| case.read(&format!("build/{name}.txt"));
    let both = format!("{declared}{hidden}");
    made("declared") == declared
        && made("hidden") == declared
        && (made("absolute") == declared || sandbox == "tree" && made("absolute") == both)
        && made("own").starts_with(&declared)
}

#[test]
fn what_is_read_by_any_path_is_right_or_not_kept_also_in_three_builds_at_once() {
    for (sandbox, works) in SANDBOXES {
        let case = workspace();
        if !with_sandbox(&case, sandbox, works) {
            continue;
        }
        for number in 1..4 {
            case.write("declared.txt", &format!("declared {number}\n"));
            case.write("hidden.txt", &format!("hidden {number}\n"));
            let builds: Vec<Child> = (0..3)
                .map(|_| {
                    let mut command = case.command();
                    command.args(["build", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
                })
                .collect();
            let built: Vec<Ran> = builds.into_iter().map(|build| ran(build.wait_with_output().unwrap())).collect();
            for built in &built {
                assert_eq!(built.code, Some(0), "{sandbox}: {}{}", built.stdout, built.stderr);
                let tier = &built.json()["sandbox"]["tier"];
                assert!(tier == sandbox || tier.is_null(), "{tier}");
            }
            assert!(is_right(&case, sandbox), "{sandbox} {number}: {:?}", case.tree("build"));
            // An edit of what is not declared alone: nothing that was kept is of the text before.
            case.write("hidden.txt", &format!("hidden again {number}\n"));
            case.build_ok(&[]);
            assert!(is_right(&case, sandbox), "{sandbox} {number}: {:?}", case.tree("build"));
        }
    }
}

/// Where commands of a case run.
fn places(case: &Case) -> Vec<PathBuf> {
    let entries = fs::read_dir(case.beside("")).unwrap().flatten().map(|entry| entry.path());
    entries.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("webstir-"))).collect()
}

/// What is left of commands: files in their places, which stay themselves, and mounts that this process sees.
fn left(case: &Case) -> Vec<String> {
    let mut left: Vec<String> = Vec::new();
    let below = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    for stage in places(case).iter().flat_map(|state| below(state)).filter(|path| path.is_dir()) {
        let files = below(&stage).flat_map(|directory| below(&directory).collect::<Vec<_>>());
        left.extend(files.map(|path| path.display().to_string()));
    }
    let of_case = case.beside("").display().to_string();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    left.extend(mounts.lines().filter(|line| line.contains(of_case.trim_end_matches('/'))).map(str::to_owned));
    left
}

#[test]
#[ignore = "long: kills"]
fn a_hundred_kills_in_sandboxes_leave_no_process_mount_or_tree() {
    let mut state = 5_u64;
    for (sandbox, works) in SANDBOXES {
        let case = workspace();
        if !with_sandbox(&case, sandbox, works) {
            continue;
        }
        // Nobody else sleeps for so long.
        let mark = format!("98765.{}", std::process::id());
        case.replace(
            "webstir.kdl",
            "cat declared.txt;",
            &format!("sleep {mark} & (sleep {mark} &) sleep 0.05; cat declared.txt;"),
        );
        for round in 0..34 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            case.write("declared.txt", &format!("declared {round}\n"));
            let mut build =
                case.command().args(["build", "--quiet"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            sleep(Duration::from_millis((state >> 33) % 200));
            build.kill().unwrap();
            build.wait().unwrap();
            until(|| processes_with(&format!("sleep {mark}")).is_empty());
        }
        case.replace("webstir.kdl", &format!("sleep {mark} & (sleep {mark} &) "), "");
        case.build_ok(&[]);
        until(|| left(&case).is_empty());
        assert!(is_right(&case, sandbox), "{sandbox}: {:?}", case.tree("build"));
    }
}

#[test]
fn a_full_disk_in_a_sandbox_is_said_and_nothing_of_it_is_kept() {
    let case = workspace();
    case.write(
        "webstir.kdl",
        "workspace { mode api; }\ncommand made {\n    run \"sh\" \"-c\" \"mkdir -p $WEBSTIR_OUT; cat declared.txt > $WEBSTIR_OUT/made.txt\"\n    inputs \"declared.txt\"\n    outputs \"{out}/made.txt\"\n}\n",
    );
    case.build_ok(&[]);
    let before = case.tree("build");
    // More than there is space for.
    case.write("declared.txt", &"more\n".repeat(400_000));
    let places = case.beside("places");
    fs::create_dir(&places).unwrap();
    let script = "mount -t tmpfs -o size=1m tmpfs \"$1\"; cd \"$2\"; export TMPDIR=\"$1\"; code=0; \"$3\" build --json || code=$?; exit $code";
    let full = |way: &[&str], script: &str| {
        let mut command = case.command_of("unshare");
        command.args(way).args(["--mount", "sh", "-euc", script, "sh"]);
        ran(command.arg(&places).arg(case.root()).arg(env!("CARGO_BIN_EXE_webstir")).output().unwrap())
    };
    // Root may mount; others may in a user namespace, where the kernel allows one.
    let ways: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let way = ways.into_iter().find(|way| full(way, "mount -t tmpfs tmpfs \"$1\"").code == Some(0)).unwrap();
    let built = full(way, script);
    if built.code == Some(0) {
        // It ran in memory, where there was space.
        assert!(case.read("build/made.txt") == case.read("declared.txt"));
    } else {
        let said = format!("{}{}", built.stdout, built.stderr);
        assert!(said.contains("No space left on device") || said.contains("write error"), "{said}");
        assert_eq!(case.tree("build"), before);
    }
    case.build_ok(&[]);
    assert!(case.read("build/made.txt") == case.read("declared.txt"));
    until(|| left(&case).is_empty());
}
