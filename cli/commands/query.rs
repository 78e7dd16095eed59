//! `webstir query`: questions about the rules and actions of the last build.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use webstir_engine::action::Origin;
use webstir_engine::discovered::DiscoveredInput;
use webstir_engine::graph::{ActionGraph, Direction, RuleGraph};
use webstir_engine::key_dump::{ActionRecord, KeyDump};
use webstir_engine::label::ActionLabel;

use crate::Exit;
use crate::args::{Global, Query, Question};
use crate::compose::{Failure, workspace_root};
use crate::report;

use super::why::{matching, opened};

/// What a name stands for.
enum Named {
    Rules(Vec<String>),
    Actions(Vec<ActionLabel>),
    /// Of a file: the actions that read it, and those that make it.
    File(Vec<ActionLabel>, Vec<ActionLabel>),
}

pub(super) fn run(global: &Global, query: &Query) -> Result<Exit, Failure> {
    let root = workspace_root(global)?;
    let dump = opened(&root, &query.profile)?.after;
    let answer = match &query.question {
        Question::Deps { target } => closure(&dump, target, Direction::Incoming)?,
        Question::Rdeps { target } => closure(&dump, target, Direction::Outgoing)?,
        Question::Somepath { from, to } => path(&dump, from, to)?,
        Question::Inputs { target } => inputs(&actions(&dump, target)?),
        Question::Outputs { target } => {
            let made = actions(&dump, target)?.into_iter().flat_map(|action| &action.artifacts);
            made.map(|(path, _)| path.to_string()).collect::<BTreeSet<_>>().into_iter().collect()
        }
        Question::Kind { kind } => {
            let rules = RuleGraph::of_dump(&dump);
            let mut labels: Vec<String> =
                rules.nodes().into_iter().filter(|rule| rule.kind() == kind).map(|rule| rule.label.clone()).collect();
            labels.sort();
            labels
        }
        Question::File { path } => {
            let path = path.strip_prefix("./").unwrap_or(path);
            of_file(&dump, path).into_iter().map(|action| action.label.to_string()).collect()
        }
    };
    if global.json {
        report::result(&report::json::document(&document(query, &answer)));
    } else {
        let lines: Vec<&str> = answer.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        report::result(&lines.concat());
    }
    Ok(Exit::Done)
}

fn document(query: &Query, answer: &[String]) -> Value {
    let (question, arguments) = match &query.question {
        Question::Deps { target } => ("deps", vec![target]),
        Question::Rdeps { target } => ("rdeps", vec![target]),
        Question::Somepath { from, to } => ("somepath", vec![from, to]),
        Question::Inputs { target } => ("inputs", vec![target]),
        Question::Outputs { target } => ("outputs", vec![target]),
        Question::Kind { kind } => ("kind", vec![kind]),
        Question::File { path } => ("file", vec![path]),
    };
    json!({"profile": query.profile, "question": question, "arguments": arguments, "answer": answer})
}

/// A rule by its label or name, else an action, else the actions of a file.
fn named(dump: &KeyDump, rules: &RuleGraph, target: &str) -> Result<Named, Failure> {
    let is_named = |label: &str| label == target || label.split_once(':').is_some_and(|(_, name)| name == target);
    let found: Vec<String> =
        rules.nodes().into_iter().filter(|rule| is_named(&rule.label)).map(|rule| rule.label.clone()).collect();
    if !found.is_empty() {
        return Ok(Named::Rules(found));
    }
    let labels = |actions: Vec<&ActionRecord>| actions.into_iter().map(|action| action.label.clone()).collect();
    let path = target.strip_prefix("./").unwrap_or(target);
    let (makers, readers): (Vec<_>, Vec<_>) = of_file(dump, path)
        .into_iter()
        .partition(|action| action.artifacts.iter().any(|(made, _)| made.as_str() == path));
    if makers.is_empty() && readers.is_empty() {
        return actions(dump, target).map(|found| Named::Actions(labels(found)));
    }
    Ok(Named::File(labels(readers), labels(makers)))
}

fn actions<'a>(dump: &'a KeyDump, target: &str) -> Result<Vec<&'a ActionRecord>, Failure> {
    let found = matching(dump, target);
    if found.is_empty() {
        return Err(Failure::new(format!("No rule, action or file of the last build is called `{target}`"))
            .with_help("`webstir graph` lists what there is"));
    }
    Ok(found)
}

fn of_file<'a>(dump: &'a KeyDump, path: &str) -> Vec<&'a ActionRecord> {
    // A name of a rule is no file.
    matching(dump, path)
        .into_iter()
        .filter(|action| {
            let is = |other: &webstir_engine::path::RelPath| other.as_str() == path;
            action.inputs().any(|(path, ..)| is(path))
                || action.discovered_inputs().any(|(path, _)| is(path))
                || action.artifacts.iter().any(|(path, _)| is(path))
        })
        .collect()
}

fn closure(dump: &KeyDump, target: &str, direction: Direction) -> Result<Vec<String>, Failure> {
    let rules = RuleGraph::of_dump(dump);
    Ok(match named(dump, &rules, target)? {
        Named::Rules(labels) => rules.closure(&labels, direction).into_iter().map(str::to_owned).collect(),
        Named::Actions(labels) => {
            ActionGraph::of_dump(dump).closure(&labels, direction).into_iter().map(ToString::to_string).collect()
        }
        // Of a file, the actions next to it are part of the answer.
        Named::File(readers, makers) => {
            let next = if direction == Direction::Incoming { makers } else { readers };
            let graph = ActionGraph::of_dump(dump);
            let all: BTreeSet<&ActionLabel> = graph.closure(&next, direction).into_iter().chain(&next).collect();
            all.into_iter().map(ToString::to_string).collect()
        }
    })
}

fn path(dump: &KeyDump, from: &str, to: &str) -> Result<Vec<String>, Failure> {
    let rules = RuleGraph::of_dump(dump);
    let (upper, lower) = (named(dump, &rules, from)?, named(dump, &rules, to)?);
    let path: Option<Vec<String>> = match (upper, lower) {
        (Named::Rules(from), Named::Rules(to)) => {
            rules.path(&from, &to).map(|path| path.into_iter().map(str::to_owned).collect())
        }
        (from, to) => {
            let labels = |named: Named| match named {
                Named::Actions(labels) => labels,
                Named::File(readers, makers) => readers.into_iter().chain(makers).collect(),
                Named::Rules(rules) => {
                    let of = |action: &&ActionRecord| rules.contains(&action.label.rule.to_string());
                    dump.actions.iter().filter(of).map(|action| action.label.clone()).collect()
                }
            };
            let graph = ActionGraph::of_dump(dump);
            let path = graph.path(&labels(from), &labels(to));
            path.map(|path| path.into_iter().map(ToString::to_string).collect())
        }
    };
    path.ok_or_else(|| {
        Failure::new(format!("`{from}` does not build on `{to}`")).with_help("Try it the other way around")
    })
}

/// Declared inputs and what was seen of the workspace, each file once.
fn inputs(actions: &[&ActionRecord]) -> Vec<String> {
    let mut paths: BTreeSet<String> = BTreeSet::new();
    for action in actions {
        paths.extend(action.inputs().map(|(path, _, origin)| match origin {
            Origin::Workspace => path.to_string(),
            Origin::Store => format!("{path} (made)"),
        }));
        let seen = action
            .discovered_inputs()
            .filter(|(_, input)| matches!(input, DiscoveredInput::Content(Some(_)) | DiscoveredInput::Derived(..)));
        paths.extend(seen.map(|(path, _)| path.to_string()));
    }
    paths.into_iter().collect()
}
