//! Facts from a syntax tree.

use std::collections::BTreeSet;

use swc_core::common::{Spanned, SyntaxContext};
use swc_core::ecma::ast::{
    CallExpr, Callee, Class, ClassMember, Decl, DefaultDecl, ExportAll, ExportSpecifier, Expr, ExprOrSpread, Id,
    ImportDecl, JSXFragment, JSXOpeningElement, Lit, ModuleDecl, ModuleExportName, ModuleItem, NamedExport, Str,
    TsImportEqualsDecl, TsModuleName, TsModuleRef,
};
use swc_core::ecma::transforms::base::helpers::{HELPERS, Helpers};
use swc_core::ecma::transforms::proposal::decorators::{self, decorators};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::globals::foreign_globals;
use super::jsx;
use super::names::{self, Names};
use super::usage::{Usage, is_runtime_decl};
use super::{Facts, Import, ImportKind, JsxFacts, Language, Parts, Usage as ImportUsage};

/// The facts of `parts`; needs the `GLOBALS` of these parts.
pub(super) fn facts(parts: &Parts, language: Language) -> Facts {
    let usage = Usage::of(&parts.program);
    let mut collect = Collect {
        parts,
        usage: &usage,
        language,
        unresolved: SyntaxContext::empty().apply_mark(parts.unresolved),
        imports: Vec::new(),
        unused: Vec::new(),
        exports: BTreeSet::new(),
        has_decorators: false,
        jsx: language.has_jsx().then(|| jsx::directives(parts)),
    };
    parts.program.visit_with(&mut collect);
    collect.mark_metadata();
    let Collect { mut imports, exports, jsx, .. } = collect;
    imports.sort_by_key(|import| import.start);
    let foreign: BTreeSet<Box<str>> =
        foreign_globals(parts).into_iter().map(|(name, _)| name.into_boxed_str()).collect();
    Facts {
        imports: imports.into_boxed_slice(),
        exports: exports.into_iter().collect(),
        foreign: foreign.into_iter().collect(),
        jsx,
        syntax_errors: Box::default(),
    }
}

struct Collect<'a> {
    parts: &'a Parts,
    usage: &'a Usage,
    language: Language,
    unresolved: SyntaxContext,
    imports: Vec<Import>,
    /// Index of an import and its bindings, where none is used as a value.
    unused: Vec<(usize, Vec<Id>)>,
    exports: BTreeSet<Box<str>>,
    has_decorators: bool,
    jsx: Option<JsxFacts>,
}

impl Collect<'_> {
    fn import(&mut self, literal: &Str, kind: ImportKind, usage: ImportUsage, names: Names) {
        let (start, end) = self.parts.offsets(literal.span);
        let specifier = literal.value.to_string_lossy().into();
        self.imports.push(Import { start, end, specifier, kind, usage, names });
    }

    fn import_usage(&mut self, import: &ImportDecl) -> ImportUsage {
        if import.type_only || self.language == Language::Declarations {
            return ImportUsage::TypeOnly;
        }
        if !self.language.is_typescript() || import.specifiers.is_empty() {
            return ImportUsage::Value;
        }
        let bindings: Vec<Id> = import
            .specifiers
            .iter()
            .filter(|specifier| !specifier.is_type_only())
            .map(|specifier| specifier.local().to_id())
            .collect();
        if bindings.is_empty() {
            return ImportUsage::InlineTypes;
        }
        if bindings.iter().any(|id| self.usage.keeps_import(id)) {
            return ImportUsage::Value;
        }
        let locals = bindings.iter().map(|(name, _)| Box::from(&**name)).collect();
        self.unused.push((self.imports.len(), bindings));
        ImportUsage::Unused { locals, metadata: false }
    }

    /// Decorator metadata turns types into values. Which ones is for the pass itself to say; few modules have decorators.
    fn mark_metadata(&mut self) {
        if !self.has_decorators || self.unused.is_empty() {
            return;
        }
        let mut program = self.parts.program.clone();
        HELPERS.set(&Helpers::new(false), || {
            let config = decorators::Config { legacy: true, emit_metadata: true, use_define_for_class_fields: true };
            program.mutate(decorators(config));
        });
        let usage = Usage::of(&program);
        for (index, bindings) in &self.unused {
            if let ImportUsage::Unused { metadata, .. } = &mut self.imports[*index].usage {
                *metadata = bindings.iter().any(|id| usage.keeps_import(id));
            }
        }
    }

    fn export(&mut self, name: &str) {
        if self.language != Language::Declarations {
            self.exports.insert(name.into());
        }
    }

    fn export_name(&mut self, name: &ModuleExportName) {
        match name {
            ModuleExportName::Ident(name) => self.export(&name.sym),
            ModuleExportName::Str(name) => self.export(&name.value.to_string_lossy()),
        }
    }

    fn export_decl(&mut self, decl: &Decl) {
        if !is_runtime_decl(decl) {
            return;
        }
        match decl {
            Decl::Class(class) => self.export(&class.ident.sym),
            Decl::Fn(function) => self.export(&function.ident.sym),
            Decl::Var(var) => self.export_names(find_pat_ids(&var.decls)),
            Decl::Using(using) => self.export_names(find_pat_ids(&using.decls)),
            Decl::TsEnum(declaration) => self.export(&declaration.id.sym),
            Decl::TsModule(module) => {
                if let TsModuleName::Ident(name) = &module.id {
                    self.export(&name.sym);
                }
            }
            Decl::TsInterface(_) | Decl::TsTypeAlias(_) => {}
        }
    }

    fn export_names(&mut self, names: Vec<Id>) {
        for (name, _) in names {
            self.export(&name);
        }
    }

    fn export_from(&mut self, export: &NamedExport, source: &Str) {
        let typed =
            |specifier: &ExportSpecifier| matches!(specifier, ExportSpecifier::Named(named) if named.is_type_only);
        let usage = if export.type_only || self.language == Language::Declarations {
            ImportUsage::TypeOnly
        } else if self.language.is_typescript() && export.specifiers.iter().all(typed) {
            ImportUsage::InlineTypes
        } else {
            ImportUsage::Value
        };
        self.import(source, ImportKind::ExportFrom, usage, names::exported(export));
    }

    fn request(&mut self, argument: Option<&ExprOrSpread>, kind: ImportKind) {
        match argument.map(|argument| (&*argument.expr, argument.spread)) {
            Some((Expr::Lit(Lit::Str(literal)), None)) => self.import(literal, kind, ImportUsage::Value, Names::All),
            Some((Expr::Tpl(template), None)) if template.exprs.is_empty() && template.quasis.len() == 1 => {
                let (start, end) = self.parts.offsets(template.span);
                let text = template.quasis[0].cooked.as_ref().map(|text| text.to_string_lossy().into());
                let specifier = text.unwrap_or_default();
                self.imports.push(Import { start, end, specifier, kind, usage: ImportUsage::Value, names: Names::All });
            }
            Some((expr, _)) if kind == ImportKind::Dynamic => {
                let (start, end) = self.parts.offsets(expr.span());
                let (specifier, kind) = (Box::from(""), ImportKind::Unknown);
                self.imports.push(Import { start, end, specifier, kind, usage: ImportUsage::Value, names: Names::All });
            }
            _ => {}
        }
    }
}

impl Visit for Collect<'_> {
    noop_visit_type!();

    fn visit_import_decl(&mut self, import: &ImportDecl) {
        let usage = self.import_usage(import);
        let is_script = !self.language.is_typescript();
        let names = names::imported(import, |id| is_script || self.usage.keeps_import(id));
        self.import(&import.src, ImportKind::Static, usage, names);
    }

    fn visit_export_all(&mut self, export: &ExportAll) {
        let type_only = export.type_only || self.language == Language::Declarations;
        let usage = if type_only { ImportUsage::TypeOnly } else { ImportUsage::Value };
        self.import(&export.src, ImportKind::ExportFrom, usage, Names::All);
    }

    fn visit_named_export(&mut self, export: &NamedExport) {
        if let Some(source) = &export.src {
            self.export_from(export, source);
        }
        for specifier in export.specifiers.iter().filter(|_| !export.type_only) {
            match specifier {
                ExportSpecifier::Namespace(namespace) => self.export_name(&namespace.name),
                ExportSpecifier::Default(default) => self.export(&default.exported.sym),
                ExportSpecifier::Named(named) => {
                    let is_type = export.src.is_none()
                        && matches!(&named.orig, ModuleExportName::Ident(name) if self.usage.is_type(&name.to_id()));
                    if !named.is_type_only && !is_type {
                        self.export_name(named.exported.as_ref().unwrap_or(&named.orig));
                    }
                }
            }
        }
    }

    fn visit_module_item(&mut self, item: &ModuleItem) {
        if let ModuleItem::ModuleDecl(decl) = item {
            match decl {
                ModuleDecl::ExportDecl(export) => self.export_decl(&export.decl),
                ModuleDecl::ExportDefaultDecl(export) => match &export.decl {
                    DefaultDecl::TsInterfaceDecl(_) => {}
                    DefaultDecl::Fn(function) if function.function.body.is_none() => {}
                    _ => self.export("default"),
                },
                ModuleDecl::ExportDefaultExpr(export) => {
                    let is_type = export.expr.as_ident().is_some_and(|name| self.usage.is_type(&name.to_id()));
                    if !is_type {
                        self.export("default");
                    }
                }
                _ => {}
            }
        }
        item.visit_children_with(self);
    }

    // What a namespace exports is not exported by the module.
    fn visit_ts_module_block(&mut self, block: &swc_core::ecma::ast::TsModuleBlock) {
        for item in &block.body {
            item.visit_children_with(self);
        }
    }

    fn visit_ts_import_equals_decl(&mut self, import: &TsImportEqualsDecl) {
        if let TsModuleRef::TsExternalModuleRef(reference) = &import.module_ref {
            let usage = if import.is_type_only || self.language == Language::Declarations {
                ImportUsage::TypeOnly
            } else if import.is_export || self.usage.is_used(&import.id.to_id()) {
                ImportUsage::Value
            } else {
                let locals = Box::new([Box::from(&*import.id.sym)]);
                ImportUsage::Unused { locals, metadata: false }
            };
            self.import(&reference.expr, ImportKind::Require, usage, Names::All);
        }
        if import.is_export && !import.is_type_only {
            self.export(&import.id.sym);
        }
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        match &call.callee {
            Callee::Import(_) => self.request(call.args.first(), ImportKind::Dynamic),
            Callee::Expr(callee) => {
                if matches!(&**callee, Expr::Ident(name) if name.sym == "require" && name.ctxt == self.unresolved) {
                    self.request(call.args.first(), ImportKind::Require);
                }
            }
            Callee::Super(_) => {}
        }
        call.visit_children_with(self);
    }

    fn visit_class(&mut self, class: &Class) {
        let has_decorators = |member: &ClassMember| match member {
            ClassMember::Method(method) => {
                !method.function.decorators.is_empty()
                    || method.function.params.iter().any(|param| !param.decorators.is_empty())
            }
            ClassMember::ClassProp(property) => !property.decorators.is_empty(),
            ClassMember::AutoAccessor(accessor) => !accessor.decorators.is_empty(),
            _ => false,
        };
        self.has_decorators |= !class.decorators.is_empty() || class.body.iter().any(has_decorators);
        class.visit_children_with(self);
    }

    fn visit_jsx_opening_element(&mut self, element: &JSXOpeningElement) {
        if let Some(jsx) = &mut self.jsx {
            if jsx::uses_create_element(element) {
                jsx.create_element = true;
            } else {
                jsx.runtime = true;
            }
        }
        element.visit_children_with(self);
    }

    fn visit_jsx_fragment(&mut self, fragment: &JSXFragment) {
        if let Some(jsx) = &mut self.jsx {
            jsx.runtime = true;
            jsx.fragments = true;
        }
        fragment.visit_children_with(self);
    }
}
