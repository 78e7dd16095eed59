//! Which way a tree is made.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::helper::{ARGUMENT, PROBE, PROBED};
use crate::plan::{Input, Keep, Source, Tree};
use crate::run::{Ended, Helper, Job, ProcessError};
use crate::stage::Stage;

/// How a tree is made. A command sees the same either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// An overlay where the system lets one be made, which is tried once, and a copy elsewhere.
    #[default]
    Automatic,
    /// A layer over the workspace, in which what is not declared is hidden. Its cost hardly depends on the number of files.
    Overlay,
    /// Each file copied.
    Copy,
}

/// More than a probe takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is known in this process, by state directory.
static KNOWN: Mutex<BTreeMap<PathBuf, bool>> = Mutex::new(BTreeMap::new());

/// Whether the tree of `stage` over the workspace `root` can be an overlay.
pub(crate) fn is_overlay(helper: &Helper, stage: &Stage, root: &Path) -> bool {
    cfg!(target_os = "linux") && owns(root) && is_possible(helper, stage)
}

/// Whether what the command changes can be copied up to a layer of ours: who is not root may not make files of others.
fn owns(root: &Path) -> bool {
    let own = rustix::process::geteuid();
    own.is_root() || root.metadata().is_ok_and(|metadata| metadata.uid() == own.as_raw())
}

/// What was found out since the system started, by this user; else a probe. Its result is kept beside the stages: it holds for their
/// file system.
fn is_possible(helper: &Helper, stage: &Stage) -> bool {
    let Some(state) = stage.directory().parent() else { return false };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(state) {
        return *known;
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let (user, version) = (rustix::process::geteuid().as_raw(), env!("CARGO_PKG_VERSION"));
    let circumstances = format!("{} {user} {version}", boot.trim());
    let file = state.join(format!("way-{user}"));
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let is_possible = match kept.trim_end().rsplit_once(' ') {
        Some((before, "overlay")) if before == circumstances => true,
        Some((before, "copy")) if before == circumstances => false,
        _ => {
            let is_possible = probe(helper, state).unwrap_or(false);
            let way = if is_possible { "overlay" } else { "copy" };
            // Where it cannot be kept it is found out again.
            let _ = fs::write(&file, format!("{circumstances} {way}\n"));
            is_possible
        }
    };
    known.insert(state.to_owned(), is_possible);
    is_possible
}

/// Makes a whole tree and does in it what commands do: what is not allowed shows late and in many places.
fn probe(helper: &Helper, state: &Path) -> Result<bool, ProcessError> {
    let (stage, workspace) = (Stage::take(state)?, Stage::take(state)?);
    let root = workspace.tree();
    for file in [PROBED.declared].iter().chain(PROBED.hidden) {
        let place = root.join(file);
        let written = place.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&place, file));
        written.map_err(ProcessError::stage("Preparing to find out whether overlays work", &place))?;
    }
    let inputs = vec![Input { path: PROBED.declared, executable: false, source: Source::Workspace }];
    let tree = Tree { inputs, ..Tree::default() };
    let own = std::env::current_exe().ok();
    // In the tree's namespaces `/proc/self/exe` is that of whoever looks.
    let program = if helper.program == Path::new("/proc/self/exe") { own.as_deref() } else { None };
    let job = Job {
        program: program.unwrap_or(&helper.program),
        arguments: vec![OsStr::new(ARGUMENT), OsStr::new(PROBE)],
        directory: "",
        environment: Vec::new(),
        timeout: Some(TIMEOUT),
        stdout: Keep::Tail(0),
        stderr: Keep::Tail(0),
    };
    let finished = helper.run(stage, Way::Overlay, root, &tree, &job, &AtomicBool::new(false))?;
    let has_output = finished.collect(PROBED.output)?.files.len() == 1;
    let is_untouched = fs::read(root.join(PROBED.declared)).is_ok_and(|bytes| bytes == PROBED.declared.as_bytes());
    let success = matches!(finished.ended, Ended::Exited(status) if status.success());
    Ok(success && has_output && is_untouched && finished.changed_inputs == [PROBED.declared])
}
