//! What planning may see of this process and of its environment.

use std::collections::BTreeMap;

use crate::digest::Digest;

/// The variables that the configuration names and that are set, and what kind of build this is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Values by name.
    pub values: BTreeMap<String, String>,
    /// Secrets by name. Their values are never planned with: what stands for each is a hash under a key that no cache holds.
    pub secrets: BTreeMap<String, Digest>,
    /// Whether others rely on this build, as on one of a CI job. It decides what is accepted, and never what a key is.
    pub is_strict: bool,
}
