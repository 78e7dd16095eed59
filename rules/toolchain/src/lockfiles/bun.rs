//! `bun.lock`: JSON with comments and trailing commas.
//!
//! `packages` maps the names that lead to a package, with slashes between them, to `["name@version", registry, {…}, "sha512-…"]`: that of
//! a package at the root is its name. `workspaces` maps the directory of each package of the repository to what it is.

use std::collections::BTreeMap;

use jsonc_parser::{JsonObject, JsonValue, ParseOptions, parse_to_value};
use webstir_engine::diagnostic::Span;

use super::{Locked, Lockfile, PACKAGES, Unreadable, Version, split_name};

pub(super) fn read(text: &str) -> Result<Lockfile, Unreadable> {
    let document = parse_to_value(text, &ParseOptions::default()).map_err(|error| {
        let range = error.range();
        Unreadable::new(error.kind().to_string(), Some(Span::locate(text, range.start, range.end)))
    })?;
    let mut lockfile = Lockfile::new("bun install --frozen-lockfile");
    let Some(JsonValue::Object(mut document)) = document else { return Ok(lockfile) };
    let directories = directories(document.take_object("workspaces"));
    for (key, entry) in document.take_object("packages").into_iter().flatten() {
        let JsonValue::Array(entry) = entry else { continue };
        let mut texts = entry.into_iter().map(|part| match part {
            JsonValue::String(text) => Some(text),
            _ => None,
        });
        let Some(Some(resolution)) = texts.next() else { continue };
        let Some((name, version)) = split_name(&resolution) else { continue };
        let integrity = texts.flatten().rfind(|part| part.starts_with("sha")).map(String::from);
        let locked = Locked { integrity, ..Locked::new(name, Version::of(version), &format!("\"{key}\": [")) };
        lockfile.put(place(&key, &directories), locked);
    }
    Ok(lockfile)
}

/// The directory of each package of the repository by its name.
fn directories(workspaces: Option<JsonObject<'_>>) -> BTreeMap<String, String> {
    let named = workspaces.into_iter().flatten().filter_map(|(directory, entry)| {
        let JsonValue::Object(mut entry) = entry else { return None };
        let name = entry.take_string("name")?.into_owned();
        Some((name, directory.into_owned()))
    });
    named.filter(|(_, directory)| !directory.is_empty()).collect()
}

/// The place to which names lead.
fn place(key: &str, directories: &BTreeMap<String, String>) -> String {
    let mut names: Vec<String> = Vec::new();
    for part in key.split('/') {
        match names.last_mut() {
            Some(scope) if scope.starts_with('@') && !scope.contains('/') => *scope = format!("{scope}/{part}"),
            _ => names.push(part.to_owned()),
        }
    }
    let start = match names.first().and_then(|name| directories.get(name)) {
        // What lies below a package of the repository lies where that is, and not where it is linked.
        Some(directory) if names.len() > 1 => {
            names.remove(0);
            format!("{directory}/")
        }
        _ => String::new(),
    };
    format!("{start}{PACKAGES}{}", names.join("/node_modules/"))
}
