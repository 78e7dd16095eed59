//! TypeScript to JavaScript, one module at a time.
//!
//! [`transpile`] turns a [`Source`] into an [`Emitted`] module: types gone, newer syntax lowered, specifiers rewritten. It is a
//! pure function of text, path and options: equal arguments give equal bytes on any thread and under any workspace root.

mod comments;
mod define;
mod enums;
mod legacy;
mod map;
mod metadata;
mod names;
mod namespaces;
mod passes;
mod rewrite;
mod using;

use std::collections::BTreeMap;

use swc_core::common::GLOBALS;
use webstir_engine::diagnostic::{Diagnostic, Span};
use webstir_engine::path::RelPath;

use crate::source::json::to_expression;
use crate::source::{ImportKind, Language, ParsedModule, Parts, is_common_js};
use crate::tsconfig::EmitOptions;

pub(crate) use namespaces::runs as namespace_runs;

/// One file.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its place; the extension says the language.
    pub path: &'a RelPath,
    /// The file as it lies on disk, byte-order mark included.
    pub text: &'a str,
}

/// Where the source map goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MapLink {
    /// Nowhere: [`Emitted::map`] is all there is, for example for a bundler.
    Detached,
    /// The code ends with a comment that names this URL.
    Url(String),
    /// The code ends with a comment that holds the map.
    Inline,
}

/// A source map is wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapOptions {
    /// The one entry of `sources`: where the source is as seen from the map, or an absolute virtual id for a bundler.
    pub source: String,
    /// Whether the map holds the text of the source.
    pub content: bool,
    /// Where it goes.
    pub link: MapLink,
}

/// What `import x = require("y")` becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImportRequire {
    /// A `require` made by `createRequire` of `node:module`: runs in Node as it is.
    #[default]
    CreateRequire,
    /// A plain `require`, which a bundler follows.
    Bare,
}

/// A new specifier for an old one, by how it is asked for; `None` keeps it.
pub type Rewrite<'a> = dyn Fn(&str, ImportKind) -> Option<String> + Sync + 'a;

/// How a module is transpiled.
pub struct Options<'a> {
    /// What follows from `tsconfig.json` and the target.
    pub emit: EmitOptions,
    /// JavaScript expressions for free dotted names, for example `process.env.NODE_ENV` → `"production"`.
    pub define: BTreeMap<String, String>,
    /// The source map, if any.
    pub map: Option<MapOptions>,
    /// What `import x = require("y")` becomes.
    pub import_require: ImportRequire,
    /// Applied to each specifier that is a literal: imports, exports, `import()` and `require()`.
    pub rewrite: &'a Rewrite<'a>,
}

/// An import of the output, in the order of the output.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrintedImport {
    /// As the source has it, or as a pass added it.
    pub specifier: String,
    /// As the output has it.
    pub rewritten: String,
    /// How it asks.
    pub kind: ImportKind,
}

/// A transpiled module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// The JavaScript module; ends with a newline unless it is empty.
    pub code: String,
    /// The source map, JSON, when one was asked for and the source is not JSON.
    pub map: Option<String>,
    /// What it imports.
    pub imports: Vec<PrintedImport>,
}

/// Parses and transpiles one file.
pub fn transpile(source: Source<'_>, options: &Options<'_>) -> Result<Emitted, Vec<Diagnostic>> {
    let module = ParsedModule::parse(source.path, source.text)
        .map_err(|faults| faults.iter().map(|fault| fault.diagnostic(source.path, source.text)).collect::<Vec<_>>())?;
    module.emit(source.text, options)
}

/// The CommonJS module that a JSON file is where it is required: `require` gives its value. `None` when the text is not JSON.
pub fn required_json(text: &str) -> Option<String> {
    to_expression(text).ok().map(|expression| format!("module.exports = {expression};\n"))
}

impl ParsedModule {
    /// Transpiles this module. `text` must be the text that was parsed; it is only read to place findings.
    pub fn emit(self, text: &str, options: &Options<'_>) -> Result<Emitted, Vec<Diagnostic>> {
        let (path, language) = (self.path.clone(), self.language);
        let kind = passes::Kind { language, is_common_js: is_common_js(&path) };
        let place = |parts: &Parts, span| {
            let (start, end) = parts.offsets(span);
            Span::locate(text, start as usize, end as usize)
        };
        self.consume(|mut parts| {
            if let Some((code, _)) = parts.json.take() {
                return Ok(Emitted { code, map: None, imports: Vec::new() });
            }
            if language == Language::Declarations {
                let code = if kind.is_common_js { "" } else { "export {};\n" };
                return Ok(Emitted { code: code.to_owned(), map: None, imports: Vec::new() });
            }
            let work = std::panic::AssertUnwindSafe(|| {
                let globals = std::mem::take(&mut parts.globals);
                GLOBALS.set(&globals, || passes::run(&mut parts, kind, options))
            });
            // The passes are foreign code: a tree they cannot handle is an error of that file.
            let done = std::panic::catch_unwind(work);
            match done {
                Ok(Ok(emitted)) => Ok(emitted),
                Ok(Err(faults)) => {
                    let mut found: Vec<_> = faults
                        .into_iter()
                        .map(|fault| {
                            let finding =
                                Diagnostic::error(fault.code, fault.message).at(&path, place(&parts, fault.span));
                            match fault.help {
                                Some(help) => finding.help(help),
                                None => finding,
                            }
                        })
                        .collect();
                    found.sort();
                    found.dedup();
                    Err(found)
                }
                Err(_) => {
                    let message = "The transpiler gave up on this file";
                    Err(vec![Diagnostic::error("transpile::internal", message).in_file(&path)])
                }
            }
        })
    }
}

/// Something that a pass cannot express.
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) span: swc_core::common::Span,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}
