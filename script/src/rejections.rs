//! Rejected promises: the engine tells of each, the prelude keeps those that nobody handles.

use std::cell::RefCell;
use std::rc::Rc;

use rquickjs::{CatchResultExt, Ctx, Function, Persistent, Runtime};

/// Passes rejected promises to the prelude. Holds a value of the engine and must be stopped before the engine goes.
pub(crate) struct RejectionListener(Rc<RefCell<Option<Persistent<Function<'static>>>>>);

impl RejectionListener {
    pub(crate) fn listen(runtime: &Runtime) -> Self {
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

    pub(crate) fn tell<'js>(&self, ctx: &Ctx<'js>, note: Function<'js>) {
        self.0.replace(Some(Persistent::save(ctx, note)));
    }

    pub(crate) fn stop(&self) {
        self.0.replace(None);
    }
}

/// Also when a fault unwinds: the engine aborts the process when one of its values outlives it.
impl Drop for RejectionListener {
    fn drop(&mut self) {
        self.stop();
    }
}
