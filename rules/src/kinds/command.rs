//! `command`: a user's process with declared inputs, outputs and environment.
//!
//! It runs in the workspace with a cleared environment and a private temporary directory, in a process group of its own that is
//! killed as a whole. What was at its outputs before is put aside first, so that only what this run wrote counts, and is put
//! back when the run fails.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use webstir_engine::action::{Input, Origin, Outcome};
use webstir_engine::config::Literal;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::digest::Digest;
use webstir_engine::file::{self, Content};
use webstir_engine::path::RelPath;
use webstir_engine::plan::Planner;
use webstir_engine::rule::{Context, Rule, RunError, RunResult};

use super::{Setup, action, out_root, output_path, parameters, stored};
use crate::modules::{GlobsKey, RuleKey, searched_globs, searched_set};
use crate::process::{self, Ended, Job};

const VERSION: u32 = 1;

/// How long a command may take when its rule does not say.
const TIMEOUT: Duration = Duration::from_mins(10);

/// Tells a command the output root of the profile, relative to the workspace.
const OUT: &str = "WEBSTIR_OUT";

/// The rule.
pub(super) struct Command {
    setup: Arc<Setup>,
}

impl Command {
    pub(super) fn new(setup: Arc<Setup>) -> Self {
        Self { setup }
    }
}

#[derive(Serialize, Deserialize)]
struct Parameters {
    timeout_ms: u64,
}

impl Rule for Command {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn is_process(&self) -> bool {
        true
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let arguments: Vec<Box<str>> = planner.node.texts("run").map(|text| Box::from(&*text.value)).collect();
        let Some(program) = arguments.first() else { return };
        let Some(tool) = self.identity(planner, program) else {
            let message = format!("The program `{program}` was not found");
            let diagnostic = Diagnostic::error("command::program", message);
            let place = planner.node.place_of("run").unwrap_or_else(|| planner.node.place());
            let placed = planner.config.put(diagnostic, place);
            return planner.report(placed.help("Install it, or name it by its path in the workspace"));
        };
        let mut inputs: BTreeMap<RelPath, Input> = BTreeMap::new();
        let globs: Vec<Arc<str>> = planner.node.texts("inputs").map(|text| text.value.clone()).collect();
        let named = searched_globs(planner.db, GlobsKey::new(planner.db, globs));
        named.warning().into_iter().for_each(|warning| planner.report(warning));
        let mut sources: Vec<RelPath> = named.files.to_vec();
        let labels: Vec<_> = planner.node.references("from").map(|label| label.value.clone()).collect();
        for label in labels {
            if label.kind() == "files" {
                let set = searched_set(planner.db, RuleKey::new(planner.db, label));
                set.warning().into_iter().for_each(|warning| planner.report(warning));
                sources.extend(set.files.iter().cloned());
            } else if let Some(plan) = planner.require(&label) {
                inputs.extend(plan.artifacts.iter().map(|artifact| (artifact.path.clone(), stored(artifact))));
            }
        }
        for source in sources {
            if let Content::Digest(digest) = file::content(planner.db, &source) {
                inputs.entry(source.clone()).or_insert(Input { path: source, digest, origin: Origin::Workspace });
            }
        }
        let outputs: Vec<_> = planner.node.outputs("outputs").map(|output| output.value.clone()).collect();
        let mut outputs: Vec<RelPath> =
            outputs.iter().filter_map(|output| output_path(planner.scope(), output)).collect();
        outputs.sort();
        if !planner.is_done() {
            return;
        }
        let timeout = planner.node.duration("timeout").map_or(TIMEOUT, |timeout| timeout.value);
        let parameters = Parameters { timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX) };
        let mut action = action(planner.scope(), VERSION, None, &parameters);
        let mut all = action.arguments.into_vec();
        all.extend(arguments);
        action.arguments = all.into_boxed_slice();
        action.tool = Some(tool);
        action.directory = planner.node.path("directory").map_or_else(RelPath::root, |path| path.value.clone());
        action.environment = environment(planner);
        action.inputs = inputs.into_values().collect();
        action.outputs = outputs.into_boxed_slice();
        action.cacheable = planner.node.boolean("cache").is_none_or(|cache| cache.value);
        if let Some(outcome) = planner.action(action) {
            planner.place(outcome.artifacts.iter().cloned());
        }
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let action = context.action;
        let Parameters { timeout_ms } = parameters(action);
        let program = &action.arguments[1];
        let Some((path, _)) = self.setup.program(program) else {
            return Err(RunError::world(format!("Running `{program}`"))(io::ErrorKind::NotFound.into()));
        };
        for input in action.inputs.iter().filter(|input| input.origin == Origin::Store) {
            // Outputs of other rules lie in the store until the tree is placed; a process needs them on disk.
            let bytes = context.read(input)?;
            process::write_below(&self.setup.root, &input.path, &bytes)
                .map_err(RunError::world(format!("Writing `{}`", input.path)))?;
        }
        let aside = process::Aside::take(&self.setup.root, &action.outputs)
            .map_err(RunError::world("Putting the old outputs aside"))?;
        let ended = process::run(&Job {
            program: &path,
            arguments: &action.arguments[2..],
            root: &self.setup.root,
            directory: &action.directory,
            environment: &action.environment,
            timeout: Duration::from_millis(timeout_ms),
            cancelled: context.cancelled,
        })
        .map_err(RunError::world(format!("Running `{program}`")))?;
        let failure = match &ended {
            Ended::Cancelled => {
                aside.restore();
                return Err(RunError::Cancelled);
            }
            Ended::TimedOut => Some(format!("`{program}` did not end within {} s", timeout_ms / 1000)),
            Ended::Exited { success: true, .. } => None,
            Ended::Exited { status, .. } => Some(format!("`{program}` failed: {status}")),
        };
        if let Some(message) = failure {
            aside.restore();
            let mut diagnostic = Diagnostic::error("command::failed", message);
            if let Ended::Exited { output, .. } = &ended
                && !output.is_empty()
            {
                diagnostic = diagnostic.note(output.clone());
            }
            return Ok(Outcome::failed(vec![diagnostic]));
        }
        for input in &action.inputs {
            if input.origin == Origin::Workspace {
                context.read(input)?;
            }
        }
        let mut artifacts = Vec::new();
        let mut missing = Vec::new();
        for output in &action.outputs {
            let files =
                process::collect(&self.setup.root, output).map_err(RunError::world(format!("Reading `{output}`")))?;
            if files.is_empty() {
                missing.push(
                    Diagnostic::error("command::no_output", format!("`{program}` did not write its output `{output}`"))
                        .help("Correct `outputs` of the rule, or the command"),
                );
            }
            for (path, bytes, executable) in files {
                let mut artifact = context.write(path, &bytes)?;
                artifact.executable = executable;
                artifacts.push(artifact);
            }
        }
        if !missing.is_empty() {
            aside.restore();
            return Ok(Outcome::failed(missing));
        }
        let mut outcome = Outcome::done(artifacts, Vec::new());
        // Nothing keeps the process from reading what it did not declare.
        outcome.hermetic = false;
        Ok(outcome)
    }
}

impl Command {
    /// The digest of the program's bytes. A program of the workspace is an input like any other.
    fn identity(&self, planner: &Planner<'_>, program: &str) -> Option<Digest> {
        if program.contains('/') && !program.starts_with('/') {
            let path = RelPath::new(program).ok()?;
            return match file::content(planner.db, &path) {
                Content::Digest(digest) => Some(digest),
                _ => None,
            };
        }
        self.setup.program(program).map(|(_, digest)| digest)
    }
}

/// What the process sees, sorted by name: values that the rule sets, and allow-listed values that it passes on.
fn environment(planner: &Planner<'_>) -> Box<[(Box<str>, Box<str>)]> {
    let mut environment: BTreeMap<Box<str>, Box<str>> = BTreeMap::new();
    if let Some(out) = out_root(planner.scope()) {
        environment.insert(OUT.into(), out.as_str().into());
    }
    for name in planner.node.texts("environment") {
        if let Some(value) = planner.environment(&name.value) {
            environment.insert(Box::from(&*name.value), Box::from(value));
        }
    }
    for pair in planner.node.pairs("environment") {
        let value = match &pair.value.value {
            Literal::Text(text) => text.to_string(),
            other => other.to_string(),
        };
        environment.insert(Box::from(&*pair.name.value), value.into());
    }
    environment.into_iter().collect()
}
