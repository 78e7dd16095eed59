//! What the pass for `experimentalDecorators` leaves undone.
//!
//! TypeScript decorates the members of the instance before the static ones, wherever they stand. And a class whose decorator
//! replaces it sees the replacement under its own name, inside of its body too; a class binding by itself would not.

use swc_core::common::util::take::Take;
use swc_core::common::{DUMMY_SP, SyntaxContext};
use swc_core::ecma::ast::{
    AssignExpr, AssignOp, AssignTarget, BlockStmt, CallExpr, Callee, Class, ClassMember, Decl, DefaultDecl, Expr,
    ExprStmt, Id, Ident, MemberExpr, MemberProp, ModuleDecl, ModuleItem, Pat, Program, SimpleAssignTarget, StaticBlock,
    Stmt, ThisExpr, VarDecl, VarDeclKind, VarDeclarator,
};
use swc_core::ecma::transforms::base::helpers::HELPERS;
use swc_core::ecma::utils::private_ident;
use swc_core::ecma::visit::{Visit, VisitMut, VisitMutWith, VisitWith, noop_visit_mut_type, noop_visit_type};

/// The helper that the pass calls.
const HELPER: &str = "_ts_decorate";

/// Amends `program`, on which the pass has just run.
pub(super) fn amend(program: &mut Program) {
    let helper = HELPERS.with(|helpers| SyntaxContext::empty().apply_mark(helpers.mark()));
    program.visit_mut_with(&mut Amend { helper });
}

struct Amend {
    /// Tells the helper from a function of the user that has its name.
    helper: SyntaxContext,
}

impl VisitMut for Amend {
    noop_visit_mut_type!();

    fn visit_mut_module_items(&mut self, items: &mut Vec<ModuleItem>) {
        items.visit_mut_children_with(self);
        amend_list(items, self.helper);
    }

    fn visit_mut_stmts(&mut self, statements: &mut Vec<Stmt>) {
        statements.visit_mut_children_with(self);
        amend_list(statements, self.helper);
    }
}

/// An entry of a list of statements.
trait Item: From<Stmt> {
    fn statement(&self) -> Option<&Stmt>;
    fn statement_mut(&mut self) -> Option<&mut Stmt>;
    /// The class that this declares, with its name.
    fn class_mut(&mut self) -> Option<(Id, &mut Class)>;
}

impl Item for Stmt {
    fn statement(&self) -> Option<&Stmt> {
        Some(self)
    }

    fn statement_mut(&mut self) -> Option<&mut Stmt> {
        Some(self)
    }

    fn class_mut(&mut self) -> Option<(Id, &mut Class)> {
        match self {
            Self::Decl(Decl::Class(class)) => Some((class.ident.to_id(), &mut class.class)),
            _ => None,
        }
    }
}

impl Item for ModuleItem {
    fn statement(&self) -> Option<&Stmt> {
        self.as_stmt()
    }

    fn statement_mut(&mut self) -> Option<&mut Stmt> {
        self.as_mut_stmt()
    }

    fn class_mut(&mut self) -> Option<(Id, &mut Class)> {
        match self {
            Self::Stmt(statement) => statement.class_mut(),
            Self::ModuleDecl(ModuleDecl::ExportDecl(export)) => match &mut export.decl {
                Decl::Class(class) => Some((class.ident.to_id(), &mut class.class)),
                _ => None,
            },
            Self::ModuleDecl(ModuleDecl::ExportDefaultDecl(export)) => match &mut export.decl {
                DefaultDecl::Class(class) => class.ident.as_ref().map(|name| (name.to_id(), &mut *class.class)),
                _ => None,
            },
            Self::ModuleDecl(_) => None,
        }
    }
}

fn amend_list<T: Item>(items: &mut Vec<T>, helper: SyntaxContext) {
    let mut index = 0;
    while index < items.len() {
        let Some((name, _)) = items[index].class_mut() else {
            index += 1;
            continue;
        };
        let first = index + 1;
        let members = items[first..].iter().take_while(|item| decorated_member(*item, &name, helper).is_some()).count();
        items[first..first + members].sort_by_key(|item| decorated_member(item, &name, helper));
        index = first + members;
        if index < items.len() && assigns_class(&mut items[index], &name, helper).is_some() {
            index += alias_class(items, first - 1, index, &name, helper);
        }
    }
}

/// Whether `item` decorates a static member of the class `name`; `None` when it does something else.
fn decorated_member(item: &impl Item, name: &Id, helper: SyntaxContext) -> Option<bool> {
    let Some(Stmt::Expr(statement)) = item.statement() else { return None };
    let Expr::Call(call) = &*statement.expr else { return None };
    if !calls_helper(call, helper) || call.args.len() < 3 {
        return None;
    }
    match &*call.args[1].expr {
        Expr::Ident(target) if target.to_id() == *name => Some(true),
        Expr::Member(MemberExpr { obj, prop: MemberProp::Ident(property), .. }) if property.sym == "prototype" => {
            obj.as_ident().filter(|target| target.to_id() == *name).map(|_| false)
        }
        _ => None,
    }
}

fn calls_helper(call: &CallExpr, helper: SyntaxContext) -> bool {
    let is_helper = |callee: &Ident| callee.sym == HELPER && callee.ctxt == helper;
    matches!(&call.callee, Callee::Expr(callee) if callee.as_ident().is_some_and(is_helper))
}

/// The right side of `name = _ts_decorate([..], name)`.
fn assigns_class<'a>(item: &'a mut impl Item, name: &Id, helper: SyntaxContext) -> Option<&'a mut Box<Expr>> {
    let Some(Stmt::Expr(statement)) = item.statement_mut() else { return None };
    let Expr::Assign(assignment) = &mut *statement.expr else { return None };
    let target = assignment.left.as_ident()?;
    let calls = matches!(&*assignment.right, Expr::Call(call) if calls_helper(call, helper));
    (target.to_id() == *name && calls).then_some(&mut assignment.right)
}

/// Lets the class at `class` refer to what the assignment at `assignment` makes of it. Gives how many items were added.
fn alias_class<T: Item>(
    items: &mut Vec<T>,
    class: usize,
    assignment: usize,
    name: &Id,
    helper: SyntaxContext,
) -> usize {
    let Some((_, body)) = items[class].class_mut() else { return 0 };
    let mut mentions = Mentions { name, found: false };
    body.body.visit_with(&mut mentions);
    if !mentions.found {
        return 0;
    }
    let alias = private_ident!(format!("{}_1", name.0));
    body.body.visit_mut_with(&mut Rename { name, alias: &alias });
    let this = Expr::This(ThisExpr { span: DUMMY_SP }).into();
    let remember = Stmt::Expr(ExprStmt { span: DUMMY_SP, expr: assign(&alias, this).into() });
    let block = BlockStmt { stmts: vec![remember], ..BlockStmt::default() };
    body.body.insert(0, ClassMember::StaticBlock(StaticBlock { span: DUMMY_SP, body: block }));
    if let Some(right) = assigns_class(&mut items[assignment], name, helper) {
        let decorated = right.take();
        **right = assign(&alias, decorated);
    }
    let declarator = VarDeclarator { span: DUMMY_SP, name: Pat::Ident(alias.into()), init: None, definite: false };
    let declaration = VarDecl { kind: VarDeclKind::Let, decls: vec![declarator], ..VarDecl::default() };
    items.insert(class, T::from(Stmt::Decl(Decl::Var(Box::new(declaration)))));
    1
}

fn assign(target: &Ident, value: Box<Expr>) -> Expr {
    let left = AssignTarget::Simple(SimpleAssignTarget::Ident(target.clone().into()));
    Expr::Assign(AssignExpr { span: DUMMY_SP, op: AssignOp::Assign, left, right: value })
}

struct Mentions<'a> {
    name: &'a Id,
    found: bool,
}

impl Visit for Mentions<'_> {
    noop_visit_type!();

    fn visit_ident(&mut self, name: &Ident) {
        self.found |= name.sym == self.name.0 && name.ctxt == self.name.1;
    }
}

struct Rename<'a> {
    name: &'a Id,
    alias: &'a Ident,
}

impl VisitMut for Rename<'_> {
    noop_visit_mut_type!();

    fn visit_mut_ident(&mut self, name: &mut Ident) {
        if name.sym == self.name.0 && name.ctxt == self.name.1 {
            name.sym = self.alias.sym.clone();
            name.ctxt = self.alias.ctxt;
        }
    }

    fn visit_mut_prop(&mut self, property: &mut swc_core::ecma::ast::Prop) {
        use swc_core::ecma::ast::{KeyValueProp, Prop, PropName};
        if let Prop::Shorthand(name) = property {
            if name.sym == self.name.0 && name.ctxt == self.name.1 {
                let key = PropName::Ident(name.clone().into());
                *property = Prop::KeyValue(KeyValueProp { key, value: Box::new(Expr::Ident(self.alias.clone())) });
            }
            return;
        }
        property.visit_mut_children_with(self);
    }
}
