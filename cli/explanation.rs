//! The key dumps of a workspace on disk.
//!
//! `.webstir/explain/<profile>` is the [`KeyDump`] of the last build that planned something else than the one before or ran anything,
//! `<profile>.before` the one before it. An [`Explanation`] is the two together. They are only there to be looked at: no build reads
//! them to decide anything, so one that cannot be written or read is one that is not there.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use webstir_engine::database::Database;
use webstir_engine::digest::Digest;
use webstir_engine::event::Status;
use webstir_engine::explain::Comparison;
use webstir_engine::key_dump::{HEAD_BYTES, KeyDump, LARGEST_DUMP, decode, encode, identity, identity_of};
use webstir_engine::schedule::Run;
use webstir_engine::state_directory::{StateDirectory, file_name};

/// What was planned last, and before that.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) before: Option<KeyDump>,
    pub(crate) after: KeyDump,
}

impl Explanation {
    /// The dump of the last build of a profile, and the one before.
    pub(crate) fn open(root: &Path, profile: &str) -> Option<Self> {
        let path = place(root, profile);
        let after = read(&path)?;
        Some(Self { before: read(&before(&path)), after })
    }

    /// Whether there seems to be a dump of the last build of a profile; only its head is read.
    pub(crate) fn is_there(root: &Path, profile: &str) -> bool {
        head(&place(root, profile)).is_some()
    }

    /// Writes what `run` planned, when it says something new. `None` when nothing ran and nothing is planned otherwise.
    pub(crate) fn record(root: &Path, profile: &str, run: &Run, database: &Database) -> Option<Self> {
        let path = place(root, profile);
        let ran = run.reports.iter().any(|report| matches!(report.status, Status::Ran | Status::Failed));
        if !ran && is_reported(&path, run) {
            return None;
        }
        let earlier = read(&path);
        let after = KeyDump::new(run, database, profile, env!("CARGO_PKG_VERSION"), earlier.as_ref());
        // Best effort, see the head of this module.
        let _ = write(&path, &encode(&after));
        Some(Self { before: earlier, after })
    }

    pub(crate) fn comparison(&self) -> Comparison<'_> {
        Comparison::new(self.before.as_ref(), &self.after)
    }
}

/// Where the dumps of a workspace are.
fn directory(root: &Path) -> PathBuf {
    StateDirectory::of(root).join("explain")
}

/// The profiles that something is known of, sorted. Those whose name is no file name are left out.
pub(crate) fn profiles(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory(root)).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut profiles: Vec<String> = names.filter(|name| file_name(name) == *name).collect();
    profiles.sort();
    profiles
}

/// Where the dump of a profile is.
fn place(root: &Path, profile: &str) -> PathBuf {
    directory(root).join(file_name(profile))
}

fn before(path: &Path) -> PathBuf {
    path.with_extension("before")
}

/// Whether the dump at `path` is of the same plan.
fn is_reported(path: &Path, run: &Run) -> bool {
    let keys = run.reports.iter().map(|report| (&report.label, report.key));
    head(path) == Some(identity(keys))
}

/// The identity of the plan in the dump at `path`; `None` when it does not start as one.
fn head(path: &Path) -> Option<Digest> {
    let mut head = [0; HEAD_BYTES];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).ok()?;
    identity_of(&head)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    match fs::rename(path, before(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    file.persist(path)?;
    Ok(())
}

/// The dump in a file; `None` when there is none, or it is damaged or of another version.
pub(crate) fn read(path: &Path) -> Option<KeyDump> {
    let file = fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(LARGEST_DUMP).read_to_end(&mut bytes).ok()?;
    decode(&bytes)
}

/// The dump of another workspace, from its directory or from a file.
pub(crate) fn read_other(path: &Path, profile: &str) -> Option<KeyDump> {
    if path.is_dir() { read(&place(path, profile)) } else { read(path) }
}
