//! What importers reach of a class although it does not declare it.
//!
//! Declarations name a `private` member without its type. An importer that writes `object["member"]` has the type all the same, and one that
//! writes `object.member` is told about it. Here such members are made `protected`, so that the emitter writes their types. Where nobody
//! wrote one, the text of the value stands for its type, as long as that refers to nothing of the file that is not exported. (`#members`
//! are reached from inside alone.)

use std::collections::BTreeSet;

use swc_core::atoms::Atom;
use swc_core::common::{DUMMY_SP, Span, Spanned as _};
use swc_core::ecma::ast::{
    Accessibility, AutoAccessor, BindingIdent, ClassMethod, ClassProp, Constructor, Decl, Expr, Ident, ModuleItem,
    PrivateName, Program, Stmt, Str, TsLit, TsLitType, TsModuleBlock, TsModuleName, TsParamProp, TsType, TsTypeAnn,
};
use swc_core::ecma::visit::{Visit, VisitMut, VisitMutWith as _, VisitWith as _};

/// Makes private members `protected`; `text` gives what stands at a place. Whether there are any.
pub(super) fn expose(program: &mut Program, text: &dyn Fn(Span) -> String) -> bool {
    let mut hidden = Hidden::default();
    if let Program::Module(module) = &*program {
        hidden.items(&module.body);
    }
    program.visit_with(&mut hidden);
    let mut expose = Expose { hidden: hidden.0, text, has_any: false };
    program.visit_mut_with(&mut expose);
    expose.has_any
}

/// The names that a file declares for itself, in modules and namespaces.
#[derive(Default)]
struct Hidden(BTreeSet<Atom>);

impl Hidden {
    fn items(&mut self, items: &[ModuleItem]) {
        for item in items {
            let ModuleItem::Stmt(Stmt::Decl(decl)) = item else { continue };
            match decl {
                Decl::Class(class) => self.name(&class.ident),
                Decl::Fn(function) => self.name(&function.ident),
                Decl::Var(variables) => self.0.extend(bound(&variables.decls)),
                Decl::Using(variables) => self.0.extend(bound(&variables.decls)),
                Decl::TsInterface(interface) => self.name(&interface.id),
                Decl::TsTypeAlias(alias) => self.name(&alias.id),
                Decl::TsEnum(node) => self.name(&node.id),
                Decl::TsModule(module) => {
                    if let TsModuleName::Ident(name) = &module.id {
                        self.name(name);
                    }
                }
            }
        }
    }

    fn name(&mut self, name: &Ident) {
        self.0.insert(name.sym.clone());
    }
}

impl Visit for Hidden {
    fn visit_ts_module_block(&mut self, block: &TsModuleBlock) {
        self.items(&block.body);
        block.visit_children_with(self);
    }
}

fn bound(variables: &[swc_core::ecma::ast::VarDeclarator]) -> impl Iterator<Item = Atom> {
    struct Names(Vec<Atom>);
    impl Visit for Names {
        fn visit_binding_ident(&mut self, name: &BindingIdent) {
            self.0.push(name.id.sym.clone());
        }
    }
    let mut names = Names(Vec::new());
    for variable in variables {
        variable.name.visit_with(&mut names);
    }
    names.0.into_iter()
}

struct Expose<'a> {
    hidden: BTreeSet<Atom>,
    text: &'a dyn Fn(Span) -> String,
    has_any: bool,
}

impl Expose<'_> {
    fn open(&mut self, accessibility: &mut Option<Accessibility>) -> bool {
        let is_private = *accessibility == Some(Accessibility::Private);
        if is_private {
            *accessibility = Some(Accessibility::Protected);
            self.has_any = true;
        }
        is_private
    }

    /// Lets the text of a value stand for its type, unless the emitter infers that, or the type depends on what is not told to others.
    fn name_type(&self, annotation: &mut Option<Box<TsTypeAnn>>, value: Option<&Expr>) {
        let Some(value) = value.filter(|value| annotation.is_none() && !matches!(value, Expr::Lit(_))) else { return };
        let mut uses = Uses { hidden: &self.hidden, has_hidden: false };
        value.visit_with(&mut uses);
        if uses.has_hidden {
            return;
        }
        let text = Str { span: DUMMY_SP, value: (self.text)(value.span()).into(), raw: None };
        let literal = TsType::TsLitType(TsLitType { span: DUMMY_SP, lit: TsLit::Str(text) });
        *annotation = Some(Box::new(TsTypeAnn { span: DUMMY_SP, type_ann: Box::new(literal) }));
    }
}

impl VisitMut for Expose<'_> {
    fn visit_mut_class_prop(&mut self, property: &mut ClassProp) {
        if self.open(&mut property.accessibility) {
            self.name_type(&mut property.type_ann, property.value.as_deref());
        }
        property.visit_mut_children_with(self);
    }

    fn visit_mut_auto_accessor(&mut self, accessor: &mut AutoAccessor) {
        if self.open(&mut accessor.accessibility) {
            self.name_type(&mut accessor.type_ann, accessor.value.as_deref());
        }
        accessor.visit_mut_children_with(self);
    }

    fn visit_mut_class_method(&mut self, method: &mut ClassMethod) {
        self.open(&mut method.accessibility);
        method.visit_mut_children_with(self);
    }

    fn visit_mut_constructor(&mut self, constructor: &mut Constructor) {
        self.open(&mut constructor.accessibility);
        constructor.visit_mut_children_with(self);
    }

    fn visit_mut_ts_param_prop(&mut self, parameter: &mut TsParamProp) {
        self.open(&mut parameter.accessibility);
        parameter.visit_mut_children_with(self);
    }
}

/// Whether an expression names what is hidden, or a `#member`.
struct Uses<'a> {
    hidden: &'a BTreeSet<Atom>,
    has_hidden: bool,
}

impl Visit for Uses<'_> {
    fn visit_ident(&mut self, name: &Ident) {
        self.has_hidden |= self.hidden.contains(&name.sym);
    }

    fn visit_private_name(&mut self, _: &PrivateName) {
        self.has_hidden = true;
    }
}
