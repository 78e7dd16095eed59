//! The packages that a package loads: itself, what it depends on, what those depend on.
//!
//! A package below a `node_modules` directory was put there by a package manager: its `package.json`, with name and version, stands for
//! it. The package that a program belongs to is hashed whole, and so is one that is linked from elsewhere, whose files are somebody's
//! sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use webstir_engine::digest::{Digest, KeyHasher};

use super::evidence::Looker;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Manifest {
    dependencies: BTreeMap<String, serde_json::Value>,
    dev_dependencies: BTreeMap<String, serde_json::Value>,
    optional_dependencies: BTreeMap<String, serde_json::Value>,
    peer_dependencies: BTreeMap<String, serde_json::Value>,
}

/// The directory of the package that the program at `place` belongs to, if it is one of a package: below a `node_modules` directory, or
/// outside of the workspace and linked into it. A program of the workspace itself is an input, and one of the machine has no package.
pub(super) fn package_of(looker: &mut Looker, place: &Path, root: &Path) -> Option<PathBuf> {
    let is_installed = place.components().any(|part| part.as_os_str() == "node_modules");
    if !is_installed && (place.starts_with(root) || !is_linked(looker, place, root)) {
        return None;
    }
    place
        .ancestors()
        .skip(1)
        .find(|directory| looker.look(&directory.join("package.json")).is_some())
        .map(Path::to_owned)
}

/// Whether a link in `node_modules/.bin` leads to the program.
fn is_linked(looker: &mut Looker, place: &Path, root: &Path) -> bool {
    let bin = root.join("node_modules/.bin");
    looker.list(&bin).iter().any(|(path, _)| fs::canonicalize(path).is_ok_and(|real| real == place))
}

/// A package and everything that it depends on.
pub(super) struct Closure {
    /// What stands for all of it.
    pub(super) digest: Digest,
    /// The packages, free of links and sorted.
    pub(super) packages: Vec<PathBuf>,
}

/// The package in `directory` and everything that it depends on; `whole` for the files of the package itself.
pub(super) fn closure(looker: &mut Looker, directory: &Path, root: &Path, whole: bool) -> Closure {
    let start = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let mut packages: BTreeMap<PathBuf, Digest> = BTreeMap::new();
    let mut edges: BTreeSet<(PathBuf, String, PathBuf)> = BTreeSet::new();
    let mut open = vec![start.clone()];
    while let Some(package) = open.pop() {
        if packages.contains_key(&package) {
            continue;
        }
        let text = looker.read(&package.join("package.json")).unwrap_or_default();
        let manifest: Manifest = serde_json::from_slice(&text).unwrap_or_default();
        let is_start = package == start;
        let is_linked = !package.components().any(|part| part.as_os_str() == "node_modules");
        // The workspace, and what holds it, is made of what the action declares, and of outputs.
        let is_ours = root.starts_with(&package);
        let content = if (is_start && whole) || (is_linked && !is_start && !is_ours) {
            files(looker, &package)
        } else {
            Digest::of(&text)
        };
        packages.insert(package.clone(), content);
        let own = manifest.dependencies.into_iter().chain(manifest.optional_dependencies);
        let own = own.chain(manifest.peer_dependencies);
        let development = manifest.dev_dependencies.into_iter().filter(|_| is_start && !whole);
        for (name, _) in own.chain(development) {
            // A name may come from anywhere: one that climbs is none.
            if name.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
                continue;
            }
            if let Some(found) = resolve(looker, &package, &name) {
                open.push(found.clone());
                edges.insert((package.clone(), name, found));
            }
        }
    }
    // Places are of this machine: packages are numbered by what they are.
    let mut hasher = KeyHasher::new("webstir closure v1");
    hasher.digest(packages[&start]);
    let mut shape: Vec<(Digest, &str, Digest)> =
        edges.iter().map(|(from, name, to)| (packages[from], name.as_str(), packages[to])).collect();
    shape.sort();
    shape.dedup();
    for (from, name, to) in shape {
        hasher.digest(from).text(name).digest(to);
    }
    let digest = hasher.finish();
    Closure { digest, packages: packages.into_keys().collect() }
}

/// Where a dependency really lies, as Node finds it.
pub(super) fn resolve(looker: &mut Looker, package: &Path, name: &str) -> Option<PathBuf> {
    fs::canonicalize(place(looker, package, name)?).ok()
}

/// The directory by which Node finds a dependency, which may be a link.
pub(super) fn place(looker: &mut Looker, package: &Path, name: &str) -> Option<PathBuf> {
    package
        .ancestors()
        .filter(|directory| directory.file_name().is_none_or(|name| name != "node_modules"))
        .map(|directory| directory.join("node_modules").join(name))
        .find(|place| looker.look(&place.join("package.json")).is_some())
}

/// What stands for all files of a package but its own `node_modules` and what begins with a dot.
pub(super) fn files(looker: &mut Looker, package: &Path) -> Digest {
    let mut hasher = KeyHasher::new("webstir package files v1");
    let mut open = vec![package.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(directory) = open.pop() {
        // A link to a directory above would lead around.
        if !fs::canonicalize(&directory).is_ok_and(|real| seen.insert(real)) {
            continue;
        }
        for (path, is_directory) in looker.list(&directory) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name == "node_modules" || name.starts_with('.') {
                continue;
            }
            if is_directory {
                open.push(path);
            } else if let Some(stat) = looker.look(&path)
                && let Some((digest, _)) = looker.hash(&path)
            {
                let below = path.strip_prefix(package).unwrap_or(&path).to_string_lossy().into_owned();
                hasher.text(&below).digest(digest).number(u64::from(stat.is_executable()));
            }
        }
    }
    hasher.finish()
}
