//! `transpile`: every module that the entries reach, one action a module.
//!
//! The outputs mirror the sources below the rule's `root`, so relative specifiers keep their meaning; what differs (extensions,
//! tsconfig `paths`) is rewritten. In a profile that does not place them the outputs only feed the bundles.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use webstir_engine::action::{Artifact, Input, Origin, Outcome};
use webstir_engine::config::{Config, Rule as Node};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::file::{self, Content};
use webstir_engine::path::RelPath;
use webstir_engine::plan::Planner;
use webstir_engine::rule::{Context, Rule, RunResult};

use super::{action, parameters};
use crate::modules::{GraphKey, Link, ModuleGraph, PathKey, RuleKey, entry_points, module_graph, project};
use crate::transpile::{self, ImportRequire, MapLink, MapOptions, Options, Source};
use crate::tsconfig::{EmitOptions, Jsx, Target};

const VERSION: u32 = transpile::VERSION;

/// Truthy to have source maps where something is published.
pub(crate) const SOURCE_MAPS: &str = "WEBSTIR_BACKEND_SOURCEMAPS";

/// The rule.
pub(super) struct Transpile;

#[derive(Serialize, Deserialize)]
struct Parameters {
    emit: EmitOptions,
    define: BTreeMap<String, String>,
    map: Option<Map>,
    rewrite: BTreeMap<String, String>,
    output: String,
    /// Whether the output runs by itself; otherwise it is linked.
    placed: bool,
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

impl Rule for Transpile {
    fn kind(&self) -> &'static str {
        "transpile"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let Some(layout) = Layout::of(planner.config, planner.node, &planner.profile) else { return };
        let mut roots = Vec::new();
        let mut module = None;
        let mut placed_from = Vec::new();
        for rule in planner.node.references("entries") {
            let points = entry_points(planner.db, RuleKey::new(planner.db, rule.value.clone()));
            for diagnostic in &points.diagnostics {
                planner.report(diagnostic.clone());
            }
            placed_from.extend(points.files(false));
            roots.extend(points.files(true));
            module = module.or_else(|| points.module.clone());
        }
        roots.extend(placed_from.iter().cloned());
        roots.extend(module.clone());
        let (_, mistakes) = project(planner.db, PathKey::new(planner.db, layout.project.clone()));
        for mistake in mistakes {
            planner.report(mistake.clone());
        }
        let graph = graph(planner, &layout, roots);
        for diagnostic in &graph.diagnostics {
            planner.report(diagnostic.clone());
        }
        let mut claimed: BTreeMap<RelPath, &RelPath> = BTreeMap::new();
        for source in graph.modules.keys() {
            if let Some(other) = claimed.insert(layout.output(source), source) {
                planner.report(
                    Diagnostic::error(
                        "transpile::output_claimed",
                        format!("`{other}` and `{source}` are both written to `{}`", layout.output(source)),
                    )
                    .in_file(source)
                    .help("Rename one of them"),
                );
            }
        }
        if !planner.is_done() {
            return;
        }
        let placed: Vec<RelPath> = if layout.placed {
            let reached = placed_from.iter().flat_map(|entry| graph.reachable(entry));
            // The module definition is written by the rule that bundles it.
            reached.filter(|source| Some(source) != module.as_ref()).collect()
        } else {
            Vec::new()
        };
        let placed: BTreeSet<RelPath> = placed.into_iter().collect();
        // An error of the module definition is reported at its source, so its maps are made in any case.
        let mapped = module.as_ref().map(|module| graph.reachable(module)).unwrap_or_default();
        for (source, links) in &graph.modules {
            let Content::Digest(digest) = file::content(planner.db, source) else { continue };
            let parameters = layout.parameters(planner, source, links, mapped.contains(source));
            let mut action = action(planner, VERSION, Some(source.clone()), &parameters);
            action.inputs = Box::new([Input { path: source.clone(), digest, origin: Origin::Workspace }]);
            if let Some(outcome) = planner.action(action) {
                if placed.contains(source) {
                    let maps = source_map(planner) == "linked";
                    let wanted = outcome.artifacts.iter().filter(|artifact| maps || artifact.path.extension() != "map");
                    planner.place(wanted.cloned());
                }
                planner.keep(outcome.artifacts.iter().cloned());
            }
        }
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let Parameters { emit, define, map, rewrite, output, placed } = parameters(context.action);
        let input = &context.action.inputs[0];
        let bytes = context.read(input)?;
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => {
                let message =
                    format!("`{}` is not UTF-8: byte {} starts no character", input.path, error.valid_up_to());
                let diagnostic = Diagnostic::error("transpile::encoding", message).in_file(&input.path);
                return Ok(Outcome::failed(vec![diagnostic.help("Save the file as UTF-8")]));
            }
        };
        let rewritten = |specifier: &str| rewrite.get(specifier).cloned();
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
            // A bundle links what is required; a placed module finds it when it runs.
            import_require: if placed { ImportRequire::CreateRequire } else { ImportRequire::Bare },
            rewrite: &rewritten,
        };
        let emitted = match transpile::transpile(Source { path: &input.path, text }, &options) {
            Ok(emitted) => emitted,
            Err(diagnostics) => return Ok(Outcome::failed(diagnostics)),
        };
        let output = RelPath::new(&output).expect("planned as a path");
        let mut artifacts: Vec<Artifact> = Vec::new();
        if let Some(map) = emitted.map {
            artifacts.push(context.write(map_of(&output), map.as_bytes())?);
        }
        artifacts.push(context.write(output, emitted.code.as_bytes())?);
        Ok(Outcome::done(artifacts, Vec::new()))
    }
}

/// The place of the source map of an output.
pub(super) fn map_of(output: &RelPath) -> RelPath {
    RelPath::new(&format!("{output}.map")).expect("a longer file name")
}

/// Everything that the entries of `layout` reach.
pub(super) fn graph<'db>(planner: &Planner<'db>, layout: &Layout, entries: Vec<RelPath>) -> &'db ModuleGraph {
    let db = planner.db;
    module_graph(db, GraphKey::new(db, entries, layout.project.clone(), layout.emit_options(planner)))
}

/// Where sources go.
pub(super) struct Layout {
    root: RelPath,
    out: RelPath,
    template: webstir_engine::config::template::Template,
    /// Whether the outputs belong into the tree.
    placed: bool,
    pub(super) project: RelPath,
    target: Option<Target>,
    jsx: Option<&'static str>,
    jsx_import_source: Option<Box<str>>,
}

impl Layout {
    pub(super) fn of(config: &Config, node: &Node, profile: &str) -> Option<Self> {
        let root = node.path("root").map_or_else(RelPath::root, |path| path.value.clone());
        let project = match node.path("project") {
            Some(path) => path.value.clone(),
            None => root.join("tsconfig.json").ok()?,
        };
        let placed = node.names_profile("emit", profile);
        Some(Self {
            out: config.profile(profile)?.path("out")?.value.clone(),
            template: node.output("out")?.value.clone(),
            placed,
            project,
            target: node.choice("target").and_then(|target| Target::parse(target.value)),
            jsx: node.choice("jsx").map(|jsx| jsx.value),
            jsx_import_source: node.text("jsx-import-source").map(|source| Box::from(&*source.value)),
            root,
        })
    }

    /// The directory that outputs mirror.
    pub(super) fn root(&self) -> &RelPath {
        &self.root
    }

    /// The JavaScript file of a source.
    pub(super) fn output(&self, source: &RelPath) -> RelPath {
        // `data.json` becomes a module beside a `data.ts`, not in its place.
        let named = match source.extension() {
            "json" => RelPath::new(&format!("{source}.json")).unwrap_or_else(|_| source.clone()),
            _ => source.clone(),
        };
        self.template.for_source(&self.out, &self.root, &named).unwrap_or_else(|_| source.clone())
    }

    fn emit_options(&self, planner: &Planner<'_>) -> EmitOptions {
        let (config, _) = project(planner.db, PathKey::new(planner.db, self.project.clone()));
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

    fn parameters(
        &self,
        planner: &Planner<'_>,
        source: &RelPath,
        links: &BTreeMap<Box<str>, Link>,
        mapped: bool,
    ) -> Parameters {
        let output = self.output(source);
        let directory = output.parent().unwrap_or_else(RelPath::root);
        let rewrite = links.iter().filter_map(|(specifier, link)| {
            let Link::Module(target) = link else { return None };
            let relative = self.output(target).relative_to(&directory);
            let relative = if relative.starts_with("../") { relative } else { format!("./{relative}") };
            (relative != **specifier).then(|| (specifier.to_string(), relative))
        });
        let map = match source_map(planner) {
            "none" if mapped => Some(Map { source: format!("/{source}"), content: false, link: MapPlace::None }),
            "none" => None,
            "embedded" if self.placed => {
                Some(Map { source: source.relative_to(&directory), content: true, link: MapPlace::Inline })
            }
            // The sources lie beside the output of a build: the map only has to name them.
            _ if self.placed => Some(Map {
                source: source.relative_to(&directory),
                content: false,
                link: MapPlace::Url(format!("{}.map", output.file_name())),
            }),
            _ => Some(Map { source: format!("/{source}"), content: true, link: MapPlace::None }),
        };
        Parameters {
            emit: self.emit_options(planner),
            define: define(planner),
            map,
            rewrite: rewrite.collect(),
            output: output.as_str().to_owned(),
            placed: self.placed,
        }
    }
}

/// `none`, `linked` or `embedded`: what the rule says, else the environment, else the profile.
pub(super) fn source_map(planner: &Planner<'_>) -> &'static str {
    if let Some(choice) = planner.node.choice("sourcemap") {
        return choice.value;
    }
    let truthy = |value: &str| matches!(value.trim().to_ascii_lowercase().as_str(), "on" | "true" | "1" | "yes");
    if &*planner.profile == "publish" && planner.environment(SOURCE_MAPS).is_some_and(truthy) {
        return "linked";
    }
    let profile = planner.config.profile(&planner.profile);
    profile.and_then(|profile| profile.choice("sourcemap")).map_or("none", |choice| choice.value)
}

/// The defined names: of the profile, then of the rule; `NODE_ENV` of the environment before both.
pub(super) fn define(planner: &Planner<'_>) -> BTreeMap<String, String> {
    let literal = |value: &webstir_engine::config::Literal| match value {
        webstir_engine::config::Literal::Text(text) => serde_json::Value::from(&**text).to_string(),
        other => other.to_string(),
    };
    let mut define = BTreeMap::new();
    let profile = planner.config.profile(&planner.profile);
    let pairs = profile.into_iter().flat_map(|profile| profile.pairs("define")).chain(planner.node.pairs("define"));
    for pair in pairs {
        define.insert(pair.name.value.to_string(), literal(&pair.value.value));
    }
    if let Some(value) = planner.environment("NODE_ENV").filter(|value| !value.is_empty()) {
        define.insert("process.env.NODE_ENV".to_owned(), serde_json::Value::from(value).to_string());
    }
    define
}
