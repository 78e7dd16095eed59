//! Any other Unix: the process group of the command is all that can be ended. What left it stays.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process_group, waitid, waitpid};

pub(crate) fn begin() {}

/// The end of one child.
pub(crate) struct EndOf {
    pid: Pid,
}

impl EndOf {
    pub(crate) fn new(pid: Pid) -> Self {
        Self { pid }
    }

    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// How often it has to be asked for.
    pub(crate) fn tick(&self) -> Option<Duration> {
        Some(Duration::from_millis(10))
    }

    /// Asks without reaping, so that the number stays ours.
    pub(crate) fn is_over(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.pid), options), Ok(None))
    }
}

/// What a process started is not known here.
pub(crate) fn resident_below(_: Pid) -> Option<u64> {
    None
}

/// What a killed helper leaves is not known here.
pub(crate) fn end_others(_: &[Pid]) {}

/// Kills the group of `leader`, which is an unreaped child, and returns what `wait` says of it.
pub(crate) fn end_all(leader: Option<Pid>) -> Option<i32> {
    let leader = leader?;
    let _ = kill_process_group(leader, Signal::KILL);
    loop {
        match waitpid(Some(leader), WaitOptions::empty()) {
            Ok(Some((_, status))) => return Some(status.as_raw()),
            Err(rustix::io::Errno::INTR) => {}
            Ok(None) | Err(_) => return None,
        }
    }
}
