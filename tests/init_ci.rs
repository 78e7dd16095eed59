//! `webstir init ci`.

use std::fs;

use serde_json::Value;

use crate::support::{Case, ran};

const GITHUB: &str = ".github/workflows/webstir.yml";
const GITLAB: &str = ".gitlab-ci.yml";

fn case(directory: &str) -> Case {
    let case = Case::empty();
    let at = |path: &str| format!("{directory}{path}");
    case.write(
        &at("webstir.kdl"),
        "workspace \"w\" { mode api; preset none }\nprofile build { out \"build\" }\nprofile publish { out \"made/all\" }\n\
         command well {\n    run \"node\" \"well.mjs\"\n    outputs \"{out}/well.txt\"\n}\n",
    );
    case.write(
        &at("well.mjs"),
        "import { writeFileSync } from 'node:fs';\nwriteFileSync(process.env.WEBSTIR_OUT + '/well.txt', '');\n",
    );
    case
}

/// The lines of all texts of a workflow.
fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.lines().map(str::to_owned).collect(),
        Value::Array(values) => values.iter().flat_map(lines).collect(),
        Value::Object(fields) => fields.values().flat_map(lines).collect(),
        _ => Vec::new(),
    }
}

/// The commands of a workflow do what they are there for, where the workflow runs them.
#[test]
fn workflows_build_and_publish_the_workspace() {
    let case = case("apps/notes/");
    fs::create_dir(case.path(".git")).unwrap();
    let made = case.run(&["init", "ci", "-w", "apps/notes"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(made.stdout.ends_with(&format!("changes: 2\n  {GITHUB}\n  {GITLAB}\n")), "{}", made.stdout);
    for (path, reports) in [
        (GITHUB, &["webstir-reports/build.sarif", "webstir-reports/publish.sarif"][..]),
        (GITLAB, &["webstir-build.xml", "webstir-publish.xml", "webstir-quality.json"]),
    ] {
        let workflow: Value = serde_saphyr::from_str(&case.read(path)).unwrap();
        let lines = lines(&workflow);
        let commands: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("webstir ")).collect();
        assert_eq!(commands.len(), 2, "{lines:?}");
        fs::create_dir_all(case.path("webstir-reports")).unwrap();
        for command in commands {
            let mut program = case.command();
            program.args(command.split(' ')).env("WORKSPACE_ROOT", "apps/notes");
            let done = ran(program.output().unwrap());
            assert_eq!(done.code, Some(0), "{command}: {}", done.stderr);
        }
        assert!(case.exists("apps/notes/build/well.txt") && case.exists("apps/notes/made/all/well.txt"));
        for report in reports {
            assert!(case.exists(report), "{path}: {report}");
        }
        assert!(lines.contains(&"apps/notes/made/all/".to_owned()), "{lines:?}");
        // What is kept between runs is where it is.
        assert!(lines.contains(&"apps/notes/.webstir/store".to_owned()) && case.exists("apps/notes/.webstir/store"));
        assert!(
            lines.contains(&"apps/notes/.webstir/explain".to_owned()) && case.exists("apps/notes/.webstir/explain")
        );
    }
}

#[test]
fn files_that_are_there_stay() {
    let case = case("");
    case.write(GITLAB, "mine\n");
    let refused = case.run(&["init", "ci"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("[webstir] init failed: `.gitlab-ci.yml` already exists"), "{}", refused.stderr);
    assert!(!case.exists(GITHUB), "nothing is written when not all can be");
    assert_eq!(case.read(GITLAB), "mine\n");
    let made = case.run(&["init", "ci", "github", "--json"]);
    assert_eq!((made.code, made.json()["changes"][0].as_str()), (Some(0), Some(GITHUB)), "{}", made.stderr);
    // The same again is no other file.
    let text = case.read(GITHUB);
    assert_eq!(case.run(&["init", "ci", "github"]).code, Some(0));
    assert_eq!(case.read(GITHUB), text);
    case.write(GITHUB, &format!("{text}# mine\n"));
    assert_eq!(case.run(&["init", "ci", "github"]).code, Some(2));
    let nowhere = Case::empty();
    assert_eq!(nowhere.run(&["init", "ci"]).code, Some(2), "there is no workspace");
    assert!(!nowhere.exists(GITHUB));
}

#[test]
fn packages_are_installed_by_their_lockfile() {
    let case = case("notes/");
    fs::create_dir(case.path(".git")).unwrap();
    case.write("package-lock.json", "{}");
    assert_eq!(case.run(&["init", "ci", "-w", "notes"]).code, Some(0));
    let github: Value = serde_saphyr::from_str(&case.read(GITHUB)).unwrap();
    let steps = github["jobs"]["webstir"]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["name"] == "Install packages").unwrap();
    assert_eq!((step["run"].as_str(), step.get("working-directory")), (Some("npm ci\n"), None));
    let gitlab: Value = serde_saphyr::from_str(&case.read(GITLAB)).unwrap();
    assert!(lines(&gitlab["webstir"]["before_script"]).contains(&"npm ci".to_owned()), "{gitlab:#}");
}
