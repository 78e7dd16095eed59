//! `webstir serve`.

mod signals;

use std::io::{self, IsTerminal as _};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::signal::unix::Signal;
use tracing_subscriber::layer::SubscriberExt as _;
use webstir_contract::artifacts::Engine;
use webstir_runtime::environment::Mode;
use webstir_runtime::log::{LogFormat, LogLayer};
use webstir_runtime::{
    Deployments, Environment, HandlerLimits, HostChoice, Limits, Release, ReleaseError, SecurityHeaders, Server,
    ServerOptions, Settings,
};

use crate::Exit;
use crate::args::{EngineChoice, Global, LogStyle, Serve};
use crate::compose::{Failure, Session, Workspace, workspace_root};
use crate::report;
use crate::report::progress::Progress;
use signals::Signals;

/// Where the releases come from.
enum Source {
    /// From the disk, below this directory.
    Output(String),
    /// From the graph.
    Graph(Builder),
}

struct Builder {
    global: Global,
    profile: String,
    output: String,
    cancelled: Arc<AtomicBool>,
}

pub(super) fn run(global: &Global, serve: &Serve) -> Result<Exit, Failure> {
    let root = workspace_root(global)?;
    let environment = environment(&root, serve)?;
    let settings = Settings::load(&environment).map_err(|error| Failure::new(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("serve")
        .build()
        .map_err(|error| Failure::new(format!("The server's threads cannot be started: {error}")))?;
    let signals = Signals::listen(&runtime)?;
    let (source, profile) = source(global, serve, &root, &signals.cancelled)?;
    let release = match &source {
        Source::Output(output) => Some(Release::read(&root, output).map_err(unservable)?),
        // What was found has been shown. A server that waits for a better build is of no use to one who only asked to serve.
        Source::Graph(builder) => builder.build(&root)?,
    };
    let Some(release) = release else { return Ok(Exit::Failed) };
    start_log(serve.log, &settings);
    let options = ServerOptions {
        host: serve.host.unwrap_or(settings.host),
        port: serve.port.unwrap_or(settings.port),
        limits: limits(serve),
        choice: HostChoice {
            engine: match serve.engine {
                EngineChoice::Auto => None,
                EngineChoice::Embedded => Some(Engine::Embedded),
                EngineChoice::Worker => Some(Engine::Worker),
            },
            count: serve.instances,
            limits: HandlerLimits::default(),
        },
        security_headers: SecurityHeaders::default(),
    };
    runtime.block_on(async {
        let server = Server::bind(&environment, settings, options).await.map_err(|error| {
            Failure::new(error.to_string()).with_help("Choose another port with `--port`, or 0 for any that is free")
        })?;
        let address = server.address();
        if !global.quiet {
            let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { shown(address.ip()) };
            report::story(&format!("Serving {profile} at http://{host}:{}", address.port()));
        }
        let deployments = server.deployments();
        // A module that cannot be loaded leaves a server that says so: whoever supervises it sees it in `/readyz`.
        let _ = deployments.deploy(&release).await;
        let stopped = signals.stopped();
        let reload = tokio::spawn(reload(source, root.clone(), deployments, signals.hangup));
        server.run(stopped).await;
        reload.abort();
        Ok(Exit::Done)
    })
}

fn limits(serve: &Serve) -> Limits {
    let default = Limits::default();
    Limits {
        head: serve.head_timeout.unwrap_or(default.head),
        body: serve.body_timeout.unwrap_or(default.body),
        ..default
    }
}

fn environment(root: &Path, serve: &Serve) -> Result<Environment, Failure> {
    let environment = Environment::load(Some(root), None)
        .map_err(|error| Failure::new(format!("The environment cannot be read: {error}")))?;
    // A build for production is served as one, unless the environment says otherwise.
    let is_published =
        serve.profile.as_deref() == Some("publish") || (serve.profile.is_none() && !serve.build && is_published(root));
    let mode = if is_published { Mode::new("production") } else { Mode::new("development") };
    Ok(environment.or_default("NODE_ENV", mode.as_str()))
}

fn is_published(root: &Path) -> bool {
    root.join("dist/backend/artifacts.json").is_file()
}

fn source(
    global: &Global,
    serve: &Serve,
    root: &Path,
    cancelled: &Arc<AtomicBool>,
) -> Result<(Source, String), Failure> {
    let default = if !serve.build && is_published(root) { "publish" } else { "build" };
    let profile = serve.profile.clone().unwrap_or_else(|| default.to_owned());
    let workspace = Workspace::open(global)?;
    let out = workspace.config.profile(&profile).and_then(|profile| profile.path("out")).cloned();
    let output = match out {
        Some(out) => format!("{}/backend", out.as_str()),
        None if profile == "publish" => "dist/backend".to_owned(),
        None => "build/backend".to_owned(),
    };
    if !serve.build {
        return Ok((Source::Output(output), profile));
    }
    let builder =
        Builder { global: global.clone(), profile: profile.clone(), output, cancelled: Arc::clone(cancelled) };
    Ok((Source::Graph(builder), profile))
}

impl Builder {
    /// None when the build failed; what was found has been shown. Each build has a session of its own, for a session knows the
    /// workspace as it first saw it; what did not change comes from the store.
    fn build(&self, root: &Path) -> Result<Option<Release>, Failure> {
        let workspace = Workspace::open(&self.global)?;
        let progress = Progress::new(&self.global);
        let cancelled = Arc::clone(&self.cancelled);
        let session = Session::start(workspace, &self.global, &self.profile, progress.sink(), cancelled);
        let built = session.and_then(|mut session| Ok((session.build()?, session)));
        progress.finish();
        let (built, session) = built?;
        report::terminal::build_on_the_way(&built, &self.global);
        if !built.ok {
            return Ok(None);
        }
        let read = |path: &str| {
            let artifact = built.artifacts.iter().find(|artifact| artifact.path.as_str() == path);
            let bytes = artifact.map(|artifact| session.artifact(artifact)).transpose();
            bytes.map(Option::flatten).map_err(|failure| io::Error::other(failure.to_string()))
        };
        Release::gather(root, &self.output, read).map(Some).map_err(unservable)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over an error")]
fn unservable(error: ReleaseError) -> Failure {
    Failure::new(error.to_string())
}

fn shown(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn start_log(style: Option<LogStyle>, settings: &Settings) {
    let is_terminal = io::stdout().is_terminal();
    let format = match style {
        Some(LogStyle::Json) => LogFormat::Json,
        None if !is_terminal => LogFormat::Json,
        _ => LogFormat::Pretty { colour: console::colors_enabled() },
    };
    let layer = LogLayer::new(format, settings.log_level, &settings.service_name, settings.mode.as_str(), io::stdout());
    // Fails when there is one already, which then takes the records.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer));
}

/// Reads or builds again with each hangup. What cannot be served leaves what is served.
async fn reload(source: Source, root: std::path::PathBuf, deployments: Deployments, mut hangup: Signal) {
    let source = Arc::new(source);
    while hangup.recv().await.is_some() {
        let (source, root) = (Arc::clone(&source), root.clone());
        let made = tokio::task::spawn_blocking(move || match &*source {
            Source::Output(output) => Release::read(&root, output).map(Some).map_err(unservable),
            Source::Graph(builder) => builder.build(&root),
        });
        match made.await {
            Ok(Ok(Some(release))) => {
                let _ = deployments.deploy(&release).await;
            }
            Ok(Ok(None)) => {}
            Ok(Err(failure)) => tracing::error!("[webstir] {failure}"),
            Err(fault) => tracing::error!("[webstir] {fault}"),
        }
    }
}
