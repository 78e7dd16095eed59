//! What a module declares, without what its bodies do.
//!
//! [`declarations`] gives the *declarations* of a TypeScript module: a text with the same exports and the same types that takes the
//! module's place for whoever imports it. It still loads every module that the source loads, as any of them may declare
//! something global. A [`Gap`] is a place whose type only inference across files could tell; a module with one has no declarations.
//! The text depends on nothing but the source and its extensions, so that it is a [`Projection`].
//!
//! The declarations are those that `isolatedDeclarations` promises: the emitter works on one file alone. Where the emitter would
//! guess what the compiler infers, `prepare` makes it report a gap, and `complete` reads what it gave once more.

mod complete;
mod expose;
mod loads;
mod prepare;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use swc_core::common::GLOBALS;
use swc_core::common::comments::CommentKind;
use swc_core::common::util::take::Take as _;
use swc_core::ecma::ast::{ModuleItem, Program};
use swc_core::ecma::codegen::text_writer::JsWriter;
use swc_core::ecma::codegen::{Config, Emitter};
use swc_core::ecma::transforms::base::fixer::paren_remover;
use swc_core::ecma::visit::VisitMutWith as _;
use swc_core::typescript::fast_dts::{FastDts, FastDtsOptions};
use webstir_engine::path::RelPath;
use webstir_engine::projection::Projection;

use crate::source::{Facts, Language, ParsedModule, Parts, tidy};

/// [`declarations`], for files that are UTF-8.
pub const DECLARATIONS: Projection = Projection { name: "declarations v1", derive };

/// A place whose type the file alone does not tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// First byte in the file.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// What is missing there: one sentence, no final period.
    pub message: Box<str>,
}

fn derive(path: &RelPath, bytes: &[u8]) -> Option<Vec<u8>> {
    declarations(path, std::str::from_utf8(bytes).ok()?).ok().map(String::into_bytes)
}

/// The declarations of a module. The gaps are sorted; there are none when the file is no TypeScript module, has none but
/// declarations as it is, or does not parse.
pub fn declarations(path: &RelPath, text: &str) -> Result<String, Vec<Gap>> {
    emitted(path, text, false).map(Option::unwrap_or_default)
}

/// What a module is to whoever checks an importer of it: its declarations, and those that it would have if importers reached no less of its
/// classes than they do. `None` where the file alone does not tell.
pub(crate) fn interface(path: &RelPath, text: &str) -> Option<String> {
    let declared = declarations(path, text).ok()?;
    let exposed = if text.contains("private") { emitted(path, text, true).ok()? } else { None };
    Some(declared + exposed.as_deref().unwrap_or_default())
}

/// The declarations of a module, or those that it has with private members [exposed](expose), if there are any.
fn emitted(path: &RelPath, text: &str, is_exposed: bool) -> Result<Option<String>, Vec<Gap>> {
    if !matches!(Language::of(path), Some(Language::TypeScript | Language::TypeScriptJsx)) {
        return Err(Vec::new());
    }
    let module = ParsedModule::parse_with_ambient(path, text).map_err(|_| Vec::new())?;
    let facts = module.facts();
    module.consume(|mut parts| {
        // The emitter is foreign code: a module that it cannot handle stands for itself.
        let work = std::panic::AssertUnwindSafe(move || {
            if is_exposed && !expose(&mut parts, text) {
                return Ok(None);
            }
            emit(parts, &facts).map(Some)
        });
        std::panic::catch_unwind(work).unwrap_or_else(|_| Err(Vec::new()))
    })
}

fn expose(parts: &mut Parts, text: &str) -> bool {
    let mut program = parts.program.take();
    let text_at = |span| {
        let (start, end) = parts.offsets(span);
        text.get(start as usize..end as usize).unwrap_or(text).to_owned()
    };
    let has_any = expose::expose(&mut program, &text_at);
    parts.program = program;
    has_any
}

fn emit(mut parts: Parts, facts: &Facts) -> Result<String, Vec<Gap>> {
    let globals = std::mem::take(&mut parts.globals);
    GLOBALS.set(&globals, || {
        let Program::Module(module) = &parts.program else { return Err(Vec::new()) };
        if !module.body.iter().any(|item| matches!(item, ModuleItem::ModuleDecl(_))) {
            // A script: all that it declares is global.
            return Err(Vec::new());
        }
        let loads = loads::of(module);
        parts.program.visit_mut_with(&mut paren_remover(None));
        if prepare::is_beyond(&parts.program) {
            return Err(Vec::new());
        }
        prepare::prepare(&mut parts.program);
        let mut emitter = FastDts::new(parts.file.name.clone(), parts.unresolved, FastDtsOptions::default());
        let issues = emitter.transform(&mut parts.program);
        let mut gaps: BTreeSet<Gap> =
            issues.into_iter().map(|issue| gap(&parts, issue.range.span, &issue.message)).collect();
        if gaps.is_empty() {
            let missing = complete::missing(&parts.program);
            gaps.extend(missing.into_iter().map(|span| gap(&parts, span, "The type is not written")));
        }
        if !gaps.is_empty() {
            return Err(gaps.into_iter().collect());
        }
        let Program::Module(module) = &mut parts.program else { return Err(Vec::new()) };
        complete::tidy(module);
        loads.restore(module);
        Ok(head(&parts, facts) + &print(&parts))
    })
}

/// A gap where the emitter reported one: `TS9007: .. with --isolatedDeclarations.`
fn gap(parts: &Parts, span: swc_core::common::Span, message: &str) -> Gap {
    let (start, end) = parts.offsets(span);
    let message = message.split_once(": ").map_or(message, |(_, message)| message);
    let message = tidy(&message.replace(" with --isolatedDeclarations", ""));
    Gap { start, end, message: message.into() }
}

/// The comments that the compiler obeys: what else to load, and whose JSX it is.
fn head(parts: &Parts, facts: &Facts) -> String {
    let mut head = String::new();
    for comment in parts.leading.get(&parts.pragma_position()).into_iter().flatten() {
        let directive = comment.text.strip_prefix('/').map(str::trim_start);
        if comment.kind == CommentKind::Line && directive.is_some_and(|text| text.starts_with("<reference")) {
            head.push_str("//");
            head.push_str(&comment.text);
            head.push('\n');
        }
    }
    if let Some(source) = facts.jsx.as_ref().and_then(|jsx| jsx.import_source.as_deref()) {
        head.push_str(&format!("/** @jsxImportSource {source} */\n"));
    }
    head
}

fn print(parts: &Parts) -> String {
    let mut code = Vec::new();
    let writer = JsWriter::new(parts.source_map.clone(), "\n", &mut code, None);
    let mut emitter = Emitter { cfg: Config::default(), cm: parts.source_map.clone(), comments: None, wr: writer };
    let written = emitter.emit_program(&parts.program);
    drop(emitter);
    let (Ok(()), Ok(code)) = (written, String::from_utf8(code)) else {
        unreachable!("the printer writes UTF-8 into memory");
    };
    code
}
