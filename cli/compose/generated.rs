//! Placing generated sources, before what reads them is planned.

use std::fs;

use webstir_engine::blob::Blobs as _;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;
use webstir_engine::plan::State;
use webstir_engine::schedule::Run;
use webstir_engine::tree::{MaterialiseError, Tree};
use webstir_rules::{GENERATED_IGNORE, GeneratedSet};

use super::{Engine, Failure, MOST_REBUILDS, Workspace, explain, materialising};

/// What came of generating.
pub(super) enum Generated {
    /// All of it is at its place.
    Placed,
    /// A command failed, or what it needs.
    Failed(Run),
    /// What was made cannot be placed.
    Refused(Box<Diagnostic>),
}

/// Brings generated sets of a profile up to date one after the other, as one may be read for the next.
pub(super) fn generate(
    workspace: &Workspace,
    engine: &mut Engine,
    profile: &str,
    sets: &[GeneratedSet],
) -> Result<Generated, Failure> {
    for (number, set) in sets.iter().enumerate() {
        for rebuilds in (0..MOST_REBUILDS).rev() {
            let command = std::slice::from_ref(&set.command);
            let is_first = number == 0 && rebuilds + 1 == MOST_REBUILDS;
            let scheduler = &mut engine.scheduler;
            let run = if is_first { scheduler.run(profile, command) } else { scheduler.run_on(profile, command) };
            let run = run.map_err(|error| explain(error, &workspace.store))?;
            if !run.is_done() || run.diagnostics().iter().any(Diagnostic::is_error) {
                return Ok(Generated::Failed(run));
            }
            match place(workspace, engine, profile, set, &run) {
                Ok(Ok(())) => break,
                Ok(Err(found)) => return Ok(Generated::Refused(found)),
                Err(MaterialiseError::BlobMissing(digest)) if rebuilds > 0 => {
                    engine.scheduler.rebuild_lost([digest]).map_err(Failure::store(&workspace.store))?;
                }
                Err(error) => return Err(materialising(error)),
            }
        }
    }
    Ok(Generated::Placed)
}

/// Places what the command of a set made.
pub(super) fn place(
    workspace: &Workspace,
    engine: &mut Engine,
    profile: &str,
    set: &GeneratedSet,
    run: &Run,
) -> Result<Result<(), Box<Diagnostic>>, MaterialiseError> {
    let Some(plan) = run.plans.get(&set.command).filter(|plan| plan.state == State::Done) else { return Ok(Ok(())) };
    let artifacts = match set.placed(&workspace.config, profile, plan) {
        Ok(artifacts) => artifacts,
        Err(found) => return Ok(Err(found)),
    };
    let tree = Tree::new(&workspace.root, workspace.state().path(), set.place.as_str());
    if !tree.is_known() && is_taken(workspace, &set.place) {
        return Ok(Err(Box::new(set.is_taken())));
    }
    let io = |source| MaterialiseError::Io { path: set.place.to_string(), source };
    engine.store.put(GENERATED_IGNORE).map_err(io)?;
    let (materialised, _) = tree.materialise(&artifacts, &*engine.store, &|_| 0)?;
    if materialised.written + materialised.removed > 0 {
        engine.scheduler.look_below(&set.place);
    }
    Ok(Ok(()))
}

/// Whether the files of a set are what the store has of its command; where `may_place`, they are placed.
pub(super) fn recall(
    workspace: &Workspace,
    engine: &mut Engine,
    profile: &str,
    set: &GeneratedSet,
    may_place: bool,
) -> Result<bool, Failure> {
    let run = engine.scheduler.plan_only(profile, std::slice::from_ref(&set.command));
    let run = run.map_err(|error| explain(error, &workspace.store))?;
    let Some(plan) = run.plans.get(&set.command).filter(|plan| plan.state == State::Done) else { return Ok(false) };
    let placed = if may_place {
        place(workspace, engine, profile, set, &run).map(|placed| placed.is_ok())
    } else {
        let tree = Tree::new(&workspace.root, workspace.state().path(), set.place.as_str());
        set.placed(&workspace.config, profile, plan).map_or(Ok(false), |artifacts| tree.holds(&artifacts))
    };
    placed.map_err(materialising)
}

/// Whether a directory holds what webstir did not write: it is not empty, and has no sign that it is a place of generated files.
fn is_taken(workspace: &Workspace, place: &RelPath) -> bool {
    let directory = workspace.root.join(place.as_str());
    let is_ours = fs::read(directory.join(".gitignore")).is_ok_and(|bytes| bytes == GENERATED_IGNORE);
    match fs::read_dir(&directory) {
        Ok(mut entries) => !is_ours && entries.next().is_some(),
        Err(_) => fs::symlink_metadata(&directory).is_ok(),
    }
}
