//! How the actions of `manifest` are run: the module definition is evaluated, and the manifest written.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use webstir_engine::action::{ActionResult, Artifact, RanIn, Tool};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;
use webstir_engine::run::{Context, Run, RunError, RunResult};
use webstir_script::{Evaluation, Limits, ModuleDescription, ScriptError};

use super::program::{self, Maps, Module, text_at};
use super::{Evaluator, Parameters, package_json, process};
use crate::kinds::{Resources, parameters};
use crate::manifest::{HydrationInput, LoadFailure, Projection, ViewFiles, hydrate, load_error_diagnostic, projection};

/// The code of a finding about a module that throws.
const LOAD_FAILED: &str = "manifest::load_failed";

/// How its actions are run.
pub(in crate::kinds) struct Evaluate {
    resources: Arc<Resources>,
}

impl Evaluate {
    pub(in crate::kinds) fn new(resources: Arc<Resources>) -> Self {
        Self { resources }
    }
}

impl Run for Evaluate {
    fn kind(&self) -> &'static str {
        "manifest"
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let parameters: Parameters = parameters(context.action);
        let source = parameters.module.as_ref().and_then(|module| RelPath::new(&module.source).ok());
        let mut evaluated = Evaluated::default();
        if let (Some(source), Some(module)) = (&source, &parameters.module) {
            evaluated = match parameters.evaluator {
                Evaluator::Embedded => embedded(context, &parameters, source, module)?,
                Evaluator::Program => self.by_program(context, &parameters, source, module)?,
                Evaluator::Nothing => Evaluated::default(),
            };
        }
        let Evaluated { description, failure, standing, ran_in } = evaluated;
        let mut diagnostics: Vec<Diagnostic> = failure.into_iter().collect();
        if standing == Standing::Elsewhere {
            return Ok(ActionResult::done(Vec::new(), diagnostics));
        }
        if parameters.strict && !diagnostics.is_empty() {
            return Ok(ActionResult::failed(diagnostics));
        }
        let projected = Projection::from_json(&parameters.projection).unwrap_or_default();
        let mut input = HydrationInput {
            projection: &projected,
            package_json: None,
            directory_name: &parameters.directory_name,
            module: description.as_deref(),
            module_file: source.as_ref(),
            has_entries: parameters.has_entries,
        };
        let (mut manifest, mut findings) = hydrate(&input);
        // Only findings that need a place in `package.json` make its whole text an input.
        if findings.iter().any(|finding| finding.file == Some(package_json())) {
            let text = context.view.read(&package_json()).map_err(RunError::world("Reading `package.json`"))?;
            let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
            if projection(text.as_deref()).0 != projected {
                return Err(RunError::InputChanged(package_json()));
            }
            input.package_json = text.as_deref();
            (manifest, findings) = hydrate(&input);
        }
        diagnostics.append(&mut findings);
        let output = RelPath::new(&parameters.output).expect("planned as a path");
        let artifacts = vec![write(context, output, &manifest)?];
        Ok(match standing {
            Standing::Uncacheable => ActionResult::uncacheable(artifacts, diagnostics),
            _ => ActionResult {
                sandbox: ran_in,
                hermetic: parameters.evaluator != Evaluator::Program,
                ..ActionResult::done(artifacts, diagnostics)
            },
        })
    }
}

/// What came of an evaluation.
#[derive(Default)]
struct Evaluated {
    description: Option<Box<ModuleDescription>>,
    /// Why there is none.
    failure: Option<Diagnostic>,
    standing: Standing,
    /// What a program evaluated it in.
    ran_in: Option<RanIn>,
}

/// What a failed evaluation says of the next one.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    /// It gives the same again.
    #[default]
    Certain,
    /// Nothing: a limit was reached, which depends on the machine.
    Uncacheable,
    /// The embedded engine does not have what the module imports.
    Elsewhere,
}

impl Evaluated {
    fn described(description: ModuleDescription) -> Self {
        Self { description: Some(Box::new(description)), ..Self::default() }
    }

    fn failed(failure: Diagnostic, standing: Standing) -> Self {
        Self { failure: Some(failure), standing, ..Self::default() }
    }
}

/// Evaluates the module in the embedded engine.
fn embedded(
    context: &Context<'_>,
    parameters: &Parameters,
    source: &RelPath,
    module: &Module,
) -> Result<Evaluated, RunError> {
    let environment: Vec<(String, String)> =
        context.action.environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let evaluated = webstir_script::evaluate(Evaluation {
        program: program::load(context, module)?,
        source_maps: &Maps(context),
        environment: &environment,
        files: &ViewFiles(context.view),
        limits: Limits {
            cpu: Duration::from_millis(parameters.cpu_ms),
            memory: usize::try_from(parameters.memory).unwrap_or(usize::MAX),
            ..Limits::default()
        },
    });
    let error = match evaluated {
        Ok(evaluated) => return Ok(Evaluated::described(evaluated.module)),
        Err(error) => error,
    };
    if error.is_world() {
        return Err(RunError::world("Evaluating the module definition")(std::io::Error::other(error)));
    }
    let text_of =
        |path: &RelPath| context.view.read(path).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    let failure = LoadFailure { module_file: source, strict: parameters.strict, text: &text_of };
    let mut diagnostic = load_error_diagnostic(&error, &failure);
    let standing = match &error {
        // Outside of the engine only a linked module can be evaluated; no other asks for what the engine has not.
        ScriptError::Unsupported { specifier } if module.others.is_empty() => {
            diagnostic =
                diagnostic.help("Install Bun or Node.js to evaluate it there, or import it where a request is served");
            if let Some(chain) = parameters.chains.get(specifier) {
                diagnostic = diagnostic.note(format!("Imported through {}", chain.join(" -> ")));
            }
            Standing::Elsewhere
        }
        error if error.is_limit() => Standing::Uncacheable,
        _ => Standing::Certain,
    };
    Ok(Evaluated::failed(diagnostic, standing))
}

impl Evaluate {
    /// Has Bun or Node evaluate the module.
    fn by_program(
        &self,
        context: &Context<'_>,
        parameters: &Parameters,
        source: &RelPath,
        module: &Module,
    ) -> Result<Evaluated, RunError> {
        let Tool::Program(program) = &context.action.tool else {
            unreachable!("an evaluation by a program is planned with it");
        };
        let text = text_at(context, &RelPath::new(&module.code).expect("planned as a path"))?.unwrap_or_default();
        let (evaluated, ran_in) =
            process::evaluate(&self.resources.processes, program, source, &text, parameters.cpu_ms, context)?;
        let ran_in = Some(ran_in);
        let (message, standing) = match evaluated {
            process::Evaluated::Described(description) => {
                return Ok(Evaluated { ran_in, ..Evaluated::described(*description) });
            }
            process::Evaluated::Thrown(message) => (message, Standing::Certain),
            process::Evaluated::Unfinished(message) => (message, Standing::Uncacheable),
        };
        let first = message.lines().next().unwrap_or("");
        let make = if parameters.strict { Diagnostic::error } else { Diagnostic::warning };
        let mut diagnostic =
            make(LOAD_FAILED.to_owned(), format!("Failed to load module definition: {first}")).in_file(source);
        diagnostic.notes = message.lines().skip(1).map(str::to_owned).collect();
        for (specifier, chain) in &parameters.chains {
            diagnostic = diagnostic.note(format!("`{specifier}` is imported through {}", chain.join(" -> ")));
        }
        Ok(Evaluated { ran_in, ..Evaluated::failed(diagnostic, standing) })
    }
}

fn write(context: &Context<'_>, output: RelPath, manifest: &Value) -> Result<Artifact, RunError> {
    let mut text = serde_json::to_string_pretty(manifest).expect("JSON is plain data");
    text.push('\n');
    context.write(output, text.as_bytes())
}
