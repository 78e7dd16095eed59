//! What a bundle needs of the engine that runs it.
//!
//! [`Demands`] are the imports and the free names of a bundle. The embedded engine has some of them; a bundle that demands others
//! runs in a worker. Imports are certain. A free name that is only asked about (`typeof window`) is no demand; what is reached
//! through unknown values is not seen.

use swc_core::common::{GLOBALS, Span, Spanned, SyntaxContext};
use swc_core::ecma::ast::{Expr, Ident, MemberExpr, MemberProp, UnaryExpr, UnaryOp};
use swc_core::ecma::visit::{Visit, VisitWith};
use webstir_engine::path::RelPath;

use crate::source::{ImportKind, ParsedModule};

/// What the embedded engine lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Demand {
    /// A module of the platform, or a package that was not bundled.
    Import(String),
    /// `import(expression)`, `require(expression)`.
    UnknownImport,
    /// A global, or a member of one: `WebAssembly`, `Bun.serve`.
    Global(String),
}

impl Demand {
    /// What to call it in a sentence.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Import(specifier) => format!("imports `{specifier}`"),
            Self::UnknownImport => "imports a module that is only known when it runs".to_owned(),
            Self::Global(name) => format!("uses `{name}`"),
        }
    }
}

/// Names that interpreters have and the embedded engine has not.
const FOREIGN: &[&str] = &[
    "BroadcastChannel",
    "Deno",
    "EventSource",
    "MessageChannel",
    "SharedWorker",
    "WebAssembly",
    "WebSocket",
    "Worker",
    "XMLHttpRequest",
    "__dirname",
    "__filename",
    "require",
];

/// What the embedded engine has of `Bun`. It has no `version`; who asks for it reads `undefined`, as the text that database
/// modules make of a missing `SQL` does.
const BUN: &[&str] = &["CSRF", "CookieMap", "SQL", "env", "randomUUIDv7", "version"];

/// What the bundle at `path` demands beyond the embedded engine, in the order of the text, each once, with its first byte. A text
/// that does not parse demands nothing: it fails where it is loaded.
pub(crate) fn demands(path: &RelPath, text: &str) -> Vec<(Demand, u32)> {
    let Ok(parsed) = ParsedModule::parse(path, text) else { return Vec::new() };
    let mut found: Vec<(Demand, u32)> = Vec::new();
    for import in &parsed.facts().imports {
        let demand = match import.kind {
            ImportKind::Unknown => Demand::UnknownImport,
            _ if webstir_script::is_builtin(&import.specifier) => continue,
            _ => Demand::Import(import.specifier.to_string()),
        };
        found.push((demand, import.start));
    }
    let names = parsed.consume(|parts| {
        let start = parts.file.start_pos;
        let visitor = GLOBALS.set(&parts.globals, || {
            let unresolved = SyntaxContext::empty().apply_mark(parts.unresolved);
            let mut visitor = FreeNames { unresolved, found: Vec::new() };
            parts.program.visit_with(&mut visitor);
            visitor
        });
        let offset = |span: Span| (span.lo.0.saturating_sub(start.0)) + parts.mark_bytes;
        visitor.found.into_iter().map(|(name, span)| (Demand::Global(name), offset(span))).collect::<Vec<_>>()
    });
    found.extend(names);
    found.sort_by_key(|(_, start)| *start);
    let mut seen: Vec<Demand> = Vec::new();
    found.retain(|(demand, _)| {
        let is_new = !seen.contains(demand);
        if is_new {
            seen.push(demand.clone());
        }
        is_new
    });
    found
}

struct FreeNames {
    unresolved: SyntaxContext,
    found: Vec<(String, Span)>,
}

impl FreeNames {
    fn is_free(&self, name: &Ident, wanted: &str) -> bool {
        name.ctxt == self.unresolved && name.sym == wanted
    }
}

impl Visit for FreeNames {
    fn visit_ident(&mut self, name: &Ident) {
        if name.ctxt != self.unresolved {
            return;
        }
        if FOREIGN.contains(&&*name.sym) {
            self.found.push((name.sym.to_string(), name.span));
        }
    }

    fn visit_unary_expr(&mut self, expression: &UnaryExpr) {
        if expression.op == UnaryOp::TypeOf && matches!(&*expression.arg, Expr::Ident(_)) {
            return;
        }
        expression.visit_children_with(self);
    }

    fn visit_member_expr(&mut self, expression: &MemberExpr) {
        if let Expr::Ident(object) = &*expression.obj
            && self.is_free(object, "Bun")
        {
            let name = match &expression.prop {
                MemberProp::Ident(name) => name.sym.to_string(),
                _ => "[..]".to_owned(),
            };
            if !BUN.contains(&name.as_str()) {
                self.found.push((format!("Bun.{name}"), expression.span()));
            }
        }
        expression.visit_children_with(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let path = RelPath::new("module.js").unwrap();
        demands(&path, text).into_iter().map(|(demand, start)| format!("{start} {}", demand.describe())).collect()
    }

    #[test]
    fn what_the_embedded_engine_has_is_no_demand() {
        let text = "import { join } from 'node:path';\nimport { html } from '@webstir-io/webstir-backend/runtime/views';\n\
            export const a = () => new Bun.CookieMap(new Bun.SQL(Bun.version) + process.env.A + fetch + URL + Buffer + join + html);\n\
            if (typeof window !== 'undefined' && typeof WebAssembly === 'object') {}\n\
            export const b = (require) => require('x'), c = { WebAssembly: 1 }.WebAssembly;";
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn imports_and_free_names_are_demands() {
        let text = "import http from 'node:http';\nimport pg from 'pg';\nawait import(process.argv[2]);\n\
            Bun.serve({}); Bun.serve({}); new WebSocket('x');";
        assert_eq!(
            found(text),
            [
                "17 imports `node:http`",
                "45 imports `pg`",
                "64 imports a module that is only known when it runs",
                "82 uses `Bun.serve`",
                "116 uses `WebSocket`"
            ]
        );
    }

    #[test]
    fn what_does_not_parse_demands_nothing() {
        assert_eq!(found("import ("), Vec::<String>::new());
    }
}
