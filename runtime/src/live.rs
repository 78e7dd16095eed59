//! What browsers are told while a workspace is edited.
//!
//! The *hub* knows how the last build went and what was found, and tells every browser that listens, in server-sent events. A
//! *revision* is a state of what is served, as browsers have to know it: a page carries the one that it was made at, and each event the
//! one that it leads to. Whoever has missed one loads its page again.

mod event;
mod finding;
mod hosts;
mod injection;
mod subscription;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use uuid::Uuid;

use crate::application::Deployed;
use event::{Event, Status};
use finding::Findings;
use hosts::Hosts;

pub use finding::{LiveFinding, LiveSeverity};
pub(crate) use injection::{Injection, is_html};
pub(crate) use subscription::Subscription;

/// The script that pages are given.
pub(crate) const SCRIPT: &str = include_str!("live/live.js");
/// Where it is.
pub(crate) const SCRIPT_PATH: &str = "/__webstir/live.js";
/// Where it listens. Nothing of the user's can be there.
pub(crate) const EVENTS_PATH: &str = "/__webstir/events";
/// Where others listen, unless the module has a route there.
pub(crate) const SHARED_EVENTS_PATH: &str = "/sse";

/// How many events may wait for a slow client. One for which more wait is told to load its page again instead.
const MOST_WAITING: usize = 64;

/// The hub. Cloning shares it.
#[derive(Clone)]
pub struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    /// Tells revisions of this hub from those of one before it, whose pages may still be open.
    origin: String,
    hosts: Hosts,
    current: Mutex<Current>,
    events: broadcast::Sender<Event>,
}

#[derive(Default)]
struct Current {
    revision: u64,
    status: Option<Status>,
    findings: Findings,
    is_over: bool,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    pub fn new() -> Self {
        Self::answering_to([])
    }

    /// For a server that answers to these names besides addresses and `localhost`; `.example` is every name below it.
    pub fn answering_to(names: impl IntoIterator<Item = String>) -> Self {
        let (events, _) = broadcast::channel(MOST_WAITING);
        let origin = Uuid::new_v4().simple().to_string();
        Self { shared: Arc::new(Shared { origin, hosts: Hosts::new(names), current: Mutex::default(), events }) }
    }

    /// Whether a request for this authority is answered.
    pub(crate) fn answers_to(&self, authority: Option<&str>) -> bool {
        self.shared.hosts.allow(authority)
    }

    /// A build has begun.
    pub fn building(&self) {
        let mut current = self.current();
        current.status = Some(Status::Building);
        self.send(&current, &Event::status(Status::Building));
    }

    /// A build is served. Pages are brought up to date with what changed: style sheets in place, everything else by loading them again.
    pub fn succeeded(&self, deployed: &Deployed) {
        let mut current = self.current();
        current.status = Some(Status::Success);
        if current.findings.clear_build() {
            self.send(&current, &Event::findings(&current.findings));
        }
        let update = match deployed {
            Deployed::Unchanged => None,
            Deployed::Site { changed, .. } if changed.is_empty() => None,
            Deployed::Site { changed, styles_only: true } => Some(Event::hot_styles(changed)),
            Deployed::Site { .. } | Deployed::Module => {
                self.send(&current, &Event::status(Status::Fallback));
                Some(Event::reload())
            }
        };
        // The first event of a revision leads to it: a client whose connection breaks before has not heard of it.
        if let Some(update) = update {
            current.revision += 1;
            self.send(&current, &update);
        }
        self.send(&current, &Event::status(Status::Success));
    }

    /// A build failed; what is served stays. Pages are covered until one succeeds.
    pub fn failed(&self, findings: Vec<LiveFinding>) {
        let mut current = self.current();
        current.status = Some(Status::Error);
        current.findings.of_build(findings);
        self.send(&current, &Event::status(Status::Error));
        self.send(&current, &Event::findings(&current.findings));
    }

    /// What a check found, such as type errors, whenever it is done; pages can be used meanwhile. It replaces what the check before found,
    /// and so every check is told, also one that found nothing.
    pub fn findings(&self, findings: Vec<LiveFinding>) {
        let mut current = self.current();
        if current.findings.of_types(findings) {
            self.send(&current, &Event::findings(&current.findings));
        }
    }

    /// That of a page which is answered from now on.
    pub(crate) fn revision(&self) -> String {
        self.named(&self.current())
    }

    /// Listens. `known` is the revision that the client says it has.
    pub(crate) fn subscribe(&self, known: Option<&str>) -> Subscription {
        let current = self.current();
        // While the lock is held nothing is sent: whatever comes next is received.
        let events = self.shared.events.subscribe();
        let revision = self.named(&current);
        let mut greeting = Event::greeting();
        // First: whoever has heard of a revision has it.
        if known.is_some_and(|known| known != revision) {
            greeting.push(&revision, &Event::reload());
        }
        if let Some(status) = current.status {
            greeting.push(&revision, &Event::status(status));
        }
        greeting.push(&revision, &Event::findings(&current.findings));
        if current.is_over {
            greeting.push(&revision, &Event::shutdown());
        }
        Subscription::new(self.clone(), greeting.into_bytes(), events, current.is_over)
    }

    /// Tells every client that nothing more comes.
    pub(crate) fn end(&self) {
        let mut current = self.current();
        current.is_over = true;
        self.send(&current, &Event::shutdown());
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.shared.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self, current: &Current) -> String {
        format!("{}-{}", self.shared.origin, current.revision)
    }

    fn send(&self, current: &Current, event: &Event) {
        // Without clients nobody is told.
        let _ = self.shared.events.send(event.at(&self.named(current)));
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Live").field("revision", &self.revision()).finish_non_exhaustive()
    }
}
