//! Actions: one piece of work, its key, and what came of it.
//!
//! An [`Action`] is a complete description: two equal actions do the same. Its [`ActionKey`] is computed by [`Action::key`] and
//! nowhere else. An [`Outcome`] is what running it gave: outputs by digest and diagnostics, never a time.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::diagnostic::Diagnostic;
use crate::digest::{Digest, KeyHasher};
use crate::label::ActionLabel;
use crate::path::RelPath;
use crate::view::{Observation, Trace};

/// The identity of an action: equal keys mean equal outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionKey(pub Digest);

impl fmt::Display for ActionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Where the bytes of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A file of the workspace.
    Workspace,
    /// An output of another action, in the store.
    Store,
}

/// A declared input: the action reads these bytes and no others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Input {
    /// The name under which the action knows it.
    pub path: RelPath,
    /// What it holds.
    pub digest: Digest,
    /// Where to find it; not part of the key.
    pub origin: Origin,
}

/// One piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its name; not part of the key.
    pub label: ActionLabel,
    /// The version of the rule kind: raised when the same action may give another outcome.
    pub version: u32,
    /// The digest of the tool that runs, for example the compiler.
    pub tool: Option<Digest>,
    /// Parameters of a builtin or the argument vector of a process.
    pub arguments: Box<[Box<str>]>,
    /// The working directory of a process.
    pub directory: RelPath,
    /// Every environment value the action may see, sorted by name.
    pub environment: Box<[(Box<str>, Box<str>)]>,
    /// What it reads, sorted by path.
    pub inputs: Box<[Input]>,
    /// What it writes, sorted. A builtin whose outputs follow from its inputs may leave this empty.
    pub outputs: Box<[RelPath]>,
    /// Whether it reads the workspace through a [`View`](crate::view::View) besides its declared inputs.
    pub traced: bool,
    /// Whether its outcome may be kept.
    pub cacheable: bool,
    /// The key over an empty trace, once it was asked for. An action is changed only until then.
    planned: Memo,
}

/// A key that was computed. A copy of an action may be changed, so it computes its own; the key says nothing that the rest does not.
#[derive(Debug, Default)]
struct Memo(OnceLock<ActionKey>);

impl Clone for Memo {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Memo {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memo {}

impl Action {
    /// An action without inputs that may be kept.
    pub fn new(label: ActionLabel, version: u32, arguments: Box<[Box<str>]>) -> Self {
        Self {
            label,
            version,
            tool: None,
            arguments,
            directory: RelPath::root(),
            environment: Box::default(),
            inputs: Box::default(),
            outputs: Box::default(),
            traced: false,
            cacheable: true,
            planned: Memo::default(),
        }
    }

    /// The key of this action. `trace` is empty for an action that is not traced; for a traced one the key over an empty trace
    /// finds the recorded traces, and the key over one of them finds the outcome.
    pub fn key(&self, trace: &[(RelPath, Observation)]) -> ActionKey {
        if trace.is_empty() { *self.planned.0.get_or_init(|| self.hash(trace)) } else { self.hash(trace) }
    }

    fn hash(&self, trace: &[(RelPath, Observation)]) -> ActionKey {
        let mut hasher = KeyHasher::new("webstir action v1");
        self.each_part(trace, &mut |part| part.hash_into(&mut hasher));
        ActionKey(hasher.finish())
    }

    /// Walks everything that the key is made of, in order. The key hashes this walk and an explanation prints it.
    pub fn each_part(&self, trace: &[(RelPath, Observation)], visit: &mut dyn FnMut(KeyPart<'_>)) {
        visit(KeyPart::Kind(self.label.rule.kind(), self.version));
        visit(KeyPart::Tool(self.tool));
        for argument in &self.arguments {
            visit(KeyPart::Argument(argument));
        }
        visit(KeyPart::Directory(&self.directory));
        for (name, value) in &self.environment {
            visit(KeyPart::Environment(name, value));
        }
        for input in &self.inputs {
            visit(KeyPart::Input(&input.path, input.digest));
        }
        for output in &self.outputs {
            visit(KeyPart::Output(output));
        }
        for (path, observation) in trace {
            visit(KeyPart::Observation(path, observation));
        }
    }
}

/// One part of an action key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPart<'a> {
    /// Rule kind and version.
    Kind(&'a str, u32),
    /// The tool.
    Tool(Option<Digest>),
    /// One argument.
    Argument(&'a str),
    /// The working directory.
    Directory(&'a RelPath),
    /// One environment value.
    Environment(&'a str, &'a str),
    /// One declared input.
    Input(&'a RelPath, Digest),
    /// One declared output.
    Output(&'a RelPath),
    /// One answer that the workspace gave.
    Observation(&'a RelPath, &'a Observation),
}

impl KeyPart<'_> {
    fn hash_into(&self, hasher: &mut KeyHasher) {
        match *self {
            Self::Kind(kind, version) => hasher.number(0).text(kind).number(u64::from(version)),
            Self::Tool(None) => hasher.number(1),
            Self::Tool(Some(digest)) => hasher.number(2).digest(digest),
            Self::Argument(argument) => hasher.number(3).text(argument),
            Self::Directory(path) => hasher.number(4).text(path.as_str()),
            Self::Environment(name, value) => hasher.number(5).text(name).text(value),
            Self::Input(path, digest) => hasher.number(6).text(path.as_str()).digest(digest),
            Self::Output(path) => hasher.number(7).text(path.as_str()),
            Self::Observation(path, observation) => {
                hasher.number(8).text(path.as_str());
                match observation {
                    Observation::Kind(kind) => hasher.number(0).number(*kind as u64),
                    Observation::Content(None) => hasher.number(1),
                    Observation::Content(Some(digest)) => hasher.number(2).digest(*digest),
                    Observation::Entries(None) => hasher.number(3),
                    Observation::Entries(Some(digest)) => hasher.number(4).digest(*digest),
                    Observation::RealPath(None) => hasher.number(5),
                    Observation::RealPath(Some(path)) => hasher.number(6).text(path.as_str()),
                    Observation::Selected(extensions, digest) => hasher.number(8).text(extensions).digest(*digest),
                    Observation::Derived(name, digest) => hasher.number(7).text(name).digest(*digest),
                }
            }
        };
    }
}

/// One file that an action made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// What running an action gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Files, sorted by path.
    pub artifacts: Box<[Artifact]>,
    /// Findings, sorted.
    pub diagnostics: Box<[Diagnostic]>,
    /// What the workspace answered; empty for an action that is not traced.
    pub trace: Trace,
    /// Whether the work was done. A failed outcome has no artifacts and is never stored.
    pub failed: bool,
    /// Whether nothing but the declared and observed inputs could have had an influence.
    pub hermetic: bool,
}

impl Outcome {
    /// A success.
    pub fn done(mut artifacts: Vec<Artifact>, mut diagnostics: Vec<Diagnostic>) -> Self {
        artifacts.sort();
        diagnostics.sort();
        Self {
            artifacts: artifacts.into_boxed_slice(),
            diagnostics: diagnostics.into_boxed_slice(),
            trace: Trace::default(),
            failed: false,
            hermetic: true,
        }
    }

    /// A failure of the user's code, with what was found.
    pub fn failed(mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort();
        Self { diagnostics: diagnostics.into_boxed_slice(), failed: true, hermetic: true, ..Self::default() }
    }

    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// An outcome as memos and channels hold it: cheap to clone, compared by value.
pub type SharedOutcome = Arc<Outcome>;
