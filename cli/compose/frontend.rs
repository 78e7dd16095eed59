//! The frontend of a workspace, as long as no rule of the presets builds it.

use webstir_engine::config::value::Value;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;

use super::{Built, Workspace};

/// Where it lies.
const SOURCES: &str = "src/frontend";

/// The modes whose workspaces have one.
const MODES: [&str; 3] = ["full", "spa", "ssg"];

impl Workspace {
    /// That there is a frontend which no rule of the profile builds; none where a rule of the user's writes what is published.
    pub(crate) fn unbuilt_frontend(&self, profile: &str) -> Option<Diagnostic> {
        let mode = self.config.workspace().mode.as_ref().filter(|mode| MODES.contains(&&*mode.value))?;
        if !self.is_sound() || !self.root.join(SOURCES).is_dir() || self.builds_frontend(profile) {
            return None;
        }
        let message = format!(
            "`{SOURCES}` is not built: no rule makes the frontend of a workspace with the mode `{mode}`",
            mode = mode.value
        );
        let diagnostic = Diagnostic::error("frontend::not_built", message).help(
            "Put what another tool makes of it into `{out}/frontend`, or write a `command` with its outputs there",
        );
        Some(self.config.put(diagnostic, mode.place))
    }

    fn builds_frontend(&self, profile: &str) -> bool {
        let (Some(frontend), Some(out)) =
            (self.frontend(profile), self.config.profile(profile).and_then(|profile| profile.path("out")))
        else {
            return false;
        };
        let is_there = |path: &RelPath| path.is_within(&frontend);
        self.config.rules_in(profile).flat_map(|rule| rule.entries()).any(|entry| {
            let outputs = match &entry.value {
                Value::Output(output) => std::slice::from_ref(output),
                Value::Outputs(outputs) => outputs,
                _ => return false,
            };
            outputs.iter().any(|output| output.extent(&out.value).is_ok_and(|(path, _)| is_there(&path)))
        })
    }
}

impl Built {
    /// Adds that the frontend is not built. What was asked for is not done then, whatever of it was.
    pub(crate) fn with_frontend(mut self) -> Self {
        if let Some(finding) = self.workspace.unbuilt_frontend(&self.profile) {
            self.ok = false;
            self.diagnostics.push(finding);
            self.diagnostics.sort();
        }
        self
    }

    /// The same as a warning, of a build that is served nevertheless.
    pub(super) fn with_frontend_warned(mut self) -> Self {
        if let Some(finding) = self.workspace.unbuilt_frontend(&self.profile) {
            self.diagnostics.push(Diagnostic { severity: webstir_engine::diagnostic::Severity::Warning, ..finding });
            self.diagnostics.sort();
        }
        self
    }
}
