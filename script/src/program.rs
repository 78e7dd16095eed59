//! What is run.
//!
//! A [`Program`] is an *entry* module and the others that it reaches. Each has a *path*, that of its file below the workspace root:
//! relative specifiers start there, and no two modules share one. Any other specifier leads where the *import map* says, unless
//! the engine has the module itself. A linked program has no others.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::code::Code;

/// An entry with all that it imports.
#[derive(Debug, Clone)]
pub struct Program {
    /// What is started.
    pub entry: ProgramModule,
    /// Further modules by path.
    pub others: BTreeMap<String, ProgramModule>,
    /// The paths of what specifiers that are not relative lead to.
    pub imports: BTreeMap<String, String>,
}

/// One ES module of a program.
#[derive(Debug, Clone)]
pub struct ProgramModule {
    /// Below the workspace root, for example `build/backend/module.js`.
    pub path: String,
    /// What `import.meta.url` and frames without a source map name, below the workspace root, for example `src/backend/module.ts`.
    pub name: String,
    /// Its code.
    pub code: Code,
}

/// A source map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceMap {
    /// The document.
    pub json: Arc<str>,
    /// The directory below the workspace root from which relative `sources` start: that of the generated file.
    pub directory: String,
}

/// From modules back to what the user wrote. Asked when the first frame of a module needs it.
pub trait SourceMaps {
    /// The map of the module at `path`, when it has one.
    fn source_map(&self, path: &str) -> Option<SourceMap>;
}

/// No module has a map.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSourceMaps;

impl SourceMaps for NoSourceMaps {
    fn source_map(&self, _path: &str) -> Option<SourceMap> {
        None
    }
}

impl SourceMaps for BTreeMap<String, SourceMap> {
    fn source_map(&self, path: &str) -> Option<SourceMap> {
        self.get(path).cloned()
    }
}

impl Program {
    /// A program of one module, which imports only what [`supported_modules`](crate::supported_modules) names.
    pub fn linked(path: impl Into<String>, name: impl Into<String>, code: Code) -> Self {
        let entry = ProgramModule { path: path.into(), name: name.into(), code };
        Self { entry, others: BTreeMap::new(), imports: BTreeMap::new() }
    }

    /// The module at `path`.
    pub fn module(&self, path: &str) -> Option<&ProgramModule> {
        if self.entry.path == path { Some(&self.entry) } else { self.others.get(path) }
    }

    /// The path of what the module at `importer` imports as `specifier`, when the program has it.
    pub(crate) fn resolve(&self, importer: &str, specifier: &str) -> Option<&str> {
        let path = if specifier.starts_with("./") || specifier.starts_with("../") {
            joined(importer, specifier)?
        } else {
            self.imports.get(specifier)?.clone()
        };
        self.module(&path).map(|module| module.path.as_str())
    }
}

/// The path that a relative specifier of a module names; `None` when it leads out of the root.
fn joined(importer: &str, specifier: &str) -> Option<String> {
    let mut segments: Vec<&str> = importer.split('/').collect();
    segments.pop();
    for segment in specifier.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()?),
            segment => segments.push(segment),
        }
    }
    Some(segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(path: &str) -> ProgramModule {
        ProgramModule { path: path.to_owned(), name: path.to_owned(), code: Code::new("") }
    }

    #[test]
    fn specifiers_lead_to_modules_of_the_program_and_nowhere_else() {
        let others = ["build/a/b.js", "build/packages/zod.js", "top.js"].map(|path| (path.to_owned(), module(path)));
        let imports = [("zod", "build/packages/zod.js"), ("gone", "build/gone.js")];
        let program = Program {
            entry: module("build/module.js"),
            others: others.into(),
            imports: imports.map(|(specifier, path)| (specifier.to_owned(), path.to_owned())).into(),
        };
        for (importer, specifier, path) in [
            ("build/module.js", "./a/b.js", Some("build/a/b.js")),
            ("build/a/b.js", "../module.js", Some("build/module.js")),
            ("build/a/b.js", "./../a//./b.js", Some("build/a/b.js")),
            ("build/a/b.js", "../../top.js", Some("top.js")),
            ("build/a/b.js", "../../../top.js", None),
            ("build/a/b.js", "./c.js", None),
            ("build/a/b.js", "build/module.js", None),
            ("build/a/b.js", "zod", Some("build/packages/zod.js")),
            ("build/a/b.js", "gone", None),
        ] {
            assert_eq!(program.resolve(importer, specifier), path, "{specifier} in {importer}");
        }
    }
}
