//! Connections to a PostgreSQL server.
//!
//! A [`Connections`] is a *pool* to one *address*. It connects when the first of them is asked for.

mod address;
mod certificates;

use std::error::Error;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, Object, Pool, PoolError, Runtime};

use address::Address;

/// How long a connection may take to be made, and how long a request waits for one.
const PATIENCE: Duration = Duration::from_secs(5);

/// After how long an idle connection is probed.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A pool of connections. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Connections(Pool);

/// What a pool is.
pub(crate) struct PoolSettings {
    /// How many connections it holds at most.
    pub(crate) connections: usize,
    /// How long a server that has vanished goes unnoticed; without it, that is many minutes.
    pub(crate) silence: Duration,
    /// Statements for each new connection.
    pub(crate) prologue: Option<String>,
}

/// What keeps a connection from being made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// The address names no server, or its certificate cannot be judged. The text does not repeat the address.
    #[error("{0}")]
    Address(String),
    /// The server said no, or cannot be reached.
    #[error("{}", with_sources(.0))]
    Server(#[from] tokio_postgres::Error),
    /// The pool gives none.
    #[error("{0}")]
    Pool(#[source] Box<dyn Error + Send + Sync>),
}

impl Connections {
    /// To `postgres://user:password@host:port/database?sslmode=..&sslrootcert=..`.
    ///
    /// `sslmode` means what it means to `libpq`: `disable`; `prefer` (the default) and `require` encrypt and trust any
    /// certificate; `verify-ca` and `verify-full` both verify certificate and name, against `sslrootcert` or the platform's
    /// roots.
    pub(crate) fn new(url: &str, settings: PoolSettings) -> Result<Self, ConnectionError> {
        let Address { mut config, tls } = Address::parse(url)?;
        config.connect_timeout(PATIENCE).tcp_user_timeout(settings.silence).keepalives_idle(KEEP_ALIVE);
        let mut pool = Pool::builder(Manager::new(config, tls))
            .max_size(settings.connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .recycle_timeout(Some(PATIENCE));
        if let Some(prologue) = settings.prologue {
            pool = pool.post_create(Hook::async_fn(move |connection, _| {
                let prologue = prologue.clone();
                Box::pin(async move { connection.batch_execute(&prologue).await.map_err(HookError::Backend) })
            }));
        }
        Ok(Self(pool.build().map_err(|error| ConnectionError::Pool(Box::new(error)))?))
    }

    /// One of them, which goes back when it is dropped.
    pub(crate) async fn get(&self) -> Result<Object, ConnectionError> {
        self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            other => ConnectionError::Pool(Box::new(other)),
        })
    }
}

/// The message of an error and of what caused it; the driver's own message says only the kind.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
