//! The globals of other interpreters that a module uses.

use swc_core::common::{Span, Spanned, SyntaxContext};
use swc_core::ecma::ast::{
    ClassDecl, Decl, Expr, FnDecl, Id, Ident, MemberExpr, MemberProp, ModuleDecl, ModuleItem, Program, Stmt,
    TsModuleDecl, TsModuleName, UnaryExpr, UnaryOp, VarDecl,
};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::Parts;

/// Names that interpreters have and the embedded engine has not.
const FOREIGN: &[&str] = &[
    "BroadcastChannel",
    "Deno",
    "EventSource",
    "MessageChannel",
    "SharedWorker",
    "WebAssembly",
    "WebSocket",
    "Worker",
    "XMLHttpRequest",
    "__dirname",
    "__filename",
    "require",
];

/// What the embedded engine has of `Bun`. It has no `version`; who asks for it reads `undefined`, as the text that database
/// modules make of a missing `SQL` does.
const BUN: &[&str] = &["CSRF", "CookieMap", "SQL", "env", "randomUUIDv7", "version"];

/// What the embedded engine lacks of the globals that `parts` uses, with its place: `WebAssembly`, `Bun.serve`. A name that is only
/// asked about (`typeof window`) is not used.
pub(crate) fn foreign_globals(parts: &Parts) -> Vec<(String, Span)> {
    let mut visitor = FreeNames {
        unresolved: SyntaxContext::empty().apply_mark(parts.unresolved),
        ambient: ambient_names(&parts.program),
        found: Vec::new(),
    };
    parts.program.visit_with(&mut visitor);
    visitor.found
}

struct FreeNames {
    unresolved: SyntaxContext,
    ambient: Vec<Id>,
    found: Vec<(String, Span)>,
}

impl FreeNames {
    fn is_free(&self, name: &Ident) -> bool {
        name.ctxt == self.unresolved || self.ambient.contains(&name.to_id())
    }
}

impl Visit for FreeNames {
    noop_visit_type!();

    fn visit_ident(&mut self, name: &Ident) {
        if FOREIGN.contains(&&*name.sym) && self.is_free(name) {
            self.found.push((name.sym.to_string(), name.span));
        }
    }

    fn visit_unary_expr(&mut self, expression: &UnaryExpr) {
        if expression.op == UnaryOp::TypeOf && matches!(&*expression.arg, Expr::Ident(_)) {
            return;
        }
        expression.visit_children_with(self);
    }

    fn visit_member_expr(&mut self, expression: &MemberExpr) {
        if let Expr::Ident(object) = &*expression.obj
            && object.sym == "Bun"
            && self.is_free(object)
        {
            let name = match &expression.prop {
                MemberProp::Ident(name) => name.sym.to_string(),
                _ => "[..]".to_owned(),
            };
            if !BUN.contains(&name.as_str()) {
                self.found.push((format!("Bun.{name}"), expression.span()));
            }
        }
        expression.visit_children_with(self);
    }

    // What is only declared is no use of it.

    fn visit_var_decl(&mut self, declaration: &VarDecl) {
        if !declaration.declare {
            declaration.visit_children_with(self);
        }
    }

    fn visit_fn_decl(&mut self, function: &FnDecl) {
        if !function.declare {
            function.visit_children_with(self);
        }
    }

    fn visit_class_decl(&mut self, class: &ClassDecl) {
        if !class.declare {
            class.visit_children_with(self);
        }
    }

    fn visit_ts_module_decl(&mut self, module: &TsModuleDecl) {
        if !module.declare {
            module.visit_children_with(self);
        }
    }
}

/// The names of which a module only says that they are there (`declare`): they are free once types are gone.
pub(crate) fn ambient_names(program: &Program) -> Vec<Id> {
    let mut names = Vec::new();
    let Program::Module(module) = program else { return names };
    for item in &module.body {
        match item {
            ModuleItem::Stmt(Stmt::Decl(decl)) => add_ambient(decl, &mut names),
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => add_ambient(&export.decl, &mut names),
            _ => {}
        }
    }
    names
}

fn add_ambient(decl: &Decl, names: &mut Vec<Id>) {
    match decl {
        Decl::Var(var) if var.declare => names.extend(find_pat_ids::<_, Id>(&var.decls)),
        Decl::Fn(function) if function.declare => names.push(function.ident.to_id()),
        Decl::Class(class) if class.declare => names.push(class.ident.to_id()),
        Decl::TsModule(module) if module.declare => {
            if let TsModuleName::Ident(name) = &module.id {
                names.push(name.to_id());
            }
        }
        _ => {}
    }
}
