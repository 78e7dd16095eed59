//! The process that a command is started by: it takes from itself what the command may not have, and says how that ended.
//!
//! In namespaces it is the first process of a process namespace: when it ends, for whatever reason, the kernel ends everything in there.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, set_parent_process_death_signal, wait, waitpid};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::engine::code;
use super::root;
use super::start::{self, Started, Status, Told};
use super::streams::{Ends, Streams};
use super::{observer, restrict};
use crate::plan::{End, Fault, Plan, Staged};
use crate::sandbox::Tier;
use crate::surroundings::Factor;
use crate::system::{self, Forked};

/// How many numbers of processes are used up where a command is to have another one.
const NUMBERS: usize = 20;

/// What the command is started in.
pub(super) struct Setup<'a> {
    pub(super) staged: &'a Staged<'a>,
    /// Where it finds its tree.
    pub(super) tree: &'a Path,
}

/// Starts the leader, and it the command. In namespaces the next child of this process is the first one of a process namespace.
pub(super) fn start(plan: &Plan<'_>, setup: &Setup<'_>, streams: &mut Streams) -> Result<Started, Fault> {
    let failed = |error: std::io::Error| Fault::Io("Making a pipe".to_owned(), code(&error));
    let ends = streams.open().map_err(failed)?;
    let (told, tell) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
    let (observer, calls) = UnixStream::pair().map_err(failed)?;
    match system::fork().map_err(|error| Fault::Io("Making a process".to_owned(), error.raw_os_error()))? {
        Forked::Child => {
            drop((told, observer));
            lead(plan, setup, ends, tell, calls);
            // Nothing of the helper's goes on here.
            std::process::exit(0)
        }
        Forked::Parent(leader) => Ok(Started {
            leader: Some(leader),
            status: Status::Told(Box::new(Words(told))),
            observer: setup.staged.observe.then_some(observer),
        }),
    }
}

/// Runs the command and says how it ended.
fn lead(plan: &Plan<'_>, setup: &Setup<'_>, ends: Ends, tell: OwnedFd, calls: UnixStream) {
    // It does not outlive the helper. Where that has ended already, nobody reads any more.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let mut polled = [PollFd::new(&tell, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    if poll(&mut polled, Some(&at_once)).is_err() || polled[0].revents().contains(PollFlags::ERR) {
        return;
    }
    let said = postcard::to_stdvec(&command(plan, setup, ends, calls)).unwrap_or_default();
    let _ = File::from(tell).write_all(&said);
}

fn command(plan: &Plan<'_>, setup: &Setup<'_>, ends: Ends, calls: UnixStream) -> Result<End, Fault> {
    let Setup { staged, tree } = setup;
    match staged.tier {
        Tier::Namespace => root::enter(staged)?,
        Tier::Landlock => restrict::landlock(staged)?,
        Tier::Tree => {}
    }
    surround(staged)?;
    restrict::privileges()?;
    filter_calls(staged, &calls)?;
    drop(calls);
    let child = match start::spawn(plan, tree, ends)? {
        Ok(child) => Pid::from_child(&child),
        Err((error, is_there)) => return Ok(End::NotStarted(code(&error), is_there)),
    };
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == child => return Ok(End::Exited(status.as_raw())),
            // An orphan.
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Fault::Io("Waiting for the command".to_owned(), error.raw_os_error())),
        }
    }
}

/// Makes other surroundings of those that a process has from the one that starts it.
fn surround(staged: &Staged<'_>) -> Result<(), Fault> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: rustix::io::Errno| Fault::Sandbox(what, error.raw_os_error())
    };
    if staged.surroundings.changes(Factor::Processors) {
        let all = sched_getaffinity(None).map_err(failed("Asking for processors"))?;
        let all: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|number| all.is_set(*number)).collect();
        // Those that run at the same time do not share one, and each has the same one each time.
        let number = staged.stage.as_path().file_name().and_then(|name| name.to_str()?.parse::<usize>().ok());
        let mut one = CpuSet::new();
        all.get(number.unwrap_or(0) % all.len().max(1)).into_iter().for_each(|chosen| one.set(*chosen));
        sched_setaffinity(None, &one).map_err(failed("Giving up processors"))?;
    }
    if staged.surroundings.changes(Factor::ProcessId) && staged.tier == Tier::Namespace {
        // Numbers are given in their order.
        for _ in 0..NUMBERS {
            match system::fork().map_err(failed("Making a process"))? {
                Forked::Child => std::process::exit(0),
                Forked::Parent(child) => {
                    waitpid(Some(child), WaitOptions::empty()).map_err(failed("Waiting for a process"))?;
                }
            }
        }
    }
    Ok(())
}

/// Filters system calls. Where nobody can listen to those that are observed, the others are filtered still.
fn filter_calls(staged: &Staged<'_>, calls: &UnixStream) -> Result<(), Fault> {
    if staged.observe {
        let listener = restrict::filter(staged, true).install(true);
        let is_observed = listener.is_ok();
        observer::hand_over(calls, listener)?;
        if is_observed {
            return Ok(());
        }
    }
    match restrict::filter(staged, false).install(false) {
        Ok(_) => Ok(()),
        // A tree of copies is all that was promised.
        Err(_) if staged.tier == Tier::Tree => Ok(()),
        Err(error) => Err(Fault::Sandbox("Filtering system calls".to_owned(), error.raw_os_error())),
    }
}

/// What the leader said before it ended.
struct Words(OwnedFd);

impl Told for Words {
    fn read(&self) -> Result<End, Fault> {
        let failed = |error: std::io::Error| Fault::Io("Hearing how the command ended".to_owned(), code(&error));
        let mut said = Vec::new();
        File::from(self.0.as_fd().try_clone_to_owned().map_err(failed)?).read_to_end(&mut said).map_err(failed)?;
        // One that said nothing was killed, and the command with it.
        postcard::from_bytes(&said).unwrap_or(Ok(End::Exited(Signal::KILL.as_raw())))
    }
}
