//! Processes that user rules start, and the files that they leave.

#![expect(clippy::disallowed_methods, reason = "processes are started here")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use webstir_engine::path::RelPath;

/// The end of the output that is kept for a finding.
const OUTPUT_BYTES: usize = 16 * 1024;

/// How often a running process is looked at.
const POLL: Duration = Duration::from_millis(10);

/// A process to run.
pub(crate) struct Job<'a> {
    pub(crate) program: &'a Path,
    pub(crate) arguments: &'a [Box<str>],
    pub(crate) root: &'a Path,
    pub(crate) directory: &'a RelPath,
    /// Everything it sees besides a fixed base.
    pub(crate) environment: &'a [(Box<str>, Box<str>)],
    pub(crate) timeout: Duration,
    pub(crate) cancelled: &'a AtomicBool,
}

/// How a process ended.
pub(crate) enum Ended {
    /// By itself.
    Exited {
        /// Whether its exit code was 0.
        success: bool,
        /// `exit code 3`, `signal 9`.
        status: String,
        /// The end of what it wrote to stdout and stderr.
        output: String,
    },
    /// It was killed because nobody wants its result.
    Cancelled,
    /// It was killed because it took too long.
    TimedOut,
}

/// Runs a process to its end. Neither it nor what it started is left behind.
pub(crate) fn run(job: &Job<'_>) -> io::Result<Ended> {
    use std::os::unix::process::CommandExt as _;

    let temporary = tempfile::Builder::new().prefix("webstir-").tempdir()?;
    let mut command = Command::new(job.program);
    command
        .args(job.arguments.iter().map(|argument| &**argument))
        .current_dir(job.root.join(job.directory.as_str()))
        .env_clear()
        .env("PATH", search_path(job))
        .env("HOME", temporary.path())
        .env("TMPDIR", temporary.path())
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8")
        .env("NO_COLOR", "1")
        .envs(job.environment.iter().map(|(name, value)| (&**name, &**value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let mut group = Group(command.spawn()?);
    let streams = [group.0.stdout.take().map(tail), group.0.stderr.take().map(tail)];
    let started = Instant::now();
    let status = loop {
        if let Some(status) = group.0.try_wait()? {
            break status;
        }
        if job.cancelled.load(Ordering::Relaxed) {
            return Ok(Ended::Cancelled);
        }
        if started.elapsed() > job.timeout {
            return Ok(Ended::TimedOut);
        }
        std::thread::sleep(POLL);
    };
    // What it started and left running would hold the pipes open.
    drop(group);
    let output: Vec<u8> = streams.into_iter().flatten().flat_map(|stream| stream.join().unwrap_or_default()).collect();
    let output = String::from_utf8_lossy(&output).trim_end().to_owned();
    Ok(Ended::Exited { success: status.success(), status: status.to_string(), output })
}

/// The programs that packages of the workspace bring come first.
fn search_path(job: &Job<'_>) -> std::ffi::OsString {
    let bin = job.root.join("node_modules/.bin");
    let own = job.program.parent().map(Path::to_owned);
    let usual = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
    std::env::join_paths([bin].into_iter().chain(own).chain(usual)).unwrap_or_default()
}

/// A process and everything in its group; killed when dropped.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // Nobody left in the group is no error.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// Reads to the end and keeps the last bytes.
fn tail(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let mut buffer = [0; 8192];
        while let Ok(count) = stream.read(&mut buffer) {
            if count == 0 {
                break;
            }
            kept.extend_from_slice(&buffer[..count]);
            if kept.len() > 2 * OUTPUT_BYTES {
                kept.drain(..kept.len() - OUTPUT_BYTES);
            }
        }
        kept
    })
}

/// Old outputs that were moved out of the way of a run.
pub(crate) struct Aside {
    directory: tempfile::TempDir,
    moved: BTreeMap<PathBuf, PathBuf>,
}

impl Aside {
    /// Moves what is at `outputs` out of the way.
    pub(crate) fn take(root: &Path, outputs: &[RelPath]) -> io::Result<Self> {
        let state = root.join(".webstir");
        fs::create_dir_all(&state)?;
        let directory = tempfile::Builder::new().prefix("aside-").tempdir_in(state)?;
        let mut aside = Self { directory, moved: BTreeMap::new() };
        for (index, output) in outputs.iter().enumerate() {
            let from = root.join(output.as_str());
            let to = aside.directory.path().join(index.to_string());
            match fs::rename(&from, &to) {
                Ok(()) => {
                    aside.moved.insert(from, to);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => {
                    aside.restore();
                    return Err(error);
                }
            }
            if let Some(parent) = root.join(output.as_str()).parent() {
                fs::create_dir_all(parent)?;
            }
        }
        Ok(aside)
    }

    /// Puts it back, in place of what a failed run wrote. Best effort: the next good run writes it anew.
    pub(crate) fn restore(self) {
        for (place, kept) in self.moved {
            if fs::remove_file(&place).is_err() {
                let _ = fs::remove_dir_all(&place);
            }
            let _ = fs::rename(kept, place);
        }
    }
}

/// The files at `output`, which is a file or a directory, with their bytes and whether they may be executed. Links are not
/// followed and not taken.
pub(crate) fn collect(root: &Path, output: &RelPath) -> io::Result<Vec<(RelPath, Vec<u8>, bool)>> {
    use std::os::unix::fs::PermissionsExt as _;

    let place = root.join(output.as_str());
    let metadata = match fs::symlink_metadata(&place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        metadata => metadata?,
    };
    if metadata.is_file() {
        let executable = metadata.permissions().mode() & 0o100 != 0;
        return Ok(vec![(output.clone(), fs::read(place)?, executable)]);
    }
    let mut files = Vec::new();
    if metadata.is_dir() {
        for entry in fs::read_dir(place)? {
            let name = entry?.file_name();
            if let Some(path) = name.to_str().and_then(|name| output.join(name).ok()) {
                files.extend(collect(root, &path)?);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Writes an input of a process to its place in the workspace, unless it is there.
pub(crate) fn write_below(root: &Path, path: &RelPath, bytes: &[u8]) -> io::Result<()> {
    let place = root.join(path.as_str());
    if fs::read(&place).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let directory = place.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(directory)?;
    if !fs::canonicalize(directory)?.starts_with(root) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "a symbolic link leads out of the workspace"));
    }
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    io::Write::write_all(&mut file, bytes)?;
    file.persist(place)?;
    Ok(())
}
