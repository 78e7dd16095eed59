//! `manifest`: what the module serves, read by evaluating its definition, merged with what `package.json` declares.
//!
//! The bundle is evaluated in the embedded engine, with the traced view as its only files. A module that imports what the engine does not
//! have gives an outcome without files, and the rule goes on with a second action: Bun or Node evaluates it, as the identity of that program
//! is part of the key. Without one, and where the user tolerates it, the manifest says what is known without the module.

mod process;
mod program;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use webstir_engine::action::{Artifact, Outcome, Tool};
use webstir_engine::db::Db;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::file;
use webstir_engine::label::Label;
use webstir_engine::machine::{Program, Wanted, program};
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Plan, Planner, Scope};
use webstir_engine::run::{Context, Run, RunError, RunResult};
use webstir_script::{Evaluation, Limits, ModuleDescription, ScriptError};

use super::bundle::{loaded, sources};
use super::transpile::graph_key;
use super::{Resources, action, add_parameters, output_path, parameters, reference, stored};
use crate::manifest::{HydrationInput, LoadFailure, Projection, ViewFiles, hydrate, load_error_diagnostic, projection};
use crate::modules::{GraphKey, Link, PathKey, RuleKey, entry_points, module_graph};
use crate::resolve::is_platform;

use program::{Maps, Module, text_at};

/// How the rule is planned.
pub(super) struct Manifest;

/// What describes the module.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Evaluator {
    /// The embedded engine.
    Embedded,
    /// The program that the action names.
    Program,
    /// Nothing does: no program is there.
    Nothing,
}

#[derive(Serialize, Deserialize)]
struct Parameters {
    output: String,
    /// The part of `package.json` that matters.
    projection: String,
    module: Option<Module>,
    evaluator: Evaluator,
    /// The name of a workspace whose `package.json` has none.
    directory_name: String,
    has_entries: bool,
    /// Whether a module that does not load is an error.
    strict: bool,
    cpu_ms: u64,
    memory: u64,
    /// How the module reaches each import that the embedded engine does not have.
    chains: BTreeMap<String, Vec<String>>,
}

/// What `package.json` declares. A query of its own: edits of other keys end here.
#[salsa::tracked(returns(ref))]
fn declared<'db>(db: &'db dyn Db, key: PathKey<'db>) -> (String, Vec<Diagnostic>) {
    let text = file::text(db, key.path(db));
    let (projection, diagnostics) = projection(text.as_deref());
    (projection.to_json(), diagnostics)
}

impl Plan for Manifest {
    fn kind(&self) -> &'static str {
        "manifest"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let Some(output) = planner.node.output("out").and_then(|out| output_path(planner.scope(), &out.value)) else {
            return;
        };
        let Some(module) = reference(planner, "module") else { return };
        let path = planner.node.path("declared").map_or_else(package_json, |path| path.value.clone());
        let (projection, mistakes) = declared(planner.db, PathKey::new(planner.db, path));
        for mistake in mistakes {
            planner.report(mistake.clone());
        }
        let Some(bundle) = planner.config.rule(&module) else { return };
        let Some(plan) = planner.require(&module) else { return };
        let entries = bundle.reference("module-definition").map(|rule| rule.value.clone());
        let points = entries.map(|rule| entry_points(planner.db, RuleKey::new(planner.db, rule)));
        let source = points.and_then(|points| points.module.clone());
        let loaded = loaded(planner.db, planner.beside(&module), plan);
        let names = bundle.reference("modules").zip(source.as_ref()).and_then(|(modules, source)| {
            let modules = planner.beside(&modules.value);
            Some(sources(planner.db, modules, graph_key(planner.db, modules, vec![source.clone()])?))
        });
        let chains = match (&source, bundle.reference("modules")) {
            (Some(source), Some(modules)) => chains(planner.scope(), modules, source),
            _ => BTreeMap::new(),
        };
        let limits = planner.node.block("limits");
        let standard = Limits::default();
        let cpu = limits.and_then(|limits| limits.duration("cpu")).map_or(standard.cpu, |cpu| cpu.value);
        let memory =
            limits.and_then(|limits| limits.size("memory")).map_or(standard.memory as u64, |memory| memory.value);
        let tolerant = planner.node.choice("on-load-error").is_none_or(|choice| choice.value == "warn");
        // A name that would decide nothing is no part of the action: worktrees share what has one.
        let projection_has_name = Projection::from_json(projection).is_some_and(|projection| projection.has_name());
        let parameters = Parameters {
            output: output.as_str().to_owned(),
            projection: projection.clone(),
            module: source.zip(loaded).map(|(source, loaded)| Module {
                source: source.to_string(),
                code: loaded.entry.to_string(),
                others: loaded.others.iter().map(ToString::to_string).collect(),
                imports: loaded.imports.into_iter().map(|(name, path)| (name, path.to_string())).collect(),
            }),
            evaluator: Evaluator::Embedded,
            directory_name: if projection_has_name { String::new() } else { planner.db.system().name().to_owned() },
            has_entries: points.is_some_and(|points| points.buckets.iter().any(|bucket| !bucket.files.is_empty())),
            strict: &*planner.profile != "build" || !tolerant,
            cpu_ms: u64::try_from(cpu.as_millis()).unwrap_or(u64::MAX),
            memory,
            chains,
        };
        // What each file was made of names it in `import.meta` and in frames.
        let names = names.filter(|_| parameters.module.as_ref().is_some_and(|module| !module.others.is_empty()));
        let plan_action = |planner: &Planner<'_>, subject, parameters: &Parameters| {
            let mut action = action(planner.scope(), subject, parameters);
            add_parameters(&mut action, names.cloned());
            action.environment = environment(planner);
            action.inputs = plan.intermediates.iter().map(stored).collect();
            action.traced = true;
            action
        };
        let embedded = plan_action(planner, None, &parameters);
        let Some(mut outcome) = planner.action(embedded) else { return };
        if outcome.artifacts.is_empty() {
            // The engine does not have what the module imports: a program evaluates it, where there is one.
            let subject = parameters.module.as_ref().and_then(|module| RelPath::new(&module.source).ok());
            let found = EVALUATORS
                .iter()
                .find_map(|name| program(planner.db, Wanted { name: (*name).into(), loads_packages: true }));
            if found.is_some() {
                planner.withhold();
            } else if parameters.strict {
                // Withheld as it is, and told as what it is without a program: the reason why the rule fails.
                planner.withhold();
                return outcome.diagnostics.iter().for_each(|diagnostic| planner.report(diagnostic.clone()));
            }
            let evaluator = if found.is_some() { Evaluator::Program } else { Evaluator::Nothing };
            let mut action = plan_action(planner, subject, &Parameters { evaluator, ..parameters });
            if let Some(program) = found {
                action.tool = Tool::Program(Program::clone(program));
            }
            match planner.action(action) {
                Some(evaluated) => outcome = evaluated,
                None => return,
            }
        }
        planner.place(outcome.artifacts.iter().cloned());
    }
}

/// The allow-listed values that the rule lets the module see.
fn environment(planner: &Planner<'_>) -> Box<[(Box<str>, Box<str>)]> {
    let names = planner.node.texts("environment");
    let values = names.filter_map(|name| Some((Box::from(&*name.value), Box::from(planner.environment(&name.value)?))));
    let mut environment: Vec<(Box<str>, Box<str>)> = values.collect();
    environment.sort();
    environment.into_boxed_slice()
}

/// The code of a finding about a module that throws.
const LOAD_FAILED: &str = "manifest::load_failed";

/// The programs that can evaluate a module, the first that is there.
const EVALUATORS: [&str; 2] = ["bun", "node"];

/// How its actions are run.
pub(super) struct Evaluate {
    resources: Arc<Resources>,
}

impl Evaluate {
    pub(super) fn new(resources: Arc<Resources>) -> Self {
        Self { resources }
    }
}

impl Run for Evaluate {
    fn kind(&self) -> &'static str {
        "manifest"
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let parameters: Parameters = parameters(context.action);
        let source = parameters.module.as_ref().and_then(|module| RelPath::new(&module.source).ok());
        let mut evaluated = Evaluated::default();
        if let (Some(source), Some(module)) = (&source, &parameters.module) {
            evaluated = match parameters.evaluator {
                Evaluator::Embedded => embedded(context, &parameters, source, module)?,
                Evaluator::Program => self.by_program(context, &parameters, source, module)?,
                Evaluator::Nothing => Evaluated::default(),
            };
        }
        let Evaluated { description, failure, standing } = evaluated;
        let mut diagnostics: Vec<Diagnostic> = failure.into_iter().collect();
        if standing == Standing::Elsewhere {
            return Ok(Outcome::done(Vec::new(), diagnostics));
        }
        if parameters.strict && !diagnostics.is_empty() {
            return Ok(Outcome::failed(diagnostics));
        }
        let projected = Projection::from_json(&parameters.projection).unwrap_or_default();
        let mut input = HydrationInput {
            projection: &projected,
            package_json: None,
            directory_name: &parameters.directory_name,
            module: description.as_deref(),
            module_file: source.as_ref(),
            has_entries: parameters.has_entries,
        };
        let (mut manifest, mut findings) = hydrate(&input);
        // Only findings that need a place in `package.json` make its whole text an input.
        if findings.iter().any(|finding| finding.file == Some(package_json())) {
            let text = context.view.read(&package_json()).map_err(RunError::world("Reading `package.json`"))?;
            let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
            if projection(text.as_deref()).0 != projected {
                return Err(RunError::InputChanged(package_json()));
            }
            input.package_json = text.as_deref();
            (manifest, findings) = hydrate(&input);
        }
        diagnostics.append(&mut findings);
        let output = RelPath::new(&parameters.output).expect("planned as a path");
        let artifacts = vec![write(context, output, &manifest)?];
        Ok(match standing {
            Standing::Inconclusive => Outcome::inconclusive(artifacts, diagnostics),
            _ => Outcome {
                hermetic: parameters.evaluator != Evaluator::Program,
                ..Outcome::done(artifacts, diagnostics)
            },
        })
    }
}

/// What came of an evaluation.
#[derive(Default)]
struct Evaluated {
    description: Option<Box<ModuleDescription>>,
    /// Why there is none.
    failure: Option<Diagnostic>,
    standing: Standing,
}

/// What a failed evaluation says of the next one.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    /// It gives the same again.
    #[default]
    Certain,
    /// Nothing: a limit was reached, which depends on the machine.
    Inconclusive,
    /// The embedded engine does not have what the module imports.
    Elsewhere,
}

impl Evaluated {
    fn described(description: ModuleDescription) -> Self {
        Self { description: Some(Box::new(description)), ..Self::default() }
    }

    fn failed(failure: Diagnostic, standing: Standing) -> Self {
        Self { description: None, failure: Some(failure), standing }
    }
}

/// Evaluates the module in the embedded engine.
fn embedded(
    context: &Context<'_>,
    parameters: &Parameters,
    source: &RelPath,
    module: &Module,
) -> Result<Evaluated, RunError> {
    let environment: Vec<(String, String)> =
        context.action.environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let evaluated = webstir_script::evaluate(Evaluation {
        program: program::load(context, module)?,
        source_maps: &Maps(context),
        environment: &environment,
        files: &ViewFiles(context.view),
        limits: Limits {
            cpu: Duration::from_millis(parameters.cpu_ms),
            memory: usize::try_from(parameters.memory).unwrap_or(usize::MAX),
            ..Limits::default()
        },
    });
    let error = match evaluated {
        Ok(evaluated) => return Ok(Evaluated::described(evaluated.module)),
        Err(error) => error,
    };
    if error.is_world() {
        return Err(RunError::world("Evaluating the module definition")(std::io::Error::other(error)));
    }
    let text_of =
        |path: &RelPath| context.view.read(path).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    let failure = LoadFailure { module_file: source, strict: parameters.strict, text: &text_of };
    let mut diagnostic = load_error_diagnostic(&error, &failure);
    let standing = match &error {
        // Outside of the engine only a linked module can be evaluated; no other asks for what the engine has not.
        ScriptError::Unsupported { specifier } if module.others.is_empty() => {
            diagnostic =
                diagnostic.help("Install Bun or Node.js to evaluate it there, or import it where a request is served");
            if let Some(chain) = parameters.chains.get(specifier) {
                diagnostic = diagnostic.note(format!("Imported through {}", chain.join(" -> ")));
            }
            Standing::Elsewhere
        }
        error if error.is_limit() => Standing::Inconclusive,
        _ => Standing::Certain,
    };
    Ok(Evaluated::failed(diagnostic, standing))
}

impl Evaluate {
    /// Has Bun or Node evaluate the module.
    fn by_program(
        &self,
        context: &Context<'_>,
        parameters: &Parameters,
        source: &RelPath,
        module: &Module,
    ) -> Result<Evaluated, RunError> {
        let Tool::Program(program) = &context.action.tool else {
            unreachable!("an evaluation by a program is planned with it");
        };
        let text = text_at(context, &RelPath::new(&module.code).expect("planned as a path"))?.unwrap_or_default();
        let evaluated =
            process::evaluate(&self.resources.processes, program, source, &text, parameters.cpu_ms, context)?;
        let (message, standing) = match evaluated {
            process::Evaluated::Described(description) => return Ok(Evaluated::described(*description)),
            process::Evaluated::Thrown(message) => (message, Standing::Certain),
            process::Evaluated::Unfinished(message) => (message, Standing::Inconclusive),
        };
        let first = message.lines().next().unwrap_or("");
        let make = if parameters.strict { Diagnostic::error } else { Diagnostic::warning };
        let mut diagnostic =
            make(LOAD_FAILED.to_owned(), format!("Failed to load module definition: {first}")).in_file(source);
        diagnostic.notes = message.lines().skip(1).map(str::to_owned).collect();
        for (specifier, chain) in &parameters.chains {
            diagnostic = diagnostic.note(format!("`{specifier}` is imported through {}", chain.join(" -> ")));
        }
        Ok(Evaluated::failed(diagnostic, standing))
    }
}

/// The shortest way from a module definition to each import that the embedded engine does not have.
pub(super) fn chains(scope: Scope<'_>, modules: &Label, definition: &RelPath) -> BTreeMap<String, Vec<String>> {
    let key = graph_key(scope.db, scope.beside(modules), vec![definition.clone()]);
    key.map(|key| foreign_imports(scope.db, key).clone()).unwrap_or_default()
}

#[salsa::tracked(returns(ref))]
fn foreign_imports<'db>(db: &'db dyn Db, key: GraphKey<'db>) -> BTreeMap<String, Vec<String>> {
    let graph = module_graph(db, key);
    let mut chains = BTreeMap::new();
    let mut before: BTreeMap<&RelPath, Option<&RelPath>> = key.entries(db).iter().map(|entry| (entry, None)).collect();
    let mut open: VecDeque<&RelPath> = key.entries(db).iter().collect();
    while let Some(path) = open.pop_front() {
        for (specifier, link) in graph.modules.get(path).into_iter().flatten() {
            match link {
                Link::Module(target) => {
                    if !before.contains_key(target) {
                        before.insert(target, Some(path));
                        open.push_back(target);
                    }
                }
                Link::External => {
                    let foreign = is_platform(specifier);
                    if !foreign || webstir_script::is_builtin(specifier) || chains.contains_key(&**specifier) {
                        continue;
                    }
                    let mut chain = vec![specifier.to_string()];
                    let mut step = Some(path);
                    while let Some(path) = step {
                        chain.push(path.to_string());
                        step = before.get(path).copied().flatten();
                    }
                    chain.reverse();
                    chains.insert(specifier.to_string(), chain);
                }
            }
        }
    }
    chains
}

fn write(context: &Context<'_>, output: RelPath, manifest: &Value) -> Result<Artifact, RunError> {
    let mut text = serde_json::to_string_pretty(manifest).expect("JSON is plain data");
    text.push('\n');
    context.write(output, text.as_bytes())
}

fn package_json() -> RelPath {
    RelPath::new("package.json").expect("a plain file name")
}
