//! SARIF 2.1.0.
//!
//! What is about the run and no place in the code, such as a registry that cannot be reached, is a notification of the run and no
//! result: code scanning shows each result as something to mend at a line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::{Value, json};
use webstir_engine::diagnostic::Severity;

use super::Story;
use super::located::{Located, Region};
use crate::report::json::document as printed;

/// What paths are relative to. Where it lies is known to whoever reads the report, and to nobody else.
const ROOT: &str = "%SRCROOT%";

/// The page of all codes, which a test compares with the sources.
const CODES: &str = include_str!("../../../docs/diagnostics.md");

/// The log of a build.
pub(super) fn document(story: &Story<'_>) -> String {
    let (of_the_run, results): (Vec<_>, Vec<_>) = story.findings.iter().partition(|found| found.is_of_the_run());
    let rules = rules(&results);
    let indices: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(index, (code, _))| (*code, index)).collect();
    let results: Vec<Value> =
        results.iter().map(|found| result(found, indices[&*found.diagnostic.code], story)).collect();
    let notifications: Vec<Value> = of_the_run
        .iter()
        .map(|found| {
            json!({
                "descriptor": {"id": found.diagnostic.code},
                "level": level(found.diagnostic.severity),
                "message": {"text": found.text},
            })
        })
        .collect();
    let rules: Vec<Value> = rules.iter().map(|(code, known)| descriptor(code, *known)).collect();
    let (profile, done) = (&story.built.profile, !story.built.world_failed);
    let id = format!("webstir/{}{profile}/", story.prefix);
    printed(&log(&id, &rules, &results, done, &notifications))
}

/// The log of a build that could not be done.
pub(super) fn failed() -> String {
    let notification = json!({"level": "error", "message": {"text": "The build could not be done; its log says why"}});
    printed(&log("webstir/", &[], &[], false, &[notification]))
}

fn log(id: &str, rules: &[Value], results: &[Value], is_done: bool, notifications: &[Value]) -> Value {
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "webstir",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "automationDetails": {"id": id},
            "invocations": [{"executionSuccessful": is_done, "toolExecutionNotifications": notifications}],
            "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository"}}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(found: &Located<'_>, rule: usize, story: &Story<'_>) -> Value {
    let diagnostic = found.diagnostic;
    // Code scanning takes no result without a place: what has none is at the configuration.
    let path = found.path.as_ref().unwrap_or(&story.configuration);
    let mut value = json!({
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": level(diagnostic.severity),
        "message": {"text": found.text},
        "locations": [place(path, found.region)],
        "partialFingerprints": {"webstirFinding/v1": found.fingerprint},
    });
    let related = diagnostic.related.iter().filter_map(|related| {
        let path = format!("{}{}", story.prefix, related.file.as_ref()?);
        let span = related.span.map(|span| Region { line: span.line, column: span.column, end: None });
        let mut place = place(&path, span);
        place["message"] = json!({"text": story.private.hide(&related.message)});
        Some(place)
    });
    let related: Vec<Value> = related.collect();
    if !related.is_empty() {
        value["relatedLocations"] = json!(related);
    }
    value
}

fn place(path: &str, region: Option<Region>) -> Value {
    let mut place = json!({"artifactLocation": {"uri": uri(path), "uriBaseId": ROOT}});
    if let Some(region) = region {
        place["region"] = json!({"startLine": region.line, "startColumn": region.column});
        if let Some((line, column)) = region.end {
            place["region"]["endLine"] = json!(line);
            place["region"]["endColumn"] = json!(column);
        }
    }
    json!({"physicalLocation": place})
}

/// A relative path as a URI: what is not unreserved is encoded, also a colon, before which a scheme would end.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri += &format!("%{byte:02X}");
        }
    }
    uri
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// What the page of codes says of one.
#[derive(Debug, Clone, Copy)]
struct Known {
    level: &'static str,
    message: &'static str,
}

/// Every code that a build may report and those that it did, sorted. Of what other tools call their findings nothing more is known.
fn rules<'a>(results: &[&'a Located<'a>]) -> Vec<(&'a str, Option<Known>)> {
    let known = known();
    let reported = results.iter().map(|found| &*found.diagnostic.code);
    let codes: BTreeSet<&str> = known.keys().copied().chain(reported).collect();
    codes.into_iter().map(|code| (code, known.get(code).copied())).collect()
}

fn descriptor(code: &str, known: Option<Known>) -> Value {
    let mut value = json!({"id": code});
    let Some(Known { level, message }) = known else { return value };
    if !message.is_empty() {
        value["shortDescription"] = json!({"text": message});
    }
    // Where no level is told it is decided where the finding is made.
    if !level.is_empty() {
        value["defaultConfiguration"] = json!({"level": if level == "info" { "note" } else { level }});
    }
    value
}

/// The rows of the page.
fn known() -> &'static BTreeMap<&'static str, Known> {
    static KNOWN: LazyLock<BTreeMap<&'static str, Known>> = LazyLock::new(|| {
        let rows = CODES.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.filter_map(|row| {
            let (code, rest) = row.split_once("` | ")?;
            let (level, message) = rest.strip_suffix('|')?.split_once('|')?;
            Some((code, Known { level: level.trim(), message: message.trim() }))
        })
        .collect()
    });
    &KNOWN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_page_is_a_rule() {
        assert_eq!(known().len(), CODES.lines().filter(|line| line.starts_with("| `")).count());
        let known = known()["config::unknown_node"];
        assert_eq!(known.level, "error");
        assert!(known.message.starts_with("Unknown node"), "{known:?}");
        let rules = rules(&[]);
        assert!(rules.len() > 100 && rules.is_sorted_by_key(|(code, _)| *code));
        for (code, known) in rules {
            let descriptor = descriptor(code, known);
            let level = &descriptor["defaultConfiguration"]["level"];
            assert!(level.is_null() || ["note", "warning", "error"].contains(&level.as_str().unwrap()), "{descriptor}");
        }
    }

    #[test]
    fn a_path_is_a_uri() {
        assert_eq!(uri("src/a b/[id]%ä:1.ts"), "src/a%20b/%5Bid%5D%25%C3%A4%3A1.ts");
    }
}
