//! Where a specifier leads.
//!
//! What a `package.json` says, `imports`, `exports` and the rest, is read by `oxc_resolver` and by nothing else, under the [`Conditions`]
//! of who asks: [`PackageImports`] for modules of the workspace while they are planned, [`packages`] for the linker. [`resolve_local`]
//! finds modules of the workspace by what their directories hold and by `tsconfig.json`, and tells packages and builtins apart from them.
//! It asks a [`Probe`] about each candidate in turn, so that misses are known too. That part is not given to `oxc_resolver`: its answers
//! are kept in the resolver, so each module needs one of its own, which asks four times as much and takes twice as long.

mod conditions;
mod imports;
pub mod packages;

use nodejs_built_in_modules::is_nodejs_builtin_module;
use webstir_engine::path::RelPath;
use webstir_engine::system::PathKind;

use crate::tsconfig::TsConfig;

pub use conditions::{Asked, Conditions, Platform};
use imports::Target;
pub use imports::{PackageImports, imports_of};

/// What is at a path. Each question may be recorded.
pub trait Probe {
    /// What is there, links followed.
    fn kind(&self, path: &RelPath) -> PathKind;
}

/// What a specifier leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// A file of the workspace.
    Module(RelPath),
    /// A package, to be looked up in `node_modules`.
    Package {
        /// `zod`, `@scope/name`.
        name: Box<str>,
        /// What follows the name, without the slash; empty for the package itself.
        subpath: Box<str>,
    },
    /// A module of Node, without `node:`.
    Builtin(Box<str>),
    /// `https:`, `data:` and other URLs.
    Url,
    /// Nothing.
    Missing {
        /// Every file that would have been taken, in order.
        tried: Vec<RelPath>,
    },
}

/// What resolution needs to know about a project.
#[derive(Debug, Clone, Copy)]
pub struct Project<'a> {
    /// Its `tsconfig.json`.
    pub config: &'a TsConfig,
    /// The `imports` of the `package.json` that the module belongs to; only specifiers that start with `#` need them.
    pub imports: Option<&'a PackageImports>,
}

/// Resolves one specifier of the module `importer`.
pub fn resolve_local(
    importer: &RelPath,
    specifier: &str,
    asked: Asked,
    project: Project<'_>,
    probe: &dyn Probe,
) -> Resolution {
    let mut search = Search { probe, tried: Vec::new() };
    let found = if specifier.starts_with('#') {
        project.imports.and_then(|imports| search.imports(imports, specifier, asked))
    } else {
        search.specifier(importer, specifier, project.config)
    };
    found.unwrap_or(Resolution::Missing { tried: search.tried })
}

struct Search<'a> {
    probe: &'a dyn Probe,
    tried: Vec<RelPath>,
}

impl Search<'_> {
    fn specifier(&mut self, importer: &RelPath, specifier: &str, config: &TsConfig) -> Option<Resolution> {
        if is_relative(specifier) {
            let directory = importer.parent()?;
            return self.module(&directory, specifier);
        }
        if specifier.starts_with("node:") {
            return builtin(specifier).map(|name| Resolution::Builtin(name.into()));
        }
        if specifier.starts_with('/') || specifier.is_empty() {
            return None;
        }
        if let Some(found) = self.paths(specifier, config) {
            return Some(found);
        }
        if let Some(name) = builtin(specifier) {
            return Some(Resolution::Builtin(name.into()));
        }
        if is_url(specifier) {
            return Some(Resolution::Url);
        }
        if let Some(base) = &config.base_url
            && let Some(found) = self.module(base, specifier)
        {
            return Some(found);
        }
        package(specifier)
    }

    fn paths(&mut self, specifier: &str, config: &TsConfig) -> Option<Resolution> {
        let exact = config.paths.iter().find(|path| *path.pattern == *specifier).map(|path| (path, ""));
        // TypeScript takes the pattern with the longest part before `*`.
        let (mapping, star) = exact.or_else(|| {
            let matching = config.paths.iter().filter_map(|path| Some((path, path.star(specifier)?)));
            matching.max_by_key(|(path, _)| path.pattern.find('*'))
        })?;
        mapping.substitutions.iter().find_map(|substitution| {
            let path = RelPath::new(&substitution.as_str().replacen('*', star, 1)).ok()?;
            self.module(&RelPath::root(), path.as_str())
        })
    }

    fn imports(&mut self, imports: &PackageImports, specifier: &str, asked: Asked) -> Option<Resolution> {
        match imports.target(specifier, asked)? {
            Target::File(path) => self.module(&RelPath::root(), path.as_str()),
            Target::Bare(specifier) => match builtin(&specifier) {
                Some(name) => Some(Resolution::Builtin(name.into())),
                None => package(&specifier).filter(|_| !specifier.starts_with("node:")),
            },
        }
    }

    /// The file that `specifier`, as seen from `directory`, stands for.
    fn module(&mut self, directory: &RelPath, specifier: &str) -> Option<Resolution> {
        let base = directory.join(specifier).ok()?;
        let only_directory = specifier.ends_with('/') || matches!(specifier.rsplit('/').next(), Some("." | ".."));
        if !only_directory && !base.is_root() {
            let found = candidates(&base).into_iter().find(|candidate| self.is_file(candidate));
            if let Some(found) = found {
                return Some(Resolution::Module(found));
            }
        }
        if self.probe.kind(&base) == PathKind::Directory {
            let index = base.join("index").ok()?;
            return EXTENSIONS
                .iter()
                .filter_map(|extension| with_suffix(&index, extension))
                .find(|candidate| self.is_file(candidate))
                .map(Resolution::Module);
        }
        None
    }

    fn is_file(&mut self, path: &RelPath) -> bool {
        let is_file = self.probe.kind(path) == PathKind::File;
        if !is_file && !self.tried.contains(path) {
            self.tried.push(path.clone());
        }
        is_file
    }
}

/// What may be left out, in order of preference.
const EXTENSIONS: [&str; 7] = ["ts", "tsx", "mts", "js", "jsx", "mjs", "json"];

/// The files that `base` may stand for. As in TypeScript a source wins over what an earlier build left beside it.
fn candidates(base: &RelPath) -> Vec<RelPath> {
    let instead: &[&str] = match base.extension() {
        "js" => &["ts", "tsx", "js", "jsx"],
        "jsx" => &["tsx", "jsx"],
        "mjs" => &["mts", "mjs"],
        "cjs" => &["cts", "cjs"],
        "ts" | "tsx" | "mts" | "cts" | "json" => return vec![base.clone()],
        _ => &[],
    };
    let mut candidates: Vec<RelPath> = instead.iter().map(|extension| base.with_extension(extension)).collect();
    candidates.extend(EXTENSIONS.iter().filter_map(|extension| with_suffix(base, extension)));
    if instead.is_empty() && !base.extension().is_empty() {
        candidates.push(base.clone());
    }
    candidates
}

fn with_suffix(path: &RelPath, extension: &str) -> Option<RelPath> {
    RelPath::new(&format!("{}.{extension}", path.as_str())).ok()
}

/// The name of the module of Node that `specifier` means, with `node:` or without.
pub fn builtin(specifier: &str) -> Option<&str> {
    is_nodejs_builtin_module(specifier).then(|| specifier.strip_prefix("node:").unwrap_or(specifier))
}

/// Whether the platform brings the module: Node's and Bun's own, with and without `node:`.
pub fn is_platform(specifier: &str) -> bool {
    builtin(specifier).is_some()
        || specifier == "bun"
        || specifier.split_once(':').is_some_and(|(scheme, _)| matches!(scheme, "node" | "bun"))
}

/// `./x`, `../x`, `.` and `..`.
pub fn is_relative(specifier: &str) -> bool {
    specifier == "." || specifier == ".." || specifier.starts_with("./") || specifier.starts_with("../")
}

fn is_url(specifier: &str) -> bool {
    specifier.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

fn package(specifier: &str) -> Option<Resolution> {
    let mut parts = specifier.splitn(if specifier.starts_with('@') { 3 } else { 2 }, '/');
    let mut name = parts.next()?.to_owned();
    if specifier.starts_with('@') {
        name = format!("{name}/{}", parts.next()?);
    }
    let is_name = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '%', '\0']);
    name.split('/')
        .all(is_name)
        .then(|| Resolution::Package { name: name.into(), subpath: parts.next().unwrap_or_default().into() })
}

/// The specifier of the file in `names` that `specifier` most likely means. `names` are the entries of the directory it
/// leads to.
pub fn nearest<'a>(specifier: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let (directory, wanted) = specifier.rsplit_once('/')?;
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_lowercase();
    let wanted_stem = stem(wanted);
    let extension = wanted.rsplit_once('.').map(|(_, extension)| extension);
    let (distance, name) = names
        .into_iter()
        .filter(|name| RelPath::new(name).is_ok_and(|path| crate::source::Language::of(&path).is_some()))
        .map(|name| (strsim::damerau_levenshtein(&wanted_stem, &stem(name)), name))
        .min()?;
    if distance > wanted_stem.len().div_ceil(3) {
        return None;
    }
    let (stem, own) = name.rsplit_once('.')?;
    let suffix = match (extension, own) {
        (None, _) => String::new(),
        (Some(_), "ts" | "tsx") => ".js".to_owned(),
        (Some(_), "mts") => ".mjs".to_owned(),
        (Some(_), own) => format!(".{own}"),
    };
    Some(format!("{directory}/{stem}{suffix}"))
}

#[cfg(test)]
mod tests;
