//! Checking a project with the TypeScript compiler.
//!
//! A [`Compiler`] is one installed compiler. TypeScript 7.0 is driven through its API, older ones through a script of ours that speaks the
//! same; the engine is their file system, so that every read and every miss of a check is among the discovered inputs of the [`View`] and
//! nothing else can be read. Native compilers of other versions have other APIs, and are not driven.
//!
//! A check has two halves: [`open`] reads all inputs, after which the view's discovered inputs are complete, and [`Opened::diagnostics`] checks
//! them. A cache may answer in between.

mod api_7_0;
mod diagnostics;
mod driver;
mod no_emit;
mod process;
mod protocol;
mod referenced;
mod session;
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

use self::session::{Generation, Launch, NoMemory, Session};
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
    Script { library: PathBuf, interpreter: Option<PathBuf> },
}

impl Compiler {
    /// A native compiler, TypeScript 7 or newer. `executable` lies in an unpacked platform package, beside its library.
    pub fn native(version: impl Into<String>, executable: impl Into<PathBuf>) -> Self {
        Self { version: version.into(), program: CompilerProgram::Native(executable.into()) }
    }

    /// A compiler written in JavaScript, TypeScript 6 or older, in an unpacked `typescript` package; Node.js or Bun interprets it.
    pub fn script(version: impl Into<String>, package: &Path, interpreter: Option<PathBuf>) -> Self {
        Self { version: version.into(), program: CompilerProgram::Script { library: package.join("lib"), interpreter } }
    }

    fn generation(&self) -> Generation {
        match self.program {
            CompilerProgram::Native(_) => Generation::Native,
            CompilerProgram::Script { .. } => Generation::Script,
        }
    }

    fn launch(&self, blobs: &dyn Blobs) -> Result<Launch, TypecheckError> {
        let version = || self.version.clone();
        match &self.program {
            CompilerProgram::Native(executable) if has_known_api(&self.version) => api_7_0::launch(executable),
            CompilerProgram::Native(_) => Err(TypecheckError::UnknownApi { version: version() }),
            CompilerProgram::Script { library, interpreter: Some(interpreter) } => {
                driver::launch(interpreter, library, blobs)
            }
            CompilerProgram::Script { interpreter: None, .. } => Err(TypecheckError::NeedsNode { version: version() }),
        }
    }
}

/// Whether compilers of this exact version can be driven: all that are written in JavaScript, and native ones whose API is known.
pub fn is_known(version: &str) -> bool {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major < 7) || has_known_api(version)
}

/// Whether a native compiler of this exact version has the API that is spoken here. The API is unversioned and changes between minor
/// versions, so that only released versions of 7.0 are known to have it.
fn has_known_api(version: &str) -> bool {
    let patch = version.strip_prefix("7.0.");
    patch.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
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
    /// Directories that stand in for absent ones.
    pub overlay: &'a VirtualFiles,
    /// Projects of which only the declarations are read.
    pub referenced: &'a ReferencedProjects,
    /// What starts the compiler, in a sandbox that shows it nothing of the workspace.
    pub helper: &'a Helper,
    /// Below here the trees of sandboxes are made.
    pub places: &'a Path,
    /// Files and directories of the machine that its interpreter needs besides those of the system.
    pub visible: &'a [PathBuf],
    /// Where texts are kept for later checks.
    pub blobs: &'a dyn Blobs,
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
    /// A native compiler with another API than the one that is spoken here.
    #[error(
        "TypeScript {version} has an API that is not known here: only versions 7.0.x, and 6 and older, can be used"
    )]
    UnknownApi {
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
    /// The compiler needs more memory than there is, or than its interpreter lets it have.
    #[error("The compiler ran out of memory")]
    OutOfMemory,
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
pub struct Opened<'a>(Box<Session<'a>>);

/// Reads all inputs of a project. Afterwards the discovered inputs of the request's view are complete, but for what a compiler before
/// TypeScript 7 looks for to name what it found.
pub fn open<'a>(request: &Request<'a>) -> Result<Opened<'a>, TypecheckError> {
    open_session(request).map(|session| Opened(Box::new(session)))
}

fn open_session<'a>(request: &Request<'a>) -> Result<Session<'a>, TypecheckError> {
    let launch = request.compiler.launch(request.blobs)?;
    let workspace = workspace(request, launch.generation);
    Session::open(request, launch, request.project, workspace)
}

fn workspace<'a>(request: &Request<'a>, generation: Generation) -> Workspace<'a> {
    // The script can say `noEmit`.
    let edited = (generation == Generation::Native).then_some(request.project);
    Workspace::new(request.view, request.overlay, edited).with_referenced(request.referenced)
}

impl Opened<'_> {
    /// The files of the program that lie in the workspace, sorted.
    pub fn files(&self) -> &[RelPath] {
        self.0.files()
    }

    /// Checks the project.
    pub fn diagnostics(mut self) -> Result<Checked, TypecheckError> {
        let diagnostics = self.0.diagnostics(&mut NoMemory)?.expect("without memory everything is asked");
        Ok(Checked { diagnostics, files: self.0.files().to_vec(), state: None })
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
    use webstir_engine::store::Store;

    use super::*;

    #[test]
    fn only_released_7_0_speaks_the_api() {
        for version in ["7.0.0", "7.0.2", "7.0.13"] {
            assert!(has_known_api(version) && is_known(version), "{version}");
        }
        for version in ["7.0.2-beta", "7.0.", "7.1.0", "7.0.1.2", "6.0.3", "5.9.3", "", "17.0.2"] {
            assert!(!has_known_api(version), "{version}");
        }
        assert!(is_known("6.0.3") && is_known("4.9.5-beta") && !is_known("7.1.0") && !is_known("next"));
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let error = Compiler::native("7.1.0", "tsc").launch(&store).unwrap_err();
        assert!(matches!(error, TypecheckError::UnknownApi { version } if version == "7.1.0"));
    }
}
