//! The documents: SARIF, JUnit and Code Quality.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::junit::is_junit;
use super::*;

#[track_caller]
fn is_sarif(document: &Value) {
    let schema: Value = serde_json::from_str(include_str!("sarif.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(document).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0], "{document:#}");
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
}

#[test]
fn sarif_has_a_result_for_each_finding() {
    let case = case("");
    let built = case.run(&["build", "--report", "sarif=report.sarif"]);
    assert_eq!(built.code, Some(1), "{}", built.stderr);
    let document = json(&case, "report.sarif");
    is_sarif(&document);
    let run = &document["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    assert_eq!(run["automationDetails"]["id"], "webstir/build/");
    assert_eq!(run["invocations"][0]["executionSuccessful"], true, "that the code is at fault is a result");
    let place = |index: usize| {
        let result = &run["results"][index];
        let location = &result["locations"][0]["physicalLocation"];
        (
            result["ruleId"].clone(),
            result["level"].clone(),
            location["artifactLocation"]["uri"].clone(),
            location["region"].clone(),
        )
    };
    let region = |line: u32, column: u32, end: u32| json!({"startLine": line, "startColumn": column, "endLine": line, "endColumn": end});
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 3, "{results:#?}");
    assert_eq!(place(0), (json!("eslint::no-wrong"), json!("error"), json!("src/a%2Cb.ts"), region(2, 5, 10)));
    assert_eq!(place(1), (json!("eslint::no-mild"), json!("warning"), json!("src/sub/c%20d.ts"), region(1, 1, 4)));
    // What is said of no file of ours is at the command.
    let (code, _, uri, at) = place(2);
    assert_eq!((code, uri, &at["startLine"]), (json!("eslint::no-mild"), json!("webstir.kdl"), &json!(4)));
    assert_eq!(results[0]["message"]["text"], "`wrong` is wrong: 100%, really.");
    assert_eq!(results[2]["message"]["text"], "Elsewhere\nIt says so of `node_modules/x/index.js:9:1`");
    // Every code of the page is a rule, and what another tool calls its findings, too.
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let rules: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert!(rules.contains("config::unknown_node") && rules.contains("eslint::no-mild"), "{rules:?}");
    names_no_place(&case, &case.read("report.sarif"));
}

#[test]
fn fingerprints_stay_where_other_lines_change() {
    let case = case("");
    let prints = || {
        case.run(&["build", "--report", "sarif=a.sarif", "--report", "gitlab=a.json"]);
        let (sarif, gitlab) = (json(&case, "a.sarif"), json(&case, "a.json"));
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        let of = |value: &Value| value.as_str().unwrap().to_owned();
        let sarif: Vec<String> =
            results.iter().map(|one| of(&one["partialFingerprints"]["webstirFinding/v1"])).collect();
        let gitlab: Vec<String> = gitlab.as_array().unwrap().iter().map(|one| of(&one["fingerprint"])).collect();
        assert_eq!(sarif, gitlab);
        sarif
    };
    let before = prints();
    assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), 3);
    case.replace("src/a,b.ts", "// ä\n", "// ä\n// more\n  ");
    case.replace("tools/lint.mjs", "2:5", "3:7");
    assert_eq!(prints(), before);
    case.replace("src/a,b.ts", "wrong = 1", "wrong = 2");
    let after = prints();
    assert!(after[0] != before[0] && after[1..] == before[1..], "{after:?} {before:?}");
    // Two equal lines are two findings.
    case.replace("tools/lint.mjs", "process.exitCode", &format!("{FOUND}process.exitCode"));
    case.replace("tools/lint.mjs", "2:5", "3:7");
    let twice = prints();
    assert_eq!(twice.iter().collect::<BTreeSet<_>>().len(), twice.len());
}

#[test]
fn code_quality_has_what_gitlab_reads() {
    let case = case("");
    let built = case.run(&["build", "--report", "gitlab"]);
    assert_eq!(built.code, Some(1), "{}", built.stderr);
    let issues = built.json();
    let issues: Vec<Value> = issues
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| {
            assert_eq!(issue["fingerprint"].as_str().unwrap().len(), 32);
            let at = &issue["location"];
            json!([issue["severity"], issue["check_name"], issue["description"], at["path"], at["lines"]["begin"]])
        })
        .collect();
    assert_eq!(
        issues,
        [
            json!(["major", "eslint::no-wrong", "`wrong` is wrong: 100%, really.", "src/a,b.ts", 2]),
            json!(["minor", "eslint::no-mild", "Mild & <soft>", "src/sub/c d.ts", 1]),
            json!(["minor", "eslint::no-mild", "Elsewhere", "webstir.kdl", 4]),
        ]
    );
    // The log is folded for who asked for it.
    assert!(built.stderr.contains("section_start:"), "{}", built.stderr);
}

#[test]
fn mistakes_of_the_configuration_are_reported_too() {
    let case = case("");
    case.replace("webstir.kdl", "problems eslint-unix", "problem eslint-unix");
    let built =
        case.run(&["build", "--report", "sarif=a.sarif", "--report", "junit=a.xml", "--report", "gitlab=a.json"]);
    assert_eq!(built.code, Some(1), "{}", built.stderr);
    let document = json(&case, "a.sarif");
    is_sarif(&document);
    let result = &document["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "config::unknown_field");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!((&place["artifactLocation"]["uri"], &place["region"]["startLine"]), (&json!("webstir.kdl"), &json!(7)));
    let suites = is_junit(&case.read("a.xml"));
    let failed: Vec<_> = suites.iter().filter(|suite| suite.get("failures") == "1").collect();
    assert_eq!(failed.len(), 1, "{suites:?}");
    assert_eq!(json(&case, "a.json")[0]["location"]["lines"]["begin"], 7);
}

#[test]
fn what_is_asked_twice_of_stdout_is_wrong_usage() {
    let case = case("");
    let wrong = |arguments: &[&str], message: &str| {
        let ran = case.run(&[&["build"], arguments].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(message) && !ran.stderr.contains("Built"), "{}", ran.stderr);
    };
    wrong(
        &["--report", "sarif", "--report", "github"],
        "`--report sarif` and `--report github` cannot both be on stdout",
    );
    wrong(&["--report", "sarif", "--json"], "`--report sarif` and `--json` cannot both be on stdout");
    wrong(&["--report", "sarif=a", "--report", "junit=a"], "Two reports cannot both be in `a`");
    wrong(&["--report", "sarif=nowhere/a"], "The report `nowhere/a` cannot be written");
    wrong(&["--report", "xml"], "`sarif`, `junit`, `github` or `gitlab` is needed");
    wrong(&["--report", "junit="], "the name of a file is needed");
    assert!(!case.exists("build"), "nothing is built for it");
}

#[test]
fn a_report_on_stdout_is_all_of_it() {
    let case = case("");
    case.write("tools/lint.mjs", &tool("lint", ""));
    let built = case.run(&["build", "--report", "sarif", "--report", "junit=a.xml"]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    is_sarif(&built.json());
    assert!(
        built.stderr.contains("[webstir] build complete") && built.stderr.contains("build/lint.txt"),
        "{}",
        built.stderr
    );
}

#[test]
fn a_build_that_cannot_be_done_leaves_reports_that_say_so() {
    let case = case("");
    case.write("taken", "");
    let store = case.path("taken/store");
    let arguments = ["build", "--report", "sarif=a.sarif", "--report", "junit=a.xml", "--report", "gitlab=a.json"];
    let failed = run_with(&case, &[("WEBSTIR_STORE", &store)], &arguments);
    assert_eq!(failed.code, Some(2), "{}", failed.stderr);
    let document = json(&case, "a.sarif");
    is_sarif(&document);
    assert_eq!(document["runs"][0]["invocations"][0]["executionSuccessful"], false);
    assert_eq!(is_junit(&case.read("a.xml"))[0].get("errors"), "1");
    assert_eq!(case.read("a.json"), "[]\n");
    names_no_place(&case, &format!("{}{}", case.read("a.sarif"), case.read("a.xml")));
}

#[test]
fn what_the_world_lacks_is_no_fault_of_the_code() {
    let case = Case::starter();
    let toolchain = case.beside("toolchain");
    let arguments =
        ["build", "--offline", "--report", "sarif=a.sarif", "--report", "junit=a.xml", "--report", "gitlab=a.json"];
    let built = run_with(&case, &[("WEBSTIR_TOOLCHAIN", &toolchain)], &arguments);
    assert_eq!(built.code, Some(2), "{}", built.stderr);
    let document = json(&case, "a.sarif");
    is_sarif(&document);
    let run = &document["runs"][0];
    assert_eq!((&run["invocations"][0]["executionSuccessful"], &run["results"]), (&json!(false), &json!([])));
    let told = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    let told: Vec<_> = told.iter().filter(|one| one["level"] == "error").map(|one| &one["descriptor"]["id"]).collect();
    assert_eq!(told, ["toolchain::unavailable"]);
    let suites = is_junit(&case.read("a.xml"));
    let suite = suites.iter().find(|suite| suite.get("name") == "typecheck").unwrap();
    assert_eq!((suite.get("errors"), suite.get("failures")), ("1", "0"));
    assert_eq!(case.read("a.json"), "[]\n");
}

#[test]
fn the_type_checker_is_reported_at_its_line() {
    let case = Case::starter();
    case.write("src/shared/wrong.ts", "export const n: number =\n  \"ä\";\n");
    case.replace("src/shared/notes.ts", "export ", "import \"./wrong.js\";\nexport ");
    let built = case.run(&["build", "--report", "sarif=a.sarif", "--report", "junit=a.xml"]);
    assert_eq!(built.code, Some(1), "{}", built.stderr);
    let document = json(&case, "a.sarif");
    is_sarif(&document);
    let results = document["runs"][0]["results"].as_array().unwrap();
    let result = results.iter().find(|result| result["ruleId"] == "typecheck::ts2322").unwrap();
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "src/shared/wrong.ts");
    assert_eq!(place["region"], json!({"startLine": 1, "startColumn": 14, "endLine": 1, "endColumn": 15}));
    // A check that was done and found errors has failed.
    let suites = is_junit(&case.read("a.xml"));
    let suite = suites.iter().find(|suite| suite.get("name") == "typecheck").unwrap();
    assert_eq!((suite.get("tests"), suite.get("failures")), ("1", "1"));
    // What is told of the run is no result.
    assert!(results.iter().all(|result| result["level"] != "note"), "{results:#?}");
    let notifications = document["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert!(notifications.iter().any(|one| one["descriptor"]["id"] == "manifest::summary"), "{notifications:#?}");
}
