//! Keeps the emitter from guessing.
//!
//! The emitter infers a type from an expression where the compiler, too, says that it can be told from the file. In a few places it
//! goes further, or infers another type. There the expression is replaced by one of which it knows nothing, so that it reports a
//! gap if the type is part of what is exported, and forgets the expression if not.

use swc_core::common::DUMMY_SP;
use swc_core::ecma::ast::{
    ArrowExpr, ArrowFunctionBody, AssignPat, Class, ClassProp, Decl, Expr, Function, FunctionBody, Lit, ModuleDecl,
    ModuleItem, Pat, Program, ReturnStmt, Stmt, ThisExpr, TsEnumDecl, TsImportEqualsDecl, TsModuleBlock, TsModuleRef,
    VarDecl, VarDeclarator,
};
use swc_core::ecma::visit::{Visit, VisitMut, VisitMutWith, VisitWith};

/// Whether the module has what its declarations would not express: an enum that is only declared, whose members have no known
/// values, a `const enum` in a namespace, which a declaration makes inaccessible under `isolatedModules`, and a name for a part
/// of a namespace (`import A = B.C`), which the emitter loses.
pub(super) fn is_beyond(program: &Program) -> bool {
    let mut found = Beyond::default();
    program.visit_with(&mut found);
    found.is_beyond
}

/// Replaces what the emitter would infer otherwise than the compiler.
pub(super) fn prepare(program: &mut Program) {
    program.visit_mut_with(&mut Prepare);
}

#[derive(Default)]
struct Beyond {
    in_namespace: bool,
    is_beyond: bool,
}

impl Visit for Beyond {
    fn visit_ts_enum_decl(&mut self, node: &TsEnumDecl) {
        self.is_beyond |= node.declare || node.is_const && self.in_namespace;
    }

    fn visit_ts_import_equals_decl(&mut self, import: &TsImportEqualsDecl) {
        self.is_beyond |= matches!(import.module_ref, TsModuleRef::TsEntityName(_));
    }

    fn visit_ts_module_block(&mut self, block: &TsModuleBlock) {
        let outside = std::mem::replace(&mut self.in_namespace, true);
        block.visit_children_with(self);
        self.in_namespace = outside;
    }
}

struct Prepare;

/// An expression of which the emitter knows no type.
fn unknown() -> Expr {
    Expr::This(ThisExpr { span: DUMMY_SP })
}

fn forget(expr: &mut Expr) {
    *expr = unknown();
}

/// `null` and `undefined`, whose type depends on `strictNullChecks`.
fn is_nothing(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(Lit::Null(_)) => true,
        Expr::Ident(name) => name.sym == "undefined",
        _ => false,
    }
}

/// The compiler takes a return type from one `return` that stands directly in the body.
fn forget_unclear_return(body: &mut FunctionBody) {
    let mut returns = Returns::default();
    body.visit_children_with(&mut returns);
    let direct = body.stmts.iter().filter(|stmt| matches!(stmt, Stmt::Return(_))).count();
    if returns.0 > 0 && (returns.0, direct) != (1, 1) {
        body.stmts = vec![Stmt::Return(ReturnStmt { span: DUMMY_SP, arg: Some(Box::new(unknown())) })];
    }
}

#[derive(Default)]
struct Returns(usize);

impl Visit for Returns {
    fn visit_function(&mut self, _: &Function) {}

    fn visit_arrow_expr(&mut self, _: &ArrowExpr) {}

    fn visit_class(&mut self, _: &Class) {}

    fn visit_return_stmt(&mut self, _: &ReturnStmt) {
        self.0 += 1;
    }
}

impl VisitMut for Prepare {
    fn visit_mut_module_items(&mut self, items: &mut Vec<ModuleItem>) {
        // The emitter takes or leaves the variables of one statement together.
        let mut split = Vec::with_capacity(items.len());
        for item in items.drain(..) {
            match item {
                ModuleItem::Stmt(Stmt::Decl(Decl::Var(var))) if var.decls.len() > 1 => {
                    let VarDecl { span, ctxt, kind, declare, decls } = *var;
                    split.extend(decls.into_iter().map(|declarator| {
                        let alone = VarDecl { span, ctxt, kind, declare, decls: vec![declarator] };
                        ModuleItem::Stmt(Stmt::Decl(Decl::Var(Box::new(alone))))
                    }));
                }
                item => split.push(item),
            }
        }
        *items = split;
        items.visit_mut_children_with(self);
    }

    fn visit_mut_expr(&mut self, expr: &mut Expr) {
        // The type that is to be satisfied takes part in the inference.
        if matches!(expr, Expr::TsSatisfies(_)) {
            forget(expr);
        }
        expr.visit_mut_children_with(self);
    }

    fn visit_mut_module_decl(&mut self, item: &mut ModuleDecl) {
        let exported = match item {
            ModuleDecl::ExportDefaultExpr(export) => Some(&mut export.expr),
            ModuleDecl::TsExportAssignment(export) => Some(&mut export.expr),
            _ => None,
        };
        // A literal keeps its own type.
        if let Some(expr) = exported
            && matches!(**expr, Expr::Lit(_) | Expr::Tpl(_) | Expr::Unary(_))
        {
            let span = swc_core::common::Spanned::span(&**expr);
            **expr = Expr::This(ThisExpr { span });
        }
        item.visit_mut_children_with(self);
    }

    fn visit_mut_var_declarator(&mut self, declarator: &mut VarDeclarator) {
        if let (Pat::Ident(name), Some(init)) = (&declarator.name, &mut declarator.init)
            && name.type_ann.is_none()
            && is_nothing(init)
        {
            forget(init);
        }
        declarator.visit_mut_children_with(self);
    }

    fn visit_mut_assign_pat(&mut self, pattern: &mut AssignPat) {
        if is_nothing(&pattern.right) {
            forget(&mut pattern.right);
        }
        pattern.visit_mut_children_with(self);
    }

    fn visit_mut_class_prop(&mut self, property: &mut ClassProp) {
        // `readonly` keeps the type of a literal, not of what an object literal holds.
        if let Some(value) = &mut property.value
            && property.type_ann.is_none()
            && (is_nothing(value) || property.readonly && matches!(**value, Expr::Object(_) | Expr::Array(_)))
        {
            forget(value);
        }
        property.visit_mut_children_with(self);
    }

    fn visit_mut_function(&mut self, function: &mut Function) {
        if let (None, Some(body)) = (&function.return_type, &mut function.body) {
            forget_unclear_return(body);
        }
        function.visit_mut_children_with(self);
    }

    fn visit_mut_arrow_expr(&mut self, arrow: &mut ArrowExpr) {
        if let (None, ArrowFunctionBody::FunctionBody(body)) = (&arrow.return_type, &mut *arrow.body) {
            forget_unclear_return(body);
        }
        arrow.visit_mut_children_with(self);
    }
}
