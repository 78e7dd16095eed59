//! The one place where engine and rules are joined.
//!
//! A [`Workspace`] is a directory with its configuration. A [`Session`] is a workspace with a database, a store and an executor;
//! [`Session::build`] brings it up to date and places the tree. A [`Failure`] is a fault of the world or of usage.

mod failure;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use webstir_engine::action::Artifact;
use webstir_engine::config::Config;
use webstir_engine::db::Database;
use webstir_engine::diagnostic::{Diagnostic, Severity};
use webstir_engine::event::{Event, EventSink, Phase, Status, during};
use webstir_engine::execute::Executor;
use webstir_engine::explain::KeyDump;
use webstir_engine::fact::FactTable;
use webstir_engine::label::Label;
use webstir_engine::path::RelPath;
use webstir_engine::rule::{Blobs as _, RunError};
use webstir_engine::schedule::{BuildError, Report, Run, Scheduler};
use webstir_engine::store::Store;
use webstir_engine::system::{Os, System as _};
use webstir_engine::tree::{PlaceError, Placed, Tree};

pub(crate) use self::failure::Failure;
use crate::args::Global;
use crate::explanation::Explanation;

/// How often a build starts over because the store lost a blob.
const HEALINGS: usize = 3;

/// The root of the workspace that the command works on.
pub(crate) fn workspace_root(global: &Global) -> Result<PathBuf, Failure> {
    let variable = |name: &str| {
        let value = std::env::var(name).ok()?;
        let value = value.trim();
        (!value.is_empty()).then(|| PathBuf::from(value))
    };
    let named = global
        .workspace
        .clone()
        .or_else(|| variable("WORKSPACE_ROOT"))
        .or_else(|| variable("WEBSTIR_WORKSPACE_ROOT"))
        .unwrap_or_else(|| PathBuf::from("."));
    let root = fs::canonicalize(&named).map_err(|error| {
        Failure::new(format!("The workspace `{}` cannot be opened: {error}", named.display()))
            .with_help("Name an existing directory with `--workspace`")
    })?;
    if !root.is_dir() {
        return Err(Failure::new(format!("The workspace `{}` is not a directory", named.display())));
    }
    Ok(root)
}

/// Where the store of the workspace at `root` lies.
pub(crate) fn store_root(root: &Path) -> PathBuf {
    match std::env::var_os("WEBSTIR_STORE") {
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => root.join(".webstir/store"),
    }
}

/// A directory with its configuration.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where its store lies.
    pub(crate) store: PathBuf,
    pub(crate) system: Arc<Os>,
    pub(crate) config: Arc<Config>,
    /// What the configuration had to say.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Workspace {
    /// Reads `webstir.kdl` and `package.json`. Their mistakes are diagnostics of the workspace.
    pub(crate) fn open(global: &Global) -> Result<Self, Failure> {
        let root = workspace_root(global)?;
        let system = Arc::new(
            Os::new(&root).map_err(|error| Failure::new(format!("`{}` cannot be opened: {error}", root.display())))?,
        );
        let text = |name: &str| -> Result<Option<String>, Failure> {
            let path = RelPath::new(name).expect("a plain file name");
            match system.read(&path) {
                Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(Failure::new(format!("`{name}` cannot be read: {error}"))),
            }
        };
        let kdl = text("webstir.kdl")?;
        let package = text("package.json")?;
        if kdl.is_none() && package.is_none() {
            return Err(Failure::new(format!(
                "`{}` is not a workspace: it has no `webstir.kdl` and no `package.json`",
                root.display()
            ))
            .with_help("Run `webstir init api <directory>`, or name the workspace with `--workspace`"));
        }
        let (config, diagnostics) = webstir_rules::configuration(kdl.as_deref(), package.as_deref());
        let store = store_root(&root);
        Ok(Self { root, store, system, config: Arc::new(config), diagnostics })
    }

    /// Whether the configuration can be built.
    pub(crate) fn is_sound(&self) -> bool {
        !self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

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
    pub(crate) placed: Option<Placed>,
    pub(crate) manifest: Option<serde_json::Value>,
    /// Why what ran did; `None` when nothing did.
    pub(crate) explanation: Option<Explanation>,
    pub(crate) duration: Duration,
}

impl Built {
    /// How many actions got their outcome this way.
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
    goals: Vec<Label>,
    /// `None` when the configuration is not sound.
    engine: Option<Engine>,
    events: EventSink,
    started: Instant,
}

struct Engine {
    store: Arc<Store>,
    scheduler: Scheduler,
}

impl Session {
    /// Opens the store and makes a database for one profile. A build gives up when `cancelled` becomes true.
    pub(crate) fn start(
        workspace: Workspace,
        global: &Global,
        profile: &str,
        events: EventSink,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Self, Failure> {
        let started = Instant::now();
        let workspace = Arc::new(workspace);
        let mut session = Self {
            workspace: workspace.clone(),
            profile: profile.to_owned(),
            goals: Vec::new(),
            engine: None,
            events: events.clone(),
            started,
        };
        if !workspace.is_sound() {
            return Ok(session);
        }
        if workspace.config.profile(profile).is_none() {
            let profiles = workspace.config.profiles().iter();
            let names: Vec<_> = profiles.map(|profile| format!("`{}`", profile.name())).collect();
            return Err(Failure::new(format!("There is no profile `{profile}`"))
                .with_help(format!("The profiles are {}", names.join(", "))));
        }
        session.goals = workspace.config.rules_in(profile).map(|rule| rule.label().clone()).collect();

        let store = Arc::new(Store::open(&workspace.store).map_err(Failure::store(&workspace.store))?);
        let rules =
            Arc::new(webstir_rules::all(webstir_rules::Setup::from_environment(&workspace.root, global.offline)));
        let jobs = global.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
        let executor = Executor::new(
            jobs,
            rules.clone(),
            workspace.system.clone(),
            store.clone(),
            events.clone(),
            cancelled.clone(),
        )
        .map_err(|error| Failure::new(format!("The worker threads cannot be started: {error}")))?;
        let facts = Arc::new(FactTable::new(Some(store.clone())));
        let database = Database::new(
            workspace.system.clone(),
            rules,
            facts,
            workspace.config.clone(),
            environment(&workspace.config),
        );
        let scheduler = Scheduler::new(database, store.clone(), executor, events, cancelled);
        session.engine = Some(Engine { store, scheduler });
        Ok(session)
    }

    /// The bytes of an artifact that a build made.
    pub(crate) fn artifact(&self, artifact: &Artifact) -> Result<Option<Vec<u8>>, Failure> {
        let Some(engine) = &self.engine else { return Ok(None) };
        let blob = engine.store.get(artifact.digest).map_err(Failure::store(&store_root(&self.workspace.root)))?;
        Ok(blob.map(|blob| blob.to_vec()))
    }

    /// What is planned as far as the store has outcomes; nothing is run and nothing placed.
    pub(crate) fn plan(&mut self) -> Result<KeyDump, Failure> {
        let Some(engine) = &mut self.engine else { return Ok(KeyDump::default()) };
        let run = engine.scheduler.plan_only(&self.profile, &self.goals);
        let run = run.map_err(|error| explain(error, &self.workspace.root))?;
        let database = engine.scheduler.database();
        Ok(KeyDump::new(&run, database, &self.profile, env!("CARGO_PKG_VERSION"), None))
    }

    /// Brings every rule of the profile up to date and places the tree, if the rules allow it.
    pub(crate) fn build(&mut self) -> Result<Built, Failure> {
        let mut built = Built {
            workspace: self.workspace.clone(),
            profile: self.profile.clone(),
            ok: false,
            world_failed: false,
            run: None,
            diagnostics: self.workspace.diagnostics.clone(),
            artifacts: Vec::new(),
            placed: None,
            manifest: None,
            explanation: None,
            duration: Duration::ZERO,
        };
        if let Some(engine) = &mut self.engine {
            during(&self.events, Phase::Hashing, || webstir_rules::warm(&mut engine.scheduler));
            let mut healings = 0;
            loop {
                let run = engine
                    .scheduler
                    .run(&self.profile, &self.goals)
                    .map_err(|error| explain(error, &self.workspace.root))?;
                built.diagnostics.clone_from(&self.workspace.diagnostics);
                built.diagnostics.extend(run.diagnostics());
                built.artifacts = run.artifacts();
                let clean = !built.diagnostics.iter().any(Diagnostic::is_error);
                let placeable = webstir_rules::may_be_placed(&run, &self.profile, clean);
                built.ok = clean && run.is_done();
                built.world_failed = built.diagnostics.iter().any(webstir_rules::is_of_the_world);
                let placed = if placeable {
                    self.workspace.place(&self.profile, &built.artifacts, &engine.store, &self.events)
                } else {
                    Ok(None)
                };
                match placed {
                    Ok(placed) => {
                        built.placed = placed;
                        built.manifest = webstir_rules::manifest_of(&run, &*engine.store);
                        built.explanation =
                            Explanation::record(&self.workspace.root, &self.profile, &run, engine.scheduler.database());
                        built.run = Some(run);
                        break;
                    }
                    Err(PlaceError::BlobMissing(_)) if healings < HEALINGS => {
                        healings += 1;
                        let digests = built.artifacts.iter().map(|artifact| artifact.digest);
                        engine.scheduler.heal(digests).map_err(Failure::store(&store_root(&self.workspace.root)))?;
                    }
                    Err(error) => return Err(placing(&error)),
                }
            }
        }
        for diagnostic in &mut built.diagnostics {
            self.workspace.put_at_rule(diagnostic);
        }
        webstir_rules::drop_repeats(&mut built.diagnostics);
        built.diagnostics.sort();
        built.diagnostics.dedup();
        built.duration = self.started.elapsed();
        Ok(built)
    }
}

impl Workspace {
    /// Gives a finding without a place the place of its rule, where the user wrote that rule.
    fn put_at_rule(&self, diagnostic: &mut Diagnostic) {
        if diagnostic.file.is_some() || diagnostic.severity == Severity::Info {
            return;
        }
        let rule = diagnostic.rule.as_ref().and_then(|label| self.config.rule(label));
        if let Some(place) = rule.map(webstir_engine::config::Rule::place).filter(|place| place.is_written()) {
            *diagnostic = self.config.put(diagnostic.clone(), place);
        }
    }

    /// Places the tree of a profile.
    fn place(
        &self,
        profile: &str,
        artifacts: &[Artifact],
        store: &Store,
        events: &EventSink,
    ) -> Result<Option<Placed>, PlaceError> {
        let Some(out) = self.config.profile(profile).and_then(|profile| profile.path("out")) else { return Ok(None) };
        events(Event::Placing { files: artifacts.len() });
        let tree = Tree::new(&self.root, &self.root.join(".webstir"), out.as_str());
        during(events, Phase::Placing, || tree.place(artifacts, store, &webstir_rules::placing_rank)).map(Some)
    }
}

/// The environment values that the workspace lets its rules see.
fn environment(config: &Config) -> BTreeMap<String, String> {
    let listed = config.workspace().environment.iter().map(|name| &*name.value);
    let allowed = webstir_rules::ENVIRONMENT.iter().copied().chain(listed);
    allowed.filter_map(|name| std::env::var(name).ok().map(|value| (name.to_owned(), value))).collect()
}

fn explain(error: BuildError, root: &Path) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        BuildError::Store(error) => Failure::store(&store_root(root))(error),
        BuildError::Panic { .. } => failure.with_help("This is a bug in webstir; please report it"),
        BuildError::Run { source: RunError::World { source, .. }, .. } if is_full(&source) => {
            failure.with_help("Free some space, or run `webstir cache clear`; the previous tree is whole")
        }
        _ => failure,
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn placing(error: &PlaceError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        PlaceError::InTheWay(path, _) => failure.with_help(format!("Move `{path}` away; webstir replaces only files")),
        PlaceError::Io { source, .. } if is_full(source) => {
            failure.with_help("Free some space; the previous tree is whole")
        }
        _ => failure,
    }
}
