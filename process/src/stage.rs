//! Places on disk where trees are made.
//!
//! A [`Stage`] is a numbered directory below a state directory, locked while it is in use: by its owner and by the helper that
//! works in it, so that one that a killed process left is taken and cleared only when nothing works in it any more. Numbers start
//! at 0 each time, so that a command finds itself at the same path from run to run. Its own directories stay, empty, for whoever
//! takes it next: making and removing them would take longer than most of the rest.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::error::ProcessError;
use crate::surroundings::Surroundings;

/// More stages than processes run at once.
const MOST: u32 = 4096;

/// One place, ours until it is dropped.
#[derive(Debug)]
pub struct Stage {
    directory: PathBuf,
    tree: PathBuf,
    temporary: PathBuf,
    lock: File,
    memory: Option<u64>,
}

impl Stage {
    /// Takes the first free place below `state`, which is made when it is not there. An absolute path without a part that starts
    /// with a dot suits most commands best: some tools leave out what lies below such a part.
    pub fn take(state: &Path) -> Result<Self, ProcessError> {
        Self::take_from(state, 0)
    }

    /// As [`take`](Self::take), and the first free one whose number is not below this one: who asks for another number than others finds
    /// itself at the same path also when those work at the same time.
    pub fn take_from(state: &Path, first: u32) -> Result<Self, ProcessError> {
        let failed = |path: &Path| ProcessError::stage("Making a place for a command", path);
        let state = std::path::absolute(state).map_err(failed(state))?;
        fs::create_dir_all(&state).map_err(failed(&state))?;
        for number in first..first.saturating_add(MOST) {
            let Some(lock) = lock(&state.join(format!("{number}.lock"))).map_err(failed(&state))? else { continue };
            let directory = state.join(number.to_string());
            let (tree, temporary) = (directory.join("tree"), directory.join("temporary"));
            let place = Self { directory, tree, temporary, lock, memory: None };
            place.empty().map_err(failed(&place.directory))?;
            return Ok(place);
        }
        Err(failed(&state)(io::ErrorKind::QuotaExceeded.into()))
    }

    /// Where the command finds its tree. Only the command does: [`Finished`](crate::Finished) says what lies in it then.
    pub fn tree(&self) -> &Path {
        &self.tree
    }

    /// An empty directory for temporary files, outside of the tree.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Where programs lie that are [offered](Self::offer): a directory for the search path of the command.
    pub fn programs(&self) -> PathBuf {
        self.directory.join("programs")
    }

    /// The home of a command outside of namespaces: where its temporary files lie, or a directory there.
    pub(crate) fn home(&self, surroundings: Surroundings) -> PathBuf {
        match surroundings.user_name() {
            Some(name) => self.temporary.join(name),
            None => self.temporary.clone(),
        }
    }

    /// Has these programs found by their names, wherever they lie.
    pub fn offer(&self, programs: &[(Box<str>, PathBuf)]) -> Result<(), ProcessError> {
        let directory = self.programs();
        let failed = || ProcessError::stage("Offering a program to a command", &directory);
        if !programs.is_empty() {
            fs::create_dir(&directory).map_err(failed())?;
        }
        for (name, place) in programs {
            match symlink(place, directory.join(&**name)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made.map_err(failed())?,
            }
        }
        Ok(())
    }

    /// What a command may write into memory where its tree is an overlay, in bytes; half of what the system has by default. A command
    /// that fails where there was no room is run again, with what it writes on disk.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    pub(crate) fn memory(&self) -> Option<u64> {
        self.memory
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn lock(&self) -> &File {
        &self.lock
    }
}

impl Stage {
    /// Leaves nothing but empty directories.
    fn empty(&self) -> io::Result<()> {
        empty(&self.directory)?;
        for directory in [&self.tree, &self.temporary] {
            match fs::create_dir(directory) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What stays is cleared by whoever takes the place next.
        let _ = empty(&self.directory);
    }
}

/// Removes what is in a stage, and what is in its own directories.
pub(crate) fn empty(stage: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(stage) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return fs::create_dir(stage),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let is_own = entry.file_type()?.is_dir() && (entry.file_name() == "tree" || entry.file_name() == "temporary");
        // One that may not be read is no longer as it was made.
        let is_empty = is_own && fs::read_dir(&path).is_ok_and(|mut below| below.next().is_none());
        if !(is_empty && is_plain(&path)?) {
            clear(&path)?;
        }
    }
    Ok(())
}

/// Whether a directory has the rights that it was made with.
fn is_plain(directory: &Path) -> io::Result<bool> {
    Ok(fs::metadata(directory)?.permissions().mode() & 0o700 == 0o700)
}

/// Clears the places below `state` that processes left which are no more.
pub fn sweep(state: &Path) -> Result<(), ProcessError> {
    let failed = |path: &Path| ProcessError::stage("Clearing what was left of a command", path);
    let entries = match fs::read_dir(state) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed(state))?,
    };
    for entry in entries {
        let name = entry.map_err(failed(state))?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.strip_suffix(".lock")) else { continue };
        let directory = state.join(number);
        if number.parse::<u32>().is_ok()
            && directory.symlink_metadata().is_ok()
            && let Some(_lock) = lock(&state.join(&name)).map_err(failed(state))?
        {
            empty(&directory).map_err(failed(&directory))?;
        }
    }
    Ok(())
}

/// Locks a file that is made when it is not there; `None` when another one has it. The file stays: who removes a lock file takes
/// it from whoever waits for it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes a directory and all below it, also directories that may not be read (an overlay's work directory has no rights at all).
/// Links are removed and not followed. What is mounted there is never entered: it is taken off first, and where that cannot be, nothing
/// is removed. A command that could mount the root of the system in its tree would have all of it deleted otherwise.
fn clear(directory: &Path) -> io::Result<()> {
    take_off_mounts(directory)?;
    match fs::remove_dir_all(directory) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(directory),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(directory)?;
            fs::remove_dir_all(directory)
        }
        Err(error) => Err(error),
    }
}

/// Takes off what is mounted at and below a directory, the last first.
fn take_off_mounts(directory: &Path) -> io::Result<()> {
    // A link is removed, whatever it leads to.
    if !fs::symlink_metadata(directory).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(());
    }
    let mounts = match fs::read_to_string("/proc/self/mountinfo") {
        // Nothing is removed where it is not known what is mounted there.
        Err(error) if cfg!(target_os = "linux") => return Err(error),
        mounts => mounts.unwrap_or_default(),
    };
    let directory = fs::canonicalize(directory)?;
    let below = mounts.lines().filter_map(|line| Some(unescaped(line.split(' ').nth(4)?)));
    let below: Vec<PathBuf> = below.filter(|place| place.starts_with(&directory)).collect();
    for place in below.iter().rev() {
        unmount(place)?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn unmount(place: &Path) -> io::Result<()> {
    use rustix::mount::UnmountFlags;
    Ok(rustix::mount::unmount(place, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn unmount(_: &Path) -> io::Result<()> {
    Err(io::ErrorKind::ResourceBusy.into())
}

/// A path as `mountinfo` writes it: what separates words there is a backslash and three octal digits.
fn unescaped(path: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.first_chunk::<3>().filter(|_| *first == b'\\');
        let number = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(number.unwrap_or(*first));
        rest = if number.is_some() { &after[3..] } else { after };
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// Gives the owner all rights to a directory and those below it.
fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_empty(stage: &Path) -> bool {
        fs::read_dir(stage).unwrap().flatten().all(|entry| fs::read_dir(entry.path()).unwrap().next().is_none())
    }

    #[test]
    fn places_are_taken_once_and_numbered_anew() {
        let state = tempfile::tempdir().unwrap();
        let first = Stage::take(state.path()).unwrap();
        let second = Stage::take(state.path()).unwrap();
        assert_eq!([first.directory(), second.directory()], ["0", "1"].map(|name| state.path().join(name)));
        fs::write(first.temporary().join("x"), "x").unwrap();
        fs::write(first.directory().join("x"), "x").unwrap();
        drop(first);
        assert!(is_empty(&state.path().join("0")));
        assert_eq!(Stage::take(state.path()).unwrap().directory(), state.path().join("0"));
        let [one, other] = [7, 7].map(|first| Stage::take_from(state.path(), first).unwrap());
        assert_eq!([one.directory(), other.directory()], ["7", "8"].map(|name| state.path().join(name)));
    }

    #[test]
    fn what_is_mounted_in_a_stage_is_not_removed() {
        use rustix::mount::{UnmountFlags, mount_bind, unmount};
        let (state, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(elsewhere.path().join("file"), "x").unwrap();
        let taken = Stage::take(state.path()).unwrap();
        let place = taken.tree().join("a directory");
        fs::create_dir(&place).unwrap();
        // Who may not mount anything has nothing to fear.
        if mount_bind(elsewhere.path(), &place).is_err() {
            return;
        }
        assert!(place.join("file").exists());
        drop(taken);
        // Else it would be removed with the directories of this test.
        let _ = unmount(&place, UnmountFlags::DETACH);
        assert!(is_empty(&state.path().join("0")));
        assert_eq!(fs::read_to_string(elsewhere.path().join("file")).unwrap(), "x");
    }

    #[test]
    fn a_link_in_a_stage_is_not_followed_to_mounts() {
        let (state, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let place = elsewhere.path().join("mounted");
        fs::create_dir(&place).unwrap();
        let is_mounted = rustix::mount::mount_bind(&place, &place).is_ok();
        symlink(elsewhere.path(), state.path().join("link")).unwrap();
        take_off_mounts(&state.path().join("link")).unwrap();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let is_still = mounts.contains(place.to_str().unwrap());
        let _ = rustix::mount::unmount(&place, rustix::mount::UnmountFlags::DETACH);
        assert_eq!(is_still, is_mounted);
    }

    #[test]
    fn paths_of_mounts_are_read() {
        assert_eq!(unescaped(r"/a\040b\\c\1"), PathBuf::from(r"/a b\\c\1"));
        assert_eq!(unescaped(r"/a\134b"), PathBuf::from(r"/a\b"));
    }

    #[test]
    fn what_was_left_is_cleared_and_what_is_in_use_is_not() {
        let state = tempfile::tempdir().unwrap();
        let used = Stage::take(state.path()).unwrap();
        let left = state.path().join("7");
        fs::create_dir_all(left.join("work/work/deep")).unwrap();
        fs::write(left.join("work/work/deep/file"), "x").unwrap();
        fs::write(state.path().join("7.lock"), "").unwrap();
        for directory in ["work/work/deep", "work/work"] {
            fs::set_permissions(left.join(directory), fs::Permissions::from_mode(0o000)).unwrap();
        }
        sweep(state.path()).unwrap();
        assert!(is_empty(&left));
        assert!(used.tree().is_dir());
    }
}
