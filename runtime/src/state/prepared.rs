//! A module that is started before it is known whether it will be served.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinHandle;
use webstir_contract::artifacts::Engine;

use crate::application::{HostChoice, LoadError, Started};
use crate::host::{Calls, HostedModule};

/// A module that starts, or has started; its `init` was not called.
pub(super) struct Prepared {
    module: blake3::Hash,
    engine: Engine,
    variables: BTreeMap<String, String>,
    starting: JoinHandle<Result<Started, LoadError>>,
}

impl Prepared {
    pub(super) fn start(
        module: HostedModule,
        engine: Engine,
        variables: &BTreeMap<String, String>,
        choice: &HostChoice,
        calls: &Arc<Calls>,
    ) -> Self {
        let (choice, calls, variables) = (choice.clone(), Arc::clone(calls), variables.clone());
        let (identity, given) = (module.identity(), variables.clone());
        let starting = tokio::spawn(async move { choice.start(module, engine, &given, &calls).await });
        Self { module: identity, engine, variables, starting }
    }

    /// Whether it is what these would start.
    pub(super) fn is(&self, module: &HostedModule, engine: Engine, variables: &BTreeMap<String, String>) -> bool {
        self.engine == engine && self.variables == *variables && self.module == module.identity()
    }

    pub(super) async fn started(self) -> Result<Started, LoadError> {
        self.starting.await.unwrap_or_else(|fault| std::panic::resume_unwind(fault.into_panic()))
    }

    /// Ends it as soon as it has started: what has begun to run is not stopped in the middle.
    pub(super) fn discard(self) {
        tokio::spawn(async move {
            // A start that failed, or panicked, left nothing to end.
            if let Ok(Ok((host, _))) = self.starting.await {
                host.close().await;
            }
        });
    }
}
