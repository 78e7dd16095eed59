//! The calls that Rust cannot know to be sound. The only place of the crate with `unsafe`.

#![expect(unsafe_code, reason = "each says why it is sound")]

use rustix::io::Errno;
use rustix::process::Pid;
#[cfg(target_os = "linux")]
use rustix::thread::UnshareFlags;

/// Which of the two a process is after [`fork`].
pub(crate) enum Forked {
    Parent(Pid),
    Child,
}

/// Makes a copy of this process, which has one thread: [`helper`](crate::helper()) asks for that.
pub(crate) fn fork() -> rustix::io::Result<Forked> {
    // SAFETY: a copy is unsound where another thread holds a lock or is in the middle of something, for it is not there any more in
    // the copy. There is none.
    match unsafe { libc::fork() } {
        0 => Ok(Forked::Child),
        pid => Pid::from_raw(pid).filter(|_| pid > 0).map(Forked::Parent).ok_or_else(last_error),
    }
}

/// Takes this process out of namespaces.
#[cfg(target_os = "linux")]
pub(crate) fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: the one flag that matters to Rust, `FILES`, makes descriptors mean something else in one thread than in others. There
    // is one thread.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

/// Keeps descriptors from the programs that this process starts, but for the first three. Those of Rust are kept from them anyway;
/// whoever started the engine may have left others open.
#[cfg(target_os = "linux")]
pub(crate) fn keep_descriptors() {
    // SAFETY: no descriptor is closed, and no memory is touched. Before Linux 5.11 it does nothing.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

fn last_error() -> Errno {
    std::io::Error::last_os_error().raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}
