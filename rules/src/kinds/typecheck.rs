//! `typecheck`: the TypeScript compiler over the workspace as the engine sees it.

use std::sync::Arc;

use webstir_engine::action::{ActionResult, Package, Tool};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::file;
use webstir_engine::machine::{Program, Wanted, program};
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Plan, Planner};
use webstir_engine::run::{Context, Run, RunError, RunResult};
use webstir_engine::system::PathKind;
use webstir_toolchain::{
    Document, LOCK_FILE, LOCKFILES, Network, Platform, Request, Requested, ResolvedCompiler, Runtime, ToolchainError,
};
use webstir_typescript::typecheck::{
    self, Compiler, ReferencedProject, ReferencedProjects, TypecheckError, Warm, Wear,
};

use super::{Resources, action, parameters};
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
        let Some(compiler) = compiler(planner) else { return };
        if !typecheck::is_known(compiler.version()) {
            let message = format!("TypeScript {} has an API that is not known here", compiler.version());
            let help = "Set `typescript \"7.0.2\"` in `toolchain` of `webstir.kdl`";
            return planner.report(Diagnostic::error("typecheck::unknown_api", message).help(help));
        }
        let interpreter = match compiler.runtime {
            Runtime::Native => None,
            Runtime::Node => {
                let wanted = Wanted { name: "node".into(), loads_packages: false };
                let Some(node) = program(planner.db, wanted) else {
                    let message = format!("TypeScript {} needs Node.js, which was not found", compiler.version());
                    let help = "Install Node.js, or use TypeScript 7, which needs none";
                    return planner.report(Diagnostic::error("typecheck::needs_node", message).help(help));
                };
                Some(Program::clone(node))
            }
        };
        let source = serde_json::to_string(&compiler).expect("a compiler is plain data").into();
        let tool = Tool::Package(Package { digest: compiler.digest(), source }, interpreter);
        let parameters = Parameters {
            project: project.as_str().to_owned(),
            compiler: compiler.version().to_owned(),
            types: templates::types().digest().to_hex(),
            referenced: referenced(planner, &project),
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
        let Parameters { project, referenced, .. } = parameters(context.action);
        let project = RelPath::new(&project).expect("planned from a path");
        let referenced = ReferencedProjects::new(&project, referenced);
        let Tool::Package(package, interpreter) = &context.action.tool else {
            unreachable!("a check is planned with the package of a compiler");
        };
        let resolved: ResolvedCompiler = serde_json::from_str(&package.source).expect("planned as a compiler");
        let compiler = match self.install(&resolved, interpreter.as_ref()) {
            Ok(compiler) => compiler,
            Err(error) => return Ok(ActionResult::failed(vec![unavailable(&resolved, &error)])),
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
            Ok((checked, _)) => {
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

impl Check {
    fn install(&self, resolved: &ResolvedCompiler, interpreter: Option<&Program>) -> Result<Compiler, ToolchainError> {
        let network = self.resources.registry.as_ref().map_or(Network::Offline, Network::Online);
        let installed = self.resources.packages.ensure(&resolved.package, network, &|_| {})?;
        Ok(match resolved.runtime {
            Runtime::Native => Compiler::native(resolved.version(), installed.directory.join(resolved.executable())),
            Runtime::Node => {
                let node = interpreter.map(|program| program.place.clone());
                Compiler::script(resolved.version(), &installed.directory, node)
            }
        })
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

/// The files that say which compiler it is.
struct Texts {
    lock: Option<(RelPath, String)>,
    lockfiles: Vec<(RelPath, String)>,
    manifest: Option<(RelPath, String)>,
}

impl Texts {
    fn resolve(&self, requested: Option<Requested<'_>>) -> (Option<ResolvedCompiler>, Vec<Diagnostic>) {
        fn document((path, text): &(RelPath, String)) -> Document<'_> {
            Document { path, text }
        }
        let lockfiles: Vec<_> = self.lockfiles.iter().map(document).collect();
        webstir_toolchain::resolve(&Request {
            requested,
            lock: self.lock.as_ref().map(document),
            lockfiles: &lockfiles,
            manifest: self.manifest.as_ref().map(document),
            platform: Platform::current(),
        })
    }
}

/// The compiler of the workspace; what is wrong with the choice is reported.
fn compiler(planner: &mut Planner<'_>) -> Option<ResolvedCompiler> {
    let db = planner.db;
    let read = |name: &str| {
        let path = RelPath::new(name).ok()?;
        file::text(db, &path).map(|text| (path, text))
    };
    let texts = Texts {
        lock: read(LOCK_FILE),
        lockfiles: LOCKFILES.iter().filter_map(|name| read(name)).collect(),
        manifest: read("package.json"),
    };
    let config = RelPath::new("webstir.kdl").expect("a plain file name");
    let wanted = planner.config.toolchain().text("typescript");
    let requested = wanted.map(|version| Requested {
        version: &version.value,
        path: &config,
        span: match version.place {
            webstir_engine::config::Place::Written(span) => Some(span),
            _ => None,
        },
    });
    let (resolved, diagnostics) = texts.resolve(requested);
    for diagnostic in diagnostics {
        planner.report(diagnostic);
    }
    resolved
}

fn unavailable(resolved: &ResolvedCompiler, error: &ToolchainError) -> Diagnostic {
    let message = format!("TypeScript {} cannot be used: {error}", resolved.version());
    let diagnostic = Diagnostic::error("toolchain::unavailable", message);
    match error {
        ToolchainError::Offline { .. } => diagnostic.help("Run the command once without `--offline`"),
        _ => diagnostic.help("Check the network, the registry in `.npmrc` and the proxy settings"),
    }
}
