//! `bun.lock`: JSON with comments and trailing commas.
//!
//! `packages` maps an install path to `["name@version", registry, {…}, "sha512-…"]`; the path of a package at the root is
//! its name.

use std::collections::BTreeMap;

use jsonc_parser::{JsonValue, ParseOptions, parse_to_value};
use webstir_engine::diagnostic::Span;

use super::super::package::is_exact_version;
use super::super::resolve::TYPESCRIPT;
use super::{Fault, Pin, Pins, is_compiler};

pub(super) fn pins(text: &str) -> Result<Option<Pins>, Fault> {
    let document = parse_to_value(text, &ParseOptions::default()).map_err(|error| {
        let range = error.range();
        Fault::Malformed(error.kind().to_string(), Some(Span::locate(text, range.start, range.end)))
    })?;
    let Some(JsonValue::Object(mut document)) = document else { return Ok(None) };
    let Some(table) = document.take_object("packages") else { return Ok(None) };

    let mut version_at_root = None;
    let mut packages = BTreeMap::new();
    for (name, entry) in table {
        let JsonValue::Array(entry) = entry else { continue };
        if !is_compiler(&name) {
            continue;
        }
        let mut texts = entry.into_iter().map(|part| match part {
            JsonValue::String(text) => Some(text),
            _ => None,
        });
        let Some(Some(resolution)) = texts.next() else { continue };
        let version = resolution.strip_prefix(&*name).and_then(|rest| rest.strip_prefix('@'));
        let version = version.filter(|version| is_exact_version(version));
        if name == TYPESCRIPT {
            match version {
                Some(version) => version_at_root = Some(version.to_owned()),
                None => return Err(Fault::Replaced(resolution.into_owned())),
            }
        }
        let Some(version) = version else { continue };
        let integrity = texts.flatten().rfind(|part| part.starts_with("sha")).map(String::from);
        packages.insert(name.into_owned(), Pin { version: version.to_owned(), integrity, address: None });
    }
    Ok(version_at_root.map(|version| Pins { version, packages }))
}
