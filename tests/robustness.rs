//! Killed in the middle, two at once, damaged stores.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::support::{Case, descendants, is_running, processes_with, until};

/// A workspace of some size.
fn sizeable() -> Case {
    let case = Case::starter();
    for number in 0..60 {
        let path = format!("src/backend/functions/f{number}/index.ts");
        case.write(&path, &format!("import {{ readNewNote }} from \"../../../shared/notes.js\";\nexport const run = (): unknown => readNewNote({{ text: \"{number}\" }});\n"));
    }
    case
}

/// Texts of one function, so that a build has something to do.
fn variant(number: u64) -> String {
    format!("export const run = (): string => \"variant {}\";\n", number % 4)
}

/// Kills builds at random points, every third of them a cold one; the next build must give what a clean one gives.
fn kill_often(seed: u64, rounds: u64) {
    let edited = "src/backend/functions/f7/index.ts";
    let expected: Vec<_> = (0..4)
        .map(|number| {
            let clean = sizeable();
            clean.write(edited, &variant(number));
            clean.build_ok(&[]);
            clean.tree("build")
        })
        .collect();
    let case = sizeable();
    case.build_ok(&[]);
    let mut state = seed;
    for round in 0..rounds {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let is_cold = round % 3 == 0;
        if is_cold {
            case.remove(".webstir");
        }
        let number = state >> 40;
        case.write(edited, &variant(number));
        let mut child =
            case.command().args(["build", "--quiet"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis((state >> 33) % if is_cold { 600 } else { 150 }));
        child.kill().unwrap();
        child.wait().unwrap();
        let next = case.build_ok(&[]);
        assert!(
            next.json()["ok"] == true && case.tree("build") == expected[usize::try_from(number % 4).unwrap()],
            "{round}"
        );
        assert_eq!(case.build_ok(&[]).actions(&["ran", "failed"]), Vec::<String>::new());
    }
    assert_eq!(case.run(&["cache", "verify"]).code, Some(0));
    // A lock ends with its process, and what was staged goes with the next tree that is materialised.
    case.write(edited, &variant(state >> 40).replace("variant", "last"));
    case.build_ok(&[]);
    let staged: Vec<_> = case.names(".webstir").into_iter().filter(|name| name.contains("/stage.")).collect();
    assert_eq!(staged, Vec::<String>::new());
}

/// Three times a hundred, so that they share the processors.
#[test]
#[ignore = "long: kills"]
fn a_hundred_killed_builds_leave_nothing_wrong() {
    kill_often(1, 100);
}

#[test]
#[ignore = "long: kills"]
fn another_hundred_killed_builds_leave_nothing_wrong() {
    kill_often(2, 100);
}

#[test]
#[ignore = "long: kills"]
fn a_third_hundred_killed_builds_leave_nothing_wrong() {
    kill_often(3, 100);
}

#[test]
fn builds_at_once_give_the_same_tree() {
    let case = sizeable();
    let children: Vec<_> = (0..4)
        .map(|_| {
            case.command().args(["build", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let ran = crate::support::ran(child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    }
    let clean = sizeable();
    clean.build_ok(&[]);
    assert_eq!(case.tree("build"), clean.tree("build"));
}

#[test]
fn a_damaged_store_is_rebuilt() {
    let case = sizeable();
    case.build_ok(&[]);
    let expected = case.tree("build");
    for bucket in ["cas", "actions", "facts"] {
        for entry in fs::read_dir(case.path(".webstir/store/v3").join(bucket)).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_file() {
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            let step = bytes.len() / 7 + 1;
            for at in (0..bytes.len()).step_by(step) {
                bytes[at] ^= 0x20;
            }
            fs::write(path, bytes).unwrap();
        }
        case.remove("build");
        case.build_ok(&[]);
        assert_eq!(case.tree("build"), expected, "{bucket}");
    }
}

#[test]
#[ignore = "long: a hundred builds"]
fn every_flipped_bit_is_noticed() {
    let case = sizeable();
    case.build_ok(&[]);
    let expected = case.tree("build");
    let mut state = 3_u64;
    for round in 0..100 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // A pack that was found damaged is no longer there: what is there now was written by the build before.
        let store = case.tree(".webstir/store/v3").into_iter();
        let mut packs: Vec<_> =
            store.filter(|(path, _)| path.contains(".pack") && !path.contains("quarantine")).collect();
        let chosen = usize::try_from(state >> 33).unwrap() % packs.len();
        let (path, mut bytes) = packs.swap_remove(chosen);
        let at = usize::try_from(state >> 20).unwrap() % bytes.len();
        bytes[at] ^= 1 << (round % 8);
        fs::write(case.path(&path), &bytes).unwrap();
        case.remove("build");
        case.remove(".webstir/start");
        case.build_ok(&[]);
        assert!(case.tree("build") == expected, "bit {} of byte {at} of {path}", round % 8);
    }
}

#[test]
fn an_interrupted_build_keeps_the_old_tree_and_leaves_no_process() {
    let case = Case::starter();
    case.build_ok(&[]);
    let before = case.tree("build");
    let sleep = format!("612.{}", std::process::id());
    case.write(
        "webstir.kdl",
        &format!("workspace \"x\" {{ mode \"api\" }}\ncommand slow {{ run \"sleep\" \"{sleep}\"; outputs \"{{out}}/never.txt\"; profiles build }}\n"),
    );
    let mut child = case.command().args(["build"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id().to_string();
    until(|| !processes_with(&format!("sleep {sleep}")).is_empty());
    std::process::Command::new("kill").args(["-INT", &id]).status().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(2));
    assert_eq!(processes_with(&format!("sleep {sleep}")), Vec::<String>::new(), "the command is gone");
    assert_eq!(case.tree("build"), before);
}

#[test]
fn a_killed_build_leaves_no_compiler_even_one_that_hangs() {
    let case = Case::starter();
    let mut child =
        case.command().args(["build", "--quiet"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let compiler = || descendants(child.id()).into_iter().find(|(_, line)| line.contains("--api"));
    until(|| compiler().is_some());
    let (compiler, _) = compiler().unwrap();
    assert!(std::process::Command::new("kill").args(["-STOP", &compiler.to_string()]).status().unwrap().success());
    child.kill().unwrap();
    child.wait().unwrap();
    until(|| !is_running(compiler));
    case.build_ok(&[]);
}

/// Run inside of a mount namespace: `$1` an empty directory, `$2` the workspace, `$3` the binary.
const ON_A_FULL_DISK: &str = r#"
mount -t tmpfs -o size=6m tmpfs "$1"
cp -R "$2/." "$1"
cd "$1"
"$3" build --quiet
find build -type f -exec sha256sum {} + | sort > /dev/shm/tree.$$
before=$(sha256sum < /dev/shm/tree.$$)
rm /dev/shm/tree.$$
echo 'export const more = 1;' >> src/shared/notes.ts
dd if=/dev/zero of=filler bs=4k 2>/dev/null || true
code=0
"$3" build >/dev/null || code=$?
echo "code $code"
[ "$(find build -type f -exec sha256sum {} + | sort | sha256sum)" = "$before" ] && echo "tree intact"
rm filler
"$3" build --quiet && echo "next build fine"
"#;

#[test]
fn a_full_disk_loses_nothing() {
    let case = Case::starter();
    let disk = case.beside("disk");
    fs::create_dir(&disk).unwrap();
    let run = |arguments: &[&str], script: &str| {
        let mut command = case.command_of("unshare");
        command.args(arguments).args(["--mount", "sh", "-euc", script, "sh"]);
        crate::support::ran(command.arg(&disk).arg(case.root()).arg(env!("CARGO_BIN_EXE_webstir")).output().unwrap())
    };
    // Root may mount; others may in a user namespace, where the kernel allows one.
    let ways: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let way = ways.into_iter().find(|way| run(way, r#"mount -t tmpfs -o size=64k tmpfs "$1""#).code == Some(0));
    let way = way.expect("a mount namespace, as root or as a user");
    let ran = run(way, ON_A_FULL_DISK);
    assert_eq!(ran.stdout, "code 2\ntree intact\nnext build fine\n", "{}", ran.stderr);
    assert!(ran.stderr.contains("No space left on device"), "{}", ran.stderr);
}
