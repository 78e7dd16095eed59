//! The loop: plan, start what is missing, take completions, plan again, until nothing is left.
//!
//! A [`Scheduler`] owns the database. All that reaches it is a [`Message`]. Only here do finished actions become inputs
//! (`Scheduler::finish`) and only here are files asked about again. [`Scheduler::run`] goes on until nothing is left and gives a [`Run`]:
//! the last plan of each target and how each action got its result. [`Scheduler::next`] goes on to the next [`BuildEvent`], for a process
//! that stays while files change.

mod completion;
mod look_up;
mod message;
mod progress;
mod repeat;
mod run;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use salsa::Setter as _;

pub use self::message::{BuildEvent, Inbox, Message, Targets};
use self::progress::{Progress, Trial};
use self::run::artifacts;
pub use self::run::{Report, Run};
use self::standing::Standings;
use crate::action::Artifact;
use crate::clock;
use crate::config::Config;
use crate::database::Database;
use crate::db::{Db, ResultInput, Settings};
use crate::environment::Environment;
use crate::event::{EventSink, Phase, during};
use crate::execute::Executor;
use crate::file::{Changes, FileDb as _, Files};
use crate::label::{ActionLabel, Label};
use crate::machine::Programs;
use crate::path::RelPath;
use crate::plan::State;
use crate::run::RunError;
use crate::store::Store;
use crate::watch::Watcher;

/// How often an action is started again because a file changed while it was read.
const RETRIES: u32 = 5;

/// Grace period before expensive lookups in the store: actions that were just started may end within it, and their results may change the
/// plan.
const HASTE: Duration = Duration::from_millis(3);

/// How often what was done so far is published, so that a killed build loses little.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);

/// Poll interval of the cancellation flag while actions run: cancelling sends no message.
const CANCELLATION_INTERVAL: Duration = Duration::from_millis(50);

/// The world failed, or we did.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// An action could not be run.
    #[error("{label}: {source}")]
    Run {
        /// The action.
        label: ActionLabel,
        /// Why.
        source: RunError,
    },
    /// The files never stood still.
    #[error("{label}: {} while it runs", restless(.path.as_ref()))]
    Unstable {
        /// The action.
        label: ActionLabel,
        /// The file that changed last, where one is known.
        path: Option<RelPath>,
    },
    /// The store could not be written or read.
    #[error("The store failed: {0}")]
    Store(#[from] io::Error),
    /// The user asked to stop.
    #[error("Interrupted")]
    Interrupted,
    /// A bug of ours.
    #[error("{label} panicked: {message}")]
    Panic {
        /// The action.
        label: ActionLabel,
        /// The panic's message.
        message: String,
    },
}

/// What does not stand still.
fn restless(path: Option<&RelPath>) -> String {
    path.map_or_else(|| "what it reads keeps changing".to_owned(), |path| format!("`{path}` keeps changing"))
}

/// Owns the database and drives it.
pub struct Scheduler {
    database: Database,
    store: Arc<Store>,
    executor: Executor,
    events: EventSink,
    cancelled: Arc<AtomicBool>,
    inbox: (Sender<Message>, Receiver<Message>),
    actions: Standings,
    progress: Progress,
    /// Paths whose change was not told yet.
    changed: BTreeSet<RelPath>,
    /// How often somebody woke it which was not told yet.
    woken: usize,
    /// What says nothing of the next time: forgotten with the next change.
    uncacheable: Vec<ResultInput>,
    /// How long the last look at everything took.
    looked: Option<Duration>,
    published: Instant,
}

impl Scheduler {
    /// A scheduler over a database and an executor that share `store`.
    pub fn new(
        database: Database,
        store: Arc<Store>,
        executor: Executor,
        events: EventSink,
        cancelled: Arc<AtomicBool>,
    ) -> Self {
        Self {
            database,
            store,
            executor,
            events,
            cancelled,
            inbox: channel(),
            actions: Standings::default(),
            progress: Progress::default(),
            changed: BTreeSet::new(),
            woken: 0,
            uncacheable: Vec::new(),
            looked: None,
            published: clock::now(),
        }
    }

    /// The database, between runs.
    pub fn database(&mut self) -> &mut Database {
        &mut self.database
    }

    /// The worker threads.
    pub fn pool(&self) -> &rayon::ThreadPool {
        self.executor.pool()
    }

    /// Where others put messages.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(self.inbox.0.clone())
    }

    /// Brings `targets` up to date in `profile`.
    pub fn run(&mut self, profile: &str, targets: &[Label]) -> Result<Run, BuildError> {
        self.run_again(profile, targets, &|_| false)
    }

    /// As [`run`](Self::run), and what the rules that are `wanted` planned runs whatever is known of it.
    pub fn run_again(
        &mut self,
        profile: &str,
        targets: &[Label],
        wanted: &dyn Fn(&Label) -> bool,
    ) -> Result<Run, BuildError> {
        Programs::look(&mut self.database);
        self.begin(self.progress.trial());
        self.forget(wanted);
        self.bring_up_to_date(profile, targets)
    }

    /// Goes on with other targets where a run has ended: what that did is not looked at again.
    pub fn run_on(&mut self, profile: &str, targets: &[Label]) -> Result<Run, BuildError> {
        self.resume();
        self.bring_up_to_date(profile, targets)
    }

    fn bring_up_to_date(&mut self, profile: &str, targets: &[Label]) -> Result<Run, BuildError> {
        let targets = Targets { profile: Arc::from(profile), groups: Vec::new(), all: targets.to_vec() };
        let result = self.run_until_idle(&targets);
        if result.is_err() {
            self.abandon();
        }
        // What was finished is kept even when something else failed.
        let published = during(&self.events, Phase::Publishing, || self.store.publish());
        result?;
        published?;
        Ok(self.report(&targets.profile, &targets.all))
    }

    fn run_until_idle(&mut self, targets: &Targets) -> Result<(), BuildError> {
        while self.advance(targets, &|_| false)? != BuildEvent::Idle {}
        Ok(())
    }

    /// Plans as far as the store has results, and runs nothing.
    pub fn plan_only(&mut self, profile: &str, targets: &[Label]) -> Result<Run, BuildError> {
        let profile: Arc<str> = Arc::from(profile);
        loop {
            let missing = self.missing(&profile, targets);
            let racy = self.database.files().take_racy();
            if !Files::reconsider(&mut self.database, &racy) && !self.take_from_store(&missing)? {
                return Ok(self.report(&profile, targets));
            }
        }
    }

    /// Drives the build to the next event, which it returns. When nothing is left to do it waits for messages. `watcher` follows the files
    /// that the build asked about, and those in the directories `also`; a change of a file that `concerns` accepts is an event even if
    /// the build never asked about the file. After an error it waits for the next message.
    pub fn next(
        &mut self,
        targets: &Targets,
        watcher: &mut Watcher,
        also: &BTreeSet<RelPath>,
        concerns: &dyn Fn(&RelPath) -> bool,
    ) -> Result<BuildEvent, BuildError> {
        let mut result = self.advance(targets, concerns);
        if matches!(result, Err(BuildError::Unstable { .. })) && self.progress.trial() == Trial::First {
            self.abandon();
            self.begin(Trial::Second);
            result = self.advance(targets, concerns);
        }
        if let Some(took) = self.looked.take() {
            watcher.looked(took);
        }
        match result {
            Ok(event @ (BuildEvent::GroupDone(_) | BuildEvent::Idle)) => {
                let mut directories = self.database.files().directories();
                directories.insert(RelPath::root());
                directories.extend(also.iter().cloned());
                let unseen = watcher.follow(&directories);
                let changed = Files::look_in(&mut self.database, &unseen);
                if changed.is_empty() {
                    return Ok(event);
                }
                self.begin(self.progress.trial());
                Ok(BuildEvent::Changed(changed.into_iter().collect()))
            }
            Ok(event) => Ok(event),
            Err(error) => {
                self.abandon();
                self.progress.fail(!self.changed.is_empty());
                Err(error)
            }
        }
    }

    /// Plans with another configuration from now on.
    pub fn configure(&mut self, config: Arc<Config>, environment: Environment) {
        let settings = Settings::get(&self.database);
        settings.set_config(&mut self.database).to(config);
        settings.set_environment(&mut self.database).to(Arc::new(environment));
        self.begin(self.progress.trial());
    }

    /// Runs again what the rules that are `wanted` planned, whatever is known of it.
    pub fn forget(&mut self, wanted: &dyn Fn(&Label) -> bool) {
        let db: &dyn Db = &self.database;
        for result_input in db.result_inputs().all(db) {
            let label = result_input.label(&self.database).clone();
            if wanted(&label.rule) && result_input.done(&self.database).is_some() {
                result_input.set_done(&mut self.database).to(None);
                self.actions.make_again(&label);
            }
        }
        self.progress.make_again();
    }

    /// Asks the world again about a directory and all below it, which was written by who drives the build.
    pub fn look_below(&mut self, directory: &RelPath) {
        // The directories above it may be new, too.
        let paths = std::iter::successors(directory.parent(), RelPath::parent).collect();
        let changes = Changes::Some { paths, moved: BTreeSet::from([directory.clone()]) };
        Files::look(&mut self.database, &changes);
        self.resume();
    }

    /// There may be something to do again, for other targets or as files were written by who drives the build.
    pub fn resume(&mut self) {
        self.progress.begin(self.progress.trial());
    }

    /// Asks the world about everything again, and materialises everything again.
    pub fn look_at_everything(&mut self) {
        Files::look(&mut self.database, &Changes::Everything);
        self.begin(self.progress.trial());
    }

    /// Whether nothing is left to do.
    pub fn is_idle(&self) -> bool {
        self.progress.is_over()
    }

    /// Makes what was finished visible to other processes.
    pub fn publish(&mut self) -> io::Result<()> {
        during(&self.events, Phase::Publishing, || self.store.publish())
    }

    /// What came of `targets` so far.
    pub fn report(&self, profile: &Arc<str>, targets: &[Label]) -> Run {
        Run::new(self.plans(profile, targets), &self.actions)
    }

    /// The files of `targets`, sorted by path; `None` while something is not done.
    pub fn artifacts(&self, profile: &Arc<str>, targets: &[Label]) -> Option<Vec<Artifact>> {
        let plans = self.plans(profile, targets);
        let is_done = plans.values().all(|plan| plan.state == State::Done);
        is_done.then(|| artifacts(plans.values().copied()))
    }

    /// Begins a new revision of the workspace: what was derived from the one before is no longer taken for granted.
    fn begin(&mut self, trial: Trial) {
        if self.progress.is_over() {
            // What was idle has published everything.
            self.published = clock::now();
        }
        let is_quiet = self.actions.is_quiet();
        self.actions.begin(|rule| !is_quiet && !self.progress.is_reported(rule));
        for result_input in std::mem::take(&mut self.uncacheable) {
            result_input.set_done(&mut self.database).to(None);
        }
        self.progress.begin(trial);
    }

    fn advance(&mut self, targets: &Targets, concerns: &dyn Fn(&RelPath) -> bool) -> Result<BuildEvent, BuildError> {
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(BuildError::Interrupted);
            }
            // Changes come before everything else.
            while let Ok(message) = self.inbox.1.try_recv() {
                self.take(message, concerns)?;
            }
            if let Some(event) = self.happened() {
                return Ok(event);
            }
            if self.progress.is_open() {
                let missing = self.missing(&targets.profile, &targets.all);
                let racy = self.database.files().take_racy();
                if Files::reconsider(&mut self.database, &racy) {
                    continue;
                }
                self.stop_superseded(targets);
                // To look up what reads as it runs is to ask about all that it read. The others run meanwhile; what one edited file has
                // them do is over at once, and the next plan comes first.
                let (discovering, plain): (Vec<_>, Vec<_>) =
                    missing.into_iter().partition(|action| action.discovers_inputs);
                let has_begun = !plain.is_empty();
                if self.begin_all(plain)? {
                    continue;
                }
                if has_begun && self.wait(concerns, Some(clock::now() + HASTE))? {
                    continue;
                }
                let (whole, parts): (Vec<_>, Vec<_>) =
                    discovering.into_iter().partition(|action| self.sees_everything(action));
                if self.begin_all(parts)? || self.begin_all(whole)? {
                    continue;
                }
                self.progress.wait();
            }
            if let Some(group) = self.done_group(targets) {
                self.progress.report(group, targets);
                return Ok(BuildEvent::GroupDone(group));
            }
            if !self.progress.is_over() && self.actions.is_quiet() {
                self.progress = Progress::Idle;
                return Ok(BuildEvent::Idle);
            }
            self.wait(concerns, None)?;
            if self.published.elapsed() >= PUBLISH_INTERVAL && !self.actions.is_quiet() {
                self.store.publish()?;
                self.published = clock::now();
            }
        }
    }

    /// What others said, changes first.
    fn happened(&mut self) -> Option<BuildEvent> {
        if !self.changed.is_empty() {
            return Some(BuildEvent::Changed(std::mem::take(&mut self.changed)));
        }
        self.woken = self.woken.checked_sub(1)?;
        Some(BuildEvent::Woken)
    }
}
