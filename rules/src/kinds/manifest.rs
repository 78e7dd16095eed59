//! `manifest`: what the module serves, read by evaluating its definition, merged with what `package.json` declares.
//!
//! The bundle is evaluated in the embedded engine, with the traced view as its only files. A module that imports what the engine
//! does not have is evaluated by Bun or Node when one is there; its outcome then says that it is not hermetic.

mod process;
mod program;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use webstir_engine::action::{Artifact, Outcome};
use webstir_engine::db::Db;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::file;
use webstir_engine::label::Label;
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Planner, Scope};
use webstir_engine::rule::{Context, Rule, RunError, RunResult};
use webstir_script::{Evaluation, Limits, ModuleDescription, ScriptError};

use super::bundle::{loaded, sources};
use super::transpile::graph_key;
use super::{Setup, action, output_path, parameters, reference, stored};
use crate::manifest::{HydrationInput, LoadFailure, Projection, ViewFiles, hydrate, load_error_diagnostic, projection};
use crate::modules::{GraphKey, Link, PathKey, RuleKey, entry_points, module_graph};
use crate::resolve::is_platform;

use program::{Maps, Module, program, text_at};

const VERSION: u32 = 2;

/// The rule.
pub(super) struct Manifest {
    setup: Arc<Setup>,
}

impl Manifest {
    pub(super) fn new(setup: Arc<Setup>) -> Self {
        Self { setup }
    }
}

#[derive(Serialize, Deserialize)]
struct Parameters {
    output: String,
    /// The part of `package.json` that matters.
    projection: String,
    module: Option<Module>,
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

impl Rule for Manifest {
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
        let parameters = Parameters {
            output: output.as_str().to_owned(),
            projection: projection.clone(),
            module: source.zip(loaded).map(|(source, loaded)| Module {
                source: source.to_string(),
                code: loaded.entry.to_string(),
                others: loaded.others.iter().map(ToString::to_string).collect(),
                imports: loaded.imports.into_iter().map(|(name, path)| (name, path.to_string())).collect(),
            }),
            has_entries: points.is_some_and(|points| points.buckets.iter().any(|bucket| !bucket.files.is_empty())),
            strict: &*planner.profile != "build" || !tolerant,
            cpu_ms: u64::try_from(cpu.as_millis()).unwrap_or(u64::MAX),
            memory,
            chains,
        };
        let mut action = action(planner.scope(), VERSION, None, &parameters);
        // What each file was made of names it in `import.meta` and in frames.
        let names = names.filter(|_| parameters.module.as_ref().is_some_and(|module| !module.others.is_empty()));
        action.arguments = action.arguments.into_iter().chain(names.cloned()).collect();
        let names = planner.node.texts("environment");
        let values =
            names.filter_map(|name| Some((Box::from(&*name.value), Box::from(planner.environment(&name.value)?))));
        let mut environment: Vec<(Box<str>, Box<str>)> = values.collect();
        environment.sort();
        action.environment = environment.into_boxed_slice();
        action.inputs = plan.intermediates.iter().map(stored).collect();
        action.traced = true;
        if let Some(outcome) = planner.action(action) {
            planner.place(outcome.artifacts.iter().cloned());
        }
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let parameters: Parameters = parameters(context.action);
        let mut diagnostics = Vec::new();
        let mut hermetic = true;
        let mut failed = false;
        let mut description = None;
        let source = parameters.module.as_ref().and_then(|module| RelPath::new(&module.source).ok());
        if let (Some(source), Some(module)) = (&source, &parameters.module) {
            match self.evaluate(context, &parameters, source, module) {
                Ok(Evaluated::Described(described, is_hermetic)) => {
                    description = Some(described);
                    hermetic = is_hermetic;
                }
                Ok(Evaluated::Failed(diagnostic)) => {
                    failed = parameters.strict;
                    diagnostics.push(*diagnostic);
                }
                Err(error) => return Err(error),
            }
        }
        if failed {
            return Ok(Outcome::failed(diagnostics));
        }
        let projected = Projection::from_json(&parameters.projection).unwrap_or_default();
        let directory = self.setup.root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut input = HydrationInput {
            projection: &projected,
            package_json: None,
            directory_name: &directory,
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
        let mut outcome = Outcome::done(vec![write(context, output, &manifest)?], diagnostics);
        outcome.hermetic = hermetic;
        Ok(outcome)
    }
}

enum Evaluated {
    /// What the module exports, and whether nothing but its inputs could have an influence.
    Described(Box<ModuleDescription>, bool),
    /// It does not load.
    Failed(Box<Diagnostic>),
}

impl Manifest {
    fn evaluate(
        &self,
        context: &Context<'_>,
        parameters: &Parameters,
        source: &RelPath,
        module: &Module,
    ) -> Result<Evaluated, RunError> {
        let environment: Vec<(String, String)> =
            context.action.environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let evaluated = webstir_script::evaluate(Evaluation {
            program: program(context, module)?,
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
            Ok(evaluated) => return Ok(Evaluated::Described(Box::new(evaluated.module), true)),
            Err(error) => error,
        };
        if error.is_world() {
            return Err(RunError::world("Evaluating the module definition")(std::io::Error::other(error)));
        }
        let text_of =
            |path: &RelPath| context.view.read(path).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
        let failure = LoadFailure { module_file: source, strict: parameters.strict, text: &text_of };
        if let ScriptError::Unsupported { specifier } = &error {
            // Outside of the engine only a linked module can be evaluated; no other asks for what the engine has not.
            let program = self.setup.bun.as_ref().or(self.setup.node.as_ref()).filter(|_| module.others.is_empty());
            let Some(program) = program else {
                let mut diagnostic = load_error_diagnostic(&error, &failure)
                    .help("Install Bun or Node.js to evaluate it there, or import it where a request is served");
                if let Some(chain) = parameters.chains.get(specifier) {
                    diagnostic = diagnostic.note(format!("Imported through {}", chain.join(" -> ")));
                }
                return Ok(Evaluated::Failed(Box::new(diagnostic)));
            };
            let text = text_at(context, &RelPath::new(&module.code).expect("planned as a path"))?.unwrap_or_default();
            return match process::evaluate(program, &self.setup.root, &text, &environment, parameters.cpu_ms, context) {
                Ok(Ok(description)) => Ok(Evaluated::Described(Box::new(description), false)),
                Ok(Err(message)) => {
                    let mut diagnostic = load_error_diagnostic(&error, &failure);
                    diagnostic.message =
                        format!("Failed to load module definition: {}", message.lines().next().unwrap_or(""));
                    diagnostic.notes = message.lines().skip(1).map(str::to_owned).collect();
                    if let Some(chain) = parameters.chains.get(specifier) {
                        diagnostic =
                            diagnostic.note(format!("`{specifier}` is imported through {}", chain.join(" -> ")));
                    }
                    Ok(Evaluated::Failed(Box::new(diagnostic)))
                }
                Err(error) => Err(error),
            };
        }
        Ok(Evaluated::Failed(Box::new(load_error_diagnostic(&error, &failure))))
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
