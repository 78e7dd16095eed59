//! What a store keeps of a session.
//!
//! A *record* has an id, the *value* that the application set, and the *state* that the runtime keeps beside it: form state
//! and pending flash. A record without a value carries only such state; no application sees it as a session. All of it is
//! JSON, in every store, so that what works with one works with the others.

use super::flash::FlashMessage;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A session as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRecord {
    /// Opaque and unguessable: who knows it and the secret has the session.
    pub id: String,
    /// What the application set, or nothing if the record only carries state of the runtime.
    pub value: Option<Map<String, Value>>,
    pub state: RuntimeState,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// Grows by one with each change; compared before each change.
    pub version: u64,
}

/// What the runtime keeps beside the value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuntimeState {
    /// `{csrf: {formId: ..}, states: {formId: ..}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Map<String, Value>>,
    /// Messages that wait to be delivered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flash: Vec<FlashMessage>,
}

/// The texts of a stored row, as the tables of the databases hold them.
pub(super) struct RowTexts<'a> {
    pub(super) value: &'a str,
    pub(super) flash: &'a str,
    pub(super) runtime: &'a str,
}

/// Where older versions of the form helpers kept their state, inside the value.
const LEGACY_FORM_KEY: &str = "__webstir_form_runtime";

/// Reads value and state of a row. The column `flash` counts only where `runtime` has none: older rows hold it there.
/// Messages that are none are dropped.
pub(super) fn decode(row: &RowTexts<'_>) -> Result<(Option<Map<String, Value>>, RuntimeState), serde_json::Error> {
    let mut value: Option<Map<String, Value>> = serde_json::from_str(row.value)?;
    let mut runtime: Map<String, Value> = serde_json::from_str(row.runtime)?;
    let flash: Value = match runtime.remove("flash") {
        Some(flash) => flash,
        None => serde_json::from_str(row.flash)?,
    };
    let flash = flash.as_array().into_iter().flatten().filter_map(|message| FlashMessage::deserialize(message).ok());
    let legacy = value.as_mut().and_then(|value| value.remove(LEGACY_FORM_KEY));
    let form = match runtime.remove("form").or(legacy) {
        Some(Value::Object(form)) => Some(form),
        _ => None,
    };
    Ok((value, RuntimeState { form, flash: flash.collect() }))
}

/// The text of the column `value`.
pub(super) fn value_text(record: &SessionRecord) -> String {
    json_text(&record.value)
}

/// The text of the column `runtime`.
pub(super) fn runtime_text(state: &RuntimeState) -> String {
    json_text(state)
}

fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| unreachable!("text keys and JSON values always serialise"))
}

#[cfg(test)]
mod tests {
    use super::{RowTexts, decode};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(value: &str, flash: &str, runtime: &str) -> (Value, Value, usize) {
        let (value, state) = decode(&RowTexts { value, flash, runtime }).unwrap();
        (json!(value), json!(state.form), state.flash.len())
    }

    const MESSAGE: &str = r#"[{"key":"saved","level":"info","createdAt":"2026-01-01T00:00:00.000Z"}]"#;

    #[test]
    fn the_legacy_column_counts_only_without_flash_in_runtime() {
        assert_eq!(read("{}", MESSAGE, "{}").2, 1);
        assert_eq!(read("{}", MESSAGE, r#"{"flash":[]}"#).2, 0);
        assert_eq!(read("{}", "[]", &format!(r#"{{"flash":{MESSAGE}}}"#)).2, 1);
        assert_eq!(read("{}", r#"[4,{"key":"a","level":"loud","createdAt":""}]"#, "{}").2, 0);
    }

    #[test]
    fn legacy_form_state_moves_out_of_the_value() {
        let value = r#"{"a":1,"__webstir_form_runtime":{"csrf":{"f":"t"}}}"#;
        assert_eq!(read(value, "[]", "{}"), (json!({"a": 1}), json!({"csrf": {"f": "t"}}), 0));
        assert_eq!(read(value, "[]", r#"{"form":{"csrf":{}}}"#), (json!({"a": 1}), json!({"csrf": {}}), 0));
    }

    #[test]
    fn what_is_no_session_is_an_error() {
        for (value, flash, runtime) in [("{", "[]", "{}"), ("[]", "[]", "{}"), ("{}", "x", "{}"), ("{}", "[]", "1")] {
            assert!(decode(&RowTexts { value, flash, runtime }).is_err(), "{value} {flash} {runtime}");
        }
        assert_eq!(read("null", "[]", "{}").0, Value::Null);
    }

    proptest! {
        #[test]
        fn any_row_is_read(value in ".{0,40}|[\\[\\]{}\":a0,]{0,40}", flash in "[\\[\\]{}\":a0,]{0,40}", runtime in "[\\[\\]{}\":a0,]{0,40}") {
            let _ = decode(&RowTexts { value: &value, flash: &flash, runtime: &runtime });
            let _ = decode(&RowTexts { value: "{}", flash: "[]", runtime: &format!("{{\"flash\":{flash},\"form\":{value}}}") });
        }
    }
}
