//! Places in a JSON text.

use jsonc_parser::ast::{ObjectProp, ObjectPropName, Value};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::{CollectOptions, parse_to_ast};
use webstir_contract::schema::Step;
use webstir_engine::diagnostic::Span;
use webstir_typescript::json::STRICT;

/// The places of the values in a JSON text.
pub(super) struct Positions<'a> {
    text: &'a str,
    /// Bytes before what is parsed: a byte-order mark.
    offset: usize,
    root: Option<Value<'a>>,
}

impl<'a> Positions<'a> {
    /// A text that is no JSON has no places.
    pub(super) fn new(text: &'a str) -> Self {
        let body = text.trim_start_matches('\u{feff}');
        let parsed = parse_to_ast(body, &CollectOptions::default(), &STRICT);
        Self { text, offset: text.len() - body.len(), root: parsed.ok().and_then(|parsed| parsed.value) }
    }

    /// The place of the value at `path`. When it is not there, the place of the nearest thing above it that is: the key, or the
    /// item of a list. None when not even the first step is there.
    pub(super) fn span(&self, path: &[Step]) -> Option<Span> {
        let mut value = self.root.as_ref()?;
        let mut found: Option<Range> = None;
        for (depth, step) in path.iter().enumerate() {
            let last = depth + 1 == path.len();
            match (step, value) {
                (Step::Key(key), Value::Object(object)) => {
                    // As with every reader of JSON, the last of two equal keys counts.
                    let Some(property) = object.properties.iter().rfind(|property| property.name.as_str() == key)
                    else {
                        break;
                    };
                    value = &property.value;
                    found = Some(if last { value.range() } else { key_range(property) });
                }
                (Step::Index(index), Value::Array(array)) => {
                    let Some(item) = array.elements.get(*index) else {
                        break;
                    };
                    value = item;
                    found = Some(value.range());
                }
                _ => break,
            }
        }
        found.map(|range| Span::locate(self.text, self.offset + range.start, self.offset + range.end))
    }
}

fn key_range(property: &ObjectProp<'_>) -> Range {
    match &property.name {
        ObjectPropName::String(name) => name.range,
        ObjectPropName::Word(name) => name.range,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found<'a>(text: &'a str, path: &[Step]) -> Option<&'a str> {
        let span = Positions::new(text).span(path)?;
        Some(&text[span.start as usize..span.end as usize])
    }

    fn key(key: &str) -> Step {
        Step::Key(key.to_owned())
    }

    #[test]
    fn finds_values_and_what_is_nearest() {
        let text = "\u{feff}{ \"a\": { \"b\": [1, { \"ü\": \"x\" }] }, \"a\" : { \"b\": [2, { \"c\": 3 }] } }";
        assert_eq!(found(text, &[key("a"), key("b"), Step::Index(1), key("c")]), Some("3"));
        assert_eq!(found(text, &[key("a"), key("b"), Step::Index(1), key("d")]), Some("{ \"c\": 3 }"));
        assert_eq!(found(text, &[key("a"), key("x"), key("y")]), Some("\"a\""));
        assert_eq!(found(text, &[key("a"), key("b"), Step::Index(9)]), Some("\"b\""));
        assert_eq!(found(text, &[key("x")]), None);
        assert_eq!(found("{ 'a': 1 }", &[key("a")]), None);
        assert_eq!(found("", &[]), None);
    }

    proptest! {
        #[test]
        fn any_text_has_places(text in "[{}\\[\\]\":,a-c0-9 ü\\\\]{0,40}", index in 0_usize..3) {
            let path = [key("a"), Step::Index(index), key("b")];
            for length in 0..=path.len() {
                if let Some(span) = Positions::new(&text).span(&path[..length]) {
                    prop_assert!(text.is_char_boundary(span.start as usize) && text.is_char_boundary(span.end as usize));
                }
            }
        }
    }
}
