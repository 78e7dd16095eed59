//! `webstir serve`.

mod schedules;

use std::net::IpAddr;
use std::sync::Arc;

use tokio::signal::unix::Signal;
use webstir_runtime::{
    Deployments, HandlerLimits, HostChoice, Limits, SecurityHeaders, Server, ServerOptions, Settings,
};

use super::release::{self, Source};
use super::signals::Signals;
use crate::Exit;
use crate::args::{Global, Serve};
use crate::compose::{Failure, workspace_root};
use crate::report;
use schedules::Schedules;

pub(super) fn run(global: &Global, serve: &Serve) -> Result<Exit, Failure> {
    let root = workspace_root(global)?;
    let environment = release::environment(&root, &serve.release)?;
    let settings = Settings::load(&environment).map_err(Failure::of)?;
    let runtime = release::threads()?;
    let signals = Signals::listen(&runtime)?;
    let source = Source::choose(global, &serve.release, &root, &signals.cancelled)?;
    // What was found has been shown. A server that waits for a better build is of no use to one who only asked to serve.
    let Some(release) = source.release()? else { return Ok(Exit::Failed) };
    release::start_log(&serve.release, &settings.log);
    let options = ServerOptions {
        host: serve.host.unwrap_or(settings.host),
        port: serve.port.unwrap_or(settings.port),
        limits: limits(serve),
        choice: HostChoice {
            engine: release::engine(&serve.release),
            count: serve.instances,
            limits: HandlerLimits::default(),
        },
        security_headers: SecurityHeaders::default(),
        live: None,
    };
    runtime.block_on(async {
        let server = Server::bind(&environment, settings, options).await.map_err(|error| {
            Failure::of(error).with_help("Choose another port with `--port`, or 0 for any that is free")
        })?;
        let address = server.address();
        if !global.quiet {
            let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { shown(address.ip()) };
            report::story(&format!("Serving {} at http://{host}:{}", source.profile, address.port()));
        }
        let deployments = server.deployments();
        // A module that cannot be loaded leaves a server that says so: whoever supervises it sees it in `/readyz`.
        let _ = deployments.deploy(&release).await;
        let schedules = serve.with_jobs.then(|| Arc::new(Schedules::new(serve, &environment, signals.stopping())));
        if let Some(schedules) = &schedules {
            schedules.follow(&release);
        }
        let stopping = signals.stopping();
        let stop = async {
            stopping.wait().await;
        };
        let reload = tokio::spawn(reload(Arc::new(source), deployments, schedules.clone(), signals.hangup));
        server.run(stop).await;
        reload.abort();
        if let Some(schedules) = schedules {
            schedules.finish().await;
        }
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

fn shown(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Reads or builds again with each hangup. What cannot be served leaves what is served.
async fn reload(source: Arc<Source>, deployments: Deployments, schedules: Option<Arc<Schedules>>, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        let source = Arc::clone(&source);
        match tokio::task::spawn_blocking(move || source.release()).await {
            Ok(Ok(Some(release))) => {
                if let (Ok(_), Some(schedules)) = (deployments.deploy(&release).await, &schedules) {
                    schedules.follow(&release);
                }
            }
            Ok(Ok(None)) => {}
            Ok(Err(failure)) => tracing::error!("[webstir] {failure}"),
            Err(fault) => tracing::error!("[webstir] {fault}"),
        }
    }
}
