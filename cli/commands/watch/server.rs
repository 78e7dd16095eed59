//! The server beside a workspace that is watched.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use webstir_engine::action::Artifact;
use webstir_engine::blob::Blobs as _;
use webstir_runtime::{
    Deployments, Environment, Foreseen, HandlerLimits, HostChoice, Limits, Live, LiveFinding, Release, SecurityHeaders,
    Server, ServerError, ServerOptions, Settings,
};

use super::keys;
use crate::args::{Global, ReleaseArguments, Watch as Arguments};
use crate::commands::release;
use crate::compose::{Built, Failure, Watch};
use crate::report::watch::{LogSink, View};

/// Where nobody said where to listen.
const FIRST_PORT: u16 = 4321;
/// How many ports are tried then.
const PORTS: u16 = 20;

/// What a handler can tell by that it runs beside a watched workspace.
const DEVELOPMENT: (&str, &str) = ("WEBSTIR_FRONTEND_DEV_SERVER", "1");

/// What is to be served next.
enum Order {
    Release(Box<Release>, Instant),
    /// The module that the next release has if nothing goes wrong.
    Preload(Box<Foreseen>),
    /// Something went wrong.
    Discard,
    Environment(Environment, Box<Settings>),
}

/// A server that is given every build.
pub(super) struct Serving {
    root: PathBuf,
    profile: String,
    url: String,
    live: Live,
    orders: mpsc::UnboundedSender<Order>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    /// When the build that is under way began.
    since: Mutex<Instant>,
    /// What was gathered last.
    last: Mutex<Option<Release>>,
}

impl Serving {
    /// Listens; until there is something to serve, pages say so.
    pub(super) fn start(
        runtime: &Runtime,
        global: &Global,
        arguments: &Arguments,
        root: &Path,
        view: &View,
    ) -> Result<Self, Failure> {
        let environment = environment(root, &arguments.profile)?;
        let settings = Settings::load(&environment).map_err(Failure::of)?;
        let is_terminal = io::stderr().is_terminal();
        if !global.quiet {
            let colour = is_terminal && console::colors_enabled_stderr();
            if view.is_screen() {
                let sink = LogSink::new(view.clone()).map_err(Failure::of)?;
                release::log_to(sink, colour, true, &settings.log);
            } else {
                release::log_to(io::stderr(), colour, !global.json, &settings.log);
            }
        }
        let live = Live::answering_to(arguments.allow_host.iter().cloned());
        let server = runtime.block_on(bind(&environment, &settings, arguments, &live))?;
        let address = server.address();
        let host = match address.ip() {
            ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        };
        let url = format!("http://{host}:{}", address.port());
        let (orders, ordered) = mpsc::unbounded_channel();
        let opens = arguments.open.then(|| url.clone());
        runtime.spawn(deploy(server.deployments(), live.clone(), ordered, view.clone(), opens));
        let (stop, stopped) = oneshot::channel::<()>();
        let server = runtime.spawn(server.run(async {
            // Its sender goes with everything else.
            let _ = stopped.await;
        }));
        Ok(Self {
            root: root.to_owned(),
            profile: arguments.profile.clone(),
            url,
            live,
            orders,
            stop,
            server,
            since: Mutex::new(Instant::now()),
            last: Mutex::new(None),
        })
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// A build begins.
    pub(super) fn building(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.live.building();
    }

    /// A build failed: what was served still is.
    pub(super) fn failed(&self, findings: Vec<LiveFinding>) {
        self.live.failed(findings);
        self.order(Order::Discard);
    }

    /// Starts what is compiled while its manifest is read and its files are materialised, where an edit changed code and nothing else. It is a
    /// guess: the release decides.
    pub(super) fn preload(&self, watch: &Watch, artifacts: &[Artifact]) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = last.as_ref() else { return };
        let code: HashMap<&str, &Artifact> =
            artifacts.iter().map(|artifact| (artifact.path.as_str(), artifact)).collect();
        let digest = |path: &str| code.get(path).map(|artifact| (*artifact.digest.as_bytes()).into());
        // What cannot be read is the matter of the build.
        if let Ok(Some(foreseen)) = last.foresee(digest, |path| read(watch, &code, path)) {
            self.order(Order::Preload(Box::new(foreseen)));
        }
    }

    /// The checks of what is served are done.
    pub(super) fn checked(&self, findings: Vec<LiveFinding>) {
        self.live.findings(findings);
    }

    /// Serves a build from now on. It is gathered here, so that it is of one build, and served by another thread.
    pub(super) fn serve(&self, watch: &Watch, built: &Built) -> Result<(), Failure> {
        let Some(output) = watch.workspace().backend(&self.profile) else { return Ok(()) };
        let artifacts: HashMap<&str, &Artifact> =
            built.artifacts.iter().map(|artifact| (artifact.path.as_str(), artifact)).collect();
        let read = |path: &str| read(watch, &artifacts, path);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let release = Release::gather(&self.root, output.as_str(), last.as_ref(), read).map_err(Failure::of)?;
        *last = Some(release.clone());
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        self.order(Order::Release(Box::new(release), since));
        Ok(())
    }

    /// Takes over what the files of variables say now.
    pub(super) fn reconfigure(&self, view: &View) {
        let loaded = environment(&self.root, &self.profile).and_then(|environment| {
            let settings = Settings::load(&environment).map_err(Failure::of)?;
            Ok(Order::Environment(environment, Box::new(settings)))
        });
        match loaded {
            Ok(order) => self.order(order),
            Err(failure) => view.trouble(&failure),
        }
    }

    fn order(&self, order: Order) {
        // The receiver lives as long as the runtime.
        let _ = self.orders.send(order);
    }

    /// Finishes the requests in flight.
    pub(super) fn stop(self, runtime: &Runtime) {
        // A server that has ended needs not be told.
        let _ = self.stop.send(());
        // A server that panicked has said so.
        let _ = runtime.block_on(self.server);
    }
}

/// The bytes of a file that was built.
fn read(watch: &Watch, artifacts: &HashMap<&str, &Artifact>, path: &str) -> io::Result<Option<Vec<u8>>> {
    let bytes = artifacts.get(path).map(|artifact| watch.store().get(artifact.digest)).transpose()?;
    Ok(bytes.flatten().map(|bytes| bytes.to_vec()))
}

fn environment(root: &Path, profile: &str) -> Result<Environment, Failure> {
    let environment = release::environment(root, &ReleaseArguments::of_build(profile))?;
    Ok(environment.or_default(DEVELOPMENT.0, DEVELOPMENT.1))
}

async fn bind(
    environment: &Environment,
    settings: &Settings,
    arguments: &Arguments,
    live: &Live,
) -> Result<Server, Failure> {
    let wanted = arguments.port.or_else(|| environment.text("PORT").map(|_| settings.port));
    let host = arguments.host.or_else(|| environment.text("HOST").map(|_| settings.host));
    let options = |port| ServerOptions {
        host: host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        port,
        limits: Limits::default(),
        choice: HostChoice {
            engine: release::engine(&ReleaseArguments {
                engine: arguments.engine,
                ..ReleaseArguments::of_build(&arguments.profile)
            }),
            count: NonZeroUsize::MIN,
            limits: HandlerLimits::default(),
        },
        security_headers: SecurityHeaders::default(),
        live: Some(live.clone()),
    };
    let ports = wanted.map_or(FIRST_PORT..FIRST_PORT + PORTS, |port| port..port.saturating_add(1));
    let last = ports.end - 1;
    for port in ports {
        match Server::bind(environment, settings.clone(), options(port)).await {
            Ok(server) => return Ok(server),
            Err(ServerError::Listen { source, .. }) if source.kind() == io::ErrorKind::AddrInUse && port < last => {}
            Err(error) => {
                return Err(
                    Failure::of(error).with_help("Choose another port with `--port`, or 0 for any that is free")
                );
            }
        }
    }
    Err(Failure::new("No port is free").with_help("Choose one with `--port`, or 0 for any that is free"))
}

/// Serves what is ordered, the newest only.
async fn deploy(
    deployments: Deployments,
    live: Live,
    mut ordered: mpsc::UnboundedReceiver<Order>,
    view: View,
    mut opens: Option<String>,
) {
    while let Some(order) = ordered.recv().await {
        let mut orders = vec![order];
        while let Ok(order) = ordered.try_recv() {
            orders.push(order);
        }
        let mut newest = None;
        let mut environment = None;
        let mut next = None;
        for order in orders {
            match order {
                // What was preloaded before it would come too late.
                Order::Release(release, since) => (newest, next) = (Some((release, since)), None),
                Order::Preload(..) | Order::Discard => next = Some(order),
                Order::Environment(variables, settings) => environment = Some((variables, settings)),
            }
        }
        if let Some((variables, settings)) = environment {
            match deployments.reconfigure(&variables, *settings).await {
                Ok(deployed) => live.succeeded(&deployed),
                Err(error) => view.refused(&error.to_string()),
            }
        }
        if let Some((release, since)) = newest {
            match deployments.deploy(&release).await {
                Ok(deployed) => {
                    live.succeeded(&deployed);
                    view.served(&deployed, since.elapsed());
                    if let Some(url) = opens.take() {
                        keys::open(&url);
                    }
                }
                Err(error) => {
                    live.failed(vec![LiveFinding::from(&error)]);
                    view.refused(&error.to_string());
                }
            }
        }
        match next {
            Some(Order::Preload(foreseen)) => deployments.prepare(*foreseen).await,
            Some(_) => deployments.discard_prepared().await,
            None => {}
        }
    }
}
