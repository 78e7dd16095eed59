//! Labels: the names of rules and of actions.
//!
//! A [`Label`] is `kind:name` of a rule in `webstir.kdl`, for example `bundle:backend`. An [`ActionLabel`] adds the profile
//! it is planned for and, for a rule that plans one action a file, the subject: `transpile:backend(src/backend/a.ts)`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::path::RelPath;

/// The name of a rule: its kind and its own name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label {
    kind: Arc<str>,
    name: Arc<str>,
}

impl Label {
    /// Joins a kind and a name.
    pub fn new(kind: &str, name: &str) -> Self {
        Self { kind: Arc::from(kind), name: Arc::from(name) }
    }

    /// The rule kind, for example `transpile`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name that the user gave.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.name)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of one action: the rule, the profile, and the file or entry it works on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionLabel {
    /// The rule that planned it.
    pub rule: Label,
    /// The profile it is planned for.
    pub profile: Arc<str>,
    /// What it works on, where the rule plans more than one action.
    pub subject: Option<RelPath>,
}

impl fmt::Display for ActionLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some(subject) => write!(f, "{}({subject})", self.rule),
            None => fmt::Display::fmt(&self.rule, f),
        }
    }
}

impl fmt::Debug for ActionLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}@{}", self.profile)
    }
}
