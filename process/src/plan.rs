//! What the engine tells the helper, and what the helper answers.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sandbox::{Accesses, Tier};
use crate::surroundings::Surroundings;

/// What a command may see, at the same relative paths as in the workspace.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tree<'a> {
    /// The declared files, sorted by path.
    #[serde(borrow)]
    pub inputs: Vec<Input<'a>>,
    /// Directories of packages (`node_modules`), sorted: shown as they are, whole. Those that are not there are left out.
    pub packages: Vec<&'a str>,
    /// Directories that are there before the command starts, sorted: those that its outputs lie in.
    pub directories: Vec<&'a str>,
}

/// One declared file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input<'a> {
    /// Where it lies in the workspace and in the tree.
    pub path: &'a str,
    /// Whether it may be executed. For a file of the workspace: what the workspace had when it was asked.
    pub executable: bool,
    /// Where its bytes are.
    #[serde(borrow)]
    pub source: Source<'a>,
}

/// Where the bytes of an input are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source<'a> {
    /// At the same path in the workspace; links are followed.
    Workspace,
    /// Here.
    #[serde(borrow)]
    Bytes(Raw<'a>),
    /// In a file of their own.
    File(Raw<'a>),
}

impl<'a> Source<'a> {
    /// Bytes that are at hand.
    pub fn bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(Raw(bytes))
    }

    /// A file that holds the bytes.
    pub fn file(path: &'a Path) -> Self {
        Self::File(Raw::path(path))
    }
}

/// Bytes that are written and read as one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(pub &'a [u8]);

impl<'a> Raw<'a> {
    pub(crate) fn path(path: &'a Path) -> Self {
        Self(path.as_os_str().as_bytes())
    }

    pub(crate) fn text(text: &'a OsStr) -> Self {
        Self(text.as_bytes())
    }

    pub(crate) fn as_path(self) -> &'a Path {
        Path::new(OsStr::from_bytes(self.0))
    }

    pub(crate) fn as_text(self) -> &'a OsStr {
        OsStr::from_bytes(self.0)
    }
}

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'a [u8]>::deserialize(deserializer).map(Raw)
    }
}

/// How much of a stream is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keep {
    /// The last bytes, this many.
    Tail(u32),
    /// Everything. A command that writes more than this many bytes is ended.
    Whole(u32),
}

/// What becomes of a command's standard streams.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Streams {
    /// It reads nothing; what it writes comes with the answer.
    Kept { stdout: Keep, stderr: Keep },
    /// They come with the plan, as descriptors in their order.
    Given,
}

/// The first message to a helper. It carries the lock of the stage as a descriptor where there is one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan<'a> {
    /// Absolute, or relative to the tree.
    #[serde(borrow)]
    pub(crate) program: Raw<'a>,
    pub(crate) arguments: Vec<Raw<'a>>,
    pub(crate) environment: Vec<(Raw<'a>, Raw<'a>)>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) streams: Streams,
    /// Relative to the tree; empty for the tree itself.
    pub(crate) directory: Raw<'a>,
    pub(crate) place: Place<'a>,
}

/// Where a command runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Place<'a> {
    /// In a directory as it is.
    #[serde(borrow)]
    At(Raw<'a>),
    /// In a staged tree.
    Staged(Staged<'a>),
}

/// A tree and where it is made.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Staged<'a> {
    pub(crate) kind: Kind,
    /// The workspace.
    #[serde(borrow)]
    pub(crate) root: Raw<'a>,
    /// The directory of the stage, with `tree` and `temporary` in it.
    pub(crate) stage: Raw<'a>,
    pub(crate) tree: Tree<'a>,
    pub(crate) tier: Tier,
    pub(crate) network: bool,
    pub(crate) observe: bool,
    /// What the command may read of the machine besides what is the system's.
    pub(crate) visible: Vec<Raw<'a>>,
    pub(crate) surroundings: Surroundings,
}

/// How a tree is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Copy,
    /// An overlay. What the command writes is kept in memory: this many bytes, or half of what the system has.
    Memory(Option<u64>),
    /// An overlay. What the command writes is kept in the stage.
    Disk,
}

/// The one byte that the engine may say after the plan.
pub(crate) const CANCEL: u8 = b'c';

/// A message of a helper. Its last one is one of the last two; the root of a staged tree comes with it as a descriptor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer<'a> {
    /// A command with [given streams](Streams::Given) has this number.
    Started(i32),
    Done {
        ended: End,
        #[serde(borrow)]
        stdout: Raw<'a>,
        stderr: Raw<'a>,
        left: Left,
    },
    Failed(Fault),
}

/// What a command did to its tree and what it was seen to do.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Left {
    /// Inputs that it changed, sorted.
    pub(crate) changed: Vec<String>,
    /// Files that it wrote and that are no inputs, sorted.
    pub(crate) written: Vec<String>,
    /// What it looked at, or why nobody saw it.
    pub(crate) seen: Option<Result<Accesses, String>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum End {
    /// What `wait` says.
    Exited(i32),
    TimedOut,
    Cancelled,
    TooMuchOutput,
    /// The number of the error, and whether the program is there (its interpreter is missing then).
    NotStarted(i32, bool),
}

/// Why the command was not tried.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Fault {
    /// An input of the workspace is not there or no file.
    InputChanged(String),
    /// The command failed, and there may not have been room for what it wrote.
    Full,
    /// The system does not let the overlay be made.
    Overlay(String, i32),
    /// The system does not let the command be kept from what it is to be kept from.
    Sandbox(String, i32),
    /// Anything else: what was done, and the number of the error.
    Io(String, i32),
}
