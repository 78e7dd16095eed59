//! Asking a running command to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::compose::Failure;

/// Set by Ctrl-C and by a request to terminate. A second Ctrl-C ends the process at once.
pub(crate) fn cancellation() -> Result<Arc<AtomicBool>, Failure> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = cancelled.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(2);
        }
    })
    .map_err(|error| Failure::because("Signals cannot be handled", error))?;
    Ok(cancelled)
}
