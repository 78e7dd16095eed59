//! Packages, linked once for modules that are loaded unbundled.
//!
//! Each specifier becomes an entry that exports what is asked for; what entries share becomes files of its own. A result without
//! files says that it cannot be done: a package that only a worker can run, a CommonJS package of which everything is asked for, a
//! specifier that leads elsewhere from another directory, anything that linking finds fault with. The definition is linked as a
//! whole then, which says what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::iter;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use webstir_bundler::{Bundled, Entry, ProblemKind, Request};
use webstir_engine::action::{Action, ActionResult};
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Planner, Scope};
use webstir_engine::run::{Context, RunError, RunResult};
use webstir_typescript::resolve::{Conditions, Platform, is_relative};

use super::super::action as rule_action;
use super::super::transpile::define;
use super::host::{GraphHost, Module};
use super::unbundled::Packages;
use super::{Maps, PackagePolicy, Work, keep_names, write_chunks};
use crate::requirements::{Requirement, requirements};

/// The parameters of the action.
#[derive(Serialize, Deserialize)]
pub(super) struct Prebundle {
    directory: String,
    packages: Vec<Package>,
    maps: Maps,
    keep_names: bool,
    /// `customConditions`.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    conditions: Box<[Box<str>]>,
    define: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Package {
    specifier: String,
    /// The name of its file, without the extension.
    name: String,
    importers: Vec<String>,
    names: Option<Vec<String>>,
}

impl Prebundle {
    /// For the definition that is written to `output`.
    pub(super) fn new(
        scope: Scope<'_>,
        output: &RelPath,
        wanted: &Packages,
        maps: Maps,
        conditions: Box<[Box<str>]>,
    ) -> Self {
        let names = file_names(wanted);
        let packages = wanted.0.iter().zip(names).map(|((specifier, wanted), name)| Package {
            specifier: specifier.to_string(),
            name,
            importers: wanted.importers.values().map(ToString::to_string).collect(),
            names: wanted.names.as_ref().map(|names| names.iter().map(ToString::to_string).collect()),
        });
        let directory = directory(output).as_str().to_owned();
        let (packages, keep_names) = (packages.collect(), keep_names(scope));
        Self { directory, packages, maps, keep_names, conditions, define: define(scope) }
    }

    /// The id of the entry of a package.
    fn entry(package: &Package) -> String {
        format!("/\0package/{}", package.name)
    }
}

/// The action that links packages.
pub(super) fn action(planner: &Planner<'_>, prebundle: &Prebundle) -> Action {
    let subject = RelPath::new(&prebundle.directory).ok();
    let mut action = rule_action(planner.scope(), subject, &Work::<(), _>::Prebundle(prebundle));
    action.discovers_inputs = true;
    action
}

/// Where the packages of a definition lie: beside it.
fn directory(output: &RelPath) -> RelPath {
    let name = format!("{}.packages", output.file_stem());
    output.parent().unwrap_or_else(RelPath::root).join(&name).expect("a file name with more characters")
}

/// The file of each specifier.
pub(super) fn import_map(output: &RelPath, wanted: &Packages) -> BTreeMap<String, RelPath> {
    let directory = directory(output);
    let specifiers = wanted.0.keys().map(ToString::to_string);
    let files = file_names(wanted)
        .into_iter()
        .map(|name| directory.join(&format!("{name}.js")).expect("made of letters, digits and hyphens"));
    specifiers.zip(files).collect()
}

/// A distinct file name for each specifier, in their order: its letters and digits.
fn file_names(wanted: &Packages) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(wanted.0.len());
    for specifier in wanted.0.keys() {
        let plain: String = specifier.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let mut plain = plain.trim_matches('-').to_ascii_lowercase();
        // What is shared is called so.
        if plain.is_empty() || plain.starts_with("shared") {
            plain = format!("package-{plain}");
        }
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        let free = iter::once(plain.clone()).chain(numbered).find(|name| !names.contains(name));
        names.extend(free);
    }
    names
}

/// The module of the entry of a package.
fn entry_text(package: &Package, has_default: bool) -> String {
    let specifier = serde_json::Value::from(package.specifier.as_str());
    let Some(names) = &package.names else {
        let default = if has_default { format!("export {{ default }} from {specifier};") } else { String::new() };
        return format!("export * from {specifier};{default}");
    };
    if names.is_empty() {
        return format!("import {specifier};");
    }
    let mut text = "export { ".to_owned();
    for name in names {
        // A name that is no identifier is written as a text.
        let plain =
            name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$') && !name.starts_with(char::is_numeric);
        let name = if plain { name.clone() } else { serde_json::Value::from(name.as_str()).to_string() };
        let _ = write!(text, "{name}, ");
    }
    let _ = write!(text, "}} from {specifier};");
    text
}

/// Runs the action.
pub(super) fn run(context: &Context<'_>, prebundle: &Prebundle) -> RunResult {
    let mut without_default = BTreeSet::new();
    let bundled = loop {
        match link(context, prebundle, &without_default)? {
            Linked::Done(bundled) => break bundled,
            Linked::NoDefault(entries) if !entries.is_subset(&without_default) => without_default.extend(entries),
            Linked::NoDefault(_) | Linked::Impossible => return Ok(ActionResult::done(Vec::new(), Vec::new())),
        }
    };
    let directory = RelPath::new(&prebundle.directory).expect("planned as a path");
    Ok(ActionResult::done(write_chunks(context, &directory, &bundled)?, Vec::new()))
}

enum Linked {
    Done(Bundled),
    /// The entries of packages of which everything is asked for, and which have no default export.
    NoDefault(BTreeSet<String>),
    Impossible,
}

fn link(context: &Context<'_>, prebundle: &Prebundle, without_default: &BTreeSet<String>) -> Result<Linked, RunError> {
    let modules = prebundle.packages.iter().map(|package| {
        let id = Prebundle::entry(package);
        let code = entry_text(package, !without_default.contains(&id));
        let source = package.importers.first().cloned().unwrap_or_default();
        (id, Module { code: Arc::from(code.into_bytes()), map: None, source })
    });
    let conditions = Conditions { platform: Platform::Node, custom: prebundle.conditions.clone() };
    let host = GraphHost::new(modules.collect(), context.view.clone(), &conditions, PackagePolicy::Bundle, Vec::new());
    let host = Arc::new(host);
    let leads_to_one = prebundle.packages.iter().all(|package| {
        let mut targets = package.importers.iter().map(|importer| host.leads_to(importer, &package.specifier));
        let first = targets.next();
        targets.all(|target| Some(target) == first)
    });
    let entries =
        prebundle.packages.iter().map(|package| Entry { name: package.name.clone(), id: Prebundle::entry(package) });
    let request = Request {
        splitting: true,
        keep_names: prebundle.keep_names,
        source_maps: prebundle.maps.of_linker(),
        define: prebundle.define.clone(),
        chunk_names: "shared-[hash].js".to_owned(),
        ..Request::new(entries.collect(), format!("/{}", prebundle.directory))
    };
    let shared: webstir_bundler::SharedHost = host.clone();
    let linked = webstir_bundler::bundle(&request, &shared);
    if let Some(error) = host.take_error() {
        return Err(RunError::world("Reading a package")(error));
    }
    let bundled = match linked {
        Ok(bundled) if leads_to_one && !has_assets(&bundled) => bundled,
        Ok(_) => return Ok(Linked::Impossible),
        Err(problems) => {
            let open = prebundle.packages.iter().filter(|package| package.names.is_none()).map(Prebundle::entry);
            let open: BTreeSet<String> = open.collect();
            let faulty: Option<BTreeSet<String>> = problems
                .iter()
                .map(|problem| {
                    let is_missing = matches!(&problem.kind, ProblemKind::Link(code) if code == "MISSING_EXPORT");
                    problem.module.clone().filter(|module| is_missing && open.contains(module))
                })
                .collect();
            return Ok(faulty.map_or(Linked::Impossible, Linked::NoDefault));
        }
    };
    let is_whole = bundled.chunks.iter().all(|chunk| {
        let package = prebundle.packages.iter().find(|package| chunk.entry.as_ref() == Some(&package.name));
        // Nobody knows the names that CommonJS exports before it runs.
        let has_names = package.is_none_or(|package| match &package.names {
            None => chunk.exports.iter().any(|name| name != "default"),
            Some(names) => names.iter().all(|name| chunk.exports.contains(name)),
        });
        has_names && runs_embedded(&prebundle.directory, &chunk.file_name, &chunk.code)
    });
    Ok(if is_whole { Linked::Done(bundled) } else { Linked::Impossible })
}

/// Whether there are files that are neither code nor its maps.
fn has_assets(bundled: &Bundled) -> bool {
    let is_map = |name: &str| bundled.chunks.iter().any(|chunk| name.strip_prefix(&*chunk.file_name) == Some(".map"));
    !bundled.assets.iter().all(|asset| is_map(&asset.file_name))
}

/// Whether a file requires nothing that the embedded engine has not.
fn runs_embedded(directory: &str, name: &str, code: &str) -> bool {
    let Ok(path) = RelPath::new(&format!("{directory}/{name}")) else { return false };
    let foreign =
        |requirement: &Requirement| !matches!(requirement, Requirement::Import(specifier) if is_relative(specifier));
    !requirements(&path, code).iter().any(|(requirement, _)| foreign(requirement))
}
