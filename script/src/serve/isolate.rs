//! One isolate, on its own thread: the engine, the turns, their limits.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use rquickjs::{CatchResultExt, Context, Ctx, Function, Object, Runtime};
use serde_json::json;
use tokio::sync::oneshot;

use super::agenda::Agenda;
use super::host as serve_host;
use super::outcome::Outcomes;
use super::pool::{Common, Place};
use super::share::{Event, Share};
use super::turns::Turns;
use crate::error::ScriptError;
use crate::evaluation::LogLevel;
use crate::files::SharedFiles;
use crate::frames::FrameMaps;
use crate::host::{self, Surroundings};
use crate::limits::set_memory;
use crate::meter::Meter;
use crate::modules::{self, Missing, Mode, ModuleLoader, ModuleResolver};
use crate::rejections::RejectionListener;

/// What the thread is given.
pub(super) struct Job {
    pub(super) common: Arc<Common>,
    pub(super) share: Arc<Share>,
    pub(super) place: Place,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) loaded: oneshot::Sender<Result<String, ScriptError>>,
}

/// Added to the stack limit for the engine's own C functions and for ours.
const STACK_RESERVE: usize = 2 << 20;

pub(super) fn spawn(job: Job) -> std::io::Result<()> {
    let stack = job.common.settings.limits.stack + STACK_RESERVE;
    thread::Builder::new().name("isolate".to_owned()).stack_size(stack).spawn(move || run(job)).map(|_| ())
}

fn run(job: Job) {
    let Job { common, share, place, events, loaded } = job;
    // Also when a fault unwinds: nobody may wait for a thread that is gone.
    let _ending = Ending(Arc::clone(&share));
    share.enter_thread();
    let mut loaded = Some(loaded);
    let Err(error) = run_in_engine(&common, &share, &place, events, &mut loaded) else {
        return;
    };
    // Whoever waits for the isolate hears of it; for a replacement nobody does.
    if let Some(Err(Err(error))) = loaded.take().map(|loaded| loaded.send(Err(error))) {
        let message = format!("The module cannot be loaded again: {error}");
        common.operations.log(LogLevel::Error, json!({ "message": message, "error": error.thrown() }).to_string());
    }
}

struct Ending(Arc<Share>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn run_in_engine(
    common: &Arc<Common>,
    share: &Arc<Share>,
    place: &Place,
    events: mpsc::Receiver<Event>,
    loaded: &mut Option<oneshot::Sender<Result<String, ScriptError>>>,
) -> Result<(), ScriptError> {
    let start = |error: rquickjs::Error| ScriptError::Start(error.to_string());
    let limits = common.settings.limits;
    let runtime = Runtime::new().map_err(start)?;
    set_memory(&runtime, limits.memory);
    runtime.set_max_stack_size(limits.stack);
    let missing = Missing::default();
    let (mode, program) = (Mode::Serve, &common.program);
    runtime.set_loader(
        ModuleResolver { mode, program: Arc::clone(program), missing: Rc::clone(&missing) },
        ModuleLoader { mode, program: Arc::clone(program), root: common.settings.working_directory.clone() },
    );
    let context = Context::full(&runtime).map_err(start)?;
    let meter = Meter::watch(&runtime, limits.cpu, Arc::clone(&share.abandoned), Rc::default());
    let listener = RejectionListener::listen(&runtime);
    let operations = common.operations.for_isolate().unwrap_or_else(|| Arc::clone(&common.operations));
    let agenda = Rc::new(Agenda::new(Arc::clone(share), operations, common.runtime.clone()));
    let frames = FrameMaps::new(&common.program, &*common.source_maps);
    let result = context.with(|ctx| {
        let prelude = Prelude::install(&ctx, common, &agenda)?;
        listener.tell(&ctx, prelude.note_rejection.clone());
        let outcomes = Outcomes::default();
        let parts = Parts {
            ctx: &ctx,
            common,
            share,
            place,
            prelude: &prelude,
            meter: &meter,
            missing: &missing,
            agenda: &agenda,
            frames: &frames,
            outcomes: &outcomes,
        };
        let mut turns = Turns::new(parts, events);
        let result = turns.load().map(|(gave, call)| {
            if let Some(loaded) = loaded.take() {
                // A replacement has nobody who asked for it.
                let _ = loaded.send(Ok(gave));
            }
            turns.serve(&call);
        });
        // What the engine drops from here on must not tell of calls.
        share.end();
        result
    });
    // Nothing that outlives the context may hold a value of it.
    listener.stop();
    result
}

/// What a thread holds of its isolate.
pub(super) struct Parts<'a, 'js> {
    pub(super) ctx: &'a Ctx<'js>,
    pub(super) common: &'a Arc<Common>,
    pub(super) share: &'a Arc<Share>,
    pub(super) place: &'a Place,
    pub(super) prelude: &'a Prelude<'js>,
    pub(super) meter: &'a Meter,
    pub(super) missing: &'a Missing,
    pub(super) agenda: &'a Agenda,
    pub(super) frames: &'a FrameMaps<'a>,
    pub(super) outcomes: &'a Outcomes,
}

/// The functions of the prelude that Rust calls.
pub(super) struct Prelude<'js> {
    pub(super) describe_thrown: Function<'js>,
    pub(super) take_rejection: Function<'js>,
    pub(super) run_timer: Function<'js>,
    pub(super) settle_operation: Function<'js>,
    pub(super) start: Function<'js>,
    pub(super) port: Object<'js>,
    note_rejection: Function<'js>,
}

impl<'js> Prelude<'js> {
    /// The prelude is ours: it fails only when the memory limit leaves no room for it.
    fn install(ctx: &Ctx<'js>, common: &Arc<Common>, agenda: &Rc<Agenda>) -> Result<Self, ScriptError> {
        let install = || {
            let operations = Arc::clone(&common.operations);
            let surroundings = Surroundings {
                environment: &common.settings.environment,
                root: &common.settings.working_directory,
                occasion: "in the embedded engine",
                log: Rc::new(move |level, record| operations.log(level, record)),
                files: Rc::new(SharedFiles(Arc::clone(&common.settings.files))),
            };
            let object = host::object(ctx, surroundings)?;
            serve_host::extend(ctx, &object, agenda)?;
            host::lend(ctx, object)?;
            let (module, promise) = modules::prelude(Mode::Serve).declare(ctx, modules::PRELUDE)?.eval()?;
            promise.finish::<()>()?;
            let function = |name: &str| module.get::<_, Function<'js>>(name);
            Ok(Self {
                describe_thrown: function("describeThrown")?,
                note_rejection: function("noteRejection")?,
                take_rejection: function("takeRejection")?,
                run_timer: function("runTimer")?,
                settle_operation: function("settleOperation")?,
                start: function("start")?,
                port: module.get("port")?,
            })
        };
        install().catch(ctx).map_err(|error| ScriptError::Start(error.to_string()))
    }
}
