//! The rule kinds: how each is planned and run.
//!
//! Every kind is one file, with a directory beside it where that is long: a type that implements [`Plan`] and one that implements [`Run`](webstir_engine::run::Run), the same where
//! running needs nothing but the action. What some need besides are [`Resources`]: where packages lie and how processes are started. They
//! decide no result.

mod artifacts;
mod bundle;
mod command;
mod copy;
mod manifest;
mod transpile;
mod typecheck;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use webstir_engine::action::{Action, Artifact, Input, Origin, Payload};
use webstir_engine::config::Template;
use webstir_engine::label::Label;
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Planner, Plans, Scope};
use webstir_engine::run::Runs;
use webstir_toolchain::{Packages, Registry};
use webstir_typescript::declarations::DECLARATIONS;

use crate::implementation::implementation;
use crate::processes::Processes;
use crate::programs;

pub use artifacts::artifact_type;
pub(crate) use transpile::SOURCE_MAPS;
pub(crate) use typecheck::SKIP as TYPECHECK_SKIP;

/// What actions are run with, besides what they say of themselves.
#[derive(Debug)]
pub struct Resources {
    /// The workspace on disk, for tools that cannot be answered from memory.
    pub root: PathBuf,
    /// Where compilers are kept.
    pub packages: Packages,
    /// Where compilers come from; `None` when nothing may be fetched.
    pub registry: Option<Registry>,
    /// How processes are started.
    pub processes: Processes,
    /// Whether processes stay between runs of an action: this process builds again and again.
    pub keep_warm: bool,
}

impl Resources {
    /// As the environment of this process has it.
    pub fn from_environment(root: &Path, offline: bool) -> Self {
        Self {
            root: root.to_owned(),
            packages: Packages::new(programs::cache_directory(root)),
            registry: (!offline).then(|| Registry::from_environment(root)),
            processes: Processes::new(root),
            keep_warm: false,
        }
    }

    /// For a process that builds again and again.
    #[must_use]
    pub fn keeping_warm(self) -> Self {
        Self { keep_warm: true, ..self }
    }
}

/// How all rule kinds are planned.
pub fn plans() -> Plans {
    Plans::new(
        vec![
            Arc::new(typecheck::Typecheck),
            Arc::new(transpile::Transpile),
            Arc::new(bundle::Bundle),
            Arc::new(manifest::Manifest),
            Arc::new(artifacts::Artifacts),
            Arc::new(command::Command),
            Arc::new(copy::Copy),
        ],
        &[DECLARATIONS],
    )
}

/// How the actions of all rule kinds are run.
pub fn runs(resources: &Arc<Resources>) -> Runs {
    Runs::new(vec![
        Arc::new(typecheck::Check::new(resources.clone())),
        Arc::new(transpile::Transpile),
        Arc::new(bundle::Bundle),
        Arc::new(manifest::Evaluate::new(resources.clone())),
        Arc::new(artifacts::Artifacts),
        Arc::new(command::Start::new(resources.clone())),
        Arc::new(copy::Copy),
    ])
}

/// An action of a rule, with nothing but its parameters.
fn action(scope: Scope<'_>, subject: Option<RelPath>, parameters: &impl Serialize) -> Action {
    let parameters = serde_json::to_string(parameters).expect("parameters are plain data");
    Action::new(scope.label(subject), implementation(), Payload::Parameters(Box::new([parameters.into()])))
}

/// Adds documents to the parameters of an action.
fn add_parameters(action: &mut Action, more: impl IntoIterator<Item = Box<str>>) {
    action.payload = Payload::Parameters(action.parameters().iter().cloned().chain(more).collect());
}

/// The parameters that [`action`] wrote.
fn parameters<T: DeserializeOwned>(action: &Action) -> T {
    argument(action, 0)
}

/// The parameters in one of an action's documents.
fn argument<T: DeserializeOwned>(action: &Action, number: usize) -> T {
    serde_json::from_str(&action.parameters()[number]).expect("an action's parameters were written by the same rule")
}

/// An input that another action made.
fn stored(artifact: &Artifact) -> Input {
    Input {
        path: artifact.path.clone(),
        digest: artifact.digest,
        executable: artifact.executable,
        origin: Origin::Store,
    }
}

/// The place of an output that stands for no single source.
fn output_path(scope: Scope<'_>, template: &Template) -> Option<RelPath> {
    let out = out_root(scope)?;
    // Checked when the configuration was loaded.
    template.expand(&[("out", out.as_str())]).ok()
}

/// The output root of the profile.
fn out_root(scope: Scope<'_>) -> Option<&RelPath> {
    Some(&scope.config.profile(scope.profile)?.path("out")?.value)
}

/// The rule named by the only reference in a field.
fn reference(planner: &Planner<'_>, field: &str) -> Option<Label> {
    planner.node.reference(field).map(|label| label.value.clone())
}
