//! Findings of the compiler, with their places found.

use webstir_engine::diagnostic::Severity;

use super::messages::{RawDiagnostic, flatten};
use super::{Session, inside};
use crate::typecheck::TypecheckError;
use crate::typecheck::diagnostics::{Finding, Spot};
use crate::typecheck::workspace::Place;

impl Session<'_> {
    pub(super) fn place(&mut self, name: &str) -> Result<Place, TypecheckError> {
        if let Some(file) = self.server.library_file(name) {
            return Ok(Place::Outside(file.to_owned()));
        }
        match inside(name) {
            Some(path) => self.workspace.place(path),
            None => Ok(Place::Outside(name.to_owned())),
        }
    }

    /// Findings, as far as they are for users.
    pub(super) fn findings(&mut self, raw: Vec<RawDiagnostic>) -> Result<Vec<Finding>, TypecheckError> {
        let mut findings = Vec::with_capacity(raw.len());
        for raw in raw {
            findings.extend(self.finding(raw)?);
        }
        Ok(findings)
    }

    fn finding(&mut self, raw: RawDiagnostic) -> Result<Option<Finding>, TypecheckError> {
        let severity = match raw.category {
            0 => Severity::Warning,
            1 => Severity::Error,
            // A suggestion.
            2 => return Ok(None),
            _ => Severity::Info,
        };
        let spot = self.spot(&raw)?;
        let mut chain = Vec::new();
        flatten(raw.message_chain.unwrap_or_default(), 0, &mut chain);
        let mut related = Vec::new();
        for other in raw.related_information.unwrap_or_default() {
            let spot = self.spot(&other)?;
            let mut message = vec![other.text];
            flatten(other.message_chain.unwrap_or_default(), 1, &mut message);
            related.push((spot, message.join("\n")));
        }
        Ok(Some(Finding { spot, severity, code: raw.code, message: raw.text, chain, related }))
    }

    fn spot(&mut self, raw: &RawDiagnostic) -> Result<Spot, TypecheckError> {
        let Some(name) = &raw.file_name else { return Ok(Spot::default()) };
        let place = self.place(name)?;
        let range = usize::try_from(raw.pos).ok().zip(usize::try_from(raw.end).ok());
        let span = match (&place, range) {
            // A place in declarations is none in the file.
            (Place::Inside(path), _) if self.workspace.is_declared(path) => None,
            (Place::Inside(path), Some((pos, end))) => self.workspace.text(path).map(|text| text.span(pos..end)),
            _ => None,
        };
        Ok(Spot { place: Some(place), span })
    }
}
