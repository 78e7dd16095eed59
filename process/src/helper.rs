//! The helper's side: it makes the tree, runs the command in it, ends all that it started, and answers.
//!
//! It has one thread and never starts another, which is what `fork` and new user namespaces ask for.

mod compare;
mod copy;
mod engine;
mod files;
#[cfg(target_os = "linux")]
mod filter;
mod launch;
#[cfg(target_os = "linux")]
mod leader;
#[cfg(target_os = "linux")]
mod mask;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod observer;
#[cfg(target_os = "linux")]
mod overlay;
mod probe;
#[cfg(target_os = "linux")]
mod restrict;
#[cfg(target_os = "linux")]
mod root;
mod start;
mod streams;
#[cfg(target_os = "linux")]
mod turns;

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use self::engine::{Engine, Said};
use self::observer::Observer;
pub(crate) use self::probe::{ARGUMENT as PROBE, PROBED};
use self::start::{Started, Status};
use self::streams::{Ends, Streams};
use crate::channel;
use crate::plan::{self, Answer, End, Fault, Kind, Left, Place, Plan, Raw, Staged};
use crate::stage;
use crate::system;

/// The first argument of a helper, and its only one.
pub(crate) const ARGUMENT: &str = "__process";

/// Whether this process is a launcher of helpers: its first argument says so.
pub fn is_helper() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT)
}

/// What `main` returns when it is one. No thread may have been started before.
pub fn helper() -> ExitCode {
    if std::env::args_os().nth(2).is_some_and(|argument| argument == probe::ARGUMENT) {
        return probe::probe();
    }
    let Ok(socket) = std::io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::from(2) };
    launch::serve(UnixStream::from(socket), help)
}

/// One helper: it hears the plan, and answers.
fn help(socket: UnixStream) -> ExitCode {
    let Ok(Some((bytes, descriptors))) = channel::receive(&socket) else { return ExitCode::from(2) };
    let Ok(plan) = postcard::from_bytes::<Plan<'_>>(&bytes) else { return ExitCode::from(2) };
    system::begin();
    let engine = Engine::new(socket);
    let (mut streams, locks) = match plan.streams {
        plan::Streams::Kept { stdout, stderr } => (Streams::kept(stdout, stderr), descriptors),
        plan::Streams::Given => {
            let mut ends = descriptors;
            let locks = ends.split_off(3.min(ends.len()));
            let Ok(ends) = <[OwnedFd; 3]>::try_from(ends) else { return ExitCode::from(2) };
            (Streams::given(Ends::from(ends)), locks)
        }
    };
    let result = run(&engine, &plan, &mut streams);
    let (answer, tree) = match result {
        Ok(Outcome { ended, left, tree }) => {
            let (stdout, stderr) = (Raw(streams.stdout()), Raw(streams.stderr()));
            (Answer::Done { ended, stdout, stderr, left }, tree)
        }
        Err(Stop::Said(Said::Cancel)) => {
            let (stdout, stderr, left) = (Raw(&[]), Raw(&[]), Left::default());
            (Answer::Done { ended: End::Cancelled, stdout, stderr, left }, None)
        }
        Err(Stop::Fault(fault)) => (Answer::Failed(fault), None),
        Err(Stop::Said(Said::Gone)) => {
            if let Place::Staged(staged) = &plan.place {
                // The engine would have done it. While the lock is held, the place is ours.
                let _ = stage::empty(staged.stage.as_path());
            }
            drop(locks);
            return ExitCode::from(1);
        }
    };
    let Ok(answer) = postcard::to_stdvec(&answer) else { return ExitCode::from(2) };
    let descriptors: Vec<BorrowedFd<'_>> = tree.iter().map(OwnedFd::as_fd).collect();
    match channel::send(engine.socket(), &answer, &descriptors) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(1),
    }
}

/// More files that a command wrote are not listed.
const MOST_WRITTEN: usize = 10_000;

/// Why there is no outcome.
enum Stop {
    Fault(Fault),
    Said(Said),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

struct Outcome {
    ended: End,
    left: Left,
    tree: Option<OwnedFd>,
}

/// A tree that is ready.
trait Prepared {
    /// Starts the command in it.
    fn start(&self, plan: &Plan<'_>, streams: &mut Streams) -> Result<Started, Fault>;
    /// The inputs that the command changed.
    fn changed(&self) -> Result<Vec<String>, Fault>;
    /// The files that the command wrote and that are no inputs, sorted; the first [`MOST_WRITTEN`] of them.
    fn written(&self) -> Result<Vec<String>, Fault>;
    /// Whether there is hardly any room left in it.
    fn is_full(&self) -> bool {
        false
    }
    /// Its root, to be sent.
    fn root(&self) -> Result<Option<OwnedFd>, Fault>;
}

fn run(engine: &Engine, plan: &Plan<'_>, streams: &mut Streams) -> Result<Outcome, Stop> {
    let prepared: Box<dyn Prepared + '_> = match &plan.place {
        Place::At(directory) => Box::new(start::Bare { directory: directory.as_path() }),
        Place::Staged(staged) => {
            // What the command makes has the same modes whoever started the engine.
            rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
            match staged.kind {
                Kind::Copy => Box::new(copy::Copied::make(engine, staged)?),
                Kind::Memory(_) | Kind::Disk => overlay(engine, staged)?,
            }
        }
    };
    if let Place::Staged(staged) = &plan.place {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(staged.surroundings.umask()));
    }
    let mut started = prepared.start(plan, streams)?;
    let mut observer = observer(plan, &mut started, prepared.as_ref())?;
    if let (plan::Streams::Given, Some(leader)) = (plan.streams, started.leader) {
        let told = postcard::to_stdvec(&Answer::Started(leader.as_raw_nonzero().get())).unwrap_or_default();
        // Where nobody listens, that is heard next.
        let _ = channel::send(engine.socket(), &told, &[]);
    }
    let ended = attend(engine, started, plan.timeout_ms.map(Duration::from_millis), streams, observer.as_mut())?;
    let has_failed = matches!(ended, End::Exited(1..));
    if has_failed && (prepared.is_full() || streams.tell_of_no_room()) && is_in_memory(plan) {
        return Err(Fault::Full.into());
    }
    let seen = observer.map(Observer::accesses);
    let left = Left { changed: prepared.changed()?, written: prepared.written()?, seen };
    Ok(Outcome { ended, left, tree: prepared.root()? })
}

/// What sees the command, where it is to be seen.
fn observer<'a>(
    plan: &'a Plan<'a>,
    started: &mut Started,
    prepared: &dyn Prepared,
) -> Result<Option<Observer<'a>>, Fault> {
    let (Place::Staged(staged), Some(leader)) = (&plan.place, started.observer.take()) else { return Ok(None) };
    Ok(prepared.root()?.map(|root| Observer::new(staged, root, leader)))
}

/// Whether a file of the tree is an input.
fn is_input(staged: &Staged<'_>, path: &str) -> bool {
    staged.tree.inputs.binary_search_by(|input| input.path.cmp(path)).is_ok()
}

fn is_in_memory(plan: &Plan<'_>) -> bool {
    matches!(plan.place, Place::Staged(Staged { kind: Kind::Memory(_), .. }))
}

#[cfg(target_os = "linux")]
fn overlay<'a>(engine: &Engine, staged: &'a Staged<'a>) -> Result<Box<dyn Prepared + 'a>, Stop> {
    Ok(Box::new(overlay::Overlay::make(engine, staged)?))
}

#[cfg(not(target_os = "linux"))]
fn overlay<'a>(_: &Engine, _: &'a Staged<'a>) -> Result<Box<dyn Prepared + 'a>, Stop> {
    let code = std::io::Error::from(rustix::io::Errno::NOSYS).raw_os_error().unwrap_or(0);
    Err(Fault::Overlay("This system has no overlays".to_owned(), code).into())
}

/// Waits for the end of the command and sees to it that all of it ends.
fn attend(
    engine: &Engine,
    started: Started,
    timeout: Option<Duration>,
    streams: &mut Streams,
    observer: Option<&mut Observer<'_>>,
) -> Result<End, Stop> {
    let Started { leader, status, observer: _ } = started;
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let why = wait(engine, leader, deadline, streams, observer);
    let waited = system::end_all(leader);
    streams.drain();
    let ended = match why {
        Over::Said(said @ Said::Gone) => return Err(Stop::Said(said)),
        Over::Said(Said::Cancel) => End::Cancelled,
        Over::TimedOut => End::TimedOut,
        Over::TooMuchOutput => End::TooMuchOutput,
        Over::Ended => match status {
            Status::OfLeader => End::Exited(waited.unwrap_or(0)),
            Status::Told(told) => told.read()?,
            Status::NotStarted(error, is_there) => End::NotStarted(error, is_there),
        },
    };
    // What came last may be too much, too.
    if matches!(ended, End::Exited(_)) && streams.is_too_much() {
        return Ok(End::TooMuchOutput);
    }
    Ok(ended)
}

/// Why there is nothing more to wait for.
enum Over {
    Ended,
    TimedOut,
    TooMuchOutput,
    Said(Said),
}

/// Moves the command's output until it ends or has to end.
fn wait(
    engine: &Engine,
    leader: Option<Pid>,
    deadline: Option<Instant>,
    streams: &mut Streams,
    mut observer: Option<&mut Observer<'_>>,
) -> Over {
    let Some(leader) = leader else { return Over::Ended };
    let over = system::EndOf::new(leader);
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let calls = observer.as_ref().and_then(|observer| observer.descriptor());
        let due = observer.as_ref().and_then(|observer| observer.due());
        let left = left.into_iter().chain(due).min();
        let heard = streams.wait(engine.socket(), calls, &over, left);
        if heard.observer
            && let Some(observer) = &mut observer
        {
            observer.attend();
        }
        if let Some(observer) = &mut observer {
            observer.let_go_on_what_is_due();
        }
        if heard.is_over {
            return Over::Ended;
        }
        if heard.engine
            && let Some(said) = engine.said()
        {
            return Over::Said(said);
        }
        if streams.is_too_much() {
            return Over::TooMuchOutput;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Over::TimedOut;
        }
    }
}
