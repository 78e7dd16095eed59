//! The stages of a check, which are those of the command line.
//!
//! In all compilers errors of syntax stand alone, and errors in the options end the check of types; errors in the text of the
//! configuration end nothing. TypeScript 7 finds missing global types last, and is told of what is wrong with declarations beside
//! everything else; older compilers look for global types first, and for declarations (since 5.6) where nothing else was found.

use webstir_engine::diagnostic::Diagnostic;

use super::messages::RawDiagnostic;
use super::{Generation, ROOT, Session};
use crate::typecheck::TypecheckError;
use crate::typecheck::diagnostics::convert;

/// What spares a check to ask again what is found in files. `None` stands for what only a check that starts over can tell.
pub(in crate::typecheck) trait Memory {
    /// All that is found in the files of the program.
    fn types(&mut self, session: &mut Session<'_>) -> Result<Option<Vec<RawDiagnostic>>, TypecheckError>;
    /// What is wrong with the declarations of the files, where that is a stage of its own.
    fn declarations(&mut self, session: &mut Session<'_>) -> Result<Option<Vec<RawDiagnostic>>, TypecheckError>;
    /// What TypeScript 7 finds without a place.
    fn global(&mut self, session: &mut Session<'_>) -> Result<Vec<RawDiagnostic>, TypecheckError>;
}

/// Nothing is spared.
pub(in crate::typecheck) struct NoMemory;

impl Memory for NoMemory {
    fn types(&mut self, session: &mut Session<'_>) -> Result<Option<Vec<RawDiagnostic>>, TypecheckError> {
        each(session, Session::types_of).map(Some)
    }

    fn declarations(&mut self, session: &mut Session<'_>) -> Result<Option<Vec<RawDiagnostic>>, TypecheckError> {
        each(session, Session::declarations_of).map(Some)
    }

    fn global(&mut self, session: &mut Session<'_>) -> Result<Vec<RawDiagnostic>, TypecheckError> {
        session.global()
    }
}

/// What is found in all files of the program, one after the other: asked about all at once, TypeScript 7 does not always enter circular
/// types at the same place.
fn each<'a>(
    session: &mut Session<'a>,
    find: impl Fn(&mut Session<'a>, &str) -> Result<Vec<RawDiagnostic>, TypecheckError>,
) -> Result<Vec<RawDiagnostic>, TypecheckError> {
    let mut found = Vec::new();
    for name in session.program.names.clone() {
        found.extend(find(session, &name)?);
    }
    Ok(found)
}

impl Session<'_> {
    /// Checks the project. `None` when only a check that starts over can tell.
    pub(in crate::typecheck) fn diagnostics(
        &mut self,
        memory: &mut dyn Memory,
    ) -> Result<Option<Vec<Diagnostic>>, TypecheckError> {
        let mut raw = self.ask_diagnostics("getConfigFileParsingDiagnostics")?;
        let configuration = raw.len();
        for found in self.ask_every_diagnostic("getSyntacticDiagnostics")? {
            if let Some(path) = self.declared(&found) {
                return Err(TypecheckError::Declarations(path));
            }
            raw.push(found);
        }
        if raw.len() == configuration {
            raw.extend(self.ask_diagnostics("getProgramDiagnostics")?);
            let is_checked = raw.len() == configuration;
            let found = match self.program.generation {
                Generation::Native => self.native_stages(memory, is_checked)?,
                Generation::Script if is_checked => self.script_stages(memory)?,
                Generation::Script => Some(Vec::new()),
            };
            let Some(found) = found else { return Ok(None) };
            raw.extend(found);
        }
        let mut findings = Vec::with_capacity(raw.len());
        for raw in raw {
            findings.extend(self.finding(raw)?);
        }
        let mut diagnostics = convert(findings, &self.program.project, &format!("{ROOT}/"));
        diagnostics.extend(self.workspace.interfaces().hints());
        Ok(Some(diagnostics))
    }

    fn native_stages(
        &mut self,
        memory: &mut dyn Memory,
        is_checked: bool,
    ) -> Result<Option<Vec<RawDiagnostic>>, TypecheckError> {
        let mut found = Vec::new();
        if is_checked {
            let Some(of_files) = memory.types(self)? else { return Ok(None) };
            found = of_files;
        }
        // Last, because checking finds that global types are missing.
        let global = if is_checked { memory.global(self)? } else { self.global()? };
        if global.iter().any(RawDiagnostic::is_missing_library) {
            found.clear();
        }
        found.extend(global);
        Ok(Some(found))
    }

    fn script_stages(&mut self, memory: &mut dyn Memory) -> Result<Option<Vec<RawDiagnostic>>, TypecheckError> {
        match memory.types(self)? {
            Some(found) if found.is_empty() && self.emits_declarations() => memory.declarations(self),
            found => Ok(found),
        }
    }
}
