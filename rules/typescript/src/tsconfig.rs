//! `tsconfig.json`: the compiler options that decide what a module means and what it becomes.
//!
//! [`load`] reads one file with everything it extends, through a function that the caller gives, and answers with a
//! [`TsConfig`] and findings. The options for the output are [`EmitOptions`]; what resolution needs stays in the
//! [`TsConfig`]. Everything else in the file is for the type checker.

mod emit;
mod extends;
mod locate;
mod options;
mod sources;

use std::sync::Arc;

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use webstir_engine::diagnostic::{Diagnostic, Span};
use webstir_engine::path::RelPath;

use crate::json::STRICT;
pub use emit::{Decorators, EmitOptions, Jsx, Target};
use options::Options;
pub use sources::Sources;

/// One entry of `paths`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathMapping {
    /// The pattern, with at most one `*`.
    pub pattern: Box<str>,
    /// Where to look, in order: paths below the workspace root, with at most one `*`.
    pub substitutions: Box<[RelPath]>,
}

impl PathMapping {
    /// What stands for `*` where the pattern matches.
    pub fn star<'s>(&self, specifier: &'s str) -> Option<&'s str> {
        match self.pattern.split_once('*') {
            Some((before, after)) => specifier.strip_prefix(before)?.strip_suffix(after),
            None => (*self.pattern == *specifier).then_some(""),
        }
    }
}

/// The effective configuration of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TsConfig {
    /// The files that were read, the project's own first, then what it extends.
    pub files: Box<[RelPath]>,
    /// `target`; older than ES2018 is ES2018.
    pub target: Option<Target>,
    /// `jsx` with its factories.
    pub jsx: Option<Jsx>,
    /// `experimentalDecorators` and `emitDecoratorMetadata`.
    pub decorators: Option<Decorators>,
    /// `useDefineForClassFields`, or what `target` implies.
    pub define_fields: Option<bool>,
    /// `verbatimModuleSyntax`.
    pub verbatim: bool,
    /// `isolatedDeclarations`.
    pub isolated_declarations: bool,
    /// `baseUrl`.
    pub base_url: Option<RelPath>,
    /// `paths`, in the order of the file.
    pub paths: Box<[PathMapping]>,
    /// `customConditions`.
    pub custom_conditions: Box<[Box<str>]>,
    /// Which files the project names.
    pub sources: Sources,
}

impl TsConfig {
    /// The options for the output, written for `target` or else for what the configuration says. As in other tools a `target`
    /// from outside does not change what class fields mean.
    pub fn emit_options(&self, target: Option<Target>) -> EmitOptions {
        let standard = EmitOptions::default();
        EmitOptions {
            target: target.or(self.target).unwrap_or(standard.target),
            decorators: self.decorators.unwrap_or(standard.decorators),
            define_fields: self.define_fields.unwrap_or(standard.define_fields),
            jsx: self.jsx.clone().unwrap_or(standard.jsx),
            verbatim: self.verbatim,
        }
    }
}

/// Reads a file below the workspace root; `None` when there is none. It is asked for misses too.
pub type Read<'a> = dyn FnMut(&RelPath) -> Option<Arc<[u8]>> + 'a;

/// Loads `path` and what it extends. Findings are errors of the files; the configuration holds what could be read.
pub fn load(path: &RelPath, read: &mut Read<'_>) -> (TsConfig, Vec<Diagnostic>) {
    let directory = path.parent().unwrap_or_else(RelPath::root);
    let mut loader = Loader {
        read,
        sources: Sources::of_directory(&directory),
        project: directory,
        open: Vec::new(),
        files: Vec::new(),
        is_full: false,
        found: Vec::new(),
    };
    let mut options = Options::default();
    match (loader.read)(path) {
        Some(bytes) => loader.file(path, &bytes, &mut options),
        None => loader.found.push(Diagnostic::error("tsconfig::missing", format!("There is no file `{path}`"))),
    }
    let Loader { files, sources, mut found, .. } = loader;
    let mut config = options.finish();
    config.files = files.into_boxed_slice();
    config.sources = sources;
    found.sort();
    (config, found)
}

struct Loader<'a, 'b> {
    read: &'a mut Read<'b>,
    /// What `${configDir}` stands for.
    project: RelPath,
    sources: Sources,
    /// The files being read, outermost first.
    open: Vec<RelPath>,
    files: Vec<RelPath>,
    /// More was extended than is read.
    is_full: bool,
    found: Vec<Diagnostic>,
}

/// A file being read: places findings.
struct Source<'a> {
    path: &'a RelPath,
    text: &'a str,
    /// Length of the byte-order mark.
    mark: usize,
}

impl Source<'_> {
    fn directory(&self) -> RelPath {
        self.path.parent().unwrap_or_else(RelPath::root)
    }

    fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span::locate(self.text, range.start + self.mark, range.end + self.mark)
    }

    fn error(&self, code: &'static str, message: impl Into<String>, value: &impl Ranged) -> Diagnostic {
        let range = value.range();
        Diagnostic::error(code, message).at(self.path, self.span(range.start..range.end))
    }
}

impl Loader<'_, '_> {
    fn file(&mut self, path: &RelPath, bytes: &[u8], options: &mut Options) {
        self.files.push(path.clone());
        let Ok(text) = std::str::from_utf8(bytes) else {
            self.found.push(Diagnostic::error("tsconfig::syntax", "The file is not UTF-8").in_file(path));
            return;
        };
        let content = text.trim_start_matches('\u{feff}');
        let source = Source { path, text, mark: text.len() - content.len() };
        let syntax = ParseOptions { allow_comments: true, allow_trailing_commas: true, ..STRICT };
        let parsed = match parse_to_ast(content, &CollectOptions::default(), &syntax) {
            Ok(parsed) => parsed.value,
            Err(error) => {
                let (message, range) = (error.kind().to_string(), error.range());
                let span = source.span(range.start..range.end);
                self.found.push(Diagnostic::error("tsconfig::syntax", message).at(path, span));
                return;
            }
        };
        match parsed {
            // TypeScript takes an empty file for `{}`.
            None => {}
            Some(Value::Object(object)) => {
                self.open.push(path.clone());
                if let Some(property) = object.get("extends") {
                    self.extends(&source, &property.value, options);
                }
                self.open.pop();
                self.sources.read(&object, &source.directory());
                if let Some(property) = object.get("compilerOptions") {
                    match &property.value {
                        Value::Object(object) => options.read(&source, object, &self.project, &mut self.found),
                        Value::NullKeyword(_) => {}
                        value => self.found.push(source.error(
                            "tsconfig::option",
                            "`compilerOptions` must be an object",
                            value,
                        )),
                    }
                }
            }
            Some(value) => {
                self.found.push(source.error("tsconfig::syntax", "The file must hold an object", &value));
            }
        }
    }
}

#[cfg(test)]
mod tests;
