//! Query strings.

use serde_json::{Map, Value};

/// The parameters of a query string without its `?`: a string each, of a repeated one the last.
pub fn parse_query(query: &str) -> Map<String, Value> {
    form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}
