//! Running actions, without a database.
//!
//! An [`Executor`] takes an [`Action`] and gives a [`Completion`] when it is over. Builtins share a
//! pool of worker threads; an action that waits for a process has a thread of its own. A panic in a rule is our fault: it is
//! caught, carried to the scheduler and reported as a bug.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::action::{Action, Outcome};
use crate::event::{Event, EventSink};
use crate::rule::{Context, Previous, RuleSet, RunError};
use crate::store::Store;
use crate::system::System;
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
    /// With an outcome, good or bad.
    Outcome(Outcome),
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
    rules: Arc<RuleSet>,
    system: Arc<dyn System>,
    store: Arc<Store>,
    events: EventSink,
}

impl Executor {
    /// An executor with `jobs` worker threads.
    pub fn new(
        jobs: usize,
        rules: Arc<RuleSet>,
        system: Arc<dyn System>,
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
        Ok(Self { pool, rules, system, store, events })
    }

    /// The worker threads, for work outside of actions such as warming facts.
    pub fn pool(&self) -> &rayon::ThreadPool {
        &self.pool
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
        let task = Task {
            rules: self.rules.clone(),
            system: self.system.clone(),
            store: self.store.clone(),
            events: self.events.clone(),
            cancelled,
            previous,
        };
        let is_process = self.rules.rule(action.label.rule.kind()).is_some_and(crate::rule::Rule::is_process);
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
    rules: Arc<RuleSet>,
    system: Arc<dyn System>,
    store: Arc<Store>,
    events: EventSink,
    cancelled: Arc<AtomicBool>,
    previous: Option<Previous>,
}

impl Task {
    fn run(&self, action: Arc<Action>) -> Completion {
        (self.events)(Event::Started { label: action.label.clone() });
        let started = Instant::now();
        let end = match catch_unwind(AssertUnwindSafe(|| self.outcome(&action))) {
            Ok(Ok(outcome)) => End::Outcome(outcome),
            Ok(Err(error)) => End::Error(error),
            Err(panic) => End::Panic(panic_text(&*panic)),
        };
        let duration = started.elapsed();
        (self.events)(Event::Stopped { label: action.label.clone() });
        Completion { action, end, duration }
    }

    fn outcome(&self, action: &Action) -> Result<Outcome, RunError> {
        let rule = self.rules.rule(action.label.rule.kind()).expect("only rules that exist plan actions");
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
        let mut outcome = rule.run(&context)?;
        context.check_cancelled()?;
        let trace = view.trace();
        assert!(action.traced || trace.is_empty(), "{} read the workspace without being traced", action.label);
        outcome.trace = trace;
        for diagnostic in &mut outcome.diagnostics {
            diagnostic.rule.get_or_insert_with(|| action.label.rule.clone());
        }
        if !outcome.failed && action.cacheable {
            self.store.record(action.key(&[]), &outcome).map_err(RunError::world("Writing to the store"))?;
        }
        Ok(outcome)
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
