//! Checking a project with the TypeScript compiler.
//!
//! A [`Compiler`] is one installed compiler; its [`Protocol`] says how it is spoken to. TypeScript 7.0 is driven through its API
//! with the engine as its file system, so that every read and every miss of a check is among the discovered inputs of the [`View`] and nothing else
//! can be read. Any other compiler is run by its command line, which is less exact.
//!
//! A check has two halves: [`open`] reads all inputs, after which the view's discovered inputs are complete, and [`Opened::diagnostics`] checks
//! them. A cache may answer in between.

#![expect(clippy::disallowed_methods, reason = "the compiler is a process")]

mod api_7_0;
mod command_line;
mod diagnostics;
mod no_emit;
mod process;
mod protocol;
mod referenced;
mod text;
mod virtual_files;
mod warm;
mod workspace;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use webstir_engine::blob::Blobs;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::RelPath;
use webstir_engine::view::View;
use webstir_process::Helper;

use self::workspace::Workspace;

pub use self::protocol::ProtocolError;
pub use self::referenced::{ReferencedProject, ReferencedProjects};
pub use self::virtual_files::VirtualFiles;
pub use self::warm::{Extent, Warm, Wear};

/// An installed TypeScript compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiler {
    version: String,
    program: CompilerProgram,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum CompilerProgram {
    Native(PathBuf),
    Script { entry: PathBuf, node: Option<PathBuf> },
}

impl Compiler {
    /// A native compiler, TypeScript 7 or newer. `executable` lies in an unpacked platform package, beside its library.
    pub fn native(version: impl Into<String>, executable: impl Into<PathBuf>) -> Self {
        Self { version: version.into(), program: CompilerProgram::Native(executable.into()) }
    }

    /// A compiler written in JavaScript, TypeScript 6 or older, in an unpacked `typescript` package; `node` runs it.
    pub fn script(version: impl Into<String>, package: &Path, node: Option<PathBuf>) -> Self {
        let entry = package.join("lib").join("tsc.js");
        Self { version: version.into(), program: CompilerProgram::Script { entry, node } }
    }

    /// How this compiler is spoken to.
    pub fn protocol(&self) -> Protocol {
        match self.program {
            CompilerProgram::Native(_) => Protocol::of(&self.version),
            CompilerProgram::Script { .. } => Protocol::CommandLine,
        }
    }
}

/// How a compiler is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The API of TypeScript 7.0.
    V7_0,
    /// `tsc --noEmit`.
    CommandLine,
}

impl Protocol {
    /// The protocol of a native compiler of this exact version. The API is unversioned and changes between minor versions, so that
    /// only released versions of 7.0 are known to speak it.
    pub fn of(version: &str) -> Self {
        match version.strip_prefix("7.0.") {
            Some(patch) if !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()) => Self::V7_0,
            _ => Self::CommandLine,
        }
    }
}

/// What to check and with what.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The compiler.
    pub compiler: &'a Compiler,
    /// The project file, which must exist.
    pub project: &'a RelPath,
    /// The workspace; everything read is recorded here.
    pub view: &'a View,
    /// Directories that stand in for absent ones. Seen only through [`Protocol::V7_0`]; a command line reads the disk.
    pub overlay: &'a VirtualFiles,
    /// Projects of which only the declarations are read. A command line reads their sources.
    pub referenced: &'a ReferencedProjects,
    /// What starts the compiler.
    pub helper: &'a Helper,
    /// Where texts are kept for later checks.
    pub blobs: &'a dyn Blobs,
    /// The workspace on disk, for [`Protocol::CommandLine`].
    pub root: &'a Path,
    /// Set when the result is no longer wanted.
    pub cancelled: &'a AtomicBool,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The findings, sorted by place, without duplicates.
    pub diagnostics: Vec<Diagnostic>,
    /// The files of the program that lie in the workspace, sorted; the compiler's library is not among them.
    pub files: Vec<RelPath>,
    /// Whether nothing but the view was read. Otherwise the discovered inputs are an approximation.
    pub hermetic: bool,
    /// What a later check may start from, in whatever process: a [`Warm`] knows what to do with it.
    pub state: Option<Vec<u8>>,
}

/// Why a check gave no result.
#[derive(Debug, thiserror::Error)]
pub enum TypecheckError {
    /// A compiler written in JavaScript and nothing to run it.
    #[error("TypeScript {version} needs Node.js, which was not found")]
    NeedsNode {
        /// The version of the compiler.
        version: String,
    },
    /// The compiler did not start.
    #[error("Cannot start `{}`: {source}", program.display())]
    Start {
        /// What was started.
        program: PathBuf,
        /// Why it did not.
        source: io::Error,
    },
    /// The compiler ended without a result.
    #[error("The compiler ended without a result ({status}){}", tail(stderr))]
    Ended {
        /// How it ended.
        status: String,
        /// The end of its error output.
        stderr: String,
    },
    /// The compiler said something else than the protocol has it.
    #[error("The compiler does not speak the expected protocol: {source}{}", tail(stderr))]
    Protocol {
        /// What it said.
        source: ProtocolError,
        /// The end of its error output.
        stderr: String,
    },
    /// The compiler answered a request with an error.
    #[error("The compiler refused `{method}`: {message}")]
    Refused {
        /// The request.
        method: String,
        /// Its answer.
        message: String,
    },
    /// The compiler's output is too long to be diagnostics.
    #[error("The compiler wrote more than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// A file or directory of the workspace could not be read.
    #[error("Cannot read `{path}`: {source}")]
    Workspace {
        /// Which.
        path: RelPath,
        /// Why not.
        source: io::Error,
    },
    /// What was given in place of a referenced project's source does not parse. [`check`] then gives the source.
    #[error("The declarations of `{0}` do not parse")]
    Declarations(RelPath),
    /// A file of the workspace was not the same all the time.
    #[error("`{0}` changed while it was being read")]
    Changed(RelPath),
    /// The world failed in another way.
    #[error("{what}: {source}")]
    World {
        /// What was being done.
        what: &'static str,
        /// How it failed.
        source: io::Error,
    },
    /// Nobody wants the result any more.
    #[error("Cancelled")]
    Cancelled,
}

fn tail(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!("\n{stderr}") }
}

impl TypecheckError {
    fn workspace(path: &RelPath) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Workspace { path: path.clone(), source }
    }

    fn world(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::World { what, source }
    }
}

/// A project whose inputs have all been read.
#[derive(Debug)]
pub struct Opened<'a>(OpenedBy<'a>);

#[derive(Debug)]
enum OpenedBy<'a> {
    Api(Box<api_7_0::Session<'a>>),
    CommandLine(Box<command_line::Listed<'a>>),
}

/// Reads all inputs of a project. Afterwards the discovered inputs of the request's view are complete.
pub fn open<'a>(request: &Request<'a>) -> Result<Opened<'a>, TypecheckError> {
    let opened = match (request.compiler.protocol(), &request.compiler.program) {
        (Protocol::V7_0, CompilerProgram::Native(executable)) => {
            OpenedBy::Api(Box::new(open_session(executable, request)?))
        }
        _ => OpenedBy::CommandLine(Box::new(command_line::Listed::open(*request)?)),
    };
    Ok(Opened(opened))
}

fn open_session<'a>(executable: &Path, request: &Request<'a>) -> Result<api_7_0::Session<'a>, TypecheckError> {
    let workspace =
        Workspace::new(request.view, request.overlay, Some(request.project)).with_referenced(request.referenced);
    api_7_0::Session::open(request.helper, executable, request.project, workspace, request.cancelled)
}

impl Opened<'_> {
    /// The files of the program that lie in the workspace, sorted.
    pub fn files(&self) -> &[RelPath] {
        match &self.0 {
            OpenedBy::Api(session) => session.files(),
            OpenedBy::CommandLine(listed) => listed.files(),
        }
    }

    /// Checks the project.
    pub fn diagnostics(self) -> Result<Checked, TypecheckError> {
        match self.0 {
            OpenedBy::Api(mut session) => {
                let diagnostics =
                    session.diagnostics(&mut api_7_0::NoMemory)?.expect("without memory everything is asked");
                Ok(Checked { diagnostics, files: session.files().to_vec(), hermetic: true, state: None })
            }
            OpenedBy::CommandLine(listed) => {
                let (diagnostics, files) = listed.diagnostics()?;
                Ok(Checked { diagnostics, files, hermetic: false, state: None })
            }
        }
    }
}

/// Reads all inputs of a project and checks it.
pub fn check(request: &Request<'_>) -> Result<Checked, TypecheckError> {
    match open(request)?.diagnostics() {
        Err(TypecheckError::Declarations(_)) => {
            open(&Request { referenced: &ReferencedProjects::default(), ..*request })?.diagnostics()
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_released_7_0_speaks_the_api() {
        for version in ["7.0.0", "7.0.2", "7.0.13"] {
            assert_eq!(Protocol::of(version), Protocol::V7_0, "{version}");
        }
        for version in ["7.0.2-beta", "7.0.", "7.1.0", "7.0.1.2", "6.0.3", "5.9.3", "", "17.0.2"] {
            assert_eq!(Protocol::of(version), Protocol::CommandLine, "{version}");
        }
        assert_eq!(Compiler::script("7.0.2", Path::new("p"), None).protocol(), Protocol::CommandLine);
    }
}
