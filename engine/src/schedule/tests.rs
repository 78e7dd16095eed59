//! What a rule is told of the run before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::Scheduler;
use crate::action::{Action, Outcome};
use crate::config::schema::{KindSchema, Language};
use crate::config::{self, Inputs};
use crate::db::Database;
use crate::execute::Executor;
use crate::fact::FactTable;
use crate::file::Files;
use crate::label::Label;
use crate::path::RelPath;
use crate::plan::Planner;
use crate::rule::{Context, Rule, RuleSet, RunResult};
use crate::store::Store;
use crate::system::Memory;

type Told = Arc<Mutex<Vec<Option<Vec<RelPath>>>>>;

/// A rule that reads two files, and keeps what it was told.
struct Reader {
    is_warm: bool,
    told: Told,
}

impl Rule for Reader {
    fn kind(&self) -> &'static str {
        "reader"
    }

    fn is_warm(&self) -> bool {
        self.is_warm
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let mut action = Action::new(planner.label(None), 1, Box::new([]));
        action.traced = true;
        // The store would know what was forgotten here.
        action.cacheable = false;
        planner.action(action);
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let changed = context.previous.map(|previous| {
            assert_eq!(previous.outcome.trace.len(), 2);
            previous.changed.to_vec()
        });
        self.told.lock().unwrap().push(changed);
        for name in ["a", "b"] {
            context.view.read(&RelPath::new(name).unwrap()).unwrap();
        }
        Ok(Outcome::done(Vec::new(), Vec::new()))
    }
}

const LANGUAGE: Language = Language {
    kinds: &[KindSchema { kind: "reader", doc: "Reads", fields: &[], constraints: &[], sources: &[] }],
    profile: &[],
    toolchain: &[],
    presets: &[],
};

/// What the rule is told in its runs: the second one comes after `a` changed, the third after all was forgotten.
fn told(is_warm: bool) -> Vec<Option<Vec<RelPath>>> {
    let told = Told::default();
    let rules = Arc::new(RuleSet::new(vec![Box::new(Reader { is_warm, told: told.clone() })], &[]));
    let text = "workspace { preset none }\nprofile build { out build }\nreader r { }";
    let (config, found) = config::load(&Inputs { text: Some(text), package_mode: None, language: &LANGUAGE });
    assert!(found.is_empty(), "{found:?}");
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(directory.path()).unwrap());
    let memory = Arc::new(Memory::with_files(&[("a", "1"), ("b", "1")]));
    let facts = Arc::new(FactTable::new(None));
    let database = Database::new(memory.clone(), rules.clone(), facts, Arc::new(config), BTreeMap::new());
    let executor = Executor::new(1, rules, memory.clone(), store.clone(), Arc::new(|_| {})).unwrap();
    let mut scheduler = Scheduler::new(database, store, executor, Arc::new(|_| {}), Arc::default());
    let goals = [Label::new("reader", "r")];
    scheduler.run("build", &goals).unwrap();
    memory.write("a", "2");
    Files::refresh(scheduler.database(), &[RelPath::new("a").unwrap()]);
    scheduler.run("build", &goals).unwrap();
    scheduler.forget(&|_| true);
    scheduler.run("build", &goals).unwrap();
    std::mem::take(&mut told.lock().unwrap())
}

#[test]
fn a_warm_rule_is_told_what_changed_since_its_last_run() {
    assert_eq!(told(true), [None, Some(vec![RelPath::new("a").unwrap()]), None]);
    assert_eq!(told(false), [None, None, None]);
}
