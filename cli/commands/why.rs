//! `webstir why`: what made actions run.

use std::path::Path;

use serde_json::{Value, json};
use webstir_engine::event::Status;
use webstir_engine::explain::{Cause, Comparison};
use webstir_engine::key_dump::{ActionRecord, KeyDump};

use crate::Exit;
use crate::args::{Global, Why};
use crate::compose::{Failure, workspace_root};
use crate::explanation::{self, Explanation, read_other};
use crate::report::{self, cause};

/// How many causes of one action are shown as text.
const MOST_SHOWN: usize = 5;

pub(super) fn run(global: &Global, why: &Why) -> Result<Exit, Failure> {
    let root = workspace_root(global)?;
    let mut explanation = opened(&root, &why.profile)?;
    if let Some(against) = &why.against {
        let other = read_other(against, &why.profile).ok_or_else(|| {
            Failure::new(format!("`{}` holds no key dump of the profile `{}`", against.display(), why.profile))
                .with_help("Name a workspace that was built, or a file `.webstir/explain/<profile>` of one")
        })?;
        explanation.before = Some(other);
        // What ran here is beside the point: the question is what differs.
        explanation.after.actions.iter_mut().for_each(|action| action.status = Status::Cached);
    }
    let comparison = explanation.comparison();
    let asked: Vec<&ActionRecord> = match &why.target {
        None => comparison.differing().collect(),
        Some(target) => {
            let found = matching(&explanation.after, target);
            if found.is_empty() {
                return Err(Failure::new(format!("No rule, action or file of the last build is called `{target}`"))
                    .with_help("`webstir graph` lists what there is"));
            }
            found
        }
    };
    if global.json {
        report::result(&report::json::document(&document(&comparison, &asked, why)));
    } else {
        report::result(&text(&comparison, &asked, why));
    }
    Ok(Exit::Done)
}

/// The dump of the last build of a profile.
pub(super) fn opened(root: &Path, profile: &str) -> Result<Explanation, Failure> {
    Explanation::open(root, profile).ok_or_else(|| {
        let failure = Failure::new(format!("Nothing is known of a build of the profile `{profile}`"));
        let built = explanation::profiles(root).into_iter().filter(|name| name != profile);
        let built: Vec<String> = built.map(|name| format!("`--profile {name}`")).collect();
        match built.as_slice() {
            [] => failure.with_help("Run `webstir build` first"),
            built => failure.with_help(format!("Build it first, or ask about {}", built.join(" or "))),
        }
    })
}

/// The actions that `target` names: as an action, a rule, the name of a rule, or a file that they read or make.
pub(super) fn matching<'a>(dump: &'a KeyDump, target: &str) -> Vec<&'a ActionRecord> {
    let target = target.strip_prefix("./").unwrap_or(target);
    let is_named = |action: &&ActionRecord| {
        let rule = &action.label.rule;
        rule.to_string() == target || rule.name() == target
    };
    let is_of_file = |action: &&ActionRecord| {
        let is = |path: &webstir_engine::path::RelPath| path.as_str() == target;
        action.label.subject.as_ref().is_some_and(is)
            || action.inputs().any(|(path, ..)| is(path))
            || action.discovered_inputs().any(|(path, _)| is(path))
            || action.artifacts.iter().any(|(path, _)| is(path))
    };
    let found: Vec<_> = dump.actions.iter().filter(|action| action.label.to_string() == target).collect();
    if !found.is_empty() {
        return found;
    }
    let found: Vec<_> = dump.actions.iter().filter(is_named).collect();
    if !found.is_empty() {
        return found;
    }
    dump.actions.iter().filter(is_of_file).collect()
}

fn document(comparison: &Comparison<'_>, asked: &[&ActionRecord], why: &Why) -> Value {
    let actions: Vec<Value> = asked
        .iter()
        .map(|action| {
            let causes = comparison.causes(&action.label);
            json!({
                "label": action.label.to_string(),
                "kind": action.label.rule.kind(),
                "ran": why.against.is_none() && action.ran(),
                "status": action.status.as_str(),
                "key": action.key.to_string(),
                "causes": causes.iter().map(cause::document).collect::<Vec<_>>(),
            })
        })
        .collect();
    let against = why.against.as_ref().map(|path| path.display().to_string());
    json!({"profile": why.profile, "against": against, "actions": actions})
}

fn text(comparison: &Comparison<'_>, asked: &[&ActionRecord], why: &Why) -> String {
    let mut text = String::new();
    let mut unchanged = 0;
    for action in asked {
        let causes = comparison.causes(&action.label);
        // Of a rule with many actions, those that nothing happened to are only counted.
        if causes.is_empty() && asked.len() > 1 {
            unchanged += 1;
            continue;
        }
        text += &format!("{} {}\n", action.label, fate(action, &causes, why));
        for cause in causes.iter().take(MOST_SHOWN) {
            text += &format!("  {}\n", cause::sentence(cause));
        }
        if causes.len() > MOST_SHOWN {
            text += &format!("  and {} more; `--json` has all of them\n", causes.len() - MOST_SHOWN);
        }
    }
    if unchanged > 0 {
        text += &format!("{unchanged} more: nothing they depend on differs\n");
    }
    if asked.is_empty() {
        text += if why.against.is_some() { "Every key is the same\n" } else { "Nothing ran\n" };
    }
    text
}

fn fate(action: &ActionRecord, causes: &[Cause], why: &Why) -> String {
    if why.against.is_some() {
        return if causes.is_empty() { "has the same key".to_owned() } else { "has another key".to_owned() };
    }
    match action.status {
        _ if action.carried => "could not be planned: something below it failed".to_owned(),
        Status::Ran => format!("ran ({})", report::duration(action.duration)),
        Status::Failed => format!("ran and failed ({})", report::duration(action.duration)),
        Status::Skipped => "was skipped".to_owned(),
        Status::Cached if causes.is_empty() => "did not run: nothing it depends on differs".to_owned(),
        Status::Cached => "did not run: the store had this state".to_owned(),
    }
}
