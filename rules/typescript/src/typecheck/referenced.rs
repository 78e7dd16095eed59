//! The other projects of a workspace.
//!
//! A [`ReferencedProject`] is a project that another rule checks. What this check reads of it is read as its
//! [declarations](crate::declarations), if the referenced project promises with `isolatedDeclarations` that each of its files tells its own
//! types: an edit of a body there is then none of this check's business. Findings in such a file are left to the referenced project's own
//! check, which is why only files count that it is certain to have.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use webstir_engine::diagnostic::{Diagnostic, Span};
use webstir_engine::path::RelPath;
use webstir_engine::view::{Derived, View};

use super::TypecheckError;
use crate::declarations::{DECLARATIONS, Gap, declarations};
use crate::source::Language;
use crate::tsconfig::Sources;

/// How many places are named that keep a file from having declarations.
const NAMED_GAPS: usize = 3;

/// A project that promises no declarations.
const NO_DECLARATIONS: &str = "typecheck::no_declarations";
/// A file whose types only inference tells.
const INFERRED_TYPE: &str = "typecheck::inferred_type";

/// A project that another rule checks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReferencedProject {
    /// Its project file.
    pub project: String,
    /// What it names, if its `isolatedDeclarations` is set.
    pub declares: Option<Sources>,
}

/// The other projects of the workspace, as one project sees them.
#[derive(Debug, Clone)]
pub struct ReferencedProjects {
    own: RelPath,
    /// With their directories; the deepest first.
    all: Vec<(RelPath, ReferencedProject)>,
}

impl Default for ReferencedProjects {
    /// None.
    fn default() -> Self {
        Self { own: RelPath::root(), all: Vec::new() }
    }
}

impl ReferencedProjects {
    /// The referenced projects of `project`. Those in the directory of `project` or below it are none.
    pub fn new(project: &RelPath, referenced: impl IntoIterator<Item = ReferencedProject>) -> Self {
        let own = project.parent().unwrap_or_else(RelPath::root);
        let directory = |project: &ReferencedProject| RelPath::new(&project.project).ok()?.parent();
        let mut all: Vec<_> =
            referenced.into_iter().filter_map(|project| Some((directory(&project)?, project))).collect();
        all.retain(|(directory, _)| !directory.is_within(&own));
        all.sort_by(|(a, _), (b, _)| b.components().count().cmp(&a.components().count()).then_with(|| a.cmp(b)));
        Self { own, all }
    }

    /// Whether the file at `path` belongs to a referenced project.
    pub(super) fn own(&self, path: &RelPath) -> bool {
        self.owners(path).next().is_some()
    }

    /// The referenced projects to which the file at `path` belongs: those of the deepest directory.
    fn owners(&self, path: &RelPath) -> impl Iterator<Item = &ReferencedProject> {
        let is_foreign = !path.is_within(&self.own) && !path.components().any(|part| part == "node_modules");
        let mut owners =
            self.all.iter().filter(move |(directory, _)| is_foreign && path.is_within(directory)).peekable();
        let deepest = owners.peek().map(|(directory, _)| directory);
        owners.take_while(move |(directory, _)| Some(directory) == deepest).map(|(_, project)| project)
    }
}

/// How one check read the files of its referenced projects.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    /// Files that were read as their declarations.
    declared: BTreeSet<RelPath>,
    /// Files that have none, with their text.
    inferred: BTreeMap<RelPath, (Vec<Gap>, String)>,
    /// Projects that promise none.
    silent: BTreeSet<String>,
}

impl Interfaces {
    /// The bytes of the file at `path` as this check may see them; `None` when there is none.
    pub(super) fn read(
        &mut self,
        referenced: &ReferencedProjects,
        view: &View,
        path: &RelPath,
    ) -> Result<Option<Vec<u8>>, TypecheckError> {
        let failed = TypecheckError::workspace(path);
        if !matches!(Language::of(path), Some(Language::TypeScript | Language::TypeScriptJsx)) {
            return view.read(path).map_err(failed);
        }
        let mut owners = referenced.owners(path).peekable();
        let Some(first) = owners.peek().copied() else { return view.read(path).map_err(failed) };
        let declaring: Vec<&Sources> = owners.filter_map(|owner| owner.declares.as_ref()).collect();
        if !declaring.iter().any(|sources| sources.covers(path)) {
            let bytes = view.read(path).map_err(failed)?;
            if bytes.is_some() && declaring.is_empty() {
                self.silent.insert(first.project.clone());
            }
            return Ok(bytes);
        }
        match view.derive(path, &DECLARATIONS).map_err(failed)? {
            Derived::Absent => Ok(None),
            Derived::Derived(bytes) => {
                self.declared.insert(path.clone());
                Ok(Some(bytes))
            }
            Derived::Source(bytes) => {
                if let Ok(text) = std::str::from_utf8(&bytes)
                    && let Err(gaps) = declarations(path, text)
                    && !gaps.is_empty()
                {
                    self.inferred.insert(path.clone(), (gaps, text.to_owned()));
                }
                Ok(Some(bytes))
            }
        }
    }

    /// Whether no file of a referenced project was read.
    pub(super) fn is_empty(&self) -> bool {
        self.declared.is_empty() && self.inferred.is_empty() && self.silent.is_empty()
    }

    /// Whether the file was read as its declarations, so that places in it are none of the source.
    pub(super) fn is_declared(&self, path: &RelPath) -> bool {
        self.declared.contains(path)
    }

    /// What keeps this check from being spared edits of its referenced projects' bodies.
    pub(super) fn hints(&self) -> Vec<Diagnostic> {
        let silent = self.silent.iter().filter_map(|project| {
            let file = RelPath::new(project).ok()?;
            let message = format!("Every edit in the project `{project}` checks the projects that import it again");
            let help = "Set `isolatedDeclarations` and `declaration` in it, so that only edits of what it declares do";
            Some(Diagnostic::info(NO_DECLARATIONS, message).in_file(&file).help(help))
        });
        let gaps = self.inferred.iter().flat_map(|(file, (gaps, text))| {
            gaps.iter().map(move |gap| {
                let span = Span::locate(text, gap.start as usize, gap.end as usize);
                let message = format!("Every edit of `{file}` checks the projects that import it again");
                Diagnostic::info(INFERRED_TYPE, message)
                    .at(file, span)
                    .note(&*gap.message)
                    .help("Write the type here, so that only edits of what the file declares do")
            })
        });
        silent.chain(gaps.take(NAMED_GAPS)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::tsconfig;
    use webstir_engine::discovered::DiscoveredInput;
    use webstir_engine::system::Memory;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn referenced_project(project: &str, config: &str) -> ReferencedProject {
        let (config, _) = tsconfig::load(&path(project), &mut |_| Some(Arc::from(config.as_bytes())));
        ReferencedProject {
            project: project.to_owned(),
            declares: config.isolated_declarations.then_some(config.sources),
        }
    }

    const DECLARES: &str = r#"{"compilerOptions": {"isolatedDeclarations": true}}"#;

    #[test]
    fn a_file_belongs_to_the_deepest_project() {
        let all = ["tsconfig.json", "p/a/tsconfig.json", "p/a/tsconfig.test.json", "p/b/c/tsconfig.json"];
        let referenced = ReferencedProjects::new(
            &path("p/b/tsconfig.json"),
            all.map(|project| referenced_project(project, DECLARES)),
        );
        let owners =
            |file: &str| -> Vec<_> { referenced.owners(&path(file)).map(|project| project.project.clone()).collect() };
        assert_eq!(owners("p/a/x.ts"), ["p/a/tsconfig.json", "p/a/tsconfig.test.json"]);
        assert_eq!(owners("p/x.ts"), ["tsconfig.json"]);
        assert!(owners("p/b/x.ts").is_empty());
        // What lies below the own directory is the project's own.
        assert!(owners("p/b/c/x.ts").is_empty());
        assert!(owners("p/a/node_modules/q/x.ts").is_empty());
        assert!(ReferencedProjects::default().owners(&path("p/a/x.ts")).next().is_none());
    }

    #[test]
    fn each_file_is_read_as_it_may_be_seen() {
        let files = [
            ("a/body.ts", "export function f(): number { return 1; }"),
            ("a/gap.ts", "export const gap = f();"),
            ("a/types.d.ts", "export declare const d: 1;"),
            ("a/script.js", "export const j = 1;"),
            ("b/silent.ts", "export const s = 1;"),
            ("own/x.ts", "export const own = 1;"),
        ];
        let view = View::new(Arc::new(Memory::with_files(&files)));
        let all = [referenced_project("a/tsconfig.json", DECLARES), referenced_project("b/tsconfig.json", "{}")];
        let referenced = ReferencedProjects::new(&path("own/tsconfig.json"), all);
        let mut interfaces = Interfaces::default();
        for (name, text) in files {
            let read = interfaces.read(&referenced, &view, &path(name)).unwrap().unwrap();
            assert_eq!(read == text.as_bytes(), name != "a/body.ts", "{name}");
        }
        assert_eq!(interfaces.read(&referenced, &view, &path("a/none.ts")).unwrap(), None);
        assert!(interfaces.is_declared(&path("a/body.ts")) && !interfaces.is_declared(&path("a/gap.ts")));
        let derived = view.discovered().iter().filter(|(_, seen)| matches!(seen, DiscoveredInput::Derived(..))).count();
        assert_eq!(derived, 1);
        let hints = interfaces.hints();
        let codes: Vec<_> = hints.iter().map(|hint| (&*hint.code, hint.file.as_ref().unwrap().as_str())).collect();
        assert_eq!(codes, [(NO_DECLARATIONS, "b/tsconfig.json"), (INFERRED_TYPE, "a/gap.ts")]);
        assert_eq!(hints[1].span.map(|span| (span.start, span.end)), Some((13, 16)));
        assert_eq!(hints[1].notes, ["Variable must have an explicit type annotation"]);
    }
}
