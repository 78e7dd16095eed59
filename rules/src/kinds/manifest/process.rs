//! Evaluation by Bun or Node, for modules that import what the embedded engine does not have.

#![expect(clippy::disallowed_methods, reason = "what another interpreter reads has to lie on disk")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use webstir_engine::path::RelPath;
use webstir_engine::rule::{Context, RunError};
use webstir_script::ModuleDescription;

use crate::process::{Ended, Job, run};

/// Starts and loads: an interpreter takes longer than the embedded engine to do nothing.
const START: Duration = Duration::from_secs(20);

/// Writes the description to a file: what the module prints is its own.
const MAIN: &str = "\
import { writeFileSync } from 'node:fs';
import { describeModule, describeThrown } from './describe.mjs';
let result;
try {
  result = `{\"done\":${describeModule(await import('./module.mjs'))}}`;
} catch (error) {
  result = `{\"thrown\":${describeThrown(error)}}`;
}
writeFileSync(process.argv[2], result);
process.exit(0);
";

/// Evaluates the bundle `code` below the workspace, where the installed packages are found. The inner error is what the module
/// said.
pub(super) fn evaluate(
    program: &Path,
    root: &Path,
    code: &str,
    environment: &[(String, String)],
    cpu_ms: u64,
    context: &Context<'_>,
) -> Result<Result<ModuleDescription, String>, RunError> {
    let world = || RunError::world("Evaluating the module definition");
    let state = root.join(".webstir");
    fs::create_dir_all(&state).map_err(world())?;
    let directory = tempfile::Builder::new().prefix("evaluate-").tempdir_in(state).map_err(world())?;
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).map_err(world());
    write("module.mjs", code)?;
    write("describe.mjs", webstir_script::DESCRIBE)?;
    write("main.mjs", MAIN)?;
    let result = directory.path().join("result.json");
    let main = directory.path().join("main.mjs");
    let environment: Vec<(Box<str>, Box<str>)> =
        environment.iter().map(|(name, value)| (Box::from(name.as_str()), Box::from(value.as_str()))).collect();
    let arguments = [main, result.clone()].map(|path| Box::from(path.to_string_lossy()));
    let ended = run(&Job {
        program,
        arguments: &arguments,
        root,
        directory: &RelPath::root(),
        environment: &environment,
        timeout: START + Duration::from_millis(cpu_ms),
        cancelled: context.cancelled,
    })
    .map_err(world())?;
    let output = match ended {
        Ended::Cancelled => return Err(RunError::Cancelled),
        Ended::TimedOut => return Ok(Err("the evaluation did not end in time".to_owned())),
        Ended::Exited { output, .. } => output,
    };
    let described = fs::read_to_string(result).ok().and_then(|text| serde_json::from_str(&text).ok());
    Ok(match described {
        Some(Answer { done: Some(description), .. }) => Ok(description),
        Some(Answer { thrown: Some(thrown), .. }) => Err(match thrown.name {
            Some(name) => format!("{name}: {}", thrown.message),
            None => thrown.message,
        }),
        _ if output.is_empty() => Err("the evaluation ended without a result".to_owned()),
        _ => Err(output),
    })
}

#[derive(serde::Deserialize)]
struct Answer {
    done: Option<ModuleDescription>,
    thrown: Option<Thrown>,
}

#[derive(serde::Deserialize)]
struct Thrown {
    name: Option<String>,
    message: String,
}
