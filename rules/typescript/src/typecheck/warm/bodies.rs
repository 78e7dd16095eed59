//! The bodies and values of a module that cannot change what it is to others.
//!
//! The body of a function whose return type is written decides nothing about types outside of it, and neither does a [value](values)
//! whose type is written. The exceptions are its [`Marks`]: whether it uses `this` decides when a function is inferred, and an
//! assignment to a variable from outside ends what is known of that variable in other functions, whose return types may be inferred.
//! The body of a function that is called where it stands is no body of its own.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;
use swc_core::atoms::Atom;
use swc_core::common::{Span, Spanned};
use swc_core::ecma::ast::{
    ArrowExpr, AssignPat, AutoAccessor, BindingIdent, CallExpr, Callee, Class, ClassMember, ClassMethod, ClassProp,
    Constructor, Decl, Expr, FnDecl, FnExpr, Function, Id, Ident, MethodKind, ModuleDecl, ModuleItem, OptCall, Pat,
    PrivateProp, SetterProp, Stmt, TsTypeAnn, VarDeclarator,
};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitWith};

use super::scan::{Declared, Scan};
use super::values::{Read, acts, invoked};
use super::written::{Objects, is_unique};
use crate::source::Parts;

/// How often bodies are looked for before each variable counts as read.
const ROUNDS: usize = 8;

/// A body or a value that may be left out of account.
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
    let mut scan = Scan::default();
    parts.program.visit_with(&mut scan);
    let mut bodies = Bodies {
        parts,
        callables: callables.0,
        extended: scan.extended.into_iter().map(|(name, _)| name).collect(),
        objects: Objects::of(&parts.program),
        read: Some(FxHashSet::default()),
        found: Vec::new(),
        spans: FxHashSet::default(),
        invoked: FxHashSet::default(),
        narrowed: FxHashSet::default(),
        blank_constructors: false,
    };
    // What reads a variable may stand in a value that turns out to count.
    for round in 1.. {
        parts.program.visit_with(&mut bodies);
        let mut read = Read::of(&parts.program, &bodies.spans);
        read.retain(|name| bodies.narrowed.contains(name));
        if read.is_empty() {
            break;
        }
        bodies.read = bodies.read.take().filter(|_| round < ROUNDS).map(|known| &known | &read);
        bodies.found.clear();
        bodies.spans.clear();
        bodies.narrowed.clear();
    }
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
    /// Variables to whose properties something is assigned.
    extended: FxHashSet<Atom>,
    objects: Objects,
    /// Variables that are read where it counts; nothing when all may be.
    read: Option<FxHashSet<Atom>>,
    found: Vec<Body>,
    spans: FxHashSet<Span>,
    /// Functions that are called where they stand.
    invoked: FxHashSet<Span>,
    /// Variables of which a value that was left out may be known better than its type.
    narrowed: FxHashSet<Atom>,
    /// Whether no property of the class has a type that its constructor decides.
    blank_constructors: bool,
}

impl Bodies<'_> {
    /// Leaves the body out when nothing but its marks counts, and looks for bodies in it otherwise.
    fn body<N: VisitWith<Scan> + VisitWith<Declared> + VisitWith<Self> + Spanned>(&mut self, body: &N, is_told: bool) {
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
                self.spans.insert(body.span());
                return self.found.push(Body { start, end, marks });
            }
        }
        body.visit_with(self);
    }

    fn function(&mut self, function: &Function, is_told: bool) {
        function.params.visit_with(self);
        function.decorators.visit_with(self);
        if let Some(body) = &function.body {
            let is_told = is_told || function.return_type.is_some();
            self.body(body, is_told && !self.invoked.contains(&function.span));
        }
    }

    /// Leaves out a value beside a written type. What is known of the variable `name` may be the type of its value.
    fn value(&mut self, name: Option<&Atom>, written: &TsTypeAnn, value: &Expr) {
        let is_single = self.objects.is_single(&written.type_ann);
        let is_read = |name: &Atom| !is_single && self.read.as_ref().is_none_or(|read| read.contains(name));
        let is_told = !is_unique(&written.type_ann)
            && !name.is_some_and(|name| is_read(name) || self.extended.contains(name))
            && !acts(value);
        if is_told && !is_single {
            self.narrowed.extend(name.cloned());
        }
        self.body(value, is_told);
    }

    fn property(&mut self, written: Option<&TsTypeAnn>, value: Option<&Expr>) {
        match (written, value) {
            (Some(written), Some(value)) => self.value(None, written, value),
            (None, Some(value)) => value.visit_with(self),
            (_, None) => {}
        }
    }

    fn callee(&mut self, callee: &Expr) {
        self.invoked.extend(invoked(callee));
    }
}

impl Visit for Bodies<'_> {
    fn visit_module_item(&mut self, item: &ModuleItem) {
        let declared = match item {
            ModuleItem::Stmt(Stmt::Decl(declared)) => Some(declared),
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => Some(&export.decl),
            _ => None,
        };
        let Some(variables) = declared.and_then(Decl::as_var) else { return item.visit_children_with(self) };
        for declarator in &variables.decls {
            match (&declarator.name, &declarator.init) {
                (Pat::Ident(BindingIdent { id, type_ann: Some(written) }), Some(value)) => {
                    self.value(Some(&id.sym), written, value);
                }
                _ => declarator.visit_with(self),
            }
        }
    }

    /// The default of a parameter; no other pattern has a type.
    fn visit_assign_pat(&mut self, pattern: &AssignPat) {
        match &*pattern.left {
            Pat::Ident(BindingIdent { id, type_ann: Some(written) }) => {
                self.value(Some(&id.sym), written, &pattern.right);
            }
            _ => pattern.visit_children_with(self),
        }
    }

    fn visit_class_prop(&mut self, property: &ClassProp) {
        property.key.visit_with(self);
        property.decorators.visit_with(self);
        self.property(property.type_ann.as_deref(), property.value.as_deref());
    }

    fn visit_private_prop(&mut self, property: &PrivateProp) {
        property.decorators.visit_with(self);
        self.property(property.type_ann.as_deref(), property.value.as_deref());
    }

    fn visit_auto_accessor(&mut self, accessor: &AutoAccessor) {
        accessor.key.visit_with(self);
        accessor.decorators.visit_with(self);
        self.property(accessor.type_ann.as_deref(), accessor.value.as_deref());
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

    fn visit_function(&mut self, function: &Function) {
        self.function(function, false);
    }

    fn visit_class_method(&mut self, method: &ClassMethod) {
        method.key.visit_with(self);
        self.function(&method.function, method.kind == MethodKind::Setter);
    }

    fn visit_arrow_expr(&mut self, arrow: &ArrowExpr) {
        arrow.params.visit_with(self);
        let is_told = arrow.return_type.is_some() && !self.invoked.contains(&arrow.span);
        self.body(&*arrow.body, is_told);
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

    fn visit_constructor(&mut self, constructor: &Constructor) {
        constructor.params.visit_with(self);
        if let Some(body) = &constructor.body {
            let is_told = self.blank_constructors;
            self.body(body, is_told);
        }
    }
}
