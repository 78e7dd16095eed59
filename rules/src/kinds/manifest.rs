//! `manifest`: what the module serves, read by evaluating its definition, merged with what `package.json` declares.
//!
//! The bundle is evaluated in the embedded engine, with the view as its only files. A module that imports what the engine does not
//! have gives a result without files, and the rule goes on with a second action: Bun or Node evaluates it, as the identity of that program
//! is part of the key. Without one, and where the user tolerates it, the manifest says what is known without the module.

mod chains;
mod evaluate;
mod process;
mod program;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use webstir_engine::action::Tool;
use webstir_engine::db::Db;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::file;
use webstir_engine::machine::{Program, Wanted, program};
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Plan, Planner};
use webstir_script::Limits;

use super::bundle::{loaded, sources};
use super::transpile::graph_key;
use super::{action, add_parameters, output_path, reference, stored};
use crate::manifest::{Projection, projection};
use crate::modules::{PathKey, RuleKey, entry_points};
use crate::processes::accepted;

pub(super) use chains::chains;
pub(super) use evaluate::Evaluate;
use program::Module;

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

/// The programs that can evaluate a module, the first that is there.
const EVALUATORS: [&str; 2] = ["bun", "node"];

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
            strict: !tolerant || crate::schema::is_set(planner.config, &planner.profile, "strict"),
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
            action.inputs = plan.internal_outputs.iter().map(stored).collect();
            action.discovers_inputs = true;
            action
        };
        let embedded = plan_action(planner, None, &parameters);
        let Some(mut result) = planner.action(embedded) else { return };
        if result.artifacts.is_empty() {
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
                return result.diagnostics.iter().for_each(|diagnostic| planner.report(diagnostic.clone()));
            }
            let evaluator = if found.is_some() { Evaluator::Program } else { Evaluator::Nothing };
            let mut action = plan_action(planner, subject, &Parameters { evaluator, ..parameters });
            if let Some(program) = found {
                action.tool = Tool::Program(Program::clone(program));
                action.accepted = accepted(planner);
            }
            match planner.action(action) {
                Some(evaluated) => result = evaluated,
                None => return,
            }
        }
        planner.materialise(result.artifacts.iter().cloned());
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

fn package_json() -> RelPath {
    RelPath::new("package.json").expect("a plain file name")
}
