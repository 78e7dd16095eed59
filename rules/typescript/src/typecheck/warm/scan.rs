//! What a body or a value declares and uses.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;
use swc_core::ecma::ast::{
    AssignExpr, AssignTarget, Class, Expr, FnDecl, ForHead, ForInStmt, ForOfStmt, Function, Id, Ident, MetaPropExpr,
    Pat, SimpleAssignTarget, Super, ThisExpr, TsThisType, TsThisTypeOrIdent, TsTypePredicate, UpdateExpr,
};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitWith};

/// What a body declares.
#[derive(Default)]
pub(super) struct Declared(pub(super) FxHashSet<Id>);

impl Visit for Declared {
    fn visit_pat(&mut self, pattern: &Pat) {
        self.0.extend(find_pat_ids::<_, Id>(pattern));
        pattern.visit_children_with(self);
    }

    fn visit_fn_decl(&mut self, declaration: &FnDecl) {
        self.0.insert(declaration.ident.to_id());
        declaration.visit_children_with(self);
    }

    fn visit_assign_target(&mut self, target: &AssignTarget) {
        // A pattern that is assigned to declares nothing.
        if let AssignTarget::Simple(target) = target {
            target.visit_children_with(self);
        }
    }

    fn visit_for_head(&mut self, head: &ForHead) {
        if let ForHead::VarDecl(_) | ForHead::UsingDecl(_) = head {
            head.visit_children_with(self);
        }
    }
}

/// What a body uses.
#[derive(Default)]
pub(super) struct Scan {
    depth: u32,
    /// Whether `this` of the body itself is used, or `super`, `arguments` or `new.target`.
    pub(super) own_this: bool,
    /// Whether any `this` is used.
    pub(super) any_this: bool,
    /// Variables that are assigned to.
    pub(super) assigned: BTreeSet<Id>,
    /// Variables to whose properties something is assigned.
    pub(super) extended: BTreeSet<Id>,
}

impl Scan {
    fn this(&mut self) {
        self.any_this = true;
        self.own_this |= self.depth == 0;
    }

    fn inside(&mut self, visit: impl FnOnce(&mut Self)) {
        self.depth += 1;
        visit(self);
        self.depth -= 1;
    }

    fn assign(&mut self, target: &Expr) {
        match target {
            Expr::Ident(name) => drop(self.assigned.insert(name.to_id())),
            Expr::Member(member) => self.extend(&member.obj),
            Expr::Paren(inner) => self.assign(&inner.expr),
            Expr::TsAs(inner) => self.assign(&inner.expr),
            Expr::TsNonNull(inner) => self.assign(&inner.expr),
            Expr::TsSatisfies(inner) => self.assign(&inner.expr),
            Expr::TsTypeAssertion(inner) => self.assign(&inner.expr),
            _ => {}
        }
    }

    fn extend(&mut self, object: &Expr) {
        match object {
            Expr::Ident(name) => drop(self.extended.insert(name.to_id())),
            Expr::Member(member) => self.extend(&member.obj),
            Expr::Paren(inner) => self.extend(&inner.expr),
            Expr::TsAs(inner) => self.extend(&inner.expr),
            Expr::TsNonNull(inner) => self.extend(&inner.expr),
            _ => {}
        }
    }

    fn pattern(&mut self, pattern: &Pat) {
        self.assigned.extend(find_pat_ids::<_, Id>(pattern));
        Targets(self).visit_pat(pattern);
    }
}

/// The expressions among the targets of a pattern.
struct Targets<'a>(&'a mut Scan);

impl Visit for Targets<'_> {
    fn visit_pat(&mut self, pattern: &Pat) {
        if let Pat::Expr(target) = pattern {
            self.0.assign(target);
        }
        pattern.visit_children_with(self);
    }
}

impl Visit for Scan {
    fn visit_this_expr(&mut self, _: &ThisExpr) {
        self.this();
    }

    fn visit_ts_this_type(&mut self, _: &TsThisType) {
        self.this();
    }

    fn visit_ts_type_predicate(&mut self, predicate: &TsTypePredicate) {
        if matches!(predicate.param_name, TsThisTypeOrIdent::TsThisType(_)) {
            self.this();
        }
        predicate.visit_children_with(self);
    }

    fn visit_super(&mut self, _: &Super) {
        self.this();
    }

    fn visit_meta_prop_expr(&mut self, _: &MetaPropExpr) {
        self.this();
    }

    fn visit_ident(&mut self, name: &Ident) {
        if matches!(&*name.sym, "arguments" | "this") {
            self.this();
        }
    }

    fn visit_function(&mut self, function: &Function) {
        self.inside(|this| function.visit_children_with(this));
    }

    fn visit_class(&mut self, class: &Class) {
        self.inside(|this| class.visit_children_with(this));
    }

    fn visit_assign_expr(&mut self, assignment: &AssignExpr) {
        match &assignment.left {
            AssignTarget::Simple(SimpleAssignTarget::Ident(name)) => drop(self.assigned.insert(name.to_id())),
            AssignTarget::Simple(SimpleAssignTarget::Member(member)) => self.extend(&member.obj),
            AssignTarget::Simple(SimpleAssignTarget::Paren(inner)) => self.assign(&inner.expr),
            AssignTarget::Simple(SimpleAssignTarget::TsAs(inner)) => self.assign(&inner.expr),
            AssignTarget::Simple(SimpleAssignTarget::TsNonNull(inner)) => self.assign(&inner.expr),
            AssignTarget::Simple(SimpleAssignTarget::TsSatisfies(inner)) => self.assign(&inner.expr),
            AssignTarget::Simple(SimpleAssignTarget::TsTypeAssertion(inner)) => self.assign(&inner.expr),
            AssignTarget::Simple(_) => {}
            AssignTarget::Pat(pattern) => self.pattern(&Pat::from(pattern.clone())),
        }
        assignment.visit_children_with(self);
    }

    fn visit_update_expr(&mut self, update: &UpdateExpr) {
        self.assign(&update.arg);
        update.visit_children_with(self);
    }

    fn visit_for_in_stmt(&mut self, statement: &ForInStmt) {
        if let ForHead::Pat(pattern) = &statement.left {
            self.pattern(pattern);
        }
        statement.visit_children_with(self);
    }

    fn visit_for_of_stmt(&mut self, statement: &ForOfStmt) {
        if let ForHead::Pat(pattern) = &statement.left {
            self.pattern(pattern);
        }
        statement.visit_children_with(self);
    }
}
