//! The parts of two keys, compared one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Found;
use crate::digest::Digest;
use crate::discovered::{DiscoveredInput, FileQuery};
use crate::explain::arguments::Leaf;
use crate::explain::planning::{PlanningDiff, differing};
use crate::explain::{Change, Difference, ToolPart};
use crate::key_dump::{ActionRecord, Part};
use crate::path::RelPath;
use crate::system::PathKind;

pub(super) fn implementation(action: &ActionRecord) -> Option<Digest> {
    action.parts.iter().find_map(|part| match part {
        Part::Implementation(implementation) => Some(*implementation),
        _ => None,
    })
}

/// The package and the program that do the work.
pub(super) fn tool(action: &ActionRecord) -> Vec<&Part> {
    action.parts.iter().filter(|part| matches!(part, Part::Package(_) | Part::Program { .. })).collect()
}

/// What of the program differs, where both times it was one of that name.
pub(super) fn program_part(before: &ActionRecord, after: &ActionRecord) -> ToolPart {
    let program = |action: &ActionRecord| {
        action.parts.iter().find_map(|part| match part {
            Part::Program { name, file, interpreter, packages } => Some((name.clone(), *file, *interpreter, *packages)),
            _ => None,
        })
    };
    match (program(before), program(after)) {
        (Some((old, file, old_interpreter, old_packages)), Some((new, same, interpreter, packages)))
            if old == new && file == same =>
        {
            if old_interpreter != interpreter {
                ToolPart::Interpreter
            } else if old_packages != packages {
                ToolPart::Packages
            } else {
                ToolPart::File
            }
        }
        _ => ToolPart::File,
    }
}

pub(super) fn environment(action: &ActionRecord) -> Vec<(Arc<str>, Digest)> {
    let values = action.parts.iter().filter_map(|part| match part {
        Part::Environment(name, digest) => Some((name.clone(), *digest)),
        _ => None,
    });
    values.collect()
}

/// The configuration goes before the environment: what a rule sets, or no longer lets through, is the rule's doing.
pub(super) fn environment_change(
    planning: &PlanningDiff<'_>,
    node: &str,
    name: &str,
    difference: Difference,
) -> Change {
    let own = format!("environment.{name}");
    let mut rows = planning.rows_seen(node).filter(|row| match row.field() {
        field if field == own => row.node() == node,
        "environment" => row.says(name),
        // The one value that a rule sets by itself is the output root of the profile.
        "out" => name == "WEBSTIR_OUT" && row.node().starts_with("profile "),
        _ => false,
    });
    rows.next().map_or_else(|| Change::Environment(difference, Arc::from(name)), |row| row.change(None))
}

/// Adds the rows of the configuration that say what differs in the arguments. Returns whether there are any.
pub(super) fn settings_in(
    planning: &PlanningDiff<'_>,
    node: &str,
    leaves: &[Leaf],
    shape: bool,
    found: &mut Found,
) -> bool {
    let before = found.certain.len();
    for row in planning.rows_seen(node) {
        let own = row.node() == node;
        let field = row.field();
        let is_process_argument =
            own && field == "run" && leaves.iter().any(|leaf| leaf.place.parse::<usize>().is_ok());
        let is_shape =
            shape && own && matches!(field, "outputs" | "out" | "to" | "directory") || shape && field == "out";
        if is_process_argument || is_shape || leaves.iter().any(|leaf| names(field, &leaf.place)) {
            found.add(row.change(None));
        }
    }
    found.certain.len() > before
}

/// Whether a field of the configuration and a place in the arguments are about one thing: `tree-shake` and `tree_shake`,
/// `limits.cpu` and `cpu_ms`, `sourcemap` and `map.link`, `define.X` and `define.X`.
fn names(field: &str, place: &str) -> bool {
    if field.is_empty() {
        return false;
    }
    if place == field {
        return true;
    }
    let (head, rest) = field.split_once('.').unwrap_or((field, ""));
    if head == "define" {
        return place.strip_prefix("define.").is_some_and(|name| name == rest);
    }
    let last = field.rsplit('.').next().unwrap_or(field).replace('-', "_");
    let is_alike = |part: &str| part.len() >= 3 && (part.starts_with(&last) || last.ends_with(part));
    place.split('.').any(|part| is_alike(part) || (part.len() >= 4 && part.trim_end_matches('s') == last))
}

/// The declared outputs and the directory.
pub(super) fn shape_changes(before: &ActionRecord, after: &ActionRecord) -> Vec<Change> {
    let outputs = |action: &ActionRecord| -> Vec<(RelPath, ())> {
        let outputs = action.parts.iter().filter_map(|part| match part {
            Part::Output(path) => Some((path.clone(), ())),
            _ => None,
        });
        outputs.collect()
    };
    let directory = |action: &ActionRecord| {
        action.parts.iter().find_map(|part| match part {
            Part::Directory(path) => Some(path.clone()),
            _ => None,
        })
    };
    let mut changes: Vec<Change> =
        differing(&outputs(before), &outputs(after)).into_iter().map(|(path, how)| Change::Output(how, path)).collect();
    if directory(before) != directory(after) {
        changes.push(Change::Directory);
    }
    changes
}

/// Only queries that were made both times count: new ones follow from another file state.
pub(super) fn discovered_input_changes(
    before: &ActionRecord,
    after: &ActionRecord,
    is_same: &dyn Fn(&RelPath) -> bool,
    found: &mut Found,
) {
    type Discovered<'a> = BTreeMap<(&'a RelPath, FileQuery), &'a DiscoveredInput>;
    let discovered = |action| -> Discovered<'_> {
        let action: &ActionRecord = action;
        action.discovered_inputs().map(|(path, input)| ((path, input.query()), input)).collect()
    };
    let (old, new): (Discovered<'_>, Discovered<'_>) = (discovered(before), discovered(after));
    let mut directories = Vec::new();
    for (&(path, query), &was) in &old {
        let Some(&is) = new.get(&(path, query)) else { continue };
        if was == is {
            continue;
        }
        let difference = match (is_there(was), is_there(is)) {
            (false, true) => Difference::Added,
            (true, false) => Difference::Removed,
            _ => Difference::Changed,
        };
        match query {
            // The file is read in another way, which is for whoever decided that to explain.
            FileQuery::Content if is_derived(was) != is_derived(is) && is_same(path) => {}
            FileQuery::Content => found.add(match (was, is) {
                (DiscoveredInput::Derived(..), DiscoveredInput::Derived(name, _)) => {
                    Change::Derived(name.clone(), path.clone())
                }
                _ => Change::File(difference, path.clone()),
            }),
            FileQuery::Kind => found.add(Change::File(difference, path.clone())),
            FileQuery::RealPath => directories.push(Change::FileState(difference, path.clone(), query)),
            FileQuery::Entries => {
                // The entries are known by digest only; what else was asked below tells which came or went.
                let below = |discovered: &Discovered<'_>, path: &RelPath| -> Vec<(RelPath, ())> {
                    let there = discovered.iter().filter(|(_, found)| is_there(found)).map(|((path, _), _)| *path);
                    let mut below: Vec<_> = there
                        .filter(|entry| entry.parent().as_ref() == Some(path))
                        .map(|entry| (entry.clone(), ()))
                        .collect();
                    below.dedup();
                    below
                };
                let entries = differing(&below(&old, path), &below(&new, path));
                if entries.is_empty() {
                    directories.push(Change::FileState(difference, path.clone(), query));
                }
                found.extend(entries.into_iter().map(|(entry, how)| Change::File(how, entry)));
            }
        }
    }
    if found.certain.is_empty() {
        found.extend(directories);
    }
}

fn is_there(input: &DiscoveredInput) -> bool {
    match input {
        DiscoveredInput::Kind(kind) => *kind != PathKind::Absent,
        DiscoveredInput::Content(digest) | DiscoveredInput::Entries(digest) => digest.is_some(),
        DiscoveredInput::RealPath(path) => path.is_some(),
        DiscoveredInput::Derived(..) | DiscoveredInput::Selected(..) => true,
    }
}

fn is_derived(input: &DiscoveredInput) -> bool {
    matches!(input, DiscoveredInput::Derived(..))
}
