//! Joining two changes of one session.
//!
//! Two requests that start from the same *base* and change it differently give one session: *mine* is applied to *theirs*, key
//! by key. Where both changed the same key, mine wins, since it comes later.

use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// Merges by top-level key.
pub(super) fn value(base: Option<&Object>, mine: Option<&Object>, theirs: Option<&Object>) -> Option<Object> {
    optional(base, mine, theirs, |_, mine, _| mine.cloned())
}

/// Merges form state by section and form id. Where a form has a list of tokens, the list is merged as a set: each request adds
/// and removes its own.
pub(super) fn form(base: Option<&Object>, mine: Option<&Object>, theirs: Option<&Object>) -> Option<Object> {
    optional(base, mine, theirs, sections).filter(|form| !form.is_empty())
}

/// Joins what both sides changed under one key, given base, mine and theirs.
type Join = fn(Option<&Value>, Option<&Value>, Option<&Value>) -> Option<Value>;

fn optional(base: Option<&Object>, mine: Option<&Object>, theirs: Option<&Object>, join: Join) -> Option<Object> {
    if theirs == base {
        return mine.cloned();
    }
    if mine == base {
        return theirs.cloned();
    }
    if mine.is_none() && theirs.is_none() {
        return None;
    }
    let empty = Object::new();
    Some(objects(base.unwrap_or(&empty), mine.unwrap_or(&empty), theirs.unwrap_or(&empty), join))
}

fn objects(base: &Object, mine: &Object, theirs: &Object, join: Join) -> Object {
    let mut merged = theirs.clone();
    for key in base.keys().chain(mine.keys()) {
        let (before, wanted, current) = (base.get(key), mine.get(key), theirs.get(key));
        if wanted == before {
            continue;
        }
        let joined = if current == before { wanted.cloned() } else { join(before, wanted, current) };
        match joined {
            Some(value) => merged.insert(key.clone(), value),
            None => merged.shift_remove(key),
        };
    }
    merged
}

/// Merges a section by form id; an empty one disappears.
fn sections(base: Option<&Value>, mine: Option<&Value>, theirs: Option<&Value>) -> Option<Value> {
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let merged = objects(&object(base), &object(mine), &object(theirs), tokens);
    (!merged.is_empty()).then_some(Value::Object(merged))
}

fn tokens(base: Option<&Value>, mine: Option<&Value>, theirs: Option<&Value>) -> Option<Value> {
    let (Some(Value::Array(wanted)), Some(Value::Array(current))) = (mine, theirs) else { return mine.cloned() };
    let base = base.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let kept = current.iter().filter(|token| !base.contains(token) || wanted.contains(token));
    let added = wanted.iter().filter(|token| !base.contains(token) && !current.contains(token));
    Some(Value::Array(kept.chain(added).cloned().collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn object(value: &Value) -> Option<&Map<String, Value>> {
        value.as_object()
    }

    #[track_caller]
    fn check_value(base: &Value, mine: &Value, theirs: &Value, expected: &Value) {
        assert_eq!(&json!(super::value(object(base), object(mine), object(theirs))), expected);
    }

    #[test]
    fn keys_of_both_sides_survive() {
        let base = json!({"a": 1, "gone": 1, "kept": 1});
        check_value(
            &base,
            &json!({"a": 2, "kept": 1, "mine": 1}),
            &json!({"a": 1, "gone": 1, "kept": 1, "theirs": 1}),
            &json!({"a": 2, "kept": 1, "theirs": 1, "mine": 1}),
        );
        check_value(&base, &json!({"a": 2}), &json!({"a": 3}), &json!({"a": 2}));
        check_value(&json!(null), &json!({"a": 1}), &json!({"b": 1}), &json!({"b": 1, "a": 1}));
        check_value(&base, &base, &json!(null), &json!(null));
    }

    #[test]
    fn forms_are_merged_by_id_and_token_lists_as_sets() {
        let base = json!({"csrf": {"f": ["1", "2"]}, "states": {"f": {"values": {"a": "x"}}}});
        let mine = json!({"csrf": {"f": ["2", "mine"], "g": "one"}});
        let theirs = json!({"csrf": {"f": ["1", "2", "theirs"]}, "states": {"f": {"values": {"a": "x"}}, "h": {}}});
        let merged = super::form(object(&base), object(&mine), object(&theirs));
        let expected = json!({"csrf": {"f": ["2", "theirs", "mine"], "g": "one"}, "states": {"h": {}}});
        assert_eq!(json!(merged), expected);
    }

    #[test]
    fn form_state_that_both_sides_used_up_disappears() {
        let base = json!({"csrf": {"f": "t", "g": "u"}});
        let (mine, theirs) = (json!({"csrf": {"f": "t"}}), json!({"csrf": {"g": "u"}}));
        assert_eq!(super::form(object(&base), object(&mine), object(&theirs)), None);
    }

    fn objects() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (0..3_u8).prop_map(|number| json!(number)),
            prop::collection::vec(0..3_u8, 0..3).prop_map(|list| json!(list))
        ];
        let section = prop::collection::btree_map("[ab]", leaf, 0..3).prop_map(|entries| json!(entries));
        prop::collection::btree_map("[cs]", section, 0..3).prop_map(|entries| json!(entries))
    }

    proptest! {
        #[test]
        fn a_change_that_is_alone_stays_as_it_is(base in objects(), mine in objects()) {
            prop_assert_eq!(json!(super::value(object(&base), object(&mine), object(&base))), mine.clone());
            prop_assert_eq!(json!(super::form(object(&base), object(&mine), object(&base)).unwrap_or_default()), mine);
        }

        #[test]
        fn any_three_sessions_merge(base in objects(), mine in objects(), theirs in objects()) {
            let merged = super::value(object(&base), object(&mine), object(&theirs)).unwrap();
            for (key, value) in object(&mine).unwrap() {
                prop_assert!(base.get(key) == Some(value) || merged.get(key) == Some(value));
            }
            super::form(object(&base), object(&mine), object(&theirs));
        }

        #[test]
        fn what_mine_did_not_touch_is_theirs(base in objects(), theirs in objects()) {
            prop_assert_eq!(json!(super::value(object(&base), object(&base), object(&theirs))), theirs.clone());
            prop_assert_eq!(json!(super::form(object(&base), object(&base), object(&theirs)).unwrap_or_default()), theirs);
        }
    }
}
