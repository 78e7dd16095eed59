//! Where the imports of a program lead, from above.
//!
//! [`Imports`] finds every file of the program to which a specifier may lead; the compiler takes one of them. Where that cannot be
//! said, it is [anywhere](Target::Anywhere).

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;
use webstir_engine::discovered::DiscoveredInput;
use webstir_engine::path::RelPath;
use webstir_engine::system::PathKind;

use super::super::session::CompilerOptions;
use super::super::virtual_files::VirtualFiles;
use super::shape::Shape;
use crate::resolve::{is_platform, is_relative};
use crate::tsconfig::TsConfig;

/// Where a specifier may lead.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To one of these files; to none of the program when there are none.
    Files(Vec<RelPath>),
    /// Nobody knows.
    Anywhere,
}

/// The files of a program by what a specifier says of them.
pub(super) struct Imports<'a> {
    /// Files by their paths without extensions.
    stems: BTreeMap<String, Vec<RelPath>>,
    /// `package.json` files that are there.
    manifests: FxHashSet<RelPath>,
    /// Packages that are installed.
    installed: FxHashSet<String>,
    /// Packages of which something lies elsewhere in the workspace.
    linked: FxHashSet<String>,
    /// Packages that the binary brings along.
    built_in: FxHashSet<String>,
    config: Option<&'a TsConfig>,
    /// Whether options move what relative specifiers lead to.
    moves: bool,
    jsx: String,
}

impl<'a> Imports<'a> {
    /// Of a program with these files. `config` is its project file, if all of it is known, and `seen` everything that the compiler
    /// asked about.
    pub(super) fn new<'f>(
        files: impl Iterator<Item = &'f RelPath>,
        seen: &[(RelPath, DiscoveredInput)],
        overlay: &VirtualFiles,
        config: Option<&'a TsConfig>,
        options: &CompilerOptions,
    ) -> Self {
        let mut imports = Self {
            stems: BTreeMap::new(),
            manifests: FxHashSet::default(),
            installed: FxHashSet::default(),
            linked: FxHashSet::default(),
            built_in: overlay.roots().iter().filter_map(|root| package_of(root.as_str())).collect(),
            config,
            moves: options.root_dirs.is_some() || options.module_suffixes.is_some() || options.is_classic,
            jsx: options.jsx_import_source.clone().unwrap_or_else(|| "react".to_owned()),
        };
        for file in files {
            imports.stems.entry(stem(file.as_str()).to_owned()).or_default().push(file.clone());
        }
        for (path, observation) in seen {
            let is_there = matches!(
                observation,
                DiscoveredInput::Kind(PathKind::File | PathKind::Directory)
                    | DiscoveredInput::Content(Some(_))
                    | DiscoveredInput::RealPath(Some(_))
            );
            if !is_there {
                continue;
            }
            if path.file_name() == "package.json" {
                imports.manifests.insert(path.clone());
            }
            let Some(name) = package_of(path.as_str()) else { continue };
            if let DiscoveredInput::RealPath(Some(real)) = observation
                && !is_installed(real)
            {
                imports.linked.insert(name.clone());
            }
            imports.installed.insert(name);
        }
        imports
    }

    /// The files that the file at `importer` may import; `None` when it may be any.
    pub(super) fn of(&self, importer: &RelPath, shape: &Shape) -> Option<BTreeSet<RelPath>> {
        let mut found = BTreeSet::new();
        let jsx = if shape.has_jsx {
            [format!("{}/jsx-runtime", self.jsx), format!("{}/jsx-dev-runtime", self.jsx)].to_vec()
        } else {
            Vec::new()
        };
        let specifiers = shape.imports.as_ref()?.iter().map(|specifier| &**specifier);
        for specifier in specifiers.chain(jsx.iter().map(String::as_str)) {
            match self.target(importer, specifier) {
                Target::Files(files) => found.extend(files),
                Target::Anywhere => return None,
            }
        }
        Some(found)
    }

    fn target(&self, importer: &RelPath, specifier: &str) -> Target {
        if is_relative(specifier) {
            let base = importer.parent().and_then(|directory| directory.join(specifier).ok());
            // What lies above the root is not seen.
            let Some(base) = base else { return Target::Files(Vec::new()) };
            if self.moves {
                return Target::Anywhere;
            }
            return self.file(&base).map_or(Target::Anywhere, Target::Files);
        }
        if is_platform(specifier) && !self.is_mapped(specifier) {
            return Target::Files(Vec::new());
        }
        let Some(config) = self.config else { return Target::Anywhere };
        if specifier.is_empty() || specifier.starts_with(['#', '/']) || config.base_url.is_some() || self.moves {
            return Target::Anywhere;
        }
        let mut mapped = Vec::new();
        for mapping in &config.paths {
            let Some(star) = mapping.star(specifier) else { continue };
            for substitution in &mapping.substitutions {
                let base = RelPath::new(&substitution.as_str().replacen('*', star, 1)).ok();
                mapped.extend(base.and_then(|base| self.file(&base)).into_iter().flatten());
            }
            if mapped.is_empty() {
                return Target::Anywhere;
            }
        }
        if !mapped.is_empty() {
            return Target::Files(mapped);
        }
        let Some(name) = package_name(specifier) else { return Target::Anywhere };
        let types = format!("@types/{}", name.strip_prefix('@').unwrap_or(name).replace('/', "__"));
        if self.linked.contains(name) || self.linked.contains(&types) {
            return Target::Anywhere;
        }
        // A name that is not installed may be the workspace's own.
        let is_package = self.installed.contains(name) || self.installed.contains(&types);
        if is_package || self.built_in.contains(name) || is_installed(importer) {
            return Target::Files(Vec::new());
        }
        Target::Anywhere
    }

    fn is_mapped(&self, specifier: &str) -> bool {
        self.config.is_none_or(|config| config.paths.iter().any(|path| path.star(specifier).is_some()))
    }

    /// The files for which `base` may stand; `None` when there is none.
    fn file(&self, base: &RelPath) -> Option<Vec<RelPath>> {
        let mut found = self.stems.get(base.as_str()).cloned().unwrap_or_default();
        let inner = stem(base.as_str());
        if inner != base.as_str() {
            found.extend(self.stems.get(inner).into_iter().flatten().cloned());
        }
        // A directory stands behind a file, unless it is one of JavaScript.
        if !found.iter().any(|file| matches!(file.extension(), "ts" | "tsx" | "mts" | "cts")) {
            let manifest = base.join("package.json").ok()?;
            if self.manifests.contains(&manifest) {
                return None;
            }
            let index = base.join("index").ok()?;
            found.extend(self.stems.get(index.as_str()).into_iter().flatten().cloned());
        }
        (!found.is_empty()).then_some(found)
    }
}

/// A path without what an import may leave out or write otherwise.
fn stem(path: &str) -> &str {
    const EXTENSIONS: [&str; 13] =
        [".d.ts", ".d.mts", ".d.cts", ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".d"];
    EXTENSIONS.iter().find_map(|extension| path.strip_suffix(extension)).unwrap_or(path)
}

/// Whether the file belongs to an installed package.
pub(super) fn is_installed(path: &RelPath) -> bool {
    path.components().any(|part| part == "node_modules")
}

/// The package to which a path below `node_modules` belongs.
fn package_of(path: &str) -> Option<String> {
    let (_, below) = path.rsplit_once("node_modules/")?;
    package_name(below).map(str::to_owned)
}

/// `zod` of `zod/v4`, `@scope/name` of `@scope/name/more`.
fn package_name(specifier: &str) -> Option<&str> {
    let slash = |from: usize| specifier[from..].find('/').map(|at| from + at);
    let end = if specifier.starts_with('@') { slash(slash(0)? + 1) } else { slash(0) };
    Some(&specifier[..end.unwrap_or(specifier.len())]).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tsconfig;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn every_file_that_the_compiler_may_take() {
        let files = [
            "src/a.ts",
            "src/b.d.ts",
            "src/b.js",
            "src/c/index.tsx",
            "src/d/index.ts",
            "src/d/main.ts",
            "src/e.json",
            "src/f.d.css.ts",
            "lib/g.ts",
            "src/h.js",
            "src/h/index.ts",
        ]
        .map(path);
        let there = DiscoveredInput::Kind(PathKind::Directory);
        let seen = [
            (path("src/d/package.json"), DiscoveredInput::Kind(PathKind::File)),
            (path("node_modules/zod"), there.clone()),
            (path("node_modules/@types/react"), there.clone()),
            (path("node_modules/@ws/core"), there.clone()),
            (path("node_modules/@ws/core/i.ts"), DiscoveredInput::RealPath(Some(path("packages/core/i.ts")))),
            (path("node_modules/absent"), DiscoveredInput::Kind(PathKind::Absent)),
        ];
        let config = br#"{"compilerOptions": {"paths": {"@/*": ["./src/*", "./lib/*"], "exact": ["./lib/g.ts"]}}}"#;
        let (config, _) = tsconfig::load(&path("tsconfig.json"), &mut |_| Some(std::sync::Arc::from(&config[..])));
        let options = CompilerOptions::default();
        let imports = Imports::new(files.iter(), &seen, &VirtualFiles::default(), Some(&config), &options);
        let target = |specifier: &str| match imports.target(&path("src/a.ts"), specifier) {
            Target::Anywhere => "?".to_owned(),
            Target::Files(files) => files.iter().map(RelPath::as_str).collect::<Vec<_>>().join(" "),
        };
        for (specifier, expected) in [
            ("./b", "src/b.d.ts src/b.js"),
            ("./b.js", "src/b.d.ts src/b.js"),
            ("./c", "src/c/index.tsx"),
            ("./c/index.js", "src/c/index.tsx"),
            ("./d", "?"),
            ("./e.json", "src/e.json"),
            ("./h", "src/h.js src/h/index.ts"),
            ("./f.css", "?"),
            ("../../above", ""),
            ("@/g", "lib/g.ts"),
            ("exact", "lib/g.ts"),
            ("@/none", "?"),
            ("zod", ""),
            ("zod/v4", ""),
            ("react", ""),
            ("@ws/core", "?"),
            ("absent", "?"),
            ("node:fs", ""),
            ("#internal", "?"),
            ("/src/a.ts", "?"),
        ] {
            assert_eq!(target(specifier), expected, "{specifier}");
        }
        let mut moved = CompilerOptions::default();
        moved.root_dirs = Some(Vec::new());
        let imports = Imports::new(files.iter(), &seen, &VirtualFiles::default(), Some(&config), &moved);
        assert_eq!(imports.target(&path("src/a.ts"), "./b"), Target::Anywhere);
    }

    #[test]
    fn names_of_packages() {
        for (text, name) in [("a", "a"), ("a/b/c", "a"), ("@a/b", "@a/b"), ("@a/b/c", "@a/b")] {
            assert_eq!(package_name(text), Some(name));
        }
        assert_eq!(package_name("@a"), None);
        assert_eq!(package_of("x/node_modules/a/node_modules/@b/c/d.ts").as_deref(), Some("@b/c"));
    }
}
