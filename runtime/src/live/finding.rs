//! What is wrong with a build, as browsers show it.

use serde::{Deserialize, Serialize};

use crate::application::LoadError;
use crate::host::HostError;

/// One finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveFinding {
    pub severity: LiveSeverity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub message: String,
    /// Below the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// From 1, as `column`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The lines around the place, as plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// What can be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LiveSeverity {
    #[default]
    Error,
    Warning,
    Info,
}

/// Everything that is known to be wrong.
#[derive(Debug, Default, Serialize)]
pub(super) struct Findings {
    /// Why the last build failed.
    build: Listed,
    /// What was found in the build that is served.
    types: Listed,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Listed {
    findings: Vec<LiveFinding>,
    /// How many there are beyond those.
    more: usize,
}

/// More are of no use to anyone, and every client is sent all of them.
const MOST: usize = 100;

impl Findings {
    pub(super) fn of_build(&mut self, findings: Vec<LiveFinding>) {
        self.build = Listed::new(findings);
        // A build that failed without saying why has failed all the same.
        if self.build.findings.is_empty() {
            let message = "The build failed; the terminal says why".to_owned();
            self.build.findings.push(LiveFinding { message, ..LiveFinding::default() });
        }
    }

    /// Whether anything changed.
    pub(super) fn of_types(&mut self, findings: Vec<LiveFinding>) -> bool {
        let before = std::mem::replace(&mut self.types, Listed::new(findings));
        before != self.types
    }

    /// The build did not fail. Whether the one before did.
    pub(super) fn clear_build(&mut self) -> bool {
        !std::mem::take(&mut self.build).findings.is_empty()
    }
}

impl Listed {
    fn new(mut findings: Vec<LiveFinding>) -> Self {
        let more = findings.len().saturating_sub(MOST);
        findings.truncate(MOST);
        Self { findings, more }
    }
}

/// Where the user's code threw, when it did.
impl From<&LoadError> for LiveFinding {
    fn from(error: &LoadError) -> Self {
        let mut finding = Self { message: error.to_string(), ..Self::default() };
        if let LoadError::Host(HostError::Thrown(thrown)) = error
            && let Some(frame) = thrown.frames.first()
        {
            finding.file = Some(frame.file.clone());
            finding.line = Some(frame.line);
            finding.column = Some(frame.column);
        }
        finding
    }
}
