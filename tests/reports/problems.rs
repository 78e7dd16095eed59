//! `problems` of a command: what a tool says of files is shown there.

use super::*;

/// `severity code file:start..end` of each finding.
fn findings(ran: &Ran) -> Vec<String> {
    let document = ran.json();
    let found = document["diagnostics"].as_array().unwrap().iter();
    found
        .map(|found| {
            let (severity, code) = (found["severity"].as_str().unwrap(), found["code"].as_str().unwrap());
            let file = found["file"].as_str().unwrap_or("-");
            match found["span"]["start"].as_u64() {
                Some(start) => format!("{severity} {code} {file}:{start}..{}", found["span"]["end"]),
                None => format!("{severity} {code} {file}"),
            }
        })
        .collect()
}

#[test]
fn what_fails_a_command_is_shown_at_its_line() {
    let case = case("");
    let built = case.build(&[]);
    assert_eq!(built.code, Some(1), "{}", built.stderr);
    let node = CONFIGURATION.find("command lint").unwrap();
    let end = node + "command lint".len();
    // `ä` is two bytes, so that line 2 starts at byte 6.
    assert_eq!(
        findings(&built),
        [
            "error eslint::no-wrong src/a,b.ts:10..15".to_owned(),
            "warning eslint::no-mild src/sub/c d.ts:0..3".to_owned(),
            format!("warning eslint::no-mild webstir.kdl:{node}..{end}"),
        ]
    );
    let shown = case.run(&["build"]);
    assert!(shown.stderr.contains("[src/a,b.ts:2:5]") && shown.stderr.contains("let wrong = 1;"), "{}", shown.stderr);
}

#[test]
fn what_a_command_says_that_is_well_is_a_warning_and_is_kept() {
    let case = case("");
    case.write("tools/lint.mjs", &tool("lint", FOUND));
    let expected = ["warning eslint::no-wrong src/a,b.ts:10..15", "warning eslint::no-mild src/sub/c d.ts:0..3"];
    for ran in [&["command:lint", "command:well"][..], &[]] {
        let built = case.build_ok(&[]);
        assert_eq!(built.actions(&["ran"]), ran);
        assert_eq!(findings(&built)[..2], expected, "from the store they are the same");
    }
    // How it is read is part of its key, and `why` says so.
    case.replace("webstir.kdl", "problems eslint-unix", "problems gcc");
    let built = case.build_ok(&[]);
    assert_eq!((built.actions(&["ran"]), findings(&built)), (vec!["command:lint".to_owned()], vec![]));
    let why = case.run(&["why", "command:lint"]).stdout;
    assert!(why.contains("`problems` of `command:lint` changed from `eslint-unix` to `gcc`"), "{why}");
}

#[test]
fn a_command_that_fails_without_a_word_about_files_fails_as_ever() {
    let case = case("");
    case.write("tools/lint.mjs", &tool("lint", "console.log('all is lost'); process.exitCode = 3;\n"));
    let built = case.build(&[]);
    assert_eq!(built.code, Some(1));
    let found = &built.json()["diagnostics"][0];
    assert_eq!((&found["code"], &found["notes"][0]), (&"command::failed".into(), &"all is lost".into()));
    // Warnings alone do not say why it failed.
    case.write(
        "tools/lint.mjs",
        &tool("lint", "console.log('src/a,b.ts:1:1: Mild [Warning]'); process.exitCode = 1;\n"),
    );
    let codes: Vec<String> = case.build(&[]).findings();
    assert_eq!(codes, ["command::problem src/a,b.ts:1:1", "command::failed webstir.kdl:5:5"]);
    // Nor does what was said before it was killed.
    let killed = "console.log('src/a,b.ts:1:1: Bad [Error/no-wrong]'); process.kill(process.pid, 'SIGKILL');\n";
    case.write("tools/lint.mjs", &tool("lint", killed));
    let codes: Vec<String> = case.build(&[]).findings();
    assert_eq!(codes, ["eslint::no-wrong src/a,b.ts:1:1", "command::failed webstir.kdl:5:5"]);
}

#[test]
fn paths_are_seen_from_the_directory_of_the_command_and_colours_are_not_seen() {
    let case = case("");
    let lines = "console.log('\\u001b[1m../a,b.ts\\u001b[0m:\\u001b[33m2\\u001b[0m:5: error: Bad \\u001b[4mthing\\u001b[0m [-Wbad]');\n\
                 console.log('../../../outside.ts:1:1: error: Far');\nprocess.exitCode = 1;\n";
    case.write("src/sub/lint.mjs", &tool("lint", lines).replace("`${", "`../../${"));
    case.replace(
        "webstir.kdl",
        "run \"node\" \"tools/lint.mjs\"",
        "run \"node\" \"lint.mjs\"\n    directory \"src/sub\"",
    );
    case.replace("webstir.kdl", "problems eslint-unix", "problems gcc");
    let built = case.build(&[]);
    assert_eq!(built.findings(), ["gcc::bad src/a,b.ts:2:5", "command::problem webstir.kdl:4:1"], "{}", built.stderr);
    let document = built.json();
    assert_eq!(document["diagnostics"][0]["message"], "Bad thing");
    assert_eq!(document["diagnostics"][1]["notes"][0], "It says so of `../../../outside.ts:1:1`");
}

#[test]
fn lines_of_a_file_that_the_command_changed_are_not_those_of_the_workspace() {
    let case = case("");
    let fix = "writeFileSync('src/a,b.ts', 'fixed\\n');\nconsole.log('src/a,b.ts:1:1: Left over [Warning/no-mild]');\n";
    case.write("tools/lint.mjs", &tool("lint", fix));
    let built = case.build_ok(&[]);
    assert!(findings(&built).contains(&"warning eslint::no-mild src/a,b.ts".to_owned()), "{:?}", findings(&built));
}

#[test]
fn a_flood_of_problems_is_told_in_part() {
    let case = case("");
    let flood = "for (let i = 0; i < 5000; i++) console.log(`src/a,b.ts:1:1: Bad ${i} [Error/no-wrong]`);\nprocess.exitCode = 1;\n";
    case.write("tools/lint.mjs", &tool("lint", flood));
    let found = findings(&case.build(&[]));
    assert_eq!(found.iter().filter(|found| found.starts_with("error eslint::no-wrong")).count(), 200);
    assert_eq!(found.len(), 201);
    assert!(
        found.iter().any(|found| found.starts_with("warning command::more_problems webstir.kdl:")),
        "{:?}",
        found.last()
    );
}
