//! Programs that decide about system calls, for seccomp.
//!
//! A [`Filter`] is classic BPF: a list of tests of the number of the call, each followed by what is done with it. What it does not name is
//! allowed. Calls of another architecture and those of `io_uring` do not exist in it: they would go past it.

use std::os::fd::OwnedFd;

use libc::{c_long, sock_filter};
use rustix::io::Errno;

use crate::system;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;
/// Another one has no filter: it can be filled in here and in [`CALLS`](super::observer::CALLS).
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ARCHITECTURE: u32 = 0;

/// Where the number of the call, the architecture and the arguments lie in `seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

/// A program that is being written.
pub(super) struct Filter {
    program: Vec<sock_filter>,
}

/// What a filter says of a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verdict {
    Allow,
    Refuse(Errno),
    Notify,
}

impl Verdict {
    fn code(self) -> u32 {
        match self {
            Self::Allow => libc::SECCOMP_RET_ALLOW,
            Self::Refuse(error) => libc::SECCOMP_RET_ERRNO | error.raw_os_error().unsigned_abs(),
            Self::Notify => libc::SECCOMP_RET_USER_NOTIF,
        }
    }
}

const fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    #[expect(clippy::cast_possible_truncation, reason = "codes of instructions have 16 bits")]
    let code = code as u16;
    sock_filter { code, jt, jf, k }
}

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const IF_ANY_BIT: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

impl Filter {
    /// One that allows what is this system's own.
    pub(super) fn new() -> Self {
        let mut filter = Self { program: Vec::new() };
        filter.push(LOAD, ARCH, 0, 0);
        filter.push(IF_EQUAL, ARCHITECTURE, 1, 0);
        filter.give(Verdict::Refuse(Errno::NOSYS));
        filter.push(LOAD, NUMBER, 0, 0);
        if cfg!(target_arch = "x86_64") {
            // Calls with 32-bit pointers have numbers of their own.
            filter.push(IF_ANY_BIT, 0x4000_0000, 0, 1);
            filter.give(Verdict::Refuse(Errno::NOSYS));
        }
        filter.on(libc::SYS_io_uring_setup, Verdict::Refuse(Errno::NOSYS));
        filter
    }

    fn push(&mut self, code: u32, k: u32, jt: u8, jf: u8) {
        self.program.push(instruction(code, k, jt, jf));
    }

    fn give(&mut self, verdict: Verdict) {
        self.push(RETURN, verdict.code(), 0, 0);
    }

    fn number(call: c_long) -> u32 {
        u32::try_from(call).unwrap_or(u32::MAX)
    }

    /// One call, whatever its arguments.
    pub(super) fn on(&mut self, call: c_long, verdict: Verdict) {
        self.push(IF_EQUAL, Self::number(call), 0, 1);
        self.give(verdict);
    }

    /// One call, unless an argument has one of these bits.
    pub(super) fn on_unless(&mut self, call: c_long, argument: u32, bits: u32, verdict: Verdict) {
        self.push(IF_EQUAL, Self::number(call), 0, 4);
        self.push(LOAD, ARGUMENTS + 8 * argument, 0, 0);
        self.push(IF_ANY_BIT, bits, 0, 1);
        self.give(Verdict::Allow);
        self.give(verdict);
    }

    /// One call, where its first argument is none of these.
    pub(super) fn only_with(&mut self, call: c_long, allowed: &[u32], verdict: Verdict) {
        let count = u8::try_from(allowed.len()).unwrap_or(0);
        self.push(IF_EQUAL, Self::number(call), 0, 2 * count + 2);
        self.push(LOAD, ARGUMENTS, 0, 0);
        for value in allowed {
            self.push(IF_EQUAL, *value, 0, 1);
            self.give(Verdict::Allow);
        }
        self.give(verdict);
    }

    /// Filters this process and all that it starts from now on; where `listen`, with the descriptor that calls are read from.
    pub(super) fn install(mut self, listen: bool) -> rustix::io::Result<Option<OwnedFd>> {
        if ARCHITECTURE == 0 {
            return Err(Errno::NOSYS);
        }
        self.give(Verdict::Allow);
        system::filter(&mut self.program, listen)
    }
}
