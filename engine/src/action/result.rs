//! Results: what running an action gave.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::discovered::DiscoveredInputs;
use crate::path::RelPath;

/// One file that an action made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Artifact {
    /// Its place below the workspace root.
    pub path: RelPath,
    /// Its bytes, in the store.
    pub digest: Digest,
    /// Its length.
    pub bytes: u64,
    /// Whether it may be executed.
    pub executable: bool,
}

/// How far a result can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verdict {
    /// The work was done: the same action gives the same again. Only such a result is ever stored.
    #[default]
    Done,
    /// The user's code or configuration is at fault. There are no artifacts.
    Failed,
    /// The build may go on with it, but it says nothing of the next time: a limit was reached, or something of the world was missing.
    /// It is forgotten with the next change and the next build.
    Uncacheable,
}

/// What a process was run in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RanIn {
    /// The name of the sandbox.
    pub name: Box<str>,
    /// Whether it was seen what the process looked at.
    pub observed: bool,
}

/// What running an action gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActionResult {
    /// Files, sorted by path.
    pub artifacts: Box<[Artifact]>,
    /// Findings, sorted.
    pub diagnostics: Box<[Diagnostic]>,
    /// What was found in the workspace; empty for an action that discovers no inputs.
    pub discovered: DiscoveredInputs,
    /// How far it can be relied on.
    pub verdict: Verdict,
    /// Whether nothing but the declared and discovered inputs could have had an influence.
    pub hermetic: bool,
    /// What a process was run in; `None` where there was none.
    pub sandbox: Option<RanIn>,
    /// A blob that a later run of the same action may start from, in whatever process. Where there is one, the store keeps the files that
    /// were read as well, as far as the rule put them there. It says nothing of the result.
    pub state: Option<Digest>,
}

impl ActionResult {
    /// A success.
    pub fn done(mut artifacts: Vec<Artifact>, mut diagnostics: Vec<Diagnostic>) -> Self {
        artifacts.sort();
        diagnostics.sort();
        Self {
            artifacts: artifacts.into_boxed_slice(),
            diagnostics: diagnostics.into_boxed_slice(),
            discovered: DiscoveredInputs::default(),
            verdict: Verdict::Done,
            hermetic: true,
            sandbox: None,
            state: None,
        }
    }

    /// A failure of the user's code, with what was found.
    pub fn failed(diagnostics: Vec<Diagnostic>) -> Self {
        Self { verdict: Verdict::Failed, ..Self::done(Vec::new(), diagnostics) }
    }

    /// Something to go on with that must not be kept.
    pub fn uncacheable(artifacts: Vec<Artifact>, diagnostics: Vec<Diagnostic>) -> Self {
        Self { verdict: Verdict::Uncacheable, ..Self::done(artifacts, diagnostics) }
    }

    /// Whether the work was done, so that the result may be kept.
    pub fn is_done(&self) -> bool {
        self.verdict == Verdict::Done
    }

    /// Whether the user's code or configuration is at fault.
    pub fn is_failed(&self) -> bool {
        self.verdict == Verdict::Failed
    }

    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// A result as memos and channels hold it: cheap to clone, compared by value.
pub type SharedResult = Arc<ActionResult>;
