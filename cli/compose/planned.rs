//! What is asked of a session besides to build: what is planned, and what processes look at.

use webstir_engine::key_dump::KeyDump;
use webstir_engine::label::{ActionLabel, Label};
use webstir_engine::path::RelPath;
use webstir_engine::schedule::Run;
use webstir_process::Accesses;

use super::{Built, Engine, Failure, Session, explain, generated};

/// What a process declares and what it looked at.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) label: ActionLabel,
    pub(crate) declared: Vec<RelPath>,
    /// `None` when nobody saw it.
    pub(crate) accesses: Option<Accesses>,
}

impl Session {
    /// What is planned as far as the store has results; nothing is run and nothing materialised, but for generated sources in a workspace that
    /// `is_ours`. With it the commands of which those are not what the store has: nobody can say what is planned of the rules that read them.
    pub(crate) fn plan(&mut self, is_ours: bool) -> Result<(KeyDump, Vec<Label>), Failure> {
        self.start_engine()?;
        let Some(engine) = &mut self.engine else { return Ok((KeyDump::default(), Vec::new())) };
        let mut unknown = Vec::new();
        for set in webstir_rules::generated(&self.workspace.config, &self.profile) {
            if !generated::recall(&self.workspace, engine, &self.profile, &set, is_ours)? {
                unknown.push(set.command);
            }
        }
        let run = engine.scheduler.plan_only(&self.profile, &self.targets);
        let run = run.map_err(|error| explain(error, &self.workspace.store))?;
        let database = engine.scheduler.database();
        Ok((KeyDump::new(&run, database, &self.profile, env!("CARGO_PKG_VERSION"), None), unknown))
    }

    /// Brings the profile up to date, and says of each action of a rule that runs a process what that declares and what it looked at. What was
    /// found in the store runs again for that.
    pub(crate) fn observe(&mut self, rule: &Label) -> Result<(Built, Vec<Observed>), Failure> {
        let built = self.build()?;
        let observed = |engine: &Engine, run: &Run| -> Vec<Observed> {
            let steps = run.plans.get(rule).into_iter().flat_map(|plan| &plan.steps);
            let actions = steps.map(|step| &step.action).filter(|action| action.process().is_some());
            let observed = actions.map(|action| Observed {
                label: action.label.clone(),
                declared: action.inputs.iter().map(|input| input.path.clone()).collect(),
                accesses: engine.resources.processes.seen(&action.label),
            });
            observed.collect()
        };
        let (Some(engine), Some(run)) = (&mut self.engine, &built.run) else { return Ok((built, Vec::new())) };
        let mut found = observed(engine, run);
        if found.iter().any(|observed| observed.accesses.is_none()) {
            let run = engine.scheduler.run_again(&self.profile, &self.targets, &|label| label == rule);
            found = observed(engine, &run.map_err(|error| explain(error, &self.workspace.store))?);
        }
        Ok((built, found))
    }
}
