//! `webstir inputs`: what a command declares, what it read of that, and what it never did.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use webstir_engine::config::Rule;
use webstir_engine::label::Label;

use crate::Exit;
use crate::args::{Global, Inputs};
use crate::cancellation::cancellation;
use crate::compose::{Failure, Observed, Session, Workspace};
use crate::report;
use crate::report::progress::Progress;

pub(super) fn run(global: &Global, inputs: &Inputs) -> Result<Exit, Failure> {
    let workspace = Workspace::open(global)?;
    let rule = rule(&workspace, inputs)?;
    let progress = Progress::new(global);
    let session = Session::start(workspace, global, &inputs.profile, progress.sink(), cancellation()?);
    let observed = session.and_then(|mut session| session.observe(&rule));
    progress.finish();
    let (built, observed) = observed?;
    if observed.is_empty() {
        report::terminal::findings(&built.diagnostics, &built.workspace.system, report::terminal::least_shown(global));
        return Ok(if built.world_failed { Exit::WorldFailed } else { Exit::Failed });
    }
    if global.json {
        let actions: Vec<Value> = observed.iter().map(document).collect();
        report::result(&report::json::document(&json!({"ok": true, "rule": rule.to_string(), "actions": actions})));
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for observed in &observed {
        text += &format!("{}\n", observed.label);
        for (state, path) in lines(observed) {
            text += &format!("  {state:12}  {path}\n");
        }
        if observed.accesses.is_none() {
            report::story("[webstir] nobody saw what it read: this system has no observer");
        }
    }
    report::result(&text);
    Ok(Exit::Done)
}

/// The command of that name.
fn rule(workspace: &Workspace, inputs: &Inputs) -> Result<Label, Failure> {
    let commands =
        || workspace.config.rules_in(&inputs.profile).map(Rule::label).filter(|label| label.kind() == "command");
    let found = commands().find(|label| label.to_string() == inputs.rule || label.name() == inputs.rule);
    found.cloned().ok_or_else(|| {
        let names: Vec<String> = commands().map(|label| format!("`{label}`")).collect();
        let help = match &names[..] {
            [] => "The profile has no command".to_owned(),
            names => format!("The commands of the profile are {}", names.join(", ")),
        };
        Failure::new(format!("There is no command `{}` in the profile `{}`", inputs.rule, inputs.profile))
            .with_help(help)
    })
}

/// Each path with what is known of it.
fn lines(observed: &Observed) -> Vec<(&'static str, String)> {
    let Some(accesses) = &observed.accesses else {
        return observed.declared.iter().map(|path| ("declared", path.to_string())).collect();
    };
    let used: BTreeSet<&str> = accesses.used.iter().map(String::as_str).collect();
    let declared = observed.declared.iter().map(|path| {
        let state = if used.contains(path.as_str()) { "read" } else { "never read" };
        (state, path.to_string())
    });
    let undeclared = accesses.undeclared.iter().map(|access| ("not declared", access.path.clone()));
    declared.chain(undeclared).collect()
}

fn document(observed: &Observed) -> Value {
    let of = |wanted: &str| -> Vec<String> {
        lines(observed).into_iter().filter(|(state, _)| *state == wanted).map(|(_, path)| path).collect()
    };
    json!({
        "label": observed.label.to_string(),
        "observed": observed.accesses.is_some(),
        "declared": observed.declared.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "read": of("read"),
        "neverRead": of("never read"),
        "notDeclared": of("not declared"),
    })
}
