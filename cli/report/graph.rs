//! The graph of a build as text, for Graphviz, as a document and as a page.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use webstir_engine::event::Status;
use webstir_engine::graph::{ActionGraph, RuleGraph, RuleNode};
use webstir_engine::key_dump::{ActionRecord, KeyDump};

use super::{cause, duration};
use crate::explanation::Explanation;

/// The page without its data.
const PAGE: &str = include_str!("graph/page.html");

/// Where the data goes.
const DATA: &str = "/*data*/null";

/// With more actions than this, Graphviz gets rules only.
const MOST_ACTIONS: usize = 300;

/// A graph and what of it is shown.
pub(crate) struct Shown<'a> {
    explanation: &'a Explanation,
    rules: RuleGraph,
    actions: ActionGraph,
    kind: Option<&'a str>,
}

impl<'a> Shown<'a> {
    /// All of it, or the rules of one kind.
    pub(crate) fn new(explanation: &'a Explanation, kind: Option<&'a str>) -> Self {
        let dump = &explanation.after;
        Self { explanation, rules: RuleGraph::of_dump(dump), actions: ActionGraph::of_dump(dump), kind }
    }

    /// Whether there is nothing of that kind.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules().is_empty()
    }

    fn dump(&self) -> &'a KeyDump {
        &self.explanation.after
    }

    fn rules(&self) -> Vec<&RuleNode> {
        let mut rules = self.rules.nodes();
        rules.retain(|rule| self.kind.is_none_or(|kind| rule.kind() == kind));
        rules
    }

    fn records(&self) -> impl Iterator<Item = &'a ActionRecord> {
        let kind = self.kind;
        self.dump().actions.iter().filter(move |action| kind.is_none_or(|kind| action.label.rule.kind() == kind))
    }

    /// One line a rule, those that others build on first; with their actions below when asked for.
    pub(crate) fn text(&self, with_actions: bool) -> String {
        let rules = self.rules();
        let width = rules.iter().map(|rule| rule.label.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for rule in rules {
            let uses = self.rules.uses(&rule.label);
            let mut line = format!("{:width$}  {}", rule.label, counts(rule));
            if !uses.is_empty() {
                let _ = write!(line, "  <- {}", uses.join(" "));
            }
            text += line.trim_end();
            text.push('\n');
            if with_actions || self.kind.is_some() {
                for action in self.records().filter(|action| action.label.rule.to_string() == rule.label) {
                    text += &format!("  {} {}", action.label, action.status.as_str());
                    if !action.duration.is_zero() {
                        text += &format!(" {}", duration(action.duration));
                    }
                    text.push('\n');
                }
            }
        }
        let path: Vec<String> = self.actions.critical_path().iter().map(|node| node.label.to_string()).collect();
        if self.kind.is_none() && !path.is_empty() {
            text += &format!("critical path: {}\n", path.join(" -> "));
        }
        text
    }

    /// In the language of Graphviz.
    pub(crate) fn dot(&self) -> String {
        let mut text = "digraph webstir {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n".to_owned();
        let records: Vec<_> = self.records().collect();
        let rules = self.rules();
        let labels: BTreeSet<&str> = rules.iter().map(|rule| &*rule.label).collect();
        for rule in &rules {
            let _ = writeln!(
                text,
                "  {} [label={}];",
                quoted(&rule.label),
                quoted(&format!("{}\n{}", rule.label, counts(rule)))
            );
            for below in self.rules.uses(&rule.label).into_iter().filter(|below| labels.contains(below)) {
                let _ = writeln!(text, "  {} -> {};", quoted(below), quoted(&rule.label));
            }
        }
        // An action of a rule that has only one is that rule.
        let shown = |action: &&&ActionRecord| action.label.subject.is_some();
        if records.len() <= MOST_ACTIONS {
            for action in records.iter().filter(shown) {
                let name = action.label.to_string();
                let _ = writeln!(text, "  {} [shape=plain];", quoted(&name));
                let _ = writeln!(
                    text,
                    "  {} -> {} [style=dotted, arrowhead=none];",
                    quoted(&action.label.rule.to_string()),
                    quoted(&name)
                );
            }
        }
        text.push_str("}\n");
        text
    }

    /// For machines.
    pub(crate) fn document(&self) -> Value {
        let critical: BTreeSet<_> = self.actions.critical_path().into_iter().map(|node| &node.label).collect();
        let comparison = self.explanation.comparison();
        let rules: Vec<Value> = self
            .rules()
            .into_iter()
            .map(|rule| {
                let counted: serde_json::Map<String, Value> =
                    rule.actions.iter().map(|(status, count)| (status.as_str().to_owned(), json!(count))).collect();
                json!({
                    "label": rule.label,
                    "kind": rule.kind(),
                    "actions": counted,
                    "durationMs": milliseconds(rule.duration),
                    "uses": self.rules.uses(&rule.label),
                })
            })
            .collect();
        let actions: Vec<Value> = self
            .records()
            .map(|action| {
                let uses: Vec<String> = self.actions.uses(&action.label).into_iter().map(ToString::to_string).collect();
                let first = if action.ran() { comparison.causes(&action.label).into_iter().next() } else { None };
                json!({
                    "label": action.label.to_string(),
                    "rule": action.label.rule.to_string(),
                    "status": action.status.as_str(),
                    "durationMs": milliseconds(action.duration),
                    "key": action.key.to_string(),
                    "critical": critical.contains(&action.label),
                    "outputs": action.artifacts.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
                    "uses": uses,
                    "cause": first.as_ref().map(cause::sentence),
                })
            })
            .collect();
        let path: Vec<String> = self.actions.critical_path().iter().map(|node| node.label.to_string()).collect();
        json!({"profile": &*self.dump().profile, "rules": rules, "actions": actions, "criticalPath": path})
    }

    /// One file with everything in it.
    pub(crate) fn page(&self) -> String {
        // Text in a script ends at `</script`, whatever stands around it.
        let data = self.document().to_string().replace('<', "\\u003c");
        PAGE.replace(DATA, &data)
    }
}

fn counts(rule: &RuleNode) -> String {
    let total: usize = rule.actions.values().sum();
    if total == 0 {
        return String::new();
    }
    let counted: Vec<String> =
        rule.actions.iter().map(|(status, count)| format!("{count} {}", status.as_str())).collect();
    let ran = rule.actions.contains_key(&Status::Ran) || rule.actions.contains_key(&Status::Failed);
    let time = if ran { format!(", {}", duration(rule.duration)) } else { String::new() };
    format!("{}{time}", counted.join(", "))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// Milliseconds with three places.
fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
