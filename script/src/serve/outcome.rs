//! How calls end, as the engine tells it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use rquickjs::{Ctx, Function};

use super::Reply;
use super::share::CallId;
use crate::host::from_byte_string;

/// How a call ended.
pub(super) enum Outcome {
    Fulfilled(Reply),
    /// With the description of what was thrown, if there was room for one.
    Rejected(Option<String>),
    /// The engine dropped both functions: nothing can settle the promise any more.
    Dropped,
}

type Told = Rc<RefCell<Vec<(CallId, Outcome)>>>;

/// The calls that have ended since they were last asked for.
#[derive(Default)]
pub(super) struct Outcomes(Told);

impl Outcomes {
    /// The two functions for one call, one of which is to be called once.
    pub(super) fn functions<'js>(
        &self,
        ctx: &Ctx<'js>,
        call: CallId,
    ) -> rquickjs::Result<(Function<'js>, Function<'js>)> {
        let guard = Rc::new(Guard { told: Rc::clone(&self.0), call, is_told: Cell::new(false) });
        let fulfilled = Rc::clone(&guard);
        let fulfil = move |ctx: Ctx<'js>, message: String, body: Option<String>, is_bytes: bool| {
            let body = match body {
                Some(text) if is_bytes => Some(Bytes::from(from_byte_string(&ctx, &text)?)),
                text => text.map(Bytes::from),
            };
            fulfilled.tell(Outcome::Fulfilled(Reply { message, body }));
            rquickjs::Result::Ok(())
        };
        let reject = move |description: Option<String>| guard.tell(Outcome::Rejected(description));
        Ok((Function::new(ctx.clone(), fulfil)?, Function::new(ctx.clone(), reject)?))
    }

    pub(super) fn take(&self) -> Vec<(CallId, Outcome)> {
        self.0.take()
    }
}

struct Guard {
    told: Told,
    call: CallId,
    is_told: Cell<bool>,
}

impl Guard {
    fn tell(&self, outcome: Outcome) {
        self.is_told.set(true);
        self.told.borrow_mut().push((self.call, outcome));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.is_told.get() {
            self.tell(Outcome::Dropped);
        }
    }
}
