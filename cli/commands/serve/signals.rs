//! What operators ask of a server: to stop, and to look for another release.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::compose::Failure;

/// Signals, heard from the moment this is made.
pub(super) struct Signals {
    /// To build again: SIGHUP.
    pub(super) hangup: Signal,
    /// True when a build that runs shall give up, for the server stops.
    pub(super) cancelled: Arc<AtomicBool>,
    stopping: watch::Receiver<bool>,
}

impl Signals {
    /// The first SIGTERM or SIGINT stops the server, the second ends the process at once.
    pub(super) fn listen(runtime: &Runtime) -> Result<Self, Failure> {
        let _context = runtime.enter();
        let listen = |kind| signal(kind).map_err(|error| Failure::new(format!("Signals cannot be received: {error}")));
        let mut terminate = listen(SignalKind::terminate())?;
        let mut interrupt = listen(SignalKind::interrupt())?;
        let hangup = listen(SignalKind::hangup())?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let (stop, stopping) = watch::channel(false);
        let flag = Arc::clone(&cancelled);
        runtime.spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if flag.swap(true, Ordering::Relaxed) {
                    std::process::exit(2);
                }
                stop.send_replace(true);
            }
        });
        Ok(Self { hangup, cancelled, stopping })
    }

    /// Comes when the server is to stop.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let mut stopping = self.stopping.clone();
        async move {
            // The sender lives as long as the runtime.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }
}
