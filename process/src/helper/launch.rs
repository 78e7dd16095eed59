//! The launcher: a helper for each command, made by `fork`.

use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::channel;
use crate::system::{self, EndOf, Forked};

/// A helper that has not been reaped.
struct Helper {
    pid: Pid,
    end: EndOf,
}

/// Makes helpers until the engine is gone. Returns in the launcher and in each helper, where `help` has done its work before.
pub(super) fn serve(engine: UnixStream, help: impl FnOnce(UnixStream) -> ExitCode) -> ExitCode {
    system::begin();
    let mut helpers = Vec::new();
    loop {
        let is_asked = wait(&engine, &helpers);
        reap(&mut helpers);
        if !is_asked {
            continue;
        }
        let Ok(Some((_, mut descriptors))) = channel::receive(&engine) else { return ExitCode::SUCCESS };
        let Some(socket) = descriptors.pop() else { return ExitCode::from(2) };
        match system::fork() {
            Ok(Forked::Child) => {
                // Nothing of the launcher's goes on here: its socket would seem to be open as long as this process lives.
                drop((engine, helpers));
                return if rustix::stdio::dup2_stdin(&socket).is_ok() {
                    help(socket.into())
                } else {
                    ExitCode::from(2)
                };
            }
            Ok(Forked::Parent(pid)) => helpers.push(Helper { pid, end: EndOf::new(pid) }),
            // The socket is closed, which tells the engine.
            Err(_) => {}
        }
    }
}

/// Waits until the engine says something, which is told, or a helper ends.
fn wait(engine: &UnixStream, helpers: &[Helper]) -> bool {
    let mut polled = vec![PollFd::new(engine, PollFlags::IN)];
    let ends = helpers.iter().filter_map(|helper| helper.end.descriptor());
    polled.extend(ends.map(|end| PollFd::from_borrowed_fd(end, PollFlags::IN)));
    let tick = helpers.iter().find_map(|helper| helper.end.tick()).and_then(|tick| Timespec::try_from(tick).ok());
    poll(&mut polled, tick.as_ref()).is_ok() && !polled[0].revents().is_empty()
}

/// Reaps the helpers that have ended. One that was killed left what it had started: it is ended here.
fn reap(helpers: &mut Vec<Helper>) {
    let mut has_killed = false;
    helpers.retain(|helper| {
        if !helper.end.is_over() {
            return true;
        }
        let status = waitpid(Some(helper.pid), WaitOptions::NOHANG).ok().flatten();
        has_killed |= status.is_some_and(|(_, status)| status.signaled());
        false
    });
    if has_killed {
        system::end_others(&helpers.iter().map(|helper| helper.pid).collect::<Vec<_>>());
    }
}
