//! What the command writes.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::plan::Keep;
use crate::system::EndOf;

const CHUNK: usize = 64 << 10;
/// More than a pipe holds; what still comes after all is over is from a process that is not ours.
const MOST_LEFT: usize = 2 << 20;

/// What a command reads from and writes to.
pub(super) struct Ends {
    pub(super) stdin: Stdio,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

impl From<[OwnedFd; 3]> for Ends {
    fn from([stdin, stdout, stderr]: [OwnedFd; 3]) -> Self {
        Self { stdin: stdin.into(), stdout, stderr }
    }
}

/// Both streams that are written, where they are kept.
pub(super) struct Streams {
    given: Option<Ends>,
    kept: [Stream; 2],
    chunk: Vec<u8>,
}

struct Stream {
    pipe: Option<OwnedFd>,
    keep: Keep,
    kept: Vec<u8>,
    is_too_much: bool,
}

/// What there was to hear.
pub(super) struct Heard {
    pub(super) engine: bool,
    pub(super) observer: bool,
    pub(super) is_over: bool,
}

impl Streams {
    pub(super) fn kept(stdout: Keep, stderr: Keep) -> Self {
        let stream = |keep| Stream { pipe: None, keep, kept: Vec::new(), is_too_much: false };
        Self { given: None, kept: [stream(stdout), stream(stderr)], chunk: Vec::new() }
    }

    /// Streams of somebody else's, of which nothing is kept.
    pub(super) fn given(ends: Ends) -> Self {
        Self { given: Some(ends), ..Self::kept(Keep::Tail(0), Keep::Tail(0)) }
    }

    /// Returns the ends of the command, for which both pipes are made where they are not given.
    pub(super) fn open(&mut self) -> io::Result<Ends> {
        if let Some(given) = self.given.take() {
            return Ok(given);
        }
        let (ours, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
        self.kept[0].listen(ours)?;
        let (ours, stderr) = pipe_with(PipeFlags::CLOEXEC)?;
        self.kept[1].listen(ours)?;
        Ok(Ends { stdin: Stdio::null(), stdout, stderr })
    }

    /// Waits for output, the engine or the end, and takes the output.
    pub(super) fn wait(
        &mut self,
        engine: &UnixStream,
        observer: Option<BorrowedFd<'_>>,
        over: &EndOf,
        left: Option<Duration>,
    ) -> Heard {
        let left = over.tick().map_or(left, |tick| Some(left.map_or(tick, |left| left.min(tick))));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut polled = vec![PollFd::new(engine, PollFlags::IN)];
        polled.extend(observer.map(|observer| PollFd::from_borrowed_fd(observer, PollFlags::IN)));
        let end = polled.len();
        polled.extend(over.descriptor().map(|end| PollFd::from_borrowed_fd(end, PollFlags::IN)));
        let fixed = polled.len();
        polled.extend(self.kept.iter().filter_map(|stream| Some(PollFd::new(stream.pipe.as_ref()?, PollFlags::IN))));
        if poll(&mut polled, timeout.as_ref()).is_err() {
            return Heard { engine: true, observer: observer.is_some(), is_over: over.is_over() };
        }
        let hears = |at: usize| polled.get(at).is_some_and(|one| !one.revents().is_empty());
        let engine = hears(0);
        let is_over = if fixed > end { hears(end) } else { over.is_over() };
        let observer = observer.is_some() && hears(1);
        let mut ready: Vec<bool> = (fixed..polled.len()).map(hears).collect();
        ready.reverse();
        drop(polled);
        for stream in self.kept.iter_mut().filter(|stream| stream.pipe.is_some()) {
            if ready.pop().unwrap_or(false) {
                stream.read(&mut self.chunk);
            }
        }
        Heard { engine, observer, is_over }
    }

    /// Takes what is left in the pipes and closes them. Nobody is waited for.
    pub(super) fn drain(&mut self) {
        for stream in &mut self.kept {
            let mut taken = 0;
            while taken < MOST_LEFT && stream.pipe.is_some() {
                match stream.read(&mut self.chunk) {
                    0 => stream.pipe = None,
                    read => taken += read,
                }
            }
            stream.pipe = None;
            stream.trim();
        }
    }

    pub(super) fn is_too_much(&self) -> bool {
        self.kept.iter().any(|stream| stream.is_too_much)
    }

    /// Whether the command says that a disk is full, as it is called by the system and by Node.
    pub(super) fn tell_of_no_room(&self) -> bool {
        let says =
            |text: &[u8]| self.kept.iter().any(|stream| stream.kept.windows(text.len()).any(|part| part == text));
        says(b"No space left on device") || says(b"ENOSPC")
    }

    pub(super) fn stdout(&self) -> &[u8] {
        &self.kept[0].kept
    }

    pub(super) fn stderr(&self) -> &[u8] {
        &self.kept[1].kept
    }
}

impl Stream {
    fn listen(&mut self, pipe: OwnedFd) -> io::Result<()> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        self.pipe = Some(pipe);
        Ok(())
    }

    /// Takes what is there, one chunk at most. Returns the number of bytes; a pipe that has ended is closed.
    fn read(&mut self, chunk: &mut Vec<u8>) -> usize {
        let Some(pipe) = &self.pipe else { return 0 };
        chunk.resize(CHUNK, 0);
        match rustix::io::read(pipe, &mut chunk[..]) {
            Ok(read @ 1..) => {
                self.take(&chunk[..read]);
                read
            }
            Err(Errno::WOULDBLOCK | Errno::INTR) => 0,
            Ok(_) | Err(_) => {
                self.pipe = None;
                0
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        match self.keep {
            Keep::Tail(most) => {
                self.kept.extend_from_slice(bytes);
                // Moving the rest to the front seldom keeps it cheap.
                if self.kept.len() > 2 * (most as usize).max(CHUNK) {
                    self.trim();
                }
            }
            Keep::Whole(most) => {
                let left = (most as usize).saturating_sub(self.kept.len());
                self.is_too_much |= bytes.len() > left;
                self.kept.extend_from_slice(&bytes[..bytes.len().min(left)]);
            }
        }
    }

    fn trim(&mut self) {
        if let Keep::Tail(most) = self.keep {
            self.kept.drain(..self.kept.len().saturating_sub(most as usize));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_last_bytes_and_a_whole_says_when_it_is_too_much() {
        let mut streams = Streams::kept(Keep::Tail(3), Keep::Whole(3));
        for stream in &mut streams.kept {
            stream.take(b"ab");
            stream.take(b"cd");
        }
        assert!(streams.is_too_much());
        streams.drain();
        assert_eq!((streams.stdout(), streams.stderr()), (&b"bcd"[..], &b"abc"[..]));
    }
}
