//! A command that its caller talks to.

use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::channel;
use crate::error::ProcessError;
use crate::finished::Ended;
use crate::plan::{Answer, CANCEL, Place, Raw, Streams};
use crate::run::{GRACE, Helper, Job, hears, plan, wait_for_end};

/// A command that runs, with its streams. When this is dropped, or the engine ends, it is killed with all that it started.
#[derive(Debug)]
pub struct Attached {
    /// What it reads; `None` once it is closed.
    pub input: Option<PipeWriter>,
    /// What it writes.
    pub output: PipeReader,
    /// What it writes of errors; `None` once nobody reads it.
    pub errors: Option<PipeReader>,
    socket: UnixStream,
    pid: Option<i32>,
    ended: Option<Result<Ended, String>>,
}

impl Helper {
    /// Starts a command in `directory`, which its caller reads from and writes to. Nothing of its output is kept, and it has no timeout.
    pub fn attach(&self, directory: &Path, job: &Job<'_>) -> Result<Attached, ProcessError> {
        let failed = ProcessError::helper(self.program());
        let plan = plan(job, Place::At(Raw::path(directory)), Streams::Given);
        let (stdin, input) = io::pipe().map_err(&failed)?;
        let (output, stdout) = io::pipe().map_err(&failed)?;
        let (errors, stderr) = io::pipe().map_err(&failed)?;
        let socket = self.tell(&plan, &[stdin.as_fd(), stdout.as_fd(), stderr.as_fd()])?;
        let Some((bytes, _)) = channel::receive(&socket).map_err(&failed)? else { return Err(self.ended()) };
        let (pid, ended) = match postcard::from_bytes(&bytes).map_err(|error| failed(io::Error::other(error)))? {
            Answer::Started(pid) => (Some(pid), None),
            Answer::Done { ended, .. } => (None, Some(Ok(ended.into()))),
            Answer::Failed(fault) => return Err(fault.into()),
        };
        Ok(Attached { input: Some(input), output, errors: Some(errors), socket, pid, ended })
    }
}

impl Attached {
    /// Its number; `None` when it could not be started.
    pub fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Whether it has ended, with all that it started.
    pub fn has_ended(&self) -> bool {
        self.ended.is_some() || hears(&self.socket, Duration::ZERO)
    }

    /// How it ended; one that still runs is killed, and is [`Ended::Cancelled`].
    pub fn end(&mut self) -> Result<&Ended, ProcessError> {
        if self.ended.is_none() {
            let ended = self.ask_for_end();
            self.ended = Some(ended);
        }
        match &self.ended {
            Some(Ok(ended)) => Ok(ended),
            Some(Err(status)) => Err(ProcessError::HelperEnded { status: status.clone() }),
            None => unreachable!("it was set"),
        }
    }

    fn ask_for_end(&mut self) -> Result<Ended, String> {
        if !hears(&self.socket, Duration::ZERO) {
            // Where it is gone, that is what is heard.
            let _ = self.socket.write_all(&[CANCEL]);
            if !hears(&self.socket, GRACE) {
                return Err("it does not answer".to_owned());
            }
        }
        let answer = channel::receive(&self.socket);
        wait_for_end(&self.socket);
        let Ok(Some((bytes, _))) = answer else { return Err("without an answer".to_owned()) };
        match postcard::from_bytes(&bytes) {
            Ok(Answer::Done { ended, .. }) => Ok(ended.into()),
            Ok(Answer::Started(_) | Answer::Failed(_)) | Err(_) => Err("with an answer that is none".to_owned()),
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
