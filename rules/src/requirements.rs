//! What a bundle needs of the engine that runs it.
//!
//! [`Requirements`] are the imports and the free names of a bundle. The embedded engine has some of them; a bundle that requires others
//! runs in a worker. Imports are certain. A free name that is only asked about (`typeof window`) is no requirement; what is reached
//! through unknown values is not seen.

use webstir_engine::path::RelPath;

use webstir_typescript::source::{ImportKind, ParsedModule};

/// What the embedded engine lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// A module of the platform, or a package that was not bundled.
    Import(String),
    /// `import(expression)`, `require(expression)`.
    UnknownImport,
    /// A global, or a member of one: `WebAssembly`, `Bun.serve`.
    Global(String),
}

impl Requirement {
    /// What to call it in a sentence.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Import(specifier) => format!("imports `{specifier}`"),
            Self::UnknownImport => "imports a module that is only known when it runs".to_owned(),
            Self::Global(name) => format!("uses `{name}`"),
        }
    }
}

/// What the bundle at `path` requires beyond the embedded engine, in the order of the text, each once, with its first byte. A text
/// that does not parse requires nothing: it fails where it is loaded.
pub(crate) fn requirements(path: &RelPath, text: &str) -> Vec<(Requirement, u32)> {
    let Ok(parsed) = ParsedModule::parse(path, text) else { return Vec::new() };
    let mut found: Vec<(Requirement, u32)> = Vec::new();
    for import in &parsed.facts().imports {
        let requirement = match import.kind {
            ImportKind::Unknown => Requirement::UnknownImport,
            _ if webstir_script::is_builtin(&import.specifier) => continue,
            _ => Requirement::Import(import.specifier.to_string()),
        };
        found.push((requirement, import.start));
    }
    found.extend(parsed.foreign_globals().into_iter().map(|(name, start)| (Requirement::Global(name), start)));
    found.sort_by_key(|(_, start)| *start);
    let mut seen: Vec<Requirement> = Vec::new();
    found.retain(|(requirement, _)| {
        let is_new = !seen.contains(requirement);
        if is_new {
            seen.push(requirement.clone());
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
        requirements(&path, text)
            .into_iter()
            .map(|(requirement, start)| format!("{start} {}", requirement.describe()))
            .collect()
    }

    #[test]
    fn what_the_embedded_engine_has_is_no_requirement() {
        let text = "import { join } from 'node:path';\nimport { html } from '@webstir-io/webstir-backend/runtime/views';\n\
            export const a = () => new Bun.CookieMap(new Bun.SQL(Bun.version) + process.env.A + fetch + URL + Buffer + join + html);\n\
            if (typeof window !== 'undefined' && typeof WebAssembly === 'object') {}\n\
            export const b = (require) => require('x'), c = { WebAssembly: 1 }.WebAssembly;";
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn imports_and_free_names_are_requirements() {
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
    fn what_does_not_parse_requires_nothing() {
        assert_eq!(found("import ("), Vec::<String>::new());
    }
}
