//! JSX in a module: its pragmas, and which runtime function an element needs.

use swc_core::common::{SourceMap, Spanned};
use swc_core::ecma::ast::{Expr, JSXAttrName, JSXAttrOrSpread, JSXOpeningElement};
use swc_core::ecma::transforms::react::{JsxDirectives, Runtime};

use super::{JsxFacts, Parts};

/// The JSX pragmas in the comments before the first statement.
pub(super) fn directives(parts: &Parts) -> JsxFacts {
    let mut facts = JsxFacts::default();
    let Some(comments) = parts.leading.get(&parts.pragma_position()) else { return facts };
    let map = SourceMap::default();
    let found = JsxDirectives::from_comments(&map, parts.program.span(), comments, parts.top);
    let root = |expr: &Expr| {
        let mut expr = expr;
        while let Expr::Member(member) = expr {
            expr = &member.obj;
        }
        expr.as_ident().map(|name| Box::from(&*name.sym))
    };
    facts.automatic = match found.runtime {
        Some(Runtime::Automatic) => Some(true),
        Some(Runtime::Classic) => Some(false),
        _ => None,
    };
    facts.import_source = found.import_source.as_deref().map(Box::from);
    facts.factory = found.pragma.as_deref().and_then(|expr| root(expr));
    facts.fragment = found.pragma_frag.as_deref().and_then(|expr| root(expr));
    facts
}

/// Whether the automatic runtime has to fall back to `createElement`: `key` after a spread.
pub(super) fn uses_create_element(element: &JSXOpeningElement) -> bool {
    let mut spread = false;
    element.attrs.iter().any(|attribute| match attribute {
        JSXAttrOrSpread::SpreadElement(_) => {
            spread = true;
            false
        }
        JSXAttrOrSpread::JSXAttr(attribute) => {
            spread && matches!(&attribute.name, JSXAttrName::Ident(name) if name.sym == "key")
        }
    })
}
