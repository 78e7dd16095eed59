//! Causes as sentences and as documents.

use serde_json::{Value, json};
use webstir_engine::config::FILE_NAME;
use webstir_engine::config::settings::{Setting, SettingValue};
use webstir_engine::discovered::FileQuery;
use webstir_engine::explain::{Cause, Change, Difference, ToolPart};
use webstir_engine::path::RelPath;
use webstir_engine::projection::noun;

use super::json::span;

/// The longest value that a sentence quotes, in characters.
const LONGEST_VALUE: usize = 80;

/// One line without a period: what differs, and the actions through which it came here.
pub(crate) fn sentence(cause: &Cause) -> String {
    let mut text = change(&cause.change);
    for link in &cause.through {
        text += &format!(" → {}", link.action);
    }
    text
}

/// The document of a cause.
pub(crate) fn document(cause: &Cause) -> Value {
    let through: Vec<Value> = cause
        .through
        .iter()
        .map(|link| json!({"action": link.action.to_string(), "output": link.output.as_str()}))
        .collect();
    let mut value = json!({
        "kind": cause.change.kind(),
        "message": sentence(cause),
        "file": cause.change.file().map(RelPath::as_str),
        "through": through,
    });
    match &cause.change {
        Change::Setting { before, after, .. } => {
            let setting = after.as_ref().or(before.as_ref());
            value["rule"] = json!(setting.map(|setting| &*setting.node));
            value["field"] = json!(setting.map(|setting| &*setting.field));
        }
        Change::Glob { glob, .. } => {
            value["rule"] = json!(&*glob.node);
            value["glob"] = json!(written(&glob.value));
        }
        Change::Environment(_, name) | Change::Argument { name, .. } => value["name"] = json!(&**name),
        _ => {}
    }
    if let Some(place) = cause.change.span() {
        value["configuration"] = json!({"file": FILE_NAME, "span": span(place)});
    }
    value
}

fn change(change: &Change) -> String {
    match change {
        Change::File(difference, path) => format!("`{path}` {}", came_or_went(*difference)),
        Change::Derived(name, path) => format!("The {} of `{path}` changed", noun(name)),
        Change::Glob { difference, file, glob } => {
            let matches = if *difference == Difference::Removed { "matched" } else { "matches" };
            format!(
                "`{file}` {}: `{}` of `{}` {matches} it{}",
                came_or_went(*difference),
                written(&glob.value),
                glob.node,
                place(glob)
            )
        }
        Change::Environment(Difference::Added, name) => format!("The environment variable `{name}` is set now"),
        Change::Environment(Difference::Removed, name) => format!("The environment variable `{name}` is no longer set"),
        Change::Environment(Difference::Changed, name) => format!("The environment variable `{name}` changed"),
        Change::Setting { before, after, file, .. } => {
            let mut text = setting(before.as_ref(), after.as_ref());
            if let Some(file) = file {
                text += &format!(", which decides about `{file}`");
            }
            text
        }
        Change::Executable(true, path) => format!("`{path}` may be executed now"),
        Change::Executable(false, path) => format!("`{path}` may no longer be executed"),
        Change::Tool(program, part) => {
            let program = program.as_deref().map_or_else(|| "the tool".to_owned(), |program| format!("`{program}`"));
            match part {
                ToolPart::File => format!("The program {program} changed"),
                ToolPart::Interpreter => format!("The interpreter of {program} changed"),
                ToolPart::Packages => format!("The packages that {program} may load changed"),
            }
        }
        Change::Implementation => "webstir is another version".to_owned(),
        Change::FileState(_, path, FileQuery::Entries) => {
            format!("The directory `{}` holds other entries", shown(path))
        }
        Change::FileState(_, path, FileQuery::RealPath) => format!("`{}` leads to another place", shown(path)),
        Change::FileState(difference, path, _) => format!("`{}` {}", shown(path), came_or_went(*difference)),
        Change::Argument { name, before, after } => match (before, after) {
            (Some(before), Some(after)) => {
                format!("The argument `{name}` changed from `{}` to `{}`", short(before), short(after))
            }
            (None, Some(after)) => format!("The argument `{name}` is new: `{}`", short(after)),
            _ => format!("The argument `{name}` is gone"),
        },
        Change::Output(Difference::Removed, path) => format!("The output `{path}` is no longer declared"),
        Change::Output(_, path) => format!("The output `{path}` is declared now"),
        Change::Directory => "The working directory changed".to_owned(),
        Change::Upstream(action, path) => {
            format!("`{action}` made another `{path}`, though nothing that it reads changed")
        }
        Change::NeverRan => "It never ran here".to_owned(),
        Change::ProvisionalBefore => {
            "Its last result was not kept: it read what it did not declare, or a limit or something missing cut it off"
                .to_owned()
        }
        Change::Sandbox(name) => {
            format!("Its last result was made in the sandbox `{name}`, and a stronger one is asked for")
        }
        Change::FailedBefore => "It failed before, and failures are not kept".to_owned(),
        Change::NotKept => "Its outcome is never kept: `cache #false`".to_owned(),
        Change::NotInStore => "Its record was not in the store, or not whole".to_owned(),
    }
}

fn came_or_went(difference: Difference) -> &'static str {
    match difference {
        Difference::Added => "is new",
        Difference::Removed => "is gone",
        Difference::Changed => "changed",
    }
}

fn setting(before: Option<&Setting>, after: Option<&Setting>) -> String {
    let Some(row) = after.or(before) else { return String::new() };
    let (node, field) = (&row.node, &row.field);
    let at = place(row);
    if field.is_empty() {
        let how = if after.is_some() { "was added to the configuration" } else { "was removed from the configuration" };
        return format!("`{node}` {how}{at}");
    }
    match (before, after) {
        (Some(Setting { value: SettingValue::Secret(_), .. }), Some(_)) => format!("`{field}` of `{node}` changed{at}"),
        (Some(before), Some(after)) => {
            let (before, after) = (written(&before.value), written(&after.value));
            format!("`{field}` of `{node}` changed from `{before}` to `{after}`{at}")
        }
        (None, Some(after)) => format!("`{field}` of `{node}` is new: `{}`{at}", written(&after.value)),
        // What is gone has no place in the file as it is now.
        _ => format!("`{field}` of `{node}` is gone: `{}`", written(&row.value)),
    }
}

fn written(value: &SettingValue) -> String {
    match value {
        SettingValue::Text(text) | SettingValue::Glob(text) | SettingValue::Reference(text) => short(text),
        SettingValue::Secret(_) => "(hidden)".to_owned(),
    }
}

fn place(setting: &Setting) -> String {
    match setting.span {
        Some(span) => format!(" ({FILE_NAME}:{}:{})", span.line, span.column),
        None => String::new(),
    }
}

fn shown(path: &RelPath) -> &str {
    if path.is_root() { "." } else { path.as_str() }
}

fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST_VALUE {
        return text.to_owned();
    }
    text.chars().take(LONGEST_VALUE).chain(['…']).collect()
}
