//! `pnpm-lock.yaml`, formats 5 to 9.
//!
//! The root's dependencies are in `importers` under `.`, or at the top when there is one package. Each is a version, or a
//! `{ specifier, version }`. `packages` is keyed by `name@version`, before format 9 with a leading slash, in format 5 with a
//! slash in place of the `@`; peers follow in parentheses or after `_`. A document about pnpm itself may come first.

use std::collections::BTreeMap;

use serde_json::Value;
use webstir_engine::diagnostic::Span;

use super::super::package::is_exact_version;
use super::super::resolve::TYPESCRIPT;
use super::{Fault, Pin, Pins, is_compiler};

pub(super) fn pins(text: &str) -> Result<Option<Pins>, Fault> {
    // Large workspaces have more entries than the default allows; depth and aliases stay limited.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 20_000_000,
            max_nodes: 10_000_000,
        },
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let span = error.location().map(|location| {
            let line = usize::try_from(location.line()).unwrap_or(usize::MAX);
            let column = usize::try_from(location.column()).unwrap_or(usize::MAX);
            let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
            let before = text[start..].chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>();
            Span::locate(text, start + before, start + before + 1)
        });
        Fault::Malformed("It is not the YAML that pnpm writes".to_owned(), span)
    })?;
    let installed = documents.iter().find_map(|document| Some((document, installed(document)?)));
    let Some((document, installed)) = installed else { return Ok(None) };
    let version = installed.split(['(', '_']).next().unwrap_or_default();
    if !is_exact_version(version) {
        return Err(Fault::Replaced(installed.to_owned()));
    }

    let mut pins = Pins { version: version.to_owned(), packages: BTreeMap::new() };
    let Some(Value::Object(table)) = document.get("packages") else { return Ok(Some(pins)) };
    for (key, entry) in table {
        let key = key.strip_prefix('/').unwrap_or(key).split(['(', '_']).next().unwrap_or_default();
        // Neither separator is part of an exact version.
        let Some((name, found)) = key.rfind(['@', '/']).map(|at| (&key[..at], &key[at + 1..])) else { continue };
        // Several versions may be there; those of the root's are wanted.
        if !is_compiler(name) || found != version {
            continue;
        }
        let resolution = |field: &str| Some(entry.get("resolution")?.get(field)?.as_str()?.to_owned());
        let pin = Pin { version: found.to_owned(), integrity: resolution("integrity"), address: resolution("tarball") };
        pins.packages.insert(name.to_owned(), pin);
    }
    Ok(Some(pins))
}

/// What the root of a document has as `typescript`.
fn installed(document: &Value) -> Option<&str> {
    let root = document.get("importers").and_then(|importers| importers.get(".")).unwrap_or(document);
    ["dependencies", "devDependencies", "optionalDependencies"].iter().find_map(|group| {
        let dependency = root.get(group)?.get(TYPESCRIPT)?;
        dependency.as_str().or_else(|| dependency.get("version")?.as_str())
    })
}
