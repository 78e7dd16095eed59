//! The session of one request, from its cookie to its `Set-Cookie`.

use super::cookie::PresentedCookie;
use super::flash::FlashMessage;
use super::plan::{self, Lifetime, Plan, Wanted};
use super::record::SessionRecord;
use super::store::{ChangeOutcome, StoreError};
use super::{Sessions, Shared};
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// How often a commit is tried. Conflicting commits of one process take turns, so that more than a few attempts need as many
/// processes writing the same session at the same moment.
const ATTEMPTS: u32 = 32;

/// The session of one request. Dropping it changes nothing.
pub struct OpenSession {
    shared: Arc<Shared>,
    record: Option<SessionRecord>,
    /// The client holds a cookie that is worth nothing.
    dead_cookie: bool,
}

/// What a handler sees of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptSession {
    pub value: Map<String, Value>,
    pub id: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// The state of the form helpers, hidden from the application.
    pub form: Option<Map<String, Value>>,
}

/// What a handler did with its session.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionChange {
    Unchanged,
    /// `ctx.session = null`.
    Cleared,
    /// The session as it is now, whether it was changed in place or replaced. `form` is all form state that is left; a host
    /// passes on the state that it was given if the application replaced the object that held it.
    Replaced {
        value: Map<String, Value>,
        form: Option<Map<String, Value>>,
    },
}

/// What else happened in the request.
#[derive(Clone, Debug, Default)]
pub struct CommitContext {
    /// The keys whose messages were delivered, see [`OpenSession::deliverable`].
    pub delivered: BTreeSet<String>,
    pub published: Vec<FlashMessage>,
    /// The tokens of forms that the request stands on.
    pub spent: Vec<String>,
}

/// Why nothing was committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else was faster. The response must not be sent: it says that the form was accepted.
    #[error("The token of the form was spent by another request")]
    TokenSpent,
}

/// Whether a session may use a route that requires one: it holds data of the application. State of the runtime, the token of
/// a form or a message, says nothing about the client.
pub fn satisfies_required(value: Option<&Map<String, Value>>) -> bool {
    value.is_some_and(|value| !value.is_empty())
}

impl Sessions {
    /// Opens the session that the cookies of a request name.
    pub async fn open(&self, headers: &HeaderMap) -> Result<OpenSession, StoreError> {
        let shared = Arc::clone(&self.shared);
        let (record, dead_cookie) = match shared.cookie.presented(headers) {
            PresentedCookie::Absent => (None, false),
            PresentedCookie::Invalid => (None, true),
            PresentedCookie::Signed(id) => match shared.store.load(&id).await? {
                Some(record) if record.expires_at <= (shared.clock)() => {
                    shared.store.delete(&id, Some(record.version)).await?;
                    (None, true)
                }
                record => {
                    let missing = record.is_none();
                    (record, missing)
                }
            },
        };
        Ok(OpenSession { shared, record, dead_cookie })
    }
}

impl OpenSession {
    /// What the handler gets as `ctx.session`.
    pub fn script_session(&self) -> Option<ScriptSession> {
        let record = self.record.as_ref()?;
        Some(ScriptSession {
            value: record.value.clone()?,
            id: record.id.clone(),
            created_at: record.created_at,
            expires_at: record.expires_at,
            form: record.state.form.clone(),
        })
    }

    /// The pending messages of these keys, in the order in which they were published.
    pub fn deliverable(&self, keys: &BTreeSet<String>) -> Vec<FlashMessage> {
        let pending = self.record.as_ref().map_or(&[][..], |record| &record.state.flash);
        pending.iter().filter(|message| keys.contains(&message.key)).cloned().collect()
    }

    /// Writes what changed, and nothing if nothing did. Gives the `Set-Cookie` value of the response.
    ///
    /// Concurrent changes are merged: the value by top-level key, form state by form, flash by message; where both changed the
    /// same key, the later commit wins. If the session was deleted or got a new id in the meantime, nothing is written, and the
    /// cookie is left alone: the response that ended it has said what the client holds now, and this one may arrive after it.
    ///
    /// A token of a form is spent by one commit: the others fail and write nothing.
    pub async fn commit(self, change: SessionChange, context: CommitContext) -> Result<Option<String>, CommitError> {
        let delivered = self.deliverable(&context.delivered);
        let cleared = change == SessionChange::Cleared;
        let (value, form) = match change {
            SessionChange::Unchanged => {
                let record = self.record.as_ref();
                let value = record.and_then(|record| record.value.clone());
                (value, record.and_then(|record| record.state.form.clone()))
            }
            SessionChange::Cleared => (None, None),
            SessionChange::Replaced { value, form } => (Some(value), form.filter(|form| !form.is_empty())),
        };
        let stored = self.record.as_ref().and_then(|record| record.state.form.as_ref());
        // A token that the request itself issued is nobody else's.
        let spent = context.spent.into_iter().filter(|token| plan::has_token(stored, token)).collect();
        let wanted = Wanted { value, form, cleared, delivered, published: context.published, spent };
        match &self.record {
            Some(base) => self.change(base, &wanted).await,
            None => Ok(self.create(wanted).await?),
        }
    }

    async fn create(&self, wanted: Wanted) -> Result<Option<String>, StoreError> {
        let Some(record) = plan::create(wanted, new_id, &self.lifetime()) else {
            return Ok(self.dead_cookie.then(|| self.shared.cookie.clear()));
        };
        let cookie = self.shared.cookie.issue(&record.id);
        self.shared.store.create(record).await?;
        Ok(Some(cookie))
    }

    async fn change(&self, base: &SessionRecord, wanted: &Wanted) -> Result<Option<String>, CommitError> {
        let mut current = match self.attempt(base, base, wanted).await? {
            Attempt::Settled(cookie) => return Ok(cookie),
            Attempt::Conflict(current) => current,
        };
        let _turn = self.shared.turn(&base.id).await;
        for _ in 1..ATTEMPTS {
            match self.attempt(base, &current, wanted).await? {
                Attempt::Settled(cookie) => return Ok(cookie),
                Attempt::Conflict(newer) => current = newer,
            }
        }
        Err(StoreError::Contention { attempts: ATTEMPTS }.into())
    }

    async fn attempt(
        &self,
        base: &SessionRecord,
        current: &SessionRecord,
        wanted: &Wanted,
    ) -> Result<Attempt, CommitError> {
        let Shared { store, cookie, .. } = &*self.shared;
        let (outcome, set_cookie) = match plan::change(base, current, wanted, new_id, &self.lifetime()) {
            Plan::Nothing => return Ok(Attempt::Settled(None)),
            Plan::Refuse => return Err(CommitError::TokenSpent),
            Plan::Delete { expected } => (store.delete(&base.id, expected).await?, Some(cookie.clear())),
            Plan::Update { record, reissue } => {
                let set_cookie = reissue.then(|| cookie.issue(&record.id));
                (store.update(record, current.version).await?, set_cookie)
            }
            Plan::Rotate { record } => {
                let set_cookie = Some(cookie.issue(&record.id));
                (store.rotate(&base.id, record, current.version).await?, set_cookie)
            }
        };
        Ok(match outcome {
            ChangeOutcome::Done => Attempt::Settled(set_cookie),
            ChangeOutcome::Conflict(newer) => Attempt::Conflict(newer),
            ChangeOutcome::Gone if !wanted.spent.is_empty() => return Err(CommitError::TokenSpent),
            // Whoever signs out wants no session, whatever became of it.
            ChangeOutcome::Gone => Attempt::Settled(wanted.cleared.then(|| cookie.clear())),
        })
    }

    fn lifetime(&self) -> Lifetime {
        let Shared { clock, lifetime, sliding, .. } = &*self.shared;
        Lifetime { now: clock(), length: *lifetime, sliding: *sliding }
    }
}

enum Attempt {
    Settled(Option<String>),
    Conflict(Box<SessionRecord>),
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}
