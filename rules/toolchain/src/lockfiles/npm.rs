//! `package-lock.json`, versions 1 to 3.
//!
//! Versions 2 and 3 have `packages` by install path, where `node_modules/typescript` is the root's; version 1 has
//! `dependencies` by name. `resolved` may be left out, `name` is there when an alias is installed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::lock::{json_problem, json_span};
use super::super::package::is_exact_version;
use super::super::resolve::TYPESCRIPT;
use super::{Fault, Pin, Pins, is_compiler};

pub(super) fn pins(text: &str) -> Result<Option<Pins>, Fault> {
    let document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Fault::Malformed(json_problem(&error), Some(json_span(text, &error))))?;
    let (table, prefix) = match (document.get("packages"), document.get("dependencies")) {
        (Some(Value::Object(packages)), _) => (packages, "node_modules/"),
        (_, Some(Value::Object(dependencies))) => (dependencies, ""),
        _ => return Ok(None),
    };
    let text_of = |entry: &Value, field: &str| entry.get(field).and_then(Value::as_str).map(str::to_owned);

    let mut pins = Pins { version: String::new(), packages: BTreeMap::new() };
    for (path, entry) in table {
        let Some(name) = path.strip_prefix(prefix).filter(|name| is_compiler(name)) else { continue };
        let alias = text_of(entry, "name").filter(|real| real != name);
        let version = text_of(entry, "version").unwrap_or_default();
        if name == TYPESCRIPT {
            if let Some(alias) = alias {
                return Err(Fault::Replaced(alias));
            }
            // A link, or the address of an archive or repository in place of a version.
            if !is_exact_version(&version) {
                let what = text_of(entry, "resolved").filter(|_| version.is_empty()).unwrap_or(version);
                return Err(Fault::Replaced(what));
            }
            pins.version.clone_from(&version);
        } else if alias.is_some() {
            continue;
        }
        let pin = Pin { version, integrity: text_of(entry, "integrity"), address: text_of(entry, "resolved") };
        pins.packages.insert(name.to_owned(), pin);
    }
    Ok(Some(pins).filter(|pins| !pins.version.is_empty()))
}
