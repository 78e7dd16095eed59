//! Enum members whose values another module tells.
//!
//! TypeScript knows the value of `Range.Client` in another file, the pass does not. What follows from it is computed when the module
//! runs: the value of the next member, and whether there is a way back from the value to the name, which a text has not.

use rustc_hash::FxHashSet;
use swc_core::atoms::Atom;
use swc_core::common::DUMMY_SP;
use swc_core::ecma::ast::{
    AssignExpr, AssignOp, AssignTarget, BinExpr, BinaryOp, ComputedPropName, Expr, Ident, Lit, MemberExpr, MemberProp,
    Program, SimpleAssignTarget, Str, TsEnumDecl, TsEnumMember, TsEnumMemberId, UnaryExpr, UnaryOp,
};
use swc_core::ecma::visit::{VisitMut, VisitMutWith, noop_visit_mut_type};

/// Members by the names of enum and member, in any scope.
#[derive(Default)]
pub(super) struct Open(FxHashSet<(Atom, Atom)>);

/// Gives a value to each member that follows one of an unknown value; to be called while the enums are there.
pub(super) fn prepare(program: &mut Program) -> Open {
    let mut open = Open::default();
    program.visit_mut_with(&mut Prepare(&mut open));
    open
}

/// Leaves out the way back where the value is a text; to be called when the enums are functions.
pub(super) fn amend(program: &mut Program, open: &Open) {
    if !open.0.is_empty() {
        program.visit_mut_with(&mut Amend(open));
    }
}

fn name(member: &TsEnumMember) -> Option<Atom> {
    match &member.id {
        TsEnumMemberId::Ident(id) => Some(id.sym.clone()),
        TsEnumMemberId::Str(text) => text.value.as_atom().cloned(),
    }
}

fn member_of(object: &Ident, name: &Atom) -> MemberExpr {
    let name = Str { span: DUMMY_SP, value: name.clone().into(), raw: None };
    let prop = ComputedPropName { span: DUMMY_SP, expr: Box::new(Expr::Lit(Lit::Str(name))) };
    MemberExpr { span: DUMMY_SP, obj: Box::new(object.clone().into()), prop: MemberProp::Computed(prop) }
}

/// Whether the file alone tells the value.
fn is_known(expr: &Expr, known: &FxHashSet<Atom>, own: &Ident) -> bool {
    match expr {
        Expr::Lit(Lit::Str(_) | Lit::Num(_)) => true,
        Expr::Unary(unary) => is_known(&unary.arg, known, own),
        Expr::Bin(binary) => is_known(&binary.left, known, own) && is_known(&binary.right, known, own),
        Expr::Paren(inner) => is_known(&inner.expr, known, own),
        Expr::Tpl(template) => template.exprs.iter().all(|expr| is_known(expr, known, own)),
        Expr::Ident(name) => known.contains(&name.sym) || matches!(&*name.sym, "NaN" | "Infinity"),
        Expr::Member(MemberExpr { obj, prop, .. }) => {
            let property = match prop {
                MemberProp::Ident(name) => Some(&name.sym),
                MemberProp::Computed(name) => match &*name.expr {
                    Expr::Lit(Lit::Str(text)) => text.value.as_atom(),
                    _ => None,
                },
                MemberProp::PrivateName(_) => None,
            };
            obj.as_ident().is_some_and(|object| object.to_id() == own.to_id())
                && property.is_some_and(|name| known.contains(name))
        }
        _ => false,
    }
}

/// Whether TypeScript computes such an expression when it compiles; what it does not compute is a number.
fn is_computed(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) | Expr::Ident(_) => true,
        Expr::Unary(unary) => is_computed(&unary.arg),
        Expr::Bin(binary) => is_computed(&binary.left) && is_computed(&binary.right),
        Expr::Paren(inner) => is_computed(&inner.expr),
        Expr::Tpl(template) => template.exprs.iter().all(|expr| is_computed(expr)),
        Expr::Member(member) => is_computed(&member.obj),
        _ => false,
    }
}

struct Prepare<'a>(&'a mut Open);

impl VisitMut for Prepare<'_> {
    fn visit_mut_ts_enum_decl(&mut self, declaration: &mut TsEnumDecl) {
        declaration.visit_mut_children_with(self);
        let own = declaration.id.clone();
        let mut known = FxHashSet::default();
        // The member before, when its value is unknown.
        let mut before: Option<Atom> = None;
        for member in &mut declaration.members {
            let Some(name) = name(member) else { continue };
            match (&mut member.init, &before) {
                (Some(value), _) if is_known(value, &known, &own) => before = None,
                (Some(value), _) => {
                    if is_computed(value) {
                        self.0.0.insert((own.sym.clone(), name.clone()));
                    }
                    before = Some(name.clone());
                }
                (init @ None, Some(last)) => {
                    *init = Some(Box::new(Expr::Bin(BinExpr {
                        span: DUMMY_SP,
                        op: BinaryOp::Add,
                        left: Box::new(Expr::Member(member_of(&own, last))),
                        right: Box::new(1.0.into()),
                    })));
                    before = Some(name.clone());
                }
                (None, None) => {}
            }
            if before.is_none() {
                known.insert(name);
            }
        }
    }
}

struct Amend<'a>(&'a Open);

impl VisitMut for Amend<'_> {
    noop_visit_mut_type!();

    // `E[E["A"] = value] = "A"`
    fn visit_mut_expr(&mut self, expr: &mut Expr) {
        expr.visit_mut_children_with(self);
        let Some((object, name)) = assigned_back(expr, self.0) else { return };
        let Expr::Assign(AssignExpr { left: AssignTarget::Simple(SimpleAssignTarget::Member(target)), .. }) = expr
        else {
            return;
        };
        let MemberProp::Computed(forth) = &mut target.prop else { return };
        let forth = std::mem::replace(&mut *forth.expr, Expr::Member(member_of(&object, &name)));
        let back = std::mem::replace(expr, Expr::Lit(Lit::Num(0.0.into())));
        let kind = Expr::Unary(UnaryExpr { span: DUMMY_SP, op: UnaryOp::TypeOf, arg: Box::new(forth) });
        let text = Str { span: DUMMY_SP, value: "string".into(), raw: None };
        let is_text = Expr::Bin(BinExpr {
            span: DUMMY_SP,
            op: BinaryOp::EqEqEq,
            left: Box::new(kind),
            right: Box::new(Expr::Lit(Lit::Str(text))),
        });
        *expr = Expr::Bin(BinExpr {
            span: DUMMY_SP,
            op: BinaryOp::LogicalOr,
            left: Box::new(is_text),
            right: Box::new(back),
        });
    }
}

/// The object and the name of an open member that `expr` assigns with the way back.
fn assigned_back(expr: &Expr, open: &Open) -> Option<(Ident, Atom)> {
    let Expr::Assign(AssignExpr { op: AssignOp::Assign, left, right, .. }) = expr else { return None };
    let AssignTarget::Simple(SimpleAssignTarget::Member(outer)) = left else { return None };
    let MemberProp::Computed(key) = &outer.prop else { return None };
    let Expr::Assign(AssignExpr { op: AssignOp::Assign, left, .. }) = &*key.expr else { return None };
    let AssignTarget::Simple(SimpleAssignTarget::Member(inner)) = left else { return None };
    let MemberProp::Computed(name) = &inner.prop else { return None };
    let (Expr::Lit(Lit::Str(name)), Expr::Lit(Lit::Str(back))) = (&*name.expr, &**right) else { return None };
    let (object, again) = (outer.obj.as_ident()?, inner.obj.as_ident()?);
    let name = name.value.as_atom()?;
    let is_open = open.0.contains(&(object.sym.clone(), name.clone()));
    (is_open && object.to_id() == again.to_id() && back.value.as_atom() == Some(name))
        .then(|| (object.clone(), name.clone()))
}
