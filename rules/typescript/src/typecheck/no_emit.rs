//! `noEmit` without a command line.
//!
//! The API of TypeScript 7 checks a project as it is configured and has no way to say `--noEmit`; a project without the option would then be
//! told about outputs that nobody writes. The engine is the compiler's file system, so the compiler reads a configuration that
//! sets it.

use std::borrow::Cow;

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::text::Edit;

/// The edit that sets `noEmit` in the text of a project file; none when it is set already or the file is not an object.
pub(super) fn set_no_emit(text: &str) -> Option<Edit> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let Some(Value::Object(root)) = parsed.value else { return None };
    let Some(options) = last(&root, "compilerOptions") else {
        return Some(insert(&root, "\"compilerOptions\":{\"noEmit\":true}"));
    };
    let Value::Object(options) = &options.value else { return None };
    match last(options, "noEmit").map(|property| &property.value) {
        None => Some(insert(options, "\"noEmit\":true")),
        Some(Value::BooleanLit(literal)) if !literal.value => {
            Some(Edit { range: literal.range.start..literal.range.end, replacement: Cow::Borrowed("true") })
        }
        Some(_) => None,
    }
}

/// Of a repeated property the last one counts.
fn last<'o, 't>(object: &'o Object<'t>, name: &str) -> Option<&'o ObjectProp<'t>> {
    object.properties.iter().rfind(|property| property.name.as_str() == name)
}

/// Adds a property behind the last one, where a trailing comma does no harm.
fn insert(object: &Object<'_>, property: &'static str) -> Edit {
    let (at, replacement) = if let Some(last) = object.properties.last() {
        (last.range().end, Cow::Owned(format!(",{property}")))
    } else {
        (object.range.start + 1, Cow::Borrowed(property))
    };
    Edit { range: at..at, replacement }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::typecheck::text::Text;

    fn edited(source: &str) -> String {
        let text = Text::decode(source.as_bytes().to_vec());
        let edit = set_no_emit(text.content());
        text.edited(edit).sent().into_owned()
    }

    #[test]
    fn sets_the_option() {
        assert_eq!(edited("{}"), r#"{"compilerOptions":{"noEmit":true}}"#);
        assert_eq!(
            edited("{ // c\n\"include\": [\"ä\"], }"),
            "{ // c\n\"include\": [\"ä\"],\"compilerOptions\":{\"noEmit\":true}, }"
        );
        assert_eq!(edited(r#"{"compilerOptions": { /* } */ }}"#), r#"{"compilerOptions": {"noEmit":true /* } */ }}"#);
        assert_eq!(
            edited(r#"{"compilerOptions": {"a": 1 // x"#.to_owned().as_str()),
            r#"{"compilerOptions": {"a": 1 // x"#
        );
        assert_eq!(
            edited(r#"{"compilerOptions": {"noEmit": false, "a": 1}}"#),
            r#"{"compilerOptions": {"noEmit": true, "a": 1}}"#
        );
        assert_eq!(edited(r#"{"compilerOptions": {"noEmit": true}}"#), r#"{"compilerOptions": {"noEmit": true}}"#);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_edited_without_a_panic(source in "[{}\\[\\]\",:a/* \n]{0,40}|\\PC{0,40}") {
            edited(&source);
        }
    }
}
