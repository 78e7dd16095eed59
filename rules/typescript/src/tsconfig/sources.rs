//! Which files a project names: `files`, `include` and `exclude`.
//!
//! [`Sources`] answers for certain or not at all: a file that it [covers](Sources::covers) is checked with the project, one that it
//! does not cover may be.

use jsonc_parser::ast::{Object, Value};
use serde::{Deserialize, Serialize};
use webstir_engine::config::glob::{self, Globs};
use webstir_engine::path::RelPath;

/// Directories that no `include` enters by itself.
const PACKAGES: [&str; 3] = ["node_modules", "bower_components", "jspm_packages"];

/// What a project names. All paths and patterns are relative to the workspace root.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sources {
    /// The directory of the project.
    directory: String,
    /// `files`; `None` when not written.
    files: Option<Box<[String]>>,
    /// `include`; `None` when not written.
    include: Option<Box<[String]>>,
    /// `exclude`; `None` when not written.
    exclude: Option<Box<[String]>>,
    /// `outDir` and `declarationDir`, which are excluded unless `exclude` is written.
    outputs: Box<[String]>,
    /// Something in `exclude` is beyond this reader.
    is_unclear: bool,
}

impl Sources {
    /// What the project of a directory names when its file is empty.
    pub(super) fn of_directory(directory: &RelPath) -> Self {
        Self { directory: directory.as_str().to_owned(), ..Self::default() }
    }

    /// Reads the lists of one file over those of the files that it extends. `directory` is the one of the file.
    pub(super) fn read(&mut self, object: &Object<'_>, directory: &RelPath) {
        let mut unclear = false;
        let mut list = |name: &str| {
            let Value::Array(list) = &object.get(name)?.value else { return None };
            let mut paths = Vec::new();
            for value in &list.elements {
                let Value::StringLit(text) = value else { continue };
                match self.place(&text.value, directory) {
                    Some(path) => paths.push(path),
                    None => unclear |= name == "exclude",
                }
            }
            Some(paths.into_boxed_slice())
        };
        let (files, include, exclude) = (list("files"), list("include"), list("exclude"));
        self.files = files.or_else(|| self.files.take());
        self.include = include.or_else(|| self.include.take());
        if exclude.is_some() {
            self.exclude = exclude;
            self.is_unclear = unclear;
        }
        if let Some(Value::Object(options)) = object.get("compilerOptions").map(|property| &property.value) {
            let mut outputs = Vec::from(std::mem::take(&mut self.outputs));
            for name in ["outDir", "declarationDir"] {
                if let Some(Value::StringLit(text)) = options.get(name).map(|property| &property.value) {
                    outputs.extend(self.place(&text.value, directory));
                }
            }
            self.outputs = outputs.into_boxed_slice();
        }
    }

    /// Where a text points; nothing when that is outside of the workspace or not known.
    fn place(&self, text: &str, directory: &RelPath) -> Option<String> {
        let (text, directory) = match text.strip_prefix("${configDir}") {
            Some(rest) => (rest.trim_start_matches('/'), RelPath::new(&self.directory).ok()?),
            None => (text, directory.clone()),
        };
        directory.join(text).ok().map(|path| path.as_str().to_owned())
    }

    /// Whether the file at `path` is one of the project, whatever else the project imports.
    pub fn covers(&self, path: &RelPath) -> bool {
        if self.files.iter().flatten().any(|file| file == path.as_str()) {
            return true;
        }
        let Some(below) =
            RelPath::new(&self.directory).ok().and_then(|directory| path.strip_prefix(&directory).map(str::to_owned))
        else {
            return false;
        };
        // Patterns do not match what is hidden.
        if below.split('/').any(|part| part.starts_with('.') || PACKAGES.contains(&part)) {
            return false;
        }
        let everything = [self.directory.clone()];
        let include = match (&self.include, &self.files) {
            (Some(include), _) => &include[..],
            (None, Some(_)) => return false,
            (None, None) => &everything,
        };
        let exclude = self.exclude.as_ref().unwrap_or(&self.outputs);
        let is_included = || include.iter().any(|pattern| includes(pattern, path));
        !self.is_unclear && is_included() && !exclude.iter().any(|pattern| excludes(pattern, path))
    }
}

/// Whether `include` with this pattern matches. A last component without `*`, `?` and `.` is a directory.
fn includes(pattern: &str, path: &RelPath) -> bool {
    if pattern.is_empty() {
        return true;
    }
    let last = pattern.rsplit('/').next().unwrap_or_default();
    if last == "**" || !last.contains(['*', '?', '.']) {
        return matches(&format!("{}/**", pattern.trim_end_matches("/**")), path) || pattern == "**";
    }
    matches(pattern, path)
}

/// Whether `exclude` with this pattern matches `path` or a directory above it; so does a pattern that cannot be read.
fn excludes(pattern: &str, path: &RelPath) -> bool {
    let mut above = Some(path.clone());
    while let Some(path) = above {
        if compile(pattern).is_none_or(|globs| globs.is_match(path.as_str())) {
            return true;
        }
        above = path.parent().filter(|parent| !parent.is_root());
    }
    false
}

fn matches(pattern: &str, path: &RelPath) -> bool {
    compile(pattern).is_some_and(|globs| globs.is_match(path.as_str()))
}

/// A pattern knows `*`, `?` and `**`; every other character stands for itself.
fn compile(pattern: &str) -> Option<Globs> {
    let mut text = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        if matches!(character, '[' | ']' | '{' | '}' | '!') {
            text.push('\\');
        }
        text.push(character);
    }
    glob::check(&text).is_ok().then(|| Globs::new([text.as_str()]))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::load;
    use super::*;

    fn covered(config: &str, base: &str) -> Vec<&'static str> {
        const FILES: [&str; 9] = [
            "p/a.ts",
            "p/src/a.ts",
            "p/src/deep/b.tsx",
            "p/src/a.test.ts",
            "p/dist/a.ts",
            "p/test/[x].ts",
            "p/.hidden/a.ts",
            "p/node_modules/q/a.ts",
            "q/a.ts",
        ];
        let project = RelPath::new("p/tsconfig.json").unwrap();
        let (config, _) = load(&project, &mut |path| match path.as_str() {
            "p/tsconfig.json" => Some(Arc::from(config.as_bytes())),
            "base/tsconfig.json" => Some(Arc::from(base.as_bytes())),
            _ => None,
        });
        FILES.into_iter().filter(|file| config.sources.covers(&RelPath::new(file).unwrap())).collect()
    }

    #[test]
    fn everything_below_it_unless_it_says_otherwise() {
        let all = ["p/a.ts", "p/src/a.ts", "p/src/deep/b.tsx", "p/src/a.test.ts", "p/dist/a.ts", "p/test/[x].ts"];
        assert_eq!(covered("{}", ""), all);
        assert_eq!(covered(r#"{"include": ["**/*"]}"#, ""), all);
        assert_eq!(covered(r#"{"include": ["."]}"#, ""), all);
        let sources = ["p/src/a.ts", "p/src/deep/b.tsx", "p/src/a.test.ts"];
        for include in ["src", "./src/", "src/**", "src/**/*", "${configDir}/src", "src/**/*.ts*"] {
            assert_eq!(covered(&format!(r#"{{"include": ["{include}"]}}"#), ""), sources, "{include}");
        }
        assert_eq!(covered(r#"{"include": ["src/*"]}"#, ""), ["p/src/a.ts", "p/src/a.test.ts"]);
        assert_eq!(covered(r#"{"include": ["test/[x].ts"]}"#, ""), ["p/test/[x].ts"]);
        assert_eq!(covered(r#"{"files": ["src/a.ts"]}"#, ""), ["p/src/a.ts"]);
        assert_eq!(covered(r#"{"files": ["../q/a.ts"], "include": ["a.ts"]}"#, ""), ["p/a.ts", "q/a.ts"]);
    }

    #[test]
    fn what_is_excluded_is_not_covered() {
        let exclude = |exclude: &str| covered(&format!(r#"{{"include": ["src"], "exclude": [{exclude}]}}"#), "");
        assert_eq!(exclude(r#""**/*.test.ts""#), ["p/src/a.ts", "p/src/deep/b.tsx"]);
        assert_eq!(exclude(r#""src/deep""#), ["p/src/a.ts", "p/src/a.test.ts"]);
        // What leaves the workspace cannot be told.
        assert!(exclude(r#""../../src""#).is_empty());
        let output = r#"{"compilerOptions": {"outDir": "dist"}, "include": ["dist", "a.ts"]}"#;
        assert_eq!(covered(output, ""), ["p/a.ts"]);
    }

    #[test]
    fn lists_of_a_base_are_relative_to_it() {
        let base = r#"{"include": ["../p/src/*", "${configDir}/a.ts"], "exclude": ["../p/**/a.test.ts"]}"#;
        assert_eq!(covered(r#"{"extends": "../base/tsconfig.json"}"#, base), ["p/a.ts", "p/src/a.ts"]);
        let over = r#"{"extends": "../base/tsconfig.json", "include": ["test"]}"#;
        assert_eq!(covered(over, base), ["p/test/[x].ts"]);
    }

    proptest! {
        #[test]
        fn any_pattern_gives_an_answer(pattern in r"[a-z*?./\[\]{}!\\$é]{0,20}", path in "[a-z./]{1,12}") {
            if let Ok(path) = RelPath::new(&path) {
                let _ = (includes(&pattern, &path), excludes(&pattern, &path));
            }
        }
    }
}
