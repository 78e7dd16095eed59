//! Module definitions that are not linked.
//!
//! Where a profile materialises the modules one by one and the embedded engine runs them, a module definition is loaded *unbundled*: it
//! and all that it reaches, each from its own file, so that an edit makes one file anew and nothing else. Packages are
//! [prebundled](super::prebundle): linked once, one file a specifier, found through an import map. A definition that needs a worker,
//! or packages that cannot be had this way, is linked as any other bundle.

use std::collections::{BTreeMap, BTreeSet};

use webstir_engine::action::Artifact;
use webstir_engine::db::Db;
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Planner, RulePlan, Scope, Target};
use webstir_typescript::resolve::{self, Platform, is_platform, is_relative};
use webstir_typescript::source::{ImportKind, is_common_js};

use super::super::transpile::{graph_key, layout_of, outputs};
use super::prebundle::{self, Prebundle};
use super::{Maps, minify};
use crate::modules::{GraphKey, Link, Linking, PathKey, RuleKey, entry_points, facts, imports, module_graph};

/// What modules ask for of packages, by specifier.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Packages(pub(super) BTreeMap<Box<str>, Wanted>);

/// What is asked for of one specifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// A module that imports it, of each directory that has one: it may lead elsewhere from each.
    pub(super) importers: BTreeMap<RelPath, RelPath>,
    /// The names of exports; `None` for all of them.
    pub(super) names: Option<BTreeSet<Box<str>>>,
}

/// Specifiers of packages with the exports that are asked for; `None` for all of them.
type Asked = Box<[(Box<str>, Option<Box<[Box<str>]>>)]>;

/// What one module asks for of packages; `None` when the embedded engine cannot load it by itself.
#[salsa::tracked(returns(ref))]
fn asked<'db>(db: &'db dyn Db, module: PathKey<'db>, linking: Linking<'db>) -> Option<Asked> {
    // The engine has ES modules alone.
    if is_common_js(module.path(db)) {
        return None;
    }
    let facts = facts(db, module).as_ref()?;
    let options = linking.options(db);
    // The types that decorators turn into values are not known before transpiling.
    if !facts.foreign.is_empty() || options.decorators.emits_metadata() {
        return None;
    }
    if facts.imports.iter().any(|import| import.kind == ImportKind::Unknown) {
        return None;
    }
    let links = &imports(db, module, linking).links;
    let mut asked = Vec::new();
    for import in facts.linked(options) {
        if import.kind == ImportKind::Require {
            return None;
        }
        if webstir_script::is_builtin(&import.specifier) {
            continue;
        }
        let request = (import.specifier, resolve::Asked::Import);
        if matches!(links.get(&request), Some(Link::Module(_))) {
            continue;
        }
        let specifier = request.0;
        if is_platform(&specifier) || is_relative(&specifier) || specifier.contains(':') {
            return None;
        }
        asked.push((specifier, import.names.map(Vec::into_boxed_slice)));
    }
    Some(asked.into_boxed_slice())
}

/// What the modules of a graph ask for of packages; `None` when the embedded engine cannot load them.
#[salsa::tracked(returns(ref))]
pub fn packages<'db>(db: &'db dyn Db, graph: GraphKey<'db>) -> Option<Packages> {
    let mut packages = Packages::default();
    for module in module_graph(db, graph).modules.keys() {
        for (specifier, names) in asked(db, PathKey::new(db, module.clone()), graph.linking(db)).as_ref()? {
            let wanted = packages
                .0
                .entry(specifier.clone())
                .or_insert_with(|| Wanted { importers: BTreeMap::new(), names: Some(BTreeSet::new()) });
            let directory = module.parent().unwrap_or_else(RelPath::root);
            wanted.importers.entry(directory).or_insert_with(|| module.clone());
            match (&mut wanted.names, names) {
                (Some(all), Some(names)) => all.extend(names.iter().cloned()),
                (all, None) => *all = None,
                (None, Some(_)) => {}
            }
        }
    }
    Some(packages)
}

/// A module definition and the file that a bundle writes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kinds) struct Definition {
    pub(in crate::kinds) source: RelPath,
    pub(in crate::kinds) output: RelPath,
}

/// The module definition of a `bundle` rule.
#[salsa::tracked(returns(ref))]
pub fn definition<'db>(db: &'db dyn Db, bundle: Target<'db>) -> Option<Definition> {
    let Scope { config, node, profile, .. } = Scope::of(db, bundle)?;
    let entries = node.reference("module-definition")?;
    let source = entry_points(db, RuleKey::new(db, entries.value.clone())).module.clone()?;
    let modules = Target::new(db, node.reference("modules")?.value.clone(), profile.clone());
    let layout = layout_of(db, modules).as_ref()?;
    let out = &config.profile(profile)?.path("out")?.value;
    let output = node.output("out")?.value.for_source(out, layout.root(), &source).ok()?;
    Some(Definition { source, output })
}

/// The graph of a module definition that the embedded engine may load unbundled.
#[salsa::tracked(returns(copy))]
pub fn candidate<'db>(db: &'db dyn Db, bundle: Target<'db>) -> Option<GraphKey<'db>> {
    let scope = Scope::of(db, bundle)?;
    let Scope { config, node, profile, .. } = scope;
    let Definition { source, output } = definition(db, bundle).as_ref()?;
    let modules = Target::new(db, node.reference("modules")?.value.clone(), profile.clone());
    let layout = layout_of(db, modules).as_ref()?;
    let links_packages = node.choice("packages").is_some_and(|packages| packages.value == "bundle");
    let is_for_browser = node.choice("platform").is_some_and(|platform| platform.value == "browser");
    let is_in_worker = config.rules_in(profile).any(|rule| {
        rule.label().kind() == "artifacts" && rule.choice("engine").is_some_and(|engine| engine.value == "worker")
    });
    // What is said of linking alone wants it.
    let is_plain = node.pairs("define").next().is_none() && !node.has("sourcemap") && !node.has("tree-shake");
    // Relative specifiers hold only where the transpiled module lies.
    let stays = layout.materialised() && layout.output(source) == *output;
    if !stays || !is_plain || !links_packages || is_for_browser || is_in_worker || minify(scope) {
        return None;
    }
    let graph = graph_key(db, modules, vec![source.clone()])?;
    let packages = packages(db, graph).as_ref()?;
    let is_external = |specifier: &str| {
        let mut names = node.texts("external");
        names.any(|name| {
            specifier.strip_prefix(&*name.value).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    (!packages.0.keys().any(|specifier| is_external(specifier))).then_some(graph)
}

/// How a module definition is loaded.
pub(super) enum Loading {
    /// It is linked.
    Linked,
    /// From these files: its own, those of other modules, those of packages.
    Unbundled { definition: Vec<Artifact>, others: Vec<Artifact>, packages: Vec<Artifact> },
    /// Packages are not linked yet.
    Undecided,
}

/// How the module definition of the bundle that is planned is loaded. `below` are the transpiled modules.
pub(super) fn loading(planner: &mut Planner<'_>, below: &RulePlan, maps: Maps) -> Loading {
    let db = planner.db;
    let (Some(graph), Some(Definition { output, .. })) =
        (candidate(db, planner.target), definition(db, planner.target))
    else {
        return Loading::Linked;
    };
    let Some(modules) = planner.node.reference("modules").map(|modules| planner.beside(&modules.value)) else {
        return Loading::Linked;
    };
    let wanted = packages(db, graph).as_ref().filter(|packages| !packages.0.is_empty());
    let mut packages = Vec::new();
    if let Some(wanted) = wanted {
        let project = layout_of(db, modules).as_ref().map(|layout| layout.conditions(db, Platform::Node));
        let conditions = project.unwrap_or_default().custom;
        let prebundle = Prebundle::new(planner.scope(), output, wanted, maps, conditions);
        let action = prebundle::action(planner, &prebundle);
        let Some(result) = planner.action(action) else { return Loading::Undecided };
        if result.artifacts.is_empty() {
            return Loading::Linked;
        }
        packages.extend(result.artifacts.iter().cloned());
    }
    let (mut definition, mut others) = (Vec::new(), Vec::new());
    for module in &outputs(db, modules, graph).modules {
        let files = if module.code == *output { &mut definition } else { &mut others };
        files.extend([&module.code, &module.map].into_iter().filter_map(|path| super::made(below, path)).cloned());
    }
    Loading::Unbundled { definition, others, packages }
}

/// What the engine loads of a bundled or unbundled module definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kinds) struct Loaded {
    /// The file of the definition.
    pub(in crate::kinds) entry: RelPath,
    /// The files of other modules, sorted; none when they are linked.
    pub(in crate::kinds) others: Vec<RelPath>,
    /// The files of packages among them, by specifier.
    pub(in crate::kinds) imports: BTreeMap<String, RelPath>,
}

/// What the engine loads of the module definition of a `bundle` rule whose plan is done.
pub(in crate::kinds) fn loaded<'db>(db: &'db dyn Db, bundle: Target<'db>, plan: &RulePlan) -> Option<Loaded> {
    let Definition { output, .. } = definition(db, bundle).as_ref()?;
    let files = plan.internal_outputs.iter().map(|artifact| &artifact.path).filter(|path| path.extension() == "js");
    let (entry, others): (Vec<&RelPath>, Vec<&RelPath>) = files.partition(|path| *path == output);
    let entry = (*entry.first()?).clone();
    let others: Vec<RelPath> = others.into_iter().cloned().collect();
    let wanted = candidate(db, bundle).and_then(|graph| packages(db, graph).as_ref());
    let imports = wanted.map(|wanted| prebundle::import_map(output, wanted)).unwrap_or_default();
    let imports = imports.into_iter().filter(|(_, path)| others.binary_search(path).is_ok()).collect();
    Some(Loaded { entry, others, imports })
}
