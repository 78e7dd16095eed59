//! What is known of the files of a program, so that only some are asked about again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use webstir_engine::discovered::DiscoveredInputs;
use webstir_engine::path::RelPath;

use super::super::TypecheckError;
use super::super::api_7_0::{Memory, RawDiagnostic, Session, inside};
use super::super::diagnostics::Finding;
use super::affected::{Affected, affected};
use super::globals::Globals;
use super::imports::Imports;
use super::shape::{Shape, is_global};
use super::state::State;
use crate::tsconfig;

/// Findings whose place and text depend on the order in which files are checked: what refers to itself, and what was given up.
const ORDERED: [u32; 16] =
    [2303, 2310, 2313, 2321, 2456, 2502, 2506, 2577, 2589, 2590, 2615, 2716, 2859, 7022, 7023, 7024];

/// What is known of a program.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// The files as the compiler names them, in its order, when it was last decided what to ask.
    order: Vec<String>,
    /// What was found in each file.
    found: FxHashMap<String, Vec<Finding>>,
    /// What was found in the configuration, once the syntax of all files was right in this check.
    configuration: Option<Vec<Finding>>,
    /// Files that have to be asked about.
    open: BTreeSet<String>,
    /// Files that changed since it was last decided what to ask, with what they were.
    touched: BTreeMap<RelPath, Before>,
    shapes: BTreeMap<RelPath, Shape>,
    /// Which files declare something globally, as far as somebody asked.
    global: FxHashMap<RelPath, bool>,
    /// Files that were asked about in the present snapshot.
    in_snapshot: BTreeSet<String>,
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

/// Whether a finding depends on the order in which files are checked.
pub(super) fn is_ordered(found: &Finding) -> bool {
    ORDERED.contains(&found.code)
}

impl Remembered {
    /// What another process knew of a program.
    pub(super) fn of(state: State) -> Self {
        let found = state.found.into_iter().map(|(number, found)| (state.order[number as usize].clone(), found));
        Self {
            found: found.collect(),
            order: state.order,
            shapes: state.shapes,
            globals: Some(state.globals),
            ..Self::default()
        }
    }

    /// What is known of the program of `session`, where that is everything; which files declare something globally is not in it. Gives it once
    /// for each check.
    pub(super) fn state(&mut self, session: &Session<'_>) -> Option<State> {
        let configuration = self.configuration.take()?;
        let globals = self.globals.filter(|globals| globals.finds_nothing(self.has_using))?;
        let is_open = self.is_whole || !self.open.is_empty() || !self.touched.is_empty();
        if is_open || session.names() != self.order {
            return None;
        }
        let found = (0..).zip(&self.order).filter_map(|(number, name)| {
            let found = self.found.get(name).filter(|found| !found.is_empty())?;
            Some((number, found.clone()))
        });
        Some(State {
            order: self.order.clone(),
            options: session.options().clone(),
            configuration,
            found: found.collect(),
            shapes: self.shapes.clone(),
            global: Vec::new(),
            globals,
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
    }

    fn decide(&mut self, session: &mut Session<'_>) {
        let names = session.names().to_vec();
        let before = std::mem::replace(&mut self.order, names);
        let touched = std::mem::take(&mut self.touched);
        if touched.is_empty() && before == self.order {
            return;
        }
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
            let is_open = |name: &&String| !self.in_snapshot.contains(*name);
            self.open = self.order.iter().filter(is_open).cloned().collect();
        }
        let names: BTreeSet<&String> = self.order.iter().collect();
        self.open.retain(|name| names.contains(name));
        self.found.retain(|name, _| names.contains(name));
        self.shapes.retain(|path, _| session.workspace().text(path).is_some());
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
        let mut found = self.found.get(name).into_iter().flatten();
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
        // In the order of a check of everything, and each one kept: a cancellation loses nothing.
        let names: Vec<String> = self.order.iter().filter(|name| self.open.contains(*name)).cloned().collect();
        for name in names {
            let found = session.types_of(&name)?;
            self.asked += 1;
            self.in_snapshot.insert(name.clone());
            self.open.remove(&name);
            self.found.insert(name, found);
        }
        let is_exact = self.is_exact();
        self.is_whole &= !is_exact;
        let found = self.order.iter().filter_map(|name| self.found.get(name)).flatten();
        if !is_exact && found.clone().any(is_ordered) {
            return Ok(None);
        }
        self.configuration = Some(configuration.to_vec());
        Ok(Some(found.cloned().collect()))
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
