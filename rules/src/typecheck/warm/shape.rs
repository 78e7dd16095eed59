//! What a file is to the other files of a program.
//!
//! A [`Shape`] follows from the text of one file. Files with equal [interfaces](Shape::interface) are the same to whoever imports
//! them: the interface is the text without comments and without the [bodies] that decide nothing.

use std::collections::BTreeSet;

use swc_core::common::GLOBALS;
use swc_core::ecma::ast::{
    CallExpr, Callee, ExportAll, Expr, ExprOrSpread, ImportDecl, Lit, Module, ModuleItem, NamedExport, Program,
    TsExternalModuleRef, TsImportType, TsModuleDecl, TsModuleName, TsNamespaceExportDecl,
};
use swc_core::ecma::visit::{Visit, VisitWith};
use webstir_engine::digest::{Digest, KeyHasher};
use webstir_engine::path::RelPath;

use super::bodies::bodies;
use crate::source::{Language, ParsedModule, Parts};

/// What a file is to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// Equal when the file is the same to its importers.
    pub(super) interface: Digest,
    /// Whether it may declare something that others see without importing it.
    pub(super) is_global: bool,
    /// Whether it has JSX by its name, and imports what that needs.
    pub(super) has_jsx: bool,
    /// What it imports; `None` when it may be anything.
    pub(super) imports: Option<BTreeSet<Box<str>>>,
}

impl Shape {
    /// The shape of the file at `path`.
    pub(super) fn of(path: &RelPath, text: &str) -> Self {
        let whole = KeyHasher::new("webstir whole interface v1").text(text).finish();
        let opaque = Self { interface: whole, is_global: true, has_jsx: false, imports: None };
        match Language::of(path) {
            Some(Language::Json) => return Self { is_global: false, imports: Some(BTreeSet::new()), ..opaque },
            Some(language) if language.is_typescript() => {}
            // What a script exports and declares is found in its bodies too.
            _ => return opaque,
        }
        let Ok(module) = ParsedModule::parse_with_ambient(path, text) else { return opaque };
        // Whose JSX it is may be said in a comment.
        let is_told = !text.contains("@jsxImportSource");
        let has_jsx = Language::of(path).is_some_and(Language::has_jsx);
        module.consume(|parts| {
            let mut found = Found::default();
            parts.program.visit_with(&mut found);
            let is_script = match &parts.program {
                Program::Module(Module { body, .. }) => {
                    !body.iter().any(|item| matches!(item, ModuleItem::ModuleDecl(_)))
                }
                Program::Script(_) => true,
            };
            Self {
                // What makes a script a module may stand in a body.
                interface: if is_script { whole } else { interface(&parts, text) },
                is_global: is_script || found.is_global,
                has_jsx,
                imports: is_told.then_some(found.specifiers),
            }
        })
    }
}

#[derive(Default)]
struct Found {
    specifiers: BTreeSet<Box<str>>,
    is_global: bool,
}

impl Found {
    fn specifier(&mut self, specifier: &swc_core::ecma::ast::Str) {
        self.specifiers.insert(specifier.value.to_string_lossy().into());
    }

    fn argument(&mut self, argument: Option<&ExprOrSpread>) {
        match argument.map(|argument| &*argument.expr) {
            Some(Expr::Lit(Lit::Str(literal))) => self.specifier(literal),
            Some(Expr::Tpl(template)) if template.exprs.is_empty() => {
                let cooked = template.quasis.iter().filter_map(|part| part.cooked.as_ref());
                self.specifiers.extend(cooked.map(|text| text.to_string_lossy().into()));
            }
            _ => {}
        }
    }
}

impl Visit for Found {
    fn visit_import_decl(&mut self, import: &ImportDecl) {
        self.specifier(&import.src);
    }

    fn visit_export_all(&mut self, export: &ExportAll) {
        self.specifier(&export.src);
    }

    fn visit_named_export(&mut self, export: &NamedExport) {
        if let Some(source) = &export.src {
            self.specifier(source);
        }
    }

    fn visit_ts_external_module_ref(&mut self, reference: &TsExternalModuleRef) {
        self.specifier(&reference.expr);
    }

    fn visit_ts_import_type(&mut self, import: &TsImportType) {
        self.specifier(&import.arg);
        import.visit_children_with(self);
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        let is_request = match &call.callee {
            Callee::Import(_) => true,
            Callee::Expr(callee) => callee.as_ident().is_some_and(|name| name.sym == "require"),
            Callee::Super(_) => false,
        };
        if is_request {
            self.argument(call.args.first());
        }
        call.visit_children_with(self);
    }

    fn visit_ts_module_decl(&mut self, module: &TsModuleDecl) {
        self.is_global |= module.global || matches!(module.id, TsModuleName::Str(_));
        module.visit_children_with(self);
    }

    fn visit_ts_namespace_export_decl(&mut self, _: &TsNamespaceExportDecl) {
        self.is_global = true;
    }
}

/// The digest of the text without what others do not see.
fn interface(parts: &Parts, text: &str) -> Digest {
    let mut bodies = GLOBALS.set(&parts.globals, || bodies(parts)).into_iter().peekable();
    let mut gaps: Vec<_> = comments(parts, text).into_iter().map(|place| Gap::of(text, place)).collect();
    gaps.sort_unstable_by_key(|gap| gap.start);
    let mut gaps = gaps.into_iter().peekable();
    let mut hasher = KeyHasher::new("webstir interface v1");
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    loop {
        let body = bodies.peek().map(|body| body.start as usize);
        let gap = gaps.peek().map(|gap| gap.start);
        let Some(next) = body.into_iter().chain(gap).min() else { break };
        if body == Some(next) {
            let Some(body) = bodies.next() else { break };
            kept.push_str(text.get(at..next).unwrap_or_default());
            hasher.text(&kept).number(u64::from(body.marks.own_this)).number(u64::from(body.marks.any_this));
            kept.clear();
            hasher.number(body.marks.assigned.len() as u64);
            for name in &body.marks.assigned {
                hasher.text(name);
            }
            at = at.max(body.end as usize);
        } else if let Some(gap) = gaps.next().filter(|gap| gap.end > at) {
            kept.push_str(text.get(at..gap.start).unwrap_or_default());
            kept.push_str(gap.instead);
            at = gap.end;
        }
    }
    kept.push_str(text.get(at..).unwrap_or_default());
    hasher.text(&kept).finish()
}

/// The comments to which the compiler pays no attention.
fn comments(parts: &Parts, text: &str) -> Vec<(usize, usize)> {
    let all = parts.leading.values().chain(parts.trailing.values()).flatten();
    let places = all.map(|comment| parts.offsets(comment.span)).map(|(start, end)| (start as usize, end as usize));
    let is_idle = |&(start, end): &(usize, usize)| {
        text.get(start..end).is_some_and(|text| !text.starts_with("///") && !text.contains('@'))
    };
    places.filter(is_idle).collect()
}

/// A comment that is left out, with the white space around it that means nothing without it.
struct Gap {
    start: usize,
    end: usize,
    /// What keeps its neighbours apart.
    instead: &'static str,
}

impl Gap {
    fn of(text: &str, (start, end): (usize, usize)) -> Self {
        let is_space = |character: char| matches!(character, ' ' | '\t');
        let before = text[..start].trim_end_matches(is_space);
        let after = text[end..].trim_start_matches(is_space);
        let begins_line = before.is_empty() || before.ends_with('\n');
        if begins_line && let Some(rest) = after.strip_prefix('\n').or_else(|| after.strip_prefix("\r\n")) {
            // With its whole line.
            return Self { start: before.len(), end: text.len() - rest.len(), instead: "" };
        }
        if after.is_empty() || after.starts_with(['\r', '\n']) {
            return Self { start: before.len(), end, instead: "" };
        }
        // The end of a line may end a statement.
        Self { start, end, instead: if text[start..end].contains('\n') { "\u{1}" } else { "\u{0}" } }
    }
}
