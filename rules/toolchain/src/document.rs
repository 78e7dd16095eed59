//! Files of a workspace that say which tools and packages it has.

use webstir_engine::path::RelPath;

/// A file of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document<'a> {
    /// Its path.
    pub path: &'a RelPath,
    /// What it holds.
    pub text: &'a str,
}
