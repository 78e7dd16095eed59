//! What a commit writes.
//!
//! A *plan* is a pure function of what the request started from (`base`), what it wants, and what the store has by now
//! (`current`). It is made again when somebody else was faster, so that both changes survive.

use super::flash::{self, FlashMessage};
use super::merge;
use super::record::{RuntimeState, SessionRecord};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// Keys of the value that say who the client is. A new value there gives the session a new id, so that an id that somebody
/// else planted or saw before is worth nothing after signing in.
const IDENTITY_KEYS: [&str; 7] = ["user", "userId", "accountId", "account", "sub", "auth", "email"];

/// What a request wants of its session.
pub(super) struct Wanted {
    pub(super) value: Option<Map<String, Value>>,
    pub(super) form: Option<Map<String, Value>>,
    /// The application ended the session.
    pub(super) cleared: bool,
    pub(super) delivered: Vec<FlashMessage>,
    pub(super) published: Vec<FlashMessage>,
    /// Tokens of the record that it started from.
    pub(super) spent: Vec<String>,
}

/// How long sessions live, and when it is.
pub(super) struct Lifetime {
    pub(super) now: Timestamp,
    pub(super) length: SignedDuration,
    /// Activity extends it.
    pub(super) sliding: bool,
}

impl Lifetime {
    /// The end of a session that starts now.
    pub(super) fn end(&self) -> Timestamp {
        self.now.saturating_add(self.length).unwrap_or(Timestamp::MAX)
    }

    /// Whether a tenth of the lifetime has passed since it last began. Extending at each request would write at each request.
    fn is_due(&self, expires_at: Timestamp) -> bool {
        self.sliding && self.end().duration_since(expires_at) >= self.length / 10
    }
}

/// What is written.
#[derive(Debug, PartialEq)]
pub(super) enum Plan {
    Nothing,
    /// Write nothing and fail: a token is gone that the request stands on.
    Refuse,
    /// Remove the record, in this version or, without one, in any.
    Delete {
        expected: Option<u64>,
    },
    /// Replace the record; `reissue`: its lifetime changed, and with it the cookie's.
    Update {
        record: SessionRecord,
        reissue: bool,
    },
    /// Replace the record by one with another id.
    Rotate {
        record: SessionRecord,
    },
}

/// A record for a client that has none; nothing if there is nothing to keep.
pub(super) fn create(wanted: Wanted, new_id: impl FnOnce() -> String, lifetime: &Lifetime) -> Option<SessionRecord> {
    let Wanted { value, form, published, .. } = wanted;
    (value.is_some() || !published.is_empty()).then(|| SessionRecord {
        id: new_id(),
        value,
        state: RuntimeState { form, flash: flash::after(&[], &[], &published) },
        created_at: lifetime.now,
        expires_at: lifetime.end(),
        version: 1,
    })
}

/// How the record `current` changes.
pub(super) fn change(
    base: &SessionRecord,
    current: &SessionRecord,
    wanted: &Wanted,
    new_id: impl FnOnce() -> String,
    lifetime: &Lifetime,
) -> Plan {
    if wanted.spent.iter().any(|token| !has_token(current.state.form.as_ref(), token)) {
        return Plan::Refuse;
    }
    let flash = flash::after(&current.state.flash, &wanted.delivered, &wanted.published);
    if wanted.cleared {
        // What is left carries messages and nothing else, under an id that the old cookie does not reach.
        return if flash.is_empty() {
            // In any version, unless what was looked at must still be so.
            Plan::Delete { expected: (!wanted.spent.is_empty()).then_some(current.version) }
        } else {
            let record = SessionRecord {
                id: new_id(),
                value: None,
                state: RuntimeState { form: None, flash },
                created_at: lifetime.now,
                expires_at: current.expires_at,
                version: 1,
            };
            Plan::Rotate { record }
        };
    }
    let value = merge::value(base.value.as_ref(), wanted.value.as_ref(), current.value.as_ref());
    let form = merge::form(base.state.form.as_ref(), wanted.form.as_ref(), current.state.form.as_ref());
    if value.is_none() && form.is_none() && flash.is_empty() {
        return Plan::Delete { expected: Some(current.version) };
    }
    let rotates = elevates(current.value.as_ref(), value.as_ref());
    let reissue = value.is_some() && lifetime.is_due(current.expires_at);
    let mut record = SessionRecord {
        id: current.id.clone(),
        value,
        state: RuntimeState { form, flash },
        created_at: current.created_at,
        expires_at: if reissue { lifetime.end() } else { current.expires_at },
        version: current.version,
    };
    if rotates {
        record.id = new_id();
        record.version = 1;
        Plan::Rotate { record }
    } else if record == *current {
        Plan::Nothing
    } else {
        Plan::Update { record, reissue }
    }
}

/// Whether a form waits for the token. Rows of earlier versions have one for each form, later ones a list.
pub(super) fn has_token(form: Option<&Map<String, Value>>, token: &str) -> bool {
    let forms = form.and_then(|form| form.get("csrf")).and_then(Value::as_object);
    forms.into_iter().flat_map(Map::values).any(|tokens| match tokens {
        Value::Array(tokens) => tokens.iter().any(|outstanding| outstanding == token),
        outstanding => outstanding == token,
    })
}

/// Whether a change gives the client more than it had: first data in an anonymous session, or another identity.
fn elevates(before: Option<&Map<String, Value>>, after: Option<&Map<String, Value>>) -> bool {
    let Some(after) = after.filter(|after| !after.is_empty()) else { return false };
    let Some(before) = before.filter(|before| !before.is_empty()) else { return true };
    IDENTITY_KEYS
        .iter()
        .any(|key| after.get(*key).is_some_and(|value| !value.is_null() && before.get(*key) != Some(value)))
}
