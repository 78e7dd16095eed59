//! The first process of a process namespace. When it ends, for whatever reason, the kernel ends everything in there.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::mount::{MountFlags, mount};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, set_parent_process_death_signal, wait};

use super::engine::code;
use super::start::{self, Started, Status, Told};
use super::streams::{Ends, Streams};
use crate::plan::{End, Fault, Plan};
use crate::system::{self, Forked};

/// Starts the init, and it the command. The next child of this process is the first one of a process namespace.
pub(super) fn start(plan: &Plan<'_>, tree: &Path, streams: &mut Streams) -> Result<Started, Fault> {
    let failed = |error: std::io::Error| Fault::Io("Making a pipe".to_owned(), code(&error));
    let ends = streams.open().map_err(failed)?;
    let (told, tell) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
    match system::fork().map_err(|error| Fault::Io("Making a process".to_owned(), error.raw_os_error()))? {
        Forked::Child => {
            drop(told);
            init(plan, tree, ends, tell);
            // Nothing of the helper's goes on here.
            std::process::exit(0)
        }
        Forked::Parent(init) => Ok(Started { leader: Some(init), status: Status::Told(Box::new(Words(told))) }),
    }
}

/// Runs the command and says how it ended.
fn init(plan: &Plan<'_>, tree: &Path, ends: Ends, tell: OwnedFd) {
    // It does not outlive the helper. Where that has ended already, nobody reads any more.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let mut polled = [PollFd::new(&tell, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    if poll(&mut polled, Some(&at_once)).is_err() || polled[0].revents().contains(PollFlags::ERR) {
        return;
    }
    let said = postcard::to_stdvec(&command(plan, tree, ends)).unwrap_or_default();
    let _ = File::from(tell).write_all(&said);
}

fn command(plan: &Plan<'_>, tree: &Path, ends: Ends) -> Result<End, Fault> {
    // What was there shows the processes of another namespace, and none of this one.
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None)
        .map_err(|error| Fault::Overlay("Mounting `/proc`".to_owned(), error.raw_os_error()))?;
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

/// What the init said before it ended.
struct Words(OwnedFd);

impl Told for Words {
    fn read(&self) -> Result<End, Fault> {
        let failed = |error: std::io::Error| Fault::Io("Hearing how the command ended".to_owned(), code(&error));
        let mut said = Vec::new();
        File::from(self.0.try_clone().map_err(failed)?).read_to_end(&mut said).map_err(failed)?;
        // One that said nothing was killed, and the command with it.
        postcard::from_bytes(&said).unwrap_or(Ok(End::Exited(Signal::KILL.as_raw())))
    }
}
