//! `transpile`: every module that the entries reach, one action a module.
//!
//! The outputs mirror the sources below the rule's `root`, so relative specifiers keep their meaning; what differs (extensions,
//! tsconfig `paths`) is rewritten. In a profile that does not materialise them the outputs only feed the bundles. The step of a module is
//! a query of its own, so that an edit plans one module anew and not all of them.

mod layout;

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use webstir_engine::action::{Action, ActionResult, Artifact, Input, Payload};
use webstir_engine::db::Db;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::file;
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Plan, Planner, Scope, Step, Target};
use webstir_engine::run::{Context, Run, RunResult};
use webstir_typescript::resolve::Asked;
use webstir_typescript::source::ImportKind;
use webstir_typescript::transpile::{self, ImportRequire, MapLink, MapOptions, Options, Source};
use webstir_typescript::tsconfig::EmitOptions;

use super::{argument, parameters};
use crate::implementation::implementation;
use crate::modules::{GraphKey, Link, ModuleGraph, PathKey, RuleKey, entry_points, imports, module_graph, project};

pub(crate) use layout::SOURCE_MAPS;
pub(super) use layout::{
    Layout, define, graph_key, layout_of, linking, linking_on, map_of, outputs, platform, source_map,
};

/// The rule.
pub(super) struct Transpile;

/// The parameters that all modules of a rule have in common.
#[derive(Serialize, Deserialize)]
struct Common {
    emit: EmitOptions,
    define: BTreeMap<String, String>,
    /// Whether the output runs by itself; otherwise it is linked.
    placed: bool,
}

/// The parameters of one module.
#[derive(Serialize, Deserialize)]
struct Own {
    map: Option<Map>,
    /// New specifiers.
    rewrite: BTreeMap<String, String>,
    /// New specifiers of `require` that are others than those of `import`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    require: BTreeMap<String, String>,
    output: String,
    /// Where a JSON file goes for those that require it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    required: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Map {
    source: String,
    content: bool,
    link: MapPlace,
}

#[derive(Serialize, Deserialize)]
enum MapPlace {
    None,
    Inline,
    Url(String),
}

/// The [`Common`] parameters as text, and what becomes of source maps.
#[salsa::tracked(returns(ref))]
fn common<'db>(db: &'db dyn Db, rule: Target<'db>) -> Option<(Box<str>, &'static str)> {
    let scope = Scope::of(db, rule)?;
    let layout = layout_of(db, rule).as_ref()?;
    let common = Common { emit: layout.emit_options(db), define: define(scope), placed: layout.materialised() };
    Some((serde_json::to_string(&common).expect("parameters are plain data").into(), source_map(scope)))
}

/// One module of a rule.
#[salsa::interned(debug)]
struct ModuleKey<'db> {
    #[returns(copy)]
    rule: Target<'db>,
    #[returns(copy)]
    source: PathKey<'db>,
    /// Whether a map is made even where none is materialised.
    #[returns(copy)]
    mapped: bool,
    /// Whether it is JSON that is asked for by `require`.
    #[returns(copy)]
    required: bool,
}

/// What becomes of the modules of a rule: those that are transpiled, and which of them are materialised and are mapped in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, salsa::SalsaValue)]
struct Graphs<'db> {
    all: GraphKey<'db>,
    materialised: Option<GraphKey<'db>>,
    mapped: Option<GraphKey<'db>>,
}

/// The modules of a rule in the order of their paths, and whether each is materialised. Apart from the plan, which is made again with each of
/// their results.
#[salsa::tracked(returns(ref))]
fn modules<'db>(db: &'db dyn Db, rule: Target<'db>, graphs: Graphs<'db>) -> Vec<(ModuleKey<'db>, bool)> {
    let paths = |graph| Among::new(module_graph(db, graph).modules.keys());
    let (mut materialised, mut mapped) = (graphs.materialised.map(paths), graphs.mapped.map(paths));
    let ModuleGraph { modules, required, .. } = module_graph(db, graphs.all);
    let modules = modules.keys().map(|source| {
        let is_mapped = mapped.as_mut().is_some_and(|mapped| mapped.has(source));
        let is_materialised = materialised.as_mut().is_some_and(|materialised| materialised.has(source));
        let is_required = required.contains(source);
        (ModuleKey::new(db, rule, PathKey::new(db, source.clone()), is_mapped, is_required), is_materialised)
    });
    modules.collect()
}

/// The action of one module and what came of it; `None` when the module is not there.
#[salsa::tracked(returns(ref))]
fn step<'db>(db: &'db dyn Db, module: ModuleKey<'db>) -> Option<Step> {
    planned(db, module).clone().map(|action| Step::new(db, action))
}

/// The action of one module. Apart from its step, which changes when it is done.
#[salsa::tracked(returns(ref))]
fn planned<'db>(db: &'db dyn Db, module: ModuleKey<'db>) -> Option<Arc<Action>> {
    let rule = module.rule(db);
    let source = module.source(db).path(db);
    // Whether a source may be executed decides nothing here.
    let input = Input { executable: false, ..file::input(db, source)? };
    let layout = layout_of(db, rule).as_ref()?;
    let (common, maps) = common(db, rule).as_ref()?;
    let links = &imports(db, module.source(db), layout::linking(db, rule)?).links;
    let output = layout.output(source);
    let directory = output.parent().unwrap_or_else(RelPath::root);
    let (mut rewrite, mut require) = (BTreeMap::new(), BTreeMap::new());
    // Of one specifier `import` comes before `require`.
    for ((specifier, asked), link) in links {
        let before = rewrite.get(&**specifier).map_or(&**specifier, String::as_str);
        let written = match link {
            Link::Module(target) => {
                let is_required = *asked == Asked::Require && target.extension() == "json";
                let output = if is_required { layout.required(target) } else { layout.output(target) };
                let relative = output.relative_to(&directory);
                if relative.starts_with("../") { relative } else { format!("./{relative}") }
            }
            Link::External => specifier.to_string(),
        };
        if written == before {
            continue;
        }
        let is_imported = *asked == Asked::Require && links.contains_key(&(specifier.clone(), Asked::Import));
        if is_imported { &mut require } else { &mut rewrite }.insert(specifier.to_string(), written);
    }
    let map = match *maps {
        "none" if module.mapped(db) => {
            Some(Map { source: source.relative_to(&directory), content: false, link: MapPlace::None })
        }
        "none" => None,
        "embedded" if layout.materialised() => {
            Some(Map { source: source.relative_to(&directory), content: true, link: MapPlace::Inline })
        }
        // The sources lie beside the output of a build: the map only has to name them.
        _ if layout.materialised() => Some(Map {
            source: source.relative_to(&directory),
            content: false,
            link: MapPlace::Url(format!("{}.map", output.file_name())),
        }),
        _ => Some(Map { source: format!("/{source}"), content: true, link: MapPlace::None }),
    };
    let required = module.required(db).then(|| layout.required(source).as_str().to_owned());
    let own = Own { map, rewrite, require, output: output.as_str().to_owned(), required };
    let own = serde_json::to_string(&own).expect("parameters are plain data");
    let label = Scope::of(db, rule)?.label(Some(source.clone()));
    let payload = Payload::Parameters(Box::new([common.clone(), own.into()]));
    let mut action = Action::new(label, implementation(), payload);
    action.inputs = Box::new([input]);
    Some(Arc::new(action))
}

/// Sorted paths, asked about in order.
struct Among<I: Iterator>(Peekable<I>);

impl<'a, I: Iterator<Item = &'a RelPath>> Among<I> {
    fn new(paths: I) -> Self {
        Self(paths.peekable())
    }

    /// Whether `path` is one of them. Paths must be asked about in ascending order.
    fn has(&mut self, path: &RelPath) -> bool {
        while self.0.next_if(|next| *next < path).is_some() {}
        self.0.next_if(|next| *next == path).is_some()
    }
}

impl Plan for Transpile {
    fn kind(&self) -> &'static str {
        "transpile"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let (db, rule) = (planner.db, planner.target);
        let Some(layout) = layout_of(db, rule) else { return };
        let mut roots = Vec::new();
        let mut module = None;
        let mut materialised_from = Vec::new();
        for rule in planner.node.references("entries") {
            let points = entry_points(db, RuleKey::new(db, rule.value.clone()));
            for diagnostic in &points.diagnostics {
                planner.report(diagnostic.clone());
            }
            materialised_from.extend(points.files(false));
            roots.extend(points.files(true));
            module = module.or_else(|| points.module.clone());
        }
        roots.extend(materialised_from.iter().cloned());
        roots.extend(module.clone());
        let (_, mistakes) = project(db, PathKey::new(db, layout.project.clone()));
        for mistake in mistakes {
            planner.report(mistake.clone());
        }
        let Some(all) = graph_key(db, rule, roots) else { return };
        let graph = module_graph(db, all);
        for diagnostic in graph.diagnostics.iter().chain(&outputs(db, rule, all).diagnostics) {
            planner.report(diagnostic.clone());
        }
        if !planner.is_done() {
            return;
        }
        // A definition may be loaded from what it reaches.
        materialised_from.extend(module.clone());
        let materialised = layout.materialised().then(|| graph_key(db, rule, materialised_from)).flatten();
        // An error of the module definition is reported at its source, so its maps are made in any case.
        let mapped = module.as_ref().and_then(|module| graph_key(db, rule, vec![module.clone()]));
        let module = module.map(|module| PathKey::new(db, module));
        let maps = common(db, rule).as_ref().is_some_and(|(_, maps)| *maps == "linked");
        for (source, is_materialised) in modules(db, rule, Graphs { all, materialised, mapped }) {
            let Some(step) = step(db, *source) else { continue };
            let Some(result) = planner.step(step.clone()) else { continue };
            // The module definition is written by the rule that bundles it.
            if *is_materialised && Some(source.source(db)) != module {
                let wanted = result.artifacts.iter().filter(|artifact| maps || artifact.path.extension() != "map");
                planner.materialise(wanted.cloned());
            }
            planner.keep_internal(result.artifacts.iter().cloned());
        }
    }
}

impl Run for Transpile {
    fn kind(&self) -> &'static str {
        "transpile"
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let Common { emit, define, placed } = parameters(context.action);
        let Own { map, rewrite, require, output, required } = argument(context.action, 1);
        let input = &context.action.inputs[0];
        let bytes = context.read(input)?;
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => {
                let message =
                    format!("`{}` is not UTF-8: byte {} starts no character", input.path, error.valid_up_to());
                let diagnostic = Diagnostic::error("transpile::encoding", message).in_file(&input.path);
                return Ok(ActionResult::failed(vec![diagnostic.help("Save the file as UTF-8")]));
            }
        };
        let rewritten = |specifier: &str, kind: ImportKind| {
            let required = require.get(specifier).filter(|_| kind == ImportKind::Require);
            required.or_else(|| rewrite.get(specifier)).cloned()
        };
        let options = Options {
            emit,
            define,
            map: map.map(|map| MapOptions {
                source: map.source,
                content: map.content,
                link: match map.link {
                    MapPlace::None => MapLink::Detached,
                    MapPlace::Inline => MapLink::Inline,
                    MapPlace::Url(url) => MapLink::Url(url),
                },
            }),
            // A bundle links what is required; a materialised module finds it when it runs.
            import_require: if placed { ImportRequire::CreateRequire } else { ImportRequire::Bare },
            rewrite: &rewritten,
        };
        let emitted = match transpile::transpile(Source { path: &input.path, text }, &options) {
            Ok(emitted) => emitted,
            Err(diagnostics) => return Ok(ActionResult::failed(diagnostics)),
        };
        let output = RelPath::new(&output).expect("planned as a path");
        let mut artifacts: Vec<Artifact> = Vec::new();
        if let Some(map) = emitted.map {
            artifacts.push(context.write(map_of(&output), map.as_bytes())?);
        }
        artifacts.push(context.write(output, emitted.code.as_bytes())?);
        if let (Some(required), Some(code)) = (required, transpile::required_json(text)) {
            let required = RelPath::new(&required).expect("planned as a path");
            artifacts.push(context.write(required, code.as_bytes())?);
        }
        Ok(ActionResult::done(artifacts, Vec::new()))
    }
}
