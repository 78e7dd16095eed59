//! The compiler's process.
//!
//! A [`Process`] is one compiler in a sandbox. One thread moves the bytes of all three
//! pipes and asks for cancellation while it waits, so that neither a full pipe nor a silent compiler can hold it. A helper stands
//! between: when this is dropped, or this program is killed, the compiler ends with all that it started.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use webstir_process::{Attached, Ended, Input, Job, Keep, Sandbox, Source, Stage, Tree};

use super::session::Launch;
use super::{Request, TypecheckError};

/// How long a cancellation may go unnoticed.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 25_000_000 };
/// How long a compiler that closed its output may take to end.
const GRACE: Duration = Duration::from_secs(2);
/// What is kept of the error output.
const TAIL: usize = 8 << 10;
const CHUNK: usize = 64 << 10;

/// One running compiler.
#[derive(Debug)]
pub(super) struct Process {
    running: Attached,
    tail: Vec<u8>,
    chunk: Box<[u8]>,
    program: PathBuf,
}

impl Process {
    /// Starts a compiler in the strongest sandbox there is. It sees the package that it lies in, and nothing of the workspace.
    pub(super) fn start(request: &Request<'_>, launch: &Launch) -> Result<Self, TypecheckError> {
        let program = &*launch.executable;
        let failed = |source| TypecheckError::Start { program: PathBuf::from(program), source };
        let package = Path::new(&launch.library).parent();
        let job = Job {
            program,
            arguments: launch.arguments.iter().map(OsString::as_os_str).collect(),
            directory: "",
            environment: launch
                .environment
                .iter()
                .map(|(name, value)| (OsStr::new(*name), OsStr::new(*value)))
                .collect(),
            // What interprets it may be a script.
            search_path: ["/usr/local/bin", "/usr/bin", "/bin"].map(Path::new).to_vec(),
            timeout: None,
            stdout: Keep::Tail(0),
            stderr: Keep::Tail(0),
        };
        let files = launch.files.iter();
        let inputs = files.map(|(path, bytes)| Input { path, executable: false, source: Source::bytes(bytes) });
        let tree = Tree { inputs: inputs.collect(), ..Tree::default() };
        let visible = request.visible.iter().map(PathBuf::as_path).chain(package).chain([program]).collect();
        let sandbox = Sandbox { visible, ..Sandbox::default() };
        let started = Stage::take(request.places).and_then(|stage| request.helper.attach(stage, &tree, &sandbox, &job));
        let running = started.map_err(|error| failed(io::Error::other(error)))?;
        for result in [
            running.input.as_ref().map_or(Ok(()), |pipe| rustix::io::ioctl_fionbio(pipe, true)),
            rustix::io::ioctl_fionbio(&running.output, true),
            running.errors.as_ref().map_or(Ok(()), |pipe| rustix::io::ioctl_fionbio(pipe, true)),
        ] {
            result.map_err(|error| failed(error.into()))?;
        }
        Ok(Self { running, tail: Vec::new(), chunk: vec![0; CHUNK].into_boxed_slice(), program: program.to_owned() })
    }

    /// Writes what it can of `outgoing` and waits until bytes arrive, which it adds to `incoming`. Returns their number; 0 means
    /// that the output has ended.
    pub(super) fn exchange(
        &mut self,
        outgoing: &mut Outgoing,
        incoming: &mut Vec<u8>,
        cancelled: &AtomicBool,
    ) -> Result<usize, TypecheckError> {
        loop {
            if cancelled.load(Ordering::Relaxed) {
                return Err(TypecheckError::Cancelled);
            }
            self.write(outgoing)?;
            let mut polled = vec![PollFd::new(&self.running.output, PollFlags::IN)];
            polled.extend(self.running.errors.as_ref().map(|errors| PollFd::new(errors, PollFlags::IN)));
            polled.extend(
                self.running
                    .input
                    .as_ref()
                    .filter(|_| !outgoing.is_empty())
                    .map(|pipe| PollFd::new(pipe, PollFlags::OUT)),
            );
            match poll(&mut polled, Some(&TICK)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(TypecheckError::world("Waiting for the compiler")(error.into())),
            }
            let has_output = !polled[0].revents().is_empty();
            let has_errors = self.running.errors.is_some() && !polled[1].revents().is_empty();
            if has_errors {
                self.read_errors();
            }
            if has_output
                && let Some(read) = read_some(&mut self.running.output, &mut self.chunk, incoming)
                    .map_err(TypecheckError::world("Reading from the compiler"))?
            {
                return Ok(read);
            }
        }
    }

    fn write(&mut self, outgoing: &mut Outgoing) -> Result<(), TypecheckError> {
        let Some(input) = &mut self.running.input else {
            outgoing.clear();
            return Ok(());
        };
        while !outgoing.is_empty() {
            match input.write(outgoing.rest()) {
                Ok(written) => outgoing.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The compiler ended: its output says so next.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    self.running.input = None;
                    break;
                }
                Err(error) => return Err(TypecheckError::world("Writing to the compiler")(error)),
            }
        }
        outgoing.clear();
        Ok(())
    }

    /// Takes what the error output holds; an output that has ended or fails is closed.
    fn read_errors(&mut self) {
        let Some(errors) = &mut self.running.errors else { return };
        let is_open = matches!(read_some(errors, &mut self.chunk, &mut self.tail), Ok(None | Some(1..)));
        if !is_open {
            self.running.errors = None;
        }
        if self.tail.len() > TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    /// Waits for a process whose output has ended; one that stays is killed.
    fn finish(&mut self, cancelled: &AtomicBool) -> Result<ExitStatus, TypecheckError> {
        let step = Duration::from_millis(2);
        let mut waited = Duration::ZERO;
        while waited < GRACE && !self.running.has_ended() {
            if cancelled.load(Ordering::Relaxed) {
                return Err(TypecheckError::Cancelled);
            }
            std::thread::sleep(step);
            waited += step;
        }
        self.read_errors();
        match self
            .running
            .end()
            .map_err(|error| TypecheckError::world("Waiting for the compiler")(io::Error::other(error)))?
        {
            Ended::Exited(status) => Ok(*status),
            Ended::NotStarted { error, .. } => {
                Err(TypecheckError::Start { program: self.program.clone(), source: error.kind().into() })
            }
            Ended::TimedOut | Ended::Cancelled | Ended::TooMuchOutput => {
                Ok(ExitStatus::from_raw(Signal::KILL.as_raw()))
            }
        }
    }

    /// The error for a compiler that ended before it answered.
    pub(super) fn ended(&mut self, cancelled: &AtomicBool) -> TypecheckError {
        match self.finish(cancelled) {
            Ok(status) => {
                let stderr = self.stderr();
                // What runs it says so, and ends itself with a signal.
                if stderr.contains("out of memory") {
                    return TypecheckError::OutOfMemory;
                }
                TypecheckError::Ended { status: status.to_string(), stderr }
            }
            Err(error) => error,
        }
    }

    /// The end of the error output.
    pub(super) fn stderr(&mut self) -> String {
        self.read_errors();
        String::from_utf8_lossy(&self.tail).trim_end().to_owned()
    }

    /// The bytes of memory that the process has now; `None` where the system does not say.
    pub(super) fn resident(&self) -> Option<u64> {
        self.running.resident()
    }
}

/// Reads once; `None` when nothing is there yet.
fn read_some(pipe: &mut impl Read, chunk: &mut [u8], into: &mut Vec<u8>) -> io::Result<Option<usize>> {
    loop {
        match pipe.read(chunk) {
            Ok(read) => {
                into.extend_from_slice(&chunk[..read]);
                return Ok(Some(read));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Bytes on their way to the process.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    written: usize,
}

impl Outgoing {
    /// Adds bytes.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
    }
}
