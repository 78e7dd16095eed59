//! Processes that actions run, each in a tree of its own.
//!
//! What a process sees is what its action says: the declared inputs at their places, the directories of packages, and the declared
//! environment. What it is kept from, and how, is told in `webstir-process`; [`undeclared`] puts into words what it looked at besides.

#![expect(clippy::disallowed_methods, reason = "processes are started here")]

pub(crate) mod undeclared;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use webstir_engine::action::{Action, Input, Origin, Process, RanIn};
use webstir_engine::digest::Digest;
use webstir_engine::label::ActionLabel;
use webstir_engine::machine::Program;
use webstir_engine::path::RelPath;
use webstir_engine::plan::Planner;
use webstir_engine::run::{Context, RunError};
use webstir_process::{
    Accesses, Factor, Finished, Helper, Job, Keep, ProcessError, Ran, Sandbox, Source, Stage, Surroundings, Tier, Tree,
    Unchanged,
};

use crate::secrets::{self, Redactor};

/// The end of each stream that is kept for a finding.
const OUTPUT_BYTES: u32 = 16 * 1024;

/// The same where findings are read from it.
const READ_BYTES: u32 = 1024 * 1024;

/// Below the root: packages lie there.
const PACKAGES: &str = "node_modules";

/// Below the usual places: where trees are made that are to lie elsewhere.
const OTHER_PLACES: &str = "other-places";

/// How processes are started.
#[derive(Debug)]
pub struct Processes {
    /// The workspace.
    root: PathBuf,
    /// The program that stands between this process and those that it runs.
    pub helper: Helper,
    /// What of the surroundings of processes is not as usual.
    surroundings: Mutex<Surroundings>,
    /// What the last process was run in.
    ran: Mutex<Option<Ran>>,
    /// What the last run of each action looked at.
    seen: Mutex<BTreeMap<ActionLabel, Accesses>>,
}

impl Processes {
    /// For the workspace at `root`; this program is the helper.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            helper: Helper::default(),
            surroundings: Mutex::default(),
            ran: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// What processes were run in; `None` when none was.
    pub fn ran(&self) -> Option<Ran> {
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the last run of an action looked at; `None` when it was not run or not observed.
    pub fn seen(&self, label: &ActionLabel) -> Option<Accesses> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(label).cloned()
    }

    /// Runs processes in these surroundings from now on. They decide no key.
    pub fn surround(&self, surroundings: Surroundings) {
        *self.surroundings.lock().unwrap_or_else(PoisonError::into_inner) = surroundings;
    }

    /// In which factors processes of this workspace can have other surroundings, and in which not.
    pub fn changeable(&self) -> io::Result<(Surroundings, Vec<Unchanged>)> {
        self.helper.changeable(&self.root, &state()?).map_err(io::Error::other)
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
        let places = state().map_err(what())?;
        self.check_tier(context, &places)?;
        let surroundings = *self.surroundings.lock().unwrap_or_else(PoisonError::into_inner);
        let places = if surroundings.changes(Factor::Place) { places.join(OTHER_PLACES) } else { places };
        // The usual runs of an action are at one path, whatever runs beside them.
        let first = if surroundings.is_ordered() { own_number(action) } else { 0 };
        let stage = Stage::take_from(&places, first).map_err(|error| world(context, &error))?;
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
        let bin = Path::new(PACKAGES).join(".bin");
        // The programs that packages of the workspace bring come first, then the interpreter that the key names, then what lies beside
        // the program.
        let beside = program.place.parent().filter(|beside| !beside.starts_with(&self.root));
        let usual = ["/usr/local/bin", "/usr/bin", "/bin"].map(Path::new);
        let kept_bytes = if process.problems.is_some() { READ_BYTES } else { OUTPUT_BYTES };
        let secrets = secrets::values(action);
        let variables = action.environment.iter().map(|(name, value)| (OsStr::new(&**name), OsStr::new(&**value)));
        let job = Job {
            program: &place_in(&self.root, program),
            arguments: process.arguments.iter().skip(1).map(|argument| OsStr::new(&**argument)).collect(),
            directory: process.directory.as_str(),
            environment: variables
                .chain(secrets.iter().map(|(name, value)| (OsStr::new(name), OsStr::from_bytes(value))))
                .collect(),
            search_path: [bin.as_path()].into_iter().chain(beside).chain(usual).collect(),
            timeout: Some(process.timeout),
            stdout: Keep::Tail(kept_bytes),
            stderr: Keep::Tail(kept_bytes),
        };
        let visible = visible(&self.root, program);
        let sandbox = Sandbox {
            network: process.isolation.network,
            observe: true,
            visible: visible.iter().map(PathBuf::as_path).collect(),
            surroundings,
            ..Sandbox::default()
        };
        let mut finished = self
            .helper
            .run(stage, &self.root, &tree, &sandbox, &job, context.cancelled)
            .map_err(|error| world(context, &error))?;
        let redactor = Redactor::of_action(action);
        for stream in [&mut finished.stdout, &mut finished.stderr] {
            let is_cut = stream.len() >= kept_bytes as usize;
            redactor.stream(stream, is_cut);
        }
        *self.ran.lock().unwrap_or_else(PoisonError::into_inner) = Some(finished.ran.clone());
        if let Some(accesses) = &finished.accesses {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(action.label.clone(), accesses.clone());
        }
        Ok(finished)
    }

    /// Where and in what a compiler of an action is started, which `interpreter` runs.
    pub(crate) fn sandboxed(
        &self,
        context: &Context<'_>,
        interpreter: Option<&Program>,
    ) -> Result<Sandboxed, RunError> {
        let places = state().map_err(RunError::world("Starting the compiler"))?;
        let ran = self.check_tier(context, &places)?;
        let visible = interpreter.map(|program| visible(&self.root, program)).unwrap_or_default();
        let sandbox = RanIn { name: ran.tier.as_str().into(), observed: false };
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(ran);
        Ok(Sandboxed { places, visible, ran: sandbox })
    }

    /// Refuses to run a process in less than it has to be run in. Returns in what it is.
    fn check_tier(&self, context: &Context<'_>, state: &Path) -> Result<Ran, RunError> {
        let (tier, why) = self.helper.strongest(state).map_err(|error| world(context, &error))?;
        let accepted = &context.action.accepted;
        let least = Tier::ALL.into_iter().rfind(|tier| accepted.iter().any(|name| **name == *tier.as_str()));
        let Some(least) = least.filter(|least| tier > *least) else {
            return Ok(Ran { tier, why_not_stronger: why, why_not_observed: None });
        };
        let (tier, least) = (tier.as_str(), least.as_str());
        let what = format!(
            "A process has to be run in the sandbox `{least}`, and only `{tier}` works here; a profile with `sandbox \"{tier}\"` accepts it"
        );
        let why = why.map_or_else(|| "the system has no other".to_owned(), String::from);
        Err(RunError::World { what, source: io::Error::other(why) })
    }
}

/// Where and in what a compiler is started.
pub(crate) struct Sandboxed {
    /// Where trees are made.
    pub(crate) places: PathBuf,
    /// What of the machine it may read besides what is the system's.
    pub(crate) visible: Vec<PathBuf>,
    /// What it is run in.
    pub(crate) ran: RanIn,
}

/// The sandboxes in which a process of a rule may be run, from the one that keeps most out; empty when any may.
pub(crate) fn accepted(planner: &Planner<'_>) -> Box<[Box<str>]> {
    let profile = planner.config.profile(&planner.profile);
    let least = profile.and_then(|profile| profile.choice("sandbox")).map(|least| least.value);
    let least = least.or_else(|| planner.is_strict().then_some(Tier::Landlock.as_str()));
    let least = Tier::ALL.into_iter().find(|tier| Some(tier.as_str()) == least).unwrap_or(Tier::Tree);
    if least == Tier::Tree {
        return Box::default();
    }
    Tier::ALL.into_iter().filter(|tier| *tier <= least).map(|tier| tier.as_str().into()).collect()
}

/// What a process was run in.
pub(crate) fn ran_in(finished: &Finished) -> RanIn {
    RanIn { name: finished.ran.tier.as_str().into(), observed: finished.accesses.is_some() }
}

/// The number of a place for trees that hardly any other action has, above those that are taken first.
fn own_number(action: &Action) -> u32 {
    let digest = Digest::of(action.label.to_string().as_bytes());
    let [low, high, ..] = *digest.as_bytes();
    0x1_0000 + u32::from(u16::from_le_bytes([low, high]))
}

/// What of the machine a program needs besides what is the system's: its own file, what it was installed with, and programs that are
/// offered to it.
fn visible(root: &Path, program: &Program) -> Vec<PathBuf> {
    let mut visible = Vec::new();
    let places = program.looked_up.iter().map(|(_, place)| place).chain([&program.place]);
    for place in places.filter(|place| place.is_absolute() && !place.starts_with(root)) {
        let real = fs::canonicalize(place).unwrap_or_else(|_| place.clone());
        for place in [place.clone(), real] {
            // `<prefix>/bin/node` loads what lies below `<prefix>/lib`.
            let prefix = place.parent().filter(|bin| bin.ends_with("bin")).and_then(Path::parent);
            let library = prefix.map(|prefix| prefix.join("lib")).filter(|library| library.is_dir());
            visible.extend(library);
            // Where it lies programs are looked for by name.
            visible.extend(place.parent().filter(|beside| !is_anybodys(root, beside)).map(Path::to_owned));
            let package = place.ancestors().skip(1).find(|directory| directory.join("package.json").is_file());
            visible.extend(package.filter(|package| !is_anybodys(root, package)).map(Path::to_owned));
            visible.push(place);
        }
    }
    if program.wanted.loads_packages {
        visible.extend(linked(root));
    }
    visible.sort();
    visible.dedup();
    visible
}

/// Whether a directory has to do with more than one program: what lies there is not shown because one of it is run.
fn is_anybodys(root: &Path, directory: &Path) -> bool {
    let home = env::var_os("HOME").map(PathBuf::from);
    root.starts_with(directory) || home.is_some_and(|home| home.starts_with(directory)) || directory == env::temp_dir()
}

/// Packages that are linked into those of the workspace from elsewhere.
fn linked(root: &Path) -> Vec<PathBuf> {
    let links = |directory: &Path| -> (Vec<PathBuf>, Vec<PathBuf>) {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut found = (Vec::new(), Vec::new());
        for entry in entries {
            let is_scope = entry.file_name().as_encoded_bytes().starts_with(b"@");
            match entry.file_type() {
                Ok(kind) if kind.is_symlink() => found.0.push(entry.path()),
                Ok(kind) if kind.is_dir() && is_scope => found.1.push(entry.path()),
                _ => {}
            }
        }
        found
    };
    let (mut all, scopes) = links(&root.join(PACKAGES));
    all.extend(scopes.iter().flat_map(|scope| links(scope).0));
    let real = all.iter().filter_map(|link| fs::canonicalize(link).ok());
    real.filter(|place| !place.starts_with(root) && !is_anybodys(root, place)).collect()
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
fn place_in(root: &Path, program: &Program) -> PathBuf {
    let name = &*program.wanted.name;
    if name.contains('/') && !name.starts_with('/') {
        return PathBuf::from(name);
    }
    match program.place.strip_prefix(root) {
        Ok(below) => below.to_owned(),
        Err(_) => program.place.clone(),
    }
}

/// Where trees are made: a directory of this user below that of temporary files. It is outside of every workspace, so that no tool finds
/// the workspace by going up from its tree.
fn state() -> io::Result<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let state = env::temp_dir().join(format!("webstir-{user}"));
    match fs::DirBuilder::new().mode(0o700).create(&state) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(io::Error::new(error.kind(), format!("making `{}`: {error}", state.display())));
        }
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
