//! What the pass for `using` does otherwise than TypeScript.
//!
//! The pass opens a scope a list of statements. A `switch` is one scope with several lists, and the exports of a module stand in its
//! list: what a `case` opens lives until the `switch` ends, and what is exported is computed while the resources above it are open.

use swc_core::common::{DUMMY_SP, Mark, SyntaxContext};
use swc_core::ecma::ast::{
    ArrayLit, AssignExpr, AssignOp, AssignTarget, AwaitExpr, BlockStmt, CallExpr, Callee, CatchClause, Decl,
    ExportDecl, ExportNamedSpecifier, ExportSpecifier, Expr, ExprOrSpread, ExprStmt, Ident, IdentName, IfStmt,
    KeyValueProp, MemberExpr, MemberProp, Module, ModuleDecl, ModuleExportName, ModuleItem, NamedExport, ObjectLit,
    Pat, Program, Prop, PropName, PropOrSpread, SimpleAssignTarget, Stmt, SwitchStmt, TryStmt, UsingDecl, VarDecl,
    VarDeclKind, VarDeclarator,
};
use swc_core::ecma::transforms::base::enable_helper;
use swc_core::ecma::utils::{find_pat_ids, private_ident};
use swc_core::ecma::visit::{VisitMut, VisitMutWith, noop_visit_mut_type};

/// Puts `program`, which has no types any more, into a form that the pass compiles as TypeScript does.
pub(super) fn prepare(program: &mut Program) {
    program.visit_mut_with(&mut Switches);
    if let Program::Module(module) = program
        && module.body.iter().any(|item| matches!(item, ModuleItem::Stmt(Stmt::Decl(Decl::Using(_)))))
    {
        move_exports(module);
    }
}

/// Exports by name what was exported where it is declared.
fn move_exports(module: &mut Module) {
    let mut exported: Vec<(Ident, Option<&str>)> = Vec::new();
    let items = std::mem::take(&mut module.body);
    for item in items {
        let item = match item {
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => match export.decl {
                Decl::Var(var) => {
                    let ids = find_pat_ids::<_, Ident>(&var.decls);
                    exported.extend(ids.into_iter().map(|id| (id, None)));
                    ModuleItem::Stmt(Stmt::Decl(Decl::Var(var)))
                }
                decl => ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(ExportDecl { decl, ..export })),
            },
            ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultExpr(export)) => {
                let name = private_ident!("_default");
                exported.push((name.clone(), Some("default")));
                ModuleItem::Stmt(constant(&name, export.expr))
            }
            item => item,
        };
        module.body.push(item);
    }
    if exported.is_empty() {
        return;
    }
    let specifiers = exported.into_iter().map(|(name, exported)| {
        ExportSpecifier::Named(ExportNamedSpecifier {
            span: DUMMY_SP,
            orig: ModuleExportName::Ident(name),
            exported: exported.map(|name| ModuleExportName::Ident(Ident::new_no_ctxt(name.into(), DUMMY_SP))),
            is_type_only: false,
        })
    });
    module.body.push(ModuleItem::ModuleDecl(ModuleDecl::ExportNamed(NamedExport {
        span: DUMMY_SP,
        specifiers: specifiers.collect(),
        src: None,
        type_only: false,
        with: None,
    })));
}

fn constant(name: &Ident, value: Box<Expr>) -> Stmt {
    let declarator =
        VarDeclarator { span: DUMMY_SP, name: Pat::Ident(name.clone().into()), init: Some(value), definite: false };
    Stmt::Decl(Decl::Var(Box::new(VarDecl { kind: VarDeclKind::Const, decls: vec![declarator], ..VarDecl::default() })))
}

struct Switches;

impl VisitMut for Switches {
    noop_visit_mut_type!();

    fn visit_mut_stmt(&mut self, statement: &mut Stmt) {
        statement.visit_mut_children_with(self);
        if let Stmt::Switch(switch) = statement
            && switch.cases.iter().any(|case| case.cons.iter().any(|item| matches!(item, Stmt::Decl(Decl::Using(_)))))
        {
            let switch = std::mem::take(switch);
            *statement = scope(switch);
        }
    }
}

/// `{ const env = ..; try { switch .. } catch (e) { .. } finally { .. } }`, as the pass writes it around a list.
fn scope(mut switch: SwitchStmt) -> Stmt {
    let environment = private_ident!("env");
    let mut waits = false;
    for statement in switch.cases.iter_mut().flat_map(|case| &mut case.cons) {
        if let Stmt::Decl(Decl::Using(using)) = statement {
            waits |= using.is_await;
            *statement = opened(using, &environment);
        }
    }
    let property = |name: &str, value: Expr| {
        PropOrSpread::Prop(Box::new(Prop::KeyValue(KeyValueProp {
            key: PropName::Ident(IdentName::new(name.into(), DUMMY_SP)),
            value: Box::new(value),
        })))
    };
    let state = ObjectLit {
        span: DUMMY_SP,
        props: vec![
            property("stack", Expr::Array(ArrayLit { span: DUMMY_SP, elems: Vec::new() })),
            property("error", *Expr::undefined(DUMMY_SP)),
            property("hasError", false.into()),
        ],
    };
    let error = private_ident!("e");
    let set = |name: &str, value: Expr| {
        let target = MemberExpr {
            span: DUMMY_SP,
            obj: Box::new(environment.clone().into()),
            prop: MemberProp::Ident(IdentName::new(name.into(), DUMMY_SP)),
        };
        statement(Expr::Assign(AssignExpr {
            span: DUMMY_SP,
            op: AssignOp::Assign,
            left: AssignTarget::Simple(SimpleAssignTarget::Member(target)),
            right: Box::new(value),
        }))
    };
    let caught = vec![set("error", error.clone().into()), set("hasError", true.into())];
    let dispose = call(
        Ident::new("_ts_dispose_resources".into(), DUMMY_SP, helper(enable_helper!(ts_dispose_resources))),
        vec![environment.clone().into()],
    );
    let finally = if waits {
        let result = private_ident!("result");
        let wait = Expr::Await(AwaitExpr { span: DUMMY_SP, arg: Box::new(result.clone().into()) });
        let wait = IfStmt {
            span: DUMMY_SP,
            test: Box::new(result.clone().into()),
            cons: Box::new(statement(wait)),
            alt: None,
        };
        vec![constant(&result, Box::new(dispose)), Stmt::If(wait)]
    } else {
        vec![statement(dispose)]
    };
    let block = |stmts| BlockStmt { stmts, ..BlockStmt::default() };
    let attempt = Stmt::Try(Box::new(TryStmt {
        span: DUMMY_SP,
        block: block(vec![Stmt::Switch(switch)]),
        handler: Some(CatchClause { span: DUMMY_SP, param: Some(Pat::Ident(error.into())), body: block(caught) }),
        finalizer: Some(block(finally)),
    }));
    Stmt::Block(block(vec![constant(&environment, Box::new(Expr::Object(state))), attempt]))
}

/// `const x = _ts_add_disposable_resource(env, value, false)`.
fn opened(using: &mut UsingDecl, environment: &Ident) -> Stmt {
    let add = helper(enable_helper!(ts_add_disposable_resource));
    let mut decls = std::mem::take(&mut using.decls);
    for declarator in &mut decls {
        let value = declarator.init.take().unwrap_or_else(|| Expr::undefined(DUMMY_SP));
        let name = Ident::new("_ts_add_disposable_resource".into(), DUMMY_SP, add);
        declarator.init = Some(Box::new(call(name, vec![environment.clone().into(), *value, using.is_await.into()])));
    }
    Stmt::Decl(Decl::Var(Box::new(VarDecl { span: using.span, kind: VarDeclKind::Const, decls, ..VarDecl::default() })))
}

fn helper(mark: Mark) -> SyntaxContext {
    SyntaxContext::empty().apply_mark(mark)
}

fn call(function: Ident, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|argument| ExprOrSpread { spread: None, expr: Box::new(argument) });
    Expr::Call(CallExpr {
        span: DUMMY_SP,
        callee: Callee::Expr(Box::new(function.into())),
        args: args.collect(),
        ..CallExpr::default()
    })
}

fn statement(expr: Expr) -> Stmt {
    Stmt::Expr(ExprStmt { span: DUMMY_SP, expr: Box::new(expr) })
}
