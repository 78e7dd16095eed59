//! Namespaces that are declared in several blocks.
//!
//! In TypeScript the later block sees what the earlier one exports. The pass that turns namespaces into functions does not
//! know that and would print a reference to nothing, so such a reference is reported instead.

use rustc_hash::{FxHashMap, FxHashSet};
use swc_core::common::Span;
use swc_core::ecma::ast::{
    BreakStmt, ClassExpr, ContinueStmt, Decl, FnExpr, Id, Ident, LabeledStmt, ModuleDecl, ModuleItem, Pat, Program,
    Stmt, TsEnumMember, TsImportEqualsDecl, TsModuleDecl, TsModuleName, TsNamespaceBody,
};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::Fault;

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

/// References from one block of a namespace to an export of another.
pub(super) fn faults(program: &Program) -> Vec<Fault> {
    let mut finder = Finder::default();
    match program {
        Program::Module(module) => finder.items(&module.body, ""),
        Program::Script(script) => {
            for statement in &script.body {
                finder.statement(statement, "");
            }
        }
    }
    finder.faults
}

#[derive(Default)]
struct Finder {
    /// What the blocks so far export, by the dotted name of the namespace.
    exports: FxHashMap<String, FxHashSet<String>>,
    faults: Vec<Fault>,
}

impl Finder {
    fn items(&mut self, items: &[ModuleItem], outer: &str) {
        for item in items {
            match item {
                ModuleItem::Stmt(statement) => self.statement(statement, outer),
                ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => {
                    if let Decl::TsModule(module) = &export.decl {
                        self.module(module, outer);
                    }
                }
                ModuleItem::ModuleDecl(_) => {}
            }
        }
    }

    fn statement(&mut self, statement: &Stmt, outer: &str) {
        if let Stmt::Decl(Decl::TsModule(module)) = statement {
            self.module(module, outer);
        }
    }

    fn module(&mut self, module: &TsModuleDecl, outer: &str) {
        if let (false, TsModuleName::Ident(name), Some(body)) = (module.declare, &module.id, &module.body) {
            self.body(&format!("{outer}.{}", name.sym), body);
        }
    }

    fn body(&mut self, name: &str, body: &TsNamespaceBody) {
        match body {
            TsNamespaceBody::TsNamespaceDecl(inner) => {
                let inner_name = format!("{name}.{}", inner.id.sym);
                self.exports.entry(name.to_owned()).or_default().insert(inner.id.sym.to_string());
                self.body(&inner_name, &inner.body);
            }
            TsNamespaceBody::TsModuleBlock(block) => {
                if let Some(earlier) = self.exports.get(name) {
                    self.faults.extend(foreign_references(&block.body, earlier, name));
                }
                let exported = exported_names(&block.body);
                self.exports.entry(name.to_owned()).or_default().extend(exported);
                self.items(&block.body, name);
            }
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

fn foreign_references(items: &[ModuleItem], earlier: &FxHashSet<String>, name: &str) -> Vec<Fault> {
    let mut block = Block { earlier, mentioned: Vec::new(), declared: FxHashSet::default() };
    items.visit_with(&mut block);
    let Block { mentioned, declared, .. } = block;
    let name = name.trim_start_matches('.');
    mentioned
        .into_iter()
        .filter(|(id, _)| !declared.contains(id))
        .map(|((export, _), span)| Fault {
            code: "transpile::merged_namespace",
            span,
            message: format!("`{export}` is exported by another block of the namespace `{name}`"),
            help: Some(format!("Write `{name}.{export}`")),
        })
        .collect()
}

/// Names that one block mentions, and names that are declared in it at any depth.
struct Block<'a> {
    earlier: &'a FxHashSet<String>,
    mentioned: Vec<(Id, Span)>,
    declared: FxHashSet<Id>,
}

impl Visit for Block<'_> {
    noop_visit_type!();

    fn visit_ident(&mut self, name: &Ident) {
        if self.earlier.contains(&*name.sym) {
            self.mentioned.push((name.to_id(), name.span));
        }
    }

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
        if let Pat::Ident(name) = pattern {
            self.declared.insert(name.to_id());
        }
        pattern.visit_children_with(self);
    }
}
