//! Where the modules of a `transpile` rule go, and what is decided for all of them.

use std::collections::BTreeMap;
use std::iter;

use webstir_engine::config::{Literal, Rule, Template};
use webstir_engine::db::Db;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Scope, Target};
use webstir_typescript::resolve::{Conditions, Platform};
use webstir_typescript::source::is_common_js;
use webstir_typescript::tsconfig::{EmitOptions, Jsx, Target as Language};

use crate::modules::{GraphKey, Linking, ModuleGraph, PathKey, module_graph, project};

/// Truthy to have source maps where something is published.
pub(crate) const SOURCE_MAPS: &str = "WEBSTIR_BACKEND_SOURCEMAPS";

/// The place of the source map of an output.
pub(in crate::kinds) fn map_of(output: &RelPath) -> RelPath {
    RelPath::new(&format!("{output}.map")).expect("a longer file name")
}

/// Where sources go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    root: RelPath,
    out: RelPath,
    template: Template,
    materialised: bool,
    pub(super) project: RelPath,
    target: Option<Language>,
    jsx: Option<&'static str>,
    jsx_import_source: Option<Box<str>>,
}

/// Where the sources of a `transpile` rule go; `None` for any other rule.
#[salsa::tracked(returns(ref))]
pub fn layout_of<'db>(db: &'db dyn Db, rule: Target<'db>) -> Option<Layout> {
    let Scope { config, node, profile, .. } = Scope::of(db, rule)?;
    let root = node.path("root").map_or_else(RelPath::root, |path| path.value.clone());
    let project = match node.path("project") {
        Some(path) => path.value.clone(),
        None => root.join("tsconfig.json").ok()?,
    };
    Some(Layout {
        out: config.profile(profile)?.path("out")?.value.clone(),
        template: node.output("out")?.value.clone(),
        materialised: node.names_profile("emit", profile),
        project,
        target: node.choice("target").and_then(|target| Language::parse(target.value)),
        jsx: node.choice("jsx").map(|jsx| jsx.value),
        jsx_import_source: node.text("jsx-import-source").map(|source| Box::from(&*source.value)),
        root,
    })
}

/// How the imports of a rule's modules are read: for the platform that they run on. It is the browser where all bundles of them are for
/// one and they are not materialised.
#[salsa::tracked(returns(copy))]
pub(in crate::kinds) fn linking<'db>(db: &'db dyn Db, rule: Target<'db>) -> Option<Linking<'db>> {
    let Scope { config, profile, .. } = Scope::of(db, rule)?;
    let bundles = config.rules_in(profile).filter(|other| {
        other.label().kind() == "bundle"
            && other.reference("modules").is_some_and(|modules| modules.value == *rule.rule(db))
    });
    let mut platforms = bundles.map(platform).peekable();
    let is_of_node = layout_of(db, rule).as_ref()?.materialised() || platforms.peek().is_none();
    let is_of_browser = !is_of_node && platforms.all(|platform| platform == Platform::Browser);
    linking_on(db, rule, if is_of_browser { Platform::Browser } else { Platform::Node })
}

/// How the imports of a rule's modules are read on a platform.
pub(in crate::kinds) fn linking_on<'db>(
    db: &'db dyn Db,
    rule: Target<'db>,
    platform: Platform,
) -> Option<Linking<'db>> {
    let layout = layout_of(db, rule).as_ref()?;
    Some(Linking::new(db, layout.project.clone(), layout.emit_options(db), platform))
}

/// Where the output of a bundle runs.
pub(in crate::kinds) fn platform(bundle: &Rule) -> Platform {
    let is_browser = bundle.choice("platform").is_some_and(|platform| platform.value == "browser");
    if is_browser { Platform::Browser } else { Platform::Node }
}

/// The key of everything that `entries` reach through the modules of a `transpile` rule.
pub(in crate::kinds) fn graph_key<'db>(
    db: &'db dyn Db,
    rule: Target<'db>,
    entries: Vec<RelPath>,
) -> Option<GraphKey<'db>> {
    Some(GraphKey::new(db, entries, linking(db, rule)?))
}

/// Source and output of each module of a graph, in the order of the sources, and what is wrong with the outputs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outputs {
    pub(in crate::kinds) modules: Box<[Module]>,
    pub(super) diagnostics: Box<[Diagnostic]>,
}

/// A module and what is written of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Module {
    pub(in crate::kinds) source: RelPath,
    pub(in crate::kinds) code: RelPath,
    pub(in crate::kinds) map: RelPath,
    /// What `require` gets of a JSON file.
    pub(in crate::kinds) required: Option<RelPath>,
}

/// Where the modules of a graph go.
#[salsa::tracked(returns(ref))]
pub fn outputs<'db>(db: &'db dyn Db, rule: Target<'db>, graph: GraphKey<'db>) -> Outputs {
    let Some(layout) = layout_of(db, rule) else { return Outputs::default() };
    let ModuleGraph { modules, required, .. } = module_graph(db, graph);
    let mut claimed: BTreeMap<RelPath, &RelPath> = BTreeMap::new();
    let mut outputs = Vec::with_capacity(modules.len());
    let mut diagnostics = Vec::new();
    for source in modules.keys() {
        let code = layout.output(source);
        let required = required.contains(source).then(|| layout.required(source));
        for output in iter::once(&code).chain(&required) {
            if let Some(other) = claimed.insert(output.clone(), source) {
                let message = format!("`{other}` and `{source}` are both written to `{output}`");
                let diagnostic = Diagnostic::error("transpile::output_claimed", message).in_file(source);
                diagnostics.push(diagnostic.help("Rename one of them"));
            }
        }
        outputs.push(Module { source: source.clone(), map: map_of(&code), code, required });
    }
    Outputs { modules: outputs.into_boxed_slice(), diagnostics: diagnostics.into_boxed_slice() }
}

impl Layout {
    /// Whether the outputs belong into the tree.
    pub(in crate::kinds) fn materialised(&self) -> bool {
        self.materialised
    }

    /// The directory that outputs mirror.
    pub(in crate::kinds) fn root(&self) -> &RelPath {
        &self.root
    }

    /// The JavaScript file of a source.
    pub(in crate::kinds) fn output(&self, source: &RelPath) -> RelPath {
        // `data.json` becomes a module beside a `data.ts`, not in its place.
        let named = match source.extension() {
            "json" => RelPath::new(&format!("{source}.json")).unwrap_or_else(|_| source.clone()),
            _ => source.clone(),
        };
        let output = self.template.for_source(&self.out, &self.root, &named).unwrap_or_else(|_| source.clone());
        // `.js` may be said to be an ES module.
        if is_common_js(source) && matches!(output.extension(), "js" | "mjs") {
            output.with_extension("cjs")
        } else {
            output
        }
    }

    /// The file of a JSON source for those that `require` it: CommonJS, beside the module for those that import it.
    pub(super) fn required(&self, source: &RelPath) -> RelPath {
        self.output(source).with_extension("cjs")
    }

    /// What decides between the choices of a `package.json` where modules of the rule ask, on a platform.
    pub(in crate::kinds) fn conditions(&self, db: &dyn Db, platform: Platform) -> Conditions {
        let (config, _) = project(db, PathKey::new(db, self.project.clone()));
        Conditions { platform, custom: config.custom_conditions.clone() }
    }

    pub(super) fn emit_options(&self, db: &dyn Db) -> EmitOptions {
        let (config, _) = project(db, PathKey::new(db, self.project.clone()));
        let mut options = config.emit_options(self.target);
        if let Some(jsx) = self.jsx {
            options.jsx = match (jsx, options.jsx) {
                ("preserve", _) => Jsx::Preserve,
                ("classic", Jsx::Classic { factory, fragment }) => Jsx::Classic { factory, fragment },
                ("classic", _) => {
                    Jsx::Classic { factory: "React.createElement".into(), fragment: "React.Fragment".into() }
                }
                (_, Jsx::Automatic { import_source, development }) => Jsx::Automatic { import_source, development },
                _ => Jsx::Automatic { import_source: "react".into(), development: false },
            };
        }
        if let (Some(own), Jsx::Automatic { import_source, .. }) = (&self.jsx_import_source, &mut options.jsx) {
            import_source.clone_from(own);
        }
        options
    }
}

/// `none`, `linked` or `embedded`: what the rule says, else the profile; where that says none, the environment may ask for some.
pub(in crate::kinds) fn source_map(scope: Scope<'_>) -> &'static str {
    if let Some(choice) = scope.node.choice("sourcemap") {
        return choice.value;
    }
    let profile = scope.config.profile(scope.profile);
    let choice = profile.and_then(|profile| profile.choice("sourcemap")).map_or("none", |choice| choice.value);
    let truthy = |value: &str| matches!(value.trim().to_ascii_lowercase().as_str(), "on" | "true" | "1" | "yes");
    if choice == "none" && scope.environment(SOURCE_MAPS).is_some_and(truthy) { "linked" } else { choice }
}

/// The defined names: of the profile, then of the rule; `NODE_ENV` of the environment before both.
pub(in crate::kinds) fn define(scope: Scope<'_>) -> BTreeMap<String, String> {
    let literal = |value: &Literal| match value {
        Literal::Text(text) => serde_json::Value::from(&**text).to_string(),
        other => other.to_string(),
    };
    let mut define = BTreeMap::new();
    let profile = scope.config.profile(scope.profile);
    let pairs = profile.into_iter().flat_map(|profile| profile.pairs("define")).chain(scope.node.pairs("define"));
    for pair in pairs {
        define.insert(pair.name.value.to_string(), literal(&pair.value.value));
    }
    if let Some(value) = scope.environment("NODE_ENV").filter(|value| !value.is_empty()) {
        define.insert("process.env.NODE_ENV".to_owned(), serde_json::Value::from(value).to_string());
    }
    define
}
