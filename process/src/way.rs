//! Which way a tree is made.

use std::path::Path;

use crate::run::Helper;
use crate::stage::Stage;

/// How a tree is made. A command sees the same either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// An overlay where the system lets one be made, which is tried once, and a copy elsewhere.
    #[default]
    Automatic,
    /// A layer over the workspace, in which what is not declared is hidden. Its cost hardly depends on the number of files.
    Overlay,
    /// Each file copied.
    Copy,
}

pub(crate) fn is_overlay(_helper: &Helper, _stage: &Stage, _root: &Path) -> bool {
    false
}
