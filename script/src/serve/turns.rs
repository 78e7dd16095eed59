//! The turns of an isolate: what the engine does for each event, and within which limits.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rquickjs::module::Declared;
use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Function, Module, Object, Promise, TypedArray, Value};
use serde_json::json;

use super::agenda::Running;
use super::isolate::Parts;
use super::share::{CallId, Event};
use super::{CallError, OperationError, OperationReply};
use crate::code::Code;
use crate::error::ScriptError;
use crate::modules;

/// The name of the dispatcher's module.
const DISPATCHER: &str = "webstir:serve/dispatch";

/// How often the clock is looked at between promise jobs that are too short to be interrupted.
const JOBS_PER_LOOK: u32 = 64;

/// After this long without anything to do, calls that wait for what cannot happen are looked for.
const IDLE: Duration = Duration::from_secs(1);

/// An isolate taking turns.
pub(super) struct Turns<'a, 'js> {
    parts: Parts<'a, 'js>,
    events: mpsc::Receiver<Event>,
    /// Calls that came while the program was loading.
    waiting: VecDeque<Event>,
    loading: bool,
    ended: bool,
}

impl<'a, 'js> Turns<'a, 'js> {
    pub(super) fn new(parts: Parts<'a, 'js>, events: mpsc::Receiver<Event>) -> Self {
        Self { parts, events, waiting: VecDeque::new(), loading: true, ended: false }
    }

    /// Loads the program and the dispatcher; gives what `load` gave, and the function `call`.
    pub(super) fn load(&mut self) -> Result<(String, Function<'js>), ScriptError> {
        let common = self.parts.common;
        let root = &common.settings.working_directory;
        let program = self.evaluate(|ctx| modules::declare(ctx, root, &common.program.entry))?;
        let dispatcher = self.evaluate(|ctx| Code::constant(DISPATCHER, common.dispatcher).declare(ctx, DISPATCHER))?;
        let function =
            |name: &str| self.parts.attempt(ScriptError::Thrown, |_| dispatcher.get::<_, Function<'js>>(name));
        let (load, call) = (function("load")?, function("call")?);
        let promise = self.turn(None, |turns| {
            let values = (program, turns.parts.prelude.port.clone());
            turns.parts.attempt(ScriptError::Thrown, |_| load.call::<_, Promise<'js>>(values))
        })?;
        self.settle(&promise)?;
        let gave = self.parts.attempt(ScriptError::Thrown, |_| promise.finish::<String>())?;
        self.loading = false;
        Ok((gave, call))
    }

    /// Evaluates a module to its end; gives its namespace.
    fn evaluate(
        &mut self,
        declare: impl Fn(&Ctx<'js>) -> rquickjs::Result<Module<'js, Declared>>,
    ) -> Result<Object<'js>, ScriptError> {
        let (module, promise) =
            self.turn(None, |turns| turns.parts.attempt(ScriptError::Syntax, |ctx| declare(ctx)?.eval()))?;
        self.settle(&promise)?;
        self.parts.attempt(ScriptError::Thrown, |_| module.namespace())
    }

    /// Takes turns until `promise` is settled.
    fn settle(&mut self, promise: &Promise<'js>) -> Result<(), ScriptError> {
        loop {
            if self.parts.meter.is_exhausted() {
                return Err(ScriptError::CpuLimit { limit: self.parts.common.settings.limits.cpu });
            }
            match promise.state() {
                PromiseState::Resolved => return Ok(()),
                PromiseState::Rejected => {
                    return self.parts.attempt(ScriptError::Thrown, |_| promise.finish::<Value<'js>>()).map(|_| ());
                }
                PromiseState::Pending if self.parts.agenda.is_empty() => return Err(ScriptError::NeverSettles),
                PromiseState::Pending => match self.next_event() {
                    Some(Event::End) => return Err(ScriptError::NeverSettles),
                    Some(event @ Event::Call { .. }) => self.waiting.push_back(event),
                    Some(Event::Operation { operation, result }) => self.take_operation(operation, result),
                    None => {}
                },
            }
        }
    }

    /// Takes turns until the isolate ends.
    pub(super) fn serve(&mut self, dispatch: &Function<'js>) {
        while !self.ended {
            let event = self.waiting.pop_front().or_else(|| self.next_event());
            match event {
                Some(Event::Call { call, message, body }) => self.take_call(dispatch, call, message, body),
                Some(Event::Operation { operation, result }) => self.take_operation(operation, result),
                Some(Event::End) => return,
                None => {}
            }
            if self.parts.share.is_retired() && self.parts.share.in_flight() == 0 {
                return;
            }
        }
    }

    /// Waits for the next event; takes the turn of the next timer when that comes first.
    fn next_event(&mut self) -> Option<Event> {
        let now = Instant::now();
        if let Some((id, call)) = self.parts.agenda.take_alarm(now) {
            self.take_timer(id, call);
            // A timer that is always due must not keep events out.
            return self.events.try_recv().ok();
        }
        let wait = self.parts.agenda.next_alarm().map_or(IDLE, |due| due.saturating_duration_since(now).min(IDLE));
        match self.events.recv_timeout(wait) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Disconnected) => Some(Event::End),
            Err(RecvTimeoutError::Timeout) if wait < IDLE => None,
            Err(RecvTimeoutError::Timeout) => {
                // A call whose promise is garbage never settles: dropping it tells so.
                self.parts.ctx.run_gc();
                self.parts.report_outcomes();
                let is_idle = self.parts.agenda.is_empty() && self.parts.share.in_flight() == 0;
                if is_idle { self.events.recv().ok() } else { None }
            }
        }
    }

    fn take_timer(&mut self, id: u64, call: Option<CallId>) {
        let ran = self.turn(call, |turns| {
            turns.parts.attempt(ScriptError::Thrown, |_| turns.parts.prelude.run_timer.call::<_, ()>((id,)))
        });
        if let Err(error) = ran {
            self.parts.report_uncaught("Uncaught in a timer", &error);
        }
    }

    fn take_operation(&mut self, operation: u64, result: Result<OperationReply, OperationError>) {
        // An operation that was given up meanwhile has nobody who waits.
        let Some(Running { call, .. }) = self.parts.agenda.finish_operation(operation) else {
            return;
        };
        let (error, message, body) = match result {
            Ok(reply) => (None, Some(reply.message), reply.body),
            Err(error) => {
                let error = json!({ "name": error.name, "message": error.message, "code": error.code });
                (Some(error.to_string()), None, None)
            }
        };
        let settled = self.turn(call, |turns| {
            turns.parts.attempt(ScriptError::Thrown, |ctx| {
                let body = typed_array(ctx, body)?;
                turns.parts.prelude.settle_operation.call::<_, ()>((operation, error, message, body))
            })
        });
        if let Err(error) = settled {
            self.parts.fail(call, error);
        }
    }

    fn take_call(&mut self, dispatch: &Function<'js>, call: CallId, message: String, body: Option<Bytes>) {
        let started = self.turn(Some(call), |turns| {
            turns.parts.attempt(ScriptError::Thrown, |ctx| {
                let (fulfil, reject) = turns.parts.outcomes.functions(ctx, call)?;
                let values = (dispatch.clone(), message, typed_array(ctx, body)?, fulfil, reject);
                turns.parts.prelude.start.call::<_, ()>(values)
            })
        });
        if let Err(error) = started {
            self.parts.fail(Some(call), error);
        }
    }

    /// Takes one turn: `work` and all promise jobs that it makes ready.
    fn turn<R>(&mut self, call: Option<CallId>, work: impl FnOnce(&mut Self) -> R) -> R {
        self.begin(call);
        let result = work(self);
        self.run_jobs();
        let exhausted = self.parts.meter.is_exhausted();
        if exhausted && !self.loading {
            // First the replacement: whoever hears of the end may call again at once.
            self.parts.replace();
            if let Some(call) = call {
                let limit = self.parts.common.settings.limits.cpu;
                self.parts.share.settle(call, Err(CallError::CpuLimit { limit }));
            }
        }
        self.parts.report_outcomes();
        if !self.loading {
            // What loading rejects is what `load` reports.
            self.parts.report_rejections();
        }
        self.parts.share.end_turn();
        if exhausted && !self.loading {
            self.ended = !self.finish_jobs();
        }
        result
    }

    fn begin(&self, call: Option<CallId>) {
        self.parts.share.begin_turn(call);
        self.parts.agenda.set_current(call);
        self.parts.meter.start();
    }

    fn run_jobs(&self) {
        let mut left = JOBS_PER_LOOK;
        while !self.parts.meter.is_exhausted() && self.parts.ctx.execute_pending_job() {
            left -= 1;
            if left == 0 {
                self.parts.meter.check();
                left = JOBS_PER_LOOK;
            }
        }
    }

    /// Jobs that an interrupted turn left over must not be charged to the next one. Gives whether they end.
    fn finish_jobs(&self) -> bool {
        self.begin(None);
        self.run_jobs();
        let ends = !self.parts.meter.is_exhausted() && !self.parts.share.abandoned.load(Ordering::Relaxed);
        self.parts.report_outcomes();
        self.parts.share.end_turn();
        ends
    }
}

fn typed_array<'js>(ctx: &Ctx<'js>, body: Option<Bytes>) -> rquickjs::Result<Option<TypedArray<'js, u8>>> {
    body.map(|body| TypedArray::new_copy(ctx.clone(), body)).transpose()
}
