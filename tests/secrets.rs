//! A secret reaches the command that names it, and nobody else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::{Case, Ran, ran};

const VALUE: &str = "s3cr3t/Value+\"1\"";
const BASE64: &str = "czNjcjN0L1ZhbHVlKyIxIg==";
const IN_URL: &str = "s3cr3t%2FValue%2B%221%22";

/// A workspace with a command that runs a script of the shell.
fn with_script(fields: &str, script: &str) -> Case {
    let case = Case::with(&[
        ("package.json", r#"{ "name": "x", "private": true, "type": "module", "webstir": { "mode": "api" } }"#),
        ("src/backend/index.ts", "export {};\n"),
        ("make.sh", script),
    ]);
    case.write(
        "webstir.kdl",
        &format!(
            "workspace {{ mode api; }}\ncommand made {{\n    run \"sh\" \"make.sh\"\n    {fields}\n    outputs \"{{out}}/made.txt\"\n}}\n"
        ),
    );
    case
}

fn command(case: &Case, value: &str) -> Command {
    let mut command = case.command();
    command.env("TOKEN", value);
    command
}

fn build(case: &Case, value: &str, arguments: &[&str]) -> Ran {
    ran(command(case, value).args(["build", "--json"]).args(arguments).output().unwrap())
}

fn of_commands(ran: &Ran) -> Vec<String> {
    ran.findings().into_iter().filter(|found| found.starts_with("command::")).collect()
}

/// The files below a directory that hold a text.
fn holding(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(holding(&path, text));
        } else if let Ok(bytes) = fs::read(&path)
            && !path.ends_with("make.sh")
        {
            let is_there = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            found.extend(is_there.then(|| path.display().to_string()));
        }
    }
    found
}

#[test]
fn a_secret_is_given_and_is_read_nowhere() {
    let script =
        "test \"$TOKEN\" = 's3cr3t/Value+\"1\"' && mkdir -p $WEBSTIR_OUT && echo right > $WEBSTIR_OUT/made.txt\n";
    let case = with_script("secret \"TOKEN\"", script);
    let first = build(&case, VALUE, &[]);
    assert_eq!(first.code, Some(0), "{}{}", first.stdout, first.stderr);
    assert_eq!(case.read("build/made.txt"), "right\n");
    assert_eq!(holding(case.beside("").as_path(), VALUE), [""; 0]);
    assert_eq!(build(&case, VALUE, &[]).actions(&["ran"]), [""; 0]);
    // Another value is another action.
    assert_eq!(build(&case, "another value", &[]).code, Some(1));
    let why = ran(command(&case, "another value").args(["why", "command:made"]).output().unwrap());
    assert!(why.stdout.contains("The environment variable `TOKEN` changed"), "{}{}", why.stdout, why.stderr);
}

#[test]
fn what_a_command_says_of_a_secret_is_hidden() {
    let script = "echo \"plain $TOKEN\"; echo 'in base64 czNjcjN0L1ZhbHVlKyIxIg=='; echo 'in a URL s3cr3t%2FValue%2B%221%22' >&2\n\
                  echo \"a.ts(1,1): error TS1: $TOKEN\"; exit 3\n";
    for problems in ["", "problems tsc"] {
        let case = with_script(&format!("secret \"TOKEN\"; {problems}"), script);
        let report = case.beside("report.json");
        let mut all = String::new();
        for arguments in
            [&["build", "--json"][..], &["build"], &["build", "--report", &format!("sarif={}", report.display())]]
        {
            let failed = ran(command(&case, VALUE).args(arguments).output().unwrap());
            assert_eq!(failed.code, Some(1), "{}", failed.stderr);
            all += &(failed.stdout + &failed.stderr);
        }
        all += &fs::read_to_string(&report).unwrap();
        for form in [VALUE, "s3cr3t", BASE64, IN_URL] {
            assert!(!all.contains(form), "{all}");
        }
        assert!(all.contains("***"), "{all}");
        assert_eq!(holding(case.beside("").as_path(), VALUE), [""; 0]);
    }
}

#[test]
fn an_output_that_holds_a_secret_is_refused() {
    for write in
        ["printf %s \"x $TOKEN\"", "printf 'x czNjcjN0L1ZhbHVlKyIxIg=='", "printf 's3cr3t%%2FValue%%2B%%221%%22'"]
    {
        let script = format!("mkdir -p $WEBSTIR_OUT && {write} > $WEBSTIR_OUT/made.txt\n");
        let case = with_script("secret \"TOKEN\"", &script);
        let built = build(&case, VALUE, &[]);
        assert_eq!(built.code, Some(1));
        assert_eq!(of_commands(&built), ["command::secret_in_output webstir.kdl:5:5"], "{}", built.stdout);
        assert!(!case.exists("build/made.txt"));
        assert_eq!(holding(case.beside("").as_path(), VALUE), [""; 0]);
        assert_eq!(holding(case.beside("").as_path(), IN_URL), [""; 0]);
    }
}

#[test]
fn a_secret_is_set_and_long_enough_and_shown_by_nothing_else() {
    let script = "mkdir -p $WEBSTIR_OUT && echo \"${TOKEN-unset}\" > $WEBSTIR_OUT/made.txt\n";
    let case = with_script("secret \"TOKEN\"", script);
    for (value, code) in [
        (None, "command::no_secret webstir.kdl:4:12"),
        (Some(""), "command::no_secret webstir.kdl:4:12"),
        (Some("a"), "command::short_secret webstir.kdl:4:5"),
        (Some("abc"), "command::short_secret webstir.kdl:4:5"),
    ] {
        let mut command = case.command();
        if let Some(value) = value {
            command.env("TOKEN", value);
        }
        let built = ran(command.args(["build", "--json"]).output().unwrap());
        assert_eq!((built.code, of_commands(&built)), (Some(1), vec![code.to_owned()]), "{}", built.stdout);
    }
    let configuration =
        case.read("webstir.kdl").replace("made", "other").replace("secret \"TOKEN\"", "environment \"TOKEN\"");
    case.write("webstir.kdl", &(case.read("webstir.kdl") + configuration.split_once('\n').unwrap().1));
    case.replace("webstir.kdl", "mode api;", "mode api; environment \"TOKEN\";");
    case.replace("make.sh", "echo \"${TOKEN-unset}\"", "echo x");
    let built = build(&case, VALUE, &[]);
    assert!(built.findings().contains(&"command::secret_shown webstir.kdl:9:17".to_owned()), "{}", built.stdout);
    // Who does not name it does not see it.
    case.replace("webstir.kdl", "environment \"TOKEN\"\n", "\n");
    case.replace("webstir.kdl", "{out}/other.txt", "{out}/made.txt");
    case.replace(
        "webstir.kdl",
        "secret \"TOKEN\"\n    outputs \"{out}/made.txt\"",
        "secret \"TOKEN\"\n    outputs \"{out}/first.txt\"",
    );
    case.write("make.sh", "mkdir -p $WEBSTIR_OUT && test -n \"$TOKEN\" && echo x > $WEBSTIR_OUT/first.txt || echo unset > $WEBSTIR_OUT/made.txt\n");
    let built = build(&case, VALUE, &[]);
    assert_eq!(built.code, Some(0), "{}", built.stdout);
    assert_eq!(case.read("build/made.txt"), "unset\n");
}

#[test]
fn what_stands_for_a_secret_can_be_found_by_nobody_without_the_key() {
    let case = with_script("secret \"TOKEN\"", "mkdir -p $WEBSTIR_OUT && echo x > $WEBSTIR_OUT/made.txt\n");
    let runs = |name: &str, value: &str| {
        let built = ran(command(&case, VALUE).env(name, value).args(["build", "--json"]).output().unwrap());
        built.actions(&["ran"]).contains(&"command:made".to_owned())
    };
    let (one, other) = (case.beside("one"), case.beside("other"));
    assert!(runs("XDG_STATE_HOME", one.to_str().unwrap()));
    assert!(runs("XDG_STATE_HOME", other.to_str().unwrap()));
    assert!(!runs("XDG_STATE_HOME", one.to_str().unwrap()));
    let key = one.join("webstir/secret-key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    // Machines that share a key share results.
    assert!(runs("WEBSTIR_SECRET_KEY", "shared"));
    assert!(!runs("WEBSTIR_SECRET_KEY", "shared"));
    fs::write(&key, "short").unwrap();
    let mut damaged = command(&case, VALUE);
    let damaged = ran(damaged.env("XDG_STATE_HOME", one.to_str().unwrap()).arg("build").output().unwrap());
    assert_eq!(damaged.code, Some(2));
    assert!(damaged.stderr.contains("it does not hold 32 bytes; remove it"), "{}", damaged.stderr);
}

#[test]
fn the_home_directory_is_not_shown_because_a_program_lies_in_it() {
    let case = with_script("", "");
    let home = case.beside("home");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    fs::create_dir_all(home.join("tools")).unwrap();
    fs::write(home.join("package.json"), "{}").unwrap();
    fs::write(home.join(".ssh/id_ed25519"), "private").unwrap();
    let tool = home.join("tools/tool");
    let script = format!(
        "#!/bin/sh\nmkdir -p $WEBSTIR_OUT\ncat {0}/.ssh/id_ed25519 $HOME/.ssh/id_ed25519 > $WEBSTIR_OUT/made.txt 2>/dev/null\nexit 0\n",
        home.display()
    );
    fs::write(&tool, script).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    case.replace("webstir.kdl", "\"sh\" \"make.sh\"", &format!("\"{}\"", tool.display()));
    let built = ran(case.command().env("HOME", &home).args(["build", "--json"]).output().unwrap());
    assert_eq!(built.code, Some(0), "{}{}", built.stdout, built.stderr);
    // In a tree alone nothing keeps a command from what this user may read.
    if built.json()["sandbox"]["tier"] != "tree" {
        assert_eq!(case.read("build/made.txt"), "");
    }
}
