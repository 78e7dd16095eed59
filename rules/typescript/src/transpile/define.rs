//! Free names replaced by expressions, for example `process.env.NODE_ENV` by `"production"`.

use std::collections::BTreeMap;

use swc_core::common::sync::Lrc;
use swc_core::common::{DUMMY_SP, FileName, Mark, SourceMap, Spanned, SyntaxContext};
use swc_core::ecma::ast::{
    AssignTarget, EsVersion, Expr, Id, Ident, KeyValueProp, Lit, MemberExpr, MemberProp, OptChainBase, OptChainExpr,
    Program, Prop, PropName, SimpleAssignTarget, UnaryExpr, UnaryOp, UpdateExpr,
};
use swc_core::ecma::parser::{Syntax, parse_file_as_expr};
use swc_core::ecma::utils::drop_span;
use swc_core::ecma::visit::{VisitMut, VisitMutWith, noop_visit_mut_type};

use super::Fault;
use crate::source::ambient_names;

struct Definition<'a> {
    /// The names in reading order: `process`, `env`, `NODE_ENV`.
    names: Vec<&'a str>,
    value: Box<Expr>,
}

/// Replaces each name of `define` where nothing in the file declares its first part, or only says that it is there (`declare`);
/// says whether a value mentions a name.
pub(super) fn replace(
    program: &mut Program,
    define: &BTreeMap<String, String>,
    unresolved: Mark,
) -> Result<bool, Vec<Fault>> {
    if define.is_empty() {
        return Ok(false);
    }
    let mut mentions_names = false;
    let unresolved = SyntaxContext::empty().apply_mark(unresolved);
    let mut definitions = Vec::with_capacity(define.len());
    for (name, value) in define {
        let Some(value) = parse(value, unresolved) else {
            return Err(vec![Fault {
                code: "transpile::define",
                span: DUMMY_SP,
                message: format!("The value of the definition `{name}` is not a JavaScript expression: `{value}`"),
                help: None,
            }]);
        };
        mentions_names |= !matches!(&*value, Expr::Lit(_));
        definitions.push(Definition { names: name.split('.').collect(), value });
    }
    let ambient = ambient_names(program);
    program.visit_mut_with(&mut Replace { definitions, unresolved, ambient });
    Ok(mentions_names)
}

fn parse(value: &str, unresolved: SyntaxContext) -> Option<Box<Expr>> {
    struct Free(SyntaxContext);
    impl VisitMut for Free {
        fn visit_mut_ident(&mut self, name: &mut Ident) {
            name.ctxt = self.0;
        }
    }
    let map: Lrc<SourceMap> = Lrc::default();
    let file = map.new_source_file(Lrc::new(FileName::Anon), value.to_owned());
    let mut errors = Vec::new();
    let parsed = parse_file_as_expr(&file, Syntax::default(), EsVersion::EsNext, None, &mut errors).ok()?;
    // The parser stops after the expression; what follows it must be nothing.
    let end = (parsed.span_hi().0.checked_sub(file.start_pos.0)?) as usize;
    let rest = value.get(end..)?.trim_start_matches(|c: char| c.is_whitespace() || c == ')');
    if !errors.is_empty() || !rest.is_empty() {
        return None;
    }
    let mut expr = drop_span(parsed);
    expr.visit_mut_with(&mut Free(unresolved));
    Some(expr)
}

struct Replace<'a> {
    definitions: Vec<Definition<'a>>,
    unresolved: SyntaxContext,
    ambient: Vec<Id>,
}

impl Replace<'_> {
    fn value(&self, expr: &Expr) -> Option<&Expr> {
        let name = match expr {
            Expr::Ident(name) => &name.sym,
            Expr::Member(_) | Expr::OptChain(_) => last_name(expr)?,
            _ => return None,
        };
        self.definitions
            .iter()
            .find(|definition| definition.names.last() == Some(&&**name) && self.matches(expr, &definition.names))
            .map(|definition| &*definition.value)
    }

    fn is_free(&self, name: &Ident) -> bool {
        name.ctxt == self.unresolved || self.ambient.contains(&name.to_id())
    }

    fn matches(&self, expr: &Expr, names: &[&str]) -> bool {
        let Some((last, before)) = names.split_last() else { return false };
        match expr {
            Expr::Ident(name) => before.is_empty() && name.sym == **last && self.is_free(name),
            Expr::Member(member) => self.member_matches(member, last, before),
            Expr::OptChain(OptChainExpr { base, .. }) => match &**base {
                OptChainBase::Member(member) => self.member_matches(member, last, before),
                OptChainBase::Call(_) => false,
            },
            Expr::Paren(inner) => self.matches(&inner.expr, names),
            Expr::TsAs(inner) => self.matches(&inner.expr, names),
            Expr::TsNonNull(inner) => self.matches(&inner.expr, names),
            _ => false,
        }
    }

    fn member_matches(&self, member: &MemberExpr, last: &str, before: &[&str]) -> bool {
        !before.is_empty() && is_named(&member.prop, last) && self.matches(&member.obj, before)
    }
}

fn last_name(expr: &Expr) -> Option<&swc_core::atoms::Atom> {
    let property = match expr {
        Expr::Member(member) => &member.prop,
        Expr::OptChain(chain) => match &*chain.base {
            OptChainBase::Member(member) => &member.prop,
            OptChainBase::Call(_) => return None,
        },
        _ => return None,
    };
    match property {
        MemberProp::Ident(name) => Some(&name.sym),
        MemberProp::Computed(computed) => match &*computed.expr {
            Expr::Lit(Lit::Str(name)) => name.value.as_atom(),
            _ => None,
        },
        MemberProp::PrivateName(_) => None,
    }
}

fn is_named(property: &MemberProp, name: &str) -> bool {
    match property {
        MemberProp::Ident(property) => property.sym == *name,
        MemberProp::Computed(computed) => {
            matches!(&*computed.expr, Expr::Lit(Lit::Str(property)) if property.value.as_str() == Some(name))
        }
        MemberProp::PrivateName(_) => false,
    }
}

impl VisitMut for Replace<'_> {
    noop_visit_mut_type!();

    fn visit_mut_expr(&mut self, expr: &mut Expr) {
        if let Some(value) = self.value(expr) {
            *expr = value.clone();
        } else {
            expr.visit_mut_children_with(self);
        }
    }

    // What is written to is not a value: `process.env.X = 1`, `x++`, `delete process.env.X`.
    fn visit_mut_assign_target(&mut self, target: &mut AssignTarget) {
        match target {
            AssignTarget::Simple(SimpleAssignTarget::Member(member)) => member.visit_mut_children_with(self),
            AssignTarget::Simple(_) => {}
            AssignTarget::Pat(pattern) => pattern.visit_mut_with(self),
        }
    }

    fn visit_mut_update_expr(&mut self, update: &mut UpdateExpr) {
        update.arg.visit_mut_children_with(self);
    }

    fn visit_mut_unary_expr(&mut self, unary: &mut UnaryExpr) {
        if unary.op == UnaryOp::Delete {
            unary.arg.visit_mut_children_with(self);
        } else {
            unary.visit_mut_children_with(self);
        }
    }

    fn visit_mut_prop(&mut self, property: &mut Prop) {
        if let Prop::Shorthand(name) = property {
            let expr = Expr::Ident(name.clone());
            if let Some(value) = self.value(&expr) {
                let key = PropName::Ident(name.clone().into());
                *property = Prop::KeyValue(KeyValueProp { key, value: Box::new(value.clone()) });
            }
            return;
        }
        property.visit_mut_children_with(self);
    }
}
