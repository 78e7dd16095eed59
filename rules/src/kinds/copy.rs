//! `copy`: files of the workspace, or of other rules, at another place.

use webstir_engine::action::{ActionResult, Input};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::file;
use webstir_engine::path::RelPath;
use webstir_engine::plan::{Plan, Planner};
use webstir_engine::run::{Context, Run, RunResult};

use super::{action, out_root, output_path, parameters, stored};
use crate::modules::{RuleKey, searched_set};

/// The rule.
pub(super) struct Copy;

/// Source and target of each file.
type Parameters = Vec<(String, String)>;

impl Plan for Copy {
    fn kind(&self) -> &'static str {
        "copy"
    }

    fn plan(&self, planner: &mut Planner<'_>) {
        let Some(to) = planner.node.output("to").and_then(|to| output_path(planner.scope(), &to.value)) else { return };
        let mut inputs: Vec<Input> = Vec::new();
        let mut pairs = Parameters::new();
        let labels: Vec<_> = planner.node.references("from").map(|label| label.value.clone()).collect();
        for label in labels {
            if label.kind() == "files" {
                let base = planner.config.rule(&label).and_then(|set| set.path("base"));
                let base = base.map_or_else(RelPath::root, |path| path.value.clone());
                let set = searched_set(planner.db, RuleKey::new(planner.db, label));
                set.warning().into_iter().for_each(|warning| planner.report(warning));
                for source in set.files.iter() {
                    let Some(input) = file::input(planner.db, source) else { continue };
                    let below = source.strip_prefix(&base).unwrap_or(source.as_str()).to_owned();
                    pairs.push((source.as_str().to_owned(), below));
                    inputs.push(input);
                }
            } else if let Some(plan) = planner.require(&label) {
                for artifact in plan.artifacts.iter() {
                    // The profile's own root is not repeated below the target.
                    let below =
                        out_root(planner.scope()).and_then(|out| artifact.path.strip_prefix(out).map(str::to_owned));
                    pairs.push((
                        artifact.path.as_str().to_owned(),
                        below.unwrap_or_else(|| artifact.path.as_str().to_owned()),
                    ));
                    inputs.push(stored(artifact));
                }
            }
        }
        let mut targets = Parameters::new();
        let mut claimed = std::collections::BTreeMap::new();
        for (source, below) in pairs {
            let Ok(target) = to.join(&below) else { continue };
            if let Some(other) = claimed.insert(target.clone(), source.clone()) {
                let message = format!("`{other}` and `{source}` are both copied to `{target}`");
                planner.report(Diagnostic::error("copy::output_claimed", message).help("Rename one of them"));
            }
            targets.push((source, target.as_str().to_owned()));
        }
        if !planner.is_done() || targets.is_empty() {
            return;
        }
        targets.sort();
        inputs.sort();
        inputs.dedup();
        let mut action = action(planner.scope(), None, &targets);
        action.inputs = inputs.into_boxed_slice();
        if let Some(result) = planner.action(action) {
            planner.materialise(result.artifacts.iter().cloned());
        }
    }
}

impl Run for Copy {
    fn kind(&self) -> &'static str {
        "copy"
    }

    fn run(&self, context: &Context<'_>) -> RunResult {
        let pairs: Parameters = parameters(context.action);
        let mut artifacts = Vec::with_capacity(pairs.len());
        for (source, target) in pairs {
            let source = RelPath::new(&source).expect("planned as a path");
            let input = context.input(&source).expect("every source is an input");
            let bytes = context.read(input)?;
            let target = RelPath::new(&target).expect("planned as a path");
            artifacts.push(context.write_as(target, &bytes, input.executable)?);
        }
        Ok(ActionResult::done(artifacts, Vec::new()))
    }
}
