//! A server in this process, and releases for it.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use webstir_contract::artifacts::Engine;
use webstir_runtime::assets::{AssetEntry, AssetIndex, Place};
use webstir_runtime::host::{HostedModule, HostedText};
use webstir_runtime::page_view::PageViews;
use webstir_runtime::site::Site;
use webstir_runtime::{
    Deployments, Environment, HandlerLimits, HostChoice, Limits, Live, Release, SecurityHeaders, Server, ServerOptions,
    Settings,
};

/// The longest wait for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) deployments: Deployments,
    pub(crate) live: Live,
    root: tempfile::TempDir,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with(Some(Live::new()), &[]).await
    }

    /// Without a hub it serves as `webstir serve` does.
    pub(crate) async fn with(live: Option<Live>, variables: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (environment, settings) = configuration(root.path(), variables);
        let options = ServerOptions {
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            limits: Limits { drain: Duration::from_secs(20), ..Limits::default() },
            choice: HostChoice { engine: None, count: NonZeroUsize::MIN, limits: HandlerLimits::default() },
            security_headers: SecurityHeaders::default(),
            live: live.clone(),
        };
        let server = Server::bind(&environment, settings, options).await.unwrap();
        let (address, deployments) = (server.address(), server.deployments());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { address, deployments, live: live.unwrap_or_default(), root, stop, task }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Ends it; gives how long that took.
    pub(crate) async fn stop(self) -> Duration {
        let begun = Instant::now();
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
        begun.elapsed()
    }

    /// Deploys a release and says so to browsers.
    pub(crate) async fn show(&self, release: &Release) -> webstir_runtime::Deployed {
        let deployed = self.deployments.deploy(release).await.unwrap();
        self.live.succeeded(&deployed);
        deployed
    }
}

/// What a process with these variables is told.
pub(crate) fn configuration(root: &Path, variables: &[(&str, &str)]) -> (Environment, Settings) {
    let path = std::env::var("PATH").unwrap();
    let mut all: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    all.insert("PATH".to_owned(), path);
    let environment = Environment::from_parts(all, [""; 0], root);
    let settings = Settings::load(&environment).unwrap();
    (environment, settings)
}

/// A release with a module of these routes and views, JavaScript texts, and these published files.
pub(crate) fn release(root: &Path, module: &str, files: &[(&str, &str)]) -> Release {
    let entry = |(path, text): &(&str, &str)| AssetEntry {
        path: (*path).to_owned(),
        digest: blake3::hash(text.as_bytes()),
        length: text.len() as u64,
        place: Place::Memory(Bytes::copy_from_slice(text.as_bytes())),
    };
    of_site(root, module, Site::new(AssetIndex::new(files.iter().map(entry)), PageViews::default()))
}

pub(crate) fn of_site(root: &Path, module: &str, site: Site) -> Release {
    let module_identity = blake3::hash(module.as_bytes());
    let path = root.join("build/backend/module.js");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, module).unwrap();
    Release {
        root: root.to_owned(),
        profile: "build".to_owned(),
        identity: blake3::keyed_hash(module_identity.as_bytes(), site.assets().identity().as_bytes()),
        module_identity,
        module: Some(HostedModule::linked(root, "build/backend/module.js", HostedText::new(module), None)),
        engine: None,
        validates: false,
        package_json: None,
        site: Some(Arc::new(site)),
        tasks: webstir_runtime::task::Tasks::default(),
    }
}

/// The same, run by what is installed.
pub(crate) fn in_worker(release: Release) -> Release {
    Release { engine: Some(Engine::Worker), ..release }
}

/// A module with routes: for each its path and the expression of its result, which may use `ctx` and `module` state `count`.
pub(crate) fn module(routes: &[(&str, &str)]) -> String {
    let routes: Vec<String> = routes
        .iter()
        .map(|(path, result)| {
            format!("{{ definition: {{ name: '{path}', path: '{path}' }}, handler: async (ctx) => ({result}) }}")
        })
        .collect();
    format!("let count = 0;\nexport const module = {{ routes: [{}] }};\n", routes.join(",\n"))
}

/// Asks again and again, until it is so.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let end = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < end, "it never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
