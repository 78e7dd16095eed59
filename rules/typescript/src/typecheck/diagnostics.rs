//! From the compiler's findings to [`Diagnostic`] values.
//!
//! A [`Finding`] is a diagnostic as the compiler gives it, its place already found. Of every compiler the same comes:
//! the code is `typecheck::ts<number>`, a chain of messages is one note whose lines are indented by depth, and no path of this
//! machine is left in a message.

use serde::{Deserialize, Serialize};
use webstir_engine::diagnostic::{Diagnostic, Severity, Span};
use webstir_engine::path::RelPath;

use super::workspace::Place;

/// Where something was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spot {
    pub(super) place: Option<Place>,
    pub(super) span: Option<Span>,
}

/// One diagnostic of the compiler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finding {
    pub(super) spot: Spot,
    pub(super) severity: Severity,
    pub(super) code: u32,
    pub(super) message: String,
    /// The lines below the message, indented by two spaces for each level below the first.
    pub(super) chain: Vec<String>,
    pub(super) related: Vec<(Spot, String)>,
}

impl Finding {
    /// The files of the workspace in which it has a place.
    pub(super) fn files(&self) -> impl Iterator<Item = &RelPath> {
        let spots = self.related.iter().map(|(spot, _)| spot).chain([&self.spot]);
        spots.filter_map(|spot| match &spot.place {
            Some(Place::Inside(path)) => Some(path),
            _ => None,
        })
    }
}

/// Converts findings about `project`. `root` is the directory of the workspace as the compiler named it, with a slash at its end.
/// The result is sorted and free of duplicates.
pub(super) fn convert(findings: Vec<Finding>, project: &RelPath, root: &str) -> Vec<Diagnostic> {
    let mut diagnostics: Vec<_> = findings.into_iter().map(|finding| diagnostic(finding, project, root)).collect();
    diagnostics.sort();
    diagnostics.dedup();
    diagnostics
}

fn diagnostic(finding: Finding, project: &RelPath, root: &str) -> Diagnostic {
    let relative = |text: String| if text.contains(root) { text.replace(root, "") } else { text };
    let code = format!("typecheck::ts{}", finding.code);
    let mut diagnostic = Diagnostic::new(finding.severity, code, relative(finding.message));
    if !finding.chain.is_empty() {
        diagnostic.notes.push(relative(finding.chain.join("\n")));
    }
    match finding.spot.place {
        Some(Place::Inside(file)) => {
            diagnostic.file = Some(file);
            diagnostic.span = finding.spot.span;
        }
        Some(Place::Virtual(file)) => diagnostic.notes.push(format!("Found in `{file}`, which is built in")),
        Some(Place::Outside(name)) => diagnostic.notes.push(format!("Found in `{name}`")),
        // What has no place is about the program as it is configured, at times at a related place.
        None => {
            diagnostic.file = Some(project.clone());
            diagnostic.span = finding.related.iter().find_map(|(spot, _)| match &spot.place {
                Some(Place::Inside(file)) if file == project => spot.span,
                _ => None,
            });
        }
    }
    for (spot, message) in finding.related {
        let message = relative(message);
        diagnostic = match spot.place {
            Some(Place::Inside(file)) => diagnostic.related(message, Some(&file), spot.span),
            Some(Place::Virtual(file)) => diagnostic.related(format!("{message} (`{file}`, built in)"), None, None),
            Some(Place::Outside(name)) => diagnostic.related(format!("{message} (`{name}`)"), None, None),
            None => diagnostic.related(message, None, None),
        };
    }
    diagnostic
}
