//! A command that its caller talks to.

use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::Pid;

use crate::channel;
use crate::choose::choose;
use crate::environment;
use crate::error::ProcessError;
use crate::finished::Ended;
use crate::plan::{Answer, CANCEL, Kind, Place, Source, Staged, Streams, Tree};
use crate::run::{Choice, GRACE, Helper, Job, check, hears, plan, wait_for_end};
use crate::sandbox::Sandbox;
use crate::stage::Stage;
use crate::system;

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
    /// Of the process that it is a child of.
    pid: Option<i32>,
    ended: Option<Result<Ended, String>>,
    /// Cleared when all of it has ended: what stands first is dropped first, and [`end`](Self::end) before that.
    #[expect(dead_code, reason = "held as long as it runs")]
    stage: Stage,
}

impl Helper {
    /// Starts a command in the sandbox, which its caller reads from and writes to. It has no timeout, and nothing of its output is kept. Its
    /// tree has nothing of the workspace.
    ///
    /// # Panics
    /// When an input of the tree lies in the workspace.
    pub fn attach(
        &self,
        stage: Stage,
        tree: &Tree<'_>,
        sandbox: &Sandbox<'_>,
        job: &Job<'_>,
    ) -> Result<Attached, ProcessError> {
        let failed = ProcessError::helper(self.program());
        check(tree, job)?;
        assert!(tree.inputs.iter().all(|input| input.source != Source::Workspace), "there is no workspace");
        // So nothing is gained by a layer over it.
        let choice = Choice { kind: Kind::Copy, ..choose(self, &stage, stage.directory(), sandbox) };
        let base = environment::base(&stage, choice.tier, sandbox.surroundings, &job.search_path);
        let staged = Staged::new(&stage, stage.directory(), &choice, sandbox, tree.clone());
        let mut plan = plan(job, Place::Staged(staged), Streams::Given);
        plan.surround_with(&base);
        let (stdin, input) = io::pipe().map_err(&failed)?;
        let (output, stdout) = io::pipe().map_err(&failed)?;
        let (errors, stderr) = io::pipe().map_err(&failed)?;
        let socket = self.tell(&plan, &[stdin.as_fd(), stdout.as_fd(), stderr.as_fd(), stage.lock().as_fd()])?;
        let Some((bytes, _)) = channel::receive(&socket).map_err(&failed)? else { return Err(self.ended()) };
        let (pid, ended) = match postcard::from_bytes(&bytes).map_err(|error| failed(io::Error::other(error)))? {
            Answer::Started(pid) => (Some(pid), None),
            Answer::Done { ended, .. } => (None, Some(Ok(ended.into()))),
            Answer::Failed(fault) => return Err(fault.into()),
        };
        Ok(Attached { input: Some(input), output, errors: Some(errors), socket, pid, ended, stage })
    }
}

impl Attached {
    /// The bytes of memory that it has now, with all that it started; `None` where the system does not say.
    pub fn resident(&self) -> Option<u64> {
        system::resident_below(Pid::from_raw(self.pid?)?)
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
