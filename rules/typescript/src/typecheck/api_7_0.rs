//! The API of TypeScript 7.0: `tsc --api --async`.
//!
//! The protocol is the one that the `typescript@7.0.2` package speaks in its own client (`dist/api`). It is unversioned and later
//! generations differ, so this adapter serves 7.0 only. A [`Session`] holds one compiler; all of the compiler's questions about
//! the workspace come while the project is opened or [updated](Session::update), none while it is checked. Between checks a session
//! is [`Resting`]. A [`Memory`] spares a check what an earlier one of the same session found.

mod findings;
mod messages;
mod server;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::Deserialize;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;
use webstir_engine::view::View;
use webstir_process::Helper;

use self::messages::{FileChanges, OfFile, OfProject, Project, Release, ResolveName, Snapshot, UpdateSnapshot};
use self::server::Server;
use super::TypecheckError;
use super::diagnostics::{Finding, convert};
use super::protocol::{Ignored, ProtocolError};
use super::referenced::ReferencedProjects;
use super::virtual_files::VirtualFiles;
use super::workspace::{Place, Seen, Workspace};

pub(super) use self::messages::{CompilerOptions, Meaning, RawDiagnostic};

/// Where the compiler believes the workspace to be, wherever it is.
pub(super) const ROOT: &str = "/webstir-workspace";

/// One compiler with one open project, while it is used.
#[derive(Debug)]
pub(super) struct Session<'a> {
    server: Server,
    workspace: Workspace<'a>,
    cancelled: &'a AtomicBool,
    program: Program,
}

/// A session that nobody uses.
#[derive(Debug)]
pub(super) struct Resting {
    server: Server,
    seen: Seen,
    program: Program,
}

/// The open project in its latest snapshot.
#[derive(Debug)]
struct Program {
    project: RelPath,
    snapshot: u64,
    handle: String,
    options: CompilerOptions,
    /// The files as the compiler names them, in its order.
    names: Vec<String>,
    /// Those in the workspace, sorted.
    files: Vec<RelPath>,
    /// Set while the snapshot may not be what was read.
    is_torn: bool,
}

/// What spares a check to ask about types again.
pub(super) trait Memory {
    /// All that is found in the files of the program, whose syntax is right; `None` when only a check that starts over can tell.
    /// `configuration` was found in the configuration.
    fn types(
        &mut self,
        session: &mut Session<'_>,
        configuration: &[Finding],
    ) -> Result<Option<Vec<Finding>>, TypecheckError>;
    /// What is found without a place.
    fn global(&mut self, session: &mut Session<'_>) -> Result<Vec<RawDiagnostic>, TypecheckError>;
}

/// Nothing is spared.
pub(super) struct NoMemory;

impl Memory for NoMemory {
    fn types(&mut self, session: &mut Session<'_>, _: &[Finding]) -> Result<Option<Vec<Finding>>, TypecheckError> {
        session.types().map(Some)
    }

    fn global(&mut self, session: &mut Session<'_>) -> Result<Vec<RawDiagnostic>, TypecheckError> {
        session.global()
    }
}

impl<'a> Session<'a> {
    /// Starts the compiler and opens `project`: when this returns, everything that the check reads has been read.
    pub(super) fn open(
        helper: &Helper,
        executable: &Path,
        project: &RelPath,
        workspace: Workspace<'a>,
        cancelled: &'a AtomicBool,
    ) -> Result<Self, TypecheckError> {
        let program = Program {
            project: project.clone(),
            snapshot: 0,
            handle: String::new(),
            options: CompilerOptions::default(),
            names: Vec::new(),
            files: Vec::new(),
            is_torn: true,
        };
        let mut session = Self { server: Server::start(helper, executable)?, workspace, cancelled, program };
        let _: Ignored = session.ask("initialize", ())?;
        let name = format!("{ROOT}/{project}");
        session.take_snapshot(&UpdateSnapshot { open_projects: Some([&name]), file_changes: None })?;
        Ok(session)
    }

    /// Tells the compiler that the contents of these files of the program are other ones.
    pub(super) fn update(&mut self, changed: &[RelPath]) -> Result<(), TypecheckError> {
        self.replace_snapshot(changed)?;
        if changed.len() > 1 { self.derive() } else { Ok(()) }
    }

    /// Replaces the root program, which the compiler makes when it opens a project or when several files change at once, by a program that
    /// it derives from that one. A session that stays does so before it asks about types: derived programs inherit the options of the root
    /// program and keep it alive, and with it its checker and all types that the checker ever made.
    pub(super) fn derive(&mut self) -> Result<(), TypecheckError> {
        let is_own = |path: &&RelPath| path.extension() != "json" && !self.workspace.is_declared(path);
        match self.program.files.iter().find(is_own).cloned() {
            Some(path) => self.replace_snapshot(&[path]),
            None => Ok(()),
        }
    }

    fn replace_snapshot(&mut self, changed: &[RelPath]) -> Result<(), TypecheckError> {
        let names: Vec<String> = changed.iter().map(|path| format!("{ROOT}/{path}")).collect();
        let old = self.program.snapshot;
        self.program.is_torn = true;
        self.take_snapshot(&UpdateSnapshot {
            open_projects: None,
            file_changes: Some(FileChanges { changed: &names }),
        })?;
        // Whoever holds a snapshot holds all of its program.
        let _: Ignored = self.ask("release", Release { snapshot: old })?;
        Ok(())
    }

    fn take_snapshot(&mut self, request: &UpdateSnapshot<'_>) -> Result<(), TypecheckError> {
        let opened: Snapshot = self.ask("updateSnapshot", request)?;
        let project = &self.program.project;
        let name = format!("{ROOT}/{project}");
        let is_ours = |candidate: &Project| candidate.config_file_name == name;
        let Some(ours) = opened.projects.into_iter().find(is_ours) else {
            let error = ProtocolError::Message(format!("`{project}` was not opened"));
            return Err(self.server.broken(&error));
        };
        self.program.snapshot = opened.snapshot;
        self.program.handle = ours.id;
        self.program.options = ours.compiler_options;
        let names: Option<Vec<String>> = self.ask_project("getSourceFileNames")?;
        self.program.names = names.unwrap_or_default();
        let mut files = Vec::with_capacity(self.program.names.len());
        for name in std::mem::take(&mut self.program.names) {
            if let Place::Inside(path) = self.place(&name)? {
                files.push(path);
            }
            self.program.names.push(name);
        }
        files.sort();
        files.dedup();
        self.program.files = files;
        self.program.is_torn = false;
        Ok(())
    }

    /// The session, to be [woken](Resting::wake) for another check.
    pub(super) fn rest(self) -> Resting {
        Resting { server: self.server, seen: self.workspace.into_seen(), program: self.program }
    }

    /// The files of the program that lie in the workspace, sorted.
    pub(super) fn files(&self) -> &[RelPath] {
        &self.program.files
    }

    /// The files of the program as the compiler names them, in its order.
    pub(super) fn names(&self) -> &[String] {
        &self.program.names
    }

    /// The project file.
    pub(super) fn project(&self) -> &RelPath {
        &self.program.project
    }

    /// How the project is configured, as the compiler says.
    pub(super) fn options(&self) -> &CompilerOptions {
        &self.program.options
    }

    /// The files that were read.
    pub(super) fn workspace(&mut self) -> &mut Workspace<'a> {
        &mut self.workspace
    }

    /// Checks the project in the stages of the command line: errors of syntax stand alone, and errors in the options and a
    /// missing library end the check of types. Errors in the text of the configuration end nothing. `None` when only a check that
    /// starts over can tell.
    pub(super) fn diagnostics(&mut self, memory: &mut dyn Memory) -> Result<Option<Vec<Diagnostic>>, TypecheckError> {
        let configuration = self.ask_diagnostics("getConfigFileParsingDiagnostics")?;
        let mut findings = self.findings(configuration)?;
        let syntax = self.syntax()?;
        if syntax.is_empty() {
            let program = self.ask_diagnostics("getProgramDiagnostics")?;
            let is_checked = program.is_empty();
            let mut of_files = Vec::new();
            if is_checked {
                let Some(found) = memory.types(self, &findings)? else { return Ok(None) };
                of_files = found;
            }
            findings.extend(self.findings(program)?);
            // Last, because checking finds that global types are missing.
            let global = if is_checked { memory.global(self)? } else { self.global()? };
            if !global.iter().any(RawDiagnostic::is_missing_library) {
                findings.append(&mut of_files);
            }
            findings.extend(self.findings(global)?);
        }
        findings.extend(syntax);
        let mut diagnostics = convert(findings, &self.program.project, &format!("{ROOT}/"));
        diagnostics.extend(self.workspace.interfaces().hints());
        Ok(Some(diagnostics))
    }

    /// What is found in all files of the program, one after the other: asked about all at once, the compiler does not always enter
    /// circular types at the same place.
    fn types(&mut self) -> Result<Vec<Finding>, TypecheckError> {
        let mut found = Vec::new();
        for name in self.program.names.clone() {
            found.extend(self.types_of(&name)?);
        }
        Ok(found)
    }

    /// What is found without a place. Checks everything that is not checked yet.
    pub(super) fn global(&mut self) -> Result<Vec<RawDiagnostic>, TypecheckError> {
        self.ask_diagnostics("getGlobalDiagnostics")
    }

    /// Whether a name means something of that [kind](Meaning) everywhere.
    pub(super) fn is_known(&mut self, name: &str, meaning: Meaning) -> Result<bool, TypecheckError> {
        let project = self.program.handle.clone();
        let meaning = meaning as u32;
        let asked = ResolveName { snapshot: self.program.snapshot, project: &project, name, meaning };
        let symbol: Option<Ignored> = self.ask("resolveName", asked)?;
        Ok(symbol.is_some())
    }

    /// What is found in one file of the program.
    pub(super) fn types_of(&mut self, file: &str) -> Result<Vec<Finding>, TypecheckError> {
        let mut found = self.ask_file("getSemanticDiagnostics", file)?;
        if self.emits_declarations() {
            found.extend(self.ask_file("getDeclarationDiagnostics", file)?);
        }
        self.findings(found)
    }

    /// What is wrong with the syntax of all files of the program.
    pub(super) fn syntax(&mut self) -> Result<Vec<Finding>, TypecheckError> {
        let found = self.ask_every_diagnostic("getSyntacticDiagnostics")?;
        match found.iter().find_map(|found| self.declared(found)) {
            Some(path) => Err(TypecheckError::Declarations(path)),
            None => self.findings(found),
        }
    }

    fn emits_declarations(&self) -> bool {
        let options = &self.program.options;
        options.declaration == Some(true) || options.composite == Some(true)
    }

    /// Without those in declarations: what is wrong with a referenced project's file is said by its own check.
    fn ask_diagnostics(&mut self, method: &str) -> Result<Vec<RawDiagnostic>, TypecheckError> {
        let mut diagnostics = self.ask_every_diagnostic(method)?;
        diagnostics.retain(|found| self.declared(found).is_none());
        Ok(diagnostics)
    }

    fn ask_file(&mut self, method: &str, file: &str) -> Result<Vec<RawDiagnostic>, TypecheckError> {
        let project = self.program.handle.clone();
        let asked = OfFile { snapshot: self.program.snapshot, project: &project, file };
        let diagnostics: Option<Vec<RawDiagnostic>> = self.ask(method, asked)?;
        let mut diagnostics = diagnostics.unwrap_or_default();
        diagnostics.retain(|found| self.declared(found).is_none());
        Ok(diagnostics)
    }

    /// The file of a diagnostic, when it was read as its declarations.
    fn declared(&self, found: &RawDiagnostic) -> Option<RelPath> {
        inside(found.file_name.as_deref()?).filter(|path| self.workspace.is_declared(path))
    }

    fn ask_every_diagnostic(&mut self, method: &str) -> Result<Vec<RawDiagnostic>, TypecheckError> {
        let diagnostics: Option<Vec<RawDiagnostic>> = self.ask_project(method)?;
        Ok(diagnostics.unwrap_or_default())
    }

    fn ask_project<T: for<'de> Deserialize<'de>>(&mut self, method: &str) -> Result<T, TypecheckError> {
        let project = self.program.handle.clone();
        self.ask(method, OfProject { snapshot: self.program.snapshot, project: &project })
    }

    fn ask<T: for<'de> Deserialize<'de>>(
        &mut self,
        method: &str,
        params: impl serde::Serialize,
    ) -> Result<T, TypecheckError> {
        self.server.ask(&mut self.workspace, self.cancelled, method, params)
    }
}

impl Resting {
    /// Takes the session up again. Everything that it has read is known to be the same, but for what is then given to
    /// [`Session::update`]; overlay and referenced projects are the same ones.
    pub(super) fn wake<'a>(
        self,
        view: &'a View,
        overlay: &'a VirtualFiles,
        referenced: &'a ReferencedProjects,
        cancelled: &'a AtomicBool,
    ) -> Session<'a> {
        let workspace = Workspace::again(self.seen, view, overlay, referenced);
        Session { server: self.server, workspace, cancelled, program: self.program }
    }

    /// Whether the compiler was left while it read, so that nobody knows what it knows.
    pub(super) fn is_torn(&self) -> bool {
        self.program.is_torn
    }

    /// The files of the program that lie in the workspace, sorted.
    pub(super) fn files(&self) -> &[RelPath] {
        &self.program.files
    }

    /// The bytes of memory that the compiler has; `None` where the system does not say.
    pub(super) fn resident(&self) -> Option<u64> {
        self.server.resident()
    }
}

/// The path in the workspace that the compiler means.
pub(super) fn inside(path: &str) -> Option<RelPath> {
    let rest = path.strip_prefix(ROOT)?;
    let below = if rest.is_empty() { rest } else { rest.strip_prefix('/')? };
    RelPath::new(below).ok()
}
