//! `extends`: which file it names.

use std::sync::Arc;

use jsonc_parser::ast::{StringLit, Value};
use webstir_engine::path::RelPath;

use super::options::Options;
use super::{Loader, Source};

/// How many files stand between a project and the last that it extends.
const MOST_DEEP: usize = 64;

/// How many files are read for a project. A file that is extended twice is read twice, so a few short files may ask for very many.
const MOST_FILES: usize = 1_000;

impl Loader<'_, '_> {
    /// Reads what `value` names into `options`, in order: later files win over earlier ones.
    pub(super) fn extends(&mut self, source: &Source<'_>, value: &Value<'_>, options: &mut Options) {
        match value {
            Value::StringLit(name) => self.extend(source, name, options),
            Value::Array(names) => {
                for name in &names.elements {
                    match name {
                        Value::StringLit(name) => self.extend(source, name, options),
                        value => self.found.push(source.error("tsconfig::extends", "Expected a file name", value)),
                    }
                }
            }
            value => {
                let message = "`extends` must be a file name or a list of file names";
                self.found.push(source.error("tsconfig::extends", message, value));
            }
        }
    }

    fn extend(&mut self, source: &Source<'_>, name: &StringLit<'_>, options: &mut Options) {
        let Some((path, bytes)) = self.locate(source, &name.value) else {
            let message = format!("There is no configuration `{}` to extend", name.value);
            self.found.push(source.error("tsconfig::extends", message, name));
            return;
        };
        if let Some(start) = self.open.iter().position(|open| *open == path) {
            let chain: Vec<String> = self.open[start..].iter().chain([&path]).map(|path| format!("`{path}`")).collect();
            let error = source.error("tsconfig::cycle", "A configuration extends itself", name);
            self.found.push(error.note(chain.join(" extends ")));
            return;
        }
        if self.open.len() >= MOST_DEEP || self.files.len() >= MOST_FILES {
            // Said once: where one is too many, the others are too.
            if !self.is_full {
                let message = format!("At most {MOST_FILES} configurations may be extended, {MOST_DEEP} deep");
                self.found.push(source.error("tsconfig::extends", message, name));
            }
            self.is_full = true;
            return;
        }
        self.file(&path, &bytes, options);
    }

    fn locate(&mut self, source: &Source<'_>, name: &str) -> Option<(RelPath, Arc<[u8]>)> {
        let directory = source.directory();
        if name.starts_with("./") || name.starts_with("../") || name == "." || name == ".." {
            return self.with_json(&directory.join(name).ok()?);
        }
        let mut directory = Some(directory);
        while let Some(above) = directory {
            if let Some(found) = above.join("node_modules").ok().and_then(|modules| self.in_package(&modules, name)) {
                return Some(found);
            }
            directory = above.parent();
        }
        None
    }

    /// The file itself, or with `.json` behind its name.
    fn with_json(&mut self, path: &RelPath) -> Option<(RelPath, Arc<[u8]>)> {
        if let Some(bytes) = (self.read)(path) {
            return Some((path.clone(), bytes));
        }
        if path.extension() == "json" {
            return None;
        }
        let path = RelPath::new(&format!("{}.json", path.as_str())).ok()?;
        (self.read)(&path).map(|bytes| (path, bytes))
    }

    fn in_package(&mut self, modules: &RelPath, name: &str) -> Option<(RelPath, Arc<[u8]>)> {
        let slash = if name.starts_with('@') { name.find('/').map(|slash| slash + 1) } else { Some(0) }?;
        let (package, subpath) = match name[slash..].find('/') {
            Some(end) => (&name[..slash + end], &name[slash + end + 1..]),
            None => (name, ""),
        };
        let package = modules.join(package).ok()?;
        let manifest: Option<serde_json::Value> =
            (self.read)(&package.join("package.json").ok()?).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(manifest) = &manifest {
            if let Some(exports) = manifest.get("exports")
                && let Some(target) = exported(exports, subpath)
                && let Some(found) = self.with_json(&package.join(target).ok()?)
            {
                return Some(found);
            }
            if subpath.is_empty()
                && let Some(target) = manifest.get("tsconfig").and_then(serde_json::Value::as_str)
                && let Some(found) = self.with_json(&package.join(target).ok()?)
            {
                return Some(found);
            }
        }
        if subpath.is_empty() {
            return self.with_json(&package.join("tsconfig.json").ok()?);
        }
        let path = package.join(subpath).ok()?;
        self.with_json(&path).or_else(|| self.with_json(&path.join("tsconfig.json").ok()?))
    }
}

/// What the `exports` of a package say about one subpath. Patterns are not followed: configurations are exported by name.
fn exported<'a>(exports: &'a serde_json::Value, subpath: &str) -> Option<&'a str> {
    let key = if subpath.is_empty() { ".".to_owned() } else { format!("./{subpath}") };
    let entry = exports.get(&key).or_else(|| exports.get(format!("{key}.json")))?;
    let mut entry = entry;
    loop {
        match entry {
            serde_json::Value::String(target) => return Some(target),
            serde_json::Value::Object(conditions) => {
                entry = conditions
                    .iter()
                    .find(|(name, _)| matches!(name.as_str(), "node" | "require" | "import" | "types" | "default"))?
                    .1;
            }
            _ => return None,
        }
    }
}
