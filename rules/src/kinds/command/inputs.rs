//! The inputs of a command.

use std::collections::BTreeMap;
use std::sync::Arc;

use webstir_engine::action::Input;
use webstir_engine::file;
use webstir_engine::path::RelPath;
use webstir_engine::plan::Planner;

use crate::generated::places_of;
use crate::kinds::stored;
use crate::modules::{GlobsKey, RuleKey, searched_globs, searched_set};

/// What the rule declares, what the rules that it builds on made, and the files of the workspace that its command line names.
pub(super) fn inputs(planner: &mut Planner<'_>, arguments: &[Box<str>], outputs: &[RelPath]) -> Box<[Input]> {
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
            // A command has internal outputs where they are placed as sources.
            let of_command = if label.kind() == "command" { &plan.internal_outputs[..] } else { &[] };
            let made = plan.artifacts.iter().chain(of_command);
            inputs.extend(made.map(|artifact| (artifact.path.clone(), stored(artifact))));
        }
    }
    let directory = planner.node.path("directory").map_or_else(RelPath::root, |path| path.value.clone());
    // A name without a slash is looked up by the first word, and may be a file by the others.
    let named = arguments.iter().enumerate().filter(|(index, word)| *index > 0 || word.contains('/'));
    let named: Vec<RelPath> = named
        .filter_map(|(index, word)| {
            let base = if index == 0 { RelPath::root() } else { directory.clone() };
            // What is made is no source, wherever an earlier build materialised it.
            let is_made = |path: &RelPath| {
                let roots = planner.config.profiles().iter().filter_map(|profile| profile.path("out"));
                roots.map(|root| &root.value).chain(outputs).any(|made| path.is_within(made))
            };
            base.join(word).ok().filter(|path| !path.is_root() && !is_made(path))
        })
        .collect();
    let scripts =
        named.iter().filter(|path| path.as_str().rsplit_once('.').is_some_and(|(_, name)| SCRIPTS.contains(&name)));
    let above: Vec<RelPath> = scripts.flat_map(|script| read_to_start(script, &arguments[0])).collect();
    sources.extend(named.into_iter().chain(above));
    // What it makes is no input of it.
    let places = places_of(planner.config, planner.node.label());
    sources.retain(|source| !places.iter().any(|place| source.is_within(place)));
    for source in sources {
        if let Some(input) = file::input(planner.db, &source) {
            inputs.entry(source).or_insert(input);
        }
    }
    inputs.into_values().collect()
}

/// The extensions of files that Node and Bun run.
const SCRIPTS: [&str; 8] = ["js", "mjs", "cjs", "ts", "mts", "cts", "jsx", "tsx"];

/// The files that say how a script is run, in each directory above it: they belong to it as its interpreter does.
fn read_to_start(script: &RelPath, program: &str) -> Vec<RelPath> {
    let names: &[&str] = if program.rsplit('/').next().is_some_and(|name| name.starts_with("bun")) {
        &["package.json", "tsconfig.json", "jsconfig.json", "bunfig.toml"]
    } else {
        &["package.json"]
    };
    let directories = std::iter::successors(script.parent(), RelPath::parent);
    directories.flat_map(|directory| names.iter().filter_map(move |name| directory.join(name).ok())).collect()
}
