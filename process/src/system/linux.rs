//! Linux: the helper is the sub-reaper of everything below it, so that what leaves its parents comes to it.
//!
//! A number of a process is used for a signal only while the process is an unreaped child of this one: so no number can be another
//! process's. Whoever reaps a child (this module, the launcher, the init) forgets its number with it.

use std::fs;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, kill_process_group, pidfd_open,
    set_child_subreaper, wait, waitid, waitpid,
};

/// Makes this process the parent of its descendants' orphans, and keeps descriptors of others to itself.
pub(crate) fn begin() {
    super::calls::keep_descriptors();
    // Since Linux 3.4.
    let _ = set_child_subreaper(Some(getpid()));
}

/// The end of one child.
pub(crate) struct EndOf {
    pid: Pid,
    descriptor: Option<OwnedFd>,
}

impl EndOf {
    pub(crate) fn new(pid: Pid) -> Self {
        Self { pid, descriptor: pidfd_open(pid, PidfdFlags::empty()).ok() }
    }

    /// Readable when it has ended; none before Linux 5.3.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(|descriptor| descriptor.as_fd())
    }

    /// How often it has to be asked for.
    pub(crate) fn tick(&self) -> Option<Duration> {
        self.descriptor.is_none().then_some(Duration::from_millis(10))
    }

    /// Asks without reaping.
    pub(crate) fn is_over(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.pid), options), Ok(None))
    }
}

/// Kills and reaps every descendant. Returns what `wait` says of `leader`, which is an unreaped child.
pub(crate) fn end_all(leader: Option<Pid>) -> Option<i32> {
    let mut status = None;
    if let Some(leader) = leader {
        // Most of it is in the group, where none can start another one meanwhile.
        let _ = kill_process_group(leader, Signal::KILL);
        let _ = kill_process(leader, Signal::KILL);
        status = loop {
            match waitpid(Some(leader), WaitOptions::empty()) {
                Ok(Some((_, status))) => break Some(status.as_raw()),
                Err(Errno::INTR) => {}
                Ok(None) | Err(_) => break None,
            }
        };
    }
    let mut pause = Duration::from_micros(20);
    loop {
        // The children of what is killed are ours before it can be reaped, so this comes to an end.
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => continue,
            Err(_) => return status,
            Ok(None) => {}
        }
        for child in children() {
            let _ = kill_process(child, Signal::KILL);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

/// Kills and reaps every descendant but these children and what is theirs.
pub(crate) fn end_others(ours: &[Pid]) {
    let mut pause = Duration::from_micros(20);
    loop {
        let others: Vec<Pid> = children().into_iter().filter(|child| !ours.contains(child)).collect();
        if others.is_empty() {
            return;
        }
        for child in others {
            let _ = kill_process(child, Signal::KILL);
            let _ = waitpid(Some(child), WaitOptions::NOHANG);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

/// The bytes of memory of all that a process started. A process that comes or goes meanwhile may be missing.
pub(crate) fn resident_below(pid: Pid) -> Option<u64> {
    let children = children_of(pid);
    if children.is_empty() {
        return None;
    }
    let own = |pid: Pid| -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
        Some(kibibytes * 1024)
    };
    Some(children.into_iter().map(|child| own(child).unwrap_or(0) + resident_below(child).unwrap_or(0)).sum())
}

fn children() -> Vec<Pid> {
    children_of(getpid())
}

/// The children of a process with one thread. Some may be missing while they come and go.
fn children_of(parent: Pid) -> Vec<Pid> {
    let own = parent.as_raw_nonzero();
    let pid = |text: &str| text.parse().ok().and_then(Pid::from_raw);
    if let Ok(list) = fs::read_to_string(format!("/proc/{own}/task/{own}/children")) {
        return list.split_ascii_whitespace().filter_map(pid).collect();
    }
    // A kernel without `CONFIG_PROC_CHILDREN`.
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = all.filter_map(|entry| pid(entry.ok()?.file_name().to_str()?));
    let parent = |pid: &Pid| -> Option<i32> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    numbers.filter(|pid| parent(pid) == Some(own.get())).collect()
}
