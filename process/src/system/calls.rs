//! The calls that Rust cannot know to be sound. The only place of the crate with `unsafe`.

#![expect(unsafe_code, reason = "each says why it is sound")]

#[cfg(target_os = "linux")]
use std::ffi::CStr;
#[cfg(target_os = "linux")]
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

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

/// Makes the mount at `place`, which is relative to the working directory, readable only; with all below it where `all`.
#[cfg(target_os = "linux")]
pub(crate) fn make_read_only(place: &CStr, all: bool) -> rustix::io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    let flags = if all { libc::AT_RECURSIVE } else { 0 };
    let size = size_of::<libc::mount_attr>();
    // SAFETY: both pointers are to values that live until the call returns, and the kernel reads `size` bytes of the second one.
    let done = unsafe {
        libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, place.as_ptr(), flags, &raw const attributes, size)
    };
    if done == 0 { Ok(()) } else { Err(last_error()) }
}

/// Lets this network namespace talk to itself.
#[cfg(target_os = "linux")]
pub(crate) fn raise_loopback(socket: BorrowedFd<'_>) -> rustix::io::Result<()> {
    // SAFETY: all of it is numbers, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = (*from).cast_signed();
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or(0);
    // SAFETY: the kernel reads one `ifreq`, which lives until the call returns.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if done == 0 { Ok(()) } else { Err(last_error()) }
}

/// Filters the system calls of this process and of those that it starts. Where `listen`, what the filter notifies of is read from the
/// descriptor that is returned.
#[cfg(target_os = "linux")]
pub(crate) fn filter(program: &mut [libc::sock_filter], listen: bool) -> rustix::io::Result<Option<OwnedFd>> {
    let Ok(len) = libc::c_ushort::try_from(program.len()) else { return Err(Errno::INVAL) };
    let program = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    let flags = if listen { libc::SECCOMP_FILTER_FLAG_NEW_LISTENER } else { 0 };
    // SAFETY: the program lives until the call returns; the kernel copies and checks it.
    let done = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    match libc::c_int::try_from(done) {
        Ok(0) if !listen => Ok(None),
        // SAFETY: the kernel made it for this call, so nobody else has it.
        Ok(listener @ 0..) if listen => Ok(Some(unsafe { OwnedFd::from_raw_fd(listener) })),
        _ => Err(last_error()),
    }
}

/// One system call that waits for an answer.
#[cfg(target_os = "linux")]
pub(crate) fn notification(listener: BorrowedFd<'_>) -> rustix::io::Result<libc::seccomp_notif> {
    // SAFETY: all of it is numbers, for which zero is a value; the kernel asks for that.
    let mut notification: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one `seccomp_notif`.
    let done = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut notification) };
    if done == 0 { Ok(notification) } else { Err(last_error()) }
}

/// Whether the process behind a notification still waits: what was read of its memory is its own then.
#[cfg(target_os = "linux")]
pub(crate) fn is_waiting(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the kernel reads one number.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
}

/// Lets the system call go on as if nobody had looked.
#[cfg(target_os = "linux")]
pub(crate) fn let_go_on(listener: BorrowedFd<'_>, id: u64) {
    let flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or(1);
    let answer = libc::seccomp_notif_resp { id, val: 0, error: 0, flags };
    // SAFETY: the kernel reads one `seccomp_notif_resp`. An error says that nobody waits any more.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const answer) };
}

/// Reads memory of another process. Returns the number of bytes.
#[cfg(target_os = "linux")]
pub(crate) fn read_memory(pid: u32, address: u64, buffer: &mut [u8]) -> rustix::io::Result<usize> {
    let (Ok(pid), Ok(address)) = (libc::pid_t::try_from(pid), usize::try_from(address)) else {
        return Err(Errno::INVAL);
    };
    let ours = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let theirs = libc::iovec { iov_base: std::ptr::without_provenance_mut(address), iov_len: buffer.len() };
    // SAFETY: the kernel writes no more than `buffer` holds; the other address is never used by this process.
    let read = unsafe { libc::process_vm_readv(pid, &raw const ours, 1, &raw const theirs, 1, 0) };
    usize::try_from(read).map_err(|_| last_error())
}

fn last_error() -> Errno {
    std::io::Error::last_os_error().raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}
