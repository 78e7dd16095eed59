//! Jobs: what a workspace runs on demand or on schedule.
//!
//! [`Jobs`] are those of one release. Each run is a task of its own: loaded, run and ended. What happens is told as [`JobEvent`]s,
//! to people on the command line or to the log of a server.

mod event;
mod watch;

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use crate::application::Release;
use crate::environment::Environment;
use crate::task::{Job, TaskError, TaskOptions, TaskRunner};

pub use event::{JobEvent, JobFailure};

/// Who hears of what happens.
pub type Listener = Arc<dyn Fn(&JobEvent) + Send + Sync>;

/// The jobs of a release, ready to run.
#[derive(Clone)]
pub struct Jobs {
    list: Arc<[Job]>,
    runner: Arc<TaskRunner>,
    listener: Listener,
}

impl Jobs {
    pub fn new(release: &Release, environment: &Environment, options: &TaskOptions, listener: Listener) -> Self {
        let runner = Arc::new(TaskRunner::new(release, environment, options));
        Self { list: release.tasks.jobs.clone().into(), runner, listener }
    }

    /// In the order of the manifest.
    pub fn all(&self) -> &[Job] {
        &self.list
    }

    /// None when there is no job of that name.
    pub fn only(mut self, name: &str) -> Option<Self> {
        let job = self.list.iter().find(|job| job.name == name)?.clone();
        self.list = Arc::new([job]);
        Some(self)
    }

    /// Runs them one after the other, also after a failure; gives whether all went well.
    pub async fn run_all(&self) -> bool {
        let mut went_well = true;
        for job in &*self.list {
            went_well &= self.run(job).await;
        }
        went_well
    }

    async fn run(&self, job: &Job) -> bool {
        let name = job.name.clone();
        (self.listener)(&JobEvent::Started { name: name.clone(), schedule: job.schedule.clone() });
        let started = Instant::now();
        let result = self.attempt(job).await;
        let went_well = result.is_ok();
        (self.listener)(&match result {
            Ok(()) => JobEvent::Completed { name, elapsed: started.elapsed() },
            Err(failure) => JobEvent::Failed { name, failure },
        });
        went_well
    }

    async fn attempt(&self, job: &Job) -> Result<(), JobFailure> {
        let unloadable = |source| JobFailure::Load { name: job.name.clone(), source };
        let Some(module) = &job.module else {
            let reason = format!("the build has no `{}`; add `src/backend/jobs/{}/index.ts`", job.output(), job.name);
            return Err(unloadable(TaskError::Load(reason)));
        };
        let task = self.runner.load(module).await.map_err(unloadable)?;
        let result = if task.description.is_job {
            task.call(&json!({ "op": "job" })).await.map_err(JobFailure::Run)
        } else {
            let reason = "job module must export a run() or default function".to_owned();
            Err(unloadable(TaskError::Load(reason)))
        };
        task.close().await;
        result
    }
}
