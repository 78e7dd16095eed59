//! JUnit's XML.

use std::collections::BTreeSet;
use std::process::Command;

use super::*;

#[test]
fn junit_has_a_case_for_each_action() {
    let case = case("");
    // What XML does not have is in a line of source that is shown.
    case.write("src/a,b.ts", "// \u{1}\u{b} ]]>\nlet wrong = 1;\n");
    let built = case.run(&["build", "--report", "junit=report.xml"]);
    assert_eq!(built.code, Some(1), "{}", built.stderr);
    let text = case.read("report.xml");
    let suites = is_junit(&text);
    let suite = |name: &str| suites.iter().find(|suite| suite.get("name") == name).unwrap();
    let cases: Vec<_> = suite("command").all("testcase").map(|one| (one.get("classname"), one.get("name"))).collect();
    assert_eq!(cases, [("command:lint", "lint"), ("command:well", "well")]);
    let failure = suite("command").children[1].all("failure").next().unwrap();
    assert_eq!(failure.get("message"), "`wrong` is wrong: 100%, really.");
    assert_eq!(failure.get("type"), "eslint::no-wrong");
    assert!(failure.text.contains("[src/a,b.ts:2:5]") && failure.text.contains("let wrong = 1;"), "{}", failure.text);
    assert!(failure.text.contains("// \u{fffd}\u{fffd} ]]>"), "{}", failure.text);
    // Warnings fail nothing.
    let out = &suite("command").all("system-out").next().unwrap().text;
    assert!(out.contains("Mild & <soft>") && !out.contains("`wrong`"), "{out}");
    assert_eq!(suite("configuration").all("testcase").next().unwrap().children.len(), 0);
    names_no_place(&case, &text);
}

#[test]
fn junit_marks_what_was_cached() {
    let case = case("");
    case.write("tools/lint.mjs", &tool("lint", ""));
    let cached = |suites: &[xml::Element]| {
        let suite = suites.iter().find(|suite| suite.get("name") == "command").unwrap();
        let properties = suite.children[0].all("property").filter(|property| property.get("name") == "cached");
        properties.map(|property| property.get("value").to_owned()).collect::<Vec<_>>()
    };
    for expected in [&[][..], &["command:lint lint", "command:well well"]] {
        assert_eq!(case.run(&["build", "--report", "junit=report.xml"]).code, Some(0));
        let suites = is_junit(&case.read("report.xml"));
        assert_eq!(cached(&suites), expected);
        let suite = suites.iter().find(|suite| suite.get("name") == "command").unwrap();
        assert_eq!((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("2", "0", "0"));
        assert_eq!(suite.get("time") == "0.000", !expected.is_empty(), "{}", suite.get("time"));
    }
}

#[test]
fn junit_skips_what_was_not_reached() {
    let case = case("");
    case.replace(
        "webstir.kdl",
        "run \"node\" \"tools/well.mjs\"",
        "run \"node\" \"tools/well.mjs\"\n    from command:lint",
    );
    let summary = case.path("summary.md");
    let variables = [("GITHUB_STEP_SUMMARY", &*summary)];
    run_with(&case, &variables, &["build", "--report", "github", "--report", "junit=a.xml"]);
    let suites = is_junit(&case.read("a.xml"));
    let suite = suites.iter().find(|suite| suite.get("name") == "command").unwrap();
    assert_eq!((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("2", "1", "1"));
    let cases: Vec<_> = suite.all("testcase").collect();
    let skipped = cases.iter().find(|case| case.children.iter().any(|child| child.name == "skipped")).unwrap();
    assert_eq!((skipped.get("classname"), skipped.get("name")), ("command:well", "well"));
    assert!(case.read("summary.md").contains("\n**Not reached**: `command:well`\n"), "{}", case.read("summary.md"));
}

/// What the schema of the Ant task asks for, of what a report has.
#[track_caller]
pub(super) fn is_junit(text: &str) -> Vec<xml::Element> {
    let root = xml::read(text);
    assert_eq!((root.name.as_str(), root.names()), ("testsuites", vec![]));
    for (number, suite) in root.children.iter().enumerate() {
        let names: BTreeSet<&str> = suite.names().into_iter().collect();
        let expected =
            ["name", "package", "id", "hostname", "timestamp", "tests", "failures", "errors", "skipped", "time"];
        assert_eq!(names, BTreeSet::from(expected));
        assert_eq!((suite.get("id"), suite.get("hostname")), (number.to_string().as_str(), "localhost"));
        let shape: String = suite.get("timestamp").chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00");
        let mut order = vec!["properties"];
        let cases: Vec<_> = suite.all("testcase").collect();
        order.extend(cases.iter().map(|_| "testcase"));
        order.extend(["system-out", "system-err"]);
        assert_eq!(suite.children.iter().map(|child| child.name.as_str()).collect::<Vec<_>>(), order);
        for case in &cases {
            assert_eq!(case.names(), ["name", "classname", "time"]);
            assert!(case.children.len() <= 1);
            case.get("time").parse::<f64>().unwrap();
            let is_known = |child: &xml::Element| ["skipped", "failure", "error"].contains(&child.name.as_str());
            assert!(case.children.iter().all(is_known), "{case:?}");
        }
        let count =
            |name: &str| cases.iter().filter(|case| case.children.iter().any(|child| child.name == name)).count();
        assert_eq!(suite.get("tests"), cases.len().to_string());
        let counted = [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")];
        for (attribute, name) in counted {
            assert_eq!(suite.get(attribute), count(name).to_string(), "{attribute}");
        }
    }
    root.children
}

/// With `xmllint` at hand it reads what the reader above read.
#[test]
fn junit_is_xml_for_others_too() {
    let case = case("");
    case.run(&["build", "--report", "junit=report.xml"]);
    match Command::new("xmllint").args(["--noout", "report.xml"]).current_dir(case.root()).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    }
}
