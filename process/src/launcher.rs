//! The process that helpers are copies of.
//!
//! To start a program of tens of megabytes takes longer than most of what a helper does. So it is started once: the *launcher* has
//! one thread and nothing in it, and makes a helper for each command by `fork`. The engine hands it one end of a socket and talks to the
//! new helper over the other; of the command the launcher learns nothing. It ends with the engine.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::channel;
use crate::helper::ARGUMENT;

/// A launcher, started when it is first asked for a helper. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Launcher {
    running: Arc<Mutex<Option<Running>>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// `None` once it is told to end.
    socket: Option<UnixStream>,
}

impl Launcher {
    /// A new helper, at the other end of a socket. Whether it lives shows when it is spoken to.
    pub(crate) fn helper(&self, program: &Path) -> io::Result<UnixStream> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let (ours, theirs) = UnixStream::pair()?;
        if let Some(old) = &*running {
            match old.ask(&theirs) {
                Ok(()) => return Ok(ours),
                // It was killed.
                Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {}
                Err(error) => return Err(error),
            }
        }
        let new = Running::start(program)?;
        let asked = new.ask(&theirs);
        *running = Some(new);
        match asked {
            // It ended at once: the helper's socket says so next.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(ours),
        }
    }

    /// How it ended, where it did.
    pub(crate) fn status(&self) -> Option<std::process::ExitStatus> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_mut()?.child.try_wait().ok().flatten()
    }
}

impl Running {
    fn start(program: &Path) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let child = Command::new(program)
            .arg0("webstir")
            .arg(ARGUMENT)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal is the engine's.
            .process_group(0)
            .spawn()?;
        Ok(Self { child, socket: Some(ours) })
    }

    fn ask(&self, helper: &UnixStream) -> io::Result<()> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        channel::send(socket, &[], &[helper.as_fd()])
    }
}

impl Drop for Running {
    /// It has nothing more to do, and ends when nobody can ask it any more.
    fn drop(&mut self) {
        self.socket = None;
        let _ = self.child.wait();
    }
}
