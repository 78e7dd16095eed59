//! One evaluation, on its own thread: a fresh engine, the prelude, the module, its description.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rquickjs::promise::PromiseState;
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Function, Module, Object, Persistent, Promise, Runtime};
use rquickjs::{FromJs, Value};

use crate::definition::ModuleDescription;
use crate::error::{ScriptError, Thrown};
use crate::evaluation::{Evaluated, Message};
use crate::frames::RawThrown;
use crate::host::{self, Log};
use crate::limits::{Limits, thread_cpu_time};
use crate::modules::{self, BuiltinLoader, BuiltinResolver, Missing};

/// What the thread is given.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) source: String,
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
    let result = match run_in_engine(job, memory) {
        (Err(error), ticks) if is_null(&error) && is_memory_behind(job, &error, ticks) => {
            Err(ScriptError::MemoryLimit { limit: memory })
        }
        (result, _) => result,
    };
    let _ = job.messages.send(Message::Done(Box::new(result)));
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
    let (again, ticks_again) = run_in_engine(job, job.limits.memory + job.limits.memory / 2);
    ticks_again != ticks || !again.as_ref().is_err_and(is_null)
}

/// Also gives the number of times that the engine looked at its clock.
fn run_in_engine(job: &Job, memory: usize) -> (Result<Evaluated, ScriptError>, u64) {
    let ticks = Rc::<Cell<u64>>::default();
    (run_counted(job, memory, &ticks), ticks.get())
}

fn run_counted(job: &Job, memory: usize, ticks: &Rc<Cell<u64>>) -> Result<Evaluated, ScriptError> {
    let start = |error: rquickjs::Error| ScriptError::Start(error.to_string());
    let runtime = Runtime::new().map_err(start)?;
    runtime.set_memory_limit(memory);
    runtime.set_max_stack_size(job.limits.stack);
    let missing = Missing::default();
    runtime.set_loader(BuiltinResolver { missing: Rc::clone(&missing) }, BuiltinLoader);
    let context = Context::full(&runtime).map_err(start)?;
    let meter = Meter::watch(&runtime, job, ticks);
    let listener = RejectionListener::listen(&runtime);
    let log = Log::default();
    let result = context.with(|ctx| {
        let prelude = Prelude::install(&ctx, job, &log)?;
        listener.tell(&ctx, prelude.note_rejection.clone());
        meter.start();
        let evaluation = ModuleRun { ctx: &ctx, job, prelude: &prelude, meter: &meter, missing: &missing };
        evaluation.run()
    });
    // Nothing that outlives the context may hold a value of it.
    listener.stop();
    let log = log.take();
    result.map(|module| Evaluated { module, log })
}

/// Measures CPU time and ends the evaluation when there is no more.
struct Meter {
    started: Rc<Cell<Option<Duration>>>,
    exhausted: Rc<Cell<bool>>,
}

impl Meter {
    fn watch(runtime: &Runtime, job: &Job, ticks: &Rc<Cell<u64>>) -> Self {
        let meter = Self { started: Rc::default(), exhausted: Rc::default() };
        let (started, exhausted) = (Rc::clone(&meter.started), Rc::clone(&meter.exhausted));
        let (limit, abandoned, ticks) = (job.limits.cpu, Arc::clone(&job.abandoned), Rc::clone(ticks));
        runtime.set_interrupt_handler(Some(Box::new(move || {
            ticks.set(ticks.get() + 1);
            let used = started.get().map(|started| thread_cpu_time().saturating_sub(started));
            let over = used.is_some_and(|used| used > limit) || abandoned.load(Ordering::Relaxed);
            if over {
                exhausted.set(true);
            }
            over
        })));
        meter
    }

    /// From here on time counts.
    fn start(&self) {
        self.started.set(Some(thread_cpu_time()));
    }
}

/// Passes rejected promises to the prelude. Holds a value of the engine and must be stopped before the engine goes.
struct RejectionListener(Rc<RefCell<Option<Persistent<Function<'static>>>>>);

impl RejectionListener {
    fn listen(runtime: &Runtime) -> Self {
        let listener = Rc::new(RefCell::new(None::<Persistent<Function<'static>>>));
        let heard = Rc::clone(&listener);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, handled| {
            let note = heard.borrow().clone();
            if let Some(note) = note.and_then(|note| note.restore(&ctx).ok()) {
                // Fails only when the evaluation is being ended, and then there is another error.
                let _ = note.call::<_, ()>((promise, reason, handled)).catch(&ctx);
            }
        })));
        Self(listener)
    }

    fn tell<'js>(&self, ctx: &Ctx<'js>, note: Function<'js>) {
        self.0.replace(Some(Persistent::save(ctx, note)));
    }

    fn stop(&self) {
        self.0.replace(None);
    }
}

/// Also when a fault unwinds: the engine aborts the process when one of its values outlives it.
impl Drop for RejectionListener {
    fn drop(&mut self) {
        self.stop();
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
            host::install(ctx, &job.environment, log, &job.messages)?;
            let source = modules::source_of(modules::PRELUDE).expect("the prelude is one of the sources");
            let (module, promise) = Module::declare(ctx.clone(), modules::PRELUDE, source)?.eval()?;
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
    fn run(&self) -> Result<ModuleDescription, ScriptError> {
        let ctx = self.ctx;
        let syntax = |error| self.explain(error, ScriptError::Syntax);
        let thrown = |error| self.explain(error, ScriptError::Thrown);
        let declared = Module::declare(ctx.clone(), self.job.name.as_str(), self.job.source.as_str())
            .catch(ctx)
            .map_err(syntax)?;
        self.set_meta(&declared.meta().catch(ctx).map_err(thrown)?).catch(ctx).map_err(thrown)?;
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
        serde_json::from_str(&text).map_err(|_| ScriptError::Thrown(tampered()))
    }

    fn set_meta(&self, meta: &Object<'js>) -> rquickjs::Result<()> {
        let path = format!("/workspace/{}", self.job.name);
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
        let mut url = url::Url::parse("file:///").expect("a URL");
        url.set_path(&path);
        meta.set("url", url.as_str())?;
        meta.set("filename", path)?;
        meta.set("dirname", directory)?;
        meta.set("main", false)
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
            if self.meter.exhausted.get() {
                break;
            }
        }
        if self.meter.exhausted.get() {
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

    /// Sorts an error by what is behind it; `kind` is for an ordinary thrown value.
    fn explain(&self, error: CaughtError<'js>, kind: fn(Thrown) -> ScriptError) -> ScriptError {
        if self.meter.exhausted.get() {
            return ScriptError::CpuLimit { limit: self.job.limits.cpu };
        }
        let value = match error {
            CaughtError::Exception(exception) => exception.into_object().into_value(),
            CaughtError::Value(value) => value,
            CaughtError::Error(rquickjs::Error::Allocation) => return self.out_of_memory(),
            // A NUL in the source is the only text that the engine refuses.
            CaughtError::Error(error) => {
                return kind(Thrown { name: None, message: error.to_string(), frames: Vec::new(), cause: None });
            }
        };
        let thrown = match self.describe(value) {
            Some(thrown) => thrown,
            None if self.meter.exhausted.get() => return ScriptError::CpuLimit { limit: self.job.limits.cpu },
            None => return self.out_of_memory(),
        };
        match (thrown.name.as_deref(), thrown.message.as_str()) {
            (Some("InternalError"), "out of memory") => self.out_of_memory(),
            (Some("InternalError"), "interrupted") => ScriptError::CpuLimit { limit: self.job.limits.cpu },
            (Some("RangeError"), "Maximum call stack size exceeded") => ScriptError::StackOverflow(thrown),
            (Some("Error"), message) => {
                let missing = self.missing.borrow();
                match missing.iter().find(|specifier| modules::missing_message(specifier) == message) {
                    Some(specifier) => ScriptError::Unsupported { specifier: specifier.clone() },
                    None => kind(thrown),
                }
            }
            _ => kind(thrown),
        }
    }

    /// None when there is no memory or time left to describe it.
    fn describe(&self, value: Value<'js>) -> Option<Thrown> {
        // What the module keeps alive may leave no room for a description of a few hundred bytes.
        self.ctx.run_gc();
        let text: Value<'js> = self.prelude.describe_thrown.call((value,)).catch(self.ctx).ok()?;
        let text = String::from_js(self.ctx, text).ok()?;
        Some(serde_json::from_str::<RawThrown>(&text).map_or_else(|_| tampered(), RawThrown::into_thrown))
    }

    fn out_of_memory(&self) -> ScriptError {
        ScriptError::MemoryLimit { limit: self.job.limits.memory }
    }
}

/// The prelude's own text is not what it writes: the module replaced something that every program relies on.
fn tampered() -> Thrown {
    let message = "The module changes built-in objects of the language, so that nothing can be read from it".to_owned();
    Thrown { name: None, message, frames: Vec::new(), cause: None }
}
