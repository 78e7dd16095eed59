//! The server: connections in, releases in, until it is told to stop.

mod opening;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Version;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::application::{Deployed, Foreseen, HostChoice, LoadError, Release};
use crate::environment::{Environment, Settings};
use crate::live::Live;
use crate::log::READY;
use crate::pipeline::{self, Endless};
use crate::security_headers::SecurityHeaders;
use crate::session::StoreError;
use crate::state::{Configured, Limits, Parts, ReconfigureError, State};

/// How a server runs, beside what its environment says.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    pub host: IpAddr,
    pub port: u16,
    pub limits: Limits,
    pub choice: HostChoice,
    /// None are sent where `SECURITY_HEADERS` is off.
    pub security_headers: SecurityHeaders,
    /// What browsers are told through while a workspace is edited; pages are given the script that listens.
    pub live: Option<Live>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("Cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("Cannot open the session store: {0}")]
    Store(#[from] StoreError),
}

/// A server that listens. Requests are answered once it [runs](Server::run).
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    state: Arc<State>,
}

/// Gives a running server other releases.
#[derive(Clone)]
pub struct Deployments(Arc<State>);

/// After a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// For a browser to take the last that it is told.
const FAREWELL: Duration = Duration::from_millis(300);

impl Server {
    /// Opens the session store and listens. A port of 0 is any free one.
    pub async fn bind(
        environment: &Environment,
        settings: Settings,
        options: ServerOptions,
    ) -> Result<Self, ServerError> {
        let address = SocketAddr::new(options.host, options.port);
        let listen = |source| ServerError::Listen { address, source };
        let configured = Configured::new(environment, settings, &options.security_headers).await?;
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let state = Arc::new(State::new(Parts {
            configured,
            root: PathBuf::from(environment.workspace_root()),
            limits: options.limits,
            choice: options.choice,
            security: options.security_headers,
            live: options.live,
        }));
        Ok(Self { listener, address, state })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn deployments(&self) -> Deployments {
        Deployments(Arc::clone(&self.state))
    }

    /// Serves until `stop`; then finishes the requests in flight, within the limit, and disposes of the module.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { listener, address, state } = self;
        {
            let serving = state.serving();
            let mode = serving.configured.settings.mode.as_str();
            tracing::info!(target: READY, port = address.port(), mode, runtime = "webstir", "API server running");
        }
        let connections = Arc::new(Semaphore::new(state.limits.connections));
        let graceful = GracefulShutdown::new();
        let (stopping, is_stopping) = watch::channel(());
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = accept(&listener, &connections) => accepted,
            };
            match accepted {
                Ok((stream, permit)) => serve(stream, permit, &state, graceful.watcher(), is_stopping.clone()),
                Err(error) => {
                    tracing::warn!("[webstir] cannot accept a connection: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        if let Some(live) = &state.live {
            live.end();
        }
        drop(stopping);
        if timeout(state.limits.drain, graceful.shutdown()).await.is_err() {
            tracing::warn!("[webstir] requests were still in flight after {} s", state.limits.drain.as_secs());
        }
        state.serving().application.module().dispose().await;
    }
}

impl Deployments {
    /// Serves a release from now on; tells what changed. One with the bytes that are served changes nothing, and one that differs in
    /// nothing else than its site keeps the module that was loaded. Of several at once the one that was asked for last is served at
    /// last.
    pub async fn deploy(&self, release: &Release) -> Result<Deployed, LoadError> {
        self.0.deploy(release).await
    }

    /// Starts a module that the next release will have if nothing goes wrong, so that it need not be waited for then; its `init` is not
    /// called. A release with another module does without.
    pub async fn prepare(&self, foreseen: Foreseen) {
        self.0.prepare(foreseen).await;
    }

    /// Ends what was prepared: no release with it will come.
    pub async fn discard_prepared(&self) {
        self.0.discard_prepared().await;
    }

    /// Takes over another environment. New requests are answered by it; the release is loaded anew when its variables changed, and until
    /// that is done everything is as it was. Sessions go on where they can: the store stays while its location does, and a secret that
    /// nobody set stays the same. Host, port and the log are those of the start.
    pub async fn reconfigure(
        &self,
        environment: &Environment,
        settings: Settings,
    ) -> Result<Deployed, ReconfigureError> {
        self.0.reconfigure(environment, settings).await
    }
}

type Permit = tokio::sync::OwnedSemaphorePermit;

async fn accept(listener: &TcpListener, connections: &Arc<Semaphore>) -> io::Result<(TcpStream, Permit)> {
    let permit = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

fn serve(
    stream: TcpStream,
    permit: Permit,
    state: &Arc<State>,
    watcher: Watcher,
    mut is_stopping: watch::Receiver<()>,
) {
    // Answers are written whole: waiting for more only delays them.
    let _ = stream.set_nodelay(true);
    let limits = state.limits;
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes.max(8192))
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(limits.head))
        .keep_alive_timeout(limits.head);
    let state = Arc::clone(state);
    let is_endless = Arc::new(AtomicBool::new(false));
    let farewell = farewell(state.live.is_some(), Arc::clone(&is_endless), is_stopping.clone());
    let service = service_fn(move |request| {
        let (state, is_endless) = (Arc::clone(&state), Arc::clone(&is_endless));
        async move {
            let is_alone = request.version() < Version::HTTP_2;
            is_endless.store(false, Ordering::Relaxed);
            let response = pipeline::answer(state, request).await;
            is_endless.store(is_alone && response.extensions().get::<Endless>().is_some(), Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        }
    });
    tokio::spawn(async move {
        let opened = tokio::select! {
            opened = timeout(limits.head, opening::opened(&stream)) => opened.is_ok_and(|opened| opened.is_ok()),
            _ = is_stopping.changed() => false,
        };
        if opened {
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            tokio::select! {
                ended = watcher.watch(connection) => {
                    // A client that breaks off is its own business.
                    if let Err(error) = ended {
                        tracing::debug!("[webstir] connection: {error}");
                    }
                }
                () = farewell => {}
            }
        }
        drop(permit);
    });
}

/// Until a connection that carries nothing but a stream of events need not be waited for: a client that takes nothing would hold up the
/// end of the server. Without a hub it never comes.
async fn farewell(is_live: bool, is_endless: Arc<AtomicBool>, mut is_stopping: watch::Receiver<()>) {
    if is_live {
        // Nothing is ever sent: it changes by its sender going away.
        let _ = is_stopping.changed().await;
        sleep(FAREWELL).await;
        if is_endless.load(Ordering::Relaxed) {
            return;
        }
    }
    std::future::pending::<()>().await;
}
