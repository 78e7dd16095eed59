//! Which bindings of a module are used as values, and which it declares.
//!
//! This follows the rules by which the TypeScript pass of swc elides imports, so that facts and output agree.

use rustc_hash::{FxHashMap, FxHashSet};
use swc_core::ecma::ast::{
    BindingIdent, ClassDecl, ClassExpr, Decl, DefaultDecl, ExportNamedSpecifier, FnDecl, FnExpr, Id, Ident, ImportDecl,
    JSXElementName, ModuleDecl, ModuleItem, NamedExport, Program, Stmt, TsEntityName, TsImportEqualsDecl, TsModuleName,
    TsModuleRef,
};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

/// The bindings of one module.
#[derive(Default)]
pub(super) struct Usage {
    /// Names that expressions mention.
    used: FxHashSet<Id>,
    /// `import a = b.c`: `a` needs `b` when it is used itself.
    aliases: FxHashMap<Id, Id>,
    values: FxHashSet<Id>,
    types: FxHashSet<Id>,
}

impl Usage {
    pub(super) fn of(program: &Program) -> Self {
        let mut usage = Self::default();
        if let Program::Module(module) = program {
            for item in &module.body {
                usage.declare(item);
            }
        }
        program.visit_with(&mut usage);
        let mut pending: Vec<Id> = usage.used.iter().filter_map(|id| usage.aliases.get(id)).cloned().collect();
        while let Some(id) = pending.pop() {
            pending.extend(usage.aliases.get(&id).filter(|next| !usage.used.contains(next)).cloned());
            usage.used.insert(id);
        }
        usage
    }

    /// Whether an import of this name is kept.
    pub(super) fn keeps_import(&self, id: &Id) -> bool {
        self.used.contains(id) && !self.values.contains(id)
    }

    /// Whether an expression mentions this name.
    pub(super) fn is_used(&self, id: &Id) -> bool {
        self.used.contains(id)
    }

    /// Whether the module declares this name as a type and nothing else.
    pub(super) fn is_type(&self, id: &Id) -> bool {
        self.types.contains(id) && !self.values.contains(id)
    }

    fn declare(&mut self, item: &ModuleItem) {
        match item {
            ModuleItem::Stmt(Stmt::Decl(decl)) => self.declare_decl(decl),
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => self.declare_decl(&export.decl),
            ModuleItem::ModuleDecl(ModuleDecl::Import(import)) => {
                for specifier in &import.specifiers {
                    if import.type_only || specifier.is_type_only() {
                        self.types.insert(specifier.local().to_id());
                    }
                }
            }
            ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultDecl(export)) => match &export.decl {
                DefaultDecl::Class(ClassExpr { ident: Some(name), .. })
                | DefaultDecl::Fn(FnExpr { ident: Some(name), .. }) => {
                    self.values.insert(name.to_id());
                }
                _ => {}
            },
            ModuleItem::ModuleDecl(ModuleDecl::TsImportEquals(import)) => {
                let names = if import.is_type_only { &mut self.types } else { &mut self.values };
                names.insert(import.id.to_id());
            }
            _ => {}
        }
    }

    fn declare_decl(&mut self, decl: &Decl) {
        match decl {
            Decl::Var(var) => self.values.extend(find_pat_ids::<_, Id>(&var.decls)),
            Decl::Using(using) => self.values.extend(find_pat_ids::<_, Id>(&using.decls)),
            Decl::Fn(function) => drop(self.values.insert(function.ident.to_id())),
            Decl::Class(class) => drop(self.values.insert(class.ident.to_id())),
            Decl::TsEnum(declaration) => drop(self.values.insert(declaration.id.to_id())),
            Decl::TsModule(module) => {
                if let (false, TsModuleName::Ident(name)) = (module.global, &module.id) {
                    let names = if is_runtime_decl(decl) { &mut self.values } else { &mut self.types };
                    names.insert(name.to_id());
                }
            }
            Decl::TsInterface(interface) => drop(self.types.insert(interface.id.to_id())),
            Decl::TsTypeAlias(alias) => drop(self.types.insert(alias.id.to_id())),
        }
    }
}

impl Visit for Usage {
    noop_visit_type!();

    fn visit_ident(&mut self, name: &Ident) {
        self.used.insert(name.to_id());
    }

    fn visit_binding_ident(&mut self, _: &BindingIdent) {}

    fn visit_fn_decl(&mut self, function: &FnDecl) {
        function.function.visit_with(self);
    }

    fn visit_fn_expr(&mut self, function: &FnExpr) {
        function.function.visit_with(self);
    }

    fn visit_class_decl(&mut self, class: &ClassDecl) {
        class.class.visit_with(self);
    }

    fn visit_class_expr(&mut self, class: &ClassExpr) {
        class.class.visit_with(self);
    }

    fn visit_import_decl(&mut self, _: &ImportDecl) {}

    fn visit_ts_import_equals_decl(&mut self, import: &TsImportEqualsDecl) {
        let TsModuleRef::TsEntityName(entity) = &import.module_ref else { return };
        if import.is_type_only {
            return;
        }
        let root = root_of(entity).to_id();
        if import.is_export {
            self.used.insert(root);
            self.used.insert(import.id.to_id());
        } else {
            self.aliases.insert(import.id.to_id(), root);
        }
    }

    fn visit_export_named_specifier(&mut self, specifier: &ExportNamedSpecifier) {
        if !specifier.is_type_only {
            specifier.visit_children_with(self);
        }
    }

    fn visit_named_export(&mut self, export: &NamedExport) {
        if !export.type_only && export.src.is_none() {
            export.visit_children_with(self);
        }
    }

    fn visit_jsx_element_name(&mut self, name: &JSXElementName) {
        let intrinsic =
            matches!(name, JSXElementName::Ident(name) if name.sym.starts_with(|c: char| c.is_ascii_lowercase()));
        if !intrinsic {
            name.visit_children_with(self);
        }
    }
}

fn root_of(entity: &TsEntityName) -> &Ident {
    match entity {
        TsEntityName::TsQualifiedName(name) => root_of(&name.left),
        TsEntityName::Ident(name) => name,
    }
}

/// Whether a declaration leaves anything in the output.
pub(super) fn is_runtime_decl(decl: &Decl) -> bool {
    match decl {
        Decl::Class(class) => !class.declare,
        Decl::Fn(function) => !function.declare && function.function.body.is_some(),
        Decl::Var(var) => !var.declare,
        Decl::Using(_) => true,
        Decl::TsEnum(declaration) => !declaration.declare,
        Decl::TsInterface(_) | Decl::TsTypeAlias(_) => false,
        Decl::TsModule(module) => {
            !module.declare && !module.global && module.body.as_ref().is_some_and(crate::transpile::namespace_runs)
        }
    }
}
