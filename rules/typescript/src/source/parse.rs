//! One parse of one file.

use std::sync::{Arc, Mutex, PoisonError};

use swc_core::common::comments::{SingleThreadedComments, SingleThreadedCommentsMapInner};
use swc_core::common::errors::{DiagnosticBuilder, Emitter, Handler};
use swc_core::common::sync::Lrc;
use swc_core::common::util::take::Take;
use swc_core::common::{BytePos, FileName, GLOBALS, Globals, Mark, SourceFile, SourceMap, Spanned};
use swc_core::ecma::ast::{Decl, EsVersion, ModuleDecl, ModuleItem, Program, Stmt, TsNamespaceBody};
use swc_core::ecma::parser::error::{Error, SyntaxError};
use swc_core::ecma::parser::{
    EsSyntax, Syntax, TsSyntax, parse_file_as_commonjs, parse_file_as_module, parse_file_as_program,
};
use swc_core::ecma::transforms::base::resolver;
use swc_core::ecma::visit::VisitMutWith;
use webstir_engine::path::RelPath;

use super::nesting::{MAX_CHAIN, MAX_DEPTH, Nesting};
use super::{Facts, SyntaxFault, collect, json};

/// Offsets are 32 bits wide, in both directions.
const MAX_LENGTH: usize = 1 << 30;

/// What a file name says about the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// `.ts`, `.mts`, `.cts`.
    TypeScript,
    /// `.tsx`.
    TypeScriptJsx,
    /// `.d.ts` and its like: types only.
    Declarations,
    /// `.js`, `.mjs`.
    JavaScript,
    /// `.jsx`.
    JavaScriptJsx,
    /// `.cjs`.
    CommonJs,
    /// `.json`.
    Json,
}

impl Language {
    /// `None` for a file that is not a module.
    pub fn of(path: &RelPath) -> Option<Self> {
        let name = path.file_name();
        Some(match path.extension() {
            "ts" | "mts" | "cts" if is_declaration(name) => Self::Declarations,
            "ts" | "mts" | "cts" => Self::TypeScript,
            "tsx" => Self::TypeScriptJsx,
            "js" | "mjs" => Self::JavaScript,
            "jsx" => Self::JavaScriptJsx,
            "cjs" => Self::CommonJs,
            "json" => Self::Json,
            _ => return None,
        })
    }

    /// Whether types have to be stripped.
    pub fn is_typescript(self) -> bool {
        matches!(self, Self::TypeScript | Self::TypeScriptJsx | Self::Declarations)
    }

    /// Whether the text may hold JSX.
    pub fn has_jsx(self) -> bool {
        matches!(self, Self::TypeScriptJsx | Self::JavaScriptJsx)
    }

    fn syntax(self) -> Syntax {
        if self.is_typescript() {
            return Syntax::Typescript(TsSyntax {
                tsx: self.has_jsx(),
                decorators: true,
                dts: self == Self::Declarations,
                ..TsSyntax::default()
            });
        }
        Syntax::Es(EsSyntax {
            jsx: self.has_jsx(),
            decorators: true,
            decorators_before_export: true,
            import_attributes: true,
            auto_accessors: true,
            explicit_resource_management: true,
            allow_return_outside_function: self == Self::CommonJs,
            ..EsSyntax::default()
        })
    }
}

/// Whether what a source says is CommonJS, whatever `package.json` says: `.cjs`, and `.cts`, whose imports and exports are other words for
/// `require` and `exports`.
pub fn is_common_js(path: &RelPath) -> bool {
    matches!(path.extension(), "cjs" | "cts")
}

/// `x.d.ts`, `x.d.mts`, `x.d.json.ts`; a file `d.ts` is an ordinary one.
fn is_declaration(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    parts.len() > 2 && parts[1..].iter().rev().skip(1).take(2).any(|part| *part == "d")
}

/// A file that is syntactically a module, its names resolved. It can be sent to another thread.
pub struct ParsedModule {
    pub(crate) path: RelPath,
    pub(crate) language: Language,
    parts: Option<Parts>,
    nesting: Nesting,
}

/// What the passes work on.
pub(crate) struct Parts {
    pub(crate) globals: Globals,
    pub(crate) source_map: Lrc<SourceMap>,
    pub(crate) file: Lrc<SourceFile>,
    pub(crate) program: Program,
    pub(crate) leading: SingleThreadedCommentsMapInner,
    pub(crate) trailing: SingleThreadedCommentsMapInner,
    /// Marks names that nothing in the file declares.
    pub(crate) unresolved: Mark,
    /// Marks names that the module itself declares.
    pub(crate) top: Mark,
    /// The file as it lies on disk begins this many bytes before the text that was parsed.
    pub(crate) mark_bytes: u32,
    /// The module and the names that it exports, when the file is JSON. The program is then empty.
    pub(crate) json: Option<(String, Vec<String>)>,
}

impl Drop for ParsedModule {
    /// Dropping a tree recurses as deep as parsing it.
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take()
            && self.nesting.is_deep()
        {
            self.nesting.run(move || drop(parts));
        }
    }
}

impl ParsedModule {
    /// Parses one file. `text` is the file as it lies on disk, byte-order mark included. Errors that a parser could recover
    /// from are errors too. A file that is not a module by its name is an error as well.
    pub fn parse(path: &RelPath, text: &str) -> Result<Self, Vec<SyntaxFault>> {
        let mut module = Self::parse_with_ambient(path, text)?;
        if let Some(parts) = module.parts.as_mut().filter(|_| module.language.is_typescript()) {
            forget_ambient(&mut parts.program);
        }
        Ok(module)
    }

    /// As [`ParsedModule::parse`], with the contents of what is only declared. Such a module is not to be transpiled.
    pub(crate) fn parse_with_ambient(path: &RelPath, text: &str) -> Result<Self, Vec<SyntaxFault>> {
        let Some(language) = Language::of(path) else {
            return Err(vec![SyntaxFault {
                start: 0,
                end: 0,
                message: format!("`{path}` is neither TypeScript nor JavaScript nor JSON").into(),
            }]);
        };
        if text.len() > MAX_LENGTH {
            return Err(vec![SyntaxFault { start: 0, end: 0, message: "The file is too large for a module".into() }]);
        }
        if language == Language::Json {
            return Self::parse_json(path, text);
        }
        let nesting = Nesting::of(text, language.has_jsx());
        if let Some(at) = nesting.too_deep_at {
            return Err(vec![fault_at(at, 1, format!("Brackets nest deeper than {MAX_DEPTH} levels"))]);
        }
        if nesting.chain > MAX_CHAIN {
            return Err(vec![fault_at(0, 0, "A statement is too long to be parsed".to_owned())]);
        }
        let parts = nesting.run(|| guarded(|| parse(path, language, text)))?;
        Ok(Self { path: path.clone(), language, parts: Some(parts), nesting })
    }

    fn parse_json(path: &RelPath, text: &str) -> Result<Self, Vec<SyntaxFault>> {
        let module = json::to_module(text)
            .map_err(|error| vec![fault_at(error.offset, error.length, error.message.to_owned())])?;
        let mut parts = GLOBALS.set(&Globals::new(), || empty_parts(path, ""));
        parts.json = Some(module);
        Ok(Self { path: path.clone(), language: Language::Json, parts: Some(parts), nesting: Nesting::default() })
    }

    /// The facts of this module.
    pub fn facts(&self) -> Facts {
        let Some(parts) = &self.parts else { return Facts::default() };
        if let Some((_, names)) = &parts.json {
            let mut exports: Vec<Box<str>> = names.iter().map(|name| name.as_str().into()).collect();
            exports.push("default".into());
            exports.sort();
            return Facts { exports: exports.into_boxed_slice(), ..Facts::default() };
        }
        self.nesting.run(|| GLOBALS.set(&parts.globals, || collect::facts(parts, self.language)))
    }

    /// The global names that the module uses beyond those of the language, members of some with them (`Bun.serve`), with their first bytes.
    pub fn foreign_globals(self) -> Vec<(String, u32)> {
        self.consume(|parts| {
            let found = GLOBALS.set(&parts.globals, || super::globals::foreign_globals(&parts));
            found.into_iter().map(|(name, span)| (name, parts.offsets(span).0)).collect()
        })
    }

    /// Hands the parts to `work`, where the stack is large enough; they are dropped there too.
    pub(crate) fn consume<T: Send>(mut self, work: impl FnOnce(Parts) -> T + Send) -> T {
        let Some(parts) = self.parts.take() else { unreachable!("only `drop` and this take the parts") };
        self.nesting.run(move || work(parts))
    }
}

fn fault_at(offset: usize, length: usize, message: String) -> SyntaxFault {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    SyntaxFault { start: narrow(offset), end: narrow(offset + length), message: message.into() }
}

/// The parser is foreign code working on foreign bytes: what it cannot handle is an error of that file.
fn guarded<T>(work: impl FnOnce() -> Result<T, Vec<SyntaxFault>>) -> Result<T, Vec<SyntaxFault>> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(vec![fault_at(0, 0, "The parser gave up on this file".to_owned())]))
}

fn empty_parts(path: &RelPath, text: &str) -> Parts {
    let source_map: Lrc<SourceMap> = Lrc::default();
    let mark_bytes = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let name = Lrc::new(FileName::Real(path.as_str().into()));
    let file = source_map.new_source_file(name, text.to_owned());
    Parts {
        globals: Globals::new(),
        source_map,
        file,
        program: Program::dummy(),
        leading: SingleThreadedCommentsMapInner::default(),
        trailing: SingleThreadedCommentsMapInner::default(),
        unresolved: Mark::root(),
        top: Mark::root(),
        mark_bytes,
        json: None,
    }
}

fn parse(path: &RelPath, language: Language, text: &str) -> Result<Parts, Vec<SyntaxFault>> {
    let mut parts = empty_parts(path, text);
    let comments = SingleThreadedComments::default();
    let mut errors = Vec::new();
    let (file, syntax) = (&parts.file, language.syntax());
    let version = EsVersion::EsNext;
    let parsed = match language {
        Language::CommonJs => {
            parse_file_as_commonjs(file, syntax, version, Some(&comments), &mut errors).map(Into::into)
        }
        Language::TypeScript | Language::TypeScriptJsx => {
            parse_file_as_module(file, syntax, version, Some(&comments), &mut errors).map(Into::into)
        }
        _ if path.extension() == "mjs" => {
            parse_file_as_module(file, syntax, version, Some(&comments), &mut errors).map(Into::into)
        }
        _ => parse_file_as_program(file, syntax, version, Some(&comments), &mut errors),
    };
    let mut program: Program = match parsed {
        Ok(program) => program,
        Err(error) => {
            errors.push(error);
            Program::dummy()
        }
    };
    if !errors.is_empty() {
        return Err(faults(errors, &parts));
    }
    GLOBALS.set(&parts.globals, || {
        parts.unresolved = Mark::new();
        parts.top = Mark::new();
        program.visit_mut_with(&mut resolver(parts.unresolved, parts.top, language.is_typescript()));
    });
    parts.program = program;
    let (leading, trailing) = comments.take_all();
    parts.leading = leading.take();
    parts.trailing = trailing.take();
    Ok(parts)
}

/// Empties what is only declared: what it mentions is not used at run time.
fn forget_ambient(program: &mut Program) {
    let Program::Module(module) = program else { return };
    for item in &mut module.body {
        let decl = match item {
            ModuleItem::Stmt(Stmt::Decl(decl)) => decl,
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => &mut export.decl,
            _ => continue,
        };
        match decl {
            Decl::Class(class) if class.declare => class.class.super_class = None,
            Decl::TsModule(module) if module.declare || module.global => {
                if let Some(TsNamespaceBody::TsModuleBlock(block)) = &mut module.body {
                    block.body.clear();
                }
            }
            _ => {}
        }
    }
}

/// Findings of the parser in the order of the text, each once.
fn faults(errors: Vec<Error>, parts: &Parts) -> Vec<SyntaxFault> {
    let mut faults: Vec<_> = errors
        .into_iter()
        .map(|error| {
            let (start, end) = parts.offsets(error.span());
            SyntaxFault { start, end, message: message_of(error.kind()).into() }
        })
        .collect();
    faults.sort();
    faults.dedup();
    faults
}

fn message_of(error: &SyntaxError) -> String {
    match error {
        SyntaxError::WithLabel { inner, .. } => message_of(inner.kind()),
        SyntaxError::Eof => "Unexpected end of the file".to_owned(),
        error => tidy(&error.msg()),
    }
}

/// Upper-case start, no final period.
pub(crate) fn tidy(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + characters.as_str())
}

impl Parts {
    /// Where the comments stand that may hold JSX pragmas.
    pub(crate) fn pragma_position(&self) -> BytePos {
        match &self.program {
            Program::Module(module) if module.shebang.is_some() => {
                module.body.first().map_or(module.span.lo, Spanned::span_lo)
            }
            Program::Script(script) if script.shebang.is_some() => {
                script.body.first().map_or(script.span.lo, Spanned::span_lo)
            }
            program => program.span_lo(),
        }
    }

    /// Byte offsets in the file as it lies on disk.
    pub(crate) fn offsets(&self, span: swc_core::common::Span) -> (u32, u32) {
        let base = self.file.start_pos.0;
        let last = self.file.end_pos.0.saturating_sub(base);
        let offset = |position: u32| position.saturating_sub(base).min(last) + self.mark_bytes;
        (offset(span.lo.0), offset(span.hi.0))
    }
}

/// What passes reported so far: places and messages.
pub(crate) type Reports = Arc<Mutex<Vec<(swc_core::common::Span, String)>>>;

/// Collects what passes report.
pub(crate) struct Collector(Reports);

impl Emitter for Collector {
    fn emit(&mut self, diagnostic: &mut DiagnosticBuilder<'_>) {
        let span = diagnostic.span.primary_span().unwrap_or_default();
        let message = tidy(&diagnostic.message());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((span, message));
    }
}

impl Collector {
    /// A handler for passes and the place where their findings arrive.
    pub(crate) fn handler() -> (Handler, Reports) {
        let found = Reports::default();
        (Handler::with_emitter(true, false, Box::new(Self(Arc::clone(&found)))), found)
    }
}
