//! From what the engine throws to what is reported.

use rquickjs::{CatchResultExt, CaughtError, Ctx, FromJs, Function, Value};

use std::time::Duration;

use crate::error::{ScriptError, Thrown};
use crate::frames::RawThrown;
use crate::meter::Meter;
use crate::modules::{self, Missing};

/// What is needed to tell what is behind an error.
pub(crate) struct Faults<'a, 'js> {
    pub(crate) ctx: &'a Ctx<'js>,
    pub(crate) describe_thrown: &'a Function<'js>,
    pub(crate) meter: &'a Meter,
    pub(crate) missing: &'a Missing,
    pub(crate) cpu: Duration,
    pub(crate) memory: usize,
}

impl<'js> Faults<'_, 'js> {
    /// Sorts an error by what is behind it; `kind` is for an ordinary thrown value.
    pub(crate) fn explain(&self, error: CaughtError<'js>, kind: fn(Thrown) -> ScriptError) -> ScriptError {
        if self.meter.is_exhausted() {
            return ScriptError::CpuLimit { limit: self.cpu };
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
        self.sort(self.describe(value), kind)
    }

    /// The same from a description; none when there was no memory or time left for one.
    pub(crate) fn sort(&self, thrown: Option<Thrown>, kind: fn(Thrown) -> ScriptError) -> ScriptError {
        let thrown = match thrown {
            Some(thrown) => thrown,
            None if self.meter.is_exhausted() => return ScriptError::CpuLimit { limit: self.cpu },
            None => return self.out_of_memory(),
        };
        match (thrown.name.as_deref(), thrown.message.as_str()) {
            // There may be room for the error and none for its message.
            (Some("InternalError"), "out of memory" | "") => self.out_of_memory(),
            (Some("InternalError"), "interrupted") => ScriptError::CpuLimit { limit: self.cpu },
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
        let text: Value<'js> = self.describe_thrown.call((value,)).catch(self.ctx).ok()?;
        let text = String::from_js(self.ctx, text).ok()?;
        Some(Self::read(&text))
    }

    /// A thrown value from the description that the prelude wrote.
    pub(crate) fn read(description: &str) -> Thrown {
        serde_json::from_str::<RawThrown>(description).map_or_else(|_| tampered(), RawThrown::into_thrown)
    }

    fn out_of_memory(&self) -> ScriptError {
        ScriptError::MemoryLimit { limit: self.memory }
    }
}

/// The prelude's own text is not what it writes: the module replaced something that every program relies on.
pub(crate) fn tampered() -> Thrown {
    let message = "The module changes built-in objects of the language, so that nothing can be read from it".to_owned();
    Thrown { name: None, message, frames: Vec::new(), cause: None }
}
