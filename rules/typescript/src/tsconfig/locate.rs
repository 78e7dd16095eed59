//! Which file `extends` names.
//!
//! As the compiler finds it: a path is relative to the file that names it, everything else is in a package. What the `exports` of a
//! package say decides where there are any; else its `tsconfig` field, and a file or directory of that name.

use std::sync::Arc;

use serde_json::Value;
use webstir_engine::path::RelPath;

use super::Read;

/// The conditions under which the compiler looks for configurations.
const CONDITIONS: [&str; 4] = ["require", "types", "node", "default"];

/// Path and bytes of the configuration that `name` stands for in a file of `directory`. Everything that decides is read, misses too.
pub(super) fn locate(read: &mut Read<'_>, directory: &RelPath, name: &str) -> Option<(RelPath, Arc<[u8]>)> {
    if name.starts_with("./") || name.starts_with("../") {
        return with_json(read, &directory.join(name).ok()?);
    }
    if name == "." || name == ".." {
        return in_directory(read, &directory.join(name).ok()?);
    }
    let mut directory = Some(directory.clone());
    while let Some(above) = directory {
        if let Some(found) = above.join("node_modules").ok().and_then(|modules| in_packages(read, &modules, name)) {
            return Some(found);
        }
        directory = above.parent();
    }
    None
}

/// The file itself.
fn file(read: &mut Read<'_>, path: RelPath) -> Option<(RelPath, Arc<[u8]>)> {
    read(&path).map(|bytes| (path, bytes))
}

/// The file itself, or with `.json` behind its name.
fn with_json(read: &mut Read<'_>, path: &RelPath) -> Option<(RelPath, Arc<[u8]>)> {
    if let Some(found) = file(read, path.clone()) {
        return Some(found);
    }
    if path.extension() == "json" {
        return None;
    }
    file(read, RelPath::new(&format!("{}.json", path.as_str())).ok()?)
}

/// What its `package.json` says, else its `tsconfig.json`.
fn in_directory(read: &mut Read<'_>, directory: &RelPath) -> Option<(RelPath, Arc<[u8]>)> {
    let manifest = manifest(read, directory);
    if let Some(target) = manifest.as_ref().and_then(|manifest| manifest.get("tsconfig")?.as_str())
        && let Some(found) = directory.join(target).ok().and_then(|path| with_json(read, &path))
    {
        return Some(found);
    }
    file(read, directory.join("tsconfig.json").ok()?)
}

fn manifest(read: &mut Read<'_>, directory: &RelPath) -> Option<Value> {
    read(&directory.join("package.json").ok()?).and_then(|bytes| serde_json::from_slice(&bytes).ok())
}

fn in_packages(read: &mut Read<'_>, modules: &RelPath, name: &str) -> Option<(RelPath, Arc<[u8]>)> {
    let slash = if name.starts_with('@') { name.find('/').map(|slash| slash + 1) } else { Some(0) }?;
    let (package, subpath) = match name[slash..].find('/') {
        Some(end) => (&name[..slash + end], &name[slash + end + 1..]),
        None => (name, ""),
    };
    let package = modules.join(package).ok()?;
    let manifest = manifest(read, &package);
    if let Some(exports) = manifest.as_ref().and_then(|manifest| manifest.get("exports")).filter(|it| !it.is_null()) {
        let target = exported(exports, subpath)?;
        return file(read, package.join(&target).ok()?);
    }
    let path = package.join(subpath).ok()?;
    with_json(read, &path).or_else(|| in_directory(read, &path))
}

/// What the `exports` of a package say about one subpath.
fn exported(exports: &Value, subpath: &str) -> Option<String> {
    let key = if subpath.is_empty() { ".".to_owned() } else { format!("./{subpath}") };
    let subpaths = exports.as_object().filter(|object| object.keys().all(|name| name.starts_with('.')));
    let Some(subpaths) = subpaths else {
        // All of it is about the package itself.
        return if subpath.is_empty() { target(exports, "") } else { None };
    };
    if let Some(entry) = subpaths.get(&key).filter(|_| !key.contains('*')) {
        return target(entry, "");
    }
    let matching = subpaths.iter().filter_map(|(pattern, entry)| {
        let (start, end) = pattern.split_once('*')?;
        let matched = key.strip_prefix(start)?.strip_suffix(end).filter(|matched| !matched.is_empty())?;
        Some((start.len(), pattern.len(), matched, entry))
    });
    // The longest text before the star, then the longest in all.
    let (.., matched, entry) = matching.max_by_key(|(start, all, ..)| (*start, *all))?;
    target(entry, matched)
}

/// The target of an entry, `matched` in place of its stars.
fn target(entry: &Value, matched: &str) -> Option<String> {
    match entry {
        Value::String(text) => text.starts_with("./").then(|| text.replace('*', matched)),
        Value::Array(entries) => entries.iter().find_map(|entry| target(entry, matched)),
        Value::Object(conditions) => {
            let mut applying = conditions.iter().filter(|(name, _)| CONDITIONS.contains(&name.as_str()));
            applying.find_map(|(_, entry)| target(entry, matched))
        }
        _ => None,
    }
}
