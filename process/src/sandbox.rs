//! What a command is kept from, and what it was seen to look at.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::surroundings::Surroundings;

/// Where a command in namespaces finds its temporary files, and programs that are offered.
pub(crate) const TEMPORARY: &str = "/tmp";
pub(crate) const PROGRAMS: &str = "/run/programs";

/// How strictly a command is held to what is declared. The strongest comes first.
///
/// | tier | files | network | an undeclared file |
/// | --- | --- | --- | --- |
/// | `namespace` | a root of its own, the tree at `/w` | namespace of its own | is not there |
/// | `landlock` | the tree, and nothing else but the system's programs | no sockets (seccomp) | is not there in the tree, and may not be opened elsewhere |
/// | `tree` | the tree; absolute paths lead out of it | no sockets, where seccomp works | is not there in the tree |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// Namespaces for users, mounts, processes, network, System V objects and host name.
    Namespace,
    /// A tree of copies, and rules of Landlock for everything outside of it.
    Landlock,
    /// A tree of copies.
    Tree,
}

impl Tier {
    /// All of them, the strongest first.
    pub const ALL: [Self; 3] = [Self::Namespace, Self::Landlock, Self::Tree];

    /// Its name in `webstir.kdl` and in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Landlock => "landlock",
            Self::Tree => "tree",
        }
    }
}

/// How a tree is made. A command sees the same either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// An overlay where the system lets one be made, and a copy elsewhere.
    #[default]
    Automatic,
    /// A layer over the workspace, in which what is not declared is hidden: in namespaces only. Its cost hardly depends on the number of
    /// files.
    Overlay,
    /// Each file copied.
    Copy,
}

/// What a command is run in.
#[derive(Debug, Clone, Default)]
pub struct Sandbox<'a> {
    /// This tier or an error; without one, the strongest that works here.
    pub tier: Option<Tier>,
    /// How its tree is made.
    pub way: Way,
    /// Whether it may use the network.
    pub network: bool,
    /// Whether what it looks at is [observed](Accesses).
    pub observe: bool,
    /// Files and directories of the machine that it may read besides those of the system: where its program is installed. Absolute.
    pub visible: Vec<&'a Path>,
    /// What of its surroundings is not as usual.
    pub surroundings: Surroundings,
}

/// What a command was run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The tier.
    pub tier: Tier,
    /// Why it was not a stronger one; `None` for the strongest, and where a tier was asked for.
    pub why_not_stronger: Option<Box<str>>,
    /// Why it was not observed; `None` where it was, or nobody asked for it.
    pub why_not_observed: Option<Box<str>>,
}

/// What an observed command looked at, by paths relative to the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accesses {
    /// What the workspace has and the tree had not, sorted by path.
    pub undeclared: Vec<Access>,
    /// Declared inputs that were looked at, sorted.
    pub used: Vec<String>,
    /// How many system calls were observed.
    pub events: u64,
    /// Whether there was more than is listed here.
    pub is_cut: bool,
}

/// One path that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Access {
    /// Relative to the tree.
    pub path: String,
    /// What was done, the most of it.
    pub kind: AccessKind,
}

/// What was done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccessKind {
    /// Whether it is there was asked, or what it is.
    Looked,
    /// It was to be removed, or to get another name.
    Removed,
    /// Its entries or bytes were to be read.
    Opened,
    /// It was to be run.
    Executed,
}
