//! `webstir affected`: the rules that differ from another revision.
//!
//! Both revisions are planned against the store of this workspace, and nothing is run. The other one is taken out of git into a
//! temporary directory, without touching the work tree or the index.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use webstir_engine::config::Rule;
use webstir_engine::explain::{Affected, Cause, Change, Difference, Reason, affected};
use webstir_engine::key_dump::KeyDump;
use webstir_engine::label::Label;
use webstir_engine::path::RelPath;

use crate::Exit;
use crate::args::{self, Global};
use crate::cancellation::cancellation;
use crate::compose::{Failure, Session, Workspace};
use crate::report::{self, cause};

/// How many reasons of one rule are shown as text.
const MOST_SHOWN: usize = 3;

/// Files that say which packages are installed; what is installed is no part of a revision.
const PACKAGES: &[&str] = &[
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
    "bun.lockb",
];

pub(super) fn run(global: &Global, arguments: &args::Affected) -> Result<Exit, Failure> {
    let here = Workspace::open(global)?;
    let base = Base::check_out(&here.root, &arguments.base)?;
    let other = Global { workspace: Some(base.workspace.clone()), ..global.clone() };
    let there = Workspace::open(&other)?.with_store(here.store.clone());
    let changed = base.changed(&here.root)?;
    let system = here.system.clone();
    let cancelled = cancellation()?;
    let root = here.root.clone();
    let planned = here.config.rules_in(&arguments.profile).map(Rule::label);
    let planned: Vec<Label> = planned.filter(|label| !matches!(label.kind(), "files" | "entries")).cloned().collect();
    let plan = |workspace: Workspace, is_ours: bool| -> Result<(KeyDump, Vec<Label>), Failure> {
        if !workspace.is_sound() {
            report::terminal::findings(&workspace.diagnostics, &system, webstir_engine::diagnostic::Severity::Error);
            return Err(Failure::new("The configuration has errors, so nothing can be planned"));
        }
        let session = Session::start(workspace, global, &arguments.profile, Arc::new(|_| {}), cancelled.clone())?;
        // A revision has no packages of its own: those of this checkout stand for them, told apart by its lockfile.
        session.with_packages_of(&root).plan(is_ours)
    };
    let ((head, unknown), (base_plan, unknown_before)) = (plan(here, false)?, plan(there, true)?);
    let mut found = affected(&base_plan, &head, &changed);
    // Any of them may read what a command generates.
    if let Some(command) = unknown.first().or(unknown_before.first()) {
        let known: BTreeSet<String> = found.iter().map(|affected| affected.rule.clone()).collect();
        let others = planned.iter().map(ToString::to_string).filter(|rule| !known.contains(rule));
        let reasons = vec![Reason::BuildsOn(command.to_string())];
        found.extend(others.map(|rule| Affected { rule, reasons: reasons.clone() }));
        found.sort_by(|one, other| one.rule.cmp(&other.rule));
    }
    if global.json {
        report::result(&report::json::document(&document(arguments, &found)));
    } else {
        report::result(&text(&found));
    }
    Ok(Exit::Done)
}

/// A revision in a directory of its own.
struct Base {
    /// Removed with everything in it.
    _directory: tempfile::TempDir,
    workspace: PathBuf,
    commit: String,
}

impl Base {
    fn check_out(root: &Path, revision: &str) -> Result<Self, Failure> {
        let wanted = format!("{revision}^{{commit}}");
        let commit =
            git(root, None, ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]).map_err(|_| {
                Failure::new(format!("`{revision}` is no revision of a git repository around `{}`", root.display()))
                    .with_help("Name a branch, tag or commit, for example `--base origin/main`")
            })?;
        let commit = commit.trim().to_owned();
        let prefix = git(root, None, ["rev-parse", "--show-prefix"])?;
        let directory = tempfile::tempdir().map_err(|error| Failure::because("No temporary directory", error))?;
        // The workspace's directory keeps its name, which may stand in what is made.
        let name = root.file_name().unwrap_or(OsStr::new("workspace"));
        let tree = if prefix.trim().is_empty() { directory.path().join(name) } else { directory.path().join("tree") };
        let index = directory.path().join("index");
        git(root, Some(&index), ["read-tree", &commit])?;
        let mut into = tree.clone().into_os_string();
        into.push("/");
        let mut argument = std::ffi::OsString::from("--prefix=");
        argument.push(into);
        // From the top of the repository: `checkout-index --all` takes what is below the current directory.
        let top = git(root, None, ["rev-parse", "--show-toplevel"])?;
        git(
            Path::new(top.trim_end_matches('\n')),
            Some(&index),
            [OsStr::new("checkout-index"), OsStr::new("--all"), &argument],
        )?;
        let workspace = tree.join(prefix.trim_end_matches('\n'));
        if !workspace.is_dir() {
            return Err(Failure::new(format!("The workspace is not part of `{revision}`"))
                .with_help("Every rule is affected; choose a later revision"));
        }
        Ok(Self { _directory: directory, workspace, commit })
    }

    /// The files that differ between the revision and the work tree, ignored ones left out.
    fn changed(&self, root: &Path) -> Result<Vec<(RelPath, Difference)>, Failure> {
        let listed =
            git(root, None, ["diff", "--name-status", "--no-renames", "--relative", "-z", &self.commit, "--", "."])?;
        let mut parts = listed.split('\0');
        let mut changed = Vec::new();
        while let (Some(status), Some(path)) = (parts.next(), parts.next()) {
            let how = match status {
                // A change of type may be one into a link or a directory.
                "A" | "T" => Difference::Added,
                "D" => Difference::Removed,
                _ => Difference::Changed,
            };
            changed.extend(RelPath::new(path).ok().map(|path| (path, how)));
        }
        let untracked = git(root, None, ["ls-files", "--others", "--exclude-standard", "-z", "--", "."])?;
        let untracked = untracked.split('\0').filter(|path| !path.is_empty());
        changed.extend(untracked.filter_map(|path| Some((RelPath::new(path).ok()?, Difference::Added))));
        if changed.iter().any(|(path, _)| PACKAGES.contains(&path.file_name())) {
            changed.extend(RelPath::new("node_modules").ok().map(|path| (path, Difference::Changed)));
        }
        changed.retain(|(path, _)| !path.as_str().starts_with(".webstir/"));
        changed.sort();
        changed.dedup();
        Ok(changed)
    }
}

/// What git prints, when it succeeds.
fn git<'a, S: AsRef<OsStr> + 'a>(
    directory: &Path,
    index: Option<&Path>,
    arguments: impl IntoIterator<Item = S>,
) -> Result<String, Failure> {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(arguments);
    if let Some(index) = index {
        command.env("GIT_INDEX_FILE", index);
    }
    let output = command.output().map_err(|error| {
        Failure::because("`git` cannot be run", error).with_help("Install git, which knows the revisions")
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("`git` failed: {}", said.lines().last().unwrap_or("it said nothing"))))
}

fn document(arguments: &args::Affected, found: &[Affected]) -> Value {
    let rules: Vec<Value> = found
        .iter()
        .map(|rule| json!({"rule": rule.rule, "reasons": rule.reasons.iter().map(reason_document).collect::<Vec<_>>()}))
        .collect();
    json!({"base": arguments.base, "profile": arguments.profile, "affected": rules})
}

fn reason_document(reason: &Reason) -> Value {
    match reason {
        Reason::Cause(cause) => cause::document(cause),
        Reason::Gone(label) => json!({"kind": "gone", "message": sentence(reason), "action": label.to_string()}),
        Reason::BuildsOn(rule) => json!({"kind": "builds-on", "message": sentence(reason), "rule": rule}),
        Reason::Unknown(label) => json!({"kind": "unknown", "message": sentence(reason), "action": label.to_string()}),
    }
}

fn sentence(reason: &Reason) -> String {
    match reason {
        Reason::Cause(Cause { change: Change::NeverRan, .. }) => "It is not part of the base".to_owned(),
        Reason::Cause(cause) => cause::sentence(cause),
        Reason::Gone(label) => format!("`{label}` is no longer planned"),
        Reason::BuildsOn(rule) => format!("It builds on `{rule}`, and its keys are not known before that has run"),
        Reason::Unknown(label) => format!("What `{label}` reads is not known before it has run, and files changed"),
    }
}

fn text(found: &[Affected]) -> String {
    let mut text = String::new();
    for rule in found {
        text += &format!("{}\n", rule.rule);
        let mut sentences: Vec<String> = rule.reasons.iter().map(sentence).collect();
        let mut seen = std::collections::BTreeSet::new();
        sentences.retain(|sentence| seen.insert(sentence.clone()));
        for sentence in sentences.iter().take(MOST_SHOWN) {
            text += &format!("  {sentence}\n");
        }
        if sentences.len() > MOST_SHOWN {
            text += &format!("  and {} more\n", sentences.len() - MOST_SHOWN);
        }
    }
    text
}
