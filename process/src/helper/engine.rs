//! The other end of the socket.

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::Stop;
use crate::plan::Fault;

/// What the engine may say after the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// Nobody wants the result any more.
    Cancel,
    /// It is gone.
    Gone,
}

/// The process that asked.
pub(super) struct Engine {
    socket: UnixStream,
}

impl Engine {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket }
    }

    pub(super) fn socket(&self) -> &UnixStream {
        &self.socket
    }

    /// What it said, without waiting for it.
    pub(super) fn said(&self) -> Option<Said> {
        let mut byte = [MaybeUninit::uninit(); 1];
        match recv(&self.socket, &mut byte[..], RecvFlags::DONTWAIT) {
            Ok((_, 1..)) => Some(Said::Cancel),
            Err(Errno::WOULDBLOCK | Errno::INTR) => None,
            Ok(_) | Err(_) => Some(Said::Gone),
        }
    }

    /// Stops what takes long where it said something.
    pub(super) fn go_on(&self) -> Result<(), Stop> {
        self.said().map_or(Ok(()), |said| Err(Stop::Said(said)))
    }
}

impl Fault {
    /// `what` failed at `path`.
    pub(super) fn io(what: &str, path: &str, error: &io::Error) -> Self {
        Self::Io(format!("{what} `{path}`"), code(error))
    }
}

/// The number of an error; 0 where it has none.
pub(super) fn code(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}
