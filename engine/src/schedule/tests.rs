//! What a rule is told of the run before, and files that change while they are read.

mod complete;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{BuildError, BuildEvent, Message, RETRIES, Scheduler, Targets};
use crate::action::{Action, ActionResult, Payload};
use crate::config::schema::{KindSchema, Language};
use crate::config::{self, Inputs};
use crate::database::Database;
use crate::db::{Db, Settings};
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::environment::Environment;
use crate::execute::Executor;
use crate::fact::FactTable;
use crate::file::{self, Changes, Files};
use crate::label::Label;
use crate::machine::{Bare, Machine};
use crate::path::RelPath;
use crate::plan::{Plan, Planner, Plans};
use crate::run::{Context, Run, RunError, RunResult, Runs};
use crate::store::Store;
use crate::system::{FileContent, Listing, Memory, PathKind, System, Version};
use crate::watch::Watcher;

type Reported = Arc<Mutex<Vec<Option<Vec<RelPath>>>>>;

/// A rule that reads two files, and keeps what it was told.
struct Reader {
    is_warm: bool,
    reported: Reported,
}

impl Plan for Reader {
    fn kind(&self) -> &'static str {
        "reader"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let mut action = Action::new(planner.label(None), Digest::of(b"1"), Payload::Parameters(Box::default()));
        action.discovers_inputs = true;
        // The store would know what was forgotten here.
        action.cacheable = false;
        planner.action(action);
    }
}

impl Run for Reader {
    fn kind(&self) -> &'static str {
        "reader"
    }

    fn uses_previous(&self) -> bool {
        self.is_warm
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let changed = context.previous.map(|previous| {
            assert_eq!(previous.result.discovered.len(), 2);
            previous.changed.to_vec()
        });
        self.reported.lock().unwrap().push(changed);
        for name in ["a", "b"] {
            context.view.read(&RelPath::new(name).unwrap()).unwrap();
        }
        Ok(ActionResult::done(Vec::new(), Vec::new()))
    }
}

const LANGUAGE: Language = Language {
    kinds: &[KindSchema { kind: "reader", doc: "Reads", fields: &[], constraints: &[], sources: &[] }],
    profile: &[],
    toolchain: &[],
    presets: &[],
};

fn scheduler(store: &Path, memory: &Arc<impl System + 'static>, rule: &Arc<impl Plan + Run>) -> Scheduler {
    let store = Arc::new(Store::open(store).unwrap());
    scheduler_with(store, memory, rule, Arc::new(Bare))
}

fn scheduler_with(
    store: Arc<Store>,
    memory: &Arc<impl System + 'static>,
    rule: &Arc<impl Plan + Run>,
    machine: Arc<dyn Machine>,
) -> Scheduler {
    let plans = Arc::new(Plans::new(vec![rule.clone()], &[]));
    let runs = Arc::new(Runs::new(vec![rule.clone()]));
    let text = "workspace { preset none }\nprofile build { out build }\nreader r { }";
    let (config, found) = config::load(&Inputs { text: Some(text), package_mode: None, language: &LANGUAGE });
    assert!(found.is_empty(), "{found:?}");
    let facts = Arc::new(FactTable::new(None, Digest::of(b"1")));
    let database =
        Database::new(memory.clone(), machine.clone(), plans, facts, Arc::new(config), Environment::default());
    let executor = Executor::new(1, runs, memory.clone(), machine, store.clone(), Arc::new(|_| {})).unwrap();
    Scheduler::new(database, store, executor, Arc::new(|_| {}), Arc::default())
}

/// A scheduler of one rule, with a store of its own.
struct Bench {
    _directory: tempfile::TempDir,
    store: Arc<Store>,
    scheduler: Scheduler,
}

fn bench(memory: &Arc<Memory>, rule: &Arc<impl Plan + Run>) -> Bench {
    Bench::with_machine(memory, rule, Arc::new(Bare))
}

impl Bench {
    fn with_machine(memory: &Arc<Memory>, rule: &Arc<impl Plan + Run>, machine: Arc<dyn Machine>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(directory.path()).unwrap());
        let scheduler = scheduler_with(store.clone(), memory, rule, machine);
        Self { _directory: directory, store, scheduler }
    }

    fn run(&mut self, targets: &[Label]) -> super::Run {
        self.scheduler.run("build", targets).unwrap()
    }

    /// How many actions the store has results of.
    fn records(&self) -> u64 {
        self.store.statistics().unwrap().actions.records
    }
}

/// A rule whose input is another one each time that it was read, so many times.
struct Restless {
    memory: Arc<Memory>,
    changes: Arc<AtomicUsize>,
    runs: AtomicUsize,
}

impl Plan for Restless {
    fn kind(&self) -> &'static str {
        "reader"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let mut action = Action::new(planner.label(None), Digest::of(b"1"), Payload::Parameters(Box::default()));
        let path = RelPath::new("a").unwrap();
        let Some(input) = file::input(planner.db, &path) else { return };
        action.inputs = Box::new([input]);
        planner.action(action);
    }
}

impl Run for Restless {
    fn kind(&self) -> &'static str {
        "reader"
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let left = self.changes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_ok() {
            self.memory.write("a", &format!("{} runs", self.runs.fetch_add(1, Ordering::Relaxed)));
            return Err(RunError::InputChanged(context.action.inputs[0].path.clone()));
        }
        Ok(ActionResult::done(Vec::new(), Vec::new()))
    }
}

/// What the rule is told in its runs: the second one comes after `a` changed, the third after all was forgotten.
fn reported(is_warm: bool) -> Vec<Option<Vec<RelPath>>> {
    let reported = Reported::default();
    let directory = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::with_files(&[("a", "1"), ("b", "1")]));
    let mut scheduler = scheduler(directory.path(), &memory, &Arc::new(Reader { is_warm, reported: reported.clone() }));
    let targets = [Label::new("reader", "r")];
    scheduler.run("build", &targets).unwrap();
    memory.write("a", "2");
    Files::refresh(scheduler.database(), &[RelPath::new("a").unwrap()]);
    scheduler.run("build", &targets).unwrap();
    scheduler.forget(&|_| true);
    scheduler.run("build", &targets).unwrap();
    std::mem::take(&mut reported.lock().unwrap())
}

/// A rule that makes another file in each run.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Plan for Counting {
    fn kind(&self) -> &'static str {
        "reader"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        planner.action(Action::new(planner.label(None), Digest::of(b"1"), Payload::Parameters(Box::default())));
    }
}

impl Run for Counting {
    fn kind(&self) -> &'static str {
        "reader"
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let count = self.0.fetch_add(1, Ordering::Relaxed).to_string();
        Ok(ActionResult::done(vec![context.write(RelPath::new("made").unwrap(), count.as_bytes())?], Vec::new()))
    }
}

#[test]
fn what_is_repeated_runs_and_is_recorded_nowhere() {
    let memory = Arc::new(Memory::with_files(&[]));
    let mut bench = bench(&memory, &Arc::new(Counting::default()));
    let targets = [Label::new("reader", "r")];
    let of = |run: &super::Run| run.plans[&targets[0]].steps[0].clone();
    let first = of(&bench.run(&targets));
    let records = bench.records();
    let again = bench.scheduler.repeat(&[first.action.clone(), first.action.clone()]).unwrap();
    let result = first.result.as_ref().unwrap();
    assert_eq!(again.len(), 2);
    assert!(again.iter().all(|again| again.artifacts != result.artifacts), "each run makes another file");
    bench.scheduler.publish().unwrap();
    assert_eq!(bench.records(), records);
    assert_eq!(of(&bench.run(&targets)).result, first.result);
}

#[test]
fn a_warm_rule_receives_what_changed_since_its_last_run() {
    assert_eq!(reported(true), [None, Some(vec![RelPath::new("a").unwrap()]), None]);
    assert_eq!(reported(false), [None, None, None]);
}

#[test]
fn files_that_keep_changing_are_tried_again_when_their_change_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let root = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::with_files(&[("a", "1")]));
    let changes = Arc::<AtomicUsize>::default();
    let rule = Restless { memory: memory.clone(), changes: changes.clone(), runs: AtomicUsize::default() };
    let mut scheduler = scheduler(directory.path(), &memory, &Arc::new(rule));
    let all = vec![Label::new("reader", "r")];
    let targets = Targets { profile: "build".into(), groups: vec![all.clone()], all };
    let mut watcher = Watcher::start(root.path(), true, Box::new(|_| false)).unwrap();
    let mut next = |scheduler: &mut Scheduler| scheduler.next(&targets, &mut watcher, &BTreeSet::new(), &|_| false);
    let mut rest = |scheduler: &mut Scheduler| {
        while next(scheduler)? != BuildEvent::Idle {}
        Ok::<_, BuildError>(())
    };
    // Once more than is borne: everything is tried a second time by itself.
    changes.store(RETRIES as usize + 1, Ordering::Relaxed);
    rest(&mut scheduler).unwrap();
    // Too often. What was last written is known by now, so that to receive it changes nothing.
    let path = RelPath::new("a").unwrap();
    let reported = || Message::Changed(Changes::Some { paths: [path.clone()].into(), moved: BTreeSet::new() });
    memory.write("a", "2");
    changes.store(2 * (RETRIES as usize + 1), Ordering::Relaxed);
    scheduler.inbox().send(reported());
    assert!(matches!(rest(&mut scheduler), Err(BuildError::Unstable { .. })));
    assert_eq!(changes.load(Ordering::Relaxed), 0);
    scheduler.inbox().send(reported());
    rest(&mut scheduler).unwrap();
    assert!(scheduler.is_idle());
}

#[test]
fn who_wakes_it_is_received_once_each_time_and_after_changes() {
    let directory = tempfile::tempdir().unwrap();
    let root = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::with_files(&[("a", "1"), ("b", "1")]));
    let rule = Reader { is_warm: false, reported: Reported::default() };
    let mut scheduler = scheduler(directory.path(), &memory, &Arc::new(rule));
    let all = vec![Label::new("reader", "r")];
    let targets = Targets { profile: "build".into(), groups: Vec::new(), all };
    let mut watcher = Watcher::start(root.path(), true, Box::new(|_| false)).unwrap();
    let inbox = scheduler.inbox();
    let mut next = || scheduler.next(&targets, &mut watcher, &BTreeSet::new(), &|_| false).unwrap();
    assert_eq!(next(), BuildEvent::Idle);
    let path = RelPath::new("a").unwrap();
    memory.write("a", "2");
    let changes = Changes::Some { paths: [path.clone()].into(), moved: BTreeSet::new() };
    for message in [Message::Woken, Message::Woken, Message::Changed(changes)] {
        assert!(inbox.send(message));
    }
    let expected = [BuildEvent::Changed([path].into()), BuildEvent::Woken, BuildEvent::Woken, BuildEvent::Idle];
    assert_eq!(expected.each_ref().map(|_| next()), expected);
}

/// Files that cannot be read so many times.
#[derive(Debug)]
struct Flaky {
    memory: Memory,
    failures: AtomicUsize,
}

impl System for Flaky {
    fn name(&self) -> &str {
        self.memory.name()
    }

    fn kind(&self, path: &RelPath) -> io::Result<PathKind> {
        self.memory.kind(path)
    }

    fn read(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        let failed = self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if failed.is_ok() { Ok(b"half of it".to_vec()) } else { self.memory.read(path) }
    }

    fn content(&self, path: &RelPath) -> io::Result<FileContent> {
        self.memory.content(path)
    }

    fn version(&self, path: &RelPath) -> io::Result<Option<Version>> {
        self.memory.version(path)
    }

    fn list(&self, path: &RelPath) -> io::Result<Listing> {
        self.memory.list(path)
    }

    fn real_path(&self, path: &RelPath) -> io::Result<Option<RelPath>> {
        self.memory.real_path(path)
    }
}

/// A rule that reads a file while it plans.
struct Planning;

#[salsa::tracked]
fn length(db: &dyn Db, settings: Settings) -> Option<usize> {
    let _ = settings;
    file::bytes(db, &RelPath::new("a").unwrap()).map(|bytes| bytes.len())
}

impl Plan for Planning {
    fn kind(&self) -> &'static str {
        "reader"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        if length(planner.db, Settings::get(planner.db)).is_none() {
            planner.report(Diagnostic::error("test::absent", "It is not there"));
        }
    }
}

impl Run for Planning {
    fn kind(&self) -> &'static str {
        "reader"
    }

    fn run(&self, _: &Context<'_>) -> RunResult {
        Ok(ActionResult::done(Vec::new(), Vec::new()))
    }
}

#[test]
fn what_followed_from_a_file_that_could_not_be_read_is_planned_again() {
    for (failures, found) in [(0, 0), (1, 0), (5, 0), (1000, 1)] {
        let directory = tempfile::tempdir().unwrap();
        let system = Flaky { memory: Memory::with_files(&[("a", "all of it")]), failures: AtomicUsize::new(failures) };
        let mut scheduler = scheduler(directory.path(), &Arc::new(system), &Arc::new(Planning));
        let run = scheduler.run("build", &[Label::new("reader", "r")]).unwrap();
        assert_eq!(run.diagnostics().len(), found, "{failures} failures");
    }
}
