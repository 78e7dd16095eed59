//! A check in a process that has no compiler yet, of a program of which all was known before a change.
//!
//! [`Known`] is what an earlier check left. Where only contents changed, and no file imports or declares globally anything else, the compiler
//! is given a *part* of the program: the files that the change can affect and those that declare something globally, in their old order. It
//! loads what these import, and nothing else. What is found there takes the place of what was found in those files before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use webstir_engine::blob::Blobs;
use webstir_engine::digest::Digest;
use webstir_engine::discovered::DiscoveredInput;
use webstir_engine::path::RelPath;
use webstir_engine::run::Previous;

use super::super::diagnostics::{Finding, convert};
use super::super::session::{Generation, ROOT, Session, inside};
use super::super::text::Text;
use super::super::workspace::Workspace;
use super::super::{Checked, Request, TypecheckError, workspace};
use super::affected::{Affected, Before, affected};
use super::imports::{Imports, is_installed};
use super::record::Differences;
use super::remembered::{Remembered, is_told_once};
use super::shape::{Shape, references};
use super::state::State;
use super::{CHANGED, keep_texts};
use crate::tsconfig;

/// The project file of a part lies beside that of the program, under this name. The workspace does not have it.
const PART: &str = "tsconfig.webstir-part.json";

/// What an earlier check left, and what is another one since.
pub(super) struct Known<'a> {
    state: State,
    differences: Differences<'a>,
    /// Files of the program whose contents are other ones, with what they were.
    changed: BTreeMap<RelPath, String>,
    /// Whether nothing else is.
    is_contents: bool,
}

impl<'a> Known<'a> {
    /// What the previous result left; `None` where that is not enough to start from.
    pub(super) fn of(previous: &'a Previous, request: &Request<'_>) -> Result<Option<Self>, TypecheckError> {
        let Some(state) = previous.result.state.and_then(|state| request.blobs.get(state).ok().flatten()) else {
            return Ok(None);
        };
        let Some(state) = State::decode(&state) else { return Ok(None) };
        let differences = Differences::between(&previous.result.discovered, previous, request.view)?;
        let Some(told) = differences.told(request.referenced) else { return Ok(None) };
        let is_content = |path: &RelPath| {
            let name = format!("{ROOT}/{path}");
            path != request.project && path.extension() != "json" && !is_installed(path) && state.order.contains(&name)
        };
        if told.contents.len() > CHANGED || !told.contents.iter().all(is_content) {
            return Ok(None);
        }
        let mut changed = BTreeMap::new();
        for path in told.contents {
            let Some(text) = text_before(&previous.result.discovered, &path, request.blobs) else { return Ok(None) };
            changed.insert(path, text);
        }
        Ok(Some(Self { state, differences, changed, is_contents: !told.has_listings }))
    }

    /// It for a check that opens the whole program.
    pub(super) fn into_remembered(self) -> Remembered {
        let mut remembered = Remembered::of(self.state);
        for (path, text) in &self.changed {
            remembered.touch(path, text);
        }
        remembered
    }

    /// Checks a part of the program and returns how many files were asked about; `None` where that cannot tell.
    pub(super) fn check_part(&self, request: &Request<'_>) -> Result<Option<(Checked, usize)>, TypecheckError> {
        // A composite project says which files it does not name. Without what is told once, another file may lead to it.
        let is_composite = self.state.options.composite == Some(true);
        if !self.is_contents || is_composite || self.state.found.iter().flat_map(|(_, found)| found).any(is_told_once) {
            return Ok(None);
        }
        let mut state = self.state.clone();
        let mut workspace = workspace(request, request.compiler.generation());
        // References lead imports elsewhere than to what they name, and no project has them of another.
        if workspace.read(request.project)?.is_none_or(|text| text.content().contains("references")) {
            return Ok(None);
        }
        let Some(affected) = self.affected(&mut state, &mut workspace, request)? else { return Ok(None) };
        let numbers: BTreeSet<u32> = numbers(&state, &affected).collect();
        let Ok(part) = request.project.parent().unwrap_or_else(RelPath::root).join(PART) else { return Ok(None) };
        let roots: BTreeSet<u32> = numbers.iter().chain(&state.global).copied().collect();
        let roots: Vec<&str> = roots.iter().map(|number| &*state.order[*number as usize]).collect();
        let project = serde_json::json!({
            "extends": format!("./{}", request.project.file_name()),
            "files": roots, "include": [], "exclude": [],
        });
        let workspace = workspace.with_part(part.clone(), project.to_string());
        let launch = request.compiler.launch(request.blobs)?;
        let mut session = Session::open(request, launch, &part, workspace)?;
        let is_there = |number: &u32| session.names().contains(&state.order[*number as usize]);
        if !numbers.iter().all(is_there) {
            return Ok(None);
        }
        let mut findings = state.configuration.clone();
        let syntax = session.syntax()?;
        let is_right = syntax.is_empty();
        findings.extend(syntax);
        if is_right {
            let Some(found) = ask(&mut state, &numbers, &mut session)? else { return Ok(None) };
            findings.extend(found);
            keep_texts(self.changed.keys(), session.workspace(), request)?;
            session.keep_compiled(request.blobs);
        }
        drop(session);
        request.view.assume(self.differences.others());
        let files = state.order.iter().filter_map(|name| inside(name)).collect::<BTreeSet<_>>();
        let checked = Checked {
            diagnostics: convert(findings, request.project, &format!("{ROOT}/")),
            files: files.into_iter().filter(|path| request.overlay.bytes(path).is_none()).collect(),
            state: is_right.then(|| state.encode()),
        };
        Ok(Some((checked, numbers.len())))
    }

    /// The files that the change can give other findings, where a part of the program can tell which; `state` then has what files are to
    /// others now.
    fn affected(
        &self,
        state: &mut State,
        workspace: &mut Workspace<'_>,
        request: &Request<'_>,
    ) -> Result<Option<BTreeSet<RelPath>>, TypecheckError> {
        let mut before = Before::new();
        for (path, text) in &self.changed {
            let old = state.shapes.remove(path).unwrap_or_else(|| Shape::of(path, text));
            let Some(now) = workspace.read(path)?.map(|now| now.content().to_owned()) else { return Ok(None) };
            let new = Shape::of(path, &now);
            let loads_the_same =
                new.imports.is_some() && new.imports == old.imports && references(text) == references(&now);
            let is_missed = state.globals.is_some_and(|globals| !globals.finds_nothing(new.has_using));
            if !loads_the_same || new.is_global || old.is_global || is_missed {
                return Ok(None);
            }
            state.shapes.insert(path.clone(), new);
            before.insert(path.clone(), old);
        }
        let is_same = |(path, old): (&RelPath, &Shape)| state.shapes[path].interface == old.interface;
        if before.iter().all(is_same) {
            return Ok(Some(before.into_keys().collect()));
        }
        let files: BTreeSet<RelPath> = state.order.iter().filter_map(|name| inside(name)).collect();
        for path in &files {
            if !state.shapes.contains_key(path) {
                let Some(text) = workspace.read(path)? else { return Ok(None) };
                state.shapes.insert(path.clone(), Shape::of(path, text.content()));
            }
        }
        let mut read = |path: &RelPath| {
            let text = workspace.read(path).ok().flatten()?;
            Some(Arc::from(text.content().as_bytes()))
        };
        let (config, problems) = tsconfig::load(request.project, &mut read);
        let config = problems.is_empty().then_some(&config);
        let seen: Vec<_> = self.differences.others().cloned().collect();
        let imports = Imports::new(files.iter(), &seen, request.overlay, config, &state.options);
        Ok(match affected(&state.shapes, &before, &BTreeSet::new(), &imports) {
            Affected::Everything => None,
            Affected::Files(files) => Some(files),
        })
    }
}

/// All that is found in a program of which `session` has a part, after these files were asked about; `None` where that depends on the order
/// of asking.
fn ask(
    state: &mut State,
    numbers: &BTreeSet<u32>,
    session: &mut Session<'_>,
) -> Result<Option<Vec<Finding>>, TypecheckError> {
    let generation = session.generation();
    let is_ordered =
        |found: &BTreeMap<u32, Vec<Finding>>| found.values().flatten().any(|found| generation.is_ordered(found));
    let mut found: BTreeMap<u32, Vec<Finding>> = std::mem::take(&mut state.found).into_iter().collect();
    let mut declared: BTreeMap<u32, Vec<Finding>> = std::mem::take(&mut state.declared).into_iter().collect();
    for number in numbers {
        found.insert(*number, session.types_of(&state.order[*number as usize])?);
        declared.remove(number);
    }
    found.retain(|_, found| !found.is_empty());
    if is_ordered(&found) {
        return Ok(None);
    }
    let mut all: Vec<Finding> = found.values().flatten().cloned().collect();
    if generation == Generation::Script && session.emits_declarations() && all.is_empty() {
        for number in numbers {
            declared.insert(*number, session.declarations_of(&state.order[*number as usize])?);
        }
        if declared.len() < state.order.len() || is_ordered(&declared) {
            return Ok(None);
        }
        all.extend(declared.values().flatten().cloned());
    }
    state.found = found.into_iter().collect();
    state.declared = declared.into_iter().collect();
    Ok(Some(all))
}

/// The files to ask about, by their numbers: those that are affected, and those in which something was found that names a place in one.
fn numbers<'a>(state: &'a State, affected: &'a BTreeSet<RelPath>) -> impl Iterator<Item = u32> + 'a {
    let is_affected = |name: &String| inside(name).is_some_and(|path| affected.contains(&path));
    let numbers = (0..).zip(&state.order).filter(move |(_, name)| is_affected(name)).map(|(number, _)| number);
    let points_at = |found: &[Finding]| found.iter().flat_map(Finding::files).any(|path| affected.contains(path));
    let found = state.found.iter().chain(&state.declared);
    numbers.chain(found.filter(move |(_, found)| points_at(found)).map(|(number, _)| *number))
}

/// What a file held when the inputs were discovered.
fn text_before(discovered: &[(RelPath, DiscoveredInput)], path: &RelPath, blobs: &dyn Blobs) -> Option<String> {
    let from = discovered.partition_point(|(before, _)| before < path);
    let mut of_path = discovered[from..].iter().take_while(|(before, _)| before == path);
    let digest: Digest = of_path.find_map(|(_, input)| match input {
        DiscoveredInput::Content(digest) => *digest,
        _ => None,
    })?;
    let bytes = blobs.get(digest).ok().flatten()?;
    Some(Text::decode(bytes.to_vec()).content().to_owned())
}

/// What a whole program leaves to a later process, as far as everything is known of it.
pub(super) fn leave(remembered: &mut Remembered, session: &mut Session<'_>) -> Option<State> {
    let mut state = remembered.state(session)?;
    // What was read in another way than as it is belongs to other projects, too.
    if !session.workspace().interfaces().is_empty() {
        return None;
    }
    for (number, name) in (0..).zip(&state.order) {
        let Some(path) = inside(name) else { continue };
        let text = session.workspace().text(&path)?;
        if remembered.is_global(&path, text.content()) {
            state.global.push(number);
        }
    }
    Some(state)
}
