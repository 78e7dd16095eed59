//! Arguments, taken apart.
//!
//! A builtin has one argument, a JSON document of its parameters; a process has its parameters and then an argument vector. A
//! *leaf* is one value in them with its place: `emit.target`, or the number of an argument.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::key_dump::{ActionRecord, Part};

/// The leaves of all arguments, by place.
pub(super) fn leaves(action: &ActionRecord) -> BTreeMap<String, String> {
    let arguments = action.parts.iter().filter_map(|part| match part {
        Part::Argument(argument) => Some(argument),
        _ => None,
    });
    let mut leaves = BTreeMap::new();
    for (number, argument) in arguments.enumerate() {
        match serde_json::from_str(argument) {
            Ok(document @ (Value::Object(_) | Value::Array(_))) if number == 0 => {
                flatten(String::new(), document, &mut leaves);
            }
            _ => {
                leaves.insert(number.to_string(), argument.to_string());
            }
        }
    }
    leaves
}

/// One leaf that differs.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) place: Arc<str>,
    pub(super) before: Option<Arc<str>>,
    pub(super) after: Option<Arc<str>>,
}

impl Leaf {
    /// Whether one of the two values holds `text`.
    pub(super) fn holds(&self, text: &str) -> bool {
        self.before.iter().chain(&self.after).any(|value| value.contains(text))
    }
}

/// The leaves that differ, by place.
pub(super) fn differences(before: &ActionRecord, after: &ActionRecord) -> Vec<Leaf> {
    let arguments = |action: &ActionRecord| {
        let parts = action.parts.iter().filter(|part| matches!(part, Part::Argument(_)));
        parts.cloned().collect::<Vec<_>>()
    };
    if arguments(before) == arguments(after) {
        return Vec::new();
    }
    let (mut before, after) = (leaves(before), leaves(after));
    let text = |value: &str| Arc::from(value);
    let mut differences = Vec::new();
    for (place, value) in after {
        let old = before.remove(&place);
        if old.as_ref() != Some(&value) {
            differences.push(Leaf { place: text(&place), before: old.as_deref().map(text), after: Some(text(&value)) });
        }
    }
    for (place, value) in before {
        differences.push(Leaf { place: text(&place), before: Some(text(&value)), after: None });
    }
    differences.sort_by(|a, b| a.place.cmp(&b.place));
    differences
}

fn flatten(place: String, value: Value, leaves: &mut BTreeMap<String, String>) {
    let below = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                flatten(below(&name), value, leaves);
            }
        }
        Value::Array(values) if !values.is_empty() => {
            for (index, value) in values.into_iter().enumerate() {
                flatten(below(&index.to_string()), value, leaves);
            }
        }
        Value::String(text) => {
            leaves.insert(place, text);
        }
        other => {
            leaves.insert(place, other.to_string());
        }
    }
}
