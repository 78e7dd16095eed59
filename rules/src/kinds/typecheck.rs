//! `typecheck`: the TypeScript compiler over the workspace as the engine sees it.

use std::sync::Arc;

use webstir_engine::action::{ActionResult, Tool};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::file;
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Plan, Planner};
use webstir_engine::run::{Context, Run, RunError, RunResult};
use webstir_engine::system::PathKind;
use webstir_toolchain::Network;
use webstir_typescript::typecheck::{self, ReferencedProject, ReferencedProjects, TypecheckError, Warm, Wear};

use super::{Resources, action, parameters};
use crate::compiler::help::Known;
use crate::compiler::{self, Choice, Chosen};
use crate::modules::{self, PathKey};
use crate::processes;
use crate::templates;

/// Set to `skip` to leave type checking out, except where something is published.
pub(crate) const SKIP: &str = "WEBSTIR_BACKEND_TYPECHECK";

/// How the rule is planned.
pub(super) struct Typecheck;

#[derive(serde::Serialize, serde::Deserialize)]
struct Parameters {
    project: String,
    compiler: String,
    types: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "neighbours")]
    referenced: Vec<ReferencedProject>,
    /// Decides what findings are told with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unseen: Vec<Box<str>>,
}

impl Plan for Typecheck {
    fn kind(&self) -> &'static str {
        "typecheck"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let Some(project) = planner.node.path("project").map(|path| path.value.clone()) else { return };
        let gate = crate::schema::is_set(planner.config, &planner.profile, "gate");
        if planner.environment(SKIP).is_some_and(|value| value.eq_ignore_ascii_case("skip")) {
            if !gate {
                planner.report(Diagnostic::info("typecheck::skipped", format!("type-check skipped by `{SKIP}`")));
                return;
            }
            planner.report(
                Diagnostic::warning(
                    "typecheck::not_skipped",
                    format!("`{SKIP}=skip` has no effect on `{}`", planner.profile),
                )
                .help("Nothing is placed unchecked in a profile with `gate #true`"),
            );
        }
        if file::kind(planner.db, &project) != PathKind::File {
            let message = format!("`{project}` does not exist; nothing is type-checked");
            let wanted = planner.node.choice("on-missing-project").map_or("warn", |choice| choice.value);
            let diagnostic = match wanted {
                "ignore" => return,
                "error" => Diagnostic::error("typecheck::no_project", message),
                _ => Diagnostic::warning("typecheck::no_project", message),
            };
            let help = format!("Create `{project}`, or set `project` of `typecheck {}`", planner.node.label().name());
            return planner.report(diagnostic.help(help));
        }
        let Some(Choice { tool, version, unseen }) = compiler::choose(planner) else { return };
        if !typecheck::is_known(&version) {
            let message = format!("TypeScript {version} has an API that is not known here");
            let help = "Set `typescript \"7.0.2\"` in `toolchain` of `webstir.kdl`";
            return planner.report(Diagnostic::error("typecheck::unknown_api", message).help(help));
        }
        let parameters = Parameters {
            project: project.as_str().to_owned(),
            compiler: version,
            types: templates::types().digest().to_hex(),
            referenced: referenced(planner, &project),
            unseen,
        };
        let mut action = action(planner.scope(), None, &parameters);
        action.tool = tool;
        action.discovers_inputs = true;
        action.accepted = processes::accepted(planner);
        planner.action(action);
    }
}

/// How its actions are run.
pub(super) struct Check {
    resources: Arc<Resources>,
    warm: Warm,
}

impl Check {
    pub(super) fn new(resources: Arc<Resources>) -> Self {
        let warm = if resources.keep_warm { Warm::new(Wear::default()) } else { Warm::none() };
        Self { resources, warm }
    }
}

impl Run for Check {
    fn kind(&self) -> &'static str {
        "typecheck"
    }

    fn is_process(&self) -> bool {
        true
    }

    fn uses_previous(&self) -> bool {
        true
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let Parameters { project, referenced, unseen, .. } = parameters(context.action);
        let project = RelPath::new(&project).expect("planned from a path");
        let referenced = ReferencedProjects::new(&project, referenced);
        let Tool::Package(package, interpreter) = &context.action.tool else {
            unreachable!("a check is planned with the package of a compiler");
        };
        let network = self.resources.registry.as_ref().map_or(Network::Offline, Network::Online);
        let compiler = match Chosen::of(package).install(&self.resources.packages, network, interpreter.as_ref()) {
            Ok(compiler) => compiler,
            Err(diagnostic) => return Ok(ActionResult::failed(vec![*diagnostic])),
        };
        let sandboxed = self.resources.processes.sandboxed(context, interpreter.as_ref())?;
        let request = typecheck::Request {
            compiler: &compiler,
            project: &project,
            view: context.view,
            overlay: templates::types(),
            referenced: &referenced,
            helper: &self.resources.processes.helper,
            blobs: context.blobs,
            places: &sandboxed.places,
            visible: &sandboxed.visible,
            cancelled: context.cancelled,
        };
        match self.warm.check(context.action, context.previous, &request) {
            Ok((mut checked, _)) => {
                let known = Known { project: &project, unseen: &unseen, view: context.view };
                known.help(&mut checked.diagnostics).map_err(RunError::world("Reading the workspace"))?;
                let state = checked.state.map(|state| context.blobs.put(&state)).transpose();
                let mut result = ActionResult::done(Vec::new(), checked.diagnostics);
                result.state = state.map_err(RunError::world("Writing to the store"))?;
                result.sandbox = Some(sandboxed.ran);
                Ok(result)
            }
            Err(TypecheckError::Cancelled) => Err(RunError::Cancelled),
            Err(TypecheckError::Changed(path)) => Err(RunError::InputChanged(path)),
            Err(error) => Err(RunError::world("Type checking")(std::io::Error::other(error))),
        }
    }
}

/// The projects that other rules check in this profile. What one of them declares is told by its own file, and by which files it
/// names; the files themselves are seen when they are read.
fn referenced(planner: &Planner<'_>, project: &RelPath) -> Vec<ReferencedProject> {
    let own = project.parent().unwrap_or_else(RelPath::root);
    let rules = planner.config.rules().iter().filter(|rule| rule.label().kind() == planner.node.label().kind());
    let mut referenced = Vec::new();
    for rule in rules.filter(|rule| rule.in_profile(&planner.profile)) {
        let Some(project) = rule.path("project").map(|path| &path.value) else { continue };
        if project.is_within(&own) || file::kind(planner.db, project) != PathKind::File {
            continue;
        }
        let (config, found) = modules::project(planner.db, PathKey::new(planner.db, project.clone()));
        // What could not be read of the file may leave out more.
        let is_known = !found.iter().any(Diagnostic::is_error);
        let declares = (is_known && config.isolated_declarations).then(|| config.sources.clone());
        referenced.push(ReferencedProject { project: project.as_str().to_owned(), declares });
    }
    referenced.sort();
    referenced.dedup();
    referenced
}
