//! Formats of lines.
//!
//! Each reads a line once, from the left, and looks no further than [`LONGEST_LINE`].

use webstir_engine::diagnostic::Severity;

use super::{Problem, Problems};

/// The longest line that is looked at, in bytes; none of a tool that tells of problems is as long.
const LONGEST_LINE: usize = 16 * 1024;

/// What a finding is called whose tool names no rule.
pub(super) const UNNAMED: &str = "command::problem";

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.len() <= LONGEST_LINE).map(str::trim_end)
}

/// `tool::rule` in the form of a code: lower case, without white space.
pub(super) fn code(tool: &str, rule: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_/@.#".contains(c);
    let rule: String = rule.chars().take(100).map(|c| if is_plain(c) { c.to_ascii_lowercase() } else { '-' }).collect();
    let rule = rule.trim_matches('-');
    if rule.is_empty() { UNNAMED.to_owned() } else { format!("{tool}::{rule}") }
}

/// A number at the start, and what follows it.
fn number(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

/// The first of the words that the text starts with, and what follows it.
fn level<'t>(text: &'t str, words: &[(&str, Severity)]) -> Option<(Severity, &'t str)> {
    words.iter().find_map(|(word, severity)| Some((*severity, text.strip_prefix(word)?)))
}

/// `path:line:column`, where the column may be missing, and what follows it and `after`.
fn place<'t>(line: &'t str, after: &str) -> Option<(&'t str, u32, u32, &'t str)> {
    // A path may hold colons: the first one that a place follows counts.
    line.match_indices(':').find_map(|(at, _)| {
        let (row, rest) = number(&line[at + 1..])?;
        let with_column = rest.strip_prefix(':').and_then(number);
        let (column, rest) = with_column.unwrap_or((0, rest));
        let rest = rest.strip_prefix(after)?;
        (at > 0).then(|| (&line[..at], row, column, rest))
    })
}

/// `tsc`, plain and `--pretty`: `src/a.ts(3,7): error TS2322: …`, `src/a.ts:3:7 - error TS2322: …`. Lines that are indented below a
/// plain one explain it.
pub(super) fn tsc(text: &str, problems: &mut Problems) {
    const LEVELS: &[(&str, Severity)] =
        &[("error ", Severity::Error), ("warning ", Severity::Warning), ("message ", Severity::Info)];
    let mut is_explained = false;
    for line in lines(text) {
        let plain =
            parenthesised(line).and_then(|(file, row, column, rest)| Some((file, row, column, level(rest, LEVELS)?)));
        let pretty = || {
            let (file, row, column, rest) = place(line, " - ")?;
            Some((file, row, column, level(rest, LEVELS)?))
        };
        // Of the project as a whole.
        let without_file = || Some(("", 0, 0, level(line, LEVELS).filter(|(_, rest)| rest.starts_with("TS"))?));
        let is_plain = plain.is_some();
        let Some((file, row, column, (severity, rest))) = plain.or_else(pretty).or_else(without_file) else {
            if is_explained && line.starts_with("  ") {
                problems.note(line.trim_start());
            } else {
                is_explained = false;
            }
            continue;
        };
        let Some((name, message)) = rest.split_once(": ") else { continue };
        is_explained = is_plain || file.is_empty();
        problems.push(Problem {
            file: file.to_owned(),
            line: row,
            column,
            end: None,
            severity,
            code: code("tsc", name),
            message: message.to_owned(),
            notes: Vec::new(),
        });
    }
}

/// `path(line,column): `, and what follows it.
fn parenthesised(line: &str) -> Option<(&str, u32, u32, &str)> {
    // A path may hold parentheses, too.
    line.match_indices('(').find_map(|(at, _)| {
        let (row, rest) = number(&line[at + 1..])?;
        let (column, rest) = number(rest.strip_prefix(',')?)?;
        let rest = rest.strip_prefix("): ")?;
        (at > 0).then(|| (&line[..at], row, column, rest))
    })
}

/// `eslint`, as it prints by itself (`stylish`): the path on a line, below it `  3:7  error  …  rule`.
pub(super) fn eslint(text: &str, problems: &mut Problems) {
    const LEVELS: &[(&str, Severity)] = &[("error ", Severity::Error), ("warning ", Severity::Warning)];
    let mut file = "";
    for line in lines(text) {
        let row = line.trim_start();
        if row.len() == line.len() {
            file = line;
            continue;
        }
        let Some((at, rest)) = number(row) else { continue };
        let Some((column, rest)) = rest.strip_prefix(':').and_then(number) else { continue };
        let Some((severity, rest)) = level(rest.trim_start(), LEVELS) else { continue };
        let rest = rest.trim_start();
        // The columns of the table are apart by two spaces; what the parser says has no rule.
        let (message, rule) = rest
            .rsplit_once("  ")
            .filter(|(_, rule)| !rule.contains(char::is_whitespace))
            .map_or((rest, ""), |(message, rule)| (message.trim_end(), rule));
        problems.push(Problem {
            file: file.to_owned(),
            line: at,
            column,
            end: None,
            severity,
            code: code("eslint", rule),
            message: message.to_owned(),
            notes: Vec::new(),
        });
    }
}

/// `eslint --format unix`: `path:3:7: … [Error/rule]`.
pub(super) fn eslint_unix(text: &str, problems: &mut Problems) {
    const LEVELS: &[(&str, Severity)] = &[("Error", Severity::Error), ("Warning", Severity::Warning)];
    for line in lines(text) {
        let Some((file, row, column, rest)) = place(line, ": ") else { continue };
        let Some((message, end)) = rest.rsplit_once(" [") else { continue };
        let Some((severity, rule)) = end.strip_suffix(']').and_then(|end| level(end, LEVELS)) else { continue };
        problems.push(Problem {
            file: file.to_owned(),
            line: row,
            column,
            end: None,
            severity,
            code: code("eslint", rule.trim_start_matches('/')),
            message: message.to_owned(),
            notes: Vec::new(),
        });
    }
}

/// What GCC, Clang and many others print: `path:3:7: error: … [-Wname]`. A `note:` belongs to what is before it.
pub(super) fn gcc(text: &str, problems: &mut Problems) {
    const LEVELS: &[(&str, Severity)] = &[
        ("fatal error: ", Severity::Error),
        ("error: ", Severity::Error),
        ("warning: ", Severity::Warning),
        ("info: ", Severity::Info),
        ("style: ", Severity::Info),
        ("note: ", Severity::Info),
    ];
    for line in lines(text) {
        let Some((file, row, column, rest)) = place(line, ": ") else { continue };
        if let Some(note) = rest.strip_prefix("note: ") {
            problems.note(&format!("{file}:{row}:{column}: {note}"));
            continue;
        }
        let Some((severity, rest)) = level(rest, LEVELS) else { continue };
        let (message, rule) = rest
            .rsplit_once(" [")
            .and_then(|(message, rule)| Some((message, rule.strip_suffix(']')?)))
            .filter(|(_, rule)| !rule.contains(char::is_whitespace))
            .unwrap_or((rest, ""));
        problems.push(Problem {
            file: file.to_owned(),
            line: row,
            column,
            end: None,
            severity,
            code: code("gcc", rule.trim_start_matches("-W")),
            message: message.to_owned(),
            notes: Vec::new(),
        });
    }
}
