//! What a command did not declare it does not see, and somebody says so.

use std::fs;

use crate::support::{Case, Ran};

const SOURCES: &[(&str, &str)] = &[
    (
        "package.json",
        r#"{ "name": "x", "version": "0.1.0", "private": true, "type": "module", "webstir": { "mode": "api" } }"#,
    ),
    ("src/backend/index.ts", "export {};\n"),
];

/// A workspace with a command that runs `node make.mjs`, which writes what the script gives.
fn with_script(fields: &str, script: &str, files: &[(&str, &str)]) -> Case {
    let case = Case::with(SOURCES);
    case.write(
        "webstir.kdl",
        &format!(
            "workspace {{ mode api; }}\n// made by hand\ncommand made {{\n    run \"node\" \"make.mjs\"\n    {fields}\n    outputs \"{{out}}/made.txt\"\n}}\n"
        ),
    );
    case.write(
        "make.mjs",
        &format!(
            "import {{ existsSync, readFileSync, writeFileSync, mkdirSync }} from 'node:fs';\n\
             const out = process.env.WEBSTIR_OUT;\nmkdirSync(out, {{ recursive: true }});\n\
             writeFileSync(`${{out}}/made.txt`, String(await (async () => {{ {script} }})()));\n"
        ),
    );
    for (path, text) in files {
        case.write(path, text);
    }
    case
}

fn of_commands(ran: &Ran) -> Vec<String> {
    ran.findings().into_iter().filter(|found| found.starts_with("command::")).collect()
}

fn made(case: &Case) -> String {
    fs::read_to_string(case.path("build/made.txt")).unwrap()
}

const LOOKS: &str = "return existsSync('src/shared/notes.ts') ? readFileSync('src/shared/notes.ts', 'utf8') : 'none';";

#[test]
fn what_is_not_declared_is_not_there_and_is_named_at_the_rule() {
    let case = with_script("", LOOKS, &[("src/shared/notes.ts", "export const notes = 1;\n")]);
    let first = case.build(&[]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let found = of_commands(&first);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("command::undeclared_input webstir.kdl:3:1"), "{found:?}");
    assert!(first.stdout.contains("src/shared/notes.ts"), "{}", first.stdout);
    // It is as if the file was not there, whether that can be seen by its path or not.
    assert_eq!(made(&case), "none");
    // What nobody can tell to be right is not kept.
    let second = case.build(&[]);
    assert!(second.actions(&["ran"]).contains(&"command:made".to_owned()), "{}", second.stdout);
    assert_eq!(of_commands(&second).len(), 1);
    let why = case.run(&["why", "command:made", "--json"]);
    assert!(why.stdout.contains("provisional-before"), "{}", why.stdout);
}

#[test]
fn it_is_an_error_where_others_rely_on_it() {
    for (field, arguments) in [("strict #true", &[][..]), ("", &["--ci"][..])] {
        let case = with_script(field, LOOKS, &[("src/shared/notes.ts", "export const notes = 1;\n")]);
        let built = case.build(arguments);
        assert_eq!(built.code, Some(1), "{}", built.stderr);
        assert!(built.stdout.contains("\"severity\": \"error\""), "{}", built.stdout);
        assert!(of_commands(&built)[0].starts_with("command::undeclared_input"), "{}", built.stdout);
    }
    let case = with_script("", LOOKS, &[("src/shared/notes.ts", "export const notes = 1;\n")]);
    let built = case.command().env("CI", "true").args(["build", "--json"]).output().unwrap();
    assert_eq!(built.status.code(), Some(1));
}

#[test]
fn what_is_missing_is_written_into_the_configuration() {
    // What it reads next it knows only from what it read before.
    let script = "const next = readFileSync('a.txt', 'utf8').trim(); return readFileSync(next, 'utf8');";
    let case = with_script("", script, &[("a.txt", "b.txt\n"), ("b.txt", "found\n")]);
    let before = case.read("webstir.kdl");
    let checked = case.run(&["fix", "inputs", "--check"]);
    assert_eq!(checked.code, Some(1), "{}", checked.stderr);
    assert_eq!(case.read("webstir.kdl"), before);
    assert!(checked.stdout.contains("+     inputs \"a.txt\""), "{}", checked.stdout);
    let fixed = case.run(&["fix", "inputs"]);
    assert_eq!(fixed.code, Some(0), "{}{}", fixed.stdout, fixed.stderr);
    let expected = before.replace("made.txt\"\n}", "made.txt\"\n    inputs \"a.txt\" \"b.txt\"\n}");
    assert_eq!(case.read("webstir.kdl"), expected);
    let built = case.build(&["--ci"]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    assert_eq!(made(&case), "found\n");
    assert_eq!(case.run(&["fix", "inputs", "--check"]).code, Some(0));
    // Now an edit counts, and nothing else does.
    assert_eq!(case.build(&[]).actions(&["ran"]), [""; 0]);
    case.write("b.txt", "edited\n");
    assert!(case.build(&[]).actions(&["ran"]).contains(&"command:made".to_owned()));
    assert_eq!(made(&case), "edited\n");
}

#[test]
fn what_another_rule_makes_is_named_by_that_rule() {
    let case = with_script("", "return existsSync('build/other.txt');", &[]);
    let configuration = case.read("webstir.kdl");
    let other =
        "command other { run \"sh\" \"-c\" \"echo x > $WEBSTIR_OUT/other.txt\"; outputs \"{out}/other.txt\"; }\n";
    case.write("webstir.kdl", &format!("{configuration}{other}"));
    case.build(&[]);
    // Placed by the first build, it is there for the next run to look for.
    case.write("make.mjs", &format!("// Edited.\n{}", case.read("make.mjs")));
    let built = case.build(&[]);
    assert!(of_commands(&built)[0].starts_with("command::undeclared_rule"), "{}", built.stdout);
    assert_eq!(case.run(&["fix", "inputs"]).code, Some(0));
    assert!(case.read("webstir.kdl").contains("from \"command:other\""), "{}", case.read("webstir.kdl"));
    assert_eq!(case.build(&["--ci"]).code, Some(0));
    assert_eq!(made(&case), "true");
}

#[test]
fn what_says_how_a_script_runs_is_an_input_of_it() {
    let case = with_script("", "return import.meta.url;", &[]);
    assert_eq!(of_commands(&case.build(&["--ci"])), [""; 0]);
    assert_eq!(made(&case).rsplit('/').next(), Some("make.mjs"));
    case.write("package.json", &SOURCES[0].1.replace("0.1.0", "0.2.0"));
    assert!(case.build(&[]).actions(&["ran"]).contains(&"command:made".to_owned()));
}

#[test]
fn the_environment_and_the_place_are_the_same_everywhere() {
    let script = "return Object.entries(process.env).map(([name, value]) => `${name}=${value}`).sort().join('\\n') + '\\n' + process.cwd();";
    let case = with_script("environment \"GIVEN\" SET=\"2\"", script, &[]);
    case.replace("webstir.kdl", "mode api;", "mode api; environment \"GIVEN\";");
    let built = case.command().env("GIVEN", "1").env("SECRET", "3").args(["build", "--json"]).output().unwrap();
    assert!(built.status.success());
    let seen = made(&case);
    let names: Vec<&str> = seen.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let expected =
        ["GIVEN", "HOME", "LC_ALL", "NO_COLOR", "PATH", "SET", "SOURCE_DATE_EPOCH", "TMPDIR", "TZ", "WEBSTIR_OUT"];
    assert_eq!(names, expected);
    let document: serde_json::Value = serde_json::from_slice(&built.stdout).unwrap();
    if document["sandbox"]["tier"] == "namespace" {
        assert!(seen.ends_with("\n/w"), "{seen}");
        assert!(seen.contains("HOME=/home/build\n") && seen.contains("TMPDIR=/tmp\n"), "{seen}");
    }
}

#[test]
fn the_network_is_off_unless_it_is_asked_for() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let script = format!(
        "const net = await import('node:net'); return await new Promise((done) => {{ \
         const socket = net.connect({port}, '127.0.0.1', () => {{ socket.destroy(); done('connected'); }}); \
         socket.on('error', () => done('refused')); }});"
    );
    for (field, expected) in [("", "refused"), ("network #true", "connected")] {
        let case = with_script(field, &script, &[]);
        let built = case.build(&[]);
        assert_eq!(built.code, Some(0), "{}", built.stderr);
        assert_eq!(made(&case), expected);
    }
    // What may use it is another action.
    let case = with_script("network #false", &script, &[]);
    case.build(&[]);
    case.replace("webstir.kdl", "network #false", "network #true");
    assert!(case.build(&[]).actions(&["ran"]).contains(&"command:made".to_owned()));
    let why = case.run(&["why", "command:made"]);
    assert!(why.stdout.contains("network"), "{}", why.stdout);
}

#[test]
fn what_is_written_and_is_no_output_is_told_and_dropped() {
    let case = with_script("", "writeFileSync('notes.log', 'x'); return 'made';", &[]);
    let built = case.build(&[]);
    assert!(of_commands(&built)[0].starts_with("command::undeclared_output webstir.kdl:6:5"), "{}", built.stdout);
    assert!(built.stdout.contains("notes.log"));
    assert!(!case.path("notes.log").exists());
}

#[test]
fn what_is_declared_is_told_from_what_is_read() {
    let script = "existsSync('c.txt'); return readFileSync('a.txt', 'utf8');";
    let case = with_script("inputs \"a.txt\" \"b.txt\"", script, &[("a.txt", "a"), ("b.txt", "b")]);
    let built = case.build(&[]);
    assert_eq!(built.code, Some(0));
    let before = case.tree("build");
    // What is in the store runs again for this, and the tree is as it was.
    let told = case.run(&["inputs", "made", "--json"]).json();
    let action = &told["actions"][0];
    assert_eq!(action["read"], serde_json::json!(["a.txt", "make.mjs"]), "{told}");
    assert_eq!(
        (&action["neverRead"], &action["notDeclared"]),
        (&serde_json::json!(["b.txt", "package.json"]), &serde_json::json!([]))
    );
    assert_eq!(case.tree("build"), before);
    case.write("c.txt", "c");
    let told = case.run(&["inputs", "command:made"]);
    assert!(told.stdout.contains("  never read    b.txt\n  "), "{}", told.stdout);
    assert!(told.stdout.contains("  not declared  c.txt\n"), "{}", told.stdout);
    let none = case.run(&["inputs", "nothing"]);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("The commands of the profile are `command:made`"), "{}", none.stderr);
}

#[test]
fn each_run_says_which_sandbox_it_was() {
    let case = with_script("", "return 1;", &[]);
    let built = case.run(&["build"]);
    let lines: Vec<&str> = built.stderr.lines().filter(|line| line.starts_with("sandbox: ")).collect();
    assert_eq!(lines.len(), 1, "{}", built.stderr);
    assert!(["namespace", "landlock", "tree"].iter().any(|tier| lines[0].contains(tier)), "{lines:?}");
    let again = case.run(&["build"]);
    assert!(!again.stderr.contains("sandbox: "), "{}", again.stderr);
}

/// Lets builds take one sandbox for the only one that works here, as on another machine.
pub(crate) fn only(case: &Case, works: &str) {
    let places = fs::read_dir(case.beside("")).unwrap().flatten().map(|entry| entry.path());
    let state =
        places.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("webstir-")));
    let known = state.flat_map(|state| fs::read_dir(state).unwrap().flatten()).map(|entry| entry.path());
    let known =
        known.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sandbox-")));
    for path in known.collect::<Vec<_>>() {
        let text = fs::read_to_string(&path).unwrap();
        let strongest = ["namespace memory", "namespace disk", "namespace copy", "landlock copy", "tree copy"];
        let named = strongest.into_iter().find(|name| text.contains(name)).unwrap();
        fs::write(&path, text.replace(named, works)).unwrap();
    }
}

#[test]
fn a_result_of_a_weaker_sandbox_is_not_taken_where_a_stronger_one_is_asked_for() {
    let case = with_script("", "return 1;", &[]);
    let first = case.build_ok(&[]);
    if first.json()["sandbox"]["tier"] == "tree" {
        return;
    }
    case.replace("make.mjs", "return 1;", "return 2;");
    only(&case, "tree copy");
    let weak = case.build_ok(&[]);
    assert_eq!(weak.json()["sandbox"]["tier"], "tree", "{}", weak.stdout);
    assert_eq!(case.build(&["--ci"]).code, Some(2));
    only(&case, "landlock copy");
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), [""; 0]);
    let strict = case.build_ok(&["--ci"]);
    assert_eq!(strict.actions(&["ran"]), ["command:made"], "{}", strict.stdout);
    assert_eq!(strict.json()["sandbox"]["tier"], "landlock");
    let why = case.run(&["why", "command:made"]);
    assert!(why.stdout.contains("made in the sandbox `tree`"), "{}", why.stdout);
    assert_eq!(case.build_ok(&["--ci"]).actions(&["ran"]), [""; 0]);
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), [""; 0]);
    case.replace("webstir.kdl", "mode api; }", "mode api; }\nprofile build { sandbox namespace; }");
    assert_eq!(case.build(&[]).code, Some(2));
}
