//! A session that stays while its workspace changes.
//!
//! [`Watch::next`] gives the [`WatchEvent`] one by one: that a build begins, that the code is compiled, that everything but the checks is built
//! and materialised, that the checks are done, before or after it, and that nothing is left to do. Nothing ends it but the wish to stop: what
//! fails is an event, and the next change is waited for.

mod published;
mod request;

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use webstir_engine::action::Artifact;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::event::{EventSink, Phase, Status, during};
use webstir_engine::file::Changes;
use webstir_engine::label::Label;
use webstir_engine::path::RelPath;
use webstir_engine::schedule::{BuildEvent, Message, Targets};
use webstir_engine::store::Store;
use webstir_engine::tree::MaterialiseError;
use webstir_engine::watch::Watcher;
use webstir_rules::GeneratedSet;

use super::{
    Built, Engine, Failure, MOST_REBUILDS, Session, Workspace, explain, generated, keep, materialise, materialising,
    tidy,
};
use crate::args::Global;
use crate::explanation::Explanation;
use published::Published;
pub(crate) use request::{Request, Requests};

/// The log for the next start is written at the end, and this often before: a killed process costs the next one its plan, nothing else.
const KEEP_INTERVAL: Duration = Duration::from_mins(1);

/// More changed files than these are looked at on all workers first.
const MANY: usize = 64;

/// What happened.
pub(crate) enum WatchEvent {
    /// A build begins, for these files are others now.
    Changed(BTreeSet<RelPath>),
    /// The code is compiled: this is all of it, while the rest is under way.
    Compiled(Vec<Artifact>),
    /// Everything but the checks is built, and materialised if it may be.
    Built(Box<Built>),
    /// The checks are done, whether the rest is or not. What else is built is not in it.
    Checked(Box<Built>),
    /// Nothing is left to do: this is all of it.
    Idle(Box<Built>),
    /// The user wants it to end.
    Stop,
}

/// A session that stays.
pub(crate) struct Watch {
    session: Session,
    engine: Engine,
    watcher: Watcher,
    requests: Requests,
    requested: Receiver<Request>,
    targets: Targets,
    /// When the change came that is being worked on.
    since: Instant,
    rebuilds: usize,
    kept: Option<Instant>,
    /// What the last build put where others publish.
    published: Published,
    /// The generated sets that are to be brought up to date before everything else, the next first.
    generating: VecDeque<GeneratedSet>,
    /// Why sets could not be placed.
    not_placed: Vec<Diagnostic>,
}

impl Watch {
    /// A session for one profile; `polls` where the system is not to be asked for events. Gives up what runs when `cancelled` becomes
    /// true.
    pub(crate) fn start(
        workspace: Workspace,
        global: &Global,
        profile: &str,
        polls: bool,
        events: EventSink,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Self, Failure> {
        let session = Session::start(workspace, global, profile, events, cancelled)?;
        let mut engine = Engine::start(&session, session.resources().keeping_warm())?;
        let inbox = engine.scheduler.inbox();
        let sink = move |changes: Changes| inbox.send(Message::Changed(changes));
        let watcher = Watcher::start(session.workspace.system.root(), polls, Box::new(sink))
            .map_err(|error| Failure::because("Files cannot be watched", error))?;
        during(&session.events, Phase::Hashing, || webstir_rules::warm(&mut engine.scheduler));
        let targets = targets(&session);
        let generating = webstir_rules::generated(&session.workspace.config, &session.profile).into();
        let (requests, requested) = Requests::new(engine.scheduler.inbox());
        Ok(Self {
            since: session.started,
            session,
            engine,
            watcher,
            requests,
            requested,
            targets,
            rebuilds: MOST_REBUILDS,
            kept: None,
            published: Published::default(),
            generating,
            not_placed: Vec::new(),
        })
    }

    /// Where others say what they want.
    pub(crate) fn requests(&self) -> Requests {
        self.requests.clone()
    }

    /// The workspace as it was read last.
    pub(crate) fn workspace(&self) -> &Arc<Workspace> {
        &self.session.workspace
    }

    /// The bytes that a build made, below the workspace, of any thread.
    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.engine.store
    }

    /// Why files have to be looked at again and again, when that is so; said once.
    pub(crate) fn take_complaint(&mut self) -> Option<String> {
        self.watcher.take_complaint()
    }

    /// Waits for what happens next.
    pub(crate) fn next(&mut self) -> Result<WatchEvent, Failure> {
        let published = self.session.workspace.frontend(&self.session.profile);
        loop {
            let also = published.as_ref().map(|published| directories(&self.session.workspace, published));
            let also = also.unwrap_or_default();
            let ours = &self.published;
            let root = &self.session.workspace.root;
            let is_published = |path: &RelPath| {
                published.as_ref().is_some_and(|published| path.is_within(published)) && !ours.explains(path, root)
            };
            let concerns = |path: &RelPath| is_of_the_workspace(path) || is_environment(path) || is_published(path);
            let generators = self.generating.front().map(|set| Targets {
                profile: self.targets.profile.clone(),
                groups: Vec::new(),
                all: vec![set.command.clone()],
            });
            let targets = generators.as_ref().unwrap_or(&self.targets);
            let event = self.engine.scheduler.next(targets, &mut self.watcher, &also, &concerns);
            let event = event.map_err(|error| explain(error, &self.session.workspace.store))?;
            match event {
                BuildEvent::Changed(paths) => {
                    self.since = Instant::now();
                    self.rebuilds = MOST_REBUILDS;
                    self.engine.store.restore().map_err(Failure::store(&self.session.workspace.store))?;
                    if paths.iter().any(is_of_the_workspace) {
                        self.configure()?;
                    }
                    self.generate_again();
                    if paths.len() > MANY {
                        let engine = &mut self.engine;
                        during(&self.session.events, Phase::Hashing, || webstir_rules::warm(&mut engine.scheduler));
                    }
                    return Ok(WatchEvent::Changed(paths));
                }
                BuildEvent::Woken => match self.requested.try_recv() {
                    Ok(Request::Rebuild) => {
                        self.since = Instant::now();
                        self.engine.store.restore().map_err(Failure::store(&self.session.workspace.store))?;
                        self.configure()?;
                        self.generate_again();
                        self.engine.scheduler.look_at_everything();
                        return Ok(WatchEvent::Changed(BTreeSet::new()));
                    }
                    Ok(Request::Check) => {
                        self.since = Instant::now();
                        self.engine.scheduler.forget(&is_check);
                        return Ok(WatchEvent::Changed(BTreeSet::new()));
                    }
                    Ok(Request::Stop) => return Ok(WatchEvent::Stop),
                    // Each request is put before it wakes.
                    Err(_) => {}
                },
                BuildEvent::GroupDone(CODE) => {
                    let code = self.engine.scheduler.artifacts(&self.targets.profile, &self.targets.groups[CODE]);
                    if let Some(artifacts) = code {
                        return Ok(WatchEvent::Compiled(artifacts));
                    }
                }
                BuildEvent::GroupDone(CHECKS) => return Ok(WatchEvent::Checked(self.checked())),
                BuildEvent::GroupDone(group) => {
                    let rules = self.targets.groups[group].clone();
                    if let Some(built) = self.take(&rules)? {
                        return Ok(WatchEvent::Built(Box::new(built.with_frontend_warned())));
                    }
                }
                BuildEvent::Idle if !self.generating.is_empty() => self.place_generated()?,
                BuildEvent::Idle => {
                    if let Some(built) = self.idle()? {
                        return Ok(WatchEvent::Idle(Box::new(built.with_frontend_warned())));
                    }
                }
            }
        }
    }

    /// Ends what runs, and keeps what the next process can start from.
    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        self.engine.scheduler.abandon();
        self.engine.scheduler.publish().map_err(Failure::store(&self.session.workspace.store))?;
        if self.engine.scheduler.is_idle() && self.session.workspace.is_sound() {
            self.engine.last_materialised = None;
            let mut built = self.session.nothing_built();
            let run = self.engine.scheduler.report(&self.targets.profile, &self.targets.all);
            if materialise(&self.session.workspace, &self.session.events, &mut self.engine, run, &mut built, false)? {
                tidy(&self.session.workspace, &mut built);
                keep(&built, &mut self.engine);
            }
        }
        Ok(())
    }

    /// Reads the configuration again.
    fn configure(&mut self) -> Result<(), Failure> {
        let workspace = self.session.workspace.again()?;
        if workspace.sources != self.session.workspace.sources {
            self.engine.scheduler.configure(workspace.config.clone(), workspace.environment.clone());
            self.session.workspace = Arc::new(workspace);
            self.targets = targets(&self.session);
            self.engine.last_materialised = None;
        }
        Ok(())
    }

    /// Generated sets come first again.
    fn generate_again(&mut self) {
        self.generating = webstir_rules::generated(&self.session.workspace.config, &self.session.profile).into();
        self.not_placed.clear();
    }

    /// Places what was generated for the first set that is to be, and goes on. Where its command failed what was placed before stays.
    fn place_generated(&mut self) -> Result<(), Failure> {
        let Some(set) = self.generating.pop_front() else { return Ok(()) };
        let run = self.engine.scheduler.report(&self.targets.profile, std::slice::from_ref(&set.command));
        let workspace = self.session.workspace.clone();
        match generated::place(&workspace, &mut self.engine, &self.session.profile, &set, &run) {
            Ok(placed) => self.not_placed.extend(placed.err().map(|found| *found)),
            Err(MaterialiseError::BlobMissing(digest)) if self.rebuilds > 0 => {
                self.rebuilds -= 1;
                self.engine.scheduler.rebuild_lost([digest]).map_err(Failure::store(&workspace.store))?;
                self.generating.push_front(set);
            }
            Err(error) => return Err(materialising(error)),
        }
        self.engine.scheduler.resume();
        Ok(())
    }

    /// What the checks found; they materialise nothing.
    fn checked(&self) -> Box<Built> {
        let run = self.engine.scheduler.report(&self.targets.profile, &self.targets.groups[CHECKS]);
        let mut built = self.session.nothing_built();
        built.diagnostics.extend(run.diagnostics());
        tidy(&self.session.workspace, &mut built);
        built.diagnostics.retain(|diagnostic| diagnostic.rule.as_ref().is_some_and(is_check));
        built.ok = run.is_done() && !built.diagnostics.iter().any(Diagnostic::is_error);
        built.run = Some(run);
        built.duration = self.since.elapsed();
        Box::new(built)
    }

    /// `None` when the store lost something that is now made again. What others did to the tree since it was materialised is undone here, when
    /// nobody waits for it.
    fn idle(&mut self) -> Result<Option<Box<Built>>, Failure> {
        let targets = self.targets.all.clone();
        self.engine.last_materialised = None;
        let Some(mut built) = self.take(&targets)? else { return Ok(None) };
        let store = &self.session.workspace.store;
        self.engine.scheduler.publish().map_err(Failure::store(store))?;
        let ran = built.count(Status::Ran) + built.count(Status::Failed) > 0;
        if let (true, Some(run)) = (ran, &built.run) {
            let (root, profile) = (&self.session.workspace.root, &self.session.profile);
            built.explanation = Explanation::record(root, profile, run, self.engine.scheduler.database());
        }
        let is_due = self.kept.is_none_or(|kept| kept.elapsed() > KEEP_INTERVAL);
        if is_due && self.session.workspace.is_sound() {
            keep(&built, &mut self.engine);
            self.kept = Some(Instant::now());
        }
        Ok(Some(built))
    }

    fn take(&mut self, targets: &[Label]) -> Result<Option<Box<Built>>, Failure> {
        let mut built = self.session.nothing_built();
        let run = self.engine.scheduler.report(&self.targets.profile, targets);
        let not_placed = self.not_placed.clone();
        let may_rebuild = self.rebuilds > 0;
        if !materialise(&self.session.workspace, &self.session.events, &mut self.engine, run, &mut built, may_rebuild)?
        {
            self.rebuilds -= 1;
            return Ok(None);
        }
        if let (Some(_), Some(published)) = (built.materialised, self.session.workspace.frontend(&self.session.profile))
        {
            self.published.are(built.artifacts.iter().filter(|artifact| artifact.path.is_within(&published)));
        }
        built.ok &= not_placed.is_empty();
        built.diagnostics.extend(not_placed);
        tidy(&self.session.workspace, &mut built);
        built.duration = self.since.elapsed();
        Ok(Some(Box::new(built)))
    }
}

/// The numbers of the target groups.
const CODE: usize = 0;
const CHECKS: usize = 2;

/// Everything of a profile: the code, what is served, and the checks. What is served waits for the checks where the profile says so.
fn targets(session: &Session) -> Targets {
    let is_sound = session.workspace.is_sound();
    let rules = session.workspace.config.rules_in(&session.profile).filter(|_| is_sound);
    let all: Vec<Label> = rules.map(|rule| rule.label().clone()).collect();
    let waits = webstir_rules::is_gated(&session.workspace.config, &session.profile);
    let served = all.iter().filter(|label| waits || !is_check(label)).cloned().collect();
    let checks = all.iter().filter(|label| is_check(label)).cloned().collect();
    let code = all.iter().filter(|label| !waits && is_code(label)).cloned().collect();
    Targets { profile: Arc::from(session.profile.as_str()), groups: vec![code, served, checks], all }
}

/// Whether a rule is a check that does not block others.
pub(crate) fn is_check(label: &Label) -> bool {
    label.kind() == "typecheck"
}

/// Whether a rule makes what a server loads.
fn is_code(label: &Label) -> bool {
    matches!(label.kind(), "transpile" | "bundle")
}

/// Whether the configuration is read from it.
fn is_of_the_workspace(path: &RelPath) -> bool {
    matches!(path.as_str(), "webstir.kdl" | "package.json")
}

/// Whether what is served takes variables from it.
pub(crate) fn is_environment(path: &RelPath) -> bool {
    matches!(path.as_str(), ".env" | ".env.local")
}

/// More directories than these are not published.
const MOST_DIRECTORIES: usize = 4096;

/// A directory and all below it.
fn directories(workspace: &Workspace, top: &RelPath) -> BTreeSet<RelPath> {
    let mut found = BTreeSet::new();
    let mut open = vec![top.clone()];
    while let Some(directory) = open.pop() {
        if found.len() == MOST_DIRECTORIES {
            break;
        }
        let entries = fs::read_dir(workspace.root.join(directory.as_str())).into_iter().flatten().flatten();
        let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        open.extend(below.filter_map(|entry| directory.join(entry.file_name().to_str()?).ok()));
        found.insert(directory);
    }
    found
}
