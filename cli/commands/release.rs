//! Releases: what the commands that run a workspace take from it, off the disk or straight from the graph.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tracing_subscriber::layer::SubscriberExt as _;
use webstir_contract::artifacts::Engine;
use webstir_runtime::environment::Mode;
use webstir_runtime::log::{LogFormat, LogLayer};
use webstir_runtime::{Environment, LogSettings, Release};

use crate::args::{EngineChoice, Global, LogStyle, ReleaseArguments};
use crate::compose::{Failure, Session, Workspace};
use crate::report;
use crate::report::progress::Progress;

/// Where the releases of one profile come from.
pub(super) struct Source {
    root: PathBuf,
    pub(super) profile: String,
    /// The directory of the backend below the root.
    output: String,
    /// None: from the disk.
    builder: Option<Builder>,
}

/// What it takes to build.
struct Builder {
    global: Global,
    cancelled: Arc<AtomicBool>,
}

impl Source {
    /// A build gives up when `cancelled` becomes true.
    pub(super) fn choose(
        global: &Global,
        wanted: &ReleaseArguments,
        root: &Path,
        cancelled: &Arc<AtomicBool>,
    ) -> Result<Self, Failure> {
        let default = if !wanted.build && is_published(root) { "publish" } else { "build" };
        let profile = wanted.profile.clone().unwrap_or_else(|| default.to_owned());
        let workspace = Workspace::open(global)?;
        let out = workspace.config.profile(&profile).and_then(|profile| profile.path("out")).cloned();
        let output = match out {
            Some(out) => format!("{}/backend", out.as_str()),
            None if profile == "publish" => "dist/backend".to_owned(),
            None => "build/backend".to_owned(),
        };
        let builder = wanted.build.then(|| Builder { global: global.clone(), cancelled: Arc::clone(cancelled) });
        Ok(Self { root: root.to_owned(), profile, output, builder })
    }

    /// None when the build failed; what was found has been shown.
    pub(super) fn release(&self) -> Result<Option<Release>, Failure> {
        match &self.builder {
            None => Release::read(&self.root, &self.output).map(Some).map_err(Failure::of),
            Some(builder) => self.build(builder),
        }
    }

    /// Each build has a session of its own, for a session knows the workspace as it first saw it; what did not change comes from
    /// the store.
    fn build(&self, builder: &Builder) -> Result<Option<Release>, Failure> {
        let workspace = Workspace::open(&builder.global)?;
        let progress = Progress::new(&builder.global);
        let cancelled = Arc::clone(&builder.cancelled);
        let session = Session::start(workspace, &builder.global, &self.profile, progress.sink(), cancelled);
        let built = session.and_then(|mut session| Ok((session.build()?, session)));
        progress.finish();
        let (built, session) = built?;
        report::terminal::build_on_the_way(&built, &builder.global);
        if !built.ok {
            return Ok(None);
        }
        let read = |path: &str| {
            let artifact = built.artifacts.iter().find(|artifact| artifact.path.as_str() == path);
            let bytes = artifact.map(|artifact| session.artifact(artifact)).transpose();
            bytes.map(Option::flatten).map_err(io::Error::other)
        };
        Release::gather(&self.root, &self.output, None, read).map(Some).map_err(Failure::of)
    }
}

/// The environment of the process and of the files in the workspace.
pub(super) fn environment(root: &Path, wanted: &ReleaseArguments) -> Result<Environment, Failure> {
    let environment = Environment::load(Some(root), None)
        .map_err(|error| Failure::because("The environment cannot be read", error))?;
    // A build for production runs as one, unless the environment says otherwise.
    let is_published = wanted.profile.as_deref() == Some("publish")
        || (wanted.profile.is_none() && !wanted.build && is_published(root));
    let mode = if is_published { Mode::new("production") } else { Mode::new("development") };
    Ok(environment.or_default("NODE_ENV", mode.as_str()))
}

fn is_published(root: &Path) -> bool {
    root.join("dist/backend/artifacts.json").is_file()
}

/// None: what the build decided.
pub(super) fn engine(wanted: &ReleaseArguments) -> Option<Engine> {
    match wanted.engine {
        EngineChoice::Auto => None,
        EngineChoice::Embedded => Some(Engine::Embedded),
        EngineChoice::Worker => Some(Engine::Worker),
    }
}

/// From here on what scripts log is on stdout.
pub(super) fn start_log(wanted: &ReleaseArguments, settings: &LogSettings) {
    let is_pretty = match wanted.log {
        Some(style) => style == LogStyle::Pretty,
        None => io::stdout().is_terminal(),
    };
    log_to(io::stdout(), is_pretty && console::colors_enabled(), is_pretty, settings);
}

/// From here on what scripts log goes to `sink`.
pub(super) fn log_to(sink: impl io::Write + Send + 'static, colour: bool, is_pretty: bool, settings: &LogSettings) {
    let format = if is_pretty { LogFormat::Pretty { colour } } else { LogFormat::Json };
    let layer = LogLayer::new(format, settings.level, &settings.service_name, settings.mode.as_str(), sink);
    // Fails when there is one already, which then takes the records.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer));
}

/// The threads of a command that runs scripts.
pub(super) fn threads() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("serve").build();
    runtime.map_err(|error| Failure::because("Threads cannot be started", error))
}
