//! What webstir knows of a finding that the compiler does not.
//!
//! Since TypeScript 6 no `@types` package is loaded that `types` does not name, and what built-in rules read lies in the workspace.

use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;
use webstir_engine::system::PathKind;
use webstir_engine::view::View;

/// Findings that a name is not known, with the packages below `@types` that may declare it.
const DECLARED: &[(&[&str], &[&str])] = &[
    (&["ts2580", "ts2591"], &["node"]),
    (&["ts2581", "ts2592"], &["jquery"]),
    (&["ts2582", "ts2593"], &["jest", "mocha"]),
    (&["ts2867", "ts2868"], &["bun"]),
];

/// What is known besides.
pub(crate) struct Known<'a> {
    /// The project that was checked.
    pub(crate) project: &'a RelPath,
    /// Where packages below `@types` lie that the check could not see.
    pub(crate) unseen: &'a [Box<str>],
    /// The workspace. What is asked of it is discovered.
    pub(crate) view: &'a View,
}

impl Known<'_> {
    /// Adds help to findings that have none.
    pub(crate) fn help(&self, diagnostics: &mut [Diagnostic]) -> std::io::Result<()> {
        for diagnostic in diagnostics.iter_mut().filter(|diagnostic| diagnostic.help.is_none()) {
            let code = diagnostic.code.strip_prefix("typecheck::").unwrap_or_default();
            let declared = DECLARED.iter().find(|(codes, _)| codes.contains(&code));
            if let Some((_, packages)) = declared {
                diagnostic.help = Some(self.declare(packages)?);
            }
        }
        Ok(())
    }

    /// How a package that declares a global name is had.
    fn declare(&self, packages: &[&str]) -> std::io::Result<String> {
        for name in packages {
            if self.is_installed(name)? {
                return Ok(format!(
                    "Add `\"types\": [\"{name}\"]` to `compilerOptions` of `{}`: since version 6 the compiler loads no other `@types`",
                    self.project
                ));
            }
        }
        for place in self.unseen {
            if let Some(name) = packages.iter().find(|name| place.ends_with(&format!("@types/{name}"))) {
                return Ok(format!(
                    "Install `@types/{name}` in the workspace, and add `\"types\": [\"{name}\"]` to `compilerOptions` of `{}`: `{place}` \
                     lies outside of it, where the check does not look",
                    self.project
                ));
            }
        }
        let name = packages[0];
        Ok(format!(
            "Install `@types/{name}` as a development dependency, and add `\"types\": [\"{name}\"]` to `compilerOptions` of `{}`",
            self.project
        ))
    }

    /// Whether the check could see a package below `@types`.
    fn is_installed(&self, name: &str) -> std::io::Result<bool> {
        let mut directory = self.project.parent();
        while let Some(at) = directory {
            let place = at.join(&format!("node_modules/@types/{name}/package.json"));
            if let Ok(place) = place
                && self.view.kind(&place)? == PathKind::File
            {
                return Ok(true);
            }
            directory = at.parent();
        }
        Ok(false)
    }
}

/// The package that was not found, of a finding that says so. Its message begins with what was asked for, in quotes.
pub(crate) fn not_found(diagnostic: &Diagnostic) -> Option<&str> {
    let is_of_checker = diagnostic.code.strip_prefix("typecheck::") == Some("ts2307");
    if diagnostic.code != "bundle::unresolved" && !is_of_checker {
        return None;
    }
    let mut quoted = diagnostic.message.split(['`', '\'']);
    let specifier = quoted.nth(1)?;
    let parts = if specifier.starts_with('@') { 2 } else { 1 };
    let end = specifier.match_indices('/').nth(parts - 1).map_or(specifier.len(), |(end, _)| end);
    Some(&specifier[..end])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use webstir_engine::system::Memory;

    use super::*;
    use crate::programs::compiler::TYPES;

    /// The help of one finding in a workspace with these files.
    fn help(code: &str, message: &str, files: &[(&str, &str)], unseen: &[&str]) -> Option<String> {
        let view = View::new(Arc::new(Memory::with_files(files)));
        let project = RelPath::new("src/backend/tsconfig.json").unwrap();
        let unseen: Vec<Box<str>> = unseen.iter().map(|place| Box::from(*place)).collect();
        let known = Known { project: &project, unseen: &unseen, view: &view };
        let mut diagnostics = [Diagnostic::error(format!("typecheck::{code}"), message)];
        known.help(&mut diagnostics).unwrap();
        diagnostics[0].help.clone()
    }

    #[test]
    fn global_names_are_declared_by_packages() {
        let says = |code: &str, files: &[(&str, &str)], unseen: &[&str]| {
            help(code, "Cannot find name 'x'.", files, unseen).unwrap()
        };
        let node = [("node_modules/@types/node/package.json", "{}")];
        let near = [("src/node_modules/@types/node/package.json", "{}")];
        for files in [&node, &near] {
            assert!(
                says("ts2591", files, &[])
                    .starts_with("Add `\"types\": [\"node\"]` to `compilerOptions` of `src/backend/tsconfig.json`")
            );
        }
        assert!(says("ts2580", &[], &[]).starts_with("Install `@types/node` as a development dependency"));
        let above = says("ts2580", &[], &["../node_modules/@types/bun", "../node_modules/@types/node"]);
        assert!(above.starts_with("Install `@types/node` in the workspace"), "{above}");
        assert!(above.contains("`../node_modules/@types/node` lies outside"), "{above}");
        assert!(says("ts2593", &[("node_modules/@types/mocha/package.json", "{}")], &[]).contains("[\"mocha\"]"));
        assert!(says("ts2868", &[], &[]).contains("`@types/bun`"));
        assert_eq!(help("ts2304", "Cannot find name 'x'.", &node, &[]), None);
    }

    #[test]
    fn every_package_may_lie_above() {
        let mut packages: Vec<_> = DECLARED.iter().flat_map(|(_, packages)| packages.iter().copied()).collect();
        packages.sort_unstable();
        assert_eq!(packages, TYPES);
    }

    #[test]
    fn findings_name_what_was_not_found() {
        for (code, message, name) in [
            ("bundle::unresolved", "There is no package for `@s/a/b` in `node_modules`", Some("@s/a")),
            ("typecheck::ts2307", "Cannot find module 'zod/v4' or its corresponding type declarations.", Some("zod")),
            ("typecheck::ts2322", "Type 'a' is not assignable to type 'b'.", None),
        ] {
            assert_eq!(not_found(&Diagnostic::error(code, message)), name);
        }
    }
}
