//! `webstir fix`: writes into `webstir.kdl` what a build found missing there.
//!
//! A build says which files commands looked at and did not declare, and those are written. With them a command may go further and look
//! at more, so it is built again until nothing new is found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::json;
use webstir_engine::config::edit::{self, Addition};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::label::Label;
use webstir_engine::schedule::Run;

use crate::Exit;
use crate::args::{Fix, Global};
use crate::cancellation::cancellation;
use crate::compose::{Built, Failure, Session, Workspace};
use crate::report;
use crate::report::progress::Progress;

/// The file that is changed.
const FILE: &str = "webstir.kdl";

/// More often than commands find new files to read.
const MOST_ROUNDS: usize = 16;

/// What each field of each rule is to have besides.
type Missing = BTreeMap<(Label, &'static str), BTreeSet<String>>;

pub(super) fn run(global: &Global, fix: &Fix) -> Result<Exit, Failure> {
    let path = Workspace::open(global)?.root.join(FILE);
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return Err(Failure::because(format!("`{FILE}` cannot be read"), error)),
    };
    let mut text = before.clone();
    let cancelled = cancellation()?;
    let mut all = Missing::new();
    for _ in 0..MOST_ROUNDS {
        let built = build(global, fix, cancelled.clone())?;
        let mut new = missing(&built, &fix.rules);
        for (place, texts) in &mut new {
            texts.retain(|text| all.get(place).is_none_or(|known| !known.contains(text)));
        }
        new.retain(|_, texts| !texts.is_empty());
        if new.is_empty() {
            if all.is_empty() && !built.ok {
                report::terminal::findings(
                    &built.diagnostics,
                    &built.workspace.system,
                    report::terminal::least_shown(global),
                );
            }
            break;
        }
        let additions: Vec<Addition> = new
            .iter()
            .map(|((rule, field), texts)| Addition {
                rule: rule.clone(),
                field,
                texts: texts.iter().cloned().collect(),
            })
            .collect();
        text = edit::add(&text, &additions).map_err(|error| {
            Failure::of(error).with_help("Declare the files in the rule that the preset stands for, written out")
        })?;
        for (place, texts) in new {
            all.entry(place).or_default().extend(texts);
        }
        if fix.check {
            break;
        }
        fs::write(&path, &text).map_err(|error| Failure::because(format!("`{FILE}` cannot be written"), error))?;
    }
    show(global, fix, &all, &before, &text);
    Ok(if fix.check && !all.is_empty() { Exit::Failed } else { Exit::Done })
}

fn build(global: &Global, fix: &Fix, cancelled: Arc<AtomicBool>) -> Result<Built, Failure> {
    let progress = Progress::new(global);
    let session = Session::start(Workspace::open(global)?, global, &fix.profile, progress.sink(), cancelled);
    let built = session.and_then(|mut session| session.build());
    progress.finish();
    built
}

/// What a build says is not declared, of these rules or of all.
fn missing(built: &Built, rules: &[String]) -> Missing {
    let mut missing = Missing::new();
    for diagnostic in &built.diagnostics {
        let Some(rule) = diagnostic.rule.as_ref().filter(|rule| is_wanted(rule, rules)) else { continue };
        let Some(path) = looked_at(diagnostic) else { continue };
        let (field, text) = match &*diagnostic.code {
            "command::undeclared_input" => {
                let is_directory = built.workspace.root.join(&path).is_dir();
                ("inputs", if is_directory { format!("{path}/**") } else { path })
            }
            "command::undeclared_rule" => match built.run.as_ref().and_then(|run| maker(run, &path)) {
                Some(maker) => ("from", maker.to_string()),
                None => continue,
            },
            _ => continue,
        };
        missing.entry((rule.clone(), field)).or_default().insert(text);
    }
    missing
}

fn is_wanted(rule: &Label, rules: &[String]) -> bool {
    rules.is_empty() || rules.iter().any(|wanted| *wanted == rule.to_string() || wanted == rule.name())
}

fn looked_at(diagnostic: &Diagnostic) -> Option<String> {
    diagnostic.related.iter().find_map(|related| related.file.as_ref()).map(ToString::to_string)
}

/// The rule that makes a file, or files below a directory.
fn maker(run: &Run, path: &str) -> Option<Label> {
    let is_it = |made: &str| made == path || made.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    let makes = |artifact: &webstir_engine::action::Artifact| is_it(artifact.path.as_str());
    run.plans.iter().find(|(_, plan)| plan.artifacts.iter().any(makes)).map(|(label, _)| label.clone())
}

fn show(global: &Global, fix: &Fix, all: &Missing, before: &str, after: &str) {
    if global.json {
        let rules: Vec<_> = all
            .iter()
            .map(|((rule, field), texts)| json!({"rule": rule.to_string(), "field": field, "add": texts}))
            .collect();
        let document = json!({"ok": !fix.check || all.is_empty(), "file": FILE, "written": !fix.check && !all.is_empty(), "missing": rules});
        report::result(&report::json::document(&document));
        return;
    }
    if all.is_empty() {
        report::story("[webstir] every command declares what it reads");
        return;
    }
    let mut text = format!("{FILE}\n");
    for (line, mark) in changed_lines(before, after) {
        text += &format!("{mark} {line}\n");
    }
    report::result(&text);
    report::story(if fix.check {
        "[webstir] run `webstir fix inputs` to write this"
    } else {
        "[webstir] written; look at it, and commit it"
    });
}

/// The lines of both texts that the other one has not. Lines are only ever added and made longer, so their order is the same.
fn changed_lines<'a>(before: &'a str, after: &'a str) -> Vec<(&'a str, char)> {
    let mut changed = Vec::new();
    let mut old = before.lines().peekable();
    for new in after.lines() {
        match old.peek() {
            Some(line) if *line == new => {
                old.next();
            }
            // The line before it was made longer, or it is new.
            Some(line) if is_longer(line, new) => {
                changed.push((*line, '-'));
                changed.push((new, '+'));
                old.next();
            }
            _ => changed.push((new, '+')),
        }
    }
    changed
}

fn is_longer(old: &str, new: &str) -> bool {
    let head = old.split_whitespace().next();
    new.len() > old.len() && head.is_some() && head == new.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_new_or_longer_are_shown() {
        let before = "command x {\n    run \"sh\"\n    inputs \"a\"\n}\n";
        let after = "command x {\n    run \"sh\"\n    inputs \"a\" \"b\"\n    from command:y\n}\n";
        let expected = [("    inputs \"a\"", '-'), ("    inputs \"a\" \"b\"", '+'), ("    from command:y", '+')];
        assert_eq!(changed_lines(before, after), expected);
    }
}
