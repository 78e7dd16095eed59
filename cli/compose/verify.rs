//! Running once more what a build did, in other surroundings.

use std::sync::Arc;

use webstir_engine::action::{Action, ActionResult};
use webstir_process::{Ran, Surroundings, Unchanged};

use super::{Failure, Session, explain};

impl Session {
    /// In which factors the processes of a build can have other surroundings, and what is usual all the same.
    pub(crate) fn changeable(&self) -> Result<(Surroundings, Vec<Unchanged>), Failure> {
        let Some(engine) = &self.engine else { return Ok(<_>::default()) };
        let changeable = engine.resources.processes.changeable();
        changeable.map_err(|error| Failure::because("What surrounds processes cannot be changed", error))
    }

    /// Runs actions of the last build once more and says what comes of each. Nothing of it is kept.
    pub(crate) fn repeat(
        &self,
        actions: &[Arc<Action>],
        surroundings: Surroundings,
    ) -> Result<Vec<ActionResult>, Failure> {
        let Some(engine) = &self.engine else { return Ok(Vec::new()) };
        engine.resources.processes.surround(surroundings);
        let results = engine.scheduler.repeat(actions);
        engine.resources.processes.surround(Surroundings::default());
        results.map_err(|error| explain(error, &self.workspace.store))
    }

    /// What processes were run in; `None` when none was.
    pub(crate) fn ran(&self) -> Option<Ran> {
        self.engine.as_ref()?.resources.processes.ran()
    }
}
