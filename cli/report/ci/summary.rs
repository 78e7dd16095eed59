//! The summary of a job in Markdown: what ran and why, what was cached, and what took the time.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use webstir_engine::diagnostic::Severity;
use webstir_engine::event::Status;
use webstir_engine::graph::ActionGraph;
use webstir_engine::schedule::Report;

use super::Story;
use crate::explanation::Explanation;
use crate::report::{cause, duration, terminal};

/// How many rows each table has. A job's summary is limited to 1 MiB.
const MOST_ROWS: usize = 50;

/// How many of the slowest actions are listed.
const SLOWEST: usize = 10;

pub(super) fn markdown(story: &Story<'_>) -> String {
    let built = story.built;
    let place = if story.prefix.is_empty() { String::new() } else { format!(" in {}", code(story.prefix)) };
    let how = if built.ok { "✅ done" } else { "❌ failed" };
    let mut text = format!("## webstir {}{place}: {how}\n\n", story.verb);
    let mut parts = Vec::new();
    let reports: &[Report] = built.run.as_ref().map_or(&[], |run| &run.reports);
    for status in [Status::Ran, Status::Cached, Status::Failed, Status::Skipped] {
        let number = built.count(status);
        if number > 0 || matches!(status, Status::Ran | Status::Cached) {
            parts.push(format!("{number} {}", status.as_str()));
        }
    }
    for (severity, noun) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        let number = story.findings.iter().filter(|found| found.is(severity)).count();
        if number > 0 {
            parts.push(terminal::plural(number, noun));
        }
    }
    let actions = terminal::plural(reports.len(), "action");
    let _ = write!(
        text,
        "Profile {}, {actions} in {}: {}.\n\n",
        code(&built.profile),
        duration(built.duration),
        parts.join(", ")
    );
    findings(&mut text, story);
    ran(&mut text, story, reports);
    cached(&mut text, reports);
    let unreached: Vec<String> = super::unreached(built).map(|rule| code(&rule.to_string())).collect();
    if !unreached.is_empty() {
        let _ = write!(text, "**Not reached**: {}\n\n", unreached.join(", "));
    }
    slowest(&mut text, reports);
    if let Some(run) = &built.run {
        let graph = ActionGraph::new(run);
        let path = graph.critical_path();
        if !path.is_empty() {
            let total = path.iter().map(|node| node.duration).sum();
            let steps: Vec<String> = path
                .iter()
                .map(|node| format!("{} {}", code(&node.label.to_string()), duration(node.duration)))
                .collect();
            let _ = write!(text, "**Critical path** ({}): {}\n\n", duration(total), steps.join(" → "));
        }
    }
    text
}

fn findings(text: &mut String, story: &Story<'_>) {
    let mut found: Vec<_> = story.findings.iter().filter(|found| !found.is(Severity::Info)).collect();
    if found.is_empty() {
        return;
    }
    found.sort_by_key(|found| std::cmp::Reverse(found.diagnostic.severity));
    *text += "| | place | finding |\n| --- | --- | --- |\n";
    for found in found.iter().take(MOST_ROWS) {
        let place = found.path.as_ref().map_or(String::new(), |path| {
            let line = found.region.map_or(String::new(), |region| format!(":{}:{}", region.line, region.column));
            code(&format!("{path}{line}"))
        });
        let (severity, name) = (found.diagnostic.severity.as_str(), code(&found.diagnostic.code));
        let _ = writeln!(text, "| {severity} | {place} | {} {name} |", cell(&found.message));
    }
    more(text, found.len());
}

fn ran(text: &mut String, story: &Story<'_>, reports: &[Report]) {
    let ran: Vec<_> = reports.iter().filter(|report| matches!(report.status, Status::Ran | Status::Failed)).collect();
    if ran.is_empty() {
        return;
    }
    let comparison = story.built.explanation.as_ref().map(Explanation::comparison);
    *text += "| action | | time | why |\n| --- | --- | ---: | --- |\n";
    for report in ran.iter().take(MOST_ROWS) {
        let causes = comparison.as_ref().map(|comparison| comparison.causes(&report.label));
        let why = causes
            .unwrap_or_default()
            .first()
            .map_or(String::new(), |first| cell(&story.private.hide(&cause::sentence(first))));
        let (label, status) = (code(&report.label.to_string()), report.status.as_str());
        let _ = writeln!(text, "| {label} | {status} | {} | {why} |", duration(report.duration));
    }
    more(text, ran.len());
}

/// One line for all that did not have to run, by kind.
fn cached(text: &mut String, reports: &[Report]) {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for report in reports.iter().filter(|report| report.status == Status::Cached) {
        *kinds.entry(report.label.rule.kind()).or_default() += 1;
    }
    if !kinds.is_empty() {
        let kinds: Vec<String> = kinds.iter().map(|(kind, number)| format!("{number} {}", code(kind))).collect();
        let _ = write!(text, "**Cached**: {}\n\n", kinds.join(", "));
    }
}

fn slowest(text: &mut String, reports: &[Report]) {
    let mut slowest: Vec<_> = reports.iter().filter(|report| report.duration.as_millis() > 0).collect();
    slowest.sort_by(|a, b| b.duration.cmp(&a.duration).then_with(|| a.label.cmp(&b.label)));
    if slowest.len() > 1 {
        let shown = slowest.iter().take(SLOWEST);
        let shown: Vec<String> =
            shown.map(|report| format!("{} {}", code(&report.label.to_string()), duration(report.duration))).collect();
        let _ = write!(text, "**Slowest**: {}\n\n", shown.join(", "));
    }
}

fn more(text: &mut String, number: usize) {
    if number > MOST_ROWS {
        let _ = write!(text, "\n{} more are not shown.\n", number - MOST_ROWS);
    }
    text.push('\n');
}

/// Text in a cell of a table: nothing in it is Markdown or HTML but names in backticks.
fn cell(text: &str) -> String {
    let parts: Vec<&str> = text.lines().next().unwrap_or("").split('`').collect();
    let part = |(index, part): (usize, &&str)| {
        let is_code = index % 2 == 1;
        // A backtick that no other one follows.
        let is_alone = is_code && index + 1 == parts.len();
        match part {
            _ if is_alone => format!("'{}", plain(part)),
            part if is_code && !part.is_empty() => code(part),
            part => plain(part),
        }
    };
    parts.iter().enumerate().map(part).collect()
}

fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '\\' | '|' | '*' | '_' | '[' | ']' | '~' | '#' | '@' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Code in a line or a cell.
fn code(text: &str) -> String {
    // A pipe ends a cell even in code, and a backtick ends code.
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("`{}`", text.replace('|', "\\|").replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_text() {
        assert_eq!(cell("`a_|b` <img src=x> *x*\nmore"), "`a_\\|b` &lt;img src=x&gt; \\*x\\*");
        assert_eq!(cell("`a_b` and ` alone_"), "`a_b` and ' alone\\_");
        assert_eq!(code("a|`b\n"), "`a\\|'b `");
    }
}
