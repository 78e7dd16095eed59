//! Where problems are: a path and a line that a tool printed, as a place in a file that the command sees.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::sync::Arc;

use webstir_engine::action::Process;
use webstir_engine::diagnostic::{Diagnostic, Severity, Span};
use webstir_engine::path::RelPath;
use webstir_engine::run::{Context, RunError};
use webstir_process::Finished;

use super::Problem;

/// The files that problems are in.
pub(super) struct Places<'a> {
    context: &'a Context<'a>,
    directory: &'a RelPath,
    /// What the command changed: its lines are not those of the workspace.
    changed: &'a [String],
    /// Where the tree was, by each of its names.
    roots: Vec<String>,
    texts: BTreeMap<RelPath, Option<Arc<str>>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(context: &'a Context<'a>, process: &'a Process, finished: &'a Finished) -> Self {
        let tree = finished.tree_path();
        let real = tree.as_deref().and_then(real_path);
        let roots =
            tree.as_deref().into_iter().chain(real.as_deref()).filter_map(|path| Some(format!("{}/", path.to_str()?)));
        Self {
            context,
            directory: &process.directory,
            changed: &finished.changed_inputs,
            roots: roots.collect(),
            texts: BTreeMap::new(),
        }
    }

    /// A problem as a finding of at most this weight. What is said of no file that the command sees has its place in a note.
    pub(super) fn finding(&mut self, problem: Problem, format: &str, most: Severity) -> Result<Diagnostic, RunError> {
        let message = problem.message.replace(char::is_control, " ");
        let mut diagnostic = Diagnostic::new(problem.severity.min(most), problem.code, message);
        diagnostic.notes = problem.notes.iter().map(|note| note.replace(char::is_control, " ")).collect();
        if problem.file.is_empty() {
            return Ok(diagnostic);
        }
        let shown =
            self.roots.iter().find_map(|root| problem.file.strip_prefix(root.as_str())).unwrap_or(&problem.file);
        // An absolute path is one of the tree or of none of ours.
        let path = if shown.len() < problem.file.len() { RelPath::new(shown) } else { self.directory.join(shown) };
        let file = path.ok().filter(|path| self.context.input(path).is_some());
        let Some(file) = file else {
            let (line, column) = (problem.line, problem.column);
            return Ok(
                diagnostic.note(format!("It says so of `{}:{line}:{column}`", shown.replace(char::is_control, " ")))
            );
        };
        let is_changed = self.changed.iter().any(|changed| *changed == file.as_str());
        let text = if is_changed { None } else { self.text(&file)? };
        let range = text.as_deref().and_then(|text| {
            let range = range(text, Unit::of(format), problem.line, problem.column, problem.end)?;
            Some(Span::locate(text, range.start, range.end))
        });
        Ok(match range {
            Some(span) => diagnostic.at(&file, span),
            None => diagnostic.in_file(&file),
        })
    }

    fn text(&mut self, file: &RelPath) -> Result<Option<Arc<str>>, RunError> {
        if let Some(text) = self.texts.get(file) {
            return Ok(text.clone());
        }
        let Some(input) = self.context.input(file) else { return Ok(None) };
        let bytes = self.context.read(input)?;
        let text = std::str::from_utf8(&bytes).ok().map(Arc::from);
        self.texts.insert(file.clone(), text.clone());
        Ok(text)
    }
}

/// Where a tool that resolves links says its tree is.
#[expect(clippy::disallowed_methods, reason = "the tree of a command is no part of the workspace")]
fn real_path(tree: &std::path::Path) -> Option<std::path::PathBuf> {
    fs::canonicalize(tree).ok()
}

/// What a column of a format counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// What a string of JavaScript is made of.
    Utf16,
    /// Characters.
    Scalar,
}

impl Unit {
    fn of(format: &str) -> Self {
        if format == "gcc" { Self::Scalar } else { Self::Utf16 }
    }

    /// The byte at a column of a line, from 1; the end of the line when it is shorter.
    fn byte(self, line: &str, column: u32) -> usize {
        let mut left = column.saturating_sub(1) as usize;
        for (at, c) in line.char_indices() {
            if left == 0 {
                return at;
            }
            left = left.saturating_sub(if self == Self::Utf16 { c.len_utf16() } else { 1 });
        }
        line.len()
    }
}

/// The bytes of a text that a tool means: up to its end where it says one, else a word. `None` where there is no such line.
pub(super) fn range(text: &str, unit: Unit, line: u32, column: u32, end: Option<(u32, u32)>) -> Option<Range<usize>> {
    let (start_of_line, content) = line_of(text, line)?;
    let start = match column {
        0 => content.len() - content.trim_start().len(),
        column => unit.byte(content, column),
    };
    let end = end.filter(|(_, column)| *column > 0).and_then(|(line, column)| {
        let (start_of_line, content) = line_of(text, line)?;
        Some(start_of_line + unit.byte(content, column))
    });
    let start = start_of_line + start;
    let rest = &text[start..start_of_line + content.len()];
    let word = || {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        start + if length > 0 { length } else { rest.chars().next().map_or(0, char::len_utf8) }
    };
    let end = match (end, column) {
        (Some(end), _) if end > start => end,
        (None, 0) => start + rest.trim_end().len(),
        _ => word(),
    };
    Some(start..end)
}

/// Where a line starts, and the line without its end and without the mark at the start of a file.
fn line_of(text: &str, line: u32) -> Option<(usize, &str)> {
    let mut start = 0;
    let number = usize::try_from(line.checked_sub(1)?).ok()?;
    let mut content = text.split('\n').inspect(|content| start += content.len() + 1).nth(number)?;
    start -= content.len() + 1;
    if let Some(rest) = content.strip_prefix('\u{feff}').filter(|_| start == 0) {
        (start, content) = ('\u{feff}'.len_utf8(), rest);
    }
    Some((start, content.strip_suffix('\r').unwrap_or(content)))
}
