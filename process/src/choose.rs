//! Which sandbox works here.

use std::collections::BTreeMap;
use std::error::Error as _;
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
use crate::run::{Choice, Helper, Job, Work, check};
use crate::sandbox::{Sandbox, Tier, Way};
use crate::stage::Stage;
use crate::surroundings::{Factor, Surroundings};

impl Helper {
    /// Runs a command in a tree that shows it the declared files of the workspace `root`. `cancelled` is looked at all the time.
    pub fn run(
        &self,
        stage: Stage,
        root: &Path,
        tree: &Tree<'_>,
        sandbox: &Sandbox<'_>,
        job: &Job<'_>,
        cancelled: &AtomicBool,
    ) -> Result<Finished, ProcessError> {
        check(tree, job)?;
        let root = std::path::absolute(root).map_err(ProcessError::stage("Finding the workspace", root))?;
        let choice = choose(self, &stage, &root, sandbox);
        if choice.tier != Tier::Namespace && sandbox.surroundings.changes(Factor::User) {
            let home = stage.home(sandbox.surroundings);
            fs::create_dir(&home).map_err(ProcessError::stage("Making a home", &home))?;
        }
        let work = Work { root: &root, tree, sandbox, job };
        let mut finished = match self.run_as(&stage, &choice, &work, cancelled) {
            // The workspace lies where no overlay can be: another file system than the one that was probed.
            Err(ProcessError::Overlay { .. }) if sandbox.way == Way::Automatic => {
                let copy = Choice { kind: Kind::Copy, ..choice };
                self.run_as(&stage, &copy, &work, cancelled)?
            }
            finished => finished?,
        };
        finished.stage = Some(stage);
        Ok(finished)
    }

    /// The strongest tier that works here, and why a stronger one does not. Places for trees lie below `state`.
    pub fn strongest(&self, state: &Path) -> Result<(Tier, Option<Box<str>>), ProcessError> {
        let places = std::path::absolute(state).map_err(ProcessError::stage("Finding the places of trees", state))?;
        let choice = possible(self, &places);
        Ok((choice.tier, choice.why_not_stronger))
    }

    /// Surroundings that are others in every factor in which they can be for commands of the workspace `root`, and what is usual all the same,
    /// with the reason. Places for trees lie below `state`.
    pub fn changeable(&self, root: &Path, state: &Path) -> Result<(Surroundings, Vec<Unchanged>), ProcessError> {
        let places = std::path::absolute(state).map_err(ProcessError::stage("Finding the places of trees", state))?;
        let choice = possible(self, &places);
        let mut all = Factor::ALL.into_iter().fold(Surroundings::ordered(), Surroundings::with);
        let mut unchanged = Vec::new();
        let mut leave = |what: &'static str, why: String| unchanged.push(Unchanged { what, why: why.into() });
        let is_changeable = |all: Surroundings| {
            let probed = probe(self, &places, choice.tier, Kind::Copy, all.only(Factor::User));
            is_own(root) && matches!(probed, Ok(None))
        };
        if choice.tier != Tier::Namespace {
            // The number of a process is another one each time.
            all = all.without(Factor::HostName).without(Factor::ProcessId).keeping_number();
            leave(Factor::HostName.name(), "it needs the namespace sandbox".to_owned());
            leave("the number of the user", "it needs the namespace sandbox".to_owned());
            if !lists_as_made(&places)? {
                all = all.without(Factor::EntryOrder);
                let why = format!("the file system of `{}` has an order of its own", places.display());
                leave(Factor::EntryOrder.name(), why);
            }
        } else if !is_changeable(all) {
            all = all.keeping_number();
            leave("the number of the user", "it needs user namespaces, and a workspace of this user".to_owned());
        }
        if !cfg!(target_os = "linux") || std::thread::available_parallelism().is_ok_and(|count| count.get() == 1) {
            all = all.without(Factor::Processors);
            leave(Factor::Processors.name(), "no more than one can be told".to_owned());
        }
        Ok((all, unchanged))
    }
}

/// Something that is usual although it was to be another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchanged {
    /// What it is, for people.
    pub what: &'static str,
    /// Why it cannot be another one here.
    pub why: Box<str>,
}

/// Whether the file system at `places` lists the entries of a directory in an order that follows from the one in which they were made.
fn lists_as_made(places: &Path) -> Result<bool, ProcessError> {
    let stage = Stage::take(places)?;
    let mut names = ["a", "b", "c", "d"];
    let listed = |directory: &Path, names: &[&str]| -> std::io::Result<Vec<std::ffi::OsString>> {
        fs::create_dir(directory)?;
        for name in names {
            fs::write(directory.join(name), "")?;
        }
        fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
    };
    let failed = || ProcessError::stage("Finding out the order of entries", stage.directory());
    let first = listed(&stage.tree().join("first"), &names).map_err(failed())?;
    names.reverse();
    let second = listed(&stage.tree().join("second"), &names).map_err(failed())?;
    Ok(first != second)
}

/// How the tree of `stage` over the workspace `root` is made.
pub(crate) fn choose(helper: &Helper, stage: &Stage, root: &Path, sandbox: &Sandbox<'_>) -> Choice {
    let places = stage.directory().parent().unwrap_or(stage.directory());
    let mut choice = match sandbox.tier {
        Some(tier @ (Tier::Landlock | Tier::Tree)) => Choice { tier, kind: Kind::Copy, why_not_stronger: None },
        Some(tier @ Tier::Namespace) => {
            let found = possible(helper, places);
            // Where it does not work it fails, and says why.
            let kind = if found.tier == tier { found.kind } else { Kind::Memory(None) };
            Choice { tier, kind, why_not_stronger: None }
        }
        None => possible(helper, places),
    };
    if choice.tier == Tier::Namespace {
        choice.kind = match (sandbox.way, stage.memory()) {
            (Way::Copy, _) => Kind::Copy,
            // An overlay lists what it shows of the workspace in the order of that.
            _ if sandbox.surroundings.order().is_some() => Kind::Copy,
            (_, Some(bytes)) => Kind::Memory(Some(bytes)),
            (Way::Overlay, None) if choice.kind == Kind::Copy => Kind::Memory(None),
            (Way::Automatic, None) if !owns(root) => Kind::Copy,
            _ => choice.kind,
        };
    }
    choice
}

/// More than a probe takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is known in this process, by state directory.
static KNOWN: Mutex<BTreeMap<PathBuf, Choice>> = Mutex::new(BTreeMap::new());

/// What is tried, the best first. Before Linux 6.6 an overlay cannot write into memory: whole directories could not be replaced there.
const TRIED: [(Tier, Kind, &str); 5] = [
    (Tier::Namespace, Kind::Memory(None), "namespace memory"),
    (Tier::Namespace, Kind::Disk, "namespace disk"),
    (Tier::Namespace, Kind::Copy, "namespace copy"),
    (Tier::Landlock, Kind::Copy, "landlock copy"),
    (Tier::Tree, Kind::Copy, "tree copy"),
];

/// Whether what the command changes can be copied up to a layer of ours: who is not root may not make files of others.
fn owns(root: &Path) -> bool {
    rustix::process::geteuid().is_root() || is_own(root)
}

fn is_own(root: &Path) -> bool {
    root.metadata().is_ok_and(|metadata| metadata.uid() == rustix::process::geteuid().as_raw())
}

/// What was found out since the system started, by this user; else a probe. Its result is kept beside the stages: it holds for their
/// file system.
fn possible(helper: &Helper, places: &Path) -> Choice {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(places) {
        return known.clone();
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let (user, version) = (rustix::process::geteuid().as_raw(), env!("CARGO_PKG_VERSION"));
    let circumstances = format!("{} {user} {version}", boot.trim());
    let file = places.join(format!("sandbox-{user}"));
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let choice = read(&kept, &circumstances).unwrap_or_else(|| {
        let Tried { choice, name, is_certain } = try_all(helper, places);
        if is_certain {
            let why = choice.why_not_stronger.as_deref().unwrap_or_default();
            // Where it cannot be kept it is found out again.
            let _ = fs::write(&file, format!("{circumstances}\n{name}\n{why}\n"));
        }
        choice
    });
    known.insert(places.to_owned(), choice.clone());
    choice
}

fn read(kept: &str, circumstances: &str) -> Option<Choice> {
    let mut lines = kept.lines();
    lines.next().filter(|line| *line == circumstances)?;
    let name = lines.next()?;
    let (tier, kind, _) = TRIED.iter().find(|(_, _, known)| *known == name)?;
    let why = lines.next()?;
    Some(Choice { tier: *tier, kind: *kind, why_not_stronger: (!why.is_empty()).then(|| why.into()) })
}

/// The best that works, and why the tiers above it do not.
struct Tried {
    choice: Choice,
    name: &'static str,
    /// Whether it is so until the system starts again: a machine that is too busy or full to try says nothing of itself.
    is_certain: bool,
}

/// Why something does not work.
struct Refusal {
    why: String,
    is_certain: bool,
}

impl Refusal {
    fn certain(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_certain: true }
    }

    fn of(tier: Tier, error: &ProcessError) -> Self {
        let is_certain = matches!(error, ProcessError::Sandbox { .. } | ProcessError::Overlay { .. });
        Self { why: reason(tier, error), is_certain }
    }
}

fn try_all(helper: &Helper, places: &Path) -> Tried {
    let mut why: Vec<(Tier, String)> = Vec::new();
    let mut is_certain = true;
    let told = |why: &[(Tier, String)], tier: Tier| {
        let stronger = why.iter().filter(|(refused, _)| *refused < tier);
        let words: Vec<_> = stronger.map(|(refused, why)| format!("{}: {why}", refused.as_str())).collect();
        (!words.is_empty()).then(|| words.join("; ").into_boxed_str())
    };
    let [before @ .., (tier, kind, name)] = TRIED;
    for (tier, kind, name) in before {
        let refused = match tier {
            _ if !cfg!(target_os = "linux") => Some(Refusal::certain("this system has none of it")),
            _ => probe(helper, places, tier, kind, Surroundings::default())
                .unwrap_or_else(|error| Some(Refusal::of(tier, &error))),
        };
        let Some(refused) = refused else {
            return Tried { choice: Choice { tier, kind, why_not_stronger: told(&why, tier) }, name, is_certain };
        };
        is_certain &= refused.is_certain;
        // Of one tier the first reason counts.
        if why.last().is_none_or(|(before, _)| *before != tier) {
            why.push((tier, refused.why));
        }
    }
    // The last one takes nothing of the system.
    Tried { choice: Choice { tier, kind, why_not_stronger: told(&why, tier) }, name, is_certain }
}

/// Why a tier does not work, in words that lead to what can be done.
fn reason(tier: Tier, error: &ProcessError) -> String {
    let is = |file: &str, value: &str| fs::read_to_string(file).is_ok_and(|text| text.trim() == value);
    if tier == Tier::Namespace {
        if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
            return "user namespaces are blocked by AppArmor".to_owned();
        }
        if is("/proc/sys/kernel/unprivileged_userns_clone", "0") || is("/proc/sys/user/max_user_namespaces", "0") {
            return "user namespaces are turned off".to_owned();
        }
    }
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Makes a whole tree and does in it what commands do: what is not allowed shows late and in many places. `None` when all of it works,
/// else why not.
fn probe(
    helper: &Helper,
    places: &Path,
    tier: Tier,
    kind: Kind,
    surroundings: Surroundings,
) -> Result<Option<Refusal>, ProcessError> {
    let (stage, workspace) = (Stage::take(places)?, Stage::take(places)?);
    let root = workspace.tree();
    for file in [PROBED.declared].iter().chain(PROBED.hidden) {
        let place = root.join(file);
        let written = place.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&place, file));
        written.map_err(ProcessError::stage("Preparing to find out which sandbox works", &place))?;
    }
    let inputs = vec![Input { path: PROBED.declared, executable: false, source: Source::Workspace }];
    let tree = Tree { inputs, ..Tree::default() };
    // In the tree's namespaces `/proc/self/exe` is that of whoever looks.
    let own = std::env::current_exe().ok().filter(|_| helper.program() == Path::new("/proc/self/exe"));
    let program = own.as_deref().unwrap_or(helper.program());
    let outside = root.join(PROBED.hidden[0]);
    let job = Job {
        program,
        arguments: vec![OsStr::new(ARGUMENT), OsStr::new(PROBE), outside.as_os_str()],
        directory: "",
        environment: Vec::new(),
        search_path: Vec::new(),
        timeout: Some(TIMEOUT),
        stdout: Keep::Tail(0),
        stderr: Keep::Tail(1024),
    };
    let sandbox = Sandbox { tier: Some(tier), visible: vec![program], surroundings, ..Sandbox::default() };
    let choice = Choice { tier, kind, why_not_stronger: None };
    let work = Work { root, tree: &tree, sandbox: &sandbox, job: &job };
    let finished = helper.run_as(&stage, &choice, &work, &AtomicBool::new(false))?;
    let has_output = finished.collect(PROBED.output)?.files.len() == 1;
    let is_untouched = fs::read(root.join(PROBED.declared)).is_ok_and(|bytes| bytes == PROBED.declared.as_bytes());
    let why = match &finished.ended {
        Ended::Exited(status) if status.success() => {
            (!has_output || !is_untouched || finished.changed_inputs != [PROBED.declared])
                .then(|| Refusal::certain("what a command wrote was not found"))
        }
        Ended::Exited(_) => Some(Refusal::certain(finished.output().replace('\n', " "))),
        other => Some(Refusal { why: format!("the probe was not run: {other:?}"), is_certain: false }),
    };
    Ok(why)
}
