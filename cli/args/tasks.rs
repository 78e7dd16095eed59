//! The arguments of what runs a workspace: which release, and the jobs and migrations in it.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{EngineChoice, LogStyle, seconds};

/// Which release, and how it runs.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArguments {
    /// Build first, and take the result straight from the graph; a server builds again on SIGHUP
    #[arg(long)]
    pub(crate) build: bool,
    /// The profile whose output is taken [default: `publish` when it is there, else `build`; `build` with `--build`]
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// What runs the code of the workspace
    #[arg(long, value_enum, default_value_t = EngineChoice::Auto, value_name = "ENGINE")]
    pub(crate) engine: EngineChoice,
    /// How the log looks [default: `pretty` on a terminal, else `json`]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) log: Option<LogStyle>,
}

impl ReleaseArguments {
    /// A build with all defaults.
    pub(crate) fn of_build(profile: &str) -> Self {
        Self { build: true, profile: Some(profile.to_owned()), engine: EngineChoice::Auto, log: None }
    }
}

/// `webstir jobs`.
#[derive(Debug, Args)]
pub(crate) struct Jobs {
    /// List the jobs; `--json` lists them as a document
    #[arg(long, conflicts_with_all = ["all", "watch"])]
    pub(crate) list: bool,
    /// Only this job
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    pub(crate) job: Option<String>,
    /// Run all of them now, one after the other, which is what happens without options
    #[arg(long)]
    pub(crate) all: bool,
    /// Follow the schedules until SIGTERM or SIGINT
    #[arg(long, conflicts_with = "all")]
    pub(crate) watch: bool,
    /// How long one run may take, waiting included
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = TASK_LIMIT)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) release: ReleaseArguments,
}

/// Seconds: an hour.
pub(crate) const TASK_LIMIT: &str = "3600";

/// `webstir db`.
#[derive(Debug, Args)]
pub(crate) struct Database {
    #[command(subcommand)]
    pub(crate) command: DatabaseCommand,
}

/// What to do with the migrations of `src/backend/db/migrations`.
#[derive(Debug, Subcommand)]
pub(crate) enum DatabaseCommand {
    /// The migrations of the workspace
    #[command(after_help = "Example: webstir db list --build")]
    List(DatabaseArguments),
    /// Which of them the database has
    #[command(after_help = "Example: webstir db status --json")]
    Status(DatabaseArguments),
    /// Make those that are pending
    #[command(
        after_help = "Examples:\n  webstir db migrate --build\n  webstir db migrate --steps 1\n  webstir db migrate --dry-run"
    )]
    Migrate(Migrate),
    /// Take back the last ones, or all without `--steps`
    #[command(after_help = "Example: webstir db rollback --steps 1")]
    Rollback(Rollback),
}

/// What every subcommand takes.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArguments {
    /// How long one migration may take, waiting for other processes included
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = TASK_LIMIT)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) release: ReleaseArguments,
}

/// `webstir db migrate`.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// At most so many [default: all]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) steps: Option<NonZeroUsize>,
    /// Only say what would be made
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) common: DatabaseArguments,
}

/// `webstir db rollback`.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// At most so many [default: all]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) steps: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) common: DatabaseArguments,
}
