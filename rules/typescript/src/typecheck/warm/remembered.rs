//! What is known of the files of a program, so that only some are asked about again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use webstir_engine::discovered::DiscoveredInputs;
use webstir_engine::path::RelPath;

use super::super::TypecheckError;
use super::super::diagnostics::Finding;
use super::super::session::{Generation, Memory, RawDiagnostic, Session, inside};
use super::affected::{Affected, affected};
use super::globals::Globals;
use super::imports::Imports;
use super::shape::{Shape, is_global};
use super::state::State;
use crate::tsconfig;

/// Findings whose place and text depend on the order in which files are checked: what refers to itself, what was given up, and what tells
/// why a file is in the program.
const ORDERED: [u32; 20] = [
    1149, 1261, 2303, 2310, 2313, 2321, 2456, 2502, 2506, 2577, 2589, 2590, 2615, 2716, 2859, 6059, 6307, 7022, 7023,
    7024,
];

/// Findings about what a file needs of `importHelpers`, which are told with the first file that needs it.
const ONCE: [u32; 3] = [2343, 2354, 2807];

/// What else TypeScript 6 and older word by that order: unions, and types that are too long to be written.
const ORDERED_TEXTS: [&str; 2] = [" | ", "..."];

impl Generation {
    /// Whether a check that asks about some files only may find this otherwise, or not at all.
    pub(super) fn is_ordered(self, found: &Finding) -> bool {
        ORDERED.contains(&found.code) || is_told_once(found) || (self == Self::Script && has_ordered_text(found))
    }
}

/// Whether a finding is told with the first file that leads to it, and no other file that does.
pub(super) fn is_told_once(found: &Finding) -> bool {
    found.spot.place.is_none() || ONCE.contains(&found.code)
}

fn has_ordered_text(found: &Finding) -> bool {
    let related = found.related.iter().map(|(_, message)| message);
    let mut texts = related.chain(&found.chain).chain([&found.message]);
    texts.any(|text| ORDERED_TEXTS.iter().any(|ordered| text.contains(ordered)))
}

/// What is known of a program.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// The files as the compiler names them, in its order, when it was last decided what to ask.
    order: Vec<String>,
    /// What was found in each file.
    found: FxHashMap<String, Vec<Finding>>,
    /// What was found in the configuration, once the syntax of all files was right in this check.
    configuration: Option<Vec<Finding>>,
    /// What is wrong with the declarations of each file, where that is a stage of its own and the file is the same since.
    declared: FxHashMap<String, Vec<Finding>>,
    /// Files that have to be asked about.
    open: BTreeSet<String>,
    /// Files that changed since it was last decided what to ask, with what they were.
    touched: BTreeMap<RelPath, Before>,
    shapes: BTreeMap<RelPath, Shape>,
    /// Which files declare something globally, as far as somebody asked.
    global: FxHashMap<RelPath, bool>,
    /// Files that were asked about in the present snapshot.
    in_snapshot: BTreeSet<String>,
    /// Files whose declarations were.
    declared_in_snapshot: BTreeSet<String>,
    /// Everything that the compiler has asked.
    pub(super) seen: DiscoveredInputs,
    /// Whether all files have to be asked about in one snapshot, so that their order is that of a check that starts over.
    is_whole: bool,
    /// What is known of findings without a place; nothing while global declarations may be other ones.
    globals: Option<Globals>,
    /// Whether something is disposed of in a file that changed since.
    has_using: bool,
    /// How many questions about files this check asked.
    pub(super) asked: usize,
}

/// What a file was.
#[derive(Debug)]
enum Before {
    Text(String),
    Shape(Shape),
}

impl Remembered {
    /// What another process knew of a program.
    pub(super) fn of(state: State) -> Self {
        let of_files = |found: Vec<(u32, Vec<Finding>)>| {
            let of_file = |(number, found): (u32, _)| Some((state.order.get(number as usize)?.clone(), found));
            found.into_iter().filter_map(of_file).collect()
        };
        Self {
            found: of_files(state.found),
            declared: of_files(state.declared),
            order: state.order.clone(),
            shapes: state.shapes,
            globals: state.globals,
            ..Self::default()
        }
    }

    /// What is known of the program of `session`, where that is everything; which files declare something globally is not in it. Gives it once
    /// for each check.
    pub(super) fn state(&mut self, session: &Session<'_>) -> Option<State> {
        let configuration = self.configuration.take()?;
        let is_native = session.generation() == Generation::Native;
        let globals = self.globals.filter(|globals| globals.finds_nothing(self.has_using));
        let is_open = self.is_whole || !self.open.is_empty() || !self.touched.is_empty();
        if is_open || session.names() != self.order || (is_native && globals.is_none()) {
            return None;
        }
        let of_files = |found: &FxHashMap<String, Vec<Finding>>| -> Vec<(u32, Vec<Finding>)> {
            let of_file = |(number, name)| Some((number, found.get(name)?.clone()));
            (0..).zip(&self.order).filter_map(of_file).collect()
        };
        let mut found = of_files(&self.found);
        found.retain(|(_, found)| !found.is_empty());
        Some(State {
            options: session.options().clone(),
            configuration,
            found,
            declared: of_files(&self.declared),
            shapes: self.shapes.clone(),
            global: Vec::new(),
            globals,
            order: self.order.clone(),
        })
    }

    /// Takes note that a file is another one than the text that was `before`.
    pub(super) fn touch(&mut self, path: &RelPath, before: &str) {
        let shape = self.shapes.remove(path);
        self.global.remove(path);
        let before = || shape.map_or_else(|| Before::Text(before.to_owned()), Before::Shape);
        self.touched.entry(path.clone()).or_insert_with(before);
    }

    /// Whether the file declares something globally.
    pub(super) fn is_global(&mut self, path: &RelPath, text: &str) -> bool {
        if let Some(known) = self.global.get(path) {
            return *known;
        }
        let is_global = is_global(path, text);
        self.global.insert(path.clone(), is_global);
        is_global
    }

    /// Takes note that the compiler has another snapshot.
    pub(super) fn begin_snapshot(&mut self) {
        self.in_snapshot.clear();
        self.declared_in_snapshot.clear();
    }

    fn decide(&mut self, session: &mut Session<'_>) {
        let names = session.names().to_vec();
        let before = std::mem::replace(&mut self.order, names);
        let touched = std::mem::take(&mut self.touched);
        if touched.is_empty() && before == self.order {
            return;
        }
        if before != self.order {
            // How a file is named in the declarations of another depends on which there are.
            self.declared.clear();
        }
        // Without it there, another file may lead to it.
        self.is_whole |= self.found.values().flatten().any(is_told_once);
        match self.changed(session, &before, touched) {
            Affected::Everything => {
                self.is_whole = true;
                self.globals = None;
            }
            Affected::Files(files) => {
                let is_open = |name: &&String| {
                    inside(name).is_some_and(|path| files.contains(&path)) || self.points_at(name, &files)
                };
                let open: Vec<String> = self.order.iter().filter(is_open).cloned().collect();
                self.open.extend(open);
            }
        }
        if self.is_whole {
            self.open_the_rest();
        }
        let names: BTreeSet<&String> = self.order.iter().collect();
        self.open.retain(|name| names.contains(name));
        self.found.retain(|name, _| names.contains(name));
        self.shapes.retain(|path, _| session.workspace().text(path).is_some());
    }

    /// Has every file asked about that was not in this snapshot.
    fn open_the_rest(&mut self) {
        let is_open = |name: &&String| !self.in_snapshot.contains(*name);
        self.open = self.order.iter().filter(is_open).cloned().collect();
        self.declared.clear();
    }

    /// Whether something is known of a file that is not asked about, and that a check of everything may find otherwise.
    fn repeats_ordered(&self, generation: Generation) -> bool {
        let is_repeated = |name: &&String| !self.open.contains(*name) && !self.in_snapshot.contains(*name);
        let mut found = self.order.iter().filter(is_repeated).filter_map(|name| self.found.get(name)).flatten();
        found.any(|found| generation.is_ordered(found))
    }

    /// Has every file asked about in the order of the program; whether that can be.
    fn start_whole(&mut self, session: &mut Session<'_>) -> Result<bool, TypecheckError> {
        if !self.in_snapshot.is_empty() {
            self.begin_snapshot();
            if !session.renew()? {
                return Ok(false);
            }
        }
        self.is_whole = true;
        self.open_the_rest();
        Ok(true)
    }

    /// Asks about the open files, in the order of a check of everything. Each answer is kept: a cancellation loses nothing.
    fn ask_open(&mut self, session: &mut Session<'_>) -> Result<(), TypecheckError> {
        let names: Vec<String> = self.order.iter().filter(|name| self.open.contains(*name)).cloned().collect();
        for name in names {
            let found = session.types_of(&name)?;
            self.asked += 1;
            self.in_snapshot.insert(name.clone());
            self.declared.remove(&name);
            self.open.remove(&name);
            self.found.insert(name, found);
        }
        let is_exact = self.is_exact();
        self.is_whole &= !is_exact;
        Ok(())
    }

    fn changed(
        &mut self,
        session: &mut Session<'_>,
        before: &[String],
        touched: BTreeMap<RelPath, Before>,
    ) -> Affected {
        let after = self.order.clone();
        let (old, new): (BTreeSet<&String>, BTreeSet<&String>) = (before.iter().collect(), after.iter().collect());
        let common = |names: &[String], others: &BTreeSet<&String>| -> Vec<String> {
            names.iter().filter(|name| others.contains(name)).cloned().collect()
        };
        // The order of files is in the order of types, which is in messages.
        if before.is_empty() || common(before, &new) != common(&after, &old) {
            return Affected::Everything;
        }
        let mut entered = BTreeSet::new();
        for name in new.symmetric_difference(&old) {
            match inside(name) {
                Some(path) if new.contains(*name) => drop(entered.insert(path)),
                // Who left is not read again; what it said globally is missed everywhere.
                Some(path) if !self.shape(session, &path).is_some_and(|shape| shape.is_global) => {}
                _ => return Affected::Everything,
            }
        }
        let mut shapes = BTreeMap::new();
        let mut was = BTreeMap::new();
        for (path, before) in touched {
            let shape = match before {
                Before::Text(text) => Shape::of(&path, &text),
                Before::Shape(shape) => shape,
            };
            if let Some(new) = self.shape(session, &path) {
                self.has_using |= new.has_using;
                shapes.insert(path.clone(), new);
            }
            was.insert(path, shape);
        }
        let is_same =
            |(path, shape): (&RelPath, &Shape)| shapes.get(path).is_some_and(|new| new.interface == shape.interface);
        if entered.is_empty() && was.iter().all(is_same) {
            return Affected::Files(was.into_keys().collect());
        }
        let files: BTreeSet<RelPath> = after.iter().filter_map(|name| inside(name)).collect();
        for path in &files {
            match self.shape(session, path) {
                Some(shape) => {
                    self.has_using |= entered.contains(path) && shape.has_using;
                    shapes.insert(path.clone(), shape);
                }
                None => return Affected::Everything,
            }
        }
        let options = session.options().clone();
        let project = session.project().clone();
        let workspace = session.workspace();
        let read = &mut |path: &RelPath| workspace.text(path).map(|text| Arc::from(text.content().as_bytes()));
        let (config, problems) = tsconfig::load(&project, read);
        let config = problems.is_empty().then_some(&config);
        let imports = Imports::new(files.iter(), &self.seen, workspace.overlay(), config, &options);
        affected(&shapes, &was, &entered, &imports)
    }

    /// Whether all files of the present snapshot were asked about.
    fn is_exact(&self) -> bool {
        self.order.iter().all(|name| self.in_snapshot.contains(name))
    }

    fn shape(&mut self, session: &mut Session<'_>, path: &RelPath) -> Option<Shape> {
        if let Some(shape) = self.shapes.get(path) {
            return Some(shape.clone());
        }
        let shape = Shape::of(path, session.workspace().text(path)?.content());
        self.shapes.insert(path.clone(), shape.clone());
        Some(shape)
    }

    /// Whether something was found in the file that names a place in one of `files`.
    fn points_at(&self, name: &str, files: &BTreeSet<RelPath>) -> bool {
        let mut found = self.found.get(name).into_iter().chain(self.declared.get(name)).flatten();
        found.any(|found| found.files().any(|file| files.contains(file)))
    }
}

impl Memory for Remembered {
    fn types(
        &mut self,
        session: &mut Session<'_>,
        configuration: &[Finding],
    ) -> Result<Option<Vec<Finding>>, TypecheckError> {
        self.decide(session);
        let generation = session.generation();
        if self.repeats_ordered(generation) && !self.start_whole(session)? {
            return Ok(None);
        }
        self.ask_open(session)?;
        let is_ordered = |found: &Finding| generation.is_ordered(found);
        if !self.is_exact() && self.order.iter().filter_map(|name| self.found.get(name)).flatten().any(is_ordered) {
            if !self.start_whole(session)? {
                return Ok(None);
            }
            self.ask_open(session)?;
        }
        self.configuration = Some(configuration.to_vec());
        Ok(Some(self.order.iter().filter_map(|name| self.found.get(name)).flatten().cloned().collect()))
    }

    fn declarations(&mut self, session: &mut Session<'_>) -> Result<Option<Vec<Finding>>, TypecheckError> {
        for name in self.order.clone() {
            if !self.declared.contains_key(&name) {
                let found = session.declarations_of(&name)?;
                self.declared_in_snapshot.insert(name.clone());
                self.declared.insert(name, found);
            }
        }
        let found: Vec<Finding> =
            self.order.iter().filter_map(|name| self.declared.get(name)).flatten().cloned().collect();
        let is_exact = self.is_exact() && self.order.iter().all(|name| self.declared_in_snapshot.contains(name));
        let generation = session.generation();
        Ok((is_exact || !found.iter().any(|found| generation.is_ordered(found))).then_some(found))
    }

    fn global(&mut self, session: &mut Session<'_>) -> Result<Vec<RawDiagnostic>, TypecheckError> {
        if self.globals.is_some_and(|globals| globals.finds_nothing(self.has_using)) {
            return Ok(Vec::new());
        }
        let found = session.global()?;
        self.globals = Some(Globals::ask(session, !found.is_empty())?);
        self.has_using = false;
        Ok(found)
    }
}
