//! What operators ask of a command that runs for long: to stop, and to look for another release.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::compose::Failure;

/// Signals, received from the moment this is made.
pub(super) struct Signals {
    /// To build again: SIGHUP.
    pub(super) hangup: Signal,
    /// True when a build that runs shall give up, for the command stops.
    pub(super) cancelled: Arc<AtomicBool>,
    pub(super) stopping: Stopping,
}

/// The name of the signal, once one has come.
#[derive(Clone)]
pub(super) struct Stopping(watch::Receiver<Option<&'static str>>);

impl Signals {
    /// The first SIGTERM or SIGINT stops the command, the second ends the process at once.
    pub(super) fn listen(runtime: &Runtime) -> Result<Self, Failure> {
        let _context = runtime.enter();
        let listen = |kind| signal(kind).map_err(|error| Failure::because("Signals cannot be received", error));
        let mut terminate = listen(SignalKind::terminate())?;
        let mut interrupt = listen(SignalKind::interrupt())?;
        let hangup = listen(SignalKind::hangup())?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let (stop, stopping) = watch::channel(None);
        let flag = Arc::clone(&cancelled);
        runtime.spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                if flag.swap(true, Ordering::Relaxed) {
                    super::watch::restore_terminal();
                    std::process::exit(2);
                }
                stop.send_replace(Some(name));
            }
        });
        Ok(Self { hangup, cancelled, stopping: Stopping(stopping) })
    }

    /// Tells when the command is to stop, and by which signal.
    pub(super) fn stopping(&self) -> Stopping {
        self.stopping.clone()
    }
}

impl Stopping {
    /// Until the signal comes; gives its name.
    pub(super) async fn wait(mut self) -> &'static str {
        // The sender lives as long as the runtime.
        self.0.wait_for(Option::is_some).await.ok().and_then(|name| *name).unwrap_or("SIGTERM")
    }
}
