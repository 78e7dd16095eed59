//! Handlers in this process.

mod files;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use webstir_script::{CallError, Isolates, ScriptError, ServeLimits, ServeSettings};

use super::calls::HostOperations;
use super::{Calls, DISPATCHER, HandlerHost, HostError, HostReply, HostedModule};
use crate::application::HandlerLimits;
use files::WorkspaceFiles;

/// Isolates that have loaded one module.
pub struct Embedded(Isolates);

/// How isolates run.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// `process.env`.
    pub environment: Vec<(String, String)>,
    /// The workspace: `process.cwd()`, and the files that a script may read.
    pub root: PathBuf,
    /// How many. With more than one, state of the module is not shared by all requests.
    pub isolates: NonZeroUsize,
    pub limits: HandlerLimits,
}

impl Embedded {
    /// Starts them; gives what the dispatcher said of the module.
    pub async fn start(
        module: HostedModule,
        settings: EmbeddedSettings,
        calls: Arc<Calls>,
    ) -> Result<(Self, String), HostError> {
        let program = module.program();
        let limits = ServeLimits { cpu: settings.limits.cpu, memory: settings.limits.memory, ..ServeLimits::default() };
        let serve = ServeSettings {
            environment: settings.environment,
            working_directory: settings.root.to_string_lossy().into_owned(),
            limits,
            isolates: settings.isolates,
            files: Arc::new(WorkspaceFiles::new(settings.root.clone())),
        };
        let operations = Arc::new(HostOperations::new(calls, settings.root));
        let started = Isolates::start(program, Arc::new(module), DISPATCHER, serve, operations).await;
        let (isolates, description) = started.map_err(unloadable)?;
        Ok((Self(isolates), description))
    }
}

fn unloadable(error: ScriptError) -> HostError {
    match error {
        ScriptError::Thrown(thrown) | ScriptError::Syntax(thrown) | ScriptError::StackOverflow(thrown) => {
            HostError::Thrown(thrown)
        }
        ScriptError::CpuLimit { limit } => HostError::Stopped { limit },
        ScriptError::MemoryLimit { limit } => HostError::Memory { limit },
        other => HostError::Unavailable(other.to_string()),
    }
}

impl HandlerHost for Embedded {
    fn call(&self, message: String, body: Option<Bytes>) -> BoxFuture<'_, Result<HostReply, HostError>> {
        async move {
            match self.0.call(message, body).await {
                Ok(reply) => Ok(HostReply { message: reply.message, body: reply.body }),
                Err(CallError::CpuLimit { limit }) => Err(HostError::Stopped { limit }),
                Err(CallError::MemoryLimit { limit }) => Err(HostError::Memory { limit }),
                Err(CallError::StackOverflow(thrown) | CallError::Thrown(thrown)) => Err(HostError::Thrown(thrown)),
                Err(CallError::NeverSettles) => {
                    Err(HostError::Unavailable("it waits for something that never happens".to_owned()))
                }
                Err(CallError::Ended) => Err(HostError::Lost),
            }
        }
        .boxed()
    }

    fn is_available(&self) -> bool {
        true
    }

    /// The isolates end with their last handle.
    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}
