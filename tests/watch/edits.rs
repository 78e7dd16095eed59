//! What an edit does.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::watching::Watching;
use crate::support::Case;

/// A module that counts its requests and shows a word of its own, one of another file, and one of the environment.
pub(super) const MODULE: &str = r#"import { word } from "./word.js";
let count = 0;
export const module = {
  manifest: { contractVersion: "1.0.0", name: "w", version: "1.0.0", kind: "backend", capabilities: ["http"] },
  routes: [
    {
      definition: { name: "word", method: "GET", path: "/word" },
      handler: (context: { env: { get(name: string): string | undefined } }) => {
        count += 1;
        return { status: 200, body: { word, count, given: context.env.get("GIVEN") ?? "nothing" } };
      },
    },
  ],
};
"#;
pub(super) const PROJECT: &str = r#"{ "compilerOptions": { "module": "nodenext", "target": "es2022", "strict": true, "types": [], "noEmit": true }, "include": ["**/*.ts"] }"#;
pub(super) const PACKAGE: &str =
    r#"{ "name": "w", "version": "1.0.0", "type": "module", "webstir": { "mode": "api" } }"#;

pub(super) fn workspace() -> Case {
    Case::with(&[
        ("package.json", PACKAGE),
        ("src/backend/tsconfig.json", PROJECT),
        ("src/backend/module.ts", MODULE),
        ("src/backend/word.ts", "export const word: string = \"first\";\n"),
        ("src/backend/functions/hello/index.ts", "export const hello: string = \"hello\";\n"),
    ])
}

fn until_checked(watching: &mut Watching) -> Value {
    let idle = watching.until("watch-idle");
    let checked = watching.received.iter().rev().find(|event| event["type"] == "check-complete").unwrap();
    assert_eq!(Watching::findings(checked), Watching::findings(&idle));
    idle
}

/// A workspace whose builds wait for a file, and that file.
fn gated() -> (Case, PathBuf) {
    let case = workspace();
    let gate = case.beside("gate");
    let command = "  run \"sh\" \"wait.sh\"\n  inputs \"wait.sh\" \"src/backend/**/*.ts\"\n  cache #false\n";
    case.write("webstir.kdl", &format!("workspace w {{\n  mode api\n}}\ncommand wait {{\n{command}}}\n"));
    case.write("wait.sh", &format!("until test -e '{}'; do sleep 0.02; done\n", gate.display()));
    fs::write(&gate, "").unwrap();
    (case, gate)
}

#[test]
fn what_ran_before_the_next_edit_is_told_with_it() {
    let (case, gate) = gated();
    let mut watching = Watching::start(&case, &[]);
    watching.quiet();
    fs::remove_file(&gate).unwrap();
    case.write("src/backend/functions/hello/index.ts", "export const hello: string = \"again\";\n");
    // Nothing else than its code can be done.
    watching.until("check-complete");
    case.write("src/backend/word.ts", "export const word: string = \"second\";\n");
    watching.until("build-start");
    fs::write(&gate, "").unwrap();
    let ran = Watching::ran(&watching.build());
    for path in ["src/backend/functions/hello/index.ts", "src/backend/word.ts"] {
        assert!(ran.contains(&format!("transpile:backend({path})")), "{ran:?}");
    }
}

#[test]
fn types_are_told_before_the_build_is_done() {
    let (case, gate) = gated();
    let mut watching = Watching::start(&case, &[]);
    watching.quiet();
    fs::remove_file(&gate).unwrap();
    case.write("src/backend/word.ts", "export const word: string = 5;\n");
    let checked = watching.until_any(&["check-complete", "build-complete", "watch-idle"]);
    assert_eq!(checked["type"], "check-complete");
    let wrong = ["typecheck::ts2322 src/backend/word.ts:1"];
    assert_eq!(
        (&checked["succeeded"], Watching::findings(&checked)),
        (&Value::Bool(false), wrong.map(str::to_owned).to_vec())
    );
    // The next change is not held up by what still runs, and what was told before it is told again.
    case.write("src/backend/word.ts", "export const word: string = \"second\";\n");
    watching.until("build-start");
    let checked = watching.until_any(&["check-complete", "build-complete", "watch-idle"]);
    assert_eq!((&checked["type"], &checked["succeeded"]), (&Value::from("check-complete"), &Value::Bool(true)));
    fs::write(&gate, "").unwrap();
    let build = watching.until_any(&["check-complete", "build-complete", "watch-idle"]);
    assert_eq!((&build["type"], &build["succeeded"]), (&Value::from("build-complete"), &Value::Bool(true)));
    assert_eq!(watching.until("watch-idle")["succeeded"], true);
    watching.until_page("/word", r#""word":"second""#);
}

#[test]
fn an_edit_runs_what_it_can_affect_and_is_served() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    watching.until_page("/word", r#""word":"first","count":1"#);
    case.write("src/backend/word.ts", "export const word: string = \"second\";\n");
    let build = watching.build();
    assert_eq!(build["succeeded"], true);
    let expected = ["artifacts:backend", "manifest:backend", "transpile:backend(src/backend/word.ts)"];
    assert_eq!(Watching::ran(&build), expected);
    watching.until_page("/word", r#""word":"second""#);
    until_checked(&mut watching);
    // A comment gives the same bytes: the module runs on, with what it knows.
    let (_, before) = watching.page("/word");
    case.write("src/backend/word.ts", "// A word.\nexport const word: string = \"second\";\n");
    watching.until_matching("served", |event| event["type"] == "served");
    until_checked(&mut watching);
    assert_ne!(watching.page("/word").1, before);
    assert!(watching.page("/word").1.contains("\"second\""));
    // Going back runs nothing but what looks at every file.
    case.write("src/backend/word.ts", "export const word: string = \"first\";\n");
    assert_eq!(Watching::ran(&watching.build()), [""; 0]);
    watching.until_page("/word", r#""word":"first""#);
    watching.quiet();
    // What was saved without a change is none, nor are files of editors.
    let text = case.read("src/backend/word.ts");
    case.write("src/backend/word.ts", &text);
    for name in [".word.ts.swp", "4913", "word.ts~"] {
        case.write(&format!("src/backend/{name}"), "x");
        case.remove(&format!("src/backend/{name}"));
    }
    let events = watching.quiet();
    assert!(events.iter().all(|event| event["ran"].as_array().is_none_or(Vec::is_empty)), "{events:#?}");
}

#[test]
fn what_is_broken_leaves_what_is_served() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    let before = case.tree("build");
    case.write("src/backend/word.ts", "export const word: string = ;\n");
    let build = watching.build();
    assert_eq!(
        (&build["succeeded"], Watching::findings(&build)),
        (&false.into(), vec!["transpile::syntax src/backend/word.ts:1".to_owned()])
    );
    assert_eq!(until_checked(&mut watching)["succeeded"], false);
    watching.until_page("/word", r#""word":"first""#);
    assert!(case.tree("build") == before, "the tree has changed");
    // What has wrong types is served, and told until it is mended.
    case.write("src/backend/word.ts", "export const word: string = 5;\n");
    assert_eq!(watching.build()["succeeded"], true);
    watching.until_page("/word", r#""word":5"#);
    let wrong = ["typecheck::ts2322 src/backend/word.ts:1"];
    assert_eq!(Watching::findings(&until_checked(&mut watching)), wrong);
    case.write("src/backend/functions/hello/index.ts", "export const hello: string = \"again\";\n");
    assert_eq!(Watching::findings(&until_checked(&mut watching)), wrong);
    case.write("src/backend/word.ts", "export const word: string = \"mended\";\n");
    assert_eq!(Watching::findings(&until_checked(&mut watching)), [""; 0]);
    watching.until_page("/word", r#""word":"mended""#);
}

#[test]
fn configuration_and_variables_are_followed() {
    let case = workspace();
    let mut watching = Watching::start(&case, &[]);
    watching.until_page("/word", r#""given":"nothing""#);
    let id = watching.id();
    case.write(".env", "GIVEN=something\n");
    watching.until_page("/word", r#""given":"something""#);
    watching.quiet();
    case.write("webstir.kdl", "workspace w {\n  mode api\n}\nprofile build {\n  sourcemap sideways\n}\n");
    let build = watching.until_matching("a failed build", |event| event["succeeded"] == false);
    let findings = Watching::findings(&build);
    assert!(findings.iter().any(|found| found.ends_with("webstir.kdl:5")), "{findings:?}");
    assert_eq!(watching.page("/word").0, 200);
    watching.quiet();
    assert!(case.exists("build/backend/module.js") && case.exists("build/backend/module.js.map"));
    case.write("webstir.kdl", "workspace w {\n  mode api\n}\nprofile build {\n  sourcemap none\n}\n");
    watching.until_matching("a good build", |event| event["type"] == "build-complete" && event["succeeded"] == true);
    assert!(!case.exists("build/backend/module.js.map"));
    watching.quiet();
    case.write(
        "src/backend/tsconfig.json",
        &PROJECT.replace("\"strict\": true", "\"strict\": true, \"noUnusedLocals\": true"),
    );
    case.write("src/backend/word.ts", "const unused = 1;\nexport const word: string = \"last\";\n");
    let found = watching.until_matching("an unused name", |event| {
        event["type"] == "check-complete" && !Watching::findings(event).is_empty()
    });
    assert_eq!(Watching::findings(&found), ["typecheck::ts6133 src/backend/word.ts:1"]);
    watching.until_page("/word", r#""word":"last""#);
    assert_eq!(watching.id(), id);
}

#[test]
fn files_come_and_go_in_every_way() {
    let case = workspace();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=w", "-c", "user.email=w@localhost"]).args(arguments).current_dir(case.root());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    case.write(".gitignore", "build\n.webstir\n");
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    git(&["checkout", "-q", "-b", "many"]);
    for number in 0..300 {
        let text = format!("export const number: number = {number};\n");
        case.write(&format!("src/backend/functions/f{number}/index.ts"), &text);
    }
    case.write("src/backend/word.ts", "export const word: string = \"many\";\n");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "many"]);
    git(&["checkout", "-q", "main"]);

    let mut watching = Watching::start(&case, &["--no-serve"]);
    let settled = |watching: &mut Watching| {
        watching.rest();
        let clean = Case::named("workspace");
        for (path, text) in case.tree("src").into_iter().chain([("package.json".to_owned(), PACKAGE.into())]) {
            clean.write(&path, &String::from_utf8(text).unwrap());
        }
        clean.build_ok(&[]);
        assert_eq!(case.names("build"), clean.names("build"));
        assert!(case.tree("build") == clean.tree("build"), "the trees differ");
    };
    git(&["checkout", "-q", "many"]);
    watching.build();
    settled(&mut watching);
    assert!(case.exists("build/backend/functions/f299/index.js"));
    git(&["checkout", "-q", "main"]);
    watching.build();
    settled(&mut watching);
    assert!(!case.exists("build/backend/functions/f299"));

    // A directory that moves, one that goes and comes, a file that is renamed over another.
    fs::rename(case.path("src/backend/functions/hello"), case.path("src/backend/functions/moved")).unwrap();
    watching.build();
    settled(&mut watching);
    assert!(case.exists("build/backend/functions/moved/index.js"));
    case.remove("src/backend/functions");
    watching.build();
    settled(&mut watching);
    case.write("src/backend/functions/hello/index.ts", "export const hello: string = \"back\";\n");
    watching.build();
    settled(&mut watching);
    case.write("src/backend/functions/hello/index.ts.new", "export const hello: string = \"renamed\";\n");
    let place = case.path("src/backend/functions/hello/index.ts");
    fs::rename(case.path("src/backend/functions/hello/index.ts.new"), place).unwrap();
    watching.until_matching("the renamed file", |event| {
        event["type"] == "build-complete" && Watching::ran(event).iter().any(|label| label.contains("hello"))
    });
    settled(&mut watching);
    assert!(case.read("build/backend/functions/hello/index.js").contains("renamed"));
}
