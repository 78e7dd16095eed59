//! A rule kind in one file, as CONTRIBUTING.md says how to add one: language, plan, run, and what runs after which edit.
//!
//! `upper` puts a file of the workspace into the output in capitals. Nothing in the engine knows it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "tests prepare real directories")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use webstir_engine::action::{Action, ActionResult, Payload};
use webstir_engine::blob::Blobs as _;
use webstir_engine::config::schema::{Field, KindSchema, Language, OutputShape, Shape, Source};
use webstir_engine::config::{Config, Inputs, load};
use webstir_engine::database::Database;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::environment::Environment;
use webstir_engine::execute::Executor;
use webstir_engine::fact::FactTable;
use webstir_engine::file;
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Plan, Planner, Plans};
use webstir_engine::run::{Context, Run, RunResult, Runs};
use webstir_engine::schedule::Scheduler;
use webstir_engine::store::Store;
use webstir_engine::system::Os;
use webstir_rules::Programs;

/// What may be written: `upper shout { file "words.txt"; out "{out}/WORDS.txt" }`.
const UPPER: KindSchema = KindSchema {
    kind: "upper",
    doc: "Puts a file into the output in capitals",
    fields: &[
        Field::new("file", Shape::Path, "The file").required(),
        Field::new(
            "out",
            Shape::Output(OutputShape { placeholders: &["out"], required: &[], directory: false, only: None }),
            "Where the capitals go",
        )
        .required(),
    ],
    constraints: &[],
    // No output of any rule may lie there.
    sources: &[Source::Directory("file")],
};

const LANGUAGE: Language = Language { kinds: &[UPPER], profile: &[], toolchain: &[], presets: &[] };

struct Upper;

impl Plan for Upper {
    fn kind(&self) -> &'static str {
        "upper"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let Some(path) = planner.node.path("file").map(|path| path.value.clone()) else { return };
        let root = planner.config.profile(&planner.profile).and_then(|profile| profile.path("out")).cloned();
        let (Some(out), Some(root)) = (planner.node.output("out"), root) else { return };
        let Ok(out) = out.value.expand(&[("out", root.value.as_str())]) else { return };
        // A query about the workspace: what it finds is an input of the plan, and the digest one of the action.
        let Some(input) = file::input(planner.db, &path) else {
            return planner.report(Diagnostic::error("upper::no_file", format!("`{path}` is no file")));
        };
        let parameters = Payload::Parameters(Box::new([out.as_str().into()]));
        let mut action = Action::new(planner.scope().label(None), webstir_rules::implementation(), parameters);
        action.inputs = Box::new([input]);
        if let Some(result) = planner.action(action) {
            planner.materialise(result.artifacts.iter().cloned());
        }
    }
}

impl Run for Upper {
    fn kind(&self) -> &'static str {
        "upper"
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let bytes = context.read(&context.action.inputs[0])?;
        let out = RelPath::new(&context.action.parameters()[0]).expect("planned as a path");
        Ok(ActionResult::done(vec![context.write(out, &bytes.to_ascii_uppercase())?], Vec::new()))
    }
}

fn configuration(text: &str) -> (Config, Vec<Diagnostic>) {
    load(&Inputs { text: Some(text), package_mode: None, language: &LANGUAGE })
}

/// Builds, and gives the outputs as texts and how many actions ran.
fn build(root: &Path, config: &Arc<Config>, store: &Arc<Store>) -> (BTreeMap<String, String>, usize) {
    let os = Arc::new(Os::new(root).unwrap());
    let machine = Arc::new(Programs::new(root));
    let facts = Arc::new(FactTable::new(Some(store.clone()), webstir_rules::implementation()));
    let plans = Arc::new(Plans::new(vec![Arc::new(Upper)], &[]));
    let database = Database::new(os.clone(), machine.clone(), plans, facts, config.clone(), Environment::default());
    let runs = Arc::new(Runs::new(vec![Arc::new(Upper)]));
    let ran = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = {
        let ran = ran.clone();
        move |event| {
            if matches!(event, webstir_engine::event::Event::Started { .. }) {
                ran.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    };
    let executor = Executor::new(1, runs, os, machine, store.clone(), Arc::new(counted)).unwrap();
    let mut scheduler = Scheduler::new(database, store.clone(), executor, Arc::new(|_| {}), Arc::default());
    let goals: Vec<_> = config.rules_in("build").map(|rule| rule.label().clone()).collect();
    let run = scheduler.run("build", &goals).unwrap();
    assert!(run.is_done(), "{:?}", run.diagnostics());
    let text = |digest| String::from_utf8(store.get(digest).unwrap().unwrap().to_vec()).unwrap();
    let outputs = run.artifacts().into_iter().map(|artifact| (artifact.path.to_string(), text(artifact.digest)));
    (outputs.collect(), ran.load(std::sync::atomic::Ordering::Relaxed))
}

#[test]
fn a_kind_is_added_as_the_guide_says() {
    let (config, found) = configuration(
        r#"workspace "w" { preset none }
        profile build { out "build" }
        upper shout { file "words.txt"; out "{out}/WORDS.txt" }"#,
    );
    assert!(!found.iter().any(Diagnostic::is_error), "{found:?}");
    let (config, directory) = (Arc::new(config), tempfile::tempdir().unwrap());
    let store = Arc::new(Store::open(&directory.path().join("store")).unwrap());
    let build = |text: &str| {
        fs::write(directory.path().join("words.txt"), text).unwrap();
        build(directory.path(), &config, &store)
    };
    let output = |text: &str| BTreeMap::from([("build/WORDS.txt".to_owned(), text.to_owned())]);
    // Files, edit, what ran.
    assert_eq!(build("quiet"), (output("QUIET"), 1));
    assert_eq!(build("quiet"), (output("QUIET"), 0));
    assert_eq!(build("still"), (output("STILL"), 1));
    assert_eq!(build("quiet"), (output("QUIET"), 0), "it is in the store");
}

#[test]
fn its_mistakes_are_found_by_the_table() {
    let codes = |rule: &str| {
        let text = format!("workspace \"w\" {{ preset none }}\nprofile build {{ out \"build\" }}\n{rule}\n");
        configuration(&text).1.into_iter().map(|found| found.code.into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(r#"upper shout { file "words.txt"; out "{out}/WORDS.txt" }"#), [""; 0]);
    assert_eq!(codes(r#"upper shout { file "words.txt" }"#), ["config::missing_field"]);
    assert_eq!(codes(r#"upper shout { fil "words.txt"; file "w"; out "{out}/W" }"#), ["config::unknown_field"]);
}
