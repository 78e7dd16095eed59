//! What all requests of a server share.

mod configured;
mod deployment;
mod prepared;
mod throttle;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::application::{Application, HostChoice};
use crate::document::{CacheStatus, DocumentError, Documents};
use crate::host::Calls;
use crate::live::Live;
use crate::readiness::{Readiness, ReadinessStatus};
use crate::security_headers::SecurityHeaders;

pub(crate) use configured::Configured;
use deployment::Deploying;
pub use deployment::ReconfigureError;
pub(crate) use throttle::Throttle;

/// What a client may take its time for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Sending the head of a request.
    pub head: Duration,
    /// Sending its body.
    pub body: Duration,
    /// Bytes of the head.
    pub head_bytes: usize,
    /// Connections at once; more wait.
    pub connections: usize,
    /// Requests in flight when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(30),
            body: Duration::from_mins(1),
            head_bytes: 64 << 10,
            connections: 20_000,
            drain: Duration::from_secs(30),
        }
    }
}

/// What all requests of a server share.
pub(crate) struct State {
    pub(crate) calls: Arc<Calls>,
    pub(crate) client_errors: Throttle,
    pub(crate) limits: Limits,
    pub(crate) started: Instant,
    /// None where browsers are told nothing.
    pub(crate) live: Option<Live>,
    root: PathBuf,
    choice: HostChoice,
    security: SecurityHeaders,
    documents: Arc<Documents>,
    serving: RwLock<Arc<Serving>>,
    deploying: tokio::sync::Mutex<Deploying>,
}

/// What a request is served with: whatever changes meanwhile, it keeps this one to its end.
#[derive(Clone)]
pub(crate) struct Serving {
    pub(crate) application: Arc<Application>,
    pub(crate) configured: Arc<Configured>,
    /// Whether the application is that of a release.
    pub(crate) is_deployed: bool,
    status: ReadinessStatus,
    message: Option<String>,
}

/// The parts that are made before the server.
pub(crate) struct Parts {
    pub(crate) configured: Configured,
    pub(crate) root: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) choice: HostChoice,
    pub(crate) security: SecurityHeaders,
    pub(crate) live: Option<Live>,
}

impl State {
    pub(crate) fn new(parts: Parts) -> Self {
        let configured = Arc::new(parts.configured);
        Self {
            calls: Calls::new(),
            client_errors: Throttle::new(20, 5),
            limits: parts.limits,
            started: Instant::now(),
            live: parts.live,
            root: parts.root,
            choice: parts.choice,
            security: parts.security,
            documents: Arc::default(),
            deploying: tokio::sync::Mutex::new(Deploying::new(Arc::clone(&configured))),
            serving: RwLock::new(Arc::new(Serving {
                application: Arc::new(Application::empty()),
                configured,
                is_deployed: false,
                status: ReadinessStatus::Booting,
                message: None,
            })),
        }
    }

    /// What serves requests from now on.
    pub(crate) fn serving(&self) -> Arc<Serving> {
        Arc::clone(&self.serving.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exchanges it; gives the one before.
    fn replace(&self, next: impl FnOnce(&Serving) -> Serving) -> Arc<Serving> {
        let mut serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
        let next = Arc::new(next(&serving));
        std::mem::replace(&mut serving, next)
    }

    /// The document of a page where the release brings none. Looks at the disk.
    pub(crate) async fn document(&self, page: String) -> Result<(Arc<str>, CacheStatus), DocumentError> {
        let (documents, root) = (Arc::clone(&self.documents), self.root.clone());
        let found = tokio::task::spawn_blocking(move || documents.find(&root, &page)).await;
        found.unwrap_or_else(|fault| std::panic::resume_unwind(fault.into_panic()))
    }
}

impl Serving {
    pub(crate) fn readiness(&self) -> Readiness {
        let (status, message) = match self.status {
            ReadinessStatus::Ready if !self.application.is_available() => {
                (ReadinessStatus::Error, Some("The worker is being started again".to_owned()))
            }
            status => (status, self.message.clone()),
        };
        Readiness {
            status,
            message,
            manifest: self.application.manifest().cloned(),
            metrics: self.configured.metrics.snapshot(),
        }
    }
}
