//! One evaluation, on its own thread: a fresh engine, the prelude, the module, its description.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;

use rquickjs::promise::PromiseState;
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Function, Object, Promise, Runtime, Value};

use crate::definition::ModuleDescription;
use crate::error::{ScriptError, Thrown};
use crate::evaluation::{Evaluated, LogLevel, LogLine, Message};
use crate::faults::{self, Faults};
use crate::files::Asked;
use crate::host::{self, Surroundings};
use crate::limits::{Limits, set_memory};
use crate::meter::Meter;
use crate::modules::{self, Missing, Mode, ModuleLoader, ModuleResolver};
use crate::program::Program;
use crate::rejections::RejectionListener;

/// The console of one evaluation.
type Log = Rc<RefCell<Vec<LogLine>>>;

const MAX_LINES: usize = 1000;
const MAX_LINE_CHARACTERS: usize = 4096;

/// Where an evaluated module believes that it is, on every machine.
const ROOT: &str = "/workspace";

/// What the thread is given.
pub(crate) struct Job {
    pub(crate) program: Arc<Program>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) limits: Limits,
    /// Set when the caller no longer waits.
    pub(crate) abandoned: Arc<AtomicBool>,
    pub(crate) messages: mpsc::Sender<Message>,
}

/// A description larger than this is refused.
const MAX_DESCRIPTION: usize = 16 << 20;

/// Runs the job and sends its result. A caller that is gone is no error.
pub(crate) fn run(job: &Job) {
    let memory = job.limits.memory;
    let Run { result, ticks, engine } = run_in_engine(job, memory);
    let result = match result {
        Err(error) if is_null(&error) && is_memory_behind(job, &error, ticks) => {
            Err(ScriptError::MemoryLimit { limit: memory })
        }
        result => result,
    };
    let _ = job.messages.send(Message::Done(Box::new(result)));
    // Taking apart what a large program made takes long; nobody waits for it.
    drop(engine);
}

/// A run that is over.
struct Run {
    result: Result<Evaluated, ScriptError>,
    /// How often the engine looked at its clock.
    ticks: u64,
    /// What it ran in, if that could be started.
    engine: Option<Engine>,
}

/// A context and its runtime, dropped in this order.
struct Engine {
    context: Context,
    runtime: Runtime,
}

fn is_null(error: &ScriptError) -> bool {
    error.thrown().is_some_and(|thrown| thrown.name.is_none() && thrown.message == "null")
}

/// With no room left for an error object the engine throws `null`, as a module may; parsing throws no other. An evaluation is
/// deterministic: with more memory a module that throws `null` does so after the same number of ticks, and one that fills memory
/// does not.
fn is_memory_behind(job: &Job, error: &ScriptError, ticks: u64) -> bool {
    if matches!(error, ScriptError::Syntax(_)) {
        return true;
    }
    let again = run_in_engine(job, job.limits.memory + job.limits.memory / 2);
    again.ticks != ticks || !again.result.as_ref().is_err_and(is_null)
}

fn run_in_engine(job: &Job, memory: usize) -> Run {
    let missing = Missing::default();
    match Engine::start(job, memory, &missing) {
        Err(error) => Run { result: Err(ScriptError::Start(error.to_string())), ticks: 0, engine: None },
        Ok(engine) => {
            let ticks = Rc::<Cell<u64>>::default();
            let result = run_counted(job, &engine, &missing, &ticks);
            Run { result, ticks: ticks.get(), engine: Some(engine) }
        }
    }
}

impl Engine {
    fn start(job: &Job, memory: usize, missing: &Missing) -> rquickjs::Result<Self> {
        let runtime = Runtime::new()?;
        set_memory(&runtime, memory);
        runtime.set_max_stack_size(job.limits.stack);
        let (mode, program) = (Mode::Evaluate, &job.program);
        runtime.set_loader(
            ModuleResolver { mode, program: Arc::clone(program), missing: Rc::clone(missing) },
            ModuleLoader { mode, program: Arc::clone(program), root: ROOT.to_owned() },
        );
        let context = Context::full(&runtime)?;
        Ok(Self { context, runtime })
    }
}

fn run_counted(
    job: &Job,
    Engine { context, runtime }: &Engine,
    missing: &Missing,
    ticks: &Rc<Cell<u64>>,
) -> Result<Evaluated, ScriptError> {
    let meter = Meter::watch(runtime, job.limits.cpu, Arc::clone(&job.abandoned), Rc::clone(ticks));
    let listener = RejectionListener::listen(runtime);
    let log = Log::default();
    let result = context.with(|ctx| {
        let prelude = Prelude::install(&ctx, job, &log)?;
        listener.tell(&ctx, prelude.note_rejection.clone());
        meter.start();
        let evaluation = ModuleRun { ctx: &ctx, job, prelude: &prelude, meter: &meter, missing };
        evaluation.run()
    });
    // Nothing that outlives the context may hold a value of it.
    listener.stop();
    let log = log.take();
    result.map(|module| Evaluated { module, log })
}

fn surroundings<'a>(job: &'a Job, log: &Log) -> Surroundings<'a> {
    let log = Rc::clone(log);
    let write = move |level: LogLevel, text: String| {
        let mut log = log.borrow_mut();
        if log.len() < MAX_LINES {
            log.push(LogLine { level, text: text.chars().take(MAX_LINE_CHARACTERS).collect() });
        }
    };
    Surroundings {
        environment: &job.environment,
        root: ROOT,
        occasion: "while the module definition is read",
        log: Rc::new(write),
        files: Rc::new(Asked(job.messages.clone())),
    }
}

/// The functions of the prelude that Rust calls.
struct Prelude<'js> {
    describe_module: Function<'js>,
    describe_thrown: Function<'js>,
    run_next_timer: Function<'js>,
    note_rejection: Function<'js>,
    take_rejection: Function<'js>,
}

impl<'js> Prelude<'js> {
    /// The prelude is ours: it fails only when the memory limit leaves no room for it.
    fn install(ctx: &Ctx<'js>, job: &Job, log: &Log) -> Result<Self, ScriptError> {
        let install = || {
            let host = host::object(ctx, surroundings(job, log))?;
            host::lend(ctx, host)?;
            let (module, promise) = modules::prelude(Mode::Evaluate).declare(ctx, modules::PRELUDE)?.eval()?;
            promise.finish::<()>()?;
            let function = |name: &str| module.get::<_, Function<'js>>(name);
            Ok(Self {
                describe_module: function("describeModule")?,
                describe_thrown: function("describeThrown")?,
                run_next_timer: function("runNextTimer")?,
                note_rejection: function("noteRejection")?,
                take_rejection: function("takeRejection")?,
            })
        };
        install().catch(ctx).map_err(|error| ScriptError::Start(error.to_string()))
    }
}

/// The module being evaluated.
struct ModuleRun<'a, 'js> {
    ctx: &'a Ctx<'js>,
    job: &'a Job,
    prelude: &'a Prelude<'js>,
    meter: &'a Meter,
    missing: &'a Missing,
}

impl<'js> ModuleRun<'_, 'js> {
    fn explain(&self, error: CaughtError<'js>, kind: fn(Thrown) -> ScriptError) -> ScriptError {
        let faults = Faults {
            ctx: self.ctx,
            describe_thrown: &self.prelude.describe_thrown,
            meter: self.meter,
            missing: self.missing,
            cpu: self.job.limits.cpu,
            memory: self.job.limits.memory,
        };
        faults.explain(error, kind)
    }

    fn run(&self) -> Result<ModuleDescription, ScriptError> {
        let ctx = self.ctx;
        let syntax = |error| self.explain(error, ScriptError::Syntax);
        let thrown = |error| self.explain(error, ScriptError::Thrown);
        let declared = modules::declare(ctx, ROOT, &self.job.program.entry).catch(ctx).map_err(syntax)?;
        let (module, promise) = declared.eval().catch(ctx).map_err(syntax)?;
        self.settle(&promise)?;
        self.check_rejections()?;
        let namespace = module.namespace().catch(ctx).map_err(thrown)?;
        let text: String = self.prelude.describe_module.call((namespace,)).catch(ctx).map_err(thrown)?;
        // Getters of what it exports may have started something.
        self.drain_jobs()?;
        self.check_rejections()?;
        if text.len() > MAX_DESCRIPTION {
            return Err(ScriptError::TooLarge { bytes: text.len(), limit: MAX_DESCRIPTION });
        }
        serde_json::from_str(&text).map_err(|_| ScriptError::Thrown(faults::tampered()))
    }

    /// Runs jobs, and timers while the module still waits, until the module is evaluated.
    fn settle(&self, promise: &Promise<'js>) -> Result<(), ScriptError> {
        loop {
            self.drain_jobs()?;
            match promise.state() {
                PromiseState::Resolved => return Ok(()),
                PromiseState::Rejected => {
                    let error = promise.result::<Value<'js>>().and_then(Result::err);
                    let error = CaughtError::from_error(self.ctx, error.unwrap_or(rquickjs::Error::Unknown));
                    return Err(self.explain(error, ScriptError::Thrown));
                }
                PromiseState::Pending => {
                    let ran: bool = self
                        .prelude
                        .run_next_timer
                        .call(())
                        .catch(self.ctx)
                        .map_err(|error| self.explain(error, ScriptError::Thrown))?;
                    if !ran {
                        return Err(ScriptError::NeverSettles);
                    }
                }
            }
        }
    }

    fn drain_jobs(&self) -> Result<(), ScriptError> {
        while self.ctx.execute_pending_job() {
            if self.meter.is_exhausted() {
                break;
            }
        }
        if self.meter.is_exhausted() {
            return Err(ScriptError::CpuLimit { limit: self.job.limits.cpu });
        }
        Ok(())
    }

    fn check_rejections(&self) -> Result<(), ScriptError> {
        let taken: Option<Object<'js>> = self
            .prelude
            .take_rejection
            .call(())
            .catch(self.ctx)
            .map_err(|error| self.explain(error, ScriptError::Thrown))?;
        let Some(taken) = taken else {
            return Ok(());
        };
        let reason: Value<'js> =
            taken.get("reason").catch(self.ctx).map_err(|error| self.explain(error, ScriptError::Thrown))?;
        Err(self.explain(CaughtError::Value(reason), ScriptError::UnhandledRejection))
    }
}
