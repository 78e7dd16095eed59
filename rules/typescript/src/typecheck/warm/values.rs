//! Initial values beside a written type.
//!
//! Such a value is checked against the type and is not part of it, with two exceptions. Where the type may be a union, what is read of
//! the variable further down has the type of the value: [`Read`] finds the names that are read. And a value may [do something](acts)
//! to other variables on its way.

use rustc_hash::FxHashSet;
use swc_core::atoms::Atom;
use swc_core::common::{Span, Spanned};
use swc_core::ecma::ast::{
    ArrowExpr, AssignExpr, AwaitExpr, BindingIdent, CallExpr, Callee, Constructor, ExportDefaultExpr,
    ExportNamedSpecifier, Expr, Function, FunctionBody, GetterProp, Ident, MemberProp, OptCall, Program, SeqExpr,
    SetterProp, StaticBlock, TsExportAssignment, TsMethodSignature, TsPropertySignature, UnaryExpr, UnaryOp,
    UpdateExpr, YieldExpr,
};
use swc_core::ecma::visit::{Visit, VisitWith};

/// The expression inside of parentheses and assertions.
pub(super) fn bare(expression: &Expr) -> &Expr {
    match expression {
        Expr::Paren(outer) => bare(&outer.expr),
        Expr::TsAs(outer) => bare(&outer.expr),
        Expr::TsConstAssertion(outer) => bare(&outer.expr),
        Expr::TsInstantiation(outer) => bare(&outer.expr),
        Expr::TsNonNull(outer) => bare(&outer.expr),
        Expr::TsSatisfies(outer) => bare(&outer.expr),
        Expr::TsTypeAssertion(outer) => bare(&outer.expr),
        _ => expression,
    }
}

/// The function that is called where it stands: what it does is done there, and nowhere else.
pub(super) fn invoked(callee: &Expr) -> Option<Span> {
    match bare(callee) {
        Expr::Fn(function) => Some(function.function.span),
        Expr::Arrow(arrow) => Some(arrow.span),
        _ => None,
    }
}

/// Whether evaluating the expression may change what is known of variables behind it, or whether that is reached.
pub(super) fn acts(expression: &Expr) -> bool {
    let mut acts = Acts(false);
    expression.visit_with(&mut acts);
    acts.0
}

struct Acts(bool);

impl Acts {
    fn callee(&mut self, callee: &Expr) {
        self.0 |= invoked(callee).is_some();
        // An array that is declared empty has the type of what is put into it.
        let member = match bare(callee) {
            Expr::Member(member) => Some(member),
            Expr::OptChain(chain) => chain.base.as_member(),
            _ => None,
        };
        if let Some(MemberProp::Ident(name)) = member.map(|member| &member.prop) {
            self.0 |= matches!(&*name.sym, "push" | "unshift");
        }
    }
}

impl Visit for Acts {
    fn visit_assign_expr(&mut self, _: &AssignExpr) {
        self.0 = true;
    }

    fn visit_update_expr(&mut self, _: &UpdateExpr) {
        self.0 = true;
    }

    fn visit_unary_expr(&mut self, unary: &UnaryExpr) {
        self.0 |= unary.op == UnaryOp::Delete;
        unary.visit_children_with(self);
    }

    /// A call before a comma may assert something.
    fn visit_seq_expr(&mut self, _: &SeqExpr) {
        self.0 = true;
    }

    fn visit_await_expr(&mut self, _: &AwaitExpr) {
        self.0 = true;
    }

    fn visit_yield_expr(&mut self, _: &YieldExpr) {
        self.0 = true;
    }

    fn visit_static_block(&mut self, _: &StaticBlock) {
        self.0 = true;
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        if let Callee::Expr(callee) = &call.callee {
            self.callee(callee);
        }
        call.visit_children_with(self);
    }

    fn visit_opt_call(&mut self, call: &OptCall) {
        self.callee(&call.callee);
        call.visit_children_with(self);
    }

    // What is called elsewhere, or later.
    fn visit_function(&mut self, _: &Function) {}
    fn visit_constructor(&mut self, _: &Constructor) {}
    fn visit_arrow_expr(&mut self, _: &ArrowExpr) {}

    fn visit_getter_prop(&mut self, getter: &GetterProp) {
        getter.key.visit_with(self);
    }

    fn visit_setter_prop(&mut self, setter: &SetterProp) {
        setter.key.visit_with(self);
    }
}

/// Names that a module reads.
pub(super) struct Read<'a> {
    /// What does not count.
    without: &'a FxHashSet<Span>,
    names: FxHashSet<Atom>,
}

impl<'a> Read<'a> {
    /// The names that are read outside of these bodies and values; more may be said to be. A name that is exported is not read by that.
    pub(super) fn of(program: &Program, without: &'a FxHashSet<Span>) -> FxHashSet<Atom> {
        let mut read = Self { without, names: FxHashSet::default() };
        program.visit_with(&mut read);
        read.names
    }
}

impl Visit for Read<'_> {
    fn visit_ident(&mut self, name: &Ident) {
        self.names.insert(name.sym.clone());
    }

    fn visit_expr(&mut self, expression: &Expr) {
        if !self.without.contains(&expression.span()) {
            expression.visit_children_with(self);
        }
    }

    fn visit_function_body(&mut self, body: &FunctionBody) {
        if !self.without.contains(&body.span) {
            body.visit_children_with(self);
        }
    }

    fn visit_binding_ident(&mut self, binding: &BindingIdent) {
        binding.type_ann.visit_with(self);
    }

    fn visit_export_named_specifier(&mut self, _: &ExportNamedSpecifier) {}

    fn visit_export_default_expr(&mut self, export: &ExportDefaultExpr) {
        if !export.expr.is_ident() {
            export.visit_children_with(self);
        }
    }

    fn visit_ts_export_assignment(&mut self, export: &TsExportAssignment) {
        if !export.expr.is_ident() {
            export.visit_children_with(self);
        }
    }

    fn visit_ts_property_signature(&mut self, property: &TsPropertySignature) {
        if property.computed {
            property.key.visit_with(self);
        }
        property.type_ann.visit_with(self);
    }

    fn visit_ts_method_signature(&mut self, method: &TsMethodSignature) {
        if method.computed {
            method.key.visit_with(self);
        }
        method.params.visit_with(self);
        method.type_ann.visit_with(self);
        method.type_params.visit_with(self);
    }
}

#[cfg(test)]
mod tests {
    use webstir_engine::path::RelPath;

    use super::super::shape::Shape;

    /// Whether an importer sees a difference.
    fn differ(before: &str, after: &str) -> bool {
        let interface = |text: &str| Shape::of(&RelPath::new("a.ts").unwrap(), text).interface;
        interface(before) != interface(after)
    }

    #[test]
    fn values_that_no_importer_sees() {
        for (before, after) in [
            ("export const a: string[] = b().map(c)", "export const a: string[] = []"),
            ("export let a: A = 1, b: B = a;", "export let a: A = f(() => x()), b: B = 2;"),
            ("export namespace N { export const a: A = 1 }", "export namespace N { export const a: A = 2 }"),
            (
                "export const a: A = 1; export { a as b }; export default a;",
                "export const a: A = 2; export { a as b }; export default a;",
            ),
            ("export const a: number = 1; export const b = a;", "export const a: number = 2; export const b = a;"),
            (
                "interface I { a: I } export const a: I = 1; export const b = a;",
                "interface I { a: I } export const a: I = 2; export const b = a;",
            ),
            ("const a: A = 1; export function f(): void { a }", "const a: A = 2; export function f(): void {}"),
            ("const a: A = 1; export const b: B = a;", "const a: A = 2; export const b: B = 1;"),
            (
                "export class A { a: A = 1; static #b: B = 1; accessor c: C = 1 }",
                "export class A { a: A = 2; static #b: B = 2; accessor c: C = 2 }",
            ),
            ("export function f(a: A = 1): void {}", "export function f(a: A = 2): void {}"),
            (
                "export class A { constructor(private a: A = 1) {} }",
                "export class A { constructor(private a: A = 2) {} }",
            ),
            ("export const f: F = () => { import('a') }", "export const f: F = function* () { yield class { a = 1 } }"),
            ("export enum E { A = a } const a: number = 1;", "export enum E { A = a } const a: number = 2;"),
        ] {
            assert!(!differ(before, after), "{before}");
        }
    }

    #[test]
    fn values_that_an_importer_may_see() {
        for (before, after) in [
            // What is known of a variable is known better from its value.
            ("export const a: A = 1; export const b = a;", "export const a: A = 2; export const b = a;"),
            (
                "export const a: 1 | 2 = 1; export type B = typeof a;",
                "export const a: 1 | 2 = 2; export type B = typeof a;",
            ),
            ("const a: A = 1; export const f = () => a;", "const a: A = 2; export const f = () => a;"),
            (
                "const a: A = 1; const b: B = a; export const c = { b };",
                "const a: A = 2; const b: B = a; export const c = { b };",
            ),
            ("const a: A = 1; export default (a);", "const a: A = 2; export default (a);"),
            (
                "namespace N { const a: A = 1; export const b = a }",
                "namespace N { const a: A = 2; export const b = a }",
            ),
            ("export function f(a: A = 1) { return a }", "export function f(a: A = 2) { return a }"),
            (
                "type I = 1 | 2; { interface I {} } const a: I = 1; export const b = a;",
                "type I = 1 | 2; { interface I {} } const a: I = 2; export const b = a;",
            ),
            // Values that do something to other variables, or to what follows.
            ("const b: number = (a = 1, 1); export const c = a;", "const b: number = (a = '', 1); export const c = a;"),
            ("const b: number = a++; export const c = a;", "const b: number = a; export const c = a;"),
            (
                "const a = []; const b: number = a.push(1); export const c = a;",
                "const a = []; const b: number = a.push(''); export const c = a;",
            ),
            (
                "const a = []; const b: number | void = a?.push(1); export const c = a;",
                "const a = []; const b: number | void = a?.push(''); export const c = a;",
            ),
            (
                "const b: number = (() => { throw 1 })(); export const c = a;",
                "const b: number = (() => { return 1 })(); export const c = a;",
            ),
            (
                "const b: object = class { static { a = 1 } }; export const c = a;",
                "const b: object = class { static { a = '' } }; export const c = a;",
            ),
            ("const b: boolean = delete a.b; export const c = a;", "const b: boolean = true; export const c = a;"),
            // So does the body of a function that is called where it stands.
            (
                "(function (): void { a = 1 })(); export const c = a;",
                "(function (): void { a = '' })(); export const c = a;",
            ),
            (
                "((): void => { throw 1 })?.(); export const c = a;",
                "((): void => { throw 2 })?.(); export const c = a;",
            ),
            // What has no type, or has it from its value.
            ("export const { a }: A = 1;", "export const { a }: A = 2;"),
            ("export function f({ a }: A = 1) { return a }", "export function f({ a }: A = 2) { return a }"),
            ("export const a: unique symbol = Symbol(1);", "export const a: unique symbol = Symbol(2);"),
            ("export const a = <A>1;", "export const a = <A>2;"),
            ("export class A { a = 1 }", "export class A { a = 2 }"),
            ("const a = 1; enum E { A = a }", "const a = 2; enum E { A = a }"),
            ("export let a: A;", "export let a: A = 1;"),
            ("export function f(a: A): void {}", "export function f(a: A = 1): void {}"),
            ("export const f: F = () => {}; f.a = 1;", "export const f: F = function () {}; f.a = 1;"),
            (
                "export function f() {} const a: A = () => { f.b = 1 };",
                "export function f() {} const a: A = () => { f.b = '' };",
            ),
        ] {
            assert!(differ(before, after), "{before}");
        }
    }
}
