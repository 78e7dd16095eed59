//! The rule kinds: how each is planned and run.
//!
//! Every kind is one file with one type that implements [`Rule`](webstir_engine::rule::Rule). What they have in common is the
//! [`Setup`]: where the toolchain is and whether it may be fetched.

mod artifacts;
mod bundle;
mod command;
mod copy;
mod manifest;
mod transpile;
mod typecheck;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use webstir_engine::action::{Action, Artifact, Input, Origin};
use webstir_engine::config::Template;
use webstir_engine::digest::Digest;
use webstir_engine::label::Label;
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Planner, Scope};
use webstir_engine::rule::{Rule, RuleSet};

use crate::declarations::DECLARATIONS;
use crate::programs::{self, Programs};
use crate::toolchain::{Packages, Registry};

pub use artifacts::artifact_type;
pub(crate) use transpile::SOURCE_MAPS;
pub(crate) use typecheck::SKIP as TYPECHECK_SKIP;

/// What the rules know of the machine.
#[derive(Debug)]
pub struct Setup {
    /// The workspace on disk, for tools that cannot be answered from memory.
    pub root: PathBuf,
    /// Where compilers are kept.
    pub packages: Packages,
    /// Where compilers come from; `None` when nothing may be fetched.
    pub registry: Option<Registry>,
    /// The Node or Bun to run what needs one.
    pub node: Option<PathBuf>,
    /// Bun, for modules that the embedded engine cannot evaluate.
    pub bun: Option<PathBuf>,
    /// Whether processes stay between runs of an action: this process builds again and again.
    pub keep_warm: bool,
    programs: Programs,
}

impl Setup {
    /// As the environment of this process has it.
    pub fn from_environment(root: &Path, offline: bool) -> Self {
        Self {
            root: root.to_owned(),
            packages: Packages::new(programs::cache_directory(root)),
            registry: (!offline).then(|| Registry::from_environment(root)),
            node: programs::find("node"),
            bun: programs::find("bun"),
            keep_warm: false,
            programs: Programs::default(),
        }
    }
}

impl Setup {
    /// For a process that builds again and again.
    #[must_use]
    pub fn keeping_warm(self) -> Self {
        Self { keep_warm: true, ..self }
    }

    /// Name and [identity](crate::program_identity) of each program that a command names, as it was looked up.
    pub fn programs(&self) -> BTreeMap<String, String> {
        self.programs.identities()
    }

    /// Where a program that a command names is, and the digest of its bytes.
    fn program(&self, name: &str) -> Option<(PathBuf, Digest)> {
        self.programs.program(&self.root, name)
    }
}

/// All rule kinds.
pub fn all(setup: &Arc<Setup>) -> RuleSet {
    let rules: Vec<Box<dyn Rule>> = vec![
        Box::new(typecheck::Typecheck::new(setup.clone())),
        Box::new(transpile::Transpile),
        Box::new(bundle::Bundle),
        Box::new(manifest::Manifest::new(setup.clone())),
        Box::new(artifacts::Artifacts),
        Box::new(command::Command::new(setup.clone())),
        Box::new(copy::Copy),
    ];
    RuleSet::new(rules, &[DECLARATIONS])
}

/// An action of a rule, with nothing but its parameters.
fn action(scope: Scope<'_>, version: u32, subject: Option<RelPath>, parameters: &impl Serialize) -> Action {
    let parameters = serde_json::to_string(parameters).expect("parameters are plain data");
    Action::new(scope.label(subject), version, Box::new([parameters.into()]))
}

/// The parameters that [`action`] wrote.
fn parameters<T: DeserializeOwned>(action: &Action) -> T {
    argument(action, 0)
}

/// The parameters in one of an action's arguments.
fn argument<T: DeserializeOwned>(action: &Action, number: usize) -> T {
    serde_json::from_str(&action.arguments[number]).expect("an action's parameters were written by the same rule")
}

/// An input that another action made.
fn stored(artifact: &Artifact) -> Input {
    Input { path: artifact.path.clone(), digest: artifact.digest, origin: Origin::Store }
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
