//! `pnpm-lock.yaml`, formats 5 to 9.
//!
//! What a package of the repository depends on is in `importers` under its directory, or at the top when there is one package. Each is a
//! version, or a `{ specifier, version }`. `packages` is keyed by `name@version`, before format 9 with a leading slash, in format 5 with a
//! slash in place of the `@`; peers follow in parentheses or after `_`. What a package depends on is there, or in `snapshots`. A document
//! about pnpm itself may come first.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::package::is_exact_version;
use super::super::text::yaml_span;
use super::{Locked, Lockfile, PACKAGES, Unreadable, Version, split_name};

/// Where dependencies are listed.
const GROUPS: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

pub(super) fn read(text: &str) -> Result<Lockfile, Unreadable> {
    let documents = documents(text, "It is not the YAML that pnpm writes")?;
    let mut lockfile = Lockfile::new("pnpm install --frozen-lockfile");
    for document in &documents {
        let packages = packages(&mut lockfile, document);
        for (directory, importer) in importers(document) {
            for (installed, text) in dependencies(importer) {
                let locked = target(installed, text);
                let known = packages.get(&(locked.name.clone(), locked.shown()));
                let start = if directory == "." { String::new() } else { format!("{directory}/") };
                lockfile.put(format!("{start}{PACKAGES}{installed}"), known.cloned().unwrap_or(locked));
            }
        }
    }
    Ok(lockfile)
}

/// The documents of a text that a package manager writes as YAML.
pub(super) fn documents(text: &str, problem: &str) -> Result<Vec<Value>, Unreadable> {
    // Large workspaces have more entries than the default allows; depth and aliases stay limited.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 20_000_000,
            max_nodes: 10_000_000,
        },
    };
    serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| Unreadable::new(problem, yaml_span(text, &error)))
}

/// Adds `packages` and what leads to them under another name; gives them by name and what they are shown as.
fn packages(lockfile: &mut Lockfile, document: &Value) -> BTreeMap<(String, String), Locked> {
    let mut packages = BTreeMap::new();
    for (key, entry) in table(document, "packages") {
        let resolution = |field: &str| Some(entry.get("resolution")?.get(field)?.as_str()?.to_owned());
        let says = |field: &str| entry.get(field).and_then(Value::as_str);
        let bare = key.strip_prefix('/').unwrap_or(key);
        let bare = bare.split('(').next().unwrap_or_default();
        let Some((name, version)) = exact(bare).or_else(|| split_name(bare)) else { continue };
        let key = key.find(version).map_or(key.as_str(), |at| &key[..at + version.len()]);
        let (name, version) = (says("name").unwrap_or(name), says("version").unwrap_or(version));
        let locked = Locked {
            integrity: resolution("integrity"),
            address: resolution("tarball"),
            ..Locked::new(name, Version::of(version), key)
        };
        lockfile.allow(name, locked.clone());
        packages.insert((name.to_owned(), locked.shown()), locked);
    }
    for (_, entry) in table(document, "packages").chain(table(document, "snapshots")) {
        for (installed, text) in dependencies(entry) {
            let locked = target(installed, text);
            if locked.name != installed {
                let known = packages.get(&(locked.name.clone(), locked.shown()));
                lockfile.allow(installed, known.cloned().unwrap_or(locked));
            }
        }
    }
    packages
}

/// The packages of the repository by directory.
fn importers(document: &Value) -> Vec<(&str, &Value)> {
    match document.get("importers") {
        Some(Value::Object(importers)) => {
            importers.iter().map(|(directory, importer)| (directory.as_str(), importer)).collect()
        }
        _ => vec![(".", document)],
    }
}

/// What is depended on: the name under which it is installed, and what stands for the version.
fn dependencies(entry: &Value) -> impl Iterator<Item = (&str, &str)> {
    let listed = GROUPS.iter().flat_map(|group| table(entry, group));
    listed.filter_map(|(name, dependency)| {
        let version = dependency.as_str().or_else(|| dependency.get("version")?.as_str())?;
        Some((name.as_str(), version))
    })
}

/// What a dependency is: a version of its own name, or the key of another package.
fn target(installed: &str, text: &str) -> Locked {
    let bare = text.split('(').next().unwrap_or_default();
    let version = bare.split('_').next().unwrap_or_default();
    if is_exact_version(version) {
        return Locked::new(installed, Version::of(version), &format!("{installed}@{version}"));
    }
    match exact(bare.strip_prefix('/').unwrap_or(bare)) {
        Some((name, version)) => Locked::new(name, Version::of(version), &format!("{name}@{version}")),
        None => Locked::new(installed, Version::of(text), installed),
    }
}

/// Name and version of a key.
fn exact(key: &str) -> Option<(&str, &str)> {
    let separators = key.char_indices().skip(1).filter(|(_, c)| matches!(c, '@' | '/'));
    let parts = separators.map(|(at, _)| (&key[..at], key[at + 1..].split('_').next().unwrap_or_default()));
    parts.into_iter().find(|(_, version)| is_exact_version(version))
}

fn table<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(name).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}
