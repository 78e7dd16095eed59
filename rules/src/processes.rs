//! Processes that actions run, each in a tree of its own.
//!
//! What a process sees is what its action says: the declared inputs at their places, the directories of packages, the declared
//! environment over a base that is the same everywhere, and a temporary directory of its own. What the helper process does besides is told
//! in `webstir-process`.

#![expect(clippy::disallowed_methods, reason = "processes are started here")]

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use webstir_engine::action::{Input, Origin, Process};
use webstir_engine::machine::Program;
use webstir_engine::path::RelPath;
use webstir_engine::run::{Context, RunError};
use webstir_process::{Finished, Helper, Job, Keep, ProcessError, Source, Stage, Tree, Way};

/// The end of each stream that is kept for a finding.
const OUTPUT_BYTES: u32 = 16 * 1024;

/// The same where findings are read from it.
const READ_BYTES: u32 = 1024 * 1024;

/// Below the root: packages lie there.
const PACKAGES: &str = "node_modules";

/// How processes are started.
#[derive(Debug)]
pub struct Processes {
    /// The workspace.
    root: PathBuf,
    /// The program that stands between this process and those that it runs.
    pub helper: Helper,
    /// How trees are made.
    pub way: Way,
}

impl Processes {
    /// For the workspace at `root`; this program is the helper.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), helper: Helper::default(), way: Way::default() }
    }

    /// Runs a process of an action to its end, in a tree that shows it these inputs of the action, and `files`.
    pub(crate) fn run(
        &self,
        context: &Context<'_>,
        program: &Program,
        process: &Process,
        inputs: &[Input],
        files: &[(&str, &[u8])],
    ) -> Result<Finished, RunError> {
        let what = || RunError::world(format!("Running `{}`", program.wanted.name));
        let action = context.action;
        let stage = Stage::take(&state().map_err(what())?).map_err(|error| world(context, &error))?;
        stage.offer(&program.looked_up).map_err(|error| world(context, &error))?;
        let stored = stored(context, inputs)?;
        let mut inputs: Vec<_> =
            inputs.iter().zip(&stored).map(|(input, bytes)| staged(input, bytes.as_deref())).collect();
        inputs.extend(files.iter().map(|(path, bytes)| webstir_process::Input {
            path,
            executable: false,
            source: Source::bytes(bytes),
        }));
        inputs.sort_by(|a, b| a.path.cmp(b.path));
        let parents = action.outputs.iter().filter_map(RelPath::parent);
        let mut parents: Vec<String> =
            parents.filter(|parent| !parent.is_root()).map(|parent| parent.as_str().to_owned()).collect();
        parents.sort();
        parents.dedup();
        let tree = Tree { inputs, packages: vec![PACKAGES], directories: parents.iter().map(String::as_str).collect() };
        let environment = base(&stage, program);
        let kept = Keep::Tail(if process.problems.is_some() { READ_BYTES } else { OUTPUT_BYTES });
        let job = Job {
            program: &place_in(&stage, &self.root, program),
            arguments: process.arguments.iter().skip(1).map(|argument| OsStr::new(&**argument)).collect(),
            directory: process.directory.as_str(),
            environment: environment
                .iter()
                .filter(|(name, _)| !action.environment.iter().any(|(own, _)| **own == **name))
                .map(|(name, value)| (OsStr::new(*name), value.as_os_str()))
                .chain(action.environment.iter().map(|(name, value)| (OsStr::new(&**name), OsStr::new(&**value))))
                .collect(),
            timeout: Some(process.timeout),
            stdout: kept,
            stderr: kept,
        };
        self.helper
            .run(stage, self.way, &self.root, &tree, &job, context.cancelled)
            .map_err(|error| world(context, &error))
    }
}

/// The bytes of the inputs that other actions made.
fn stored(context: &Context<'_>, inputs: &[Input]) -> Result<Vec<Option<std::sync::Arc<[u8]>>>, RunError> {
    let bytes = |input: &Input| match input.origin {
        Origin::Store => context.read(input).map(Some),
        Origin::Workspace => Ok(None),
    };
    inputs.iter().map(bytes).collect()
}

fn staged<'a>(input: &'a Input, bytes: Option<&'a [u8]>) -> webstir_process::Input<'a> {
    webstir_process::Input {
        path: input.path.as_str(),
        executable: input.executable,
        source: bytes.map_or(Source::Workspace, Source::bytes),
    }
}

/// A program of the workspace is an input, and lies where the tree has it; so do packages.
fn place_in(stage: &Stage, root: &Path, program: &Program) -> PathBuf {
    let name = &*program.wanted.name;
    if name.contains('/') && !name.starts_with('/') {
        return stage.tree().join(name);
    }
    match program.place.strip_prefix(root) {
        Ok(below) => stage.tree().join(below),
        Err(_) => program.place.clone(),
    }
}

/// What every process sees: the same wherever and whenever it runs, but for its places.
fn base(stage: &Stage, program: &Program) -> Vec<(&'static str, OsString)> {
    let temporary = stage.temporary().as_os_str();
    // The programs that packages of the workspace bring come first, then the interpreter that the key names, then what lies beside the
    // program.
    let bin = stage.tree().join(PACKAGES).join(".bin");
    let beside = program.place.parent().map(Path::to_owned);
    let usual = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
    let path = env::join_paths([bin, stage.programs()].into_iter().chain(beside).chain(usual)).unwrap_or_default();
    vec![
        ("PATH", path),
        ("HOME", temporary.to_owned()),
        ("TMPDIR", temporary.to_owned()),
        ("TZ", "UTC".into()),
        ("LC_ALL", "C.UTF-8".into()),
        ("NO_COLOR", "1".into()),
    ]
}

/// Where trees are made: a directory of this user below that of temporary files. It is outside of every workspace, so that no tool finds
/// the workspace by going up from its tree.
fn state() -> io::Result<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let state = env::temp_dir().join(format!("webstir-{user}"));
    match fs::DirBuilder::new().mode(0o700).create(&state) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Anybody may have made it: a directory of somebody else, or a link, is not used.
    let metadata = fs::symlink_metadata(&state)?;
    if metadata.is_dir() && metadata.uid() == user && metadata.mode() & 0o022 == 0 {
        Ok(state)
    } else {
        let what = format!("`{}` is not a directory of this user alone", state.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
    }
}

fn world(context: &Context<'_>, error: &ProcessError) -> RunError {
    match error {
        ProcessError::InputChanged(path) => {
            let changed = context.action.inputs.iter().find(|input| input.path.as_str() == path);
            if let Some(input) = changed {
                return RunError::InputChanged(input.path.clone());
            }
        }
        _ if context.check_cancelled().is_err() => return RunError::Cancelled,
        _ => {}
    }
    RunError::World { what: error.to_string(), source: kind_of(error) }
}

/// The error of the world behind one of a process, for who wants to know whether a disk is full.
fn kind_of(error: &ProcessError) -> io::Error {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    match source.and_then(io::Error::raw_os_error) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::other("the process was not run"),
    }
}
