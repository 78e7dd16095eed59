//! What runs by itself, beside requests: jobs and migrations.
//!
//! A *task* is a bundle of a release that is loaded alone, in a host of its own, and ended when it is done. It sees what handlers
//! see: globals, environment, databases, `fetch`, the log.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;
use webstir_contract::artifacts::Engine;

use crate::application::{HandlerLimits, HostChoice, LoadError, Release};
use crate::environment::Environment;
use crate::host::{Calls, HandlerHost, HostError, HostedModule};

/// The tasks of a release.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    /// In the order of the manifest.
    pub jobs: Vec<Job>,
    /// Sorted by name.
    pub migrations: Vec<HostedModule>,
}

/// A job that a workspace declares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A whole number or a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Value>,
    /// None when the build has no file for it.
    #[serde(skip)]
    pub module: Option<HostedModule>,
}

impl Job {
    /// What the manifest of a build lists; without one, what `package.json` declares. What is no job is left out.
    pub(crate) fn registered(manifest: Option<&str>, package_json: Option<&str>) -> Vec<Self> {
        let (document, place) = match manifest {
            Some(_) => (manifest, "/jobs"),
            None => (package_json, "/webstir/moduleManifest/jobs"),
        };
        let mut document = document.and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or_default();
        let Some(Value::Array(jobs)) = document.pointer_mut(place).map(Value::take) else { return Vec::new() };
        let jobs = jobs.into_iter().filter_map(|job| serde_json::from_value::<Self>(job).ok());
        let named = jobs.map(|job| Self { name: job.name.trim().to_owned(), ..job });
        named.filter(|job| !job.name.is_empty()).collect()
    }

    /// The path of its file below the output root. A name never leads out of the directory of the jobs.
    pub(crate) fn output(&self) -> String {
        let name = self.name.replace('\\', "/").replace("..", "");
        let name = name.strip_prefix('/').unwrap_or(&name);
        format!("jobs/{}/index.js", name.strip_suffix('/').unwrap_or(name))
    }
}

impl Tasks {
    /// Equal for tasks that do the same.
    pub fn identity(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        for job in &self.jobs {
            part(&json!(job).to_string());
            part(job.module.as_ref().map(|module| module.identity().to_hex()).as_deref().unwrap_or_default());
        }
        for migration in &self.migrations {
            part(&migration.identity().to_hex());
        }
        hasher.finalize()
    }
}

/// How tasks run.
#[derive(Debug, Clone)]
pub struct TaskOptions {
    /// None: what the build decided.
    pub engine: Option<Engine>,
    /// How long one may take, waiting included.
    pub limit: Duration,
}

/// Loads tasks of one release.
pub struct TaskRunner {
    environment: BTreeMap<String, String>,
    choice: HostChoice,
    engine: Engine,
    calls: Arc<Calls>,
}

/// Why a task was not done.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It threw, while it was loaded or while it ran.
    #[error("{message}")]
    Thrown {
        message: String,
        /// A line for the class and the message, one for each frame, and the same of each cause.
        stack: String,
    },
    #[error("it was stopped after {} s; `--timeout` gives it longer", limit.as_secs())]
    TooLong { limit: Duration },
    /// There is nothing to run, or nothing to run it.
    #[error("{0}")]
    Load(String),
}

impl TaskError {
    fn of(error: &HostError) -> Self {
        Self::Thrown { message: error.message(), stack: error.stack() }
    }

    /// Where it was thrown: a line for each frame, and what caused it.
    pub fn trace(&self) -> impl Iterator<Item = &str> {
        let stack = if let Self::Thrown { stack, .. } = self { stack } else { "" };
        stack.lines().skip_while(|line| !line.starts_with("    at ") && !line.starts_with("Caused by"))
    }
}

/// A task that is loaded.
pub(crate) struct Task {
    limit: Duration,
    host: Arc<dyn HandlerHost>,
    pub(crate) description: TaskDescription,
}

/// What a task exports.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskDescription {
    /// `run`, or a function as default export.
    pub(crate) is_job: bool,
    /// `id`.
    #[serde(default)]
    pub(crate) id: Option<String>,
    /// `up`.
    pub(crate) has_up: bool,
    /// `down`.
    pub(crate) has_down: bool,
}

impl TaskRunner {
    pub fn new(release: &Release, environment: &Environment, options: &TaskOptions) -> Self {
        let limits = HandlerLimits { cpu: options.limit, ..HandlerLimits::default() };
        let choice = HostChoice { engine: options.engine, count: NonZeroUsize::MIN, limits };
        Self {
            environment: environment.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            engine: choice.engine_for(release.engine),
            choice,
            calls: Calls::new(),
        }
    }

    pub(crate) fn calls(&self) -> &Arc<Calls> {
        &self.calls
    }

    /// How long a task may take, waiting included.
    fn limit(&self) -> Duration {
        self.choice.limits.cpu
    }

    /// Within the limit.
    pub(crate) async fn load(&self, module: &HostedModule) -> Result<Task, TaskError> {
        let limit = self.limit();
        match timeout(limit, self.start(module)).await {
            Ok(loaded) => loaded.map_err(|error| match error {
                LoadError::Host(HostError::Stopped { .. }) => TaskError::TooLong { limit },
                // The engine lacks something that the module imports.
                LoadError::Host(HostError::Unavailable(reason)) if self.engine == Engine::Embedded => {
                    TaskError::Load(format!("{reason}; `--engine worker` runs it in Bun or Node"))
                }
                LoadError::Host(error) => TaskError::of(&error),
                other => TaskError::Load(other.to_string()),
            }),
            Err(_) => Err(TaskError::TooLong { limit }),
        }
    }

    async fn start(&self, module: &HostedModule) -> Result<Task, LoadError> {
        let started = self.choice.start(module.clone(), self.engine, &self.environment, &self.calls);
        let (host, _) = started.await?;
        match host.call(r#"{"op":"describe"}"#.to_owned(), None).await {
            Ok(reply) => Ok(Task { description: serde_json::from_str(&reply.message)?, limit: self.limit(), host }),
            Err(error) => {
                host.close().await;
                Err(error.into())
            }
        }
    }
}

impl Task {
    /// Within the limit.
    pub(crate) async fn call(&self, message: &Value) -> Result<(), TaskError> {
        let limit = self.limit;
        match timeout(limit, self.host.call(message.to_string(), None)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(HostError::Stopped { .. })) | Err(_) => Err(TaskError::TooLong { limit }),
            Ok(Err(error)) => Err(TaskError::of(&error)),
        }
    }

    /// Ends its host. What it printed is in the log.
    pub(crate) async fn close(self) {
        self.host.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_goes_before_package_json() {
        let package = r#"{"webstir":{"moduleManifest":{"jobs":[{"name":" a ","priority":2},{"name":" "},{"no":1},3,{"name":4}]}}}"#;
        let names = |jobs: Vec<Job>| jobs.into_iter().map(|job| job.name).collect::<Vec<_>>();
        assert_eq!(names(Job::registered(None, Some(package))), ["a"]);
        let manifest = r#"{"jobs":[{"name":"b","schedule":"@daily"}]}"#;
        assert_eq!(names(Job::registered(Some(manifest), Some(package))), ["b"]);
        assert_eq!(names(Job::registered(None, Some("{"))), [""; 0]);
        assert_eq!(names(Job::registered(Some("[]"), None)), [""; 0]);
    }

    #[test]
    fn a_name_stays_among_the_jobs() {
        let output =
            |name: &str| Job::registered(Some(&json!({ "jobs": [{ "name": name }] }).to_string()), None)[0].output();
        assert_eq!(output("nightly"), "jobs/nightly/index.js");
        assert_eq!(output("/reports/daily/"), "jobs/reports/daily/index.js");
        assert_eq!(output("..\\..\\secret"), "jobs//secret/index.js");
    }
}
