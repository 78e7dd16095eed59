//! The modules that a module loads, kept when nothing of them is named any more.
//!
//! A declaration that refers to nothing of an import loses the import; what the imported module declares globally would be lost with it.

use std::collections::BTreeSet;

use swc_core::common::DUMMY_SP;
use swc_core::ecma::ast::{
    CallExpr, Callee, Expr, ExprStmt, Import, ImportDecl, ImportPhase, Lit, Module, ModuleDecl, ModuleItem,
    NamedExport, Stmt, Str, TsImportType, TsModuleRef,
};
use swc_core::ecma::visit::{Visit, VisitWith};

/// What a module loads.
#[derive(Debug)]
pub(super) struct Loads {
    /// Imports and exports of the module with a specifier.
    items: Vec<ModuleItem>,
    /// `import("x")`, as a call or as a type.
    dynamic: BTreeSet<String>,
}

/// What `module` loads.
pub(super) fn of(module: &Module) -> Loads {
    let items = module.body.iter().filter(|item| specifier(item).is_some()).cloned().collect();
    let mut found = Dynamic::default();
    module.visit_with(&mut found);
    Loads { items, dynamic: found.0 }
}

impl Loads {
    /// Adds to the declarations of the module what they no longer load, and makes them a module if they are none.
    pub(super) fn restore(self, module: &mut Module) {
        let loaded: BTreeSet<(String, bool)> = module.body.iter().filter_map(specifier).collect();
        let mut restored = loaded;
        for item in self.items {
            let Some(key) = specifier(&item) else { continue };
            if restored.insert(key) {
                module.body.push(bare(item));
            }
        }
        for specifier in self.dynamic {
            module.body.push(ModuleItem::Stmt(import_call(&specifier)));
        }
        if !module.body.iter().any(|item| matches!(item, ModuleItem::ModuleDecl(_))) {
            let nothing =
                NamedExport { span: DUMMY_SP, specifiers: Vec::new(), src: None, type_only: false, with: None };
            module.body.push(ModuleItem::ModuleDecl(ModuleDecl::ExportNamed(nothing)));
        }
    }
}

/// The specifier that an item loads, and whether attributes say more about it.
fn specifier(item: &ModuleItem) -> Option<(String, bool)> {
    let ModuleItem::ModuleDecl(item) = item else { return None };
    let (specifier, with) = match item {
        ModuleDecl::Import(import) => (&import.src, import.with.is_some()),
        ModuleDecl::ExportAll(export) => (&export.src, export.with.is_some()),
        ModuleDecl::ExportNamed(export) => (export.src.as_ref()?, export.with.is_some()),
        ModuleDecl::TsImportEquals(import) => match &import.module_ref {
            TsModuleRef::TsExternalModuleRef(module) => return Some((text(&module.expr), true)),
            TsModuleRef::TsEntityName(_) => return None,
        },
        _ => return None,
    };
    Some((text(specifier), with))
}

fn text(specifier: &Str) -> String {
    specifier.value.to_string_lossy().into_owned()
}

/// The item with nothing but what it loads; one whose attributes or form decide what is loaded stays whole.
fn bare(item: ModuleItem) -> ModuleItem {
    match item {
        ModuleItem::ModuleDecl(ModuleDecl::Import(import)) if import.with.is_none() => {
            ModuleItem::ModuleDecl(ModuleDecl::Import(ImportDecl {
                specifiers: Vec::new(),
                type_only: false,
                phase: ImportPhase::Evaluation,
                ..import
            }))
        }
        item => item,
    }
}

fn import_call(specifier: &str) -> Stmt {
    let literal = Str { span: DUMMY_SP, value: specifier.into(), raw: None };
    Stmt::Expr(ExprStmt {
        span: DUMMY_SP,
        expr: Box::new(Expr::Call(CallExpr {
            callee: Callee::Import(Import { span: DUMMY_SP, phase: ImportPhase::Evaluation }),
            args: vec![Expr::Lit(Lit::Str(literal)).into()],
            ..CallExpr::default()
        })),
    })
}

#[derive(Default)]
struct Dynamic(BTreeSet<String>);

impl Visit for Dynamic {
    fn visit_call_expr(&mut self, call: &CallExpr) {
        if let (Callee::Import(_), Some(argument)) = (&call.callee, call.args.first())
            && let Expr::Lit(Lit::Str(specifier)) = &*argument.expr
        {
            self.0.insert(text(specifier));
        }
        call.visit_children_with(self);
    }

    fn visit_ts_import_type(&mut self, import: &TsImportType) {
        self.0.insert(text(&import.arg));
        import.visit_children_with(self);
    }
}
