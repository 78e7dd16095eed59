//! Running actions, without a database.
//!
//! An [`Executor`] takes an [`Action`] and gives a [`Completion`] when it is over. Builtins share a
//! pool of worker threads; an action that waits for a process has a thread of its own. A panic in a rule is our fault: it is
//! caught, carried to the scheduler and reported as a bug.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::action::{Action, ActionResult, Origin, Tool};
use crate::clock;
use crate::event::{Event, EventSink};
use crate::machine::Machine;
use crate::run::{Context, Previous, RunError, Runs};
use crate::store::Store;
use crate::system::{System, Version};
use crate::view::View;

/// An action is over.
#[derive(Debug)]
pub struct Completion {
    /// The action.
    pub action: Arc<Action>,
    /// What came of it.
    pub end: End,
    /// How long it ran.
    pub duration: Duration,
}

/// How an action ended.
#[derive(Debug)]
pub enum End {
    /// With a result, good or bad.
    Result(ActionResult),
    /// Without one.
    Error(RunError),
    /// By a panic: a bug of ours. The text is the panic's message.
    Panic(String),
}

/// Receives completions, on the thread of the action.
pub type CompletionSink = Arc<dyn Fn(Completion) + Send + Sync>;

/// Runs actions.
pub struct Executor {
    pool: rayon::ThreadPool,
    runs: Arc<Runs>,
    system: Arc<dyn System>,
    machine: Arc<dyn Machine>,
    store: Arc<Store>,
    events: EventSink,
}

impl Executor {
    /// An executor with `jobs` worker threads.
    pub fn new(
        jobs: usize,
        runs: Arc<Runs>,
        system: Arc<dyn System>,
        machine: Arc<dyn Machine>,
        store: Arc<Store>,
        events: EventSink,
    ) -> Result<Self, rayon::ThreadPoolBuildError> {
        // Deeply nested sources are walked recursively; the stack is memory that is only touched when it is needed.
        const STACK_BYTES: usize = 64 * 1024 * 1024;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(jobs.max(1))
            .stack_size(STACK_BYTES)
            .thread_name(|index| format!("worker-{index}"))
            .build()?;
        Ok(Self { pool, runs, system, machine, store, events })
    }

    /// The worker threads, for work outside of actions such as warming facts.
    pub fn pool(&self) -> &rayon::ThreadPool {
        &self.pool
    }

    /// How the actions of each rule kind are run.
    pub fn runs(&self) -> &Runs {
        &self.runs
    }

    /// Runs `action` and gives its completion to `done`, one for each start. When `cancelled` is set, it ends
    /// as soon as it notices.
    pub fn start(
        &self,
        action: Arc<Action>,
        previous: Option<Previous>,
        cancelled: Arc<AtomicBool>,
        done: CompletionSink,
    ) {
        self.spawn(action, previous, cancelled, done, true);
    }

    /// As [`start`](Self::start), from nothing, and of what comes of it nothing is recorded: the files that it makes are blobs that no
    /// result names.
    pub fn start_apart(&self, action: Arc<Action>, cancelled: Arc<AtomicBool>, done: CompletionSink) {
        self.spawn(action, None, cancelled, done, false);
    }

    fn spawn(
        &self,
        action: Arc<Action>,
        previous: Option<Previous>,
        cancelled: Arc<AtomicBool>,
        done: CompletionSink,
        is_recorded: bool,
    ) {
        let task = Task {
            runs: self.runs.clone(),
            system: self.system.clone(),
            machine: self.machine.clone(),
            store: self.store.clone(),
            events: self.events.clone(),
            cancelled,
            previous,
            is_recorded,
        };
        let is_process = self.runs.is_process(action.label.rule.kind());
        let send = move |completion| done(completion);
        if !is_process {
            return self.pool.spawn_fifo(move || send(task.run(action)));
        }
        let (own, refused) = (action.clone(), send.clone());
        // Named for traces.
        let thread = std::thread::Builder::new().name("process".to_owned()).spawn(move || send(task.run(own)));
        if let Err(error) = thread {
            let end = End::Error(RunError::world("Starting a thread")(error));
            refused(Completion { action, end, duration: Duration::ZERO });
        }
    }
}

struct Task {
    runs: Arc<Runs>,
    system: Arc<dyn System>,
    machine: Arc<dyn Machine>,
    store: Arc<Store>,
    events: EventSink,
    cancelled: Arc<AtomicBool>,
    previous: Option<Previous>,
    is_recorded: bool,
}

impl Task {
    fn run(&self, action: Arc<Action>) -> Completion {
        (self.events)(Event::Started { label: action.label.clone() });
        let started = clock::now();
        let end = match catch_unwind(AssertUnwindSafe(|| self.result(&action))) {
            Ok(Ok(result)) => End::Result(result),
            Ok(Err(error)) => End::Error(error),
            Err(panic) => End::Panic(panic_text(&*panic)),
        };
        let duration = started.elapsed();
        (self.events)(Event::Stopped { label: action.label.clone() });
        Completion { action, end, duration }
    }

    fn result(&self, action: &Action) -> Result<ActionResult, RunError> {
        let run = self.runs.run(action.label.rule.kind()).expect("only rules that exist plan actions");
        let view = Arc::new(View::new(self.system.clone()));
        let context = Context {
            action,
            view: &view,
            blobs: &*self.store,
            cancelled: &self.cancelled,
            system: &*self.system,
            previous: self.previous.as_ref(),
        };
        context.check_cancelled()?;
        let seen = self.see(action)?;
        let mut result = run.run(&context)?;
        context.check_cancelled()?;
        self.check(action, &seen)?;
        // Of an action that read a file twice and saw two versions nobody can say what its result is of.
        if let Some(path) = view.contradiction() {
            return Err(RunError::InputChanged(path));
        }
        let discovered = view.discovered();
        assert!(
            action.discovers_inputs || discovered.is_empty(),
            "{} read the workspace without discovering inputs",
            action.label
        );
        result.discovered = discovered;
        for diagnostic in &mut result.diagnostics {
            diagnostic.rule.get_or_insert_with(|| action.label.rule.clone());
        }
        if result.is_done() && action.cacheable && self.is_recorded {
            self.store.record(action.key(&[]), &result).map_err(RunError::world("Writing to the store"))?;
        }
        Ok(result)
    }

    /// The versions of what a process is about to read by itself. A builtin reads its inputs through the context, which compares each
    /// with its digest.
    fn see(&self, action: &Action) -> Result<Vec<Version>, RunError> {
        if action.process().is_none() {
            return Ok(Vec::new());
        }
        let inputs = action.inputs.iter().filter(|input| input.origin == Origin::Workspace);
        inputs
            .map(|input| {
                let version = self.system.version(&input.path).map_err(RunError::world("Reading an input"))?;
                let content = self.system.content(&input.path).ok();
                match version {
                    Some(version) if content == Some(input.content()) => Ok(version),
                    _ => Err(RunError::InputChanged(input.path.clone())),
                }
            })
            .collect()
    }

    /// That nothing which decides what the action did changed while it ran. A file that was changed and changed back has another version.
    fn check(&self, action: &Action, seen: &[Version]) -> Result<(), RunError> {
        let inputs = action.inputs.iter().filter(|input| input.origin == Origin::Workspace);
        for (input, version) in inputs.zip(seen) {
            let now = self.system.version(&input.path).map_err(RunError::world("Reading an input"))?;
            if now.as_ref() != Some(version) {
                return Err(RunError::InputChanged(input.path.clone()));
            }
        }
        if let Tool::Package(package, _) = &action.tool
            && let Some((name, said)) = &package.account
            && self.machine.account(name).as_ref() != Some(said)
        {
            return Err(RunError::ProgramChanged(name.clone()));
        }
        let program = match &action.tool {
            Tool::BuiltIn | Tool::Package(_, None) => return Ok(()),
            Tool::Program(program) | Tool::Package(_, Some(program)) => program,
        };
        match self.machine.program(&program.wanted) {
            Some(now) if now == *program => Ok(()),
            _ => Err(RunError::ProgramChanged(program.wanted.name.clone())),
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
