//! The engine's side: a helper is told its plan and listened to.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::channel;
use crate::environment;
use crate::error::ProcessError;
use crate::finished::{Ended, Finished};
use crate::launcher::Launcher;
use crate::path::{self, PathFault, is_within};
use crate::plan::{self, Answer, CANCEL, Fault, Keep, Kind, Place, Plan, Raw, Source, Staged, Tree};
use crate::sandbox::{Ran, Sandbox, Tier};
use crate::stage::Stage;
use crate::surroundings::Surroundings;

/// What is run, and in what.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    /// The workspace.
    pub(crate) root: &'a Path,
    pub(crate) tree: &'a Tree<'a>,
    pub(crate) sandbox: &'a Sandbox<'a>,
    pub(crate) job: &'a Job<'a>,
}

/// How a tree is made and how strictly its command is held to it.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) tier: Tier,
    pub(crate) kind: Kind,
    pub(crate) why_not_stronger: Option<Box<str>>,
}

/// How long a cancellation may go unnoticed.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
/// How long a helper that was told to end may take. More than this takes only what the system does not let go of.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// What makes helpers. Clones share the process that they are made by, which ends with the last of them.
#[derive(Debug, Clone)]
pub struct Helper {
    /// Is called with one argument, `__process`, and calls [`helper`](crate::helper()) then.
    program: PathBuf,
    launcher: Launcher,
}

impl Default for Helper {
    /// This program. On Linux by a name that holds when its file is replaced.
    fn default() -> Self {
        let own = || std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
        Self::new(if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { own() })
    }
}

/// What is run.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// Absolute, or relative to the tree. It is not looked for.
    pub program: &'a Path,
    /// Without the program's name.
    pub arguments: Vec<&'a OsStr>,
    /// The working directory, relative to the tree; empty for the tree itself. Made when it is not there.
    pub directory: &'a str,
    /// Variables that it sees; in a tree, besides and above those that are [the same for every command](crate::Stage).
    pub environment: Vec<(&'a OsStr, &'a OsStr)>,
    /// Where it finds programs, in a tree: directories, absolute or relative to the tree. Those that are
    /// [offered](Stage::offer) come after the relative ones.
    pub search_path: Vec<&'a Path>,
    /// Counts from its start, in milliseconds. Staging does not count.
    pub timeout: Option<Duration>,
    /// What is kept of its output.
    pub stdout: Keep,
    /// What is kept of its error output.
    pub stderr: Keep,
}

impl Helper {
    /// Helpers of this program.
    pub fn new(program: PathBuf) -> Self {
        Self { program, launcher: Launcher::default() }
    }

    /// Their program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs a command in a tree of one kind and tier.
    pub(crate) fn run_as(
        &self,
        stage: &Stage,
        choice: &Choice,
        work: &Work<'_>,
        cancelled: &AtomicBool,
    ) -> Result<Finished, ProcessError> {
        let Work { root, tree, sandbox, job } = *work;
        let base = environment::base(stage, choice.tier, sandbox.surroundings, &job.search_path);
        let run = |kind: Kind| -> Result<Option<Finished>, ProcessError> {
            let choice = Choice { kind, ..choice.clone() };
            let staged = Staged::new(stage, root, &choice, sandbox, tree.clone());
            let mut plan = plan(job, Place::Staged(staged), kept(job));
            plan.surround_with(&base);
            self.ask(&plan, Some(stage), cancelled)
        };
        let finished = match run(choice.kind) {
            // Once more, with room for what it writes.
            Ok(None) => run(Kind::Disk),
            finished => finished,
        };
        let mut finished =
            finished?.ok_or_else(|| ProcessError::helper(&self.program)(io::ErrorKind::StorageFull.into()))?;
        finished.is_overlay = choice.kind != Kind::Copy;
        finished.surroundings = sandbox.surroundings;
        finished.ran.tier = choice.tier;
        finished.ran.why_not_stronger.clone_from(&choice.why_not_stronger);
        Ok(finished)
    }

    /// Runs a command in `directory` as it is; `job.directory` is relative to it.
    pub fn run_at(&self, directory: &Path, job: &Job<'_>, cancelled: &AtomicBool) -> Result<Finished, ProcessError> {
        let finished = self.ask(&plan(job, Place::At(Raw::path(directory)), kept(job)), None, cancelled)?;
        finished.ok_or_else(|| ProcessError::helper(&self.program)(io::ErrorKind::StorageFull.into()))
    }

    /// A new helper that knows its plan.
    pub(crate) fn tell(&self, plan: &Plan<'_>, descriptors: &[BorrowedFd<'_>]) -> Result<UnixStream, ProcessError> {
        let failed = ProcessError::helper(&self.program);
        let plan = postcard::to_stdvec(plan).map_err(|error| failed(io::Error::other(error)))?;
        let socket = self.launcher.helper(&self.program).map_err(&failed)?;
        match channel::send(&socket, &plan, descriptors) {
            // It ended: that is heard next.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(failed(error)),
            _ => Ok(socket),
        }
    }

    /// The error for a helper that ended before it answered.
    pub(crate) fn ended(&self) -> ProcessError {
        let status = self.launcher.status().map_or_else(|| "without an answer".to_owned(), |status| status.to_string());
        ProcessError::HelperEnded { status }
    }

    /// One helper from its start to its end. `None` when there was no room in memory for what the command wrote.
    fn ask(
        &self,
        plan: &Plan<'_>,
        stage: Option<&Stage>,
        cancelled: &AtomicBool,
    ) -> Result<Option<Finished>, ProcessError> {
        let failed = ProcessError::helper(&self.program);
        let lock: Vec<_> = stage.iter().map(|stage| stage.lock().as_fd()).collect();
        let socket = self.tell(plan, &lock)?;
        let Some((bytes, descriptors)) = listen(&socket, cancelled).map_err(&failed)? else {
            if cancelled.load(Ordering::Relaxed) {
                return Ok(Some(Finished::without_tree(Ended::Cancelled)));
            }
            return Err(self.ended());
        };
        wait_for_end(&socket);
        let answer = postcard::from_bytes(&bytes).map_err(|error| failed(io::Error::other(error)))?;
        match answer {
            Answer::Done { ended, stdout, stderr, left } => {
                let (accesses, why_not_observed) = match left.seen {
                    None => (None, None),
                    Some(Ok(accesses)) => (Some(accesses), None),
                    Some(Err(why)) => (None, Some(why.into_boxed_str())),
                };
                Ok(Some(Finished {
                    ended: ended.into(),
                    stdout: stdout.0.to_vec(),
                    stderr: stderr.0.to_vec(),
                    changed_inputs: left.changed,
                    written: left.written,
                    accesses,
                    is_overlay: false,
                    surroundings: Surroundings::default(),
                    ran: Ran { tier: Tier::Tree, why_not_stronger: None, why_not_observed },
                    tree: descriptors.into_iter().next(),
                    stage: None,
                }))
            }
            Answer::Failed(Fault::Full) => Ok(None),
            Answer::Failed(fault) => Err(fault.into()),
            Answer::Started(_) => Err(failed(io::ErrorKind::InvalidData.into())),
        }
    }
}

impl Finished {
    fn without_tree(ended: Ended) -> Self {
        let (stdout, stderr, changed_inputs, written) = Default::default();
        let ran = Ran { tier: Tier::Tree, why_not_stronger: None, why_not_observed: None };
        let (accesses, surroundings, tree, stage) = Default::default();
        let is_overlay = false;
        Self { ended, stdout, stderr, changed_inputs, written, accesses, is_overlay, ran, surroundings, tree, stage }
    }
}

/// Refuses what has no place in a tree.
pub(crate) fn check(tree: &Tree<'_>, job: &Job<'_>) -> Result<(), PathFault> {
    path::check_all(tree.inputs.iter().map(|input| input.path))?;
    path::check_all(tree.packages.iter().copied())?;
    path::check_all(tree.directories.iter().copied())?;
    if !job.directory.is_empty() {
        path::check(job.directory)?;
    }
    let mut files: Vec<&str> = tree.inputs.iter().map(|input| input.path).collect();
    let in_packages = |path: &str| tree.packages.iter().any(|packages| is_within(path, packages));
    let of_inputs = tree.inputs.iter().filter(|input| input.source != Source::Workspace).map(|input| input.path);
    if let Some(path) = of_inputs.chain(tree.directories.iter().copied()).find(|path| in_packages(path)) {
        return Err(PathFault::InPackages(path.to_owned()));
    }
    files.retain(|path| !in_packages(path));
    let directory = Some(job.directory).filter(|directory| !directory.is_empty());
    path::check_kinds(&files, tree.directories.iter().chain(&tree.packages).copied().chain(directory))
}

impl<'a> Staged<'a> {
    pub(crate) fn new(
        stage: &'a Stage,
        root: &'a Path,
        choice: &Choice,
        sandbox: &Sandbox<'a>,
        tree: Tree<'a>,
    ) -> Self {
        Self {
            kind: choice.kind,
            root: Raw::path(root),
            stage: Raw::path(stage.directory()),
            tree,
            tier: choice.tier,
            network: sandbox.network,
            observe: sandbox.observe,
            visible: sandbox.visible.iter().map(|place| Raw::path(place)).collect(),
            surroundings: sandbox.surroundings,
        }
    }
}

impl<'a> Plan<'a> {
    /// Adds variables that are not declared.
    pub(crate) fn surround_with(&mut self, base: &'a [(&'static str, OsString)]) {
        for (name, value) in base {
            if !self.environment.iter().any(|(declared, _)| declared.0 == name.as_bytes()) {
                self.environment.push((Raw(name.as_bytes()), Raw::text(value)));
            }
        }
    }
}

pub(crate) fn plan<'a>(job: &Job<'a>, place: Place<'a>, streams: plan::Streams) -> Plan<'a> {
    Plan {
        program: Raw::path(job.program),
        arguments: job.arguments.iter().map(|argument| Raw::text(argument)).collect(),
        environment: job.environment.iter().map(|(name, value)| (Raw::text(name), Raw::text(value))).collect(),
        timeout_ms: job.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        streams,
        directory: Raw(job.directory.as_bytes()),
        place,
    }
}

fn kept(job: &Job<'_>) -> plan::Streams {
    plan::Streams::Kept { stdout: job.stdout, stderr: job.stderr }
}

/// Waits for a helper's answer, and tells it of a cancellation. `None` when it is gone, or does not end.
fn listen(mut socket: &UnixStream, cancelled: &AtomicBool) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let mut told: Option<Instant> = None;
    loop {
        match poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&TICK)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return channel::receive(socket),
            Err(error) => return Err(error.into()),
        }
        match told {
            None if cancelled.load(Ordering::Relaxed) => {
                // When it is gone, the next look says so.
                let _ = socket.write_all(&[CANCEL]);
                told = Some(Instant::now());
            }
            Some(told) if told.elapsed() > GRACE => return Ok(None),
            _ => {}
        }
    }
}

/// Waits for a helper that has answered: it closes its socket when it ends. One that the system does not let go of is left.
pub(crate) fn wait_for_end(socket: &UnixStream) {
    let _ = socket.shutdown(std::net::Shutdown::Write);
    hears(socket, GRACE);
}

/// Waits until a helper says something or ends; whether it did.
pub(crate) fn hears(socket: &UnixStream, wait: Duration) -> bool {
    let deadline = Instant::now() + wait;
    loop {
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok();
        match poll(&mut [PollFd::new(socket, PollFlags::IN)], left.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            heard => return heard.is_ok_and(|count| count > 0),
        }
    }
}
