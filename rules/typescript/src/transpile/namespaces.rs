//! Namespaces that are declared in several blocks.
//!
//! In TypeScript each block sees what the others export. The pass that turns namespaces into functions does not know that and would
//! print a reference to nothing, so that such references are made members of the namespace before.

use rustc_hash::{FxHashMap, FxHashSet};
use swc_core::common::DUMMY_SP;
use swc_core::ecma::ast::{
    AssignPat, AssignTargetPat, BreakStmt, ClassExpr, ContinueStmt, Decl, Expr, FnExpr, ForHead, Id, Ident, IdentName,
    JSXElementName, JSXMemberExpr, JSXObject, KeyValuePatProp, KeyValueProp, LabeledStmt, MemberExpr, MemberProp,
    ModuleDecl, ModuleItem, ObjectPatProp, Pat, Program, Prop, PropName, SimpleAssignTarget, Stmt, TsEnumMember,
    TsImportEqualsDecl, TsModuleDecl, TsModuleName, TsNamespaceBody,
};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitMut, VisitMutWith, VisitWith, noop_visit_mut_type, noop_visit_type};

/// Whether a namespace leaves anything in the output.
pub(crate) fn runs(body: &TsNamespaceBody) -> bool {
    match body {
        TsNamespaceBody::TsModuleBlock(block) => block.body.iter().any(item_runs),
        TsNamespaceBody::TsNamespaceDecl(inner) => runs(&inner.body),
    }
}

fn item_runs(item: &ModuleItem) -> bool {
    let decl_runs = |decl: &Decl| match decl {
        Decl::TsInterface(_) | Decl::TsTypeAlias(_) => false,
        Decl::Fn(function) => function.function.body.is_some(),
        Decl::TsModule(module) => module.body.as_ref().is_some_and(runs),
        _ => true,
    };
    match item {
        ModuleItem::Stmt(Stmt::Empty(_)) => false,
        ModuleItem::Stmt(Stmt::Decl(decl)) => decl_runs(decl),
        ModuleItem::Stmt(_) => true,
        ModuleItem::ModuleDecl(decl) => match decl {
            ModuleDecl::Import(import) => !import.type_only,
            ModuleDecl::ExportDecl(export) => decl_runs(&export.decl),
            ModuleDecl::ExportNamed(export) => !export.type_only,
            ModuleDecl::ExportAll(export) => !export.type_only,
            ModuleDecl::TsImportEquals(import) => !import.is_type_only,
            ModuleDecl::TsNamespaceExport(_) => false,
            _ => true,
        },
    }
}

/// Makes each reference from one block of a namespace to an export of another a member of the namespace.
pub(super) fn merge(program: &mut Program) {
    let mut lists = Lists::default();
    match program {
        Program::Module(module) => {
            lists.items(&module.body, "");
            if lists.has_merged() {
                module.body.iter_mut().for_each(|item| lists.merge_item(item, ""));
            }
        }
        Program::Script(script) => {
            script.body.iter().for_each(|statement| lists.statement(statement, ""));
            if lists.has_merged() {
                script.body.iter_mut().for_each(|statement| lists.merge_statement(statement, ""));
            }
        }
    }
}

/// What the blocks export, by the dotted name of the namespace.
#[derive(Default)]
struct Lists(FxHashMap<String, Exports>);

#[derive(Default)]
struct Exports {
    blocks: usize,
    names: FxHashSet<String>,
}

impl Lists {
    fn has_merged(&self) -> bool {
        self.0.values().any(|exports| exports.blocks > 1)
    }

    fn items(&mut self, items: &[ModuleItem], outer: &str) {
        for item in items {
            match item {
                ModuleItem::Stmt(statement) => self.statement(statement, outer),
                ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => self.declaration(&export.decl, outer),
                ModuleItem::ModuleDecl(_) => {}
            }
        }
    }

    fn statement(&mut self, statement: &Stmt, outer: &str) {
        if let Stmt::Decl(decl) = statement {
            self.declaration(decl, outer);
        }
    }

    fn declaration(&mut self, decl: &Decl, outer: &str) {
        if let Decl::TsModule(module) = decl
            && let (false, TsModuleName::Ident(name), Some(body)) = (module.declare, &module.id, &module.body)
        {
            self.body(&format!("{outer}.{}", name.sym), body);
        }
    }

    fn body(&mut self, name: &str, body: &TsNamespaceBody) {
        match body {
            TsNamespaceBody::TsNamespaceDecl(inner) => {
                self.add(name, vec![inner.id.sym.to_string()]);
                self.body(&format!("{name}.{}", inner.id.sym), &inner.body);
            }
            TsNamespaceBody::TsModuleBlock(block) => {
                self.add(name, exported_names(&block.body));
                self.items(&block.body, name);
            }
        }
    }

    fn add(&mut self, name: &str, names: Vec<String>) {
        let exports = self.0.entry(name.to_owned()).or_default();
        exports.blocks += 1;
        exports.names.extend(names);
    }

    fn merge_item(&self, item: &mut ModuleItem, outer: &str) {
        match item {
            ModuleItem::Stmt(statement) => self.merge_statement(statement, outer),
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => {
                if let Decl::TsModule(module) = &mut export.decl {
                    self.merge_module(module, outer);
                }
            }
            ModuleItem::ModuleDecl(_) => {}
        }
    }

    fn merge_statement(&self, statement: &mut Stmt, outer: &str) {
        if let Stmt::Decl(Decl::TsModule(module)) = statement {
            self.merge_module(module, outer);
        }
    }

    fn merge_module(&self, module: &mut TsModuleDecl, outer: &str) {
        if let (false, TsModuleName::Ident(name), Some(body)) = (module.declare, &module.id, &mut module.body) {
            self.merge_body(&format!("{outer}.{}", name.sym), name, body);
        }
    }

    fn merge_body(&self, name: &str, object: &Ident, body: &mut TsNamespaceBody) {
        match body {
            TsNamespaceBody::TsNamespaceDecl(inner) => {
                let object = inner.id.clone();
                self.merge_body(&format!("{name}.{}", object.sym), &object, &mut inner.body);
            }
            TsNamespaceBody::TsModuleBlock(block) => {
                // What the innermost namespace exports hides what those around it export.
                block.body.iter_mut().for_each(|item| self.merge_item(item, name));
                if let Some(exports) = self.0.get(name).filter(|exports| exports.blocks > 1) {
                    let mut found = Block::default();
                    block.body.visit_with(&mut found);
                    let Block { declared, .. } = found;
                    block.body.visit_mut_with(&mut Merge { names: &exports.names, declared, object });
                }
            }
        }
    }
}

/// Puts `object` before the names of a block that it does not declare.
struct Merge<'a> {
    names: &'a FxHashSet<String>,
    declared: FxHashSet<Id>,
    object: &'a Ident,
}

impl Merge<'_> {
    fn is_foreign(&self, name: &Ident) -> bool {
        self.names.contains(&*name.sym) && !self.declared.contains(&name.to_id())
    }

    fn member(&self, name: &Ident) -> MemberExpr {
        let obj = Box::new(Ident { span: DUMMY_SP, ..self.object.clone() }.into());
        MemberExpr { span: name.span, obj, prop: MemberProp::Ident(IdentName::new(name.sym.clone(), name.span)) }
    }
}

impl VisitMut for Merge<'_> {
    noop_visit_mut_type!();

    fn visit_mut_expr(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Ident(name) if self.is_foreign(name) => *expr = Expr::Member(self.member(name)),
            _ => expr.visit_mut_children_with(self),
        }
    }

    fn visit_mut_prop(&mut self, property: &mut Prop) {
        match property {
            Prop::Shorthand(name) if self.is_foreign(name) => {
                let value = Box::new(Expr::Member(self.member(name)));
                *property = Prop::KeyValue(KeyValueProp { key: PropName::Ident(name.clone().into()), value });
            }
            _ => property.visit_mut_children_with(self),
        }
    }

    fn visit_mut_simple_assign_target(&mut self, target: &mut SimpleAssignTarget) {
        match target {
            SimpleAssignTarget::Ident(name) if self.is_foreign(name) => {
                *target = SimpleAssignTarget::Member(self.member(name));
            }
            _ => target.visit_mut_children_with(self),
        }
    }

    // A binding is declared, so what is foreign is assigned to.
    fn visit_mut_pat(&mut self, pattern: &mut Pat) {
        match pattern {
            Pat::Ident(name) if self.is_foreign(name) => {
                *pattern = Pat::Expr(Box::new(Expr::Member(self.member(name))));
            }
            _ => pattern.visit_mut_children_with(self),
        }
    }

    fn visit_mut_object_pat_prop(&mut self, property: &mut ObjectPatProp) {
        match property {
            ObjectPatProp::Assign(assigned) if self.is_foreign(&assigned.key) => {
                assigned.value.visit_mut_with(self);
                let target = Pat::Expr(Box::new(Expr::Member(self.member(&assigned.key))));
                let value = match assigned.value.take() {
                    Some(right) => Pat::Assign(AssignPat { span: DUMMY_SP, left: Box::new(target), right }),
                    None => target,
                };
                let key = PropName::Ident(assigned.key.id.clone().into());
                *property = ObjectPatProp::KeyValue(KeyValuePatProp { key, value: Box::new(value) });
            }
            _ => property.visit_mut_children_with(self),
        }
    }

    fn visit_mut_jsx_element_name(&mut self, element: &mut JSXElementName) {
        if let JSXElementName::Ident(name) = element
            && self.is_foreign(name)
        {
            let obj = JSXObject::Ident(self.object.clone());
            let prop = IdentName::new(name.sym.clone(), name.span);
            *element = JSXElementName::JSXMemberExpr(JSXMemberExpr { span: DUMMY_SP, obj, prop });
        }
    }
}

fn exported_names(items: &[ModuleItem]) -> Vec<String> {
    let mut names = Vec::new();
    for item in items {
        match item {
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => match &export.decl {
                Decl::Class(class) => names.push(class.ident.sym.to_string()),
                Decl::Fn(function) => names.push(function.ident.sym.to_string()),
                Decl::Var(var) => {
                    names.extend(find_pat_ids::<_, Id>(&var.decls).into_iter().map(|(name, _)| name.to_string()));
                }
                Decl::TsEnum(declaration) => names.push(declaration.id.sym.to_string()),
                Decl::TsModule(module) => {
                    if let (true, TsModuleName::Ident(name)) = (module.body.as_ref().is_some_and(runs), &module.id) {
                        names.push(name.sym.to_string());
                    }
                }
                _ => {}
            },
            ModuleItem::ModuleDecl(ModuleDecl::TsImportEquals(import)) if import.is_export => {
                names.push(import.id.sym.to_string());
            }
            _ => {}
        }
    }
    names
}

/// Names that are declared in a block at any depth.
#[derive(Default)]
struct Block {
    declared: FxHashSet<Id>,
    /// The patterns that are visited assign, they declare nothing.
    assigns: bool,
}

impl Block {
    fn within(&mut self, assigns: bool, visit: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.assigns, assigns);
        visit(self);
        self.assigns = before;
    }
}

impl Visit for Block {
    noop_visit_type!();

    fn visit_decl(&mut self, decl: &Decl) {
        match decl {
            Decl::Class(class) => drop(self.declared.insert(class.ident.to_id())),
            Decl::Fn(function) => drop(self.declared.insert(function.ident.to_id())),
            Decl::TsEnum(declaration) => drop(self.declared.insert(declaration.id.to_id())),
            Decl::TsModule(module) => {
                if let TsModuleName::Ident(name) = &module.id {
                    self.declared.insert(name.to_id());
                }
            }
            Decl::TsInterface(_) | Decl::TsTypeAlias(_) => return,
            Decl::Var(_) | Decl::Using(_) => {}
        }
        decl.visit_children_with(self);
    }

    fn visit_fn_expr(&mut self, function: &FnExpr) {
        self.declared.extend(function.ident.as_ref().map(Ident::to_id));
        function.visit_children_with(self);
    }

    fn visit_class_expr(&mut self, class: &ClassExpr) {
        self.declared.extend(class.ident.as_ref().map(Ident::to_id));
        class.visit_children_with(self);
    }

    fn visit_ts_import_equals_decl(&mut self, import: &TsImportEqualsDecl) {
        self.declared.insert(import.id.to_id());
        import.visit_children_with(self);
    }

    fn visit_ts_enum_member(&mut self, member: &TsEnumMember) {
        member.init.visit_with(self);
    }

    // Labels are no references.
    fn visit_labeled_stmt(&mut self, statement: &LabeledStmt) {
        statement.body.visit_with(self);
    }

    fn visit_break_stmt(&mut self, _: &BreakStmt) {}

    fn visit_continue_stmt(&mut self, _: &ContinueStmt) {}

    fn visit_pat(&mut self, pattern: &Pat) {
        if let (Pat::Ident(name), false) = (pattern, self.assigns) {
            self.declared.insert(name.to_id());
        }
        pattern.visit_children_with(self);
    }

    fn visit_object_pat_prop(&mut self, property: &ObjectPatProp) {
        if let (ObjectPatProp::Assign(assigned), false) = (property, self.assigns) {
            self.declared.insert(assigned.key.to_id());
        }
        property.visit_children_with(self);
    }

    fn visit_assign_target_pat(&mut self, target: &AssignTargetPat) {
        self.within(true, |block| target.visit_children_with(block));
    }

    fn visit_for_head(&mut self, head: &ForHead) {
        self.within(matches!(head, ForHead::Pat(_)), |block| head.visit_children_with(block));
    }

    fn visit_expr(&mut self, expr: &Expr) {
        self.within(false, |block| expr.visit_children_with(block));
    }
}
