//! `artifacts`: the sorted index of everything a profile makes, and the build manifest.
//!
//! Both follow from the plan: the outputs are known by digest before they are on disk, so nothing is globbed and nothing that
//! nobody declared is listed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use webstir_contract::artifacts::{
    Artifact as IndexArtifact, ArtifactIndex, ArtifactKind, Buckets, BuildDiagnostic, BuildManifest, BuildSeverity,
    Engine, ModuleArtifact,
};
use webstir_engine::action::{Action, ActionResult, Artifact};
use webstir_engine::config::Rule as Node;
use webstir_engine::diagnostic::{Diagnostic, Severity, Span};
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Plan, PlanDb, Planner, Scope, Step, Target, plan};
use webstir_engine::run::{Context, Run, RunError, RunResult};
use webstir_typescript::source::ParsedModule;

use super::bundle::loaded;
use super::manifest::chains;
use super::transpile::layout_of;
use super::{action, out_root, output_path, parameters, stored};
use crate::modules::{RuleKey, entry_points};
use crate::requirements::{Requirement, requirements};

/// The short form beside the index.
const BUILD_MANIFEST: &str = "build-manifest.json";

/// The rule.
pub(super) struct Artifacts;

#[derive(Serialize, Deserialize)]
struct Parameters {
    profile: String,
    output: String,
    /// The length of each input, in the order of the inputs.
    bytes: Vec<u64>,
    buckets: Buckets,
    module: Option<ModuleArtifact>,
    diagnostics: Vec<BuildDiagnostic>,
    /// The path of the module manifest among the inputs.
    manifest: Option<String>,
    engine: EngineWish,
}

/// What the user wants to run handlers, and what is known before the bundle is read.
#[derive(Serialize, Deserialize)]
struct EngineWish {
    choice: String,
    /// The bundle of the module among the inputs, when it is linked.
    bundle: Option<String>,
    /// How the module reaches each import that the embedded engine does not have.
    chains: BTreeMap<String, Vec<String>>,
    /// The rule, as it is written in `webstir.kdl`.
    rule: String,
}

impl Plan for Artifacts {
    fn kind(&self) -> &'static str {
        "artifacts"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        for node in listed(planner.scope()) {
            planner.require(node.label());
        }
        if !planner.is_done() {
            return;
        }
        let Some(action) = planned(planner.db, planner.target) else { return };
        if let Some(result) = planner.step(Step::new(planner.db, action.clone())) {
            planner.materialise(result.artifacts.iter().cloned());
        }
    }
}

impl Run for Artifacts {
    fn kind(&self) -> &'static str {
        "artifacts"
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let mut parameters: Parameters = parameters(context.action);
        let (engine, diagnostics) = choose(context, &parameters.engine)?;
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Ok(ActionResult::failed(diagnostics));
        }
        if let Some(module) = &mut parameters.module {
            module.engine = Some(engine);
        }
        let output = RelPath::new(&parameters.output).expect("planned as a path");
        let directory = output.parent().unwrap_or_else(RelPath::root);
        let listed = context.action.inputs.iter().zip(parameters.bytes).map(|(input, bytes)| IndexArtifact {
            path: input.path.relative_to(&directory),
            digest: input.digest.to_hex(),
            bytes,
            kind: kind(&input.path),
        });
        let index = ArtifactIndex::new(parameters.profile, listed.collect(), parameters.buckets, parameters.module);
        let manifest = match parameters.manifest.and_then(|path| RelPath::new(&path).ok()) {
            Some(path) => {
                let input = context.input(&path).expect("the manifest is an input");
                serde_json::from_slice(&context.read(input)?).ok()
            }
            None => None,
        };
        let short = BuildManifest::new(index.entry_points.clone(), Vec::new(), parameters.diagnostics, manifest);
        let beside = directory.join(BUILD_MANIFEST).expect("a plain file name");
        let artifacts = vec![
            context.write(output, index.to_json().as_bytes())?,
            context.write(beside, short.to_json().as_bytes())?,
        ];
        Ok(ActionResult::done(artifacts, diagnostics))
    }
}

/// The rules of the profile whose files are listed.
fn listed(scope: Scope<'_>) -> Vec<&Node> {
    let nodes = scope.node.references("of").filter_map(|label| scope.config.rule(&label.value));
    nodes.filter(|node| node.in_profile(scope.profile)).collect()
}

/// The action of a rule whose rules below are done. Apart from its step, which changes when it is done.
#[salsa::tracked(returns(ref))]
fn planned<'db>(db: &'db dyn PlanDb, rule: Target<'db>) -> Option<Arc<Action>> {
    let scope = Scope::of(db, rule)?;
    let output = output_path(scope, &scope.node.output("out")?.value)?;
    let directory = output.parent().unwrap_or_else(RelPath::root);
    let nodes = listed(scope);
    let mut artifacts: Vec<Artifact> = Vec::new();
    let mut module = None;
    let mut manifest = None;
    let mut diagnostics = Vec::new();
    for node in &nodes {
        let label = node.label();
        let below = plan(db, scope.beside(label));
        artifacts.extend(below.artifacts.iter().cloned());
        match label.kind() {
            "bundle" if node.has("module-definition") => {
                module = loaded(db, scope.beside(label), below).map(|loaded| (label, loaded));
            }
            "manifest" => {
                manifest = below.artifacts.first().map(|artifact| artifact.path.as_str().to_owned());
                diagnostics.extend(below.findings().map(build_diagnostic));
            }
            _ => {}
        }
    }
    artifacts.sort();
    artifacts.dedup();
    let below = |path: &RelPath| path.relative_to(&directory);
    let module = module.map(|(label, loaded)| {
        let is_its_manifest = |node: &&&Node| {
            node.label().kind() == "manifest" && node.reference("module").is_some_and(|of| of.value == *label)
        };
        let manifests = nodes.iter().filter(is_its_manifest).map(|node| plan(db, scope.beside(node.label())));
        let mut results = manifests.flat_map(|plan| plan.steps.iter().filter_map(|step| step.result.as_ref()));
        let module = ModuleArtifact {
            path: below(&loaded.entry),
            engine: None,
            validate: scope.node.boolean("validate").is_some_and(|validate| validate.value),
            hermetic: results.all(|result| result.hermetic),
            modules: loaded.others.iter().map(below).collect(),
            imports: loaded.imports.iter().map(|(specifier, path)| (specifier.clone(), below(path))).collect(),
        };
        // What is loaded from files of its own is known to be what the embedded engine runs.
        (loaded.others.is_empty().then_some(loaded.entry), module)
    });
    let (bundle, module) = module.unzip();
    let engine = EngineWish {
        choice: scope.node.choice("engine").map_or("auto", |choice| choice.value).to_owned(),
        bundle: bundle.flatten().map(|path| path.as_str().to_owned()),
        chains: module_chains(scope, &nodes),
        rule: format!("artifacts {}", scope.node.label().name()),
    };
    // To show an import its file is read.
    let discovers_inputs = !engine.chains.is_empty();
    let parameters = Parameters {
        profile: scope.profile.to_string(),
        output: output.as_str().to_owned(),
        bytes: artifacts.iter().map(|artifact| artifact.bytes).collect(),
        buckets: buckets(scope, &nodes, &artifacts, &below),
        module,
        diagnostics,
        manifest,
        engine,
    };
    let mut action = action(scope, None, &parameters);
    action.inputs = artifacts.iter().map(stored).collect();
    action.discovers_inputs = discovers_inputs;
    Some(Arc::new(action))
}

/// For the module definition that is bundled, how it reaches what the embedded engine does not have.
fn module_chains(scope: Scope<'_>, nodes: &[&Node]) -> BTreeMap<String, Vec<String>> {
    let Some(bundle) = nodes.iter().find(|node| node.label().kind() == "bundle" && node.has("module-definition"))
    else {
        return BTreeMap::new();
    };
    let entries = bundle.reference("module-definition").map(|rule| rule.value.clone());
    let source = entries.and_then(|rule| entry_points(scope.db, RuleKey::new(scope.db, rule)).module.clone());
    match (source, bundle.reference("modules")) {
        (Some(source), Some(modules)) => chains(scope, modules, &source),
        _ => BTreeMap::new(),
    }
}

/// What runs the handlers, and why it is not the embedded engine, or cannot be.
fn choose(context: &Context<'_>, wish: &EngineWish) -> Result<(Engine, Vec<Diagnostic>), RunError> {
    let bundle = wish.bundle.as_deref().and_then(|path| RelPath::new(path).ok());
    let found = match bundle.as_ref().and_then(|path| context.input(path).map(|input| (path, input))) {
        Some((path, input)) if wish.choice != "worker" => {
            requirements(path, &String::from_utf8_lossy(&context.read(input)?))
        }
        _ => Vec::new(),
    };
    let mut diagnostics = Vec::new();
    for (requirement, _) in &found {
        let what = requirement.describe();
        let mut diagnostic = match (&*wish.choice, requirement) {
            ("embedded", Requirement::Global(_)) => Diagnostic::warning(
                "artifacts::engine",
                format!("The module {what}, which the embedded engine does not have"),
            ),
            ("embedded", _) => Diagnostic::error(
                "artifacts::engine",
                format!("The module {what}, which the embedded engine does not have"),
            ),
            _ => Diagnostic::info("artifacts::engine", format!("Handlers run in a worker: the module {what}")),
        };
        if wish.choice == "embedded" {
            diagnostic = diagnostic.help(format!(
                "Leave out the import, or write `engine \"worker\"` in `{}` to run handlers in Bun or Node",
                wish.rule
            ));
        }
        if let Requirement::Import(specifier) = requirement
            && let Some(chain) = wish.chains.get(specifier)
        {
            diagnostic = at_import(context, diagnostic, chain, specifier)?;
            diagnostic = diagnostic.note(format!("Imported through {}", chain.join(" -> ")));
        }
        diagnostics.push(diagnostic);
    }
    let engine = match &*wish.choice {
        "worker" => Engine::Worker,
        "auto" if !found.is_empty() => Engine::Worker,
        _ => Engine::Embedded,
    };
    Ok((engine, diagnostics))
}

/// Where the last module of the chain asks for what is not there.
fn at_import(
    context: &Context<'_>,
    diagnostic: Diagnostic,
    chain: &[String],
    specifier: &str,
) -> Result<Diagnostic, RunError> {
    let Some(path) = chain.iter().rev().nth(1).and_then(|path| RelPath::new(path).ok()) else { return Ok(diagnostic) };
    let bytes = context.view.read(&path).map_err(RunError::world("Reading a module"))?;
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let parsed = ParsedModule::parse(&path, &text).ok();
    let facts = parsed.map(|parsed| parsed.facts()).unwrap_or_default();
    let import = facts.imports.iter().find(|import| &*import.specifier == specifier && !import.is_type_only());
    Ok(match import {
        Some(import) => diagnostic.at(&path, Span::locate(&text, import.start as usize, import.end as usize)),
        None => diagnostic.in_file(&path),
    })
}

/// The outputs of the entries that the rule names, by bucket, as far as they were made.
fn buckets(scope: Scope<'_>, nodes: &[&Node], artifacts: &[Artifact], below: &impl Fn(&RelPath) -> String) -> Buckets {
    let mut buckets = Buckets::default();
    let Some(out) = out_root(scope) else { return buckets };
    for rule in scope.node.references("entry-points") {
        let points = entry_points(scope.db, RuleKey::new(scope.db, rule.value.clone()));
        for bucket in &points.buckets {
            let sources = &bucket.files;
            let bucket = match &*bucket.name {
                "server" => &mut buckets.server,
                "functions" => &mut buckets.functions,
                "jobs" => &mut buckets.jobs,
                "migrations" => &mut buckets.migrations,
                _ => &mut buckets.tools,
            };
            for source in sources {
                let output = nodes.iter().find_map(|node| {
                    let modules = match node.label().kind() {
                        "transpile" => node.label(),
                        "bundle" if node.has("entries") => node.reference("modules")?,
                        _ => return None,
                    };
                    let layout = layout_of(scope.db, scope.beside(modules)).as_ref()?;
                    let path = node.output("out")?.value.for_source(out, layout.root(), source).ok()?;
                    artifacts.binary_search_by(|artifact| artifact.path.cmp(&path)).is_ok().then_some(path)
                });
                bucket.extend(output.as_ref().map(below));
            }
        }
    }
    buckets
}

fn build_diagnostic(diagnostic: &Diagnostic) -> BuildDiagnostic {
    BuildDiagnostic {
        severity: match diagnostic.severity {
            Severity::Info => BuildSeverity::Info,
            Severity::Warning => BuildSeverity::Warn,
            Severity::Error => BuildSeverity::Error,
        },
        message: diagnostic.message.clone(),
        file: diagnostic.file.as_ref().map(|file| file.as_str().to_owned()),
    }
}

fn kind(path: &RelPath) -> ArtifactKind {
    match path.extension() {
        "js" | "mjs" | "cjs" => ArtifactKind::Bundle,
        _ if is_metadata(path) => ArtifactKind::Metadata,
        _ => ArtifactKind::Asset,
    }
}

/// The names of what the rules themselves write about a build.
fn is_metadata(path: &RelPath) -> bool {
    matches!(path.file_name(), "artifacts.json" | "manifest.json" | BUILD_MANIFEST)
}

/// `bundle`, `asset` or `metadata`.
pub fn artifact_type(path: &RelPath) -> &'static str {
    match kind(path) {
        ArtifactKind::Bundle => "bundle",
        ArtifactKind::Asset => "asset",
        ArtifactKind::Metadata => "metadata",
    }
}
