//! GitLab's Code Quality: the fields of the Code Climate format that it reads.

use serde_json::{Value, json};
use webstir_engine::diagnostic::Severity;

use super::Story;
use crate::report::json::document as printed;

/// The report of a build that found nothing.
pub(super) const EMPTY: &str = "[]\n";

/// The findings of at least the weight `least`. GitLab wants a path and a line of each: what has none is at the configuration.
pub(super) fn document(story: &Story<'_>, least: Severity) -> String {
    let findings = story.findings.iter().filter(|found| found.diagnostic.severity >= least && !found.is_of_the_run());
    let issues: Vec<Value> = findings
        .map(|found| {
            json!({
                "type": "issue",
                "description": found.message,
                "check_name": found.diagnostic.code,
                "fingerprint": found.fingerprint,
                "severity": match found.diagnostic.severity {
                    Severity::Info => "info",
                    Severity::Warning => "minor",
                    Severity::Error => "major",
                },
                "location": {
                    "path": found.path.as_ref().unwrap_or(&story.configuration),
                    "lines": {"begin": found.region.map_or(1, |region| region.line)},
                },
            })
        })
        .collect();
    printed(&issues)
}
