//! Starting the command.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::process::Pid;

use super::Prepared;
use super::engine::code;
use super::streams::{Ends, Streams};
use crate::plan::{End, Fault, Plan};

/// What runs now.
pub(super) struct Started {
    /// The child of the helper whose end is the end of the command; none when it could not be started.
    pub(super) leader: Option<Pid>,
    pub(super) status: Status,
    /// Where the descriptor comes from that tells of observed calls.
    pub(super) observer: Option<UnixStream>,
}

/// Who knows how the command ended.
pub(super) enum Status {
    /// The leader is the command.
    OfLeader,
    /// The leader tells it.
    Told(Box<dyn Told>),
    NotStarted(i32, bool),
}

/// A leader's last words.
pub(super) trait Told {
    fn read(&self) -> Result<End, Fault>;
}

/// Starts the command of `plan` in `tree`, as a child and in a process group of its own: one that ends its own group
/// (`kill 0`) must not end its helper. The outer error is about the directory, the inner one about the program.
pub(super) fn spawn(plan: &Plan<'_>, tree: &Path, ends: Ends) -> Result<Result<Child, (io::Error, bool)>, Fault> {
    let directory = tree.join(plan.directory.as_path());
    std::env::set_current_dir(&directory)
        .map_err(|error| Fault::io("Entering the directory", &directory.to_string_lossy(), &error))?;
    let program: PathBuf = tree.join(plan.program.as_path());
    let mut command = Command::new(&program);
    command
        .args(plan.arguments.iter().map(|argument| argument.as_text()))
        .env_clear()
        .envs(plan.environment.iter().map(|(name, value)| (name.as_text(), value.as_text())))
        .stdin(ends.stdin)
        .stdout(ends.stdout)
        .stderr(ends.stderr)
        .process_group(0);
    Ok(command.spawn().map_err(|error| (error, program.exists())))
}

/// Starts it as a child of the helper.
fn direct(plan: &Plan<'_>, tree: &Path, streams: &mut Streams) -> Result<Started, Fault> {
    let ends = streams.open().map_err(|error| Fault::Io("Making a pipe".to_owned(), code(&error)))?;
    Ok(match spawn(plan, tree, ends)? {
        Ok(child) => Started { leader: Some(Pid::from_child(&child)), status: Status::OfLeader, observer: None },
        Err((error, is_there)) => {
            Started { leader: None, status: Status::NotStarted(code(&error), is_there), observer: None }
        }
    })
}

/// A directory as it is.
pub(super) struct Bare<'a> {
    pub(super) directory: &'a Path,
}

impl Prepared for Bare<'_> {
    fn start(&self, plan: &Plan<'_>, streams: &mut Streams) -> Result<Started, Fault> {
        direct(plan, self.directory, streams)
    }

    fn changed(&self) -> Result<Vec<String>, Fault> {
        Ok(Vec::new())
    }

    fn written(&self) -> Result<Vec<String>, Fault> {
        Ok(Vec::new())
    }

    fn root(&self) -> Result<Option<OwnedFd>, Fault> {
        Ok(None)
    }
}
