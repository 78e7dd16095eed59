//! The modules of a workspace, as queries.
//!
//! A *file set* is what the globs of a `files` rule match. The [`EntryPoints`] of an `entries` rule are the files of a set that are
//! started by somebody. The [`ModuleGraph`] is everything that they reach through imports that are still there after
//! transpiling. All of it follows from directory listings, [facts](webstir_typescript::source::Facts) by content, and what exists.

mod entries;
mod walk;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use webstir_engine::codec;
use webstir_engine::config::Config;
use webstir_engine::config::glob::Globs;
use webstir_engine::db::{Db, Settings};
use webstir_engine::diagnostic::{Diagnostic, Span};
use webstir_engine::digest::Digest;
use webstir_engine::file::{self, Content};
use webstir_engine::label::Label;
use webstir_engine::path::RelPath;
use webstir_engine::system::PathKind;

use webstir_typescript::resolve::{
    Asked, Conditions, PackageImports, Platform, Probe, Project, Resolution, imports_of, nearest, resolve_local,
};
use webstir_typescript::source::{Facts, is_common_js};
use webstir_typescript::tsconfig::{self, EmitOptions, TsConfig};

pub(crate) use entries::entry_points;
pub(crate) use walk::Found;
use walk::Walk;

/// A rule of the configuration, as a key.
#[salsa::interned(debug)]
pub struct RuleKey<'db> {
    /// Its label.
    #[returns(ref)]
    pub label: Label,
}

/// A path, as a key.
#[salsa::interned(debug)]
pub struct PathKey<'db> {
    /// The path.
    #[returns(ref)]
    pub path: RelPath,
}

/// What the globs of a `files` rule match, sorted.
pub(crate) fn file_set<'db>(db: &'db dyn Db, key: RuleKey<'db>) -> &'db Arc<[RelPath]> {
    &searched_set(db, key).files
}

/// What the search for the files of a `files` rule found.
#[salsa::tracked(returns(ref))]
pub fn searched_set<'db>(db: &'db dyn Db, key: RuleKey<'db>) -> Found {
    let config = Settings::get(db).config(db);
    let Some(node) = config.rule(key.label(db)) else { return Found::default() };
    let base = node.path("base").map_or_else(RelPath::root, |path| path.value.clone());
    let include = Globs::of_search(node.texts("include").map(|glob| &*glob.value));
    let exclude = Globs::new(node.texts("exclude").map(|glob| &*glob.value));
    Walk::new(db, &include, &exclude, out_roots(config)).files(&base, "")
}

/// What webstir itself writes is never a source.
fn out_roots(config: &Config) -> Vec<&RelPath> {
    config.profiles().iter().filter_map(|profile| profile.path("out")).map(|out| &out.value).collect()
}

/// The fact kind of [`Facts`].
const FACTS: &str = "module facts";

/// The key of the facts of a file. The extensions decide how the text is read: those of `x.d.ts` are two.
fn facts_key(db: &dyn Db, path: &RelPath, content: Digest) -> Digest {
    db.facts().key(FACTS, path.extensions(), content)
}

/// The facts of one module; `None` when it is absent or cannot be read.
#[salsa::tracked(returns(ref))]
pub fn facts<'db>(db: &'db dyn Db, key: PathKey<'db>) -> Option<Arc<Facts>> {
    let path = key.path(db);
    let Content::Digest(digest) = file::content(db, path) else { return None };
    let key = facts_key(db, path, digest);
    if let Some(facts) = db.facts().find(key).and_then(|bytes| codec::decode::<Facts>(&bytes)) {
        return Some(Arc::new(facts));
    }
    let facts = Facts::of(path, &file::text(db, path)?);
    db.facts().keep(key, Arc::from(codec::encode(&facts)));
    Some(Arc::new(facts))
}

/// A tsconfig and what is wrong with it; the defaults when there is none.
#[salsa::tracked(returns(ref))]
pub fn project<'db>(db: &'db dyn Db, key: PathKey<'db>) -> (Arc<TsConfig>, Box<[Diagnostic]>) {
    let path = key.path(db);
    if file::kind(db, path) != PathKind::File {
        return (Arc::new(TsConfig::default()), Box::default());
    }
    let (config, diagnostics) = tsconfig::load(path, &mut |path| file::bytes(db, path).map(Arc::from));
    (Arc::new(config), diagnostics.into_boxed_slice())
}

/// The `imports` of the `package.json` in a directory as text. A query of its own: other edits of that file end here.
#[salsa::tracked(returns(ref))]
fn imports_text<'db>(db: &'db dyn Db, directory: PathKey<'db>) -> Box<str> {
    let Ok(path) = directory.path(db).join("package.json") else { return Box::default() };
    file::bytes(db, &path).map(|bytes| imports_of(&bytes)).unwrap_or_default()
}

/// The `imports` of the `package.json` in a directory. They are read once for all modules of the package.
#[salsa::tracked(returns(ref))]
fn package_imports<'db>(db: &'db dyn Db, directory: PathKey<'db>, linking: Linking<'db>) -> PackageImports {
    let (config, _) = project(db, PathKey::new(db, linking.project(db).clone()));
    let conditions = Conditions { platform: linking.platform(db), custom: config.custom_conditions.clone() };
    PackageImports::new(directory.path(db).clone(), imports_text(db, directory), conditions)
}

/// The directory of the `package.json` that a module belongs to, as Node has it: the nearest.
fn package_of(db: &dyn Db, module: &RelPath) -> RelPath {
    let mut directory = module.parent().unwrap_or_else(RelPath::root);
    while !directory.is_root() {
        if directory.join("package.json").is_ok_and(|path| file::kind(db, &path) == PathKind::File) {
            break;
        }
        directory = directory.parent().unwrap_or_else(RelPath::root);
    }
    directory
}

/// A specifier, and how it is asked for: `require` may lead elsewhere.
pub(crate) type Request = (Box<str>, Asked);

/// Where an import leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Link {
    /// To a module of the workspace.
    Module(RelPath),
    /// Out of it: a package or a builtin module; the specifier stays as it is.
    External,
}

/// Modules and what they import, both sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ModuleGraph {
    /// Each module with its imports.
    pub modules: BTreeMap<RelPath, BTreeMap<Request, Link>>,
    /// JSON files among them that are asked for by `require`.
    pub required: BTreeSet<RelPath>,
    /// Imports that lead nowhere and files that cannot be read.
    pub diagnostics: Vec<Diagnostic>,
}

/// What decides where an import leads, beside the module that it stands in.
#[salsa::interned(debug)]
pub struct Linking<'db> {
    /// The tsconfig that says what resolves where.
    #[returns(ref)]
    pub project: RelPath,
    /// What transpiling leaves of the imports.
    #[returns(ref)]
    pub options: EmitOptions,
    /// Where the modules run.
    #[returns(copy)]
    pub platform: Platform,
}

/// What a module graph is made from.
#[salsa::interned(debug)]
pub struct GraphKey<'db> {
    /// Where it starts.
    #[returns(ref)]
    pub entries: Vec<RelPath>,
    /// How its imports are read.
    #[returns(copy)]
    pub linking: Linking<'db>,
}

struct Existing<'db>(&'db dyn Db);

impl Probe for Existing<'_> {
    fn kind(&self, path: &RelPath) -> PathKind {
        file::kind(self.0, path)
    }
}

/// What one module imports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Imports {
    /// Where each leads.
    pub links: BTreeMap<Request, Link>,
    /// Imports that lead nowhere, or that the file cannot be read.
    pub diagnostics: Box<[Diagnostic]>,
}

/// What one module imports. An edit that leaves its imports as they are ends here.
#[salsa::tracked(returns(ref))]
pub fn imports<'db>(db: &'db dyn Db, module: PathKey<'db>, linking: Linking<'db>) -> Imports {
    let path = module.path(db);
    let Some(facts) = facts(db, module) else {
        return Imports { links: BTreeMap::new(), diagnostics: Box::new([unreadable(db, path)]) };
    };
    let mut links = BTreeMap::new();
    let mut diagnostics = Vec::new();
    // Its own action says what is wrong with it.
    if !facts.syntax_errors.is_empty() {
        return Imports::default();
    }
    let (config, _) = project(db, PathKey::new(db, linking.project(db).clone()));
    let linked = facts.linked(linking.options(db));
    // Only who asks by `#` depends on where its package begins and what that says.
    let asks = linked.iter().any(|import| import.specifier.starts_with('#'));
    let package = asks.then(|| PathKey::new(db, package_of(db, path)));
    let project = Project { config, imports: package.map(|package| package_imports(db, package, linking)) };
    let is_common_js = is_common_js(path);
    let mut absent = BTreeSet::new();
    for import in linked {
        let asked = Asked::by(import.kind, is_common_js);
        let request = (import.specifier, asked);
        if links.contains_key(&request) {
            continue;
        }
        let link = match resolve_local(path, &request.0, asked, project, &Existing(db)) {
            Resolution::Module(target) => Link::Module(target),
            Resolution::Package { .. } | Resolution::Builtin(_) | Resolution::Url => Link::External,
            Resolution::Missing { tried } => {
                if absent.insert(request.0.clone()) {
                    diagnostics.push(missing(db, path, &request.0, import.place, &tried));
                }
                Link::External
            }
        };
        links.insert(request, link);
    }
    Imports { links, diagnostics: diagnostics.into_boxed_slice() }
}

/// Everything that the entries reach. One flat walk: recursion over modules would use stack for each.
#[salsa::tracked(returns(ref))]
pub fn module_graph<'db>(db: &'db dyn Db, key: GraphKey<'db>) -> ModuleGraph {
    let mut graph = ModuleGraph::default();
    let mut open: VecDeque<RelPath> = key.entries(db).iter().cloned().collect();
    while let Some(path) = open.pop_front() {
        if graph.modules.contains_key(&path) {
            continue;
        }
        let found = imports(db, PathKey::new(db, path.clone()), key.linking(db));
        graph.diagnostics.extend(found.diagnostics.iter().cloned());
        for ((_, asked), link) in &found.links {
            let Link::Module(target) = link else { continue };
            if *asked == Asked::Require && target.extension() == "json" {
                graph.required.insert(target.clone());
            }
            open.push_back(target.clone());
        }
        graph.modules.insert(path, found.links.clone());
    }
    graph.diagnostics.sort();
    graph
}

fn unreadable(db: &dyn Db, path: &RelPath) -> Diagnostic {
    match file::content(db, path) {
        Content::Unreadable(reason) => {
            Diagnostic::error("file::unreadable", format!("`{path}` cannot be read: {reason}"))
                .in_file(path)
                .help("Check the permissions of the file")
        }
        // It was there when it was planned: it is asked about again before the next plan.
        _ => Diagnostic::error("file::absent", format!("`{path}` is not a file")).in_file(path),
    }
}

fn missing(db: &dyn Db, path: &RelPath, specifier: &str, place: Option<(u32, u32)>, tried: &[RelPath]) -> Diagnostic {
    let mut diagnostic = Diagnostic::error("resolve::missing", format!("`{specifier}` leads to no file")).in_file(path);
    diagnostic.span = span(db, path, place);
    if !tried.is_empty() {
        let names: Vec<_> = tried.iter().map(|path| format!("`{path}`")).collect();
        diagnostic = diagnostic.note(format!("Looked for {}", names.join(", ")));
    }
    match likely(db, specifier, tried) {
        Some(near) => diagnostic.help(format!("Did you mean `{near}`?")),
        None => diagnostic.help("Create the file or correct the specifier"),
    }
}

/// An import that leads elsewhere in a browser than in Node.
pub(crate) fn differing_import<'db>(
    db: &'db dyn Db,
    module: PathKey<'db>,
    (specifier, _): &Request,
    linking: Linking<'db>,
    browser: &Link,
    node: &Link,
) -> Diagnostic {
    let text = |link: &Link| match link {
        Link::Module(path) => format!("to `{path}`"),
        Link::External => "to no module of the workspace".to_owned(),
    };
    let (browser, node) = (text(browser), text(node));
    let message = format!("`{specifier}` leads {browser} in a browser and {node} in Node");
    let path = module.path(db);
    let linked = facts(db, module).as_ref().map(|facts| facts.linked(linking.options(db)));
    let import = linked.into_iter().flatten().find(|import| import.specifier == *specifier);
    let mut diagnostic = Diagnostic::error("resolve::differs", message).in_file(path);
    diagnostic.span = span(db, path, import.and_then(|import| import.place));
    diagnostic.help("Give the bundles for browsers a `transpile` rule of their own")
}

/// The place of a specifier.
fn span(db: &dyn Db, path: &RelPath, place: Option<(u32, u32)>) -> Option<Span> {
    let ((start, end), text) = (place?, file::text(db, path)?);
    Some(Span::locate(&text, start as usize, end as usize))
}

/// What could have been meant: a specifier for a file that is there.
fn likely(db: &dyn Db, specifier: &str, tried: &[RelPath]) -> Option<String> {
    let directory = tried.first()?.parent()?;
    let listing = file::entries(db, &directory)?;
    nearest(specifier, listing.entries().filter(|(_, kind)| *kind == PathKind::File).map(|(name, _)| name))
}

/// Globs from the workspace root, as a key.
#[salsa::interned(debug)]
pub struct GlobsKey<'db> {
    /// The globs.
    #[returns(ref)]
    pub globs: Vec<Arc<str>>,
}

/// The files that globs from the workspace root match, sorted. Only directories that a match can lie in are looked into.
#[salsa::tracked(returns(ref))]
pub fn searched_globs<'db>(db: &'db dyn Db, key: GlobsKey<'db>) -> Found {
    let globs = key.globs(db);
    let config = Settings::get(db).config(db);
    let include = Globs::of_search(globs.iter().map(|glob| &**glob));
    let exclude = Globs::new([]);
    let starts = include.starts();
    // Those of a directory within another are found twice.
    Found::all(
        starts.iter().map(|start| Walk::new(db, &include, &exclude, out_roots(config)).files(start, start.as_str())),
    )
}
