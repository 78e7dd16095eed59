//! `webstir graph`, `webstir query`, and what a build records of itself.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::Case;

const TRANSPILE: &str = "transpile:backend(src/shared/join.ts)";

fn workspace() -> Case {
    Case::with(&[
        ("package.json", r#"{ "name": "page", "type": "module", "webstir": { "mode": "api" } }"#),
        (
            "src/backend/index.ts",
            "import { join } from \"../shared/join.js\";\nconsole.log(join(\"a\", \"</script><b>\"));\n",
        ),
        ("src/shared/join.ts", "export const join = (...words: string[]): string => words.join(\" \");\n"),
        (
            "src/backend/module.ts",
            "import { join } from \"../shared/join.js\";\nexport const module = { manifest: { contractVersion: \"1.0.0\", name: join(\"a\"), version: \"1.0.0\", kind: \"backend\", capabilities: [] } };\n",
        ),
    ])
}

#[track_caller]
fn lines(case: &Case, arguments: &[&str]) -> Vec<String> {
    let ran = case.run(arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn rules_and_actions_can_be_asked_about() {
    let case = workspace();
    case.build_ok(&[]);
    let query = |arguments: &[&str]| lines(&case, &[&["query"], arguments].concat());
    assert_eq!(
        query(&["deps", "manifest:backend"]),
        ["bundle:module", "entries:backend", "files:backend-sources", "transpile:backend"]
    );
    assert_eq!(query(&["rdeps", "bundle:module"]), ["artifacts:backend", "manifest:backend"]);
    assert_eq!(query(&["rdeps", "src/shared/join.ts"]), ["artifacts:backend", "manifest:backend", TRANSPILE]);
    assert_eq!(query(&["deps", "build/backend/_.._/shared/join.js"]), [TRANSPILE]);
    assert_eq!(
        query(&["somepath", "artifacts:backend", "files:backend-sources"]),
        ["artifacts:backend", "entries:backend", "files:backend-sources"]
    );
    let path = query(&["somepath", "manifest:backend", TRANSPILE]);
    assert_eq!(path, ["manifest:backend", TRANSPILE]);
    assert_eq!(query(&["inputs", TRANSPILE]), ["src/shared/join.ts"]);
    assert_eq!(query(&["outputs", "manifest:backend"]), ["build/backend/manifest.json"]);
    assert_eq!(query(&["kind", "bundle"]), ["bundle:module", "bundle:tasks"]);
    assert_eq!(query(&["file", "src/shared/join.ts"]), [TRANSPILE]);

    let other_way = case.run(&["query", "somepath", "src/shared/join.ts", "artifacts:backend"]);
    assert_eq!(other_way.code, Some(2), "{}", other_way.stdout);
    let unknown = case.run(&["query", "deps", "nothing"]);
    assert!(
        unknown.stderr.contains("No rule, action or file of the last build is called `nothing`"),
        "{}",
        unknown.stderr
    );
    let document = case.run(&["query", "kind", "bundle", "--json"]).json();
    assert_eq!(document["answer"], serde_json::json!(["bundle:module", "bundle:tasks"]));
}

#[test]
fn the_graph_is_there_as_text_for_graphviz_and_as_a_document() {
    let case = workspace();
    let unbuilt = case.run(&["graph"]);
    assert_eq!(unbuilt.code, Some(2));
    assert!(unbuilt.stderr.contains("Run `webstir build` first"), "{}", unbuilt.stderr);
    case.build_ok(&[]);
    let text = lines(&case, &["graph"]);
    assert!(text[0].starts_with("files:backend-sources"), "{text:?}");
    assert!(
        text.iter()
            .any(|line| line.starts_with("bundle:module") && line.ends_with("<- entries:backend transpile:backend")),
        "{text:?}"
    );
    let dot = lines(&case, &["graph", "--format", "dot"]).join("\n");
    assert!(
        dot.starts_with("digraph webstir {") && dot.contains("\"transpile:backend\" -> \"bundle:module\";"),
        "{dot}"
    );

    let document = case.run(&["graph", "--format", "json"]).json();
    let of = |list: &str, label: &str| {
        document[list].as_array().unwrap().iter().find(|one| one["label"] == label).unwrap().clone()
    };
    assert_eq!(
        of("actions", "manifest:backend")["uses"],
        serde_json::json!(["transpile:backend(src/backend/module.ts)", TRANSPILE])
    );
    assert_eq!(of("rules", "transpile:backend")["actions"], serde_json::json!({ "ran": 3 }));
    let only = case.run(&["graph", "--kind", "manifest", "--json"]).json();
    assert_eq!(only["rules"].as_array().unwrap().len(), 1);
    assert_eq!(case.run(&["graph", "--kind", "nothing"]).code, Some(2));
}

fn browser(arguments: &[&str], case: &Case) -> Vec<u8> {
    let profile = case.beside("browser");
    let output = Command::new(crate::serve::browser::browser())
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
#[ignore = "long: a browser"]
fn the_page_shows_itself_in_a_browser() {
    let case = workspace();
    case.build_ok(&[]);
    case.replace("src/shared/join.ts", "\" \"", "\"-\"");
    case.build_ok(&[]);
    let page = case.run(&["graph", "--format", "html"]).stdout;
    for outside in ["http://", "src=", "@import", "url("] {
        assert!(
            !page.replace("http://www.w3.org/2000/svg", "").contains(outside),
            "the page asks for something: {outside}"
        );
    }
    let file = case.beside("graph.html");
    fs::write(&file, page).unwrap();
    let address = format!("file://{}", file.display());
    let seen = String::from_utf8(browser(&["--dump-dom", &address], &case)).unwrap();
    for text in [
        "aria-label=\"transpile:backend\"",
        "1 ran, 2 cached",
        "Why: `src/shared/join.ts` changed",
        "on the critical path",
        "<title>webstir graph</title>",
    ] {
        assert!(seen.contains(text), "the page does not show {text}\n{seen}");
    }
    let picture = case.beside("graph.png");
    browser(&["--window-size=1400,900", &format!("--screenshot={}", picture.display()), &address], &case);
    let bytes = fs::read(&picture).unwrap();
    // An empty page of this size is a tenth of it.
    assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 40_000, "{} bytes", bytes.len());
}

#[test]
fn a_build_writes_its_events_and_its_trace() {
    let case = workspace();
    let (events, trace) = (case.beside("events.jsonl"), case.beside("trace.json"));
    let record = ["--events", events.to_str().unwrap(), "--trace", trace.to_str().unwrap()];
    let built = case.build_ok(&record);

    let events = fs::read_to_string(&events).unwrap();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&events[0]["event"], &events[0]["version"]), (&"build-started".into(), &1.into()));
    let labels = |event: &str| -> BTreeSet<String> {
        let of = events.iter().filter(|line| line["event"] == event);
        of.map(|line| line["label"].as_str().unwrap().to_owned()).collect()
    };
    let ran: BTreeSet<String> = built.actions(&["ran"]).into_iter().collect();
    for event in ["action-started", "action-stopped", "action-finished", "cause"] {
        assert_eq!(labels(event), ran, "{event}");
    }
    let last = events.last().unwrap();
    assert_eq!(
        (&last["event"], &last["ran"], &last["ok"]),
        (&"build-finished".into(), &ran.len().into(), &true.into())
    );
    let documented = include_str!("../docs/events.md");
    for line in &events {
        let name = line["event"].as_str().unwrap();
        assert!(documented.contains(&format!("`{name}`")), "docs/events.md does not say what `{name}` is");
    }

    let trace: Value = serde_json::from_str(&fs::read_to_string(&trace).unwrap()).unwrap();
    let spans: Vec<&Value> =
        trace["traceEvents"].as_array().unwrap().iter().filter(|event| event["ph"] == "X").collect();
    let named: BTreeSet<String> = spans.iter().map(|span| span["name"].as_str().unwrap().to_owned()).collect();
    for phase in ["hashing", "planning", "lookup", "publishing", "placing"] {
        assert!(named.contains(phase), "{phase}");
    }
    assert!(ran.is_subset(&named));
    assert!(spans.iter().any(|span| span["args"]["criticalPath"] == true));

    let again = case.run(&["build", "--trace", case.beside("nowhere/trace.json").to_str().unwrap()]);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    let summary = case.run(&["publish"]).stderr;
    assert!(summary.contains(", longest "), "{summary}");
}
