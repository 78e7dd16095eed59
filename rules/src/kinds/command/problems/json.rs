//! Problems as JSON.
//!
//! What `eslint --format json` prints, or objects of one problem each, in an array or one a line: `file` (or `path`), `line`, `column`,
//! `endLine`, `endColumn`, `severity` (`error`, `warning`, `info`), `code` (or `rule`), `message`.

use serde_json::{Deserializer, Value};
use webstir_engine::diagnostic::Severity;

use super::formats::{UNNAMED, code};
use super::{Problem, Problems};

pub(super) fn read(text: &str, problems: &mut Problems) {
    // What runs a tool may print lines of its own before it.
    let start = starts(text).next().unwrap_or(text.len());
    let mut documents = Deserializer::from_str(&text[start..]).into_iter::<Value>();
    let mut end = 0;
    while let Some(Ok(document)) = documents.next() {
        end = documents.byte_offset();
        take(&document, problems);
    }
    // After the first thing that is no JSON each line counts alone, so that nothing is read three times.
    for line in text[start + end..].lines() {
        if let Ok(document @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(line) {
            take(&document, problems);
        }
    }
}

/// Where lines start that may start a document.
fn starts(text: &str) -> impl Iterator<Item = usize> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        line.trim_start().starts_with(['[', '{']).then_some(start)
    })
}

fn take(document: &Value, problems: &mut Problems) {
    match document {
        Value::Array(values) => values.iter().for_each(|value| take_object(value, problems)),
        value => take_object(value, problems),
    }
}

fn take_object(value: &Value, problems: &mut Problems) {
    let Some(messages) = value["messages"].as_array() else {
        let file = first(value, &["file", "path", "filePath"]);
        if let Some(problem) = problem(value, file, "command") {
            problems.push(problem);
        }
        return;
    };
    let file = first(value, &["filePath"]);
    messages.iter().filter_map(|message| problem(message, file, "eslint")).for_each(|found| problems.push(found));
}

fn first<'v>(value: &'v Value, names: &[&str]) -> &'v str {
    names.iter().find_map(|name| value[*name].as_str()).unwrap_or("")
}

fn problem(value: &Value, file: &str, tool: &str) -> Option<Problem> {
    let number = |name: &str| value[name].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    let message = first(value, &["message"]);
    let rule = first(value, &["ruleId", "code", "rule"]);
    let severity = match &value["severity"] {
        Value::Number(number) if number.as_u64() == Some(2) => Severity::Error,
        Value::Number(_) => Severity::Warning,
        Value::String(word) => match word.to_ascii_lowercase().as_str() {
            "error" | "fatal" => Severity::Error,
            "info" | "note" | "hint" => Severity::Info,
            _ => Severity::Warning,
        },
        _ => Severity::Error,
    };
    let end = (number("endLine") > 0).then(|| (number("endLine"), number("endColumn")));
    let code = if rule.is_empty() { UNNAMED.to_owned() } else { code(tool, rule) };
    (!message.is_empty()).then(|| Problem {
        file: file.to_owned(),
        line: number("line"),
        column: number("column"),
        end,
        severity,
        code,
        message: message.to_owned(),
        notes: Vec::new(),
    })
}
