//! Sees which paths a command looks at, by notifications of seccomp.
//!
//! The leader puts a [filter](super::filter) on itself and hands over the descriptor that notified calls are read from. Each of them waits
//! until it has been looked at and then goes on as if nobody had. This is for telling what was not declared, and no boundary: the memory
//! that a path is read from may change before the kernel reads it.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use libc::c_long;
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, statat};

use super::filter::{Filter, Verdict};
use super::turns::Turns;
use crate::channel;
use crate::path::is_within;
use crate::plan::{Fault, Staged};
use crate::sandbox::{Access, AccessKind, Accesses, Tier};
use crate::system;

/// A call that is observed.
struct Call {
    number: c_long,
    /// Which argument is the path.
    path: usize,
    /// Which is the descriptor of the directory that it is relative to; the working directory without one.
    directory: Option<usize>,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Look,
    /// Looks at what a descriptor stands for where an argument has this flag.
    LookUnless(u32, u32),
    /// Which argument has the flags.
    Open(usize),
    /// Which argument points to them.
    OpenHow(usize),
    Remove,
    Execute,
}

const fn at(number: c_long, what: What) -> Call {
    Call { number, path: 1, directory: Some(0), what }
}

#[cfg(target_arch = "x86_64")]
const fn plain(number: c_long, what: What) -> Call {
    Call { number, path: 0, directory: None, what }
}

const EMPTY_PATH: u32 = libc::AT_EMPTY_PATH.cast_unsigned();

/// Those of the architecture that this is compiled for.
const CALLS: &[Call] = &[
    at(libc::SYS_openat, What::Open(2)),
    at(libc::SYS_openat2, What::OpenHow(2)),
    at(libc::SYS_newfstatat, What::LookUnless(3, EMPTY_PATH)),
    at(libc::SYS_statx, What::LookUnless(2, EMPTY_PATH)),
    at(libc::SYS_faccessat, What::Look),
    at(libc::SYS_faccessat2, What::Look),
    at(libc::SYS_readlinkat, What::Look),
    at(libc::SYS_unlinkat, What::Remove),
    at(libc::SYS_renameat, What::Remove),
    at(libc::SYS_renameat2, What::Remove),
    at(libc::SYS_linkat, What::Look),
    at(libc::SYS_execveat, What::Execute),
    Call { number: libc::SYS_execve, path: 0, directory: None, what: What::Execute },
    Call { number: libc::SYS_chdir, path: 0, directory: None, what: What::Look },
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_open, What::Open(1)),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_stat, What::Look),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_lstat, What::Look),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_access, What::Look),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_readlink, What::Look),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_unlink, What::Remove),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_rename, What::Remove),
    #[cfg(target_arch = "x86_64")]
    plain(libc::SYS_link, What::Look),
];

/// Has the observed calls notified.
pub(super) fn observe(filter: &mut Filter) {
    for call in CALLS {
        match call.what {
            What::LookUnless(argument, flag) => filter.on_unless(call.number, argument, flag, Verdict::Notify),
            _ => filter.on(call.number, Verdict::Notify),
        }
    }
}

/// Longer paths are none.
const LONGEST_PATH: usize = 4096;
/// Memory of another process is read up to the end of a page: the next one may not be there.
const PAGE: u64 = 4096;
/// More undeclared paths are not listed.
const MOST: usize = 10_000;
/// Calls that are looked at before the rest is attended to.
const AT_ONCE: usize = 256;

/// What was seen so far.
pub(super) struct Observer<'a> {
    staged: &'a Staged<'a>,
    /// Where the command finds its tree.
    tree: PathBuf,
    /// The tree, as this process sees it.
    root: OwnedFd,
    leader: Option<UnixStream>,
    listener: Option<OwnedFd>,
    why_not: Option<String>,
    /// What is in the tree. It was, so nobody asks again.
    known: FxHashSet<String>,
    used: FxHashSet<usize>,
    undeclared: FxHashMap<String, AccessKind>,
    events: u64,
    is_cut: bool,
    /// Holds processes up, where they are to be in a known order.
    turns: Option<Turns>,
}

impl<'a> Observer<'a> {
    /// For a command whose leader sends the descriptor over `leader`.
    pub(super) fn new(staged: &'a Staged<'a>, root: OwnedFd, leader: UnixStream) -> Self {
        let tree = match staged.tier {
            Tier::Namespace => PathBuf::from(staged.surroundings.tree()),
            Tier::Landlock | Tier::Tree => staged.stage.as_path().join("tree"),
        };
        Self {
            staged,
            tree,
            root,
            leader: Some(leader),
            listener: None,
            why_not: None,
            known: FxHashSet::default(),
            used: FxHashSet::default(),
            undeclared: FxHashMap::default(),
            events: 0,
            is_cut: false,
            turns: staged.surroundings.turns().map(Turns::new),
        }
    }

    /// How long until calls that are held up may go on; `None` when there are none.
    pub(super) fn due(&self) -> Option<Duration> {
        self.listener.as_ref().and(self.turns.as_ref())?.due()
    }

    /// Lets go on what was held up for long enough.
    pub(super) fn let_go_on_what_is_due(&mut self) {
        let (Some(turns), Some(listener)) = (&mut self.turns, &self.listener) else { return };
        if let Some(call) = turns.next() {
            system::let_go_on(listener.as_fd(), call);
        }
    }

    /// What is readable when there is something to attend to.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.listener.as_ref().map(|listener| listener.as_fd()).or(self.leader.as_ref().map(|leader| leader.as_fd()))
    }

    /// Takes the descriptor, or looks at the calls that wait.
    pub(super) fn attend(&mut self) {
        if let Some(leader) = self.leader.take() {
            match channel::receive(&leader) {
                Ok(Some((words, descriptors))) => {
                    self.listener = descriptors.into_iter().next();
                    if self.listener.is_none() {
                        self.why_not = Some(String::from_utf8_lossy(&words).into_owned());
                    }
                }
                Ok(None) | Err(_) => self.why_not = Some("the command was not started".to_owned()),
            }
            return;
        }
        for _ in 0..AT_ONCE {
            let Some(listener) = &self.listener else { return };
            match waits(listener.as_fd()) {
                Waits::Yes => self.look(),
                Waits::No => return,
                // Nobody is left who could call.
                Waits::Over => {
                    self.listener = None;
                    return;
                }
            }
        }
    }

    fn look(&mut self) {
        let Some(listener) = self.listener.take() else { return };
        // An error says that the process was killed meanwhile.
        if let Ok(notification) = system::notification(listener.as_fd()) {
            self.events += 1;
            let seen = seen(&notification);
            // What was read may be memory of another process unless the first one still waits.
            if system::is_waiting(listener.as_fd(), notification.id) {
                let is_held = self.turns.as_mut().is_some_and(|turns| turns.hold(notification.pid, notification.id));
                if !is_held {
                    system::let_go_on(listener.as_fd(), notification.id);
                }
                if let Some((path, kind)) = seen {
                    self.take(&path, kind);
                }
            }
        }
        self.listener = Some(listener);
    }

    /// Sorts one path in, which is absolute.
    fn take(&mut self, path: &Path, kind: Option<AccessKind>) {
        let Some(path) = normal(path.as_os_str().as_bytes()) else { return };
        let tree = self.tree.to_str().unwrap_or_default();
        let root = self.staged.root.as_path().to_str().unwrap_or_default();
        let below = |directory: &str| path.strip_prefix(directory).and_then(|rest| rest.strip_prefix('/'));
        let Some(path) = below(tree).or_else(|| below(root)) else { return };
        if path.is_empty() || self.known.contains(path) {
            return;
        }
        let inputs = &self.staged.tree.inputs;
        if let Ok(index) = inputs.binary_search_by(|input| input.path.cmp(path)) {
            self.used.insert(index);
            return;
        }
        let Some(kind) = kind else { return };
        if self.staged.tree.packages.iter().any(|packages| is_within(path, packages)) {
            return;
        }
        let Ok(name) = CString::new(path) else { return };
        if statat(&self.root, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            self.known.insert(path.to_owned());
            return;
        }
        if let Some(before) = self.undeclared.get_mut(path) {
            *before = (*before).max(kind);
            return;
        }
        if fs::symlink_metadata(self.staged.root.as_path().join(path)).is_ok() {
            if self.undeclared.len() < MOST {
                self.undeclared.insert(path.to_owned(), kind);
            } else {
                self.is_cut = true;
            }
        }
    }

    /// All of it, or why nothing was seen.
    pub(super) fn accesses(self) -> Result<Accesses, String> {
        if let Some(why) = self.why_not {
            return Err(why);
        }
        let mut undeclared: Vec<Access> =
            self.undeclared.into_iter().map(|(path, kind)| Access { path, kind }).collect();
        undeclared.sort();
        let mut used: Vec<String> =
            self.used.into_iter().map(|index| self.staged.tree.inputs[index].path.to_owned()).collect();
        used.sort();
        Ok(Accesses { undeclared, used, events: self.events, is_cut: self.is_cut })
    }
}

/// Says to the helper which descriptor the calls are read from, or why there is none.
pub(super) fn hand_over(helper: &UnixStream, listener: rustix::io::Result<Option<OwnedFd>>) -> Result<(), Fault> {
    let failed =
        |error: std::io::Error| Fault::Io("Handing over what is observed".to_owned(), super::engine::code(&error));
    match listener {
        Ok(Some(listener)) => channel::send(helper, &[], &[listener.as_fd()]).map_err(failed),
        Ok(None) => channel::send(helper, b"it was not asked for", &[]).map_err(failed),
        Err(rustix::io::Errno::BUSY) => {
            channel::send(helper, b"another program observes this one", &[]).map_err(failed)
        }
        Err(error) => channel::send(helper, format!("seccomp: {error}").as_bytes(), &[]).map_err(failed),
    }
}

enum Waits {
    Yes,
    No,
    Over,
}

fn waits(listener: BorrowedFd<'_>) -> Waits {
    let mut polled = [PollFd::from_borrowed_fd(listener, PollFlags::IN)];
    match poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(1..) if polled[0].revents().contains(PollFlags::IN) => Waits::Yes,
        Ok(1..) => Waits::Over,
        _ => Waits::No,
    }
}

/// The absolute path of a call, and what is done with it; `None` for what is made anew.
fn seen(notification: &libc::seccomp_notif) -> Option<(PathBuf, Option<AccessKind>)> {
    let arguments = &notification.data.args;
    let call = CALLS.iter().find(|call| call.number == c_long::from(notification.data.nr))?;
    let makes = |flags: u64| flags & u64::from(libc::O_CREAT.unsigned_abs()) != 0;
    let kind = match call.what {
        What::Look | What::LookUnless(..) => Some(AccessKind::Looked),
        What::Open(flags) => (!makes(arguments[flags])).then_some(AccessKind::Opened),
        What::OpenHow(how) => {
            let mut flags = [0; 8];
            system::read_memory(notification.pid, arguments[how], &mut flags).ok()?;
            (!makes(u64::from_ne_bytes(flags))).then_some(AccessKind::Opened)
        }
        What::Remove => Some(AccessKind::Removed),
        What::Execute => Some(AccessKind::Executed),
    };
    let path = text(notification.pid, arguments[call.path])?;
    if path.starts_with(b"/") {
        return Some((PathBuf::from(OsStr::from_bytes(&path)), kind));
    }
    if path.is_empty() {
        return None;
    }
    // A descriptor has 32 bits, whatever the other half of the register holds.
    #[expect(clippy::cast_possible_truncation, reason = "the kernel does the same")]
    let directory = call.directory.map(|directory| arguments[directory] as i32).filter(|fd| *fd != libc::AT_FDCWD);
    let directory = match directory {
        None => format!("/proc/{}/cwd", notification.pid),
        Some(fd) => format!("/proc/{}/fd/{fd}", notification.pid),
    };
    Some((fs::read_link(directory).ok()?.join(OsStr::from_bytes(&path)), kind))
}

/// A text in the memory of another process, up to its end.
fn text(pid: u32, address: u64) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(256);
    let mut address = address;
    while text.len() < LONGEST_PATH {
        let begun = text.len();
        let piece = usize::try_from(PAGE - address % PAGE).ok()?.min(512);
        text.resize(begun + piece, 0);
        let read = system::read_memory(pid, address, &mut text[begun..]).ok().filter(|read| *read > 0)?;
        text.truncate(begun + read);
        if let Some(end) = text[begun..].iter().position(|byte| *byte == 0) {
            text.truncate(begun + end);
            return Some(text);
        }
        address += read as u64;
    }
    None
}

/// An absolute path without `.`, `..` and empty parts. Links are not followed.
fn normal(path: &[u8]) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in std::str::from_utf8(path).ok()?.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normal() {
        for (path, expected) in [("/a/./b//c", "/a/b/c"), ("/a/../../b", "/b"), ("/", "/"), ("/a/b/..", "/a")] {
            assert_eq!(normal(path.as_bytes()).unwrap(), expected);
        }
        assert!(normal(b"/\xff").is_none());
    }

    #[test]
    fn memory_is_read_across_pages_and_up_to_its_end() {
        let mut memory = vec![b'x'; 3 * 4096];
        memory[9000] = 0;
        let own = std::process::id();
        let at = |offset: usize| memory.as_ptr().addr() as u64 + offset as u64;
        assert_eq!(text(own, at(6000)).unwrap().len(), 3000);
        assert_eq!(text(own, at(9000)).unwrap(), b"");
        assert!(text(own, at(100)).is_none(), "longer than a path is");
        assert!(text(own, 8).is_none(), "no memory");
    }
}
