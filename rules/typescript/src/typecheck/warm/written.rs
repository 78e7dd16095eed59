//! What can be told from a written type alone.
//!
//! What is known of a variable may be better than its type only where that is a union; [`Objects`] tells types that are none.

use rustc_hash::FxHashSet;
use swc_core::atoms::Atom;
use swc_core::ecma::ast::{
    Decl, Ident, ImportDefaultSpecifier, ImportNamedSpecifier, ModuleDecl, ModuleItem, Program, Stmt, TsEntityName,
    TsEnumDecl, TsImportEqualsDecl, TsKeywordTypeKind, TsLit, TsType, TsTypeAliasDecl, TsTypeOperatorOp, TsTypeParam,
};
use swc_core::ecma::visit::{Visit, VisitWith};

/// Names in a module that certainly stand for classes and interfaces.
pub(super) struct Objects(FxHashSet<Atom>);

impl Objects {
    pub(super) fn of(program: &Program) -> Self {
        let mut found = FxHashSet::default();
        let Program::Module(module) = program else { return Self(found) };
        for item in &module.body {
            let declared = match item {
                ModuleItem::Stmt(Stmt::Decl(declared)) => declared,
                ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => &export.decl,
                _ => continue,
            };
            match declared {
                Decl::Class(class) => drop(found.insert(class.ident.sym.clone())),
                Decl::TsInterface(interface) => drop(found.insert(interface.id.sym.clone())),
                _ => {}
            }
        }
        let mut others = Others::default();
        program.visit_with(&mut others);
        found.retain(|name| !others.0.contains(name));
        Self(found)
    }

    /// Whether a type is certainly one type and no union: it tells all that there is to know of a variable.
    pub(super) fn is_single(&self, written: &TsType) -> bool {
        match written {
            TsType::TsKeywordType(keyword) => matches!(
                keyword.kind,
                TsKeywordTypeKind::TsAnyKeyword
                    | TsKeywordTypeKind::TsBigIntKeyword
                    | TsKeywordTypeKind::TsNeverKeyword
                    | TsKeywordTypeKind::TsNumberKeyword
                    | TsKeywordTypeKind::TsObjectKeyword
                    | TsKeywordTypeKind::TsStringKeyword
                    | TsKeywordTypeKind::TsSymbolKeyword
            ),
            TsType::TsFnOrConstructorType(_) | TsType::TsTypeLit(_) | TsType::TsArrayType(_) => true,
            TsType::TsLitType(literal) => !matches!(literal.lit, TsLit::Tpl(_)),
            TsType::TsParenthesizedType(inner) => self.is_single(&inner.type_ann),
            TsType::TsTypeOperator(operator) => {
                operator.op == TsTypeOperatorOp::ReadOnly && self.is_single(&operator.type_ann)
            }
            TsType::TsTypeRef(reference) => match &reference.type_name {
                TsEntityName::Ident(name) => self.0.contains(&name.sym),
                TsEntityName::TsQualifiedName(_) => false,
            },
            _ => false,
        }
    }
}

/// Whether the type is that of one declaration, which only its value makes.
pub(super) fn is_unique(written: &TsType) -> bool {
    match written {
        TsType::TsParenthesizedType(inner) => is_unique(&inner.type_ann),
        TsType::TsTypeOperator(operator) => operator.op == TsTypeOperatorOp::Unique,
        _ => false,
    }
}

/// Names that may stand for other types somewhere.
#[derive(Default)]
struct Others(FxHashSet<Atom>);

impl Others {
    fn name(&mut self, name: &Ident) {
        self.0.insert(name.sym.clone());
    }
}

impl Visit for Others {
    fn visit_ts_type_alias_decl(&mut self, alias: &TsTypeAliasDecl) {
        self.name(&alias.id);
        alias.visit_children_with(self);
    }

    fn visit_ts_type_param(&mut self, parameter: &TsTypeParam) {
        self.name(&parameter.name);
        parameter.visit_children_with(self);
    }

    fn visit_ts_enum_decl(&mut self, declaration: &TsEnumDecl) {
        self.name(&declaration.id);
    }

    fn visit_import_named_specifier(&mut self, import: &ImportNamedSpecifier) {
        self.name(&import.local);
    }

    fn visit_import_default_specifier(&mut self, import: &ImportDefaultSpecifier) {
        self.name(&import.local);
    }

    fn visit_ts_import_equals_decl(&mut self, import: &TsImportEqualsDecl) {
        self.name(&import.id);
    }
}
