//! `bundle`: the modules that one entry reaches, linked into one file.
//!
//! What is linked are the outputs of a `transpile` rule; packages come through the view, or stay imports. One action an
//! entry, so that an edit links again only what reaches it. A module definition may be loaded [unbundled] instead.

mod host;
mod platforms;
mod prebundle;
mod unbundled;

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use webstir_bundler::{BundleProblem, Bundled, Entry, Platform, ProblemKind, Request, SourceMaps};
use webstir_engine::action::{ActionResult, Artifact};
use webstir_engine::db::Db;
use webstir_engine::diagnostic::{Diagnostic, Span};
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Plan, Planner, RulePlan, Scope, Target};
use webstir_engine::run::{Context, Run, RunError, RunResult};
use webstir_typescript::resolve::{self, Conditions};
use webstir_typescript::source::Facts;
use webstir_typescript::text::utf16_offset;

use super::transpile::{Layout, define, graph_key, layout_of, map_of, outputs, platform, source_map};
use super::{action, add_parameters, argument, out_root, parameters, reference, stored};
use crate::modules::{GraphKey, RuleKey, entry_points};

use host::{GraphHost, Module};
use unbundled::Loading;
pub(super) use unbundled::loaded;

/// The rule.
pub(super) struct Bundle;

/// What becomes of source maps.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Maps {
    None,
    /// Made for findings, not materialised.
    Hidden,
    Materialised,
}

impl Maps {
    fn of_linker(self) -> SourceMaps {
        match self {
            Self::None => SourceMaps::None,
            Self::Hidden => SourceMaps::Hidden,
            Self::Materialised => SourceMaps::Linked,
        }
    }
}

/// What becomes of imports of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum PackagePolicy {
    /// They stay imports.
    External,
    /// They are linked in.
    Bundle,
}

/// What an action of the rule does.
#[derive(Serialize, Deserialize)]
enum Work<L, P> {
    /// Links an entry.
    Link(L),
    /// Links the packages of a definition that is loaded unbundled.
    Prebundle(P),
}

#[derive(Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "switches that are independent of each other")]
struct Parameters {
    /// The transpiled entry.
    entry: String,
    output: String,
    packages: PackagePolicy,
    external: Vec<String>,
    browser: bool,
    /// `customConditions`.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    conditions: Box<[Box<str>]>,
    minify: bool,
    keep_names: bool,
    tree_shake: bool,
    maps: Maps,
    define: BTreeMap<String, String>,
}

impl Plan for Bundle {
    fn kind(&self) -> &'static str {
        "bundle"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let Some(modules) = reference(planner, "modules") else { return };
        let db = planner.db;
        let rule = planner.beside(&modules);
        let Some(layout) = layout_of(db, rule) else { return };
        let mut entries = Vec::new();
        let linked = planner.node.boolean("linked").is_some_and(|linked| linked.value);
        for rule in planner.node.references("entries") {
            entries.extend(entry_points(planner.db, RuleKey::new(planner.db, rule.value.clone())).files(linked));
        }
        if let Some(rule) = planner.node.reference("module-definition") {
            entries.extend(entry_points(planner.db, RuleKey::new(planner.db, rule.value.clone())).module.clone());
        }
        let Some(below) = planner.require(&modules) else { return };
        let maps = match source_map(planner.scope()) {
            "none" if planner.node.has("module-definition") => Maps::Hidden,
            "none" => Maps::None,
            _ => Maps::Materialised,
        };
        let targets = match targets(planner, layout, &entries) {
            Ok(targets) => targets,
            Err(diagnostic) => return planner.report(*diagnostic),
        };
        for (source, output) in targets {
            let Some(reached) = graph_key(db, rule, vec![source.clone()]) else { continue };
            if planner.node.has("module-definition") {
                match unbundled::loading(planner, below, maps) {
                    Loading::Undecided => continue,
                    Loading::Unbundled { definition, others, packages } => {
                        let files = definition.iter().chain(&packages);
                        let wanted =
                            |artifact: &&Artifact| maps == Maps::Materialised || artifact.path.extension() != "map";
                        planner.materialise(files.filter(wanted).cloned());
                        planner.keep_internal(definition.into_iter().chain(others).chain(packages));
                        continue;
                    }
                    Loading::Linked => {}
                }
            }
            if platforms::differ(planner, rule, &source) {
                continue;
            }
            let Conditions { platform, custom } = layout.conditions(db, platform(planner.node));
            let parameters = Parameters {
                entry: layout.output(&source).as_str().to_owned(),
                output: output.as_str().to_owned(),
                packages: match planner.node.choice("packages") {
                    Some(packages) if packages.value == "bundle" => PackagePolicy::Bundle,
                    _ => PackagePolicy::External,
                },
                external: planner.node.texts("external").map(|text| text.value.to_string()).collect(),
                browser: platform == resolve::Platform::Browser,
                conditions: custom,
                minify: minify(planner.scope()),
                keep_names: keep_names(planner.scope()),
                tree_shake: planner.node.boolean("tree-shake").is_none_or(|shake| shake.value),
                maps,
                define: define(planner.scope()),
            };
            let mut action = action(planner.scope(), Some(source), &Work::<_, ()>::Link(&parameters));
            add_parameters(&mut action, [sources(db, rule, reached).clone()]);
            let mut inputs = Vec::new();
            for module in &outputs(db, rule, reached).modules {
                inputs.extend(made(below, &module.code).map(stored));
                inputs.extend(module.required.iter().filter_map(|path| made(below, path)).map(stored));
                if parameters.maps != Maps::None {
                    inputs.extend(made(below, &module.map).map(stored));
                }
            }
            inputs.sort();
            action.inputs = inputs.into_boxed_slice();
            action.discovers_inputs = true;
            if let Some(result) = planner.action(action) {
                let wanted = |artifact: &&Artifact| maps == Maps::Materialised || artifact.path.extension() != "map";
                planner.materialise(result.artifacts.iter().filter(wanted).cloned());
                planner.keep_internal(result.artifacts.iter().cloned());
            }
        }
    }
}

impl Run for Bundle {
    fn kind(&self) -> &'static str {
        "bundle"
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let parameters: Parameters = match parameters(context.action) {
            Work::Link(parameters) => parameters,
            Work::Prebundle(prebundle) => return prebundle::run(context, &prebundle),
        };
        let mut modules = BTreeMap::new();
        let sources: BTreeMap<String, String> = argument(context.action, 1);
        for (code, source) in &sources {
            let path = RelPath::new(code).expect("planned as a path");
            // A module without an output is one that holds only types.
            let Some(input) = context.input(&path) else { continue };
            let map = match context.input(&map_of(&path)) {
                Some(input) => Some(context.read(input)?),
                None => None,
            };
            modules.insert(format!("/{code}"), Module { code: context.read(input)?, map, source: source.clone() });
        }
        let output = RelPath::new(&parameters.output).expect("planned as a path");
        let directory = output.parent().unwrap_or_else(RelPath::root);
        let entry = Entry { name: output.file_stem().to_owned(), id: format!("/{}", parameters.entry) };
        let platform = if parameters.browser { resolve::Platform::Browser } else { resolve::Platform::Node };
        let host = Arc::new(GraphHost::new(
            modules,
            context.view.clone(),
            &Conditions { platform, custom: parameters.conditions.clone() },
            parameters.packages,
            parameters.external.clone(),
        ));
        let shared: webstir_bundler::SharedHost = host.clone();
        let request = Request {
            platform: if parameters.browser { Platform::Browser } else { Platform::Node },
            minify: parameters.minify,
            keep_names: parameters.keep_names,
            legal_comments: !parameters.minify,
            tree_shake: parameters.tree_shake,
            source_maps: parameters.maps.of_linker(),
            define: parameters.define.clone(),
            ..Request::new(vec![entry], format!("/{directory}"))
        };
        let bundled = match webstir_bundler::bundle(&request, &shared) {
            Ok(bundled) => bundled,
            Err(problems) => {
                if let Some(error) = host.take_error() {
                    return Err(RunError::world("Reading a package")(error));
                }
                let findings = problems.iter().map(|problem| finding(problem, &host, Diagnostic::error));
                return Ok(ActionResult::failed(findings.collect()));
            }
        };
        let mut artifacts = write_chunks(context, &directory, &bundled)?;
        for asset in &bundled.assets {
            // Maps come with their chunk.
            if let Ok(path) = directory.join(&asset.file_name)
                && !artifacts.iter().any(|artifact| artifact.path == path)
            {
                artifacts.push(context.write(path, &asset.content)?);
            }
        }
        let warnings = bundled.warnings.iter().map(|problem| finding(problem, &host, Diagnostic::warning));
        Ok(ActionResult::done(artifacts, warnings.collect()))
    }
}

/// Writes the code that was linked below `directory`, and its maps.
fn write_chunks(context: &Context<'_>, directory: &RelPath, bundled: &Bundled) -> Result<Vec<Artifact>, RunError> {
    let mut artifacts = Vec::new();
    for chunk in &bundled.chunks {
        let path = directory.join(&chunk.file_name).expect("the linker names files below its directory");
        if let Some(map) = &chunk.map {
            artifacts.push(context.write(map_of(&path), map.as_bytes())?);
        }
        artifacts.push(context.write(path, chunk.code.as_bytes())?);
    }
    Ok(artifacts)
}

/// The source of each transpiled module, by what it was transpiled to, as text.
#[salsa::tracked(returns(ref))]
pub(super) fn sources<'db>(db: &'db dyn Db, rule: Target<'db>, reached: GraphKey<'db>) -> Box<str> {
    let modules = outputs(db, rule, reached).modules.iter();
    let files =
        modules.flat_map(|module| iter::once(&module.code).chain(&module.required).map(|file| (file, &module.source)));
    let sources: BTreeMap<&str, &str> = files.map(|(file, source)| (file.as_str(), source.as_str())).collect();
    serde_json::to_string(&sources).expect("parameters are plain data").into()
}

/// Source and output of each entry.
fn targets(
    planner: &Planner<'_>,
    layout: &Layout,
    entries: &[RelPath],
) -> Result<Vec<(RelPath, RelPath)>, Box<Diagnostic>> {
    let (Some(template), Some(out)) = (planner.node.output("out"), out_root(planner.scope())) else {
        return Ok(Vec::new());
    };
    let mut outputs: BTreeMap<RelPath, RelPath> = BTreeMap::new();
    for source in entries {
        let Ok(output) = template.value.for_source(out, layout.root(), source) else { continue };
        if let Some(other) = outputs.insert(output.clone(), source.clone()) {
            let message = format!("The bundles of `{other}` and `{source}` both go to `{output}`");
            return Err(Box::new(
                Diagnostic::error("bundle::output_claimed", message).in_file(source).help("Rename one of them"),
            ));
        }
    }
    Ok(outputs.into_iter().map(|(output, source)| (source, output)).collect())
}

fn made<'a>(below: &'a RulePlan, path: &RelPath) -> Option<&'a Artifact> {
    let found = below.internal_outputs.binary_search_by(|artifact| artifact.path.cmp(path)).ok()?;
    Some(&below.internal_outputs[found])
}

fn minify(scope: Scope<'_>) -> bool {
    let profile = scope.config.profile(scope.profile);
    let of_profile = || profile.and_then(|profile| profile.boolean("minify")).is_some_and(|minify| minify.value);
    scope.node.boolean("minify").map_or_else(of_profile, |minify| minify.value)
}

fn keep_names(scope: Scope<'_>) -> bool {
    scope.node.boolean("keep-names").is_some_and(|keep| keep.value)
}

/// A problem of the linker at the user's own line.
fn finding(problem: &BundleProblem, host: &GraphHost, make: fn(String, String) -> Diagnostic) -> Diagnostic {
    let code = match &problem.kind {
        ProblemKind::Unresolved { .. } => "bundle::unresolved".to_owned(),
        ProblemKind::Load => "bundle::load".to_owned(),
        ProblemKind::Link(code) => format!("bundle::{}", code.to_ascii_lowercase()),
        ProblemKind::Internal => "bundle::internal".to_owned(),
    };
    let mut lines = problem.message.lines();
    let mut diagnostic = make(code, lines.next().unwrap_or_default().to_owned());
    diagnostic.notes.extend(lines.filter(|line| !line.trim().is_empty()).map(str::to_owned));
    if let ProblemKind::Unresolved { specifier } = &problem.kind {
        diagnostic.help = Some(format!(
            "Install the package with your package manager, or add `external \"{specifier}\"` to the rule"
        ));
    }
    let Some(module) = &problem.module else { return diagnostic };
    let Some(file) = host.source_of(module) else { return diagnostic };
    diagnostic.file = Some(file.clone());
    let text = host.text_of(&file);
    if let (ProblemKind::Unresolved { specifier }, None, Some(text)) = (&problem.kind, &problem.place, &text) {
        let facts = Facts::of(&file, text);
        let import = facts.imports.iter().find(|import| *import.specifier == **specifier);
        diagnostic.span = import.map(|import| Span::locate(text, import.start as usize, import.end as usize));
    }
    if let (Some(place), Some(text)) = (problem.place, text) {
        diagnostic.span = Some(match place.original {
            Some((line, column)) => {
                let start = utf16_offset(&text, line as usize, column as usize);
                let word = text[start..].find(|c: char| c.is_whitespace() || ";,)".contains(c)).unwrap_or(0);
                Span::locate(&text, start, start + word)
            }
            None => Span::locate(&text, place.start as usize, place.end as usize),
        });
    }
    diagnostic
}
