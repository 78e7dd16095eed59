//! What the emitter gave, read once more.
//!
//! Declarations are *complete* when they hold neither code nor a place without a type, other than where the source may not say
//! one.

use swc_core::common::{Span, Spanned};
use swc_core::ecma::ast::{
    Accessibility, AutoAccessor, Class, ClassMethod, ClassProp, Constructor, Decl, ExportDefaultExpr, Expr, Function,
    Lit, MethodKind, Module, ModuleItem, ParamOrTsParamProp, Pat, Program, Stmt, TsEnumDecl, TsModuleBlock,
    VarDeclarator,
};
use swc_core::ecma::visit::{Visit, VisitMut, VisitMutWith, VisitWith};

/// Where something is missing or left over.
pub(super) fn missing(program: &Program) -> Vec<Span> {
    let mut found = Missing(Vec::new());
    program.visit_with(&mut found);
    found.0
}

/// Removes decorators, which say nothing about types, and lets enums be what they were: their values are all known, and one that is
/// only declared could not be used under `isolatedModules` if it is constant.
pub(super) fn tidy(module: &mut Module) {
    module.visit_mut_with(&mut Tidy);
    for item in &mut module.body {
        let decl = match item {
            ModuleItem::Stmt(Stmt::Decl(decl)) => decl,
            ModuleItem::ModuleDecl(swc_core::ecma::ast::ModuleDecl::ExportDecl(export)) => &mut export.decl,
            _ => continue,
        };
        if let Decl::TsEnum(node) = decl {
            node.declare = false;
        }
    }
}

struct Missing(Vec<Span>);

impl Missing {
    fn items(&mut self, items: &[ModuleItem]) {
        for item in items {
            match item {
                ModuleItem::Stmt(Stmt::Decl(Decl::Using(_))) => self.0.push(item.span()),
                ModuleItem::Stmt(Stmt::Decl(_)) | ModuleItem::ModuleDecl(_) => {}
                ModuleItem::Stmt(_) => self.0.push(item.span()),
            }
        }
    }

    fn pattern(&mut self, pattern: &Pat) {
        let annotation = match pattern {
            Pat::Ident(pattern) => &pattern.type_ann,
            Pat::Array(pattern) => &pattern.type_ann,
            Pat::Object(pattern) => &pattern.type_ann,
            Pat::Rest(pattern) => &pattern.type_ann,
            Pat::Assign(_) | Pat::Invalid(_) | Pat::Expr(_) => &None,
        };
        if annotation.is_none() {
            self.0.push(pattern.span());
        }
    }

    fn function(&mut self, function: &Function, at: Span, returns: bool) {
        if function.body.is_some() || returns && function.return_type.is_none() {
            self.0.push(at);
        }
        function.params.iter().for_each(|parameter| self.pattern(&parameter.pat));
    }
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(Lit::Str(_) | Lit::Num(_) | Lit::BigInt(_) | Lit::Bool(_)) => true,
        Expr::Unary(unary) => matches!(*unary.arg, Expr::Lit(Lit::Num(_) | Lit::BigInt(_))),
        _ => false,
    }
}

impl Visit for Missing {
    fn visit_module(&mut self, module: &Module) {
        self.items(&module.body);
        module.visit_children_with(self);
    }

    fn visit_ts_module_block(&mut self, block: &TsModuleBlock) {
        self.items(&block.body);
        block.visit_children_with(self);
    }

    fn visit_ts_enum_decl(&mut self, node: &TsEnumDecl) {
        self.0.extend(node.members.iter().filter(|member| member.init.is_none()).map(|member| member.span));
    }

    fn visit_export_default_expr(&mut self, export: &ExportDefaultExpr) {
        if !export.expr.is_ident() {
            self.0.push(export.span);
        }
    }

    fn visit_var_declarator(&mut self, declarator: &VarDeclarator) {
        match &declarator.init {
            Some(init) if is_literal(init) => {}
            Some(init) => self.0.push(init.span()),
            None => self.pattern(&declarator.name),
        }
        declarator.visit_children_with(self);
    }

    fn visit_function(&mut self, function: &Function) {
        self.function(function, function.span, true);
        function.visit_children_with(self);
    }

    fn visit_constructor(&mut self, constructor: &Constructor) {
        if constructor.body.is_some() {
            self.0.push(constructor.span);
        }
        for parameter in &constructor.params {
            match parameter {
                ParamOrTsParamProp::Param(parameter) => self.pattern(&parameter.pat),
                ParamOrTsParamProp::TsParamProp(property) => match &property.param {
                    swc_core::ecma::ast::TsParamPropParam::Ident(name) if name.type_ann.is_some() => {}
                    _ => self.0.push(property.span),
                },
            }
        }
    }

    fn visit_class_method(&mut self, method: &ClassMethod) {
        if method.accessibility == Some(Accessibility::Private) {
            if method.function.body.is_some() {
                self.0.push(method.span);
            }
            return;
        }
        self.function(&method.function, method.span, method.kind != MethodKind::Setter);
        method.function.visit_children_with(self);
    }

    fn visit_class_prop(&mut self, property: &ClassProp) {
        let is_told = match &property.value {
            Some(value) => is_literal(value),
            None => property.type_ann.is_some() || property.accessibility == Some(Accessibility::Private),
        };
        if !is_told {
            self.0.push(property.span);
        }
        property.visit_children_with(self);
    }

    fn visit_auto_accessor(&mut self, accessor: &AutoAccessor) {
        let is_private = accessor.accessibility == Some(Accessibility::Private);
        if accessor.value.is_some() || accessor.type_ann.is_none() && !is_private {
            self.0.push(accessor.span);
        }
    }

    fn visit_class(&mut self, class: &Class) {
        if let Some(parent) = &class.super_class
            && !is_name(parent)
        {
            self.0.push(parent.span());
        }
        class.visit_children_with(self);
    }
}

/// `a` or `a.b.c`.
fn is_name(expr: &Expr) -> bool {
    match expr {
        Expr::Ident(_) | Expr::Lit(Lit::Null(_)) => true,
        Expr::Member(member) => member.prop.is_ident() && is_name(&member.obj),
        _ => false,
    }
}

struct Tidy;

impl VisitMut for Tidy {
    fn visit_mut_decorators(&mut self, decorators: &mut Vec<swc_core::ecma::ast::Decorator>) {
        decorators.clear();
    }
}
