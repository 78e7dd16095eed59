//! What is told of jobs. The texts are those that tools look for.

use std::fmt;
use std::time::Duration;

use tracing::Level;

use crate::task::TaskError;

/// Something that happened.
#[derive(Debug)]
pub enum JobEvent {
    Started {
        name: String,
        schedule: Option<String>,
    },
    Completed {
        name: String,
        elapsed: Duration,
    },
    Failed {
        name: String,
        failure: JobFailure,
    },
    /// It is due while it still runs.
    Skipped {
        name: String,
    },
    Unsupported {
        name: String,
        schedule: String,
        reason: String,
    },
    /// No job has a schedule that can be followed.
    Unscheduled,
    Watching {
        names: Vec<String>,
    },
    /// There were jobs for the start alone.
    RebootOnly,
    Stopped {
        /// `SIGTERM`, for example.
        signal: &'static str,
        timers: usize,
    },
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum JobFailure {
    #[error("[jobs] unable to load job '{name}': {source}")]
    Load { name: String, source: TaskError },
    #[error("{0}")]
    Run(#[source] TaskError),
}

impl JobEvent {
    /// How much it matters. What is below a warning is what was asked for.
    pub fn level(&self) -> Level {
        match self {
            Self::Failed { .. } => Level::ERROR,
            Self::Skipped { .. } | Self::Unscheduled => Level::WARN,
            _ => Level::INFO,
        }
    }

    /// As a record of the log of a server.
    pub fn log(&self) {
        match self.level() {
            Level::ERROR => tracing::error!("{self}"),
            Level::WARN => tracing::warn!("{self}"),
            _ => tracing::info!("{self}"),
        }
    }
}

impl JobFailure {
    fn error(&self) -> &TaskError {
        match self {
            Self::Load { source: error, .. } | Self::Run(error) => error,
        }
    }
}

impl fmt::Display for JobEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { name, schedule } => {
                write!(f, "[jobs] running {name} (schedule: {})", schedule.as_deref().unwrap_or("manual"))
            }
            Self::Completed { name, elapsed } => write!(f, "[jobs] {name} completed in {}ms", elapsed.as_millis()),
            Self::Failed { name, failure } => {
                write!(f, "[jobs] {name} failed: {failure}")?;
                failure.error().trace().try_for_each(|line| write!(f, "\n{line}"))
            }
            Self::Skipped { name } => {
                write!(f, "[jobs] skipping {name}; previous run is still active (overlap policy: skip)")
            }
            Self::Unsupported { name, schedule, reason } => write!(
                f,
                "[jobs] unsupported schedule '{schedule}'. Run manually or use --json with an external scheduler. ({name}: {reason})"
            ),
            Self::Unscheduled => f.write_str("[jobs] no job has a schedule to watch"),
            Self::Watching { names } => write!(f, "[jobs] watching jobs: {}", names.join(", ")),
            Self::RebootOnly => f.write_str("[jobs] completed @reboot jobs and exiting."),
            Self::Stopped { signal, timers } => {
                write!(f, "[jobs] received {signal}; stopped {timers} scheduled job timer(s).")
            }
        }
    }
}
