//! The API of TypeScript 7.0: `tsc --api --async`.
//!
//! The protocol is the one that the `typescript@7.0.2` package speaks in its own client (`dist/api`). It is unversioned and later
//! generations differ, so this adapter serves 7.0 only. A [`Session`] holds one compiler; it answers the compiler's five
//! file-system questions while it waits for the answer to a question of its own. All of the compiler's questions about the
//! workspace come while the project is opened, none while it is checked.

mod messages;

use std::ffi::OsStr;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};
use webstir_engine::diagnostic::{Diagnostic, Severity};
use webstir_engine::path::RelPath;
use webstir_engine::system::PathKind;

use self::messages::{Content, Entries, OfProject, Project, RawDiagnostic, Snapshot, UpdateSnapshot, flatten};
use super::TypecheckError;
use super::diagnostics::{Finding, Spot, convert};
use super::process::{Outgoing, Process, Program, private_directory};
use super::protocol::{Envelope, Frames, Id, Ignored, ProtocolError, Question, Reply, frame, result};
use super::workspace::{Place, Workspace};

/// Where the compiler believes the workspace to be, wherever it is.
const ROOT: &str = "/webstir-workspace";
const CALLBACKS: &str = "--callbacks=readFile,fileExists,directoryExists,getAccessibleEntries,realpath";

/// One compiler with one open project.
#[derive(Debug)]
pub(super) struct Session<'a> {
    process: Process<'a>,
    frames: Frames,
    outgoing: Outgoing,
    scratch: Vec<u8>,
    asked: u64,
    workspace: Workspace<'a>,
    /// The compiler's own library, which it reads by itself.
    library: String,
    project: RelPath,
    snapshot: u64,
    handle: String,
    emits_declarations: bool,
    files: Vec<RelPath>,
}

impl<'a> Session<'a> {
    /// Starts the compiler and opens `project`: when this returns, everything that the check reads has been read.
    pub(super) fn open(
        executable: &Path,
        project: &RelPath,
        workspace: Workspace<'a>,
        cancelled: &'a AtomicBool,
    ) -> Result<Self, TypecheckError> {
        let start_failed = |source| TypecheckError::Start { program: executable.to_owned(), source };
        // The compiler looks for its library beside its real self.
        let executable = executable.canonicalize().map_err(start_failed)?;
        let library = executable.parent().and_then(Path::to_str).map(|directory| format!("{directory}/"));
        let library = library.ok_or_else(|| start_failed(std::io::ErrorKind::InvalidFilename.into()))?;
        let program = Program {
            executable: &executable,
            arguments: ["--api", "--async", "--cwd", ROOT, CALLBACKS].map(OsStr::new).to_vec(),
            directory: None,
        };
        let mut session = Session {
            process: Process::start(&program, Some(private_directory()?), cancelled)?,
            frames: Frames::default(),
            outgoing: Outgoing::default(),
            scratch: Vec::new(),
            asked: 0,
            workspace,
            library,
            project: project.clone(),
            snapshot: 0,
            handle: String::new(),
            emits_declarations: false,
            files: Vec::new(),
        };
        let _: Ignored = session.ask("initialize", ())?;
        let name = format!("{ROOT}/{project}");
        let opened: Snapshot = session.ask("updateSnapshot", UpdateSnapshot { open_projects: [&name] })?;
        let is_ours = |candidate: &Project| candidate.config_file_name == name;
        let Some(ours) = opened.projects.into_iter().find(is_ours) else {
            return Err(session.broken(&ProtocolError::Message(format!("`{project}` was not opened"))));
        };
        let options = ours.compiler_options;
        session.snapshot = opened.snapshot;
        session.handle = ours.id;
        session.emits_declarations = options.declaration == Some(true) || options.composite == Some(true);
        let names: Option<Vec<String>> = session.ask_project("getSourceFileNames")?;
        for name in names.unwrap_or_default() {
            if let Place::Inside(path) = session.place(&name)? {
                session.files.push(path);
            }
        }
        session.files.sort();
        session.files.dedup();
        Ok(session)
    }

    /// The files of the program that lie in the workspace, sorted.
    pub(super) fn files(&self) -> &[RelPath] {
        &self.files
    }

    /// Checks the project in the stages of the command line: errors of syntax stand alone, and errors in the options and a
    /// missing library end the check of types. Errors in the text of the configuration end nothing.
    pub(super) fn diagnostics(mut self) -> Result<(Vec<Diagnostic>, Vec<RelPath>), TypecheckError> {
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
            let mut of_files = Vec::new();
            if raw.len() == configuration {
                of_files = self.ask_diagnostics("getSemanticDiagnostics")?;
                if self.emits_declarations {
                    of_files.extend(self.ask_diagnostics("getDeclarationDiagnostics")?);
                }
            }
            // Last, because checking finds that global types are missing.
            let global = self.ask_diagnostics("getGlobalDiagnostics")?;
            if !global.iter().any(RawDiagnostic::is_missing_library) {
                raw.append(&mut of_files);
            }
            raw.extend(global);
        }
        let mut findings = Vec::with_capacity(raw.len());
        for raw in raw {
            findings.extend(self.finding(raw)?);
        }
        let mut diagnostics = convert(findings, &self.project, &format!("{ROOT}/"));
        if let Some(interfaces) = self.workspace.interfaces() {
            diagnostics.extend(interfaces.hints());
        }
        Ok((diagnostics, self.files))
    }

    /// Without those in declarations: what is wrong with a neighbour's file is said by its own check.
    fn ask_diagnostics(&mut self, method: &str) -> Result<Vec<RawDiagnostic>, TypecheckError> {
        let mut diagnostics = self.ask_every_diagnostic(method)?;
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
        let handle = std::mem::take(&mut self.handle);
        let answer = self.ask(method, OfProject { snapshot: self.snapshot, project: &handle });
        self.handle = handle;
        answer
    }

    /// Asks one question and answers those of the compiler until its answer comes.
    fn ask<T: for<'de> Deserialize<'de>>(&mut self, method: &str, params: impl Serialize) -> Result<T, TypecheckError> {
        self.asked += 1;
        self.send(&Question { jsonrpc: "2.0", id: self.asked, method, params });
        loop {
            while let Some(range) = self.frames.next().map_err(|error| self.broken(&error))? {
                // The frame is taken out while the question in it is answered.
                let frames = std::mem::take(&mut self.frames);
                let answered = self.receive(method, frames.message(range));
                self.frames = frames;
                if let Some(answer) = answered? {
                    return Ok(answer);
                }
            }
            if self.process.exchange(&mut self.outgoing, self.frames.buffer())? == 0 {
                return Err(self.process.ended());
            }
        }
    }

    /// Takes one message; returns the result when it is the answer to our question.
    fn receive<T: for<'de> Deserialize<'de>>(
        &mut self,
        method: &str,
        message: &[u8],
    ) -> Result<Option<T>, TypecheckError> {
        let envelope = Envelope::read(message).map_err(|error| self.broken(&error))?;
        match envelope {
            Envelope { id: Some(Id::Theirs(id)), method: Some(question), params: Some(path), .. } => {
                self.answer(&id, &question.0, &path.0)?;
                Ok(None)
            }
            Envelope { error: Some(error), .. } => {
                Err(TypecheckError::Refused { method: method.to_owned(), message: error.message })
            }
            Envelope { id: Some(Id::Ours(id)), method: None, .. } if id == self.asked => {
                result(message).map(Some).map_err(|error| self.broken(&error))
            }
            _ => Err(self.broken(&ProtocolError::Message("neither a known question nor the answer".to_owned()))),
        }
    }

    /// Answers one question about a path. `null` sends the compiler to the real file system, which only its own library gets.
    fn answer(&mut self, id: &str, question: &str, path: &str) -> Result<(), TypecheckError> {
        if path.starts_with(&self.library) && !path.contains("/..") {
            self.reply(id, ());
            return Ok(());
        }
        let place = inside(path);
        match question {
            "readFile" => {
                let mut scratch = std::mem::take(&mut self.scratch);
                let text = match &place {
                    Some(path) => self.workspace.read(path)?,
                    None => None,
                };
                let content = text.map(super::text::Text::sent);
                let result = Content { content: content.as_deref() };
                frame(&Reply { jsonrpc: "2.0", id, result }, &mut scratch, &mut |bytes| self.outgoing.extend(bytes));
                self.scratch = scratch;
            }
            "fileExists" | "directoryExists" => {
                let kind = place.map_or(Ok(PathKind::Absent), |path| self.workspace.kind(&path))?;
                let wanted = if question == "fileExists" { PathKind::File } else { PathKind::Directory };
                self.reply(id, kind == wanted);
            }
            "getAccessibleEntries" => {
                let listed = place.map(|path| self.workspace.list(&path)).transpose()?;
                let (files, directories) = listed.unwrap_or_default();
                self.reply(id, Entries { files, directories });
            }
            "realpath" => {
                let real = place.map(|path| self.workspace.real_path(&path)).transpose()?;
                match real {
                    Some(real) if real.is_root() => self.reply(id, ROOT),
                    Some(real) => self.reply(id, format!("{ROOT}/{real}")),
                    None => self.reply(id, path),
                }
            }
            _ => return Err(self.broken(&ProtocolError::Message(format!("an unknown question `{question}`")))),
        }
        Ok(())
    }

    fn reply(&mut self, id: &str, result: impl Serialize) {
        self.send(&Reply { jsonrpc: "2.0", id, result });
    }

    fn send(&mut self, message: &impl Serialize) {
        frame(message, &mut self.scratch, &mut |bytes| self.outgoing.extend(bytes));
    }

    fn place(&mut self, name: &str) -> Result<Place, TypecheckError> {
        if let Some(file) = name.strip_prefix(&self.library) {
            return Ok(Place::Outside(file.to_owned()));
        }
        match inside(name) {
            Some(path) => self.workspace.place(path),
            None => Ok(Place::Outside(name.to_owned())),
        }
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

    fn broken(&mut self, error: &ProtocolError) -> TypecheckError {
        TypecheckError::Protocol { source: error.clone(), stderr: self.process.stderr() }
    }
}

/// The path in the workspace that the compiler means.
fn inside(path: &str) -> Option<RelPath> {
    let rest = path.strip_prefix(ROOT)?;
    let below = if rest.is_empty() { rest } else { rest.strip_prefix('/')? };
    RelPath::new(below).ok()
}
