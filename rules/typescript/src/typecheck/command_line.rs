//! Compilers that are run by their command line: `tsc -p <project> --noEmit --pretty false`.
//!
//! Such a compiler reads the disk by itself. A [`Listed`] is a project whose files it has listed; they, the configuration and the
//! directories that decide about both are then recorded in the view, so that the discovered inputs come close to what was read.

mod inputs;
mod output;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use webstir_engine::diagnostic::{Diagnostic, Severity};
use webstir_engine::path::RelPath;

use self::inputs::Configuration;
use self::output::{Line, parse};
use super::diagnostics::{Finding, Spot, convert};
use super::process::{Outgoing, Process, Program, private_directory};
use super::workspace::{Place, Workspace};
use super::{CompilerProgram, Request, TypecheckError};

/// The longest output that is read.
const LONGEST_OUTPUT: usize = 64 << 20;

/// A project and its files.
#[derive(Debug)]
pub(super) struct Listed<'a> {
    request: Request<'a>,
    workspace: Workspace<'a>,
    configuration: Configuration,
    /// The workspace on disk, with a slash at its end, as the compiler names it.
    root: String,
    private: TempDir,
    files: Vec<RelPath>,
}

impl<'a> Listed<'a> {
    /// Asks the compiler for its files and records them and what led to them.
    pub(super) fn open(request: Request<'a>) -> Result<Self, TypecheckError> {
        let root = request.root.canonicalize().map_err(TypecheckError::world("Resolving the workspace root"))?;
        let Some(root) = root.to_str().map(|root| format!("{}/", root.trim_end_matches('/'))) else {
            let source = std::io::ErrorKind::InvalidFilename.into();
            return Err(TypecheckError::World { what: "Resolving the workspace root", source });
        };
        let mut workspace = Workspace::new(request.view, request.overlay, None);
        let private = private_directory()?;
        let configuration = Configuration::read(&mut workspace, request.project)?;
        let mut listed = Self { request, workspace, configuration, root, private, files: Vec::new() };
        let (output, _) = listed.run(&["--listFilesOnly"])?;
        let library = listed.library();
        for line in output.lines() {
            let file = line.strip_prefix(&listed.root).filter(|_| !line.starts_with(&library));
            if let Some(path) = file.and_then(|file| RelPath::new(file).ok())
                && listed.workspace.read(&path)?.is_some()
            {
                listed.files.push(path);
            }
        }
        listed.files.sort();
        listed.files.dedup();
        inputs::record(&mut listed.workspace, request.project, &listed.configuration, &listed.files)?;
        Ok(listed)
    }

    /// The files of the program that lie in the workspace, sorted.
    pub(super) fn files(&self) -> &[RelPath] {
        &self.files
    }

    /// Checks the project.
    pub(super) fn diagnostics(mut self) -> Result<(Vec<Diagnostic>, Vec<RelPath>), TypecheckError> {
        let (output, ended) = self.run(&[])?;
        let lines = parse(&output);
        if let Some(error) = ended.filter(|_| lines.is_empty()) {
            return Err(error);
        }
        let mut findings = Vec::with_capacity(lines.len());
        for line in lines {
            findings.push(self.finding(line)?);
        }
        Ok((convert(findings, self.request.project, &self.root), self.files))
    }

    /// Runs the compiler. Returns its output and, when it did not end with success, what that would mean without diagnostics.
    fn run(&self, more: &[&str]) -> Result<(String, Option<TypecheckError>), TypecheckError> {
        let build_info = self.private.path().join("tsbuildinfo");
        let project: PathBuf = Path::new(&self.root).join(self.request.project.as_str());
        let (executable, entry) = match &self.request.compiler.program {
            CompilerProgram::Native(executable) => (executable, None),
            CompilerProgram::Script { entry, node: Some(node) } => (node, Some(entry)),
            CompilerProgram::Script { node: None, .. } => {
                return Err(TypecheckError::NeedsNode { version: self.request.compiler.version.clone() });
            }
        };
        let mut arguments: Vec<&OsStr> = entry.iter().map(|entry| entry.as_os_str()).collect();
        arguments.extend([OsStr::new("-p"), project.as_os_str()]);
        arguments.extend(["--noEmit", "--pretty", "false"].map(OsStr::new));
        // Build information would be written into the workspace. Asking for it where the project does not would lose findings
        // about declarations.
        if self.configuration.keeps_build_information() {
            arguments.extend([OsStr::new("--tsBuildInfoFile"), build_info.as_os_str()]);
        }
        arguments.extend(more.iter().map(OsStr::new));
        let program = Program { executable, arguments, directory: Some(Path::new(&self.root)) };
        let mut process = Process::start(self.request.helper, &program, None)?;
        process.close_input();
        let (mut output, mut nothing) = (Vec::new(), Outgoing::default());
        while process.exchange(&mut nothing, &mut output, self.request.cancelled)? > 0 {
            if output.len() > LONGEST_OUTPUT {
                return Err(TypecheckError::TooLong { limit: LONGEST_OUTPUT });
            }
        }
        let status = process.finish(self.request.cancelled)?;
        let output =
            String::from_utf8(output).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        let ended = match status.code() {
            Some(0) => None,
            // Findings; TypeScript 7 ends with 1 where older ones end with 2.
            Some(1 | 2) => Some(TypecheckError::Ended { status: status.to_string(), stderr: process.stderr() }),
            _ => return Err(TypecheckError::Ended { status: status.to_string(), stderr: process.stderr() }),
        };
        Ok((output, ended))
    }

    /// The directory of the compiler's own library, with a slash at its end.
    fn library(&self) -> String {
        let (CompilerProgram::Native(file) | CompilerProgram::Script { entry: file, .. }) =
            &self.request.compiler.program;
        let real = file.canonicalize().ok();
        let directory = real.as_deref().and_then(Path::parent).and_then(Path::to_str);
        directory.map_or_else(|| "\0".to_owned(), |directory| format!("{directory}/"))
    }

    fn finding(&mut self, line: Line<'_>) -> Result<Finding, TypecheckError> {
        let spot = match line.at {
            None => Spot::default(),
            Some(at) => {
                let name = at.file.strip_prefix(&self.root).unwrap_or(at.file);
                match RelPath::new(name).ok().filter(|_| !at.file.starts_with(&self.library())) {
                    Some(path) => {
                        let span = self.workspace.read(&path)?.map(|text| text.span_at(at.line, at.column));
                        Spot { place: Some(Place::Inside(path)), span }
                    }
                    None => Spot { place: Some(Place::Outside(self.outside(name))), span: None },
                }
            }
        };
        let severity = match line.category {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => Severity::Info,
        };
        let chain = line.chain.into_iter().map(str::to_owned).collect();
        let (code, message) = (line.code, line.message.to_owned());
        Ok(Finding { spot, severity, code, message, chain, related: Vec::new() })
    }

    /// A library file by its name alone, anything else as the compiler names it.
    fn outside(&self, name: &str) -> String {
        let absolute = Path::new(&self.root).join(name).canonicalize().ok();
        let library = self.library();
        let file = absolute.as_deref().and_then(Path::to_str).and_then(|absolute| absolute.strip_prefix(&library));
        file.unwrap_or(name).to_owned()
    }
}
