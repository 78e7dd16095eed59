//! The one place where engine and rules are joined.
//!
//! A [`Workspace`] is a directory with its configuration. A [`Session`] is a workspace with a database, a store and an executor;
//! [`Session::build`] brings it up to date and materialises the tree, [`Session::cached_build`] finds that it is up to date. A [`Failure`]
//! is a fault of the world or of usage.

mod failure;
mod frontend;
mod generated;
mod planned;
mod start;
mod store;
mod verify;
mod watch;
mod workspace;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use webstir_engine::action::Artifact;
use webstir_engine::blob::Blobs as _;
use webstir_engine::database::Database;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::event::{EventSink, Phase, Status, during};
use webstir_engine::execute::Executor;
use webstir_engine::fact::FactTable;
use webstir_engine::label::Label;
use webstir_engine::run::RunError;
use webstir_engine::schedule::{BuildError, Report, Run, Scheduler};
use webstir_engine::store::{Budget, Store};
use webstir_engine::tree::{LastMaterialised, MaterialiseError, Materialised};

use webstir_engine::machine::Machine;
use webstir_process::Ran;
use webstir_rules::{Programs, Resources};

pub(crate) use self::failure::{Failure, causes};
use self::generated::Generated;
pub(crate) use self::planned::Observed;
pub(crate) use self::store::{budget, store_root};
pub(crate) use self::watch::{Request, Requests, Watch, WatchEvent, is_check, is_environment};
pub(crate) use self::workspace::{Workspace, workspace_root};
use crate::args::Global;
use crate::explanation::Explanation;
use crate::hidden;
use start::Start;

/// How often a build starts over because the store lost a blob.
const MOST_REBUILDS: usize = 3;

/// What a build gave.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) profile: String,
    pub(crate) ok: bool,
    /// Whether a finding is about the world rather than the user's code.
    pub(crate) world_failed: bool,
    /// `None` when the configuration is not sound.
    pub(crate) run: Option<Run>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) materialised: Option<Materialised>,
    pub(crate) manifest: Option<serde_json::Value>,
    /// Why what ran did; `None` when nothing did.
    pub(crate) explanation: Option<Explanation>,
    /// What processes were run in; `None` when none was.
    pub(crate) sandbox: Option<Ran>,
    /// Whether nothing was to be said of installed packages and the lockfile.
    pub(crate) is_as_locked: bool,
    pub(crate) duration: Duration,
}

impl Built {
    /// How many actions got their result this way.
    pub(crate) fn count(&self, status: Status) -> usize {
        let reports = self.run.iter().flat_map(|run| &run.reports);
        reports.filter(|report| report.status == status).count()
    }

    /// The action that ran longest.
    pub(crate) fn longest(&self) -> Option<&Report> {
        let ran = self.run.iter().flat_map(|run| &run.reports).filter(|report| !report.duration.is_zero());
        ran.max_by_key(|report| report.duration)
    }
}

/// A workspace that can be built, again and again.
pub(crate) struct Session {
    workspace: Arc<Workspace>,
    profile: String,
    targets: Vec<Label>,
    global: Global,
    /// `None` until something is built, and when the configuration is not sound.
    engine: Option<Engine>,
    /// The workspace whose packages its programs load.
    packages: PathBuf,
    events: EventSink,
    cancelled: Arc<AtomicBool>,
    started: Instant,
}

struct Engine {
    store: Arc<Store>,
    budget: Budget,
    programs: Arc<Programs>,
    resources: Arc<Resources>,
    scheduler: Scheduler,
    /// What the tree held when it was materialised last; none where every file is to be looked at.
    last_materialised: Option<LastMaterialised>,
}

impl Engine {
    /// Opens the store and makes a database.
    fn start(session: &Session, resources: Resources) -> Result<Self, Failure> {
        let Session { workspace, global, events, cancelled, .. } = session;
        let budget = budget()?;
        // Best effort: whoever has something to write there says why that is not possible.
        let _ = workspace.state().create();
        let store = Arc::new(store::open(&workspace.store)?);
        let programs = Arc::new(Programs::new(&workspace.root).with_packages_of(&session.packages));
        let machine: Arc<dyn Machine> = programs.clone();
        let resources = Arc::new(resources);
        let runs = Arc::new(webstir_rules::runs(&resources));
        let jobs = global.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
        let executor =
            Executor::new(jobs, runs, workspace.system.clone(), machine.clone(), store.clone(), events.clone())
                .map_err(|error| Failure::because("The worker threads cannot be started", error))?;
        let facts = Arc::new(FactTable::new(Some(store.clone()), webstir_rules::implementation()));
        let database = Database::new(
            workspace.system.clone(),
            machine,
            Arc::new(webstir_rules::plans()),
            facts,
            workspace.config.clone(),
            workspace.environment.clone(),
        );
        let scheduler = Scheduler::new(database, store.clone(), executor, events.clone(), cancelled.clone());
        Ok(Self { store, budget, programs, resources, scheduler, last_materialised: None })
    }

    /// Whether installed packages have to be those of the lockfile: in a build that others rely on. While packages come and go, in a process
    /// that builds again and again, they need not.
    fn is_held_to_lockfile(&self, workspace: &Workspace) -> bool {
        workspace.environment.is_strict && !self.resources.keep_warm
    }

    /// The packages that a run reached.
    fn reached_packages(&self, workspace: &Workspace, run: &Run) -> Vec<Box<str>> {
        webstir_rules::reached_packages(&workspace.root, run, &self.programs)
    }
}

impl Session {
    /// A session for one profile. A build gives up when `cancelled` becomes true.
    pub(crate) fn start(
        workspace: Workspace,
        global: &Global,
        profile: &str,
        events: EventSink,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Self, Failure> {
        if workspace.is_sound() && workspace.config.profile(profile).is_none() {
            let profiles = workspace.config.profiles().iter();
            let names: Vec<_> = profiles.map(|profile| format!("`{}`", profile.name())).collect();
            return Err(Failure::new(format!("There is no profile `{profile}`"))
                .with_help(format!("The profiles are {}", names.join(", "))));
        }
        Ok(Self {
            packages: workspace.root.clone(),
            targets: workspace.config.rules_in(profile).map(|rule| rule.label().clone()).collect(),
            workspace: Arc::new(workspace),
            profile: profile.to_owned(),
            global: global.clone(),
            engine: None,
            events,
            cancelled,
            started: Instant::now(),
        })
    }

    /// With the packages that are installed in another checkout.
    pub(crate) fn with_packages_of(self, workspace: &Path) -> Self {
        Self { packages: workspace.to_owned(), ..self }
    }

    /// The bytes of an artifact that a build made.
    pub(crate) fn artifact(&self, artifact: &Artifact) -> Result<Option<Vec<u8>>, Failure> {
        let Some(engine) = &self.engine else { return Ok(None) };
        let blob = engine.store.get(artifact.digest).map_err(Failure::store(&self.workspace.store))?;
        Ok(blob.map(|blob| blob.to_vec()))
    }

    fn resources(&self) -> Resources {
        Resources::from_environment(&self.workspace.root, self.global.offline)
    }

    /// When it is first needed; none when the configuration is not sound.
    fn start_engine(&mut self) -> Result<(), Failure> {
        if self.engine.is_none() && self.workspace.is_sound() {
            self.engine = Some(Engine::start(self, self.resources())?);
        }
        Ok(())
    }

    /// Brings every rule of the profile up to date and materialises the tree, if the rules allow it.
    pub(crate) fn build(&mut self) -> Result<Built, Failure> {
        self.start_engine()?;
        let mut built = self.nothing_built();
        if let Some(engine) = &mut self.engine {
            engine.last_materialised = None;
            let sets = webstir_rules::generated(&self.workspace.config, &self.profile);
            match generated::generate(&self.workspace, engine, &self.profile, &sets)? {
                Generated::Placed => {}
                Generated::Failed(run) => return Ok(self.not_generated(built, Some(run), None)),
                Generated::Refused(found) => return Ok(self.not_generated(built, None, Some(*found))),
            }
            during(&self.events, Phase::Hashing, || webstir_rules::warm(&mut engine.scheduler));
            for rebuilds in (0..MOST_REBUILDS).rev() {
                let scheduler = &mut engine.scheduler;
                let run = if sets.is_empty() {
                    scheduler.run(&self.profile, &self.targets)
                } else {
                    scheduler.run_on(&self.profile, &self.targets)
                };
                let run = run.map_err(|error| explain(error, &self.workspace.store))?;
                if materialise(&self.workspace, &self.events, engine, run, &mut built, rebuilds > 0)? {
                    break;
                }
            }
            built.sandbox = engine.resources.processes.ran();
            if let Some(run) = &built.run {
                let database = engine.scheduler.database();
                built.explanation = Explanation::record(&self.workspace.root, &self.profile, run, database);
            }
        }
        tidy(&self.workspace, &mut built);
        if let Some(engine) = &mut self.engine {
            keep(&built, engine);
        }
        built.duration = self.started.elapsed();
        Ok(built)
    }

    /// What is told where generated sources could not be had: of what reads them nothing is known.
    fn not_generated(&self, mut built: Built, run: Option<Run>, found: Option<Diagnostic>) -> Built {
        built.diagnostics.extend(run.iter().flat_map(Run::diagnostics).chain(found));
        built.sandbox = self.engine.as_ref().and_then(|engine| engine.resources.processes.ran());
        built.run = run;
        tidy(&self.workspace, &mut built);
        built.world_failed = built.diagnostics.iter().any(webstir_rules::is_of_the_world);
        built.duration = self.started.elapsed();
        built
    }

    fn nothing_built(&self) -> Built {
        Built {
            workspace: self.workspace.clone(),
            profile: self.profile.clone(),
            ok: false,
            world_failed: false,
            run: None,
            diagnostics: self.workspace.diagnostics.clone(),
            artifacts: Vec::new(),
            materialised: None,
            manifest: None,
            explanation: None,
            sandbox: None,
            is_as_locked: true,
            duration: Duration::ZERO,
        }
    }

    /// What the last build gave, if another one would give the same and its tree is whole.
    pub(crate) fn cached_build(&self) -> Option<Built> {
        if !self.workspace.is_sound() || !Explanation::is_there(&self.workspace.root, &self.profile) {
            return None;
        }
        let start = Start::new(&self.workspace, &self.profile);
        let built = start.cached_build(&self.workspace, &self.profile)?;
        Some(Built { duration: self.started.elapsed(), ..built })
    }
}

/// Takes what a run gave and materialises its tree. False when the store lost a blob: what made it has to run again, if that `may_rebuild` it.
fn materialise(
    workspace: &Workspace,
    events: &EventSink,
    engine: &mut Engine,
    run: Run,
    built: &mut Built,
    may_rebuild: bool,
) -> Result<bool, Failure> {
    built.diagnostics.clone_from(&workspace.diagnostics);
    built.diagnostics.extend(run.diagnostics());
    built.artifacts = run.artifacts();
    if engine.is_held_to_lockfile(workspace) {
        let reached = engine.reached_packages(workspace, &run);
        built.is_as_locked = !webstir_rules::compare_with_lockfile(&workspace.root, &reached, &mut built.diagnostics);
    }
    let clean = !built.diagnostics.iter().any(Diagnostic::is_error);
    built.ok = clean && run.is_done();
    built.world_failed = built.diagnostics.iter().any(webstir_rules::is_of_the_world);
    let is_gated = webstir_rules::is_gated(&workspace.config, &built.profile);
    // Of a configuration that is not sound nothing was planned, which is not to say that there should be nothing.
    if workspace.is_sound() && webstir_rules::may_be_materialised(&run, is_gated, clean) {
        let last = engine.last_materialised.take();
        match workspace.materialise(&built.profile, last.as_ref(), &built.artifacts, &engine.store, events) {
            Ok(materialised) => (built.materialised, engine.last_materialised) = materialised.unzip(),
            Err(MaterialiseError::BlobMissing(_)) if may_rebuild => {
                let digests = built.artifacts.iter().map(|artifact| artifact.digest);
                engine.scheduler.rebuild_lost(digests).map_err(Failure::store(&workspace.store))?;
                return Ok(false);
            }
            Err(error) => return Err(materialising(error)),
        }
    }
    built.manifest = webstir_rules::manifest_of(&run, &*engine.store);
    built.run = Some(run);
    Ok(true)
}

/// Gives findings their places and says each once.
fn tidy(workspace: &Workspace, built: &mut Built) {
    for diagnostic in &mut built.diagnostics {
        hidden::in_finding(diagnostic);
        workspace.put_at_rule(diagnostic);
    }
    webstir_rules::drop_repeats(&mut built.diagnostics);
    built.diagnostics.sort();
    built.diagnostics.dedup();
}

/// Keeps what the next process can start from.
fn keep(built: &Built, engine: &mut Engine) {
    Start::new(&built.workspace, &built.profile).keep(built, engine);
    store::collect_if_due(&built.workspace.store, &engine.store, engine.budget);
}

fn explain(error: BuildError, store: &Path) -> Failure {
    let help = match error {
        BuildError::Store(error) => return Failure::store(store)(error),
        BuildError::Panic { .. } => Some("This is a bug in webstir; please report it"),
        BuildError::Run { source: RunError::World { ref source, .. }, .. } if is_full(source) => {
            Some("Free some space, or run `webstir cache clear`; the previous tree is whole")
        }
        _ => None,
    };
    Failure { help: help.map(str::to_owned), ..Failure::of(error) }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn materialising(error: MaterialiseError) -> Failure {
    let help = match &error {
        MaterialiseError::InTheWay(path, _) => Some(format!("Move `{path}` away; webstir replaces only files")),
        MaterialiseError::Io { source, .. } if is_full(source) => {
            Some("Free some space; the previous tree is whole".to_owned())
        }
        _ => None,
    };
    Failure { help, ..Failure::of(error) }
}
