//! Compilers that stay between checks.
//!
//! A [`Warm`] keeps the session of each action that it checked. When the action runs again, the compiler is told which of its files
//! are other ones, and only files are asked about that the change can [affect](affected). The result is the one of a check that
//! starts over: the stages are the same, what is known of a file is used only while nothing that the file depends on has changed,
//! and whatever cannot be told that way starts over.
//!
//! A session holds the answers to everything that its compiler ever asked. What has not changed is not asked again, so that they are
//! part of the trace of every later check; more answers than a check depends on do no harm. An answer that is not known to be still
//! given is asked for again. Only contents of the program's files may differ then.

mod affected;
mod bodies;
mod globals;
mod imports;
mod record;
mod remembered;
mod scan;
mod shape;
mod trivia;
mod values;
mod written;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use webstir_engine::action::{Action, ActionKey};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::discovered::DiscoveredInputs;
use webstir_engine::label::ActionLabel;
use webstir_engine::path::RelPath;
use webstir_engine::run::Previous;

use self::record::Differences;
use self::remembered::Remembered;
use super::session::{Resting, Session};
use super::{Checked, ReferencedProjects, Request, TypecheckError, check, open_session};

/// How many files of a program may change at once; the compiler itself has a limit above which it starts over.
const CHANGED: usize = 200;

/// Compilers that stay between checks, by the action that they are for.
#[derive(Debug, Default)]
pub struct Warm {
    kept: Mutex<BTreeMap<ActionLabel, Kept>>,
    wear: Wear,
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
    /// The compiler was started for it.
    Cold,
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
    /// Compilers that are started again when they are worn.
    pub fn new(wear: Wear) -> Self {
        Self { kept: Mutex::default(), wear }
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
        self.check_cold(action, key, request).map(|checked| (checked, Extent::Cold))
    }

    /// The bytes of memory that all compilers have now, as far as the system says.
    pub fn memory(&self) -> u64 {
        let kept = self.lock();
        kept.values().filter_map(|kept| kept.session.resident()).sum()
    }

    fn check_cold(&self, action: &Action, key: ActionKey, request: &Request<'_>) -> Result<Checked, TypecheckError> {
        let mut session = open_session(request)?;
        session.derive()?;
        let mut remembered = Remembered::default();
        let result = session.diagnostics(&mut remembered);
        let files = session.files().to_vec();
        let session = session.rest();
        let first = session.resident();
        let kept = Kept { key, session, record: request.view.discovered(), remembered, first, updates: 0 };
        if let Some(path) = request.view.contradiction() {
            return Err(TypecheckError::Changed(path));
        }
        match result {
            Ok(diagnostics) => {
                self.keep(&action.label, kept);
                let diagnostics = diagnostics.expect("what asked about everything knows everything");
                Ok(Checked { diagnostics, files })
            }
            Err(TypecheckError::Declarations(_)) => {
                check(&Request { referenced: &ReferencedProjects::default(), ..*request })
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
        if !kept.session.is_torn() && !kept.is_worn(self.wear) {
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
        self.session = session.rest();
        request.view.assume(differences.others());
        self.record = request.view.discovered();
        if let Some(path) = request.view.contradiction() {
            return Err(TypecheckError::Changed(path));
        }
        match result {
            Ok(Some(diagnostics)) => {
                let checked = Checked { diagnostics, files };
                Ok(Again::Done(Box::new((checked, self.remembered.asked, self))))
            }
            Err(TypecheckError::Cancelled) => Ok(Again::Cancelled(Box::new(self))),
            // A compiler that fails is started again; what is wrong is then said by the one that starts.
            Ok(None) | Err(_) => Ok(Again::StartOver),
        }
    }
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
