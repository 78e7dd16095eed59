//! What goes wrong in an isolate, and who is told.

use rquickjs::{ArrayBuffer, CatchResultExt, CaughtError, Ctx, Object, Value};
use serde_json::json;

use super::CallError;
use super::isolate::Parts;
use super::outcome::Outcome;
use super::share::CallId;
use crate::error::{ScriptError, Thrown};
use crate::evaluation::LogLevel;
use crate::faults::Faults;

impl<'a, 'js> Parts<'a, 'js> {
    /// Puts another isolate in the place of this one, which only finishes what it has begun.
    pub(super) fn replace(&self) {
        if self.common.retire(self.share) {
            self.place.refill(self.share);
        }
    }

    /// Tells the callers of the calls that have ended.
    pub(super) fn report_outcomes(&self) {
        for (call, outcome) in self.outcomes.take() {
            match outcome {
                Outcome::Fulfilled(reply) => self.share.settle(call, Ok(reply)),
                Outcome::Rejected(description) => {
                    let faults = self.faults();
                    let error = faults.sort(description.map(|text| Faults::read(&text)), ScriptError::Thrown);
                    self.fail(Some(call), self.mapped(error));
                }
                Outcome::Dropped if !self.share.is_in_flight(call) => {}
                Outcome::Dropped if self.is_memory_full() => {
                    let limit = self.common.settings.limits.memory;
                    self.fail(Some(call), ScriptError::MemoryLimit { limit });
                }
                Outcome::Dropped => self.share.settle(call, Err(CallError::NeverSettles)),
            }
        }
    }

    /// With full memory the engine cannot even reject a promise.
    fn is_memory_full(&self) -> bool {
        self.ctx.run_gc();
        let probe = vec![0_u8; self.common.settings.limits.memory / 16];
        ArrayBuffer::new_copy(self.ctx.clone(), probe).catch(self.ctx).is_err()
    }

    pub(super) fn report_rejections(&self) {
        loop {
            let take = &self.prelude.take_rejection;
            let taken = self.attempt(ScriptError::Thrown, |_| {
                let taken = take.call::<_, Option<Object<'js>>>(())?;
                taken.map(|taken| taken.get::<_, Value<'js>>("reason")).transpose()
            });
            match taken {
                Ok(None) => return,
                Ok(Some(reason)) => {
                    let error = self.explain(CaughtError::Value(reason), ScriptError::Thrown);
                    self.report_uncaught("Unhandled rejection", &error);
                }
                Err(error) => return self.report_uncaught("Unhandled rejection", &error),
            }
        }
    }

    /// Logs what no call is told of.
    pub(super) fn report_uncaught(&self, what: &str, error: &ScriptError) {
        if is_memory(error) {
            self.replace();
        }
        let record = json!({ "message": format!("{what}: {error}"), "error": error.thrown() });
        self.common.operations.log(LogLevel::Error, record.to_string());
    }

    /// Ends `call` with `error`.
    pub(super) fn fail(&self, call: Option<CallId>, error: ScriptError) {
        let Some(call) = call else {
            return self.report_uncaught("Uncaught", &error);
        };
        let limits = self.common.settings.limits;
        let error = match error {
            error if is_memory(&error) => {
                self.replace();
                CallError::MemoryLimit { limit: limits.memory }
            }
            ScriptError::CpuLimit { limit } => CallError::CpuLimit { limit },
            ScriptError::StackOverflow(thrown) => CallError::StackOverflow(thrown),
            ScriptError::Thrown(thrown) => CallError::Thrown(thrown),
            error => {
                let name = Some("Error".to_owned());
                CallError::Thrown(Thrown { name, message: error.to_string(), frames: Vec::new(), cause: None })
            }
        };
        self.share.settle(call, Err(error));
    }

    /// Does something with the engine and explains what it throws.
    pub(super) fn attempt<T>(
        &self,
        kind: fn(Thrown) -> ScriptError,
        work: impl FnOnce(&Ctx<'js>) -> rquickjs::Result<T>,
    ) -> Result<T, ScriptError> {
        work(self.ctx).catch(self.ctx).map_err(|error| self.explain(error, kind))
    }

    fn explain(&self, error: CaughtError<'js>, kind: fn(Thrown) -> ScriptError) -> ScriptError {
        self.mapped(self.faults().explain(error, kind))
    }

    fn mapped(&self, mut error: ScriptError) -> ScriptError {
        if let Some(thrown) = error.thrown_mut() {
            self.frames.apply(thrown);
        }
        error
    }

    fn faults(&self) -> Faults<'a, 'js> {
        Faults {
            ctx: self.ctx,
            describe_thrown: &self.prelude.describe_thrown,
            meter: self.meter,
            missing: self.missing,
            cpu: self.common.settings.limits.cpu,
            memory: self.common.settings.limits.memory,
        }
    }
}

/// With no room left for an error object the engine throws a bare `null`.
fn is_memory(error: &ScriptError) -> bool {
    match error {
        ScriptError::MemoryLimit { .. } => true,
        ScriptError::Thrown(thrown) => thrown.name.is_none() && thrown.message == "null",
        _ => false,
    }
}
