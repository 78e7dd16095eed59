//! Documents for machines.

use serde::Serialize;
use serde_json::{Value, json};
use webstir_engine::diagnostic::{Diagnostic, Span};
use webstir_engine::event::Status;
use webstir_engine::path::RelPath;

use super::cause;
use crate::compose::Built;
use crate::explanation::Explanation;

/// One document and a line end.
pub(crate) fn document(value: &(impl Serialize + ?Sized)) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// The document of `build --json`.
pub(crate) fn build(built: &Built) -> String {
    let reports = built.run.iter().flat_map(|run| &run.reports);
    let comparison = built.explanation.as_ref().map(Explanation::comparison);
    let actions: Vec<Value> = reports
        .map(|report| {
            let ran = matches!(report.status, Status::Ran | Status::Failed);
            let causes = comparison.as_ref().filter(|_| ran).map(|comparison| comparison.causes(&report.label));
            json!({
                "label": report.label.to_string(),
                "kind": report.label.rule.kind(),
                "status": report.status.as_str(),
                "key": report.key.to_string(),
                "durationMs": milliseconds(report.duration),
                "cause": causes.unwrap_or_default().first().map(cause::document),
            })
        })
        .collect();
    let artifacts: Vec<Value> = built
        .artifacts
        .iter()
        .map(|artifact| {
            json!({
                "path": artifact.path.as_str(),
                "digest": artifact.digest.to_string(),
                "bytes": artifact.bytes,
                "type": webstir_rules::artifact_type(&artifact.path),
            })
        })
        .collect();
    document(&json!({
        "ok": built.ok,
        "ran": built.count(Status::Ran) + built.count(Status::Failed),
        "cached": built.count(Status::Cached),
        "restored": built.materialised.map_or(0, |materialised| materialised.written),
        "durationMs": milliseconds(built.duration),
        "actions": actions,
        "diagnostics": diagnostics(&built.diagnostics),
        "artifacts": artifacts,
        "manifest": built.manifest,
    }))
}

/// Findings.
pub(crate) fn diagnostics(diagnostics: &[Diagnostic]) -> Value {
    diagnostics.iter().map(diagnostic).collect()
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    let mut value = json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message,
        "file": diagnostic.file.as_ref().map(RelPath::as_str),
        "span": diagnostic.span.map(span),
        "rule": diagnostic.rule.as_ref().map(ToString::to_string),
        "help": diagnostic.help,
    });
    if !diagnostic.notes.is_empty() {
        value["notes"] = json!(diagnostic.notes);
    }
    if !diagnostic.related.is_empty() {
        value["related"] = diagnostic
            .related
            .iter()
            .map(|related| {
                json!({
                    "message": related.message,
                    "file": related.file.as_ref().map(RelPath::as_str),
                    "span": related.span.map(span),
                })
            })
            .collect();
    }
    value
}

pub(super) fn span(span: Span) -> Value {
    json!({"start": span.start, "end": span.end, "line": span.line, "column": span.column})
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
