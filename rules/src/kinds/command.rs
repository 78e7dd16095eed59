//! `command`: a user's process with declared inputs, outputs and environment.
//!
//! It runs in a tree of its own, where its declared inputs lie at their places: the workspace is never written, and two runs at once do
//! not meet. What it leaves at its declared outputs is its result, and nothing else is.

mod environment;
mod inputs;
mod problems;

use std::sync::Arc;
use std::time::Duration;

use webstir_engine::action::{Action, ActionResult, Isolation, Payload, Process, Tool};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::machine::{Program, Wanted, program};
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Plan, Planner};
use webstir_engine::run::{Context, Run, RunError, RunResult};
use webstir_process::{Collected, Ended, Finished, Tier};

use super::{Resources, output_path};
use crate::generated::places_of;
use crate::implementation::implementation;
use crate::processes::undeclared::{undeclared, undeclared_outputs};
use crate::processes::{accepted, ran_in};
use crate::schema;
use crate::secrets::{self, Redactor};

/// How long a command may take when its rule does not say.
const TIMEOUT: Duration = Duration::from_mins(10);

/// How the rule is planned.
pub(super) struct Command;

impl Plan for Command {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let arguments: Vec<Box<str>> = planner.node.texts("run").map(|text| Box::from(&*text.value)).collect();
        let Some(name) = arguments.first() else { return };
        let wanted = Wanted { name: name.clone(), loads_packages: true };
        let Some(program) = program(planner.db, wanted) else {
            let message = format!("The program `{name}` was not found");
            let diagnostic = Diagnostic::error("command::program", message);
            let place = planner.node.place_of("run").unwrap_or_else(|| planner.node.place());
            let placed = planner.config.put(diagnostic, place);
            return planner.report(placed.help("Install it, or name it by its path in the workspace"));
        };
        let outputs: Vec<_> = planner.node.outputs("outputs").map(|output| output.value.clone()).collect();
        let mut outputs: Vec<RelPath> =
            outputs.iter().filter_map(|output| output_path(planner.scope(), output)).collect();
        outputs.sort();
        let inputs = inputs::inputs(planner, &arguments, &outputs);
        let secrets = environment::secrets(planner);
        if !planner.is_done() {
            return;
        }
        let process = Process {
            arguments: arguments.into_boxed_slice(),
            directory: planner.node.path("directory").map_or_else(RelPath::root, |path| path.value.clone()),
            isolation: isolation(planner),
            timeout: planner.node.duration("timeout").map_or(TIMEOUT, |timeout| timeout.value),
            problems: planner.node.choice("problems").map(|format| Box::from(format.value)),
        };
        let mut action = Action::new(planner.label(None), implementation(), Payload::Process(process));
        action.tool = Tool::Program(Program::clone(program));
        action.environment = environment::environment(planner);
        action.secrets = secrets;
        action.inputs = inputs;
        action.outputs = outputs.into_boxed_slice();
        action.accepted = accepted(planner);
        action.cacheable = planner.node.boolean("cache").is_none_or(|cache| cache.value);
        let is_source = !places_of(planner.config, planner.node.label()).is_empty();
        if let Some(result) = planner.action(action) {
            let artifacts = result.artifacts.iter().cloned();
            if is_source { planner.keep_internal(artifacts) } else { planner.materialise(artifacts) }
        }
    }
}

/// What the process is kept from.
fn isolation(planner: &Planner<'_>) -> Isolation {
    let says = |field: &str| planner.node.boolean(field).map(|set| set.value);
    Isolation {
        network: says("network").unwrap_or(false),
        strict: planner.is_strict()
            || says("strict").unwrap_or_else(|| schema::is_set(planner.config, &planner.profile, "strict")),
    }
}

/// How its actions are run.
pub(super) struct Start {
    resources: Arc<Resources>,
}

impl Start {
    pub(super) fn new(resources: Arc<Resources>) -> Self {
        Self { resources }
    }

    fn run_process(&self, context: &Context<'_>) -> RunResult {
        let action = context.action;
        let (Tool::Program(program), Some(process)) = (&action.tool, action.process()) else {
            unreachable!("a command is planned as a process of a program");
        };
        let name = &program.wanted.name;
        if let Some((secret, _)) = secrets::values(action).iter().find(|(_, value)| value.len() < secrets::SHORTEST) {
            let message = format!("The secret `{secret}` is shorter than {} bytes", secrets::SHORTEST);
            let diagnostic = Diagnostic::error("command::short_secret", message);
            let note = "It could not be told from other text, and so not be hidden";
            return Ok(ActionResult::failed(vec![diagnostic.note(note).help("Use a longer value")]));
        }
        let finished = self.resources.processes.run(context, program, process, &action.inputs, &[])?;
        let is_strict = process.isolation.strict;
        let undeclared = undeclared(action, name, &finished, is_strict);
        let found = problems::findings(context, process, name, &finished)?;
        let failed = |message: String| {
            let mut diagnostic = Diagnostic::error("command::failed", message);
            let output = problems::end(finished.output());
            if !output.is_empty() {
                diagnostic = diagnostic.note(output);
            }
            if matches!(finished.ended, Ended::Exited(_)) {
                diagnostic = diagnostic.help(
                    "It sees its `inputs`, the files that `run` names and the installed packages, and has no network without `network #true`; declare what else it reads",
                );
            }
            // What it did not find may be why.
            Ok(ActionResult::failed([vec![diagnostic], found.clone(), undeclared.clone()].concat()))
        };
        match &finished.ended {
            Ended::Exited(status) if status.success() => {}
            // What it told of is why it failed.
            Ended::Exited(status) if status.code().is_some() && found.iter().any(Diagnostic::is_error) => {
                return Ok(ActionResult::failed(found));
            }
            Ended::Exited(status) => return failed(format!("`{name}` failed: {status}")),
            Ended::TimedOut => {
                return failed(format!("`{name}` did not end within {} s", process.timeout.as_secs_f64()));
            }
            Ended::Cancelled => return Err(RunError::Cancelled),
            Ended::TooMuchOutput => return failed(format!("`{name}` wrote too much")),
            Ended::NotStarted { error, is_there: false } => {
                return failed(format!("`{name}` was not started: {error}"));
            }
            Ended::NotStarted { error, is_there: true } => {
                return failed(format!(
                    "`{name}` was not started, as its interpreter is missing or it is no program: {error}"
                ));
            }
        }
        collect(context, name, &finished, found, undeclared, is_strict)
    }
}

impl Run for Start {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn is_process(&self) -> bool {
        true
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let mut result = self.run_process(context)?;
        // Streams are without secrets already; here they may stand in a name, or in what was decoded.
        let redactor = Redactor::of_action(context.action);
        result.diagnostics.iter_mut().for_each(|diagnostic| redactor.diagnostic(diagnostic));
        Ok(result)
    }
}

/// Takes what the command left at its outputs.
fn collect(
    context: &Context<'_>,
    name: &str,
    finished: &Finished,
    found: Vec<Diagnostic>,
    undeclared: Vec<Diagnostic>,
    is_strict: bool,
) -> RunResult {
    let redactor = Redactor::of_action(context.action);
    let mut artifacts = Vec::new();
    let mut faults = Vec::new();
    let reading = |path: &str| {
        let what = format!("Reading `{path}`");
        move |error: webstir_process::ProcessError| RunError::world(what)(std::io::Error::other(error))
    };
    for output in &context.action.outputs {
        let Collected { files, refused } = finished.collect(output.as_str()).map_err(reading(output.as_str()))?;
        for refused in &refused {
            let message = format!("`{name}` wrote `{}`, which {}", refused.path, refused.kind);
            let help = format!("Have the command write plain files below `{output}`");
            faults.push(Diagnostic::error("command::no_file", message).help(help));
        }
        if files.is_empty() && refused.is_empty() {
            let message = format!("`{name}` did not write its output `{output}`");
            let help = "Correct `outputs` of the rule, or the command: it runs in a tree of its own, in which only its `inputs` lie";
            faults.push(Diagnostic::error("command::no_output", message).help(help));
        }
        for file in files {
            let Ok(path) = RelPath::new(&file.path) else {
                let message = format!("`{name}` wrote `{}`, whose name cannot be one of a file here", file.path);
                faults.push(Diagnostic::error("command::no_file", message).help("Have the command name it otherwise"));
                continue;
            };
            let bytes = finished.read(&file).map_err(reading(&file.path))?;
            if let Some(secret) = redactor.find(&bytes).or_else(|| redactor.find(file.path.as_bytes())) {
                let message = format!("`{name}` wrote the secret `{secret}` into `{}`", file.path);
                faults.push(
                    Diagnostic::error("command::secret_in_output", message)
                        .note("An output is kept, shared and served, so it is refused")
                        .help("Have the command write something else"),
                );
                continue;
            }
            artifacts.push(context.write_as(path, &bytes, file.executable)?);
        }
    }
    if !faults.is_empty() {
        return Ok(ActionResult::failed([faults, found].concat()));
    }
    if is_strict && !undeclared.is_empty() {
        return Ok(ActionResult::failed([undeclared, found].concat()));
    }
    let changed = finished.changed_inputs.iter().map(|path| {
        let message = format!("`{name}` changed its own input `{path}`");
        Diagnostic::warning("command::changed_input", message)
            .note("It ran in a tree of its own: the file in the workspace is as it was")
            .help("Write to an output instead, or leave the file out of `inputs`")
    });
    let is_kept = undeclared.is_empty();
    let findings = undeclared
        .into_iter()
        .chain(found)
        .chain(changed)
        .chain(undeclared_outputs(context.action, name, finished))
        .collect();
    let mut result =
        if is_kept { ActionResult::done(artifacts, findings) } else { ActionResult::uncacheable(artifacts, findings) };
    let ran = &finished.ran;
    result.sandbox = Some(ran_in(finished));
    let is_alone = context.action.process().is_some_and(|process| !process.isolation.network);
    result.hermetic = is_alone && (ran.tier <= Tier::Landlock || finished.accesses.is_some());
    Ok(result)
}
