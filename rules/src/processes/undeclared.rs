//! What a process looked at and did not declare, in words for users.
//!
//! Programs look for files that say how they are to work: those are either inputs of every command that runs a script (`package.json`
//! above it), or hidden and without meaning (`.env`, which Bun reads). They are told about only where the command itself asks for them.

use webstir_engine::action::Action;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;
use webstir_process::{Access, AccessKind, Finished};

/// More than these are counted and not listed.
const MOST: usize = 20;

/// Tells the output root of the profile to a command, relative to the workspace.
pub(crate) const OUT: &str = "WEBSTIR_OUT";

/// What an undeclared path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Nothing: every program looks there.
    Nothing,
    /// A file or a directory of the workspace.
    Source,
    /// What a build placed.
    Output,
}

/// A finding for each path that the workspace has and the process did not declare; errors where `is_strict`.
pub(crate) fn undeclared(action: &Action, name: &str, finished: &Finished, is_strict: bool) -> Vec<Diagnostic> {
    let Some(accesses) = &finished.accesses else { return Vec::new() };
    let out = action.environment.iter().find(|(name, _)| &**name == OUT).map(|(_, value)| &**value);
    let told: Vec<(&Access, Meaning)> = accesses
        .undeclared
        .iter()
        .map(|access| (access, meaning(access, action, name, out)))
        .filter(|(_, meaning)| *meaning != Meaning::Nothing)
        .collect();
    // Who asks for a directory and then for files in it is told of the files.
    let is_above = |access: &Access| {
        access.kind == AccessKind::Looked && told.iter().any(|(other, _)| is_below(&other.path, &access.path))
    };
    let all: Vec<_> = told.iter().filter(|(access, _)| !is_above(access)).collect();
    let mut findings: Vec<Diagnostic> =
        all.iter().take(MOST).map(|(access, meaning)| finding(access, *meaning, name, is_strict)).collect();
    if all.len() > MOST || accesses.is_cut {
        let more = all.len().saturating_sub(MOST);
        if let Some(last) = findings.last_mut() {
            last.notes.push(format!("It looked at {more} more paths that it did not declare"));
        }
    }
    findings
}

fn finding(access: &Access, meaning: Meaning, name: &str, is_strict: bool) -> Diagnostic {
    let path = &access.path;
    let did = match access.kind {
        AccessKind::Looked => "looked for",
        AccessKind::Removed => "was to remove or rename",
        AccessKind::Opened => "was to read",
        AccessKind::Executed => "was to run",
    };
    let (code, what, help) = match meaning {
        Meaning::Output => (
            "command::undeclared_rule",
            format!("`{name}` {did} `{path}`, which a rule makes that `from` does not name"),
            format!("Name the rule that makes `{path}` in `from`"),
        ),
        Meaning::Source | Meaning::Nothing => (
            "command::undeclared_input",
            format!("`{name}` {did} `{path}`, which its rule does not declare"),
            format!("Add `inputs \"{path}\"` to the rule, or run `webstir fix inputs`"),
        ),
    };
    let diagnostic = if is_strict { Diagnostic::error(code, what) } else { Diagnostic::warning(code, what) };
    let note = "An edit of it would not run the command again; the result is not kept";
    let path = RelPath::new(path).ok();
    diagnostic.note(note).help(help).related("It is in the workspace", path.as_ref(), None)
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

fn is_within(path: &str, directory: &str) -> bool {
    path == directory || is_below(path, directory)
}

fn meaning(access: &Access, action: &Action, name: &str, out: Option<&str>) -> Meaning {
    let path = access.path.as_str();
    let last = path.rsplit('/').next().unwrap_or(path);
    let program = name.rsplit('/').next().unwrap_or(name);
    // Its own outputs, and what they lie in, may be there from a build before.
    let is_own = action.outputs.iter().map(RelPath::as_str).any(|own| is_within(path, own) || is_below(own, path));
    let is_lookup = match last {
        // Of the state of webstir and of Git it is only asked whether they are there.
        ".git" => access.kind == AccessKind::Looked,
        // Packages are looked for in every directory above a module.
        "node_modules" => true,
        // Bun reads these by itself; variables are declared by `environment`.
        _ if program.starts_with("bun") => last.starts_with(".env") || matches!(last, "bun.lock" | "bun.lockb"),
        _ => false,
    };
    if is_own || is_lookup || is_within(path, ".webstir") {
        return Meaning::Nothing;
    }
    match out {
        Some(out) if is_within(path, out) || is_below(out, path) => {
            // The root itself is a matter of every build.
            if is_below(path, out) { Meaning::Output } else { Meaning::Nothing }
        }
        _ => Meaning::Source,
    }
}

/// A finding for what the process wrote and that is none of its outputs.
pub(crate) fn undeclared_outputs(action: &Action, name: &str, finished: &Finished) -> Option<Diagnostic> {
    let is_declared = |path: &str| action.outputs.iter().any(|output| is_within(path, output.as_str()));
    let paths: Vec<&String> = finished.written.iter().filter(|path| !is_declared(path)).collect();
    let (first, more) = paths.split_first()?;
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    let message = format!("`{name}` wrote `{first}`{more}, which is none of its outputs: it is dropped");
    Some(
        Diagnostic::warning("command::undeclared_output", message)
            .help(format!("Add `outputs \"{first}\"` to the rule, or have it write to `$TMPDIR`")),
    )
}

#[cfg(test)]
mod tests {
    use webstir_engine::action::{Isolation, Payload, Process};
    use webstir_engine::digest::Digest;
    use webstir_engine::label::{ActionLabel, Label};

    use super::*;

    fn action() -> Action {
        let label = ActionLabel { rule: Label::new("command", "x"), profile: "build".into(), subject: None };
        let process = Process {
            arguments: Box::new(["tool".into()]),
            directory: RelPath::root(),
            isolation: Isolation::default(),
            timeout: std::time::Duration::MAX,
            problems: None,
        };
        let mut action = Action::new(label, Digest::of(b"x"), Payload::Process(process));
        action.environment = Box::new([(OUT.into(), "build".into())]);
        action.outputs = Box::new([RelPath::new("build/own/x.js").unwrap()]);
        action
    }

    fn of(path: &str, kind: AccessKind, program: &str) -> Meaning {
        meaning(&Access { path: path.to_owned(), kind }, &action(), program, Some("build"))
    }

    #[test]
    fn what_every_program_looks_for_means_nothing() {
        use AccessKind::{Looked, Opened};
        for (path, kind, program, expected) in [
            ("src/data.json", Looked, "node", Meaning::Source),
            ("package.json", Opened, "sh", Meaning::Source),
            ("src/node_modules", Looked, "node", Meaning::Nothing),
            (".git", Looked, "eslint", Meaning::Nothing),
            (".git/HEAD", Opened, "git", Meaning::Source),
            (".env", Opened, "bun", Meaning::Nothing),
            (".env", Opened, "node", Meaning::Source),
            ("build", Looked, "sh", Meaning::Nothing),
            ("build/own", Looked, "sh", Meaning::Nothing),
            ("build/own/x.js", Opened, "sh", Meaning::Nothing),
            ("build/other/x.js", Opened, "sh", Meaning::Output),
            (".webstir/store", Opened, "sh", Meaning::Nothing),
        ] {
            assert_eq!(of(path, kind, program), expected, "{path} by {program}");
        }
    }
}
