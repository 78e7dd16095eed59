//! What the linker sees: transpiled modules of the graph, and packages through the view.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use webstir_bundler::{Format, Host, Loaded, LoadedKind, RequestKind, Resolved};
use webstir_engine::path::RelPath;
use webstir_engine::system::PathKind;
use webstir_engine::view::View;
use webstir_typescript::resolve::packages::{self, Files, Found, Packages};
use webstir_typescript::resolve::{Asked, Conditions, Platform, is_platform, is_relative};
use webstir_typescript::source::Language;
use webstir_typescript::transpile::{ImportRequire, Options, Source, transpile};
use webstir_typescript::tsconfig::EmitOptions;

use super::PackagePolicy;

/// Modules that the runtime brings: they are never linked in.
const BUILT_IN: [&str; 2] = ["@webstir-io/webstir-backend", "@webstir-io/module-contract"];

/// The id of what a package says is nothing.
const NOTHING: &str = "/\0nothing";

/// A transpiled module.
pub(super) struct Module {
    pub(super) code: Arc<[u8]>,
    pub(super) map: Option<Arc<[u8]>>,
    /// Its source in the workspace.
    pub(super) source: String,
}

/// The modules of one bundle.
pub(super) struct GraphHost {
    modules: BTreeMap<String, Module>,
    view: Arc<View>,
    packages: Packages,
    policy: PackagePolicy,
    external: Vec<String>,
    browser: bool,
    /// The first fault of the world, which is not the user's.
    error: Arc<Mutex<Option<io::Error>>>,
}

impl GraphHost {
    pub(super) fn new(
        modules: BTreeMap<String, Module>,
        view: Arc<View>,
        conditions: &Conditions,
        policy: PackagePolicy,
        external: Vec<String>,
    ) -> Self {
        let error = Arc::new(Mutex::new(None));
        let files = Arc::new(ViewFiles { view: view.clone(), error: error.clone() });
        let browser = conditions.platform == Platform::Browser;
        Self { modules, view, packages: Packages::new(files, conditions), policy, external, browser, error }
    }

    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The file that a module comes from.
    pub(super) fn source_of(&self, id: &str) -> Option<RelPath> {
        let path = self.modules.get(id).map_or(id.trim_start_matches('/'), |module| &module.source);
        RelPath::new(path).ok()
    }

    /// The text of a source, for findings.
    pub(super) fn text_of(&self, file: &RelPath) -> Option<String> {
        self.view.read(file).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok())
    }

    /// What a specifier leads to from a module of the workspace: a file, nothing, or why not.
    pub(super) fn leads_to(&self, importer: &str, specifier: &str) -> Result<Option<String>, String> {
        match self.packages.resolve(importer, specifier, Asked::Import) {
            Found::File(file) => Ok(Some(file.path)),
            Found::Nothing => Ok(None),
            Found::Missing { reason } => Err(reason),
        }
    }

    fn is_external(&self, specifier: &str) -> bool {
        let matches =
            |name: &str| specifier.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        BUILT_IN.iter().any(|name| matches(name))
            || self.external.iter().any(|name| matches(name))
            || specifier.split_once(':').is_some_and(|(scheme, _)| !scheme.is_empty() && !scheme.contains('/'))
    }

    fn package(&self, importer: &str, specifier: &str, kind: RequestKind) -> Resolved {
        let importer = self.modules.get(importer).map_or(importer.trim_start_matches('/'), |module| &module.source);
        let asked = if kind == RequestKind::Require { Asked::Require } else { Asked::Import };
        match self.packages.resolve(importer, specifier, asked) {
            Found::File(file) if RelPath::new(&file.path).is_ok_and(|path| path.extension() == "node") => {
                Resolved::External { specifier: specifier.to_owned(), side_effects: true }
            }
            Found::File(file) => {
                let format = match file.format {
                    Some(packages::Format::Esm) => Format::Esm,
                    Some(packages::Format::CommonJs) => Format::CommonJs,
                    None => Format::Unknown,
                };
                Resolved::Module { id: format!("/{}", file.path), side_effects: file.side_effects, format }
            }
            Found::Nothing => {
                Resolved::Module { id: NOTHING.to_owned(), side_effects: Some(false), format: Format::Unknown }
            }
            Found::Missing { reason } => Resolved::NotFound { reason },
        }
    }
}

impl Host for GraphHost {
    fn resolve(&self, specifier: &str, importer: Option<&str>, kind: RequestKind) -> Resolved {
        if kind == RequestKind::Entry {
            return Resolved::Module { id: specifier.to_owned(), side_effects: None, format: format_of(specifier) };
        }
        if is_platform(specifier) {
            // A browser brings none of them: `events` there is the package of that name, where there is one.
            let package = if self.browser && !specifier.contains(':') {
                Some(self.package(importer.unwrap_or_default(), specifier, kind))
            } else {
                None
            };
            return match package {
                Some(found @ Resolved::Module { .. }) => found,
                _ => Resolved::External { specifier: specifier.to_owned(), side_effects: false },
            };
        }
        if self.is_external(specifier) {
            return Resolved::External { specifier: specifier.to_owned(), side_effects: true };
        }
        let importer = importer.unwrap_or_default();
        if is_relative(specifier) && self.modules.contains_key(importer) {
            let directory = importer.rsplit_once('/').map_or("", |(directory, _)| directory);
            let id = RelPath::new(directory.trim_start_matches('/')).and_then(|directory| directory.join(specifier));
            return match id.map(|path| format!("/{path}")) {
                Ok(id) if self.modules.contains_key(&id) => {
                    let format = format_of(&id);
                    Resolved::Module { id, side_effects: None, format }
                }
                _ => Resolved::NotFound { reason: format!("`{specifier}` leads to no module") },
            };
        }
        if self.policy == PackagePolicy::Bundle || !self.modules.contains_key(importer) {
            return self.package(importer, specifier, kind);
        }
        Resolved::External { specifier: specifier.to_owned(), side_effects: true }
    }

    fn load(&self, id: &str) -> Result<Loaded, String> {
        if id == NOTHING {
            return Ok(Loaded { code: String::new(), map_json: None, kind: LoadedKind::Empty });
        }
        if let Some(module) = self.modules.get(id) {
            return Ok(Loaded {
                code: String::from_utf8_lossy(&module.code).into_owned(),
                map_json: module.map.as_deref().and_then(|map| absolute_sources(map, &module.source)),
                kind: LoadedKind::Js,
            });
        }
        let path = RelPath::new(id.trim_start_matches('/')).map_err(|error| error.to_string())?;
        let bytes = match self.view.read(&path) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(format!("`{path}` is not there")),
            Err(error) => {
                let reason = format!("`{path}` cannot be read: {error}");
                self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                return Err(reason);
            }
        };
        let text = String::from_utf8(bytes).map_err(|_| format!("`{path}` is not UTF-8"))?;
        if path.extension() == "json" {
            return Ok(Loaded { code: text, map_json: None, kind: LoadedKind::Json });
        }
        // A package of the same workspace may be linked by its sources.
        if Language::of(&path).is_some_and(Language::is_typescript) {
            let options = Options {
                emit: EmitOptions::default(),
                define: BTreeMap::new(),
                map: None,
                import_require: ImportRequire::Bare,
                rewrite: &|_, _| None,
            };
            let emitted = transpile(Source { path: &path, text: &text }, &options);
            return match emitted {
                Ok(emitted) => Ok(Loaded { code: emitted.code, map_json: None, kind: LoadedKind::Js }),
                Err(diagnostics) => {
                    Err(diagnostics.into_iter().map(|found| found.message).collect::<Vec<_>>().join("; "))
                }
            };
        }
        Ok(Loaded { code: text, map_json: None, kind: LoadedKind::Js })
    }
}

/// What Node takes a transpiled module for.
fn format_of(id: &str) -> Format {
    if id.rsplit_once('.').is_some_and(|(_, extension)| extension == "cjs") { Format::CommonJs } else { Format::Esm }
}

/// The map of one transpiled module with its source as the linker wants it: an absolute virtual path. A relative one would be
/// taken as relative to the directory of this process.
fn absolute_sources(map: &[u8], source: &str) -> Option<String> {
    let mut map: serde_json::Value = serde_json::from_slice(map).ok()?;
    map["sources"] = serde_json::json!([format!("/{source}")]);
    Some(map.to_string())
}

/// The view as the package resolver wants it.
struct ViewFiles {
    view: Arc<View>,
    error: Arc<Mutex<Option<io::Error>>>,
}

impl ViewFiles {
    fn kept<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            let copy = io::Error::new(error.kind(), error.to_string());
            self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(copy);
        })
    }
}

impl Files for ViewFiles {
    fn kind(&self, path: &str) -> io::Result<PathKind> {
        let Ok(path) = RelPath::new(path) else { return Ok(PathKind::Absent) };
        self.kept(self.view.kind(&path))
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let Ok(path) = RelPath::new(path) else { return Ok(None) };
        self.kept(self.view.read(&path))
    }

    fn real_path(&self, path: &str) -> io::Result<Option<String>> {
        let Ok(path) = RelPath::new(path) else { return Ok(None) };
        Ok(self.kept(self.view.real_path(&path))?.map(|path| path.as_str().to_owned()))
    }
}
