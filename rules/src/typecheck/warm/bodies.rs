//! The bodies of a module that cannot change what it is to others.
//!
//! The body of a function whose return type is written decides nothing about types outside of it, with few exceptions, which are its
//! [`Marks`]: whether it uses `this` decides when its function is inferred, and an assignment to a variable from outside ends what
//! is known of that variable in other functions, whose return types may be inferred.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;
use swc_core::ecma::ast::{
    ArrowExpr, AssignExpr, AssignTarget, Class, ClassMember, ClassMethod, Expr, FnDecl, FnExpr, ForHead, ForInStmt,
    ForOfStmt, Function, Id, Ident, MetaPropExpr, MethodKind, Pat, SetterProp, SimpleAssignTarget, Super, ThisExpr,
    TsThisType, TsThisTypeOrIdent, TsTypePredicate, UpdateExpr, VarDeclarator,
};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitWith};

use crate::source::Parts;

/// A body that may be left out of account.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body {
    /// First byte in the file.
    pub(super) start: u32,
    /// One past the last byte.
    pub(super) end: u32,
    /// What of it counts outside.
    pub(super) marks: Marks,
}

/// What of a body counts outside of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Whether `this` of the function itself is used, or `super`, `arguments` or `new.target`.
    pub(super) own_this: bool,
    /// Whether any `this` is used.
    pub(super) any_this: bool,
    /// Variables from outside that are assigned to.
    pub(super) assigned: BTreeSet<String>,
}

/// The outermost such bodies of a module, in the order of the text; needs the `GLOBALS` of `parts`.
pub(super) fn bodies(parts: &Parts) -> Vec<Body> {
    let mut callables = Callables::default();
    parts.program.visit_with(&mut callables);
    let mut bodies = Bodies { parts, callables: callables.0, found: Vec::new(), blank_constructors: false };
    parts.program.visit_with(&mut bodies);
    bodies.found.sort_by_key(|body| body.start);
    bodies.found
}

/// Names that stand for functions: what is assigned to their properties is part of their types.
#[derive(Default)]
struct Callables(FxHashSet<Id>);

impl Visit for Callables {
    fn visit_fn_decl(&mut self, declaration: &FnDecl) {
        self.0.insert(declaration.ident.to_id());
        declaration.visit_children_with(self);
    }

    fn visit_fn_expr(&mut self, expression: &FnExpr) {
        self.0.extend(expression.ident.as_ref().map(Ident::to_id));
        expression.visit_children_with(self);
    }

    fn visit_var_declarator(&mut self, declarator: &VarDeclarator) {
        self.0.extend(find_pat_ids::<_, Id>(&declarator.name));
        declarator.visit_children_with(self);
    }
}

struct Bodies<'a> {
    parts: &'a Parts,
    callables: FxHashSet<Id>,
    found: Vec<Body>,
    /// Whether no property of the class has a type that its constructor decides.
    blank_constructors: bool,
}

impl Bodies<'_> {
    /// Leaves the body out when nothing but its marks counts, and looks for bodies in it otherwise.
    fn body<N: VisitWith<Scan> + VisitWith<Declared> + VisitWith<Self> + swc_core::common::Spanned>(
        &mut self,
        body: &N,
        is_told: bool,
    ) {
        if is_told {
            let mut declared = Declared::default();
            body.visit_with(&mut declared);
            let mut scan = Scan::default();
            body.visit_with(&mut scan);
            let outside = |id: &Id| !declared.0.contains(id);
            if !scan.extended.iter().any(|id| outside(id) && self.callables.contains(id)) {
                let assigned = scan.assigned.into_iter().filter(outside).map(|(name, _)| name.to_string());
                let marks = Marks { own_this: scan.own_this, any_this: scan.any_this, assigned: assigned.collect() };
                let (start, end) = self.parts.offsets(body.span());
                return self.found.push(Body { start, end, marks });
            }
        }
        body.visit_with(self);
    }

    fn function(&mut self, function: &Function, is_told: bool) {
        function.params.visit_with(self);
        function.decorators.visit_with(self);
        if let Some(body) = &function.body {
            self.body(body, is_told || function.return_type.is_some());
        }
    }
}

impl Visit for Bodies<'_> {
    fn visit_function(&mut self, function: &Function) {
        self.function(function, false);
    }

    fn visit_class_method(&mut self, method: &ClassMethod) {
        method.key.visit_with(self);
        self.function(&method.function, method.kind == MethodKind::Setter);
    }

    fn visit_arrow_expr(&mut self, arrow: &ArrowExpr) {
        arrow.params.visit_with(self);
        self.body(&*arrow.body, arrow.return_type.is_some());
    }

    fn visit_setter_prop(&mut self, setter: &SetterProp) {
        setter.key.visit_with(self);
        self.function(&setter.function, true);
    }

    fn visit_class(&mut self, class: &Class) {
        let is_told = class.body.iter().all(|member| match member {
            ClassMember::ClassProp(property) => property.type_ann.is_some() || property.value.is_some(),
            ClassMember::PrivateProp(property) => property.type_ann.is_some() || property.value.is_some(),
            ClassMember::AutoAccessor(accessor) => accessor.type_ann.is_some() || accessor.value.is_some(),
            _ => true,
        });
        let outside = std::mem::replace(&mut self.blank_constructors, is_told);
        class.visit_children_with(self);
        self.blank_constructors = outside;
    }

    fn visit_constructor(&mut self, constructor: &swc_core::ecma::ast::Constructor) {
        constructor.params.visit_with(self);
        if let Some(body) = &constructor.body {
            let is_told = self.blank_constructors;
            self.body(body, is_told);
        }
    }
}

/// What a body declares.
#[derive(Default)]
struct Declared(FxHashSet<Id>);

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
struct Scan {
    depth: u32,
    own_this: bool,
    any_this: bool,
    assigned: BTreeSet<Id>,
    /// Variables to whose properties something is assigned.
    extended: BTreeSet<Id>,
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
