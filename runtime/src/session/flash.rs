//! Messages from one request to a later one of the same session.
//!
//! A *message* has a key and a level, no text. A route's *plan* says which keys it consumes, which means delivers and removes,
//! and by which *rules* it publishes new ones, depending on the *outcome* of the request.

use super::clock::iso;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use webstir_contract::manifest::FlashCondition;

/// How weighty a message is, and one entry of `flash.publish`.
pub use webstir_contract::manifest::{FlashLevel, FlashMessage as FlashRule};

/// One message as it is stored and shown to handlers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlashMessage {
    pub key: String,
    pub level: FlashLevel,
    /// ISO 8601; kept as text, since it is only passed on.
    pub created_at: String,
}

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashOutcome {
    Success,
    Error,
}

impl FlashOutcome {
    /// An error if the result names errors, whatever its status, or if its status is 400 or more.
    pub fn of(status: u16, has_errors: bool) -> Self {
        if has_errors || status >= 400 { Self::Error } else { Self::Success }
    }
}

/// What a route does with flash: `flash` and `form.flash` of its definition together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlashPlan {
    pub consume: BTreeSet<String>,
    pub publish: Vec<FlashRule>,
}

/// One `{consume?, publish?}` object; entries that are none are passed over.
#[derive(Deserialize)]
struct FlashDeclaration {
    #[serde(default, deserialize_with = "lenient")]
    consume: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    publish: Vec<FlashRule>,
}

fn lenient<'de, D: Deserializer<'de>, T: for<'a> Deserialize<'a>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let entries = if let Value::Array(entries) = value { entries } else { Vec::new() };
    Ok(entries.into_iter().filter_map(|entry| T::deserialize(entry).ok()).collect())
}

impl FlashPlan {
    /// Reads the plan from a route definition. `flash` comes before `form.flash`; blank keys are ignored.
    pub fn from_definition(definition: &Value) -> Self {
        let declarations = [definition.get("flash"), definition.get("form").and_then(|form| form.get("flash"))];
        let mut plan = Self::default();
        for declaration in declarations.into_iter().flatten() {
            if let Ok(declaration) = FlashDeclaration::deserialize(declaration) {
                plan.consume.extend(declaration.consume.into_iter().filter(|key| !key.is_empty()));
                plan.publish.extend(declaration.publish.into_iter().filter(|rule| !rule.key.is_empty()));
            }
        }
        plan
    }

    /// The messages that this plan publishes. A fragment and the rejection of a request without a session publish nothing:
    /// for them this is not asked.
    pub fn published(&self, outcome: FlashOutcome, now: Timestamp) -> Vec<FlashMessage> {
        let default_level = match outcome {
            FlashOutcome::Success => FlashLevel::Info,
            FlashOutcome::Error => FlashLevel::Error,
        };
        self.publish
            .iter()
            .filter(|rule| match rule.when {
                None | Some(FlashCondition::Always) => true,
                Some(FlashCondition::Success) => outcome == FlashOutcome::Success,
                Some(FlashCondition::Error) => outcome == FlashOutcome::Error,
            })
            .map(|rule| FlashMessage {
                key: rule.key.clone(),
                level: rule.level.unwrap_or(default_level),
                created_at: iso(now),
            })
            .collect()
    }
}

/// The most messages that wait in one session. The oldest give way: a page that publishes and never consumes must not grow
/// its session without end.
const PENDING_LIMIT: usize = 100;

/// `pending` without the messages in `delivered`, each removed once, and with `published` behind.
pub(super) fn after(
    pending: &[FlashMessage],
    delivered: &[FlashMessage],
    published: &[FlashMessage],
) -> Vec<FlashMessage> {
    let mut removed = delivered.to_vec();
    let mut rest: Vec<FlashMessage> = pending
        .iter()
        .filter(|message| match removed.iter().position(|candidate| candidate == *message) {
            Some(found) => {
                removed.swap_remove(found);
                false
            }
            None => true,
        })
        .chain(published)
        .cloned()
        .collect();
    rest.drain(..rest.len().saturating_sub(PENDING_LIMIT));
    rest
}

#[cfg(test)]
mod tests {
    use super::{FlashLevel, FlashMessage, FlashOutcome, FlashPlan, PENDING_LIMIT, after};
    use jiff::Timestamp;
    use serde_json::json;

    fn message(key: &str) -> FlashMessage {
        FlashMessage { key: key.to_owned(), level: FlashLevel::Info, created_at: String::new() }
    }

    #[test]
    fn plans_join_both_declarations() {
        let plan = FlashPlan::from_definition(&json!({
            "flash": {"consume": ["a", "", 4], "publish": [{"key": "x", "when": "success"}, {"key": ""}, {"key": "bad", "level": "loud"}]},
            "form": {"flash": {"consume": ["b", "a"], "publish": [{"key": "y", "level": "warning", "when": "error"}, {"key": "z"}]}},
        }));
        assert_eq!(plan.consume.iter().collect::<Vec<_>>(), ["a", "b"]);
        let keys = |outcome| {
            let published = plan.published(outcome, Timestamp::UNIX_EPOCH);
            published.into_iter().map(|message| (message.key, message.level)).collect::<Vec<_>>()
        };
        assert_eq!(
            keys(FlashOutcome::Success),
            [("x".to_owned(), FlashLevel::Info), ("z".to_owned(), FlashLevel::Info)]
        );
        assert_eq!(
            keys(FlashOutcome::Error),
            [("y".to_owned(), FlashLevel::Warning), ("z".to_owned(), FlashLevel::Error)]
        );
    }

    #[test]
    fn errors_win_over_the_status() {
        assert_eq!(FlashOutcome::of(303, true), FlashOutcome::Error);
        assert_eq!(FlashOutcome::of(422, false), FlashOutcome::Error);
        assert_eq!(FlashOutcome::of(303, false), FlashOutcome::Success);
    }

    #[test]
    fn delivered_messages_are_removed_once_each() {
        let pending = [message("a"), message("b"), message("a")];
        assert_eq!(after(&pending, &[message("a")], &[message("c")]), [message("b"), message("a"), message("c")]);
    }

    #[test]
    fn the_oldest_messages_give_way() {
        let pending: Vec<_> = (0..PENDING_LIMIT).map(|index| message(&index.to_string())).collect();
        let rest = after(&pending, &[], &[message("new")]);
        assert_eq!((rest.len(), &rest[0], &rest[PENDING_LIMIT - 1]), (PENDING_LIMIT, &message("1"), &message("new")));
    }
}
