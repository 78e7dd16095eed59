//! The stages of a check, which are those of the command line.
//!
//! In all compilers errors of syntax stand alone, and errors in the options end the check of types; errors in the text of the
//! configuration end nothing. TypeScript 7 finds missing global types last, and is told of what is wrong with declarations beside
//! everything else; older compilers look for global types first, and for declarations (since 5.6) where nothing else was found.

use webstir_engine::diagnostic::Diagnostic;

use super::messages::RawDiagnostic;
use super::{Generation, ROOT, Session};
use crate::typecheck::TypecheckError;
use crate::typecheck::diagnostics::{Finding, convert};

/// What spares a check to ask again what is found in files. `None` stands for what only a check that starts over can tell.
pub(in crate::typecheck) trait Memory {
    /// All that is found in the files of the program, whose syntax is right. `configuration` was found in the configuration.
    fn types(
        &mut self,
        session: &mut Session<'_>,
        configuration: &[Finding],
    ) -> Result<Option<Vec<Finding>>, TypecheckError>;
    /// What is wrong with the declarations of the files, where that is a stage of its own.
    fn declarations(&mut self, session: &mut Session<'_>) -> Result<Option<Vec<Finding>>, TypecheckError>;
    /// What TypeScript 7 finds without a place.
    fn global(&mut self, session: &mut Session<'_>) -> Result<Vec<RawDiagnostic>, TypecheckError>;
}

/// Nothing is spared.
pub(in crate::typecheck) struct NoMemory;

impl Memory for NoMemory {
    fn types(&mut self, session: &mut Session<'_>, _: &[Finding]) -> Result<Option<Vec<Finding>>, TypecheckError> {
        each(session, Session::types_of).map(Some)
    }

    fn declarations(&mut self, session: &mut Session<'_>) -> Result<Option<Vec<Finding>>, TypecheckError> {
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
    find: impl Fn(&mut Session<'a>, &str) -> Result<Vec<Finding>, TypecheckError>,
) -> Result<Vec<Finding>, TypecheckError> {
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
        let configuration = self.ask_diagnostics("getConfigFileParsingDiagnostics")?;
        let mut findings = self.findings(configuration)?;
        let syntax = self.syntax()?;
        if syntax.is_empty() {
            let program = self.ask_diagnostics("getProgramDiagnostics")?;
            let is_checked = program.is_empty();
            let found = match self.program.generation {
                Generation::Native => self.native_stages(memory, &findings, is_checked)?,
                Generation::Script if is_checked => self.script_stages(memory, &findings)?,
                Generation::Script => Some(Vec::new()),
            };
            let Some(found) = found else { return Ok(None) };
            findings.extend(found);
            findings.extend(self.findings(program)?);
        }
        findings.extend(syntax);
        let mut diagnostics = convert(findings, &self.program.project, &format!("{ROOT}/"));
        diagnostics.extend(self.workspace.interfaces().hints());
        Ok(Some(diagnostics))
    }

    /// What is wrong with the syntax of all files of the program.
    pub(in crate::typecheck) fn syntax(&mut self) -> Result<Vec<Finding>, TypecheckError> {
        let found = self.ask_every_diagnostic("getSyntacticDiagnostics")?;
        match found.iter().find_map(|found| self.declared(found)) {
            Some(path) => Err(TypecheckError::Declarations(path)),
            None => self.findings(found),
        }
    }

    fn native_stages(
        &mut self,
        memory: &mut dyn Memory,
        configuration: &[Finding],
        is_checked: bool,
    ) -> Result<Option<Vec<Finding>>, TypecheckError> {
        let mut found = Vec::new();
        if is_checked {
            let Some(of_files) = memory.types(self, configuration)? else { return Ok(None) };
            found = of_files;
        }
        // Last, because checking finds that global types are missing.
        let global = if is_checked { memory.global(self)? } else { self.global()? };
        if global.iter().any(RawDiagnostic::is_missing_library) {
            found.clear();
        }
        found.extend(self.findings(global)?);
        Ok(Some(found))
    }

    fn script_stages(
        &mut self,
        memory: &mut dyn Memory,
        configuration: &[Finding],
    ) -> Result<Option<Vec<Finding>>, TypecheckError> {
        match memory.types(self, configuration)? {
            Some(found) if found.is_empty() && self.emits_declarations() => memory.declarations(self),
            found => Ok(found),
        }
    }
}
