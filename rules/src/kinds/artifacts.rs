//! `artifacts`: the sorted index of everything a profile makes, and the build manifest.
//!
//! Both follow from the plan: the outputs are known by digest before they are on disk, so nothing is globbed and nothing that
//! nobody declared is listed.

use serde::{Deserialize, Serialize};
use webstir_contract::artifacts::{
    Artifact as IndexArtifact, ArtifactIndex, ArtifactKind, Buckets, BuildDiagnostic, BuildManifest, BuildSeverity,
    ModuleArtifact,
};
use webstir_engine::action::{Artifact, Outcome};
use webstir_engine::config::Rule as Node;
use webstir_engine::diagnostic::{Diagnostic, Severity};
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Planner, RulePlan};
use webstir_engine::rule::{Context, Rule, RunResult};

use super::transpile::Layout;
use super::{action, out_root, output_path, parameters, stored};
use crate::modules::{RuleKey, entry_points};

const VERSION: u32 = 1;

/// The short form beside the index.
const BUILD_MANIFEST: &str = "build-manifest.json";

/// The rule.
pub(super) struct Artifacts;

#[derive(Serialize, Deserialize)]
struct Parameters {
    profile: String,
    output: String,
    /// Path below the directory of the index and length of each input, in the order of the inputs.
    listed: Vec<(String, u64)>,
    buckets: Buckets,
    module: Option<ModuleArtifact>,
    diagnostics: Vec<BuildDiagnostic>,
    /// The path of the module manifest among the inputs.
    manifest: Option<String>,
}

impl Rule for Artifacts {
    fn kind(&self) -> &'static str {
        "artifacts"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let Some(output) = planner.node.output("out").and_then(|out| output_path(planner, &out.value)) else { return };
        let directory = output.parent().unwrap_or_else(RelPath::root);
        let labels: Vec<_> = planner.node.references("of").map(|label| label.value.clone()).collect();
        let mut artifacts: Vec<Artifact> = Vec::new();
        let mut module = None;
        let mut manifest = None;
        let mut diagnostics = Vec::new();
        let mut nodes = Vec::new();
        for label in &labels {
            let Some(node) = planner.config.rule(label).filter(|node| node.in_profile(&planner.profile)) else {
                continue;
            };
            let Some(plan) = planner.require(label) else { continue };
            nodes.push(node);
            artifacts.extend(plan.artifacts.iter().cloned());
            match label.kind() {
                "bundle" if node.has("module-definition") => module = code_of(plan).map(|path| (label.clone(), path)),
                "manifest" => {
                    manifest = plan.artifacts.first().map(|artifact| artifact.path.clone());
                    diagnostics.extend(plan.findings().map(build_diagnostic));
                }
                _ => {}
            }
        }
        if !planner.is_done() {
            return;
        }
        let below = |path: &RelPath| path.relative_to(&directory);
        let module = module.map(|(label, path)| {
            let hermetic = nodes
                .iter()
                .filter(|node| {
                    node.label().kind() == "manifest" && node.reference("module").is_some_and(|of| of.value == label)
                })
                .filter_map(|node| planner.require(node.label()))
                .flat_map(|plan| plan.steps.iter().filter_map(|step| step.outcome.as_ref()))
                .all(|outcome| outcome.hermetic);
            ModuleArtifact { path: below(&path), engine: None, hermetic }
        });
        artifacts.sort();
        artifacts.dedup();
        let buckets = buckets(planner, &nodes, &artifacts, &below);
        let parameters = Parameters {
            profile: planner.profile.to_string(),
            output: output.as_str().to_owned(),
            listed: artifacts.iter().map(|artifact| (below(&artifact.path), artifact.bytes)).collect(),
            buckets,
            module,
            diagnostics,
            manifest: manifest.map(|path| path.as_str().to_owned()),
        };
        let mut action = action(planner, VERSION, None, &parameters);
        action.inputs = artifacts.iter().map(stored).collect();
        if let Some(outcome) = planner.action(action) {
            planner.place(outcome.artifacts.iter().cloned());
        }
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let parameters: Parameters = parameters(context.action);
        let listed = parameters.listed.iter().zip(&context.action.inputs).map(|((path, bytes), input)| IndexArtifact {
            path: path.clone(),
            digest: input.digest.to_hex(),
            bytes: *bytes,
            kind: kind(&input.path),
        });
        let index = ArtifactIndex::new(parameters.profile, listed.collect(), parameters.buckets, parameters.module);
        let manifest = match parameters.manifest.and_then(|path| RelPath::new(&path).ok()) {
            Some(path) => {
                let input = context.input(&path).expect("the manifest is an input");
                serde_json::from_slice(&context.read(input)?).ok()
            }
            None => None,
        };
        let short = BuildManifest::new(index.entry_points.clone(), Vec::new(), parameters.diagnostics, manifest);
        let output = RelPath::new(&parameters.output).expect("planned as a path");
        let beside = output.parent().unwrap_or_else(RelPath::root).join(BUILD_MANIFEST).expect("a plain file name");
        let artifacts = vec![
            context.write(output, index.to_json().as_bytes())?,
            context.write(beside, short.to_json().as_bytes())?,
        ];
        Ok(Outcome::done(artifacts, Vec::new()))
    }
}

/// The outputs of the entries that the rule names, by bucket, as far as they were made.
fn buckets(
    planner: &Planner<'_>,
    nodes: &[&Node],
    artifacts: &[Artifact],
    below: &impl Fn(&RelPath) -> String,
) -> Buckets {
    let mut buckets = Buckets::default();
    let Some(out) = out_root(planner) else { return buckets };
    for rule in planner.node.references("entry-points") {
        let points = entry_points(planner.db, RuleKey::new(planner.db, rule.value.clone()));
        for (bucket, sources) in &points.buckets {
            let bucket = match &**bucket {
                "server" => &mut buckets.server,
                "functions" => &mut buckets.functions,
                "jobs" => &mut buckets.jobs,
                _ => &mut buckets.tools,
            };
            for source in sources {
                let output = nodes.iter().find_map(|node| {
                    let root = match node.label().kind() {
                        "transpile" => node,
                        "bundle" if node.has("entries") => planner.config.rule(node.reference("modules")?)?,
                        _ => return None,
                    };
                    let root = Layout::of(planner.config, root, &planner.profile)?;
                    let path = node.output("out")?.value.for_source(out, root.root(), source).ok()?;
                    artifacts.binary_search_by(|artifact| artifact.path.cmp(&path)).is_ok().then_some(path)
                });
                bucket.extend(output.as_ref().map(below));
            }
        }
    }
    buckets
}

/// The JavaScript file of a rule that makes one.
fn code_of(plan: &RulePlan) -> Option<RelPath> {
    plan.artifacts.iter().map(|artifact| &artifact.path).find(|path| path.extension() == "js").cloned()
}

fn build_diagnostic(diagnostic: &Diagnostic) -> BuildDiagnostic {
    BuildDiagnostic {
        severity: match diagnostic.severity {
            Severity::Info => BuildSeverity::Info,
            Severity::Warning => BuildSeverity::Warn,
            Severity::Error => BuildSeverity::Error,
        },
        message: diagnostic.message.clone(),
        file: diagnostic.file.as_ref().map(|file| file.as_str().to_owned()),
    }
}

fn kind(path: &RelPath) -> ArtifactKind {
    match path.extension() {
        "js" | "mjs" | "cjs" => ArtifactKind::Bundle,
        _ if is_metadata(path) => ArtifactKind::Metadata,
        _ => ArtifactKind::Asset,
    }
}

/// The names of what the rules themselves write about a build.
fn is_metadata(path: &RelPath) -> bool {
    matches!(path.file_name(), "artifacts.json" | "manifest.json" | BUILD_MANIFEST)
}

/// `bundle`, `asset` or `metadata`.
pub fn artifact_type(path: &RelPath) -> &'static str {
    match kind(path) {
        ArtifactKind::Bundle => "bundle",
        ArtifactKind::Asset => "asset",
        ArtifactKind::Metadata => "metadata",
    }
}
