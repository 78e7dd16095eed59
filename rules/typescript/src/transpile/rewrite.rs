//! Specifiers of the output: rewritten and recorded.

use swc_core::common::{Mark, SyntaxContext};
use swc_core::ecma::ast::{
    CallExpr, Callee, ExportAll, Expr, ImportDecl, Lit, ModuleDecl, ModuleItem, NamedExport, ObjectLit, Program, Prop,
    PropName, PropOrSpread, Str, TsModuleRef,
};
use swc_core::ecma::visit::{VisitMut, VisitMutWith, noop_visit_mut_type};

use super::{Fault, ImportRequire, Options, PrintedImport, Rewrite};
use crate::source::ImportKind;

/// Rewrites `import x = require("y")` in a program whose types are still there. With [`ImportRequire::Bare`] the call stays
/// visible and is rewritten with all others.
pub(super) fn import_requires(program: &mut Program, options: &Options<'_>) -> Result<Vec<PrintedImport>, Vec<Fault>> {
    let mut printed = Vec::new();
    let mut faults = Vec::new();
    let Program::Module(module) = program else { return Ok(printed) };
    for item in &mut module.body {
        let ModuleItem::ModuleDecl(ModuleDecl::TsImportEquals(import)) = item else { continue };
        let TsModuleRef::TsExternalModuleRef(reference) = &mut import.module_ref else { continue };
        if import.is_type_only {
            continue;
        }
        let specifier = reference.expr.value.to_string_lossy().into_owned();
        match options.import_require {
            ImportRequire::CreateRequire => {
                let rewritten = rewrite_literal(&mut reference.expr, &specifier, ImportKind::Require, options.rewrite);
                printed.push(PrintedImport { specifier, rewritten, kind: ImportKind::Require });
            }
            // The pass would write to `exports`, which an ES module does not have.
            ImportRequire::Bare if import.is_export => faults.push(Fault {
                code: "transpile::unsupported",
                span: import.span,
                message: "An `export import` of a module cannot be bundled".to_owned(),
                help: Some(format!("Write `export * as {} from \"{specifier}\"`", import.id.sym)),
            }),
            ImportRequire::Bare => {}
        }
    }
    if faults.is_empty() { Ok(printed) } else { Err(faults) }
}

fn rewrite_literal(literal: &mut Str, specifier: &str, kind: ImportKind, rewrite: &Rewrite<'_>) -> String {
    match rewrite(specifier, kind) {
        Some(rewritten) => {
            literal.value = rewritten.as_str().into();
            literal.raw = None;
            rewritten
        }
        None => specifier.to_owned(),
    }
}

/// Rewrites everything else, in a program that is about to be printed.
pub(super) struct Rewriting<'a> {
    rewrite: &'a Rewrite<'a>,
    unresolved: SyntaxContext,
    pub(super) printed: Vec<PrintedImport>,
}

impl<'a> Rewriting<'a> {
    pub(super) fn new(rewrite: &'a Rewrite<'a>, unresolved: Mark) -> Self {
        Self { rewrite, unresolved: SyntaxContext::empty().apply_mark(unresolved), printed: Vec::new() }
    }

    fn literal(&mut self, literal: &mut Str, kind: ImportKind) -> bool {
        let specifier = literal.value.to_string_lossy().into_owned();
        let rewritten = rewrite_literal(literal, &specifier, kind, self.rewrite);
        let left_json = specifier != rewritten && rewritten.rsplit('.').next() != Some("json");
        self.printed.push(PrintedImport { specifier, rewritten, kind });
        left_json
    }

    fn declaration(&mut self, literal: &mut Str, attributes: &mut Option<Box<ObjectLit>>, kind: ImportKind) {
        // What was JSON is a module now; an engine would refuse it under its old type.
        if self.literal(literal, kind) && attributes.as_deref().is_some_and(says_json) {
            *attributes = None;
        }
    }
}

/// `with { type: "json" }`.
fn says_json(attributes: &ObjectLit) -> bool {
    attributes.props.iter().any(|property| {
        let PropOrSpread::Prop(property) = property else { return false };
        let Prop::KeyValue(pair) = &**property else { return false };
        let is_type = match &pair.key {
            PropName::Ident(key) => key.sym == "type",
            PropName::Str(key) => key.value.as_str() == Some("type"),
            _ => false,
        };
        is_type && matches!(&*pair.value, Expr::Lit(Lit::Str(value)) if value.value.as_str() == Some("json"))
    })
}

/// `{ with: { type: "json" } }`, the second argument of `import()`.
fn import_says_json(options: &Expr) -> bool {
    let Expr::Object(options) = options else { return false };
    options.props.iter().any(|property| {
        matches!(property, PropOrSpread::Prop(property) if matches!(&**property, Prop::KeyValue(pair)
            if matches!(&*pair.value, Expr::Object(attributes) if says_json(attributes))))
    })
}

impl VisitMut for Rewriting<'_> {
    noop_visit_mut_type!();

    fn visit_mut_import_decl(&mut self, import: &mut ImportDecl) {
        self.declaration(&mut import.src, &mut import.with, ImportKind::Static);
    }

    fn visit_mut_export_all(&mut self, export: &mut ExportAll) {
        self.declaration(&mut export.src, &mut export.with, ImportKind::ExportFrom);
    }

    fn visit_mut_named_export(&mut self, export: &mut NamedExport) {
        if let Some(source) = &mut export.src {
            self.declaration(source, &mut export.with, ImportKind::ExportFrom);
        }
    }

    fn visit_mut_call_expr(&mut self, call: &mut CallExpr) {
        let kind = match &call.callee {
            Callee::Import(_) => Some(ImportKind::Dynamic),
            Callee::Expr(callee) => match &**callee {
                Expr::Ident(name) if name.sym == "require" && name.ctxt == self.unresolved => Some(ImportKind::Require),
                _ => None,
            },
            Callee::Super(_) => None,
        };
        if let (Some(kind), Some(first)) = (kind, call.args.first_mut())
            && first.spread.is_none()
        {
            if let Expr::Tpl(template) = &*first.expr
                && template.exprs.is_empty()
                && let [quasi] = template.quasis.as_slice()
                && let Some(text) = &quasi.cooked
            {
                let literal = Str { span: template.span, value: text.clone(), raw: None };
                *first.expr = Expr::Lit(Lit::Str(literal));
            }
            if let Expr::Lit(Lit::Str(literal)) = &mut *first.expr {
                let left_json = self.literal(literal, kind);
                if left_json && call.args.get(1).is_some_and(|options| import_says_json(&options.expr)) {
                    call.args.truncate(1);
                }
            }
        }
        call.visit_mut_children_with(self);
    }
}
