//! Urlencoded forms.

use serde_json::{Map, Value};

/// The fields of a form; a repeated field is a list. Every name is an ordinary key.
pub(super) fn parse(bytes: &[u8]) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        super::add(&mut fields, name.into_owned(), value.into_owned());
    }
    fields
}
