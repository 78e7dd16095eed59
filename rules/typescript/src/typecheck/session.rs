//! One compiler with one open project.
//!
//! The protocol is that of TypeScript 7.0's API, as the `typescript@7.0.2` package speaks it in its own client (`dist/api`). It is unversioned
//! and later generations differ, so a native compiler is [driven](super::api_7_0) by it only if it is of 7.0; in front of older compilers a
//! [script](super::driver) of ours speaks it. A [`Session`] holds one compiler, which asks about the workspace while the project is
//! opened or [updated](Session::update), an older one at times while it is checked as well. Between checks a session is [`Resting`]. A
//! [`Memory`] spares a check what an earlier one of the same session found.

mod findings;
mod messages;
mod server;
mod stages;

use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use webstir_engine::blob::Blobs;
use webstir_engine::path::RelPath;
use webstir_engine::view::View;

use self::messages::{FileChanges, OfFile, OfProject, Project, Release, ResolveName, Snapshot, UpdateSnapshot};
use self::server::Server;
use super::diagnostics::Finding;
use super::protocol::{Ignored, ProtocolError};
use super::referenced::ReferencedProjects;
use super::virtual_files::VirtualFiles;
use super::workspace::{Place, Seen, Workspace};
use super::{Request, TypecheckError};

pub(super) use self::messages::{CompilerOptions, Meaning, RawDiagnostic};
pub(super) use self::server::Launch;
pub(super) use self::stages::{Memory, NoMemory};

/// Where the compiler believes the workspace to be, wherever it is.
pub(super) const ROOT: &str = "/webstir-workspace";

/// Which stages a check has and what may be asked in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// TypeScript 7.0.
    Native,
    /// TypeScript 6 and older.
    Script,
}

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
    generation: Generation,
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

impl<'a> Session<'a> {
    /// Starts the compiler and opens `project`: when this returns, everything that the check reads has been read.
    pub(super) fn open(
        request: &Request<'a>,
        launch: Launch,
        project: &RelPath,
        workspace: Workspace<'a>,
    ) -> Result<Self, TypecheckError> {
        let program = Program {
            generation: launch.generation,
            project: project.clone(),
            snapshot: 0,
            handle: String::new(),
            options: CompilerOptions::default(),
            names: Vec::new(),
            files: Vec::new(),
            is_torn: true,
        };
        let (server, cancelled) = (Server::start(request, launch)?, request.cancelled);
        let mut session = Self { server, workspace, cancelled, program };
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

    /// Whether files that were asked about in one order can be asked about in another. The next snapshot then has the same files, none of
    /// which is checked yet.
    pub(super) fn renew(&mut self) -> Result<bool, TypecheckError> {
        match self.program.generation {
            Generation::Native => Ok(false),
            Generation::Script => self.replace_snapshot(&[]).map(|()| true),
        }
    }

    /// Replaces the root program, which the compiler makes when it opens a project or when several files change at once, by a program that
    /// it derives from that one. A session that stays does so before it asks about types: derived programs inherit the options of the root
    /// program and keep it alive, and with it its checker and all types that the checker ever made. Older compilers derive nothing.
    pub(super) fn derive(&mut self) -> Result<(), TypecheckError> {
        if self.program.generation == Generation::Script {
            return Ok(());
        }
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

    /// Has the compiler's compiled code kept where that is missing. It has more of what a check needs after one.
    pub(super) fn keep_compiled(&mut self, blobs: &dyn Blobs) {
        let Some(key) = self.server.take_uncompiled() else { return };
        // Without it the next process takes longer, and says what is wrong with this one.
        let Ok(Some(compiled)) = self.ask::<Option<String>>("getCompiledCode", ()) else { return };
        if let Ok(compiled) = STANDARD.decode(compiled) {
            let _ = blobs.put_fact(key, &compiled);
        }
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

    /// Which stages a check has.
    pub(super) fn generation(&self) -> Generation {
        self.program.generation
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

    /// What is found in one file of the program. TypeScript 7 finds what is wrong with its declarations at once.
    pub(super) fn types_of(&mut self, file: &str) -> Result<Vec<Finding>, TypecheckError> {
        let mut found = self.ask_file("getSemanticDiagnostics", file)?;
        if self.program.generation == Generation::Native && self.emits_declarations() {
            found.extend(self.declarations_of(file)?);
        }
        Ok(found)
    }

    /// What is wrong with the declarations of one file of the program.
    pub(super) fn declarations_of(&mut self, file: &str) -> Result<Vec<Finding>, TypecheckError> {
        self.ask_file("getDeclarationDiagnostics", file)
    }

    pub(super) fn emits_declarations(&self) -> bool {
        let CompilerOptions { declaration, composite, .. } = self.program.options;
        // Older compilers say by the first alone whether they tell what is wrong with declarations.
        let is_composite = self.program.generation == Generation::Native && composite == Some(true);
        declaration == Some(true) || is_composite
    }

    /// Without those in declarations: what is wrong with a referenced project's file is said by its own check.
    fn ask_diagnostics(&mut self, method: &str) -> Result<Vec<RawDiagnostic>, TypecheckError> {
        let mut diagnostics = self.ask_every_diagnostic(method)?;
        diagnostics.retain(|found| self.declared(found).is_none());
        Ok(diagnostics)
    }

    fn ask_file(&mut self, method: &str, file: &str) -> Result<Vec<Finding>, TypecheckError> {
        let project = self.program.handle.clone();
        let asked = OfFile { snapshot: self.program.snapshot, project: &project, file };
        let diagnostics: Option<Vec<RawDiagnostic>> = self.ask(method, asked)?;
        let mut diagnostics = diagnostics.unwrap_or_default();
        diagnostics.retain(|found| self.declared(found).is_none());
        self.findings(diagnostics)
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
