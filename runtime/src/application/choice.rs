//! Which host runs a module, and within which limits.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use webstir_contract::artifacts::Engine;

use super::LoadError;
use crate::host::{Calls, Embedded, EmbeddedSettings, HandlerHost, HostedModule, Interpreter, WorkerSettings, Workers};

/// What runs handlers, and how many of it.
#[derive(Debug, Clone)]
pub struct HostChoice {
    /// None: what the build decided, else the embedded engine.
    pub engine: Option<Engine>,
    pub count: NonZeroUsize,
    pub limits: HandlerLimits,
}

/// A host that has loaded a module, and what the dispatcher said of the module.
pub(crate) type Started = (Arc<dyn HandlerHost>, String);

/// What one handler may use.
#[derive(Debug, Clone, Copy)]
pub struct HandlerLimits {
    /// CPU time without giving way to others.
    pub cpu: std::time::Duration,
    /// Bytes, of one isolate or of one worker.
    pub memory: usize,
}

impl Default for HandlerLimits {
    fn default() -> Self {
        Self { cpu: std::time::Duration::from_secs(2), memory: 256 << 20 }
    }
}

impl HostChoice {
    /// Where `decided` is what the build did.
    pub(crate) fn engine_for(&self, decided: Option<Engine>) -> Engine {
        self.engine.or(decided).unwrap_or(Engine::Embedded)
    }

    /// Loads a module; gives what the dispatcher said of it too.
    pub(crate) async fn start(
        &self,
        module: HostedModule,
        engine: Engine,
        environment: &BTreeMap<String, String>,
        calls: &Arc<Calls>,
    ) -> Result<Started, LoadError> {
        let root = module.root.clone();
        let variables = environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(match engine {
            Engine::Embedded => {
                let settings =
                    EmbeddedSettings { environment: variables, root, isolates: self.count, limits: self.limits };
                let (host, description) = Embedded::start(module, settings, Arc::clone(calls)).await?;
                (Arc::new(host), description)
            }
            Engine::Worker => {
                let search_path = environment.get("PATH").map(String::as_str);
                let interpreter = Interpreter::find(&root, search_path).ok_or(LoadError::NoInterpreter)?;
                let settings = WorkerSettings {
                    interpreter,
                    environment: variables,
                    root,
                    count: self.count,
                    limits: self.limits,
                };
                let (host, description) = Workers::start(module, settings, Arc::clone(calls)).await?;
                (Arc::new(host), description)
            }
        })
    }
}
