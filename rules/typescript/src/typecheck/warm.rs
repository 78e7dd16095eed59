//! Checks that start from what is known.
//!
//! What a check knows of a program it leaves with its result, for any later [process](fresh). A [`Warm`] may also keep the session of each
//! action that it checked: when the action runs again, the compiler is told which of its files are other ones. Either way only files are
//! asked about that the change can [affect](affected). The result is the one of a check that starts over: the stages are the same, what
//! is known of a file is used only while nothing that the file depends on has changed, and whatever cannot be told that way starts over.
//!
//! A session holds the answers to everything that its compiler ever asked. What has not changed is not asked again, so that they are
//! part of the trace of every later check; more answers than a check depends on do no harm. An answer that is not known to be still
//! given is asked for again. Only contents of the program's files may differ then.

mod affected;
mod fresh;
mod globals;
mod imports;
mod record;
mod remembered;
mod shape;
mod state;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use webstir_engine::action::{Action, ActionKey};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::discovered::DiscoveredInputs;
use webstir_engine::label::ActionLabel;
use webstir_engine::path::RelPath;
use webstir_engine::run::Previous;

use self::fresh::Known;
use self::imports::is_installed;
use self::record::Differences;
use self::remembered::Remembered;
use super::session::{Resting, Session};
use super::workspace::Workspace;
use super::{Checked, ReferencedProjects, Request, TypecheckError, check, open_session};

/// How many files of a program may change at once; the compiler itself has a limit above which it starts over.
const CHANGED: usize = 200;

/// Compilers that stay between checks, by the action that they are for.
#[derive(Debug, Default)]
pub struct Warm {
    kept: Mutex<BTreeMap<ActionLabel, Kept>>,
    /// `None` where none stays.
    wear: Option<Wear>,
}

/// How long a compiler is used before it is started again: old snapshots do not leave all of their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wear {
    /// How often it is told of other files.
    pub updates: u32,
    /// How many times the memory that it had after its first check it may have,
    pub times: u64,
    /// and how many bytes more.
    pub more: u64,
}

impl Default for Wear {
    fn default() -> Self {
        Self { updates: 1000, times: 2, more: 256 << 20 }
    }
}

/// How much of a program a check asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The compiler was started for it, and asked about every file.
    Cold,
    /// The compiler was started for it, and asked about so many files: of the others enough was known.
    Fresh(usize),
    /// So many files of a program that was there, library files included.
    Files(usize),
}

/// A session between two checks.
#[derive(Debug)]
struct Kept {
    key: ActionKey,
    session: Resting,
    /// Everything that the compiler asked, with the answers that it knows.
    record: DiscoveredInputs,
    remembered: Remembered,
    /// The memory after the first check.
    first: Option<u64>,
    updates: u32,
}

/// How taking up a session went.
enum Again {
    Done(Box<(Checked, usize, Kept)>),
    /// The check was cancelled; the session knows what is left to do.
    Cancelled(Box<Kept>),
    /// The session is of no use.
    StartOver,
}

impl Warm {
    /// Compilers that stay, and are started again when they are worn.
    pub fn new(wear: Wear) -> Self {
        Self { kept: Mutex::default(), wear: Some(wear) }
    }

    /// No compiler stays: checks start from what is in the store.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads all inputs of a project and checks it, with the compiler that `action` kept if there is one and if it is of use.
    /// `previous` is what came of the action in its last run.
    pub fn check(
        &self,
        action: &Action,
        previous: Option<&Previous>,
        request: &Request<'_>,
    ) -> Result<(Checked, Extent), TypecheckError> {
        let key = action.key(&[]);
        let kept = self.take(&action.label).filter(|kept| kept.key == key);
        if let (Some(kept), Some(previous)) = (kept, previous) {
            match kept.check(previous, request)? {
                Again::Done(done) => {
                    let (checked, asked, kept) = *done;
                    self.keep(&action.label, kept);
                    return Ok((checked, Extent::Files(asked)));
                }
                Again::Cancelled(kept) => {
                    self.keep(&action.label, *kept);
                    return Err(TypecheckError::Cancelled);
                }
                Again::StartOver => {}
            }
        }
        let known = previous.map(|previous| Known::of(previous, request)).transpose()?.flatten();
        if self.wear.is_none()
            && let Some(known) = &known
            && let Some((checked, asked)) = known.check_part(request)?
        {
            return Ok((checked, Extent::Fresh(asked)));
        }
        if let Some(known) = known
            && let Some((checked, asked)) = self.check_whole(action, key, request, known.into_remembered())?
        {
            return Ok((checked, Extent::Fresh(asked)));
        }
        let checked = self.check_whole(action, key, request, Remembered::default())?;
        let (checked, _) = checked.expect("what asked about everything knows everything");
        Ok((checked, Extent::Cold))
    }

    /// The bytes of memory that all compilers have now, as far as the system says.
    pub fn memory(&self) -> u64 {
        let kept = self.lock();
        kept.values().filter_map(|kept| kept.session.resident()).sum()
    }

    /// Opens the whole program and asks what is not `remembered` of it, which is told with the result; `None` where only asking everything
    /// can tell.
    fn check_whole(
        &self,
        action: &Action,
        key: ActionKey,
        request: &Request<'_>,
        mut remembered: Remembered,
    ) -> Result<Option<(Checked, usize)>, TypecheckError> {
        let mut session = open_session(request)?;
        if self.wear.is_some() {
            session.derive()?;
        }
        remembered.seen = request.view.discovered();
        let result = session.diagnostics(&mut remembered);
        let files = session.files().to_vec();
        let left = leave(&mut remembered, &mut session, files.iter(), request)?;
        session.keep_compiled(request.blobs);
        let session = session.rest();
        let first = session.resident();
        let asked = remembered.asked;
        let kept = Kept { key, session, record: request.view.discovered(), remembered, first, updates: 0 };
        if let Some(path) = request.view.contradiction() {
            return Err(TypecheckError::Changed(path));
        }
        match result {
            Ok(Some(diagnostics)) => {
                self.keep(&action.label, kept);
                Ok(Some((Checked { diagnostics, files, state: left }, asked)))
            }
            Ok(None) => Ok(None),
            Err(TypecheckError::Declarations(_)) => {
                let checked = check(&Request { referenced: &ReferencedProjects::default(), ..*request })?;
                Ok(Some((checked, asked)))
            }
            Err(TypecheckError::Cancelled) => {
                self.keep(&action.label, kept);
                Err(TypecheckError::Cancelled)
            }
            Err(error) => Err(error),
        }
    }

    fn take(&self, label: &ActionLabel) -> Option<Kept> {
        self.lock().remove(label)
    }

    fn keep(&self, label: &ActionLabel, kept: Kept) {
        if let Some(wear) = self.wear
            && !kept.session.is_torn()
            && !kept.is_worn(wear)
        {
            self.lock().insert(label.clone(), kept);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ActionLabel, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Whether the compiler should be started again.
    fn is_worn(&self, wear: Wear) -> bool {
        let has_grown = match (self.first, self.session.resident()) {
            (Some(first), Some(now)) => now > first.saturating_mul(wear.times).saturating_add(wear.more),
            _ => false,
        };
        has_grown || self.updates >= wear.updates
    }

    fn check(mut self, previous: &Previous, request: &Request<'_>) -> Result<Again, TypecheckError> {
        if request.cancelled.load(Ordering::Relaxed) {
            return Ok(Again::Cancelled(Box::new(self)));
        }
        let differences = Differences::between(&self.record, previous, request.view)?;
        let is_content = |path: &RelPath| {
            self.session.files().binary_search(path).is_ok() && path != request.project && path.extension() != "json"
        };
        let Some(changed) = differences
            .contents(request.referenced)
            .filter(|paths| paths.len() <= CHANGED && paths.iter().all(is_content))
        else {
            return Ok(Again::StartOver);
        };
        let files = self.session.files().to_vec();
        let mut session = self.session.wake(request.view, request.overlay, request.referenced, request.cancelled);
        self.remembered.asked = 0;
        if !changed.is_empty() {
            self.updates += 1;
        }
        let result = update(&mut session, &mut self.remembered, &changed, &files, &self.record, request);
        let files = session.files().to_vec();
        let left = leave(&mut self.remembered, &mut session, changed.iter(), request)?;
        self.session = session.rest();
        request.view.assume(differences.others());
        self.record = request.view.discovered();
        if let Some(path) = request.view.contradiction() {
            return Err(TypecheckError::Changed(path));
        }
        match result {
            Ok(Some(diagnostics)) => {
                let checked = Checked { diagnostics, files, state: left };
                Ok(Again::Done(Box::new((checked, self.remembered.asked, self))))
            }
            Err(TypecheckError::Cancelled) => Ok(Again::Cancelled(Box::new(self))),
            // A compiler that fails is started again; what is wrong is then said by the one that starts.
            Ok(None) | Err(_) => Ok(Again::StartOver),
        }
    }
}

/// What is left to a later process, and the texts of `files`, which it needs to tell what changed.
fn leave<'f>(
    remembered: &mut Remembered,
    session: &mut Session<'_>,
    files: impl Iterator<Item = &'f RelPath>,
    request: &Request<'_>,
) -> Result<Option<Vec<u8>>, TypecheckError> {
    let Some(state) = fresh::leave(remembered, session) else { return Ok(None) };
    keep_texts(files, session.workspace(), request)?;
    Ok(Some(state.encode()))
}

/// Keeps the texts of files that users edit.
fn keep_texts<'f>(
    files: impl Iterator<Item = &'f RelPath>,
    workspace: &Workspace<'_>,
    request: &Request<'_>,
) -> Result<(), TypecheckError> {
    for path in files.filter(|path| path.extension() != "json" && !is_installed(path)) {
        if let Some(text) = workspace.text(path) {
            let kept = request.blobs.put(text.content().as_bytes());
            kept.map_err(TypecheckError::world("Writing to the store"))?;
        }
    }
    Ok(())
}

/// Brings the compiler up to date and asks what is open; `None` when only starting over can tell.
fn update(
    session: &mut Session<'_>,
    remembered: &mut Remembered,
    changed: &[RelPath],
    files: &[RelPath],
    record: &DiscoveredInputs,
    request: &Request<'_>,
) -> Result<Option<Vec<Diagnostic>>, TypecheckError> {
    if !changed.is_empty() {
        for path in changed {
            if let Some(text) = session.workspace().forget(path) {
                remembered.touch(path, text.content());
            }
        }
        let options = session.options().clone();
        remembered.begin_snapshot();
        session.update(changed)?;
        let is_read = |path: &RelPath| session.workspace().text(path).is_some();
        if !changed.iter().all(is_read) || *session.options() != options {
            return Ok(None);
        }
        // Hints are about what was read, and what left is not read any more.
        if session.files() != files && !session.workspace().interfaces().is_empty() {
            return Ok(None);
        }
    }
    remembered.seen = record.iter().cloned().chain(request.view.discovered()).collect();
    session.diagnostics(remembered)
}
