//! The modules, as linking asks for them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use rolldown_common::side_effects::HookSideEffects;
use rolldown_common::{ImportKind, ModuleType};
use rolldown_plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput, HookResolveIdReturn,
    HookTransformAstArgs, HookTransformAstReturn, HookUsage, Plugin, PluginContext, SharedLoadPluginContext,
};

use crate::problem::{BundleProblem, ProblemKind};
use crate::{Platform, SharedHost, common_js, files, opaque};

/// How one module asks for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestKind {
    /// It is an entry; the specifier is its id.
    Entry,
    /// `import` and `export .. from`.
    Import,
    /// `import()`.
    DynamicImport,
    /// `require()`.
    Require,
    /// `new URL("x", import.meta.url)`.
    Url,
}

/// Whether Node takes a file for an ES module or for CommonJS; decides what the default import of a CommonJS module is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `.mjs`, or `"type": "module"` in the nearest `package.json`.
    Esm,
    /// `.cjs`, or `"type": "commonjs"`.
    CommonJs,
    /// Neither is said.
    #[default]
    Unknown,
}

/// What a specifier leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// A module that the host can load.
    Module {
        /// Its id, an absolute virtual path.
        id: String,
        /// Whether running it does anything but define its exports, where `package.json` says so.
        side_effects: Option<bool>,
        /// What Node takes it for.
        format: Format,
    },
    /// Something that is there at run time.
    External {
        /// How the output imports it.
        specifier: String,
        /// Whether an import without bindings must stay. Builtins have no side effects.
        side_effects: bool,
    },
    /// Nothing; linking fails.
    NotFound {
        /// One sentence, no final period.
        reason: String,
    },
}

/// The language of a loaded module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoadedKind {
    /// JavaScript, ES module or CommonJS.
    Js,
    /// JSON.
    Json,
    /// Nothing: an empty module, for example for what `browser` in a `package.json` turns off.
    Empty,
}

/// A module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its text.
    pub code: String,
    /// The map from `code` to what the user wrote, JSON; its sources are absolute virtual paths.
    pub map_json: Option<String>,
    /// Its language.
    pub kind: LoadedKind,
}

/// Where modules come from. Asked from several threads at once, about the same thing possibly more than once; answers must
/// not depend on the order.
pub trait Host: Send + Sync {
    /// What `specifier` in the module `importer` leads to.
    fn resolve(&self, specifier: &str, importer: Option<&str>, kind: RequestKind) -> Resolved;
    /// The module of that id, or why there is none, one sentence without a final period.
    fn load(&self, id: &str) -> Result<Loaded, String>;
}

/// Answers rolldown's questions and keeps what went wrong, so that one run reports all of it.
pub(crate) struct HostPlugin {
    pub(crate) host: SharedHost,
    platform: Platform,
    /// The modules that Node takes for ES modules.
    es_modules: Mutex<BTreeSet<String>>,
    problems: Mutex<Vec<BundleProblem>>,
}

impl std::fmt::Debug for HostPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostPlugin")
    }
}

impl HostPlugin {
    pub(crate) fn new(host: SharedHost, platform: Platform) -> Self {
        Self { host, platform, es_modules: Mutex::default(), problems: Mutex::default() }
    }

    /// What the host refused so far.
    pub(crate) fn take_problems(&self) -> Vec<BundleProblem> {
        std::mem::take(&mut *self.problems.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn report(&self, problem: BundleProblem) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
    }

    fn answer(&self, question: &HookResolveIdArgs<'_>) -> HookResolveIdOutput {
        let kind = match question.kind {
            _ if question.is_entry => RequestKind::Entry,
            ImportKind::DynamicImport => RequestKind::DynamicImport,
            ImportKind::Require => RequestKind::Require,
            ImportKind::NewUrl => RequestKind::Url,
            _ => RequestKind::Import,
        };
        match self.host.resolve(question.specifier, question.importer, kind) {
            Resolved::Module { id, side_effects, format } => {
                let side_effects =
                    side_effects.map(|has| if has { HookSideEffects::True } else { HookSideEffects::False });
                if format == Format::Esm {
                    self.es_modules.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
                }
                HookResolveIdOutput {
                    id: id.into(),
                    side_effects,
                    package_json_path: files::package_json_of(format).map(str::to_owned),
                    ..HookResolveIdOutput::default()
                }
            }
            Resolved::External { specifier, side_effects } => external(&specifier, side_effects),
            Resolved::NotFound { reason } => {
                self.report(BundleProblem {
                    kind: ProblemKind::Unresolved { specifier: question.specifier.to_owned() },
                    message: reason,
                    module: question.importer.map(str::to_owned),
                    place: None,
                });
                // Going on finds the other problems; nothing of the output is kept.
                external(question.specifier, false)
            }
        }
    }
}

fn external(specifier: &str, side_effects: bool) -> HookResolveIdOutput {
    HookResolveIdOutput {
        id: specifier.into(),
        external: Some(true.into()),
        side_effects: Some(if side_effects { HookSideEffects::True } else { HookSideEffects::False }),
        normalize_external_id: Some(false),
        ..HookResolveIdOutput::default()
    }
}

impl Plugin for HostPlugin {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("host")
    }

    // An answer of `None` would make rolldown look by itself.
    async fn resolve_id(&self, _: &PluginContext, question: &HookResolveIdArgs<'_>) -> HookResolveIdReturn {
        // rolldown's own runtime module imports a builtin; its import is left out with the runtime only when rolldown itself
        // says that it is external. Nothing is looked up for a builtin.
        if question.importer.is_some_and(|importer| importer.starts_with('\0')) && question.specifier == "node:module" {
            return Ok(None);
        }
        Ok(Some(self.answer(question)))
    }

    async fn load(&self, _: SharedLoadPluginContext, question: &HookLoadArgs<'_>) -> HookLoadReturn {
        let failed = |message: String| {
            self.report(BundleProblem {
                kind: ProblemKind::Load,
                message,
                module: Some(question.id.to_owned()),
                place: None,
            });
            HookLoadOutput { code: "".into(), module_type: Some(ModuleType::Empty), ..HookLoadOutput::default() }
        };
        let loaded = match self.host.load(question.id) {
            Ok(loaded) => loaded,
            Err(message) => return Ok(Some(failed(message))),
        };
        let map = match loaded.map_json.as_deref().map(oxc_sourcemap::SourceMap::from_json_string).transpose() {
            Ok(map) => map.map(oxc_sourcemap::SourceMap::into_owned),
            Err(error) => return Ok(Some(failed(format!("The source map of the module cannot be read: {error}")))),
        };
        Ok(Some(HookLoadOutput {
            code: loaded.code.into(),
            map,
            module_type: Some(match loaded.kind {
                LoadedKind::Js => ModuleType::Js,
                LoadedKind::Json => ModuleType::Json,
                LoadedKind::Empty => ModuleType::Empty,
            }),
            ..HookLoadOutput::default()
        }))
    }

    async fn transform_ast(&self, _: &PluginContext, mut question: HookTransformAstArgs<'_>) -> HookTransformAstReturn {
        let is_esm = self.es_modules.lock().unwrap_or_else(PoisonError::into_inner).contains(question.id);
        question.ast.program.with_mut(|fields| {
            if self.platform == Platform::Node {
                common_js::name_file(fields.program, fields.allocator, is_esm);
            }
            opaque::hide(fields.program, fields.allocator);
        });
        Ok(question.ast)
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load | HookUsage::TransformAst
    }
}
