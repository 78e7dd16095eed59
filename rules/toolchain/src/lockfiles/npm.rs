//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.
//!
//! Versions 2 and 3 have `packages` by place; version 1 has `dependencies` by name, and below each those that lie in its own
//! `node_modules`. `resolved` may be left out, `name` is there when an alias is installed, `link` for what is linked.

use serde_json::{Map, Value};

use super::super::package::is_exact_version;
use super::super::text::{json_problem, json_span};
use super::{Locked, Lockfile, PACKAGES, Unreadable, Version, installed_name, split_name};

pub(super) fn read(text: &str) -> Result<Lockfile, Unreadable> {
    let document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Unreadable::new(json_problem(&error), Some(json_span(text, &error))))?;
    let mut lockfile = Lockfile::new("npm ci");
    lockfile.is_complete = true;
    match (document.get("packages"), document.get("dependencies")) {
        (Some(Value::Object(packages)), _) => by_place(&mut lockfile, packages),
        (_, Some(Value::Object(dependencies))) => by_name(&mut lockfile, dependencies),
        _ => {}
    }
    Ok(lockfile)
}

fn by_place(lockfile: &mut Lockfile, packages: &Map<String, Value>) {
    for (place, entry) in packages {
        // The root, and the packages of the repository where they lie.
        let Some(installed) = installed_name(place) else { continue };
        let name = field(entry, "name").unwrap_or(installed);
        let resolved = field(entry, "resolved").unwrap_or_default();
        let version = match field(entry, "version") {
            _ if entry.get("link").and_then(Value::as_bool) == Some(true) => Version::Linked(resolved.to_owned()),
            Some(version) if is_exact_version(version) => Version::Exact(version.to_owned()),
            version => Version::of(version.filter(|version| !version.is_empty()).unwrap_or(resolved)),
        };
        lockfile.put(place.clone(), locked(name, version, place, entry));
    }
}

fn by_name(lockfile: &mut Lockfile, dependencies: &Map<String, Value>) {
    let mut open = vec![(String::new(), dependencies)];
    while let Some((above, dependencies)) = open.pop() {
        for (installed, entry) in dependencies {
            let place = format!("{above}{PACKAGES}{installed}");
            let version = field(entry, "version").unwrap_or_default();
            let alias = version.strip_prefix("npm:").and_then(split_name);
            let (name, version) = alias.unwrap_or((installed, version));
            if let Some(Value::Object(below)) = entry.get("dependencies") {
                open.push((format!("{place}/"), below));
            }
            lockfile.put(place, locked(name, Version::of(version), installed, entry));
        }
    }
}

fn locked(name: &str, version: Version, key: &str, entry: &Value) -> Locked {
    Locked {
        integrity: field(entry, "integrity").map(str::to_owned),
        address: field(entry, "resolved").map(str::to_owned),
        ..Locked::new(name, version, &format!("\"{key}\": {{"))
    }
}

fn field<'a>(entry: &'a Value, field: &str) -> Option<&'a str> {
    entry.get(field)?.as_str()
}
