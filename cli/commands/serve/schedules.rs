//! Jobs that run on schedule beside the requests of a server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use webstir_runtime::jobs::JobEvent;
use webstir_runtime::{Environment, Jobs, Limits, Release, TaskOptions};

use crate::args::Serve;
use crate::commands::release;
use crate::commands::signals::Stopping;

/// The schedules of the release that is served. They stop when the server does.
pub(super) struct Schedules {
    options: TaskOptions,
    environment: Environment,
    stopping: Stopping,
    /// The last is of the release that is served; runs of those before are still under way.
    followed: Mutex<Vec<Followed>>,
}

struct Followed {
    /// Of the tasks.
    identity: String,
    /// Stops the timers when it is dropped.
    replace: Option<oneshot::Sender<()>>,
    watch: JoinHandle<bool>,
}

impl Schedules {
    pub(super) fn new(serve: &Serve, environment: &Environment, stopping: Stopping) -> Self {
        Self {
            options: TaskOptions { engine: release::engine(&serve.release), limit: serve.job_timeout },
            environment: environment.clone(),
            stopping,
            followed: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the schedules of this release. One with the same tasks changes nothing.
    pub(super) fn follow(&self, release: &Release) {
        let identity = release.tasks.identity().to_hex().to_string();
        let mut followed = self.lock();
        if followed.last().is_some_and(|followed| followed.identity == identity) {
            return;
        }
        followed.retain_mut(|followed| {
            followed.replace = None;
            !followed.watch.is_finished()
        });
        let jobs = Jobs::new(release, &self.environment, &self.options, Arc::new(JobEvent::log));
        let (replace, replaced) = oneshot::channel::<()>();
        let stopping = self.stopping.clone();
        let watch = tokio::spawn(async move {
            let stop = async {
                tokio::select! {
                    signal = stopping.wait() => Some(signal),
                    _ = replaced => None,
                }
            };
            jobs.watch(stop).await
        });
        followed.push(Followed { identity, replace: Some(replace), watch });
    }

    /// Waits for the runs under way, as long as for requests.
    pub(super) async fn finish(&self) {
        let followed = std::mem::take(&mut *self.lock());
        let ended = async {
            for followed in followed {
                // A fault of it was reported where it happened.
                let _ = followed.watch.await;
            }
        };
        let limit = Limits::default().drain;
        if timeout(limit, ended).await.is_err() {
            tracing::warn!("[webstir] jobs were still running after {} s", limit.as_secs());
        }
    }
}
