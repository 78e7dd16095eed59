//! What a compiler that reads the disk depends on besides its files.
//!
//! Recorded are the project file with all that it extends and references, the directories from which files are collected, each
//! `package.json` and each `node_modules` on the way up. That covers what is added and removed; a file that is added where an
//! import of an unlisted directory would find it is not seen.

use std::collections::BTreeSet;
use std::sync::Arc;

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::Value;
use webstir_engine::path::RelPath;

use crate::tsconfig;
use crate::typecheck::TypecheckError;
use crate::typecheck::workspace::Workspace;

const DEPENDENCIES: &str = "node_modules";

/// What a project file says, with all that it extends.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    seen: BTreeSet<RelPath>,
    /// Whether anything says what is collected; otherwise it is all below the project file.
    is_selective: bool,
    roots: BTreeSet<RelPath>,
    excluded: BTreeSet<RelPath>,
    incremental: Option<bool>,
    composite: Option<bool>,
}

impl Configuration {
    /// Reads a project file and all that it extends and references.
    pub(super) fn read(workspace: &mut Workspace<'_>, project: &RelPath) -> Result<Self, TypecheckError> {
        let mut configuration = Self::default();
        configuration.add(workspace, project)?;
        if !configuration.is_selective {
            configuration.roots.insert(project.parent().unwrap_or_else(RelPath::root));
        }
        Ok(configuration)
    }

    /// Whether the compiler keeps build information, which it writes even when it emits nothing.
    pub(super) fn keeps_build_information(&self) -> bool {
        self.incremental == Some(true) || self.composite == Some(true)
    }

    fn add(&mut self, workspace: &mut Workspace<'_>, path: &RelPath) -> Result<(), TypecheckError> {
        if !self.seen.insert(path.clone()) {
            return Ok(());
        }
        let directory = path.parent().unwrap_or_else(RelPath::root);
        let text = workspace.read(path)?.map_or(String::new(), |text| text.content().to_owned());
        let parsed: Value = parse_to_serde_value(&text, &ParseOptions::default()).unwrap_or(Value::Null);
        let below = |name: &Value| name.as_str().and_then(|name| directory.join(fixed_part(name)).ok());
        let options = &parsed["compilerOptions"];
        self.excluded.extend([&options["outDir"], &options["declarationDir"]].into_iter().filter_map(below));
        self.excluded.extend(each(&parsed["exclude"]).filter_map(below).filter(|path| *path != directory));
        self.is_selective |= !(parsed["files"].is_null() && parsed["include"].is_null());
        self.roots.extend(each(&parsed["include"]).filter_map(below));
        // What is said first counts: by the file itself, then by the last that it extends.
        self.incremental = self.incremental.or(options["incremental"].as_bool());
        self.composite = self.composite.or(options["composite"].as_bool());
        let extended: Vec<_> = each(&parsed["extends"]).filter_map(Value::as_str).collect();
        for extended in extended.into_iter().rev() {
            if let Some(path) = extended_path(workspace, &directory, extended)? {
                self.add(workspace, &path)?;
            }
        }
        for referenced in each(&parsed["references"]).filter_map(|reference| reference["path"].as_str()) {
            let Ok(mut path) = directory.join(referenced) else { continue };
            if path.extension() != "json" {
                let Ok(file) = path.join("tsconfig.json") else { continue };
                path = file;
            }
            workspace.read(&path)?;
        }
        Ok(())
    }
}

/// Records the inputs of `project` in the view, `files` being read already.
pub(super) fn record(
    workspace: &mut Workspace<'_>,
    project: &RelPath,
    configuration: &Configuration,
    files: &[RelPath],
) -> Result<(), TypecheckError> {
    let mut directories = BTreeSet::new();
    for path in files.iter().chain([project]) {
        let mut directory = path.parent();
        while let Some(parent) = directory {
            directory = parent.parent();
            if !directories.insert(parent) {
                break;
            }
        }
    }
    for directory in &directories {
        if let Ok(manifest) = directory.join("package.json") {
            workspace.read(&manifest)?;
        }
        if !is_dependency(directory) {
            list_dependencies(workspace, directory)?;
        }
    }
    for root in &configuration.roots {
        walk(workspace, root, &configuration.excluded, &mut BTreeSet::new())?;
    }
    Ok(())
}

fn is_dependency(path: &RelPath) -> bool {
    path.components().any(|part| part == DEPENDENCIES)
}

/// The names of the packages that imports from `directory` find.
fn list_dependencies(workspace: &mut Workspace<'_>, directory: &RelPath) -> Result<(), TypecheckError> {
    let Ok(dependencies) = directory.join(DEPENDENCIES) else { return Ok(()) };
    for name in workspace.list(&dependencies)?.1 {
        if name.starts_with('@')
            && let Ok(scope) = dependencies.join(&name)
        {
            workspace.list(&scope)?;
        }
    }
    Ok(())
}

/// The elements of an array, or the value itself.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

/// The directory above the first wildcard of a pattern.
fn fixed_part(pattern: &str) -> &str {
    match pattern.find(['*', '?', '$']) {
        Some(wildcard) => pattern[..wildcard].rfind('/').map_or("", |slash| &pattern[..slash]),
        None => pattern,
    }
}

/// The file that `extends` names: relative, or in a package.
fn extended_path(
    workspace: &mut Workspace<'_>,
    directory: &RelPath,
    name: &str,
) -> Result<Option<RelPath>, TypecheckError> {
    let mut failure = None;
    let mut read = |path: &RelPath| match workspace.read(path) {
        Ok(text) => text.map(|text| Arc::from(text.content().as_bytes())),
        Err(error) => {
            failure.get_or_insert(error);
            None
        }
    };
    let found = tsconfig::locate(&mut read, directory, name).map(|(path, _)| path);
    failure.map_or(Ok(found), Err)
}

/// Lists a directory and all below it from which a wildcard collects files.
fn walk(
    workspace: &mut Workspace<'_>,
    directory: &RelPath,
    excluded: &BTreeSet<RelPath>,
    seen: &mut BTreeSet<RelPath>,
) -> Result<(), TypecheckError> {
    let real = workspace.real_path(directory)?;
    if excluded.contains(directory) || !seen.insert(real) {
        return Ok(());
    }
    for name in workspace.list(directory)?.1 {
        let is_hidden = name.starts_with('.') || matches!(&*name, DEPENDENCIES | "bower_components" | "jspm_packages");
        if !is_hidden && let Ok(below) = directory.join(&name) {
            walk(workspace, &below, excluded, seen)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::typecheck::VirtualFiles;
    use webstir_engine::discovered::DiscoveredInput;
    use webstir_engine::system::Memory;
    use webstir_engine::view::View;

    #[test]
    fn patterns_begin_with_a_directory() {
        assert_eq!(fixed_part("src/**/*.ts"), "src");
        assert_eq!(fixed_part("../shared/"), "../shared/");
        assert_eq!(fixed_part("*.ts"), "");
        assert_eq!(fixed_part("src/back*/x"), "src");
    }

    #[test]
    fn review_6_20_what_a_package_exports_is_recorded() {
        let exports = r#"{"exports": {"./*": {"require": "./configs/*.json"}}}"#;
        let files = [
            ("app/tsconfig.json", r#"{ "extends": ["shared", "@own/config/strict"], "files": [] }"#),
            ("node_modules/shared/package.json", r#"{"exports": "./base.json"}"#),
            ("node_modules/shared/base.json", r#"{"compilerOptions": {"composite": true}}"#),
            ("node_modules/@own/config/package.json", exports),
            ("node_modules/@own/config/configs/strict.json", r#"{"compilerOptions": {"incremental": true}}"#),
        ];
        let view = View::new(Arc::new(Memory::with_files(&files)));
        let overlay = VirtualFiles::default();
        let mut workspace = Workspace::new(&view, &overlay, None);
        let project = RelPath::new("app/tsconfig.json").unwrap();
        let configuration = Configuration::read(&mut workspace, &project).unwrap();
        assert!(configuration.keeps_build_information());
        let discovered = view.discovered();
        for (file, _) in &files[1..] {
            let is_read = |(path, seen): &(RelPath, DiscoveredInput)| {
                path.as_str() == *file && matches!(seen, DiscoveredInput::Content(Some(_)))
            };
            assert!(discovered.iter().any(is_read), "{file}: {discovered:?}");
        }
    }

    #[test]
    fn records_configuration_directories_and_packages() {
        let files = [
            (
                "app/tsconfig.json",
                r#"{ "extends": ["@tsconfig/node", "../base"], "include": ["src/**/*", "../lib"], // c
                "compilerOptions": {"outDir": "src/out"} }"#,
            ),
            ("base.json", r#"{"compilerOptions": {"composite": true}}"#),
            ("node_modules/@tsconfig/node/tsconfig.json", r#"{"compilerOptions": {"composite": false}}"#),
            ("app/src/deep/a.ts", ""),
            ("app/src/out/a.js", ""),
            ("lib/b.ts", ""),
            ("other/c.ts", ""),
        ];
        let view = View::new(Arc::new(Memory::with_files(&files)));
        let overlay = VirtualFiles::default();
        let mut workspace = Workspace::new(&view, &overlay, None);
        let path = |text: &str| RelPath::new(text).unwrap();
        let project = path("app/tsconfig.json");
        let configuration = Configuration::read(&mut workspace, &project).unwrap();
        assert!(configuration.keeps_build_information());
        record(&mut workspace, &project, &configuration, &[path("app/src/deep/a.ts"), path("lib/b.ts")]).unwrap();
        let discovered = view.discovered();
        let read: Vec<_> = discovered
            .iter()
            .filter(|(_, input)| matches!(input, DiscoveredInput::Content(Some(_))))
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(read, ["app/tsconfig.json", "base.json", "node_modules/@tsconfig/node/tsconfig.json"]);
        let listed: Vec<_> = discovered
            .iter()
            .filter(|(_, input)| matches!(input, DiscoveredInput::Selected(..)))
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(listed, ["app/src", "app/src/deep", "lib", "node_modules", "node_modules/@tsconfig"]);
        let absent = (path("app/src/package.json"), DiscoveredInput::Content(None));
        assert!(discovered.contains(&absent));
    }
}
