//! What a result depends on without saying so is found, with the file, the byte and the factor.

use serde_json::Value;

use crate::support::Case;

/// A workspace with commands that each run a script of the shell, which writes `made.txt` below its own output.
fn with_commands(commands: &[(&str, &str, &str)]) -> Case {
    let case = Case::empty();
    case.write("package.json", r#"{ "name": "x", "private": true, "type": "module" }"#);
    let mut text = "workspace { mode api; preset none; }\nprofile build { out build; }\n".to_owned();
    for (name, fields, script) in commands {
        let fields = fields.replace("; ", "\n    ");
        text += &format!(
            "command {name} {{\n    run \"sh\" \"{name}.sh\"\n    {fields}\n    outputs \"{{out}}/{name}/made.txt\"\n}}\n"
        );
        case.write(&format!("{name}.sh"), &format!("exec > $WEBSTIR_OUT/{name}/made.txt\necho head\n{script}\n"));
    }
    case.write("webstir.kdl", &text);
    case
}

fn text<'a>(difference: &'a Value, field: &str) -> &'a str {
    difference[field].as_str().unwrap_or_default()
}

/// The seeded kinds: a name, fields, a script, and the factors that may be named for it.
const SEEDED: &[(&str, &str, &str, &[&str])] = &[
    ("place", "", "pwd", &["path"]),
    ("host", "", "uname -n", &["hostName"]),
    ("home", "", "echo $HOME; id", &["user"]),
    ("zone", "", "date -d @0", &["timeZone"]),
    ("locale", "", "echo $LC_ALL", &["locale"]),
    ("processors", "", "nproc", &["processors"]),
    ("umask", "", "umask", &["umask"]),
    ("entries", "inputs \"data/**\"", "ls -U data", &["entryOrder"]),
    ("clock", "", "date +%s.%N", &["run"]),
    ("random", "", "od -An -N8 -tx1 /dev/urandom", &["run"]),
    ("number", "", "echo $$", &["processId", "run"]),
    (
        "parallel",
        "",
        "(echo one >> $TMPDIR/x) & (echo two >> $TMPDIR/x) & wait; cat $TMPDIR/x",
        &["parallelOrder", "run"],
    ),
];

#[test]
fn each_seeded_kind_is_found_with_the_file_the_byte_and_the_factor() {
    let mut commands: Vec<(&str, &str, &str)> =
        SEEDED.iter().map(|(name, fields, script, _)| (*name, *fields, *script)).collect();
    commands.push(("sorted", "inputs \"data/**\"", "ls data | LC_ALL=C sort; (echo one) & wait"));
    commands.push(("fixed", "environment TZ=\"Asia/Tokyo\"", "date -d @0 +%H; umask 022; umask"));
    let case = with_commands(&commands);
    for name in ["b", "d", "a", "c"] {
        case.write(&format!("data/{name}"), name);
    }
    let ran = case.run(&["verify", "--json"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    let document = ran.json();
    let differences = document["differences"].as_array().unwrap();
    let perturbed = document["perturbed"].as_array().unwrap();
    for (name, _, _, factors) in SEEDED {
        let label = format!("command:{name}");
        let own: Vec<&Value> = differences.iter().filter(|found| text(found, "label") == label).collect();
        if let [factor] = factors
            && *factor != "run"
            && !perturbed.contains(&Value::from(*factor))
        {
            assert!(!document["notPerturbed"].as_array().unwrap().is_empty(), "{name}: {document}");
            continue;
        }
        // One processor may decide which of two comes first as well.
        assert!(own.len() == 1 || *name == "parallel" && !own.is_empty(), "{name}: {own:#?}");
        assert!(own.iter().any(|found| factors.contains(&text(found, "factor"))), "{name}: {own:#?}");
        assert_eq!(text(own[0], "path"), format!("build/{name}/made.txt"));
        assert!(own[0]["byte"].as_u64().unwrap() >= 5, "{name}: after the head, which is the same: {own:#?}");
        assert_ne!(text(own[0], "first"), text(own[0], "second"));
        assert!(text(own[0], "first").starts_with("\"head\\n"), "{name}: {own:#?}");
    }
    let clean = ["command:sorted", "command:fixed"];
    assert!(!differences.iter().any(|found| clean.contains(&text(found, "label"))), "{differences:#?}");
    // Nothing of it was kept: the tree is that of the build, and everything is in the store.
    assert_eq!(case.build_ok(&[]).actions(&["ran"]), [""; 0]);
}

#[test]
fn what_differs_is_one_line_with_both_excerpts() {
    let case = with_commands(&[("gen", "", "date -d @0 '+%d %H'"), ("same", "", "echo same")]);
    let ran = case.run(&["verify"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    let expected = "command:gen differs when TZ changes: build/gen/made.txt, byte 5\n  \"head\\n01 00\\n\"\n  \"head\\n31 20\\n\"\n";
    assert_eq!(ran.stdout, expected);
    assert!(ran.stderr.contains("[webstir] 1 action verified, 1 not\n"), "{}", ran.stderr);
    // Only of the rules that were named; what is not there is not passed over.
    let same = case.run(&["verify", "command:same"]);
    assert_eq!((same.code, &*same.stdout), (Some(0), ""), "{}", same.stderr);
    assert!(same.stderr.contains("[webstir] 1 action verified\n"), "{}", same.stderr);
    let none = case.run(&["verify", "nothing"]);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("The rules of the profile are `command:gen`, `command:same`"), "{}", none.stderr);
}

#[test]
fn an_outcome_a_finding_and_a_file_that_is_not_there_differ_too() {
    let case = with_commands(&[
        ("fails", "", "test $TZ = UTC"),
        ("tells", "problems tsc", "echo \"tells.sh(1,1): warning TS1: in $TZ\" >&2"),
        ("bit", "", "test $TZ = UTC || chmod +x $WEBSTIR_OUT/bit/made.txt"),
        ("online", "network #true", "date +%N"),
    ]);
    let ran = case.run(&["verify", "--json"]);
    let document = ran.json();
    let of = |name: &str| {
        let label = format!("command:{name}");
        let own: Vec<&Value> =
            document["differences"].as_array().unwrap().iter().filter(|found| text(found, "label") == label).collect();
        assert_eq!(own.len(), 1, "{name}: {document:#}");
        (text(own[0], "factor").to_owned(), text(own[0], "kind").to_owned(), text(own[0], "second").to_owned())
    };
    let (factor, kind, second) = of("fails");
    assert_eq!((&*factor, &*kind), ("timeZone", "outcome"));
    assert!(second.starts_with("it fails: command::failed"), "{second}");
    let (factor, kind, second) = of("tells");
    assert_eq!((&*factor, &*kind), ("timeZone", "findings"));
    assert!(second.contains("in America"), "{second}");
    assert_eq!(of("bit"), ("timeZone".to_owned(), "file".to_owned(), "executable".to_owned()));
    assert_eq!(of("online").0, "run");
    let told = case.run(&["verify", "online"]);
    assert!(told.stdout.contains("build/online/made.txt, byte 5; it may use the network\n"), "{}", told.stdout);
}

#[test]
fn what_does_not_build_is_told_as_a_build_tells_it() {
    let case = with_commands(&[("fails", "", "false")]);
    let ran = case.run(&["verify"]);
    assert_eq!((ran.code, &*ran.stdout), (Some(1), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("command::failed"), "{}", ran.stderr);
}

#[test]
fn a_sample_is_the_same_one_each_time() {
    let names: Vec<String> = (0..20).map(|number| format!("c{number}")).collect();
    let commands: Vec<(&str, &str, &str)> = names.iter().map(|name| (name.as_str(), "", "echo $TZ")).collect();
    let case = with_commands(&commands);
    let labels = |sample: &str| -> Vec<String> {
        let document = case.run(&["verify", "--json", "--sample", sample]).json();
        assert_eq!(document["actions"], 20);
        let labels: Vec<String> =
            document["differences"].as_array().unwrap().iter().map(|found| text(found, "label").to_owned()).collect();
        assert_eq!(document["tried"], labels.len(), "{document:#}");
        labels
    };
    let [one, some, all] = ["0.0001%", "30%", "100%"].map(labels);
    assert_eq!((one.len(), all.len()), (1, 20));
    assert!(some.len() < 20 && some.contains(&one[0]), "{one:?} {some:?}");
    assert_eq!(labels("30%"), some);
    assert_eq!(case.run(&["verify", "--sample", "2"]).code, Some(2));
}

#[test]
fn the_rules_of_the_program_are_verified() {
    let case = Case::starter();
    for profile in ["build", "publish"] {
        let ran = case.run(&["verify", "--profile", profile, "--json"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        let document = ran.json();
        assert!(document["verified"].as_u64().unwrap() >= 5, "{document:#}");
        assert_eq!(document["verified"], document["actions"]);
    }
}

#[test]
fn a_module_that_a_program_evaluates_is_verified_as_well() {
    let case = Case::with(&[
        ("package.json", r#"{ "name": "x", "private": true, "type": "module", "webstir": { "mode": "api" } }"#),
        (
            "webstir.kdl",
            "workspace { mode api; }\nfiles texts { base \"texts\"; include \"**\"; }\ncopy texts { from files:texts; to \"{out}/texts\"; }\n",
        ),
        ("texts/a.txt", "a"),
        ("src/backend/index.ts", "export {};\n"),
    ]);
    let module = |name: &str| {
        let text = format!(
            "import net from 'node:net';\nglobalThis.net = net;\n\
             export const module = {{ manifest: {{ contractVersion: '1.0.0', name: {name}, version: '1.0.0', kind: 'backend' }} }};\n"
        );
        case.write("src/backend/module.ts", &text);
    };
    module("'steady'");
    let ran = case.run(&["verify"]);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""), "{}", ran.stderr);
    module("String(new Date(0).getFullYear())");
    let ran = case.run(&["verify", "manifest:backend", "--json"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    let document = ran.json();
    let found = &document["differences"][0];
    assert!(text(found, "label").starts_with("manifest:backend("), "{document:#}");
    assert_eq!((text(found, "factor"), text(found, "kind")), ("timeZone", "file"), "{document:#}");
}
