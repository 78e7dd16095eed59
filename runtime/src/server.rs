//! The server: connections in, releases in, until it is told to stop.

mod opening;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::application::{HostChoice, LoadError, Release};
use crate::environment::{Environment, Settings};
use crate::log::READY;
use crate::pipeline;
use crate::security_headers::SecurityHeaders;
use crate::session::{self, Sessions, StoreError, SweepTask};
use crate::state::{Limits, Parts, State};

/// How a server runs, beside what its environment says.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    pub host: IpAddr,
    pub port: u16,
    pub limits: Limits,
    pub choice: HostChoice,
    /// None are sent where `SECURITY_HEADERS` is off.
    pub security_headers: SecurityHeaders,
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
    _sweep: SweepTask,
}

/// Gives a running server other releases.
#[derive(Clone)]
pub struct Deployments(Arc<State>);

/// Expired sessions are removed this often.
const SWEEP: Duration = Duration::from_mins(5);
/// After a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Server {
    /// Opens the session store and listens. A port of 0 is any free one.
    pub async fn bind(
        environment: &Environment,
        settings: Settings,
        options: ServerOptions,
    ) -> Result<Self, ServerError> {
        let address = SocketAddr::new(options.host, options.port);
        let listen = |source| ServerError::Listen { address, source };
        let store = session::connect(&settings.session.store).await?;
        let sessions = Sessions::new(&settings.session, store);
        let sweep = sessions.sweep_every(SWEEP);
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let variables: BTreeMap<String, String> =
            environment.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let security = if settings.security_headers { options.security_headers } else { SecurityHeaders::none() };
        let state = Arc::new(State::new(Parts {
            settings,
            root: PathBuf::from(environment.workspace_root()),
            variables,
            sessions,
            limits: options.limits,
            choice: options.choice,
            security,
        }));
        Ok(Self { listener, address, state, _sweep: sweep })
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
        let Self { listener, address, state, _sweep } = self;
        tracing::info!(target: READY, port = address.port(), mode = state.settings.mode.as_str(), runtime = "webstir", "API server running");
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
        drop(stopping);
        if timeout(state.limits.drain, graceful.shutdown()).await.is_err() {
            tracing::warn!("[webstir] requests were still in flight after {} s", state.limits.drain.as_secs());
        }
        state.application().dispose().await;
    }
}

impl Deployments {
    /// Serves a release from now on. One with the bytes that are served changes nothing.
    pub async fn deploy(&self, release: &Release) -> Result<(), LoadError> {
        self.0.deploy(release).await
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
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(pipeline::answer(state, request).await) }
    });
    tokio::spawn(async move {
        let opened = tokio::select! {
            opened = timeout(limits.head, opening::opened(&stream)) => opened.is_ok_and(|opened| opened.is_ok()),
            _ = is_stopping.changed() => false,
        };
        if opened {
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            // A client that breaks off is its own business.
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!("[webstir] connection: {error}");
            }
        }
        drop(permit);
    });
}
