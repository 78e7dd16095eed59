//! What a command left: how it ended, what it wrote, and the files in its tree.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use crate::error::ProcessError;
use crate::path;
use crate::plan::End;
use crate::sandbox::{Accesses, Ran, Tier};
use crate::stage::Stage;
use crate::surroundings::Surroundings;

/// How a command ended. Whatever it started has ended, too.
#[derive(Debug)]
pub enum Ended {
    /// By itself.
    Exited(ExitStatus),
    /// It took too long and was killed.
    TimedOut,
    /// Nobody wants its result, and it was killed.
    Cancelled,
    /// It wrote more than was to be kept whole, and was killed.
    TooMuchOutput,
    /// It could not be started.
    NotStarted {
        /// What the system says.
        error: io::Error,
        /// Whether its program is there: the interpreter that its first line names is missing then, or it is no program.
        is_there: bool,
    },
}

impl From<End> for Ended {
    fn from(end: End) -> Self {
        match end {
            End::Exited(status) => Self::Exited(ExitStatus::from_raw(status)),
            End::TimedOut => Self::TimedOut,
            End::Cancelled => Self::Cancelled,
            End::TooMuchOutput => Self::TooMuchOutput,
            End::NotStarted(error, is_there) => {
                Self::NotStarted { error: io::Error::from_raw_os_error(error), is_there }
            }
        }
    }
}

/// A command that is over. Nothing of it runs any more. Dropping it removes its tree.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub ended: Ended,
    /// What was kept of its output.
    pub stdout: Vec<u8>,
    /// What was kept of its error output.
    pub stderr: Vec<u8>,
    /// Inputs whose bytes or executable bit the command changed in its tree, or that it removed; sorted.
    pub changed_inputs: Vec<String>,
    /// Files that it wrote into its tree and that are no inputs, its outputs among them; sorted, no more than 10,000.
    pub written: Vec<String>,
    /// What it looked at, where that was observed.
    pub accesses: Option<Accesses>,
    /// Whether its tree was an overlay.
    pub is_overlay: bool,
    /// What it was run in; of a tree only.
    pub ran: Ran,
    pub(crate) surroundings: Surroundings,
    // Closed before the stage is removed.
    pub(crate) tree: Option<OwnedFd>,
    pub(crate) stage: Option<Stage>,
}

/// What lies at a declared output.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// The files, sorted by path.
    pub files: Vec<OutputFile>,
    /// What is no file and can be no output, sorted by path.
    pub refused: Vec<Refused>,
}

/// A file in the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutputFile {
    /// Relative to the tree.
    pub path: String,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// Bytes.
    pub size: u64,
}

/// Something that can be no output.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// Relative to the tree; what is no UTF-8 in it is replaced.
    pub path: String,
    /// What it is.
    pub kind: RefusedKind,
}

/// What something is that can be no output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RefusedKind {
    /// A symbolic link.
    #[error("is a symbolic link")]
    SymbolicLink,
    /// A socket.
    #[error("is a socket")]
    Socket,
    /// A named pipe.
    #[error("is a named pipe")]
    NamedPipe,
    /// A device.
    #[error("is a device")]
    Device,
    /// A name that is no UTF-8.
    #[error("has a name that is no UTF-8")]
    Name,
    /// A file where the path needs a directory.
    #[error("is a file and no directory")]
    File,
}

impl Finished {
    /// The end of what the command wrote, output first, with paths of its tree relative to that.
    pub fn output(&self) -> String {
        let all = [&self.stdout[..], &self.stderr[..]].concat();
        self.relative(&String::from_utf8_lossy(&all)).trim_end().to_owned()
    }

    /// A text of the command with what it says of files in its tree as the workspace names them.
    pub fn relative(&self, text: &str) -> String {
        let tree = self.tree_path().map(|tree| format!("{}/", tree.display()));
        tree.map_or_else(|| text.to_owned(), |tree| without(text, &tree))
    }

    /// Where the command found its tree; nothing lies there any more.
    pub fn tree_path(&self) -> Option<PathBuf> {
        let stage = self.stage.as_ref()?;
        Some(if self.ran.tier == Tier::Namespace {
            PathBuf::from(self.surroundings.tree())
        } else {
            stage.tree().to_owned()
        })
    }

    /// The files at `output`, which is a file or a directory; none when nothing is there. No link is followed.
    pub fn collect(&self, output: &str) -> Result<Collected, ProcessError> {
        path::check(output)?;
        let mut collected = Collected::default();
        let Some(tree) = &self.tree else { return Ok(collected) };
        let failed = || ProcessError::read(output);
        let Some((directory, name)) = descend(tree.as_fd(), output, &mut collected).map_err(failed())? else {
            return Ok(collected);
        };
        visit(directory.as_fd(), OsStr::new(name), output.to_owned(), 0, &mut collected)?;
        collected.files.sort();
        collected.refused.sort();
        Ok(collected)
    }

    /// The bytes of a collected file.
    pub fn read(&self, file: &OutputFile) -> Result<Vec<u8>, ProcessError> {
        let mut bytes = Vec::with_capacity(usize::try_from(file.size).unwrap_or(0));
        self.open(file)?.read_to_end(&mut bytes).map_err(ProcessError::read(&file.path))?;
        Ok(bytes)
    }

    /// A collected file, to be read.
    pub fn open(&self, file: &OutputFile) -> Result<File, ProcessError> {
        path::check(&file.path)?;
        let failed = ProcessError::read(&file.path);
        let open = || -> io::Result<File> {
            let tree = self.tree.as_ref().ok_or(io::ErrorKind::NotFound)?;
            let found = descend(tree.as_fd(), &file.path, &mut Collected::default())?;
            let (directory, name) = found.ok_or(io::ErrorKind::NotFound)?;
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            Ok(File::from(openat(directory, name, flags, Mode::empty())?))
        };
        open().map_err(failed)
    }
}

/// The text without a directory that ends with a slash, where a path begins with it.
fn without(text: &str, directory: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(directory) {
        let before = &rest[..at];
        out += before;
        let is_in_a_path = before.ends_with(|c: char| c.is_alphanumeric() || "-_./~".contains(c));
        if before.ends_with("file://") {
            out.truncate(out.len() - "file://".len());
        } else if is_in_a_path {
            out += directory;
        }
        rest = &rest[at + directory.len()..];
    }
    out + rest
}

/// Directories in each other below an output; each is open while what lies below it is read.
const DEEPEST: u32 = 256;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens the directory that `path` lies in, step by step. `None` when it is not there or, as `collected` says then, is none.
fn descend<'a>(
    tree: BorrowedFd<'_>,
    path: &'a str,
    collected: &mut Collected,
) -> io::Result<Option<(OwnedFd, &'a str)>> {
    let mut directory = tree.try_clone_to_owned()?;
    let mut rest = path;
    while let Some((part, below)) = rest.split_once('/') {
        directory = match openat(&directory, part, DIRECTORY, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let stat = statat(&directory, part, AtFlags::SYMLINK_NOFOLLOW)?;
                let kind = refusal(FileType::from_raw_mode(stat.st_mode)).unwrap_or(RefusedKind::File);
                let path = path[..path.len() - below.len() - 1].to_owned();
                collected.refused.push(Refused { path, kind });
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        rest = below;
    }
    Ok(Some((directory, rest)))
}

fn refusal(kind: FileType) -> Option<RefusedKind> {
    match kind {
        FileType::Symlink => Some(RefusedKind::SymbolicLink),
        FileType::Socket => Some(RefusedKind::Socket),
        FileType::Fifo => Some(RefusedKind::NamedPipe),
        FileType::CharacterDevice | FileType::BlockDevice => Some(RefusedKind::Device),
        _ => None,
    }
}

/// Sorts one entry in, and what lies below it.
fn visit(
    parent: BorrowedFd<'_>,
    name: &OsStr,
    path: String,
    depth: u32,
    collected: &mut Collected,
) -> Result<(), ProcessError> {
    let failed = |error: Errno| ProcessError::read(&path)(error.into());
    let stat = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        stat => stat.map_err(failed)?,
    };
    let kind = FileType::from_raw_mode(stat.st_mode);
    if let Some(kind) = refusal(kind) {
        collected.refused.push(Refused { path, kind });
        return Ok(());
    }
    if kind != FileType::Directory {
        let executable = stat.st_mode & 0o100 != 0;
        collected.files.push(OutputFile { path, executable, size: u64::try_from(stat.st_size).unwrap_or(0) });
        return Ok(());
    }
    if depth > DEEPEST {
        return Err(failed(Errno::NAMETOOLONG));
    }
    let directory = openat(parent, name, DIRECTORY, Mode::empty()).map_err(failed)?;
    for entry in Dir::read_from(&directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let below = format!("{path}/{}", name.to_string_lossy());
        if name.to_str().is_none() {
            collected.refused.push(Refused { path: below, kind: RefusedKind::Name });
        } else {
            visit(directory.as_fd(), name, below, depth + 1, collected)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn paths_of_the_tree_are_relative() {
        for (text, expected) in [
            ("at /w/src/a.ts:1 (file:///w/b.ts) '/w/c'", "at src/a.ts:1 (b.ts) 'c'"),
            ("/w/a=/w/b", "a=b"),
            ("https://x/w/a and ./w/a and /usr/w/a", "https://x/w/a and ./w/a and /usr/w/a"),
            ("/w and /work/a", "/w and /work/a"),
        ] {
            assert_eq!(without(text, "/w/"), expected);
        }
    }
}
