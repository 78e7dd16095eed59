//! What a bundle needs of the engine that runs it.
//!
//! [`Demands`] are the imports and the free names of a bundle. The embedded engine has some of them; a bundle that demands others
//! runs in a worker. Imports are certain. A free name that is only asked about (`typeof window`) is no demand; what is reached
//! through unknown values is not seen.

use webstir_engine::path::RelPath;

use webstir_typescript::source::{ImportKind, ParsedModule};

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
    found.extend(parsed.foreign_globals().into_iter().map(|(name, start)| (Demand::Global(name), start)));
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
