//! From one release to the next.
//!
//! Deployments take turns in the order in which they were asked for, so that the newest is what is served at last. What requests see is
//! exchanged in one step, when everything that can fail is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::spawn_blocking;

use super::prepared::Prepared;
use super::{Configured, Serving, State};
use crate::application::{Application, Deployed, Foreseen, LoadError, Module, Release};
use crate::environment::{Environment, Settings};
use crate::readiness::ReadinessStatus;
use crate::session::StoreError;
use crate::site::Site;

/// What the next deployment starts from.
pub(super) struct Deploying {
    /// What the next module is loaded with.
    configured: Arc<Configured>,
    deployed: Option<Loaded>,
    /// What the next release may start from.
    prepared: Option<Prepared>,
}

/// The release that is served.
struct Loaded {
    release: Release,
    /// What its module was loaded with.
    variables: BTreeMap<String, String>,
}

/// Why an environment was not taken over in full.
#[derive(Debug, thiserror::Error)]
pub enum ReconfigureError {
    /// Nothing changed.
    #[error("Cannot open the session store: {0}")]
    Store(#[from] StoreError),
    /// The module cannot be loaded with the new variables. Everything is as it was until a module is deployed that can.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl Deploying {
    pub(super) fn new(configured: Arc<Configured>) -> Self {
        Self { configured, deployed: None, prepared: None }
    }
}

impl State {
    /// Serves a release. One that cannot be loaded leaves what was served before; the first leaves the server unready.
    pub(crate) async fn deploy(&self, release: &Release) -> Result<Deployed, LoadError> {
        let mut deploying = self.deploying.lock().await;
        let deployed = self.deploy_next(&mut deploying, release).await;
        if let Some(unused) = deploying.prepared.take() {
            unused.discard();
        }
        deployed
    }

    /// Starts a module that the next release will have if nothing goes wrong; a release with another one does without.
    pub(crate) async fn prepare(&self, Foreseen { module, engine }: Foreseen) {
        let mut deploying = self.deploying.lock().await;
        let (engine, variables) = (self.choice.engine_for(engine), &deploying.configured.variables);
        if deploying.prepared.as_ref().is_some_and(|prepared| prepared.is(&module, engine, variables)) {
            return;
        }
        let prepared = Prepared::start(module, engine, variables, &self.choice, &self.calls);
        if let Some(outdated) = deploying.prepared.replace(prepared) {
            outdated.discard();
        }
    }

    /// No release with the module that was prepared will come.
    pub(crate) async fn discard_prepared(&self) {
        if let Some(prepared) = self.deploying.lock().await.prepared.take() {
            prepared.discard();
        }
    }

    async fn deploy_next(&self, deploying: &mut Deploying, release: &Release) -> Result<Deployed, LoadError> {
        if let Some(before) = &deploying.deployed
            && before.variables == deploying.configured.variables
        {
            if before.release.identity == release.identity {
                return Ok(Deployed::Unchanged);
            }
            if before.release.module_identity == release.module_identity {
                let (changed, styles_only) = Site::difference(before.release.site.as_deref(), release.site.as_deref());
                let site = self.site_of(release).await.inspect_err(|error| self.refuse(error))?;
                let application = self.serving().application.with_site(site);
                self.take_over(deploying, release.clone(), application);
                return Ok(Deployed::Site { changed, styles_only });
            }
        }
        self.load(deploying, release.clone()).await?;
        Ok(Deployed::Module)
    }

    /// Takes over another environment: for new requests at once, for the module by loading it anew where its variables changed.
    pub(crate) async fn reconfigure(
        &self,
        environment: &Environment,
        settings: Settings,
    ) -> Result<Deployed, ReconfigureError> {
        let mut deploying = self.deploying.lock().await;
        let configured = deploying.configured.next(environment, settings, &self.security).await?;
        deploying.configured = Arc::new(configured);
        let outdated = deploying.deployed.as_ref().filter(|loaded| loaded.variables != deploying.configured.variables);
        if let Some(Loaded { release, .. }) = outdated {
            let release = release.clone();
            self.load(&mut deploying, release).await?;
            return Ok(Deployed::Module);
        }
        let configured = Arc::clone(&deploying.configured);
        self.replace(|serving| Serving { configured, ..serving.clone() });
        Ok(Deployed::Unchanged)
    }

    async fn load(&self, deploying: &mut Deploying, release: Release) -> Result<(), LoadError> {
        let configured = Arc::clone(&deploying.configured);
        let prepared = deploying.prepared.take();
        let loaded = async {
            let site = self.site_of(&release).await?;
            let Some(module) = release.module.clone() else { return Ok(Application::empty().with_site(site)) };
            let engine = self.choice.engine_for(release.engine);
            let started = match prepared {
                Some(prepared) if prepared.is(&module, engine, &configured.variables) => prepared.started().await?,
                other => {
                    if let Some(unused) = other {
                        unused.discard();
                    }
                    self.choice.start(module, engine, &configured.variables, &self.calls).await?
                }
            };
            Ok(Application::initialize(&release, engine, started).await?.with_site(site))
        };
        let application = loaded.await.inspect_err(|error| self.refuse(error))?;
        announce(&application, &release);
        let before = self.take_over(deploying, release, application);
        tokio::spawn(retire(before, self.limits.drain));
        Ok(())
    }

    /// Serves an application; gives the module of the one before.
    fn take_over(&self, deploying: &mut Deploying, release: Release, application: Application) -> Arc<Module> {
        let configured = Arc::clone(&deploying.configured);
        deploying.deployed = Some(Loaded { release, variables: configured.variables.clone() });
        let application = Arc::new(application);
        let status = ReadinessStatus::Ready;
        let before = self.replace(|_| Serving { application, configured, is_deployed: true, status, message: None });
        Arc::clone(before.application.module())
    }

    /// Says why a release is not served.
    fn refuse(&self, error: &LoadError) {
        let (kind, stack, message) = match error {
            LoadError::Host(error) => (error.kind(), error.stack(), error.message()),
            other => ("Error", other.to_string(), other.to_string()),
        };
        let record = json!({
            "message": "[webstir-backend] module load failed",
            "fields": { "err": { "type": kind, "message": message, "stack": stack } },
        })
        .to_string();
        tracing::error!(record = record.as_str());
        if !self.serving().is_deployed {
            let (status, message) = (ReadinessStatus::Error, Some(error.to_string()));
            self.replace(|serving| Serving { status, message, ..serving.clone() });
        }
    }

    /// What is published with a release. While builds go on, the next one may place its pages before it is deployed: pages are read now.
    async fn site_of(&self, release: &Release) -> Result<Option<Arc<Site>>, LoadError> {
        let Some(site) = release.site.clone().filter(|_| self.live.is_some()) else { return Ok(release.site.clone()) };
        let before = self.serving().application.site().cloned();
        let read = spawn_blocking(move || site.with_documents_in_memory(before.as_deref())).await;
        let site = read.unwrap_or_else(|fault| std::panic::resume_unwind(fault.into_panic()))?;
        Ok(Some(Arc::new(site)))
    }
}

fn announce(application: &Application, release: &Release) {
    if application.has_module() {
        let name = release.module.as_ref().map_or("", |module| module.name());
        tracing::info!(engine = application.engine_name(), "[webstir-backend] loaded module definition from {name}");
    } else {
        tracing::warn!("[webstir-backend] no module definition found. Add src/backend/module.ts to describe routes.");
    }
    tracing::info!("{}", application.manifest_line());
    for warning in application.warnings() {
        tracing::warn!(warning = warning.as_str(), "[webstir-backend] module configuration warning");
    }
}

/// Waits for the applications that still use a module, as long as requests hold them, then ends it.
async fn retire(module: Arc<Module>, limit: Duration) {
    let deadline = Instant::now() + limit;
    while Arc::strong_count(&module) > 1 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    module.dispose().await;
}
