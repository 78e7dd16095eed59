//! What a deployment changed.

/// What a deployment changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deployed {
    /// The release serves what the one before did.
    Unchanged,
    /// Published files alone: the module that was loaded goes on, with its state.
    Site {
        /// The paths under which changed files are served, sorted and escaped as in addresses. A file may have several.
        changed: Vec<String>,
        /// Whether a page that is shown is up to date once it has loaded its style sheets again.
        styles_only: bool,
    },
    /// The module was loaded anew, whatever else changed.
    Module,
}
