//! Evaluation by Bun or Node, for modules that import what the embedded engine does not have.

use std::time::Duration;

use webstir_engine::action::{Isolation, Process, RanIn};
use webstir_engine::machine::Program;
use webstir_engine::path::RelPath;
use webstir_engine::run::{Context, RunError};
use webstir_process::{Ended, Finished};
use webstir_script::ModuleDescription;

use crate::processes::{Processes, ran_in};

/// Starts and loads: an interpreter takes longer than the embedded engine to do nothing.
const START: Duration = Duration::from_secs(20);

/// Where what evaluates lies in the tree: at the root, so that nothing of the workspace is hidden by it.
const DIRECTORY: &str = "webstir-evaluation";

/// Writes the description to a file: what the module prints is its own.
const MAIN: &str = "\
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describeModule, describeThrown, unsupported } from './describe.mjs';
let result = unsupported();
if (result !== undefined) {
  result = JSON.stringify({ unsupported: result });
} else try {
  result = `{\"done\":${describeModule(await import(pathToFileURL(process.argv[3]).href))}}`;
} catch (error) {
  result = `{\"thrown\":${describeThrown(error)}}`;
}
writeFileSync(process.argv[2], result);
process.exit(0);
";

/// What came of an evaluation.
pub(super) enum Evaluated {
    /// What the module exports.
    Described(Box<ModuleDescription>),
    /// What the module threw.
    Thrown(String),
    /// Why it did not come to an end: nothing that would be so the next time.
    Unfinished(String),
}

/// Evaluates the bundle `code` of `source`, beside where that lies: there the packages of the workspace are found, and `import.meta` names
/// the directory that it names in the embedded engine.
pub(super) fn evaluate(
    processes: &Processes,
    program: &Program,
    source: &RelPath,
    code: &str,
    cpu_ms: u64,
    context: &Context<'_>,
) -> Result<(Evaluated, RanIn), RunError> {
    let at = |name: &str| format!("{DIRECTORY}/{name}");
    let (describe, main, result) = (at("describe.mjs"), at("main.mjs"), at("result.json"));
    let module = source.with_extension("mjs");
    let module = module.as_str();
    let process = Process {
        arguments: [&*program.wanted.name, &main, &result, module].map(Box::from).into(),
        directory: RelPath::root(),
        isolation: Isolation::default(),
        timeout: START + Duration::from_millis(cpu_ms),
        problems: None,
    };
    let files = [(module, code), (&*describe, webstir_script::DESCRIBE), (&*main, MAIN)];
    let files = files.map(|(path, text)| (path, text.as_bytes()));
    let finished = processes.run(context, program, &process, &[], &files)?;
    Ok((outcome(&finished, program, &result)?, ran_in(&finished)))
}

/// What a process left at `result`.
fn outcome(finished: &Finished, program: &Program, result: &str) -> Result<Evaluated, RunError> {
    let reading = |error| RunError::world("Evaluating the module definition")(std::io::Error::other(error));
    match &finished.ended {
        Ended::Cancelled => return Err(RunError::Cancelled),
        Ended::TimedOut => return Ok(Evaluated::Unfinished("the evaluation did not end in time".to_owned())),
        Ended::TooMuchOutput => return Ok(Evaluated::Unfinished("the evaluation wrote too much".to_owned())),
        Ended::NotStarted { error, .. } => {
            let message = format!("`{}` was not started: {error}", program.wanted.name);
            return Ok(Evaluated::Unfinished(message));
        }
        Ended::Exited(_) => {}
    }
    let collected = finished.collect(result).map_err(reading)?;
    let answer: Option<Answer> = match collected.files.first() {
        Some(file) => serde_json::from_slice(&finished.read(file).map_err(reading)?).ok(),
        None => None,
    };
    let output = finished.output();
    Ok(match answer {
        Some(Answer { done: Some(description), .. }) => Evaluated::Described(Box::new(description)),
        Some(Answer { unsupported: Some(why), .. }) => Evaluated::Unfinished(why),
        Some(Answer { thrown: Some(thrown), .. }) => Evaluated::Thrown(match thrown.name {
            Some(name) => format!("{name}: {}", thrown.message),
            None => thrown.message,
        }),
        // It was killed, or ended itself.
        _ if output.is_empty() => Evaluated::Unfinished("the evaluation ended without a result".to_owned()),
        _ => Evaluated::Unfinished(output),
    })
}

#[derive(serde::Deserialize)]
struct Answer {
    done: Option<ModuleDescription>,
    thrown: Option<Thrown>,
    /// Why this interpreter runs no modules.
    unsupported: Option<String>,
}

#[derive(serde::Deserialize)]
struct Thrown {
    name: Option<String>,
    message: String,
}
