//! What all requests of a server share.

mod throttle;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::application::{Application, HostChoice, LoadError, Release};
use crate::auth::Authenticator;
use crate::document::{CacheStatus, DocumentError, Documents};
use crate::environment::Settings;
use crate::host::Calls;
use crate::metrics::Metrics;
use crate::readiness::{Readiness, ReadinessStatus};
use crate::security_headers::SecurityHeaders;
use crate::session::Sessions;

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
    pub(crate) settings: Settings,
    pub(crate) root: PathBuf,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) sessions: Sessions,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) calls: Arc<Calls>,
    pub(crate) metrics: Metrics,
    pub(crate) client_errors: Throttle,
    pub(crate) limits: Limits,
    pub(crate) choice: HostChoice,
    pub(crate) security: SecurityHeaders,
    pub(crate) started: Instant,
    documents: Arc<Documents>,
    current: RwLock<Current>,
}

struct Current {
    application: Arc<Application>,
    identity: Option<blake3::Hash>,
    status: ReadinessStatus,
    message: Option<String>,
}

/// The parts that are made before the server.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) root: PathBuf,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) sessions: Sessions,
    pub(crate) limits: Limits,
    pub(crate) choice: HostChoice,
    pub(crate) security: SecurityHeaders,
}

impl State {
    pub(crate) fn new(parts: Parts) -> Self {
        let authenticator = Arc::new(Authenticator::new(&parts.settings.auth));
        Self {
            calls: Calls::new(Arc::clone(&authenticator)),
            authenticator,
            metrics: Metrics::new(parts.settings.metrics),
            client_errors: Throttle::new(20, 5),
            started: Instant::now(),
            documents: Arc::default(),
            current: RwLock::new(Current {
                application: Arc::new(Application::empty()),
                identity: None,
                status: ReadinessStatus::Booting,
                message: None,
            }),
            settings: parts.settings,
            root: parts.root,
            variables: parts.variables,
            sessions: parts.sessions,
            limits: parts.limits,
            choice: parts.choice,
            security: parts.security,
        }
    }

    /// What serves requests from now on; a request keeps the one that it started with.
    pub(crate) fn application(&self) -> Arc<Application> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).application)
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let is_available = current.application.is_available();
        let (status, message) = match current.status {
            ReadinessStatus::Ready if !is_available => {
                (ReadinessStatus::Error, Some("The worker is being started again".to_owned()))
            }
            status => (status, current.message.clone()),
        };
        Readiness {
            status,
            message,
            manifest: current.application.manifest().cloned(),
            metrics: self.metrics.snapshot(),
        }
    }

    /// Serves a release. One that cannot be loaded leaves what was served before; the first leaves the server unready.
    pub(crate) async fn deploy(&self, release: &Release) -> Result<(), LoadError> {
        if self.current.read().unwrap_or_else(PoisonError::into_inner).identity == Some(release.identity) {
            return Ok(());
        }
        let loaded = Application::load(release, &self.variables, &self.choice, &self.calls).await;
        let application = match loaded {
            Ok(application) => Arc::new(application),
            Err(error) => {
                let (kind, stack, message) = match &error {
                    LoadError::Host(error) => (error.kind(), error.stack(), error.message()),
                    other => ("Error", other.to_string(), other.to_string()),
                };
                let record = json!({
                    "message": "[webstir-backend] module load failed",
                    "fields": { "err": { "type": kind, "message": message, "stack": stack } },
                })
                .to_string();
                tracing::error!(record = record.as_str());
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                if current.identity.is_none() {
                    current.status = ReadinessStatus::Error;
                    current.message = Some(error.to_string());
                }
                return Err(error);
            }
        };
        announce(&application, release);
        let before = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            current.identity = Some(release.identity);
            current.status = ReadinessStatus::Ready;
            current.message = None;
            std::mem::replace(&mut current.application, application)
        };
        tokio::spawn(retire(before, self.limits.drain));
        Ok(())
    }

    /// The document of a page. Looks at the disk.
    pub(crate) async fn document(&self, page: String) -> Result<(Arc<str>, CacheStatus), DocumentError> {
        let (documents, root) = (Arc::clone(&self.documents), self.root.clone());
        let found = tokio::task::spawn_blocking(move || documents.find(&root, &page)).await;
        found.unwrap_or_else(|fault| std::panic::resume_unwind(fault.into_panic()))
    }
}

fn announce(application: &Application, release: &Release) {
    if application.has_module() {
        let name = release.module.as_ref().map_or("", |module| module.name.as_str());
        tracing::info!(engine = application.engine_name(), "[webstir-backend] loaded module definition from {name}");
    } else {
        tracing::warn!("[webstir-backend] no module definition found. Add src/backend/module.ts to describe routes.");
    }
    tracing::info!("{}", application.manifest_line());
    for warning in application.warnings() {
        tracing::warn!(warning = warning.as_str(), "[webstir-backend] module configuration warning");
    }
}

/// Waits for the requests that still use it, then ends it.
async fn retire(application: Arc<Application>, limit: Duration) {
    let deadline = Instant::now() + limit;
    while Arc::strong_count(&application) > 1 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    application.dispose().await;
}
