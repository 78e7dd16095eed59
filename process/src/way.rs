//! Which way a tree is made.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::ProcessError;
use crate::finished::{Ended, Finished};
use crate::helper::{ARGUMENT, PROBE, PROBED};
use crate::plan::{Input, Keep, Kind, Source, Tree};
use crate::run::{Helper, Job, check};
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

impl Helper {
    /// Runs a command in a tree that shows it the declared files of the workspace `root`. `cancelled` is looked at all the time.
    pub fn run(
        &self,
        stage: Stage,
        way: Way,
        root: &Path,
        tree: &Tree<'_>,
        job: &Job<'_>,
        cancelled: &AtomicBool,
    ) -> Result<Finished, ProcessError> {
        check(tree, job)?;
        let root = std::path::absolute(root).map_err(ProcessError::stage("Finding the workspace", root))?;
        let kind = match (way, stage.memory()) {
            (Way::Copy, _) => Kind::Copy,
            (_, Some(bytes)) => Kind::Memory(Some(bytes)),
            (way, None) => match choose(self, &stage, &root) {
                // It fails, and says why.
                Kind::Copy if way == Way::Overlay => Kind::Memory(None),
                kind => kind,
            },
        };
        let mut finished = match self.run_as(&stage, kind, &root, tree, job, cancelled) {
            // The workspace lies where no overlay can be: another file system than the one that was probed.
            Err(ProcessError::Overlay { .. }) if way == Way::Automatic => {
                self.run_as(&stage, Kind::Copy, &root, tree, job, cancelled)?
            }
            finished => finished?,
        };
        finished.stage = Some(stage);
        Ok(finished)
    }
}

/// More than a probe takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is known in this process, by state directory.
static KNOWN: Mutex<BTreeMap<PathBuf, Kind>> = Mutex::new(BTreeMap::new());

/// How the tree of `stage` over the workspace `root` is best made.
fn choose(helper: &Helper, stage: &Stage, root: &Path) -> Kind {
    if cfg!(target_os = "linux") && owns(root) { possible(helper, stage) } else { Kind::Copy }
}

/// Whether what the command changes can be copied up to a layer of ours: who is not root may not make files of others.
fn owns(root: &Path) -> bool {
    let own = rustix::process::geteuid();
    own.is_root() || root.metadata().is_ok_and(|metadata| metadata.uid() == own.as_raw())
}

/// What was found out since the system started, by this user; else a probe. Its result is kept beside the stages: it holds for their
/// file system.
fn possible(helper: &Helper, stage: &Stage) -> Kind {
    let Some(places) = stage.directory().parent() else { return Kind::Copy };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(places) {
        return *known;
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let (user, version) = (rustix::process::geteuid().as_raw(), env!("CARGO_PKG_VERSION"));
    let circumstances = format!("{} {user} {version}", boot.trim());
    let file = places.join(format!("way-{user}"));
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let names = [(Kind::Memory(None), "memory"), (Kind::Disk, "disk"), (Kind::Copy, "copy")];
    let kept = kept.trim_end().rsplit_once(' ').filter(|(before, _)| *before == circumstances);
    let kept = kept.and_then(|(_, name)| names.iter().find(|(_, known)| *known == name));
    let kind = kept.map_or_else(
        || {
            // Before Linux 6.6 an overlay cannot write into memory: whole directories could not be replaced there.
            let works = |kind: &Kind| *kind == Kind::Copy || probe(helper, places, *kind).unwrap_or(false);
            let (kind, name) = names.iter().find(|(kind, _)| works(kind)).unwrap_or(&names[2]);
            // Where it cannot be kept it is found out again.
            let _ = fs::write(&file, format!("{circumstances} {name}\n"));
            *kind
        },
        |(kind, _)| *kind,
    );
    known.insert(places.to_owned(), kind);
    kind
}

/// Makes a whole tree and does in it what commands do: what is not allowed shows late and in many places.
fn probe(helper: &Helper, places: &Path, kind: Kind) -> Result<bool, ProcessError> {
    let (stage, workspace) = (Stage::take(places)?, Stage::take(places)?);
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
    let program = if helper.program() == Path::new("/proc/self/exe") { own.as_deref() } else { None };
    let job = Job {
        program: program.unwrap_or(helper.program()),
        arguments: vec![OsStr::new(ARGUMENT), OsStr::new(PROBE)],
        directory: "",
        environment: Vec::new(),
        timeout: Some(TIMEOUT),
        stdout: Keep::Tail(0),
        stderr: Keep::Tail(0),
    };
    let finished = helper.run_as(&stage, kind, root, &tree, &job, &AtomicBool::new(false))?;
    let has_output = finished.collect(PROBED.output)?.files.len() == 1;
    let is_untouched = fs::read(root.join(PROBED.declared)).is_ok_and(|bytes| bytes == PROBED.declared.as_bytes());
    let success = matches!(finished.ended, Ended::Exited(status) if status.success());
    Ok(success && has_output && is_untouched && finished.changed_inputs == [PROBED.declared])
}
