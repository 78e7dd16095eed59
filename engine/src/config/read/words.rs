//! What messages say about values and fields.

use crate::config::kdl::{Scalar, quoted};
use crate::config::report::listed;
use crate::config::schema::{Field, Shape};

/// A value as a message names it.
pub(super) fn describe(value: &Scalar) -> String {
    match value {
        Scalar::Text(text) => format!("the text {}", quoted(&format!("\"{text}\""))),
        Scalar::Integer(number) => format!("the number `{number}`"),
        Scalar::Float(number) => format!("the number `{number:?}`"),
        Scalar::Boolean(boolean) => format!("`#{boolean}`"),
        Scalar::Null => "`#null`".to_owned(),
    }
}

/// How a field could be written, in backticks.
pub(in crate::config) fn example(field: &Field) -> String {
    format!("`{}`", format!("{} {}", field.name, shown_value(field)).trim_end())
}

/// How a property could be written, in backticks.
pub(super) fn example_property(field: &Field) -> String {
    format!("`{}={}`", field.name, shown_value(field))
}

fn shown_value(field: &Field) -> String {
    field.example.map_or_else(|| example_value(field), str::to_owned)
}

fn example_value(field: &Field) -> String {
    match field.shape {
        Shape::Text => "\"text\"".to_owned(),
        Shape::Texts => "\"one\" \"two\"".to_owned(),
        Shape::Names => "\"NAME\"".to_owned(),
        Shape::Environment => "\"NAME\" OTHER=\"value\"".to_owned(),
        Shape::Path => "\"path/inside/the/workspace\"".to_owned(),
        Shape::Glob | Shape::Globs => "\"**/*.ts\"".to_owned(),
        Shape::Output(_) | Shape::Outputs => "\"{out}/path\"".to_owned(),
        Shape::Boolean => "#true".to_owned(),
        Shape::Integer(..) => "1".to_owned(),
        Shape::Duration => "\"2s\"".to_owned(),
        Shape::Size => "\"256MiB\"".to_owned(),
        Shape::Version => "\"7.0.2\"".to_owned(),
        Shape::Choice(words) => words.first().copied().unwrap_or_default().to_owned(),
        Shape::Reference(target) | Shape::References(target) => match target.kinds {
            [only] => format!("{only}:<name>"),
            _ => "<rule>".to_owned(),
        },
        Shape::Pair => "\"name\" \"value\"".to_owned(),
        Shape::Profiles => "build publish".to_owned(),
        Shape::Block(schema) => {
            let mut parts = Vec::new();
            if schema.named {
                parts.push("<name>".to_owned());
            }
            if let Some(arguments) = schema.arguments {
                parts.push(shown_value(arguments));
            }
            for property in schema.properties.iter().filter(|property| property.required) {
                parts.push(format!("{}={}", property.name, shown_value(property)));
            }
            if !schema.fields.is_empty() {
                parts.push("{ .. }".to_owned());
            }
            parts.join(" ")
        }
    }
}

/// What a field takes, as a message names it.
pub(super) fn expected(field: &Field) -> String {
    let shape = match field.shape {
        Shape::Text | Shape::Texts => "a text",
        Shape::Names | Shape::Environment => "the name of an environment variable",
        Shape::Path => "a path",
        Shape::Glob | Shape::Globs => "a glob",
        Shape::Output(_) | Shape::Outputs => "an output path",
        Shape::Boolean => "`#true` or `#false`",
        Shape::Integer(..) => "a whole number",
        Shape::Duration => "a duration",
        Shape::Size => "a size",
        Shape::Version => "a version",
        Shape::Choice(words) => return listed(words, "or"),
        Shape::Reference(_) | Shape::References(_) => "the name of a rule",
        Shape::Pair => "a name and a text, a whole number or a boolean",
        Shape::Profiles => "the name of a profile",
        Shape::Block(_) => "a block",
    };
    shape.to_owned()
}
