//! Planning: what there is to do, as a pure function of the database.
//!
//! A [`Target`] is one rule in one profile. Its [`RulePlan`] lists the rule's actions and says whether they are done. How a rule
//! of some kind is planned says its [`Plan`], which writes through a [`Planner`]: that looks up what came of each action and of each
//! rule below. Planning a rule plans the rules below it; the configuration has no cycles, they are refused when it is loaded.

use std::sync::Arc;

use crate::action::{Action, Artifact, SharedResult};
use crate::config::{Config, Rule as RuleNode};
use crate::db::{Db, Settings};
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::label::{ActionLabel, Label};
use crate::path::RelPath;
use crate::projection::Projection;
use crate::validity::holds;

/// How one kind of node is planned.
pub trait Plan: Send + Sync + 'static {
    /// The name of its node in the configuration.
    fn kind(&self) -> &'static str;
    /// Plans the rule: a pure function over the planner's database.
    fn plan(&self, planner: &mut Planner<'_>);
}

/// How every rule kind is planned, with the projections through which their actions read files. Fixed for the life of a process.
#[derive(Default)]
pub struct Plans {
    plans: Vec<Arc<dyn Plan>>,
    projections: &'static [Projection],
}

impl Plans {
    /// Takes the rule kinds, and every projection through which their actions read files.
    pub fn new(plans: Vec<Arc<dyn Plan>>, projections: &'static [Projection]) -> Self {
        Self { plans, projections }
    }

    /// The projection of that name.
    pub fn projection(&self, name: &str) -> Option<&Projection> {
        self.projections.iter().find(|projection| projection.name == name)
    }

    /// How that kind is planned; `None` for a kind that only names things.
    pub fn plan(&self, kind: &str) -> Option<&dyn Plan> {
        self.plans.iter().find(|plan| plan.kind() == kind).map(|plan| &**plan)
    }
}

/// The part of the database that knows rules.
#[salsa::db]
pub trait PlanDb: Db {
    /// How each rule kind is planned.
    fn rules(&self) -> &Plans;
}

/// One rule in one profile.
#[salsa::interned(debug)]
pub struct Target<'db> {
    /// The rule.
    #[returns(ref)]
    pub rule: Label,
    /// The profile.
    #[returns(ref)]
    pub profile: Arc<str>,
}

/// What one rule is planned from, beside the files.
#[derive(Clone, Copy)]
pub struct Scope<'db> {
    /// The database.
    pub db: &'db dyn Db,
    /// The configuration.
    pub config: &'db Arc<Config>,
    /// The rule's own node.
    pub node: &'db RuleNode,
    /// The profile.
    pub profile: &'db Arc<str>,
}

impl<'db> Scope<'db> {
    /// The scope of a target; `None` when the configuration has no such rule.
    pub fn of(db: &'db dyn Db, target: Target<'db>) -> Option<Self> {
        let config = Settings::get(db).config(db);
        Some(Self { db, config, node: config.rule(target.rule(db))?, profile: target.profile(db) })
    }

    /// The value of an allow-listed environment variable.
    pub fn environment(&self, name: &str) -> Option<&'db str> {
        Settings::get(self.db).environment(self.db).values.get(name).map(String::as_str)
    }

    /// Another rule in the same profile.
    pub fn beside(&self, rule: &Label) -> Target<'db> {
        Target::new(self.db, rule.clone(), self.profile.clone())
    }

    /// The label of an action of the rule.
    pub fn label(&self, subject: Option<RelPath>) -> ActionLabel {
        ActionLabel { rule: self.node.label().clone(), profile: self.profile.clone(), subject }
    }
}

/// How far a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// All its actions are done; the artifacts are complete.
    #[default]
    Done,
    /// Some of its actions have to run, or a rule below it is not done.
    Pending,
    /// It cannot be done: its configuration, one of its actions, or a rule below it failed.
    Failed,
}

/// One action of a plan and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The action.
    pub action: Arc<Action>,
    /// The result for the present state of the workspace; `None` when it has to run.
    pub result: Option<SharedResult>,
    /// Whether its findings are not told: they are about something that the rule does in another way.
    pub is_withheld: bool,
}

impl Step {
    /// The action with what came of it, when it was run in this process or found in the store and the workspace still gives the
    /// same.
    pub fn new(db: &dyn Db, action: Arc<Action>) -> Self {
        let result_input = db.result_inputs().of(db, &action.label);
        let done = result_input.done(db).as_ref();
        let current = done.filter(|(key, result)| *key == action.key(&[]) && holds(db, &result.discovered));
        Self { result: current.map(|(_, result)| result.clone()), action, is_withheld: false }
    }
}

/// The plan of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RulePlan {
    /// How far it is.
    pub state: State,
    /// Its actions, in the order in which the rule planned them.
    pub steps: Box<[Step]>,
    /// The files that belong into the tree, once done.
    pub artifacts: Arc<[Artifact]>,
    /// Internal outputs, once done: results for the rules above that are not materialised in the tree.
    pub internal_outputs: Arc<[Artifact]>,
    /// What planning itself found; findings of actions are in their results.
    pub diagnostics: Box<[Diagnostic]>,
    /// The rules it builds on.
    pub dependencies: Box<[Label]>,
}

impl RulePlan {
    /// What planning and the finished actions found.
    pub fn findings(&self) -> impl Iterator<Item = &Diagnostic> {
        let results = self.steps.iter().filter(|step| !step.is_withheld).filter_map(|step| step.result.as_ref());
        self.diagnostics.iter().chain(results.flat_map(|result| result.diagnostics.iter()))
    }
}

/// The plan of a target for the present state of the workspace and of the finished actions.
#[salsa::tracked(returns(ref))]
pub fn plan<'db>(db: &'db dyn PlanDb, target: Target<'db>) -> RulePlan {
    let config = Settings::get(db).config(db);
    let Some(node) = config.rule(target.rule(db)) else { return RulePlan::default() };
    // Kinds that only name things plan nothing, and a rule outside of the profile is done.
    let Some(rule) = db.rules().plan(node.label().kind()) else { return RulePlan::default() };
    if !node.in_profile(target.profile(db)) {
        return RulePlan::default();
    }
    let mut planner = Planner {
        db,
        target,
        config,
        node,
        profile: target.profile(db).clone(),
        plan: RulePlan::default(),
        steps: Vec::new(),
        artifacts: Vec::new(),
        internal_outputs: Vec::new(),
        diagnostics: Vec::new(),
        dependencies: Vec::new(),
    };
    // `needs` orders rules; a rule that another one needs is done first.
    for needed in node.references("needs") {
        planner.require(&needed.value);
    }
    if planner.plan.state == State::Done {
        rule.plan(&mut planner);
    }
    planner.finish()
}

/// What a rule plans with.
pub struct Planner<'db> {
    /// The database.
    pub db: &'db dyn PlanDb,
    /// The rule and the profile.
    pub target: Target<'db>,
    /// The configuration.
    pub config: &'db Arc<Config>,
    /// The rule's own node.
    pub node: &'db RuleNode,
    /// The profile.
    pub profile: Arc<str>,
    plan: RulePlan,
    steps: Vec<Step>,
    artifacts: Vec<Artifact>,
    internal_outputs: Vec<Artifact>,
    diagnostics: Vec<Diagnostic>,
    dependencies: Vec<Label>,
}

impl<'db> Planner<'db> {
    /// The plan of a rule that this one builds on; `None` while it is not done.
    pub fn require(&mut self, rule: &Label) -> Option<&'db RulePlan> {
        let below = plan(self.db, self.beside(rule));
        if !self.dependencies.contains(rule) {
            self.dependencies.push(rule.clone());
        }
        match below.state {
            State::Done => return Some(below),
            State::Pending => self.pending(),
            State::Failed => self.plan.state = State::Failed,
        }
        None
    }

    /// What came of `action`; `None` while it has to run, or when it failed.
    pub fn action(&mut self, action: Action) -> Option<SharedResult> {
        self.step(Step::new(self.db, Arc::new(action)))
    }

    /// As [`Planner::action`], for a rule whose steps are queries of their own.
    pub fn step(&mut self, step: Step) -> Option<SharedResult> {
        let result = step.result.clone();
        self.steps.push(step);
        match &result {
            None => self.pending(),
            Some(result) if result.is_failed() => self.plan.state = State::Failed,
            Some(_) => return result,
        }
        None
    }

    /// Does not tell what the last action found: it is about something that the rule does in another way.
    pub fn withhold(&mut self) {
        if let Some(step) = self.steps.last_mut() {
            step.is_withheld = true;
        }
    }

    /// What the rule is planned from.
    pub fn scope(&self) -> Scope<'db> {
        Scope { db: self.db, config: self.config, node: self.node, profile: self.target.profile(self.db) }
    }

    /// The label of an action of this rule.
    pub fn label(&self, subject: Option<RelPath>) -> ActionLabel {
        self.scope().label(subject)
    }

    /// Adds files that belong into the tree.
    pub fn materialise(&mut self, artifacts: impl IntoIterator<Item = Artifact>) {
        self.artifacts.extend(artifacts);
    }

    /// Adds results that only the rules above see.
    pub fn keep_internal(&mut self, artifacts: impl IntoIterator<Item = Artifact>) {
        self.internal_outputs.extend(artifacts);
    }

    /// Adds a finding; an error fails the rule.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        if diagnostic.is_error() {
            self.plan.state = State::Failed;
        }
        self.diagnostics.push(diagnostic.of_rule(self.node.label()));
    }

    /// Whether everything asked for so far is done.
    pub fn is_done(&self) -> bool {
        self.plan.state == State::Done
    }

    /// The value of an allow-listed environment variable.
    pub fn environment(&self, name: &str) -> Option<&'db str> {
        self.scope().environment(name)
    }

    /// Whether others rely on this build. It may decide what is accepted, and nothing that a key is made of.
    pub fn is_strict(&self) -> bool {
        Settings::get(self.db).environment(self.db).is_strict
    }

    /// What stands for the value of a secret in a key; `None` when it is not set.
    pub fn secret(&self, name: &str) -> Option<Digest> {
        Settings::get(self.db).environment(self.db).secrets.get(name).copied()
    }

    /// Another rule in the same profile.
    pub fn beside(&self, rule: &Label) -> Target<'db> {
        self.scope().beside(rule)
    }

    fn pending(&mut self) {
        if self.plan.state == State::Done {
            self.plan.state = State::Pending;
        }
    }

    fn finish(mut self) -> RulePlan {
        self.diagnostics.sort();
        self.artifacts.sort();
        self.internal_outputs.sort();
        self.plan.steps = self.steps.into_boxed_slice();
        self.plan.artifacts = Arc::from(self.artifacts);
        self.plan.internal_outputs = Arc::from(self.internal_outputs);
        self.plan.diagnostics = self.diagnostics.into_boxed_slice();
        self.plan.dependencies = self.dependencies.into_boxed_slice();
        self.plan
    }
}
