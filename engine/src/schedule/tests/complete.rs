//! What a result depends on is checked by the executor, for every kind of rule.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{Bench, bench};
use crate::action::{Action, ActionResult, Isolation, Package, Payload, Process, Tool};
use crate::digest::Digest;
use crate::file;
use crate::label::Label;
use crate::machine::{Machine, Program, Wanted, account, program};
use crate::path::RelPath;
use crate::plan::{Plan, Planner};
use crate::run::{Context, Run, RunResult};
use crate::schedule::Run as Ran;
use crate::system::Memory;

/// What a run does: it is told how many were before it.
type Script = Box<dyn Fn(usize, &Context<'_>) -> ActionResult + Send + Sync>;

/// A rule whose runs do what a test says.
pub(super) struct Scripted {
    plan: fn(&mut Planner<'_>) -> Option<Action>,
    run: Script,
    runs: AtomicUsize,
}

impl Scripted {
    fn new(
        plan: fn(&mut Planner<'_>) -> Option<Action>,
        run: impl Fn(usize, &Context<'_>) -> ActionResult + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { plan, run: Box::new(run), runs: AtomicUsize::default() })
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }
}

impl Plan for Scripted {
    fn kind(&self) -> &'static str {
        "reader"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        if let Some(action) = (self.plan)(planner) {
            planner.action(action);
        }
    }
}

impl Run for Scripted {
    fn kind(&self) -> &'static str {
        "reader"
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        Ok((self.run)(self.runs.fetch_add(1, Ordering::Relaxed), context))
    }
}

fn a() -> RelPath {
    RelPath::new("a").unwrap()
}

fn targets() -> [Label; 1] {
    [Label::new("reader", "r")]
}

#[expect(clippy::unnecessary_wraps, reason = "as the others, of which some cannot be planned")]
fn discovers_inputs(planner: &mut Planner<'_>) -> Option<Action> {
    let mut action = Action::new(planner.label(None), Digest::of(b"1"), Payload::Parameters(Box::default()));
    action.discovers_inputs = true;
    Some(action)
}

fn process(planner: &mut Planner<'_>) -> Option<Action> {
    let wanted = Wanted { name: "tool".into(), loads_packages: false };
    let program = Program::clone(program(planner.db, wanted)?);
    let process = Process {
        arguments: Box::default(),
        directory: RelPath::root(),
        isolation: Isolation::default(),
        timeout: std::time::Duration::MAX,
        problems: None,
    };
    let mut action = Action::new(planner.label(None), Digest::of(b"1"), Payload::Process(process));
    action.tool = Tool::Program(program);
    action.inputs = Box::new([file::input(planner.db, &a())?]);
    Some(action)
}

/// An action with a package that is installed as an account says.
fn installed(planner: &mut Planner<'_>) -> Option<Action> {
    let said = account(planner.db, "account")?.clone();
    let mut action = Action::new(planner.label(None), Digest::of(b"1"), Payload::Parameters(Box::default()));
    let digest = Digest::of(said.as_bytes());
    let package = Package { digest, source: "{}".into(), account: Some(("account".into(), said)) };
    action.tool = Tool::Package(package, None);
    Some(action)
}

/// A machine with one program and one account, whose bytes a test changes.
#[derive(Debug)]
struct OneProgram(Mutex<&'static str>);

impl Machine for OneProgram {
    fn program(&self, wanted: &Wanted) -> Option<Program> {
        let file = Digest::of(self.0.lock().unwrap().as_bytes());
        Some(Program {
            wanted: wanted.clone(),
            place: PathBuf::new(),
            file,
            interpreter: None,
            looked_up: Vec::new(),
            packages: None,
        })
    }

    fn account(&self, name: &str) -> Option<Arc<str>> {
        (name == "account").then(|| Arc::from(*self.0.lock().unwrap()))
    }
}

fn done() -> ActionResult {
    ActionResult::done(Vec::new(), Vec::new())
}

#[test]
fn review_6_11_what_read_two_versions_of_a_file_runs_again() {
    let memory = Arc::new(Memory::with_files(&[("a", "1")]));
    let written = memory.clone();
    let rule = Scripted::new(discovers_inputs, move |run, context| {
        let first = context.view.read(&a()).unwrap();
        if run == 0 {
            written.write("a", "2");
        }
        let second = context.view.read(&a()).unwrap();
        assert_eq!(first == second, run != 0);
        done()
    });
    let mut bench = bench(&memory, &rule);
    let ran = bench.run(&targets());
    assert_eq!(rule.runs(), 2);
    assert!(ran.is_done());
    // What was stored is of the second version: neither of them runs again.
    assert_eq!(bench.records(), 1);
}

#[test]
fn review_6_11_an_input_that_is_changed_and_changed_back_while_a_process_runs_makes_it_run_again() {
    let memory = Arc::new(Memory::with_files(&[("a", "1")]));
    let written = memory.clone();
    let rule = Scripted::new(process, move |run, _| {
        if run == 0 {
            written.write("a", "2");
            written.write("a", "1");
        }
        done()
    });
    let mut bench = Bench::with_machine(&memory, &rule, Arc::new(OneProgram(Mutex::new("x"))));
    bench.run(&targets());
    assert_eq!((rule.runs(), bench.records()), (2, 1));
}

#[test]
fn an_account_that_changes_while_a_package_is_in_use_makes_it_run_again() {
    let memory = Arc::new(Memory::with_files(&[("a", "1")]));
    let machine = Arc::new(OneProgram(Mutex::new("one")));
    let changed = machine.clone();
    let rule = Scripted::new(installed, move |run, _| {
        if run == 0 {
            *changed.0.lock().unwrap() = "two";
        }
        done()
    });
    let mut bench = Bench::with_machine(&memory, &rule, machine.clone());
    bench.run(&targets());
    assert_eq!((rule.runs(), bench.records()), (2, 1));
    // Asked for anew in each build.
    bench.run(&targets());
    assert_eq!(rule.runs(), 2);
    *machine.0.lock().unwrap() = "three";
    bench.run(&targets());
    assert_eq!((rule.runs(), bench.records()), (3, 2));
}

#[test]
fn review_6_5_a_program_that_changes_while_it_runs_makes_it_run_again() {
    let memory = Arc::new(Memory::with_files(&[("a", "1")]));
    let machine = Arc::new(OneProgram(Mutex::new("one")));
    let changed = machine.clone();
    let rule = Scripted::new(process, move |run, _| {
        if run == 0 {
            *changed.0.lock().unwrap() = "two";
        }
        done()
    });
    let mut bench = Bench::with_machine(&memory, &rule, machine.clone());
    let key = |ran: &Ran| ran.reports[0].key;
    let first = bench.run(&targets());
    assert_eq!((rule.runs(), bench.records()), (2, 1));
    // Looked at anew in each build.
    *machine.0.lock().unwrap() = "three";
    let second = bench.run(&targets());
    assert_ne!(key(&first), key(&second));
    assert_eq!((rule.runs(), bench.records()), (3, 2));
    *machine.0.lock().unwrap() = "two";
    assert_eq!(key(&bench.run(&targets())), key(&first));
    assert_eq!(rule.runs(), 3);
}

#[test]
fn t1_what_is_uncacheable_is_gone_on_with_and_never_kept() {
    let memory = Arc::new(Memory::with_files(&[("a", "1")]));
    let is_there = Arc::new(AtomicBool::new(false));
    let seen = is_there.clone();
    let rule = Scripted::new(discovers_inputs, move |_, _| {
        if seen.load(Ordering::Relaxed) { done() } else { ActionResult::uncacheable(Vec::new(), Vec::new()) }
    });
    let mut bench = bench(&memory, &rule);
    for runs in 1..=2 {
        assert!(bench.run(&targets()).is_done());
        assert_eq!((rule.runs(), bench.records()), (runs, 0));
    }
    is_there.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        assert!(bench.run(&targets()).is_done());
        assert_eq!((rule.runs(), bench.records()), (3, 1));
    }
}
