//! Types as `emitDecoratorMetadata` writes them.
//!
//! The pass reads the types that stand beside what is decorated. Where it reads them otherwise than TypeScript does, they are written
//! in another way before: a class that names itself, what has no type, rest parameters, aliases and interfaces of the same file, and
//! unions with `null` where `strictNullChecks` is off. Types are gone from the output, so that nothing else sees it.

use rustc_hash::FxHashMap;
use swc_core::atoms::Atom;
use swc_core::common::{DUMMY_SP, Spanned};
use swc_core::ecma::ast::{
    Class, ClassDecl, ClassExpr, ClassMember, Decl, Id, Ident, MethodKind, ModuleDecl, ModuleItem, Param,
    ParamOrTsParamProp, Pat, Program, Stmt, TsEntityName, TsKeywordType, TsKeywordTypeKind, TsParamPropParam, TsType,
    TsTypeAliasDecl, TsTypeAnn, TsTypeRef, TsUnionOrIntersectionType,
};
use swc_core::ecma::visit::{VisitMut, VisitMutWith, noop_visit_mut_type};

/// Begins the name of a class where the pass must not know it for the class itself. No source holds such a name.
const SELF: &str = "\0self ";

/// Aliases that lead to aliases, as far as they are followed.
const DEPTH: usize = 16;

/// Rewrites the types of decorated classes.
pub(super) fn prepare(program: &mut Program, strict_nulls: bool) {
    let mut named = FxHashMap::default();
    if let Program::Module(module) = &*program {
        for item in &module.body {
            match item {
                ModuleItem::Stmt(Stmt::Decl(decl)) => name_type(decl, &mut named),
                ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => name_type(&export.decl, &mut named),
                _ => {}
            }
        }
    }
    program.visit_mut_with(&mut Classes { named, strict_nulls });
}

/// Gives classes their names back.
pub(super) fn amend(program: &mut Program) {
    program.visit_mut_with(&mut Restore);
}

/// What a name of the file stands for where it is a type alone.
enum Named {
    Alias(Box<TsType>),
    Object,
}

fn name_type(decl: &Decl, named: &mut FxHashMap<Id, Named>) {
    match decl {
        Decl::TsTypeAlias(alias) => {
            let TsTypeAliasDecl { id, type_ann, .. } = &**alias;
            named.insert(id.to_id(), Named::Alias(type_ann.clone()));
        }
        Decl::TsInterface(interface) => {
            named.entry(interface.id.to_id()).or_insert(Named::Object);
        }
        _ => {}
    }
}

struct Classes {
    named: FxHashMap<Id, Named>,
    strict_nulls: bool,
}

impl VisitMut for Classes {
    fn visit_mut_class_decl(&mut self, class: &mut ClassDecl) {
        class.class.visit_mut_children_with(self);
        self.class(&mut class.class, Some(&class.ident.clone()));
    }

    fn visit_mut_class_expr(&mut self, class: &mut ClassExpr) {
        class.class.visit_mut_children_with(self);
        let name = class.ident.clone();
        self.class(&mut class.class, name.as_ref());
    }
}

impl Classes {
    fn class(&self, class: &mut Class, name: Option<&Ident>) {
        let of_class = !class.decorators.is_empty();
        for member in &mut class.body {
            match member {
                ClassMember::ClassProp(property) if !property.decorators.is_empty() => {
                    self.annotation(&mut property.type_ann, name);
                }
                ClassMember::Method(method) => {
                    let function = &mut method.function;
                    let is_decorated = !function.decorators.is_empty()
                        || function.params.iter().any(|param| !param.decorators.is_empty());
                    if is_decorated {
                        function.params.iter_mut().for_each(|param| self.pattern(&mut param.pat, name));
                        if method.kind == MethodKind::Getter || function.return_type.is_some() {
                            self.annotation(&mut function.return_type, name);
                        }
                    }
                }
                ClassMember::Constructor(constructor) => {
                    let is_decorated = of_class || constructor.params.iter().any(has_decorators);
                    for param in constructor.params.iter_mut().filter(|_| is_decorated) {
                        match param {
                            ParamOrTsParamProp::Param(param) => self.pattern(&mut param.pat, name),
                            ParamOrTsParamProp::TsParamProp(property) => match &mut property.param {
                                TsParamPropParam::Ident(id) => self.annotation(&mut id.type_ann, name),
                                TsParamPropParam::Assign(assigned) => self.pattern(&mut assigned.left, name),
                            },
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn pattern(&self, pattern: &mut Pat, name: Option<&Ident>) {
        match pattern {
            Pat::Ident(id) => self.annotation(&mut id.type_ann, name),
            Pat::Array(array) => self.annotation(&mut array.type_ann, name),
            Pat::Object(object) => self.annotation(&mut object.type_ann, name),
            Pat::Assign(assigned) => self.pattern(&mut assigned.left, name),
            Pat::Rest(rest) => {
                // The metadata of a rest parameter is that of one element.
                let element = rest.type_ann.as_ref().and_then(|annotation| element_of(&annotation.type_ann));
                rest.type_ann = Some(Box::new(annotation(element.unwrap_or_else(any))));
                self.annotation(&mut rest.type_ann, name);
            }
            Pat::Invalid(_) | Pat::Expr(_) => {}
        }
    }

    fn annotation(&self, annotated: &mut Option<Box<TsTypeAnn>>, name: Option<&Ident>) {
        let annotated = annotated.get_or_insert_with(|| Box::new(annotation(any())));
        self.resolve(&mut annotated.type_ann, name, DEPTH);
    }

    fn resolve(&self, written: &mut Box<TsType>, name: Option<&Ident>, depth: usize) {
        match &mut **written {
            TsType::TsParenthesizedType(inner) => self.resolve(&mut inner.type_ann, name, depth),
            TsType::TsUnionOrIntersectionType(TsUnionOrIntersectionType::TsUnionType(union)) => {
                if !self.strict_nulls {
                    union.types.retain(|member| !is_nothing(member));
                }
                union.types.iter_mut().for_each(|member| self.resolve(member, name, depth));
                if union.types.is_empty() {
                    **written = any();
                }
            }
            TsType::TsUnionOrIntersectionType(TsUnionOrIntersectionType::TsIntersectionType(intersection)) => {
                intersection.types.iter_mut().for_each(|member| self.resolve(member, name, depth));
            }
            TsType::TsTypeRef(TsTypeRef { type_name: TsEntityName::Ident(id), .. }) => {
                if name.is_some_and(|name| name.to_id() == id.to_id()) {
                    id.sym = format!("{SELF}{}", id.sym).into();
                    return;
                }
                match self.named.get(&id.to_id()) {
                    Some(Named::Object) => **written = object(),
                    Some(Named::Alias(aliased)) if depth > 0 => {
                        let mut aliased = aliased.clone();
                        self.resolve(&mut aliased, name, depth - 1);
                        // An alias of a class is no value.
                        **written = if matches!(&*aliased, TsType::TsTypeRef(_)) { object() } else { *aliased };
                    }
                    Some(Named::Alias(_)) | None => {}
                }
            }
            _ => {}
        }
    }
}

fn has_decorators(param: &ParamOrTsParamProp) -> bool {
    match param {
        ParamOrTsParamProp::Param(Param { decorators, .. }) => !decorators.is_empty(),
        ParamOrTsParamProp::TsParamProp(property) => !property.decorators.is_empty(),
    }
}

/// The type of the elements of an array type.
fn element_of(array: &TsType) -> Option<TsType> {
    match array {
        TsType::TsArrayType(array) => Some((*array.elem_type).clone()),
        TsType::TsTypeRef(TsTypeRef { type_name: TsEntityName::Ident(id), type_params: Some(params), .. })
            if matches!(&*id.sym, "Array" | "ReadonlyArray") =>
        {
            params.params.first().map(|element| (**element).clone())
        }
        TsType::TsTypeOperator(operator) => element_of(&operator.type_ann),
        _ => None,
    }
}

fn is_nothing(member: &TsType) -> bool {
    let kinds = [TsKeywordTypeKind::TsNullKeyword, TsKeywordTypeKind::TsUndefinedKeyword];
    matches!(member, TsType::TsKeywordType(keyword) if kinds.contains(&keyword.kind))
}

fn keyword(kind: TsKeywordTypeKind) -> TsType {
    TsType::TsKeywordType(TsKeywordType { span: DUMMY_SP, kind })
}

fn any() -> TsType {
    keyword(TsKeywordTypeKind::TsAnyKeyword)
}

fn object() -> TsType {
    keyword(TsKeywordTypeKind::TsObjectKeyword)
}

fn annotation(written: TsType) -> TsTypeAnn {
    TsTypeAnn { span: written.span(), type_ann: Box::new(written) }
}

struct Restore;

impl VisitMut for Restore {
    noop_visit_mut_type!();

    fn visit_mut_ident(&mut self, name: &mut Ident) {
        if let Some(own) = name.sym.strip_prefix(SELF) {
            name.sym = Atom::from(own);
        }
    }
}
