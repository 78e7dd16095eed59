//! Diagnostics: what the user did wrong, as plain values.
//!
//! A [`Diagnostic`] is compared, stored and replayed; it is rendered only by the command line. Positions are computed where
//! the text is at hand, so that a replay needs no source. Offsets are bytes of the UTF-8 text as it lies on disk.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::label::Label;
use crate::path::RelPath;

/// How bad it is. The order is by weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Suspicious; does not fail a command.
    Warning,
    /// Fails the command.
    Error,
}

impl Severity {
    /// `info`, `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A range of a file: byte offsets, and the line and column of its start for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Line of `start`, from 1.
    pub line: u32,
    /// Column of `start` in Unicode scalar values, from 1. A byte-order mark has no column.
    pub column: u32,
}

impl Span {
    /// Places the byte range `start..end` in `text`. Offsets past the end, or inside a character, move back to a boundary.
    pub fn locate(text: &str, start: usize, end: usize) -> Self {
        let start = floor_char_boundary(text, start);
        let end = floor_char_boundary(text, end.max(start));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { start: narrow(start), end: narrow(end), line: narrow(line), column: narrow(column) }
    }
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Another place that has to do with a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Related {
    /// What is to be seen there.
    pub message: String,
    /// The file, when it is one of the workspace.
    pub file: Option<RelPath>,
    /// The place in the file.
    pub span: Option<Span>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The file it is about.
    pub file: Option<RelPath>,
    /// The place in the file.
    pub span: Option<Span>,
    /// Stable code, `area::name`, for example `config::unknown_node` or `typecheck::ts2322`.
    pub code: Cow<'static, str>,
    /// Its weight.
    pub severity: Severity,
    /// One sentence, upper-case start, names in backticks, no final period.
    pub message: String,
    /// Longer explanation, one entry a paragraph.
    pub notes: Vec<String>,
    /// What the user can do about it; only when there is something to do.
    pub help: Option<String>,
    /// Other places.
    pub related: Vec<Related>,
    /// The rule that found it.
    pub rule: Option<Label>,
}

impl Diagnostic {
    /// A finding without a place.
    pub fn new(severity: Severity, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            file: None,
            span: None,
            code: code.into(),
            severity,
            message: message.into(),
            notes: Vec::new(),
            help: None,
            related: Vec::new(),
            rule: None,
        }
    }

    /// An error without a place.
    pub fn error(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning without a place.
    pub fn warning(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// An information without a place.
    pub fn info(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, code, message)
    }

    /// Places it in a file.
    #[must_use]
    pub fn in_file(mut self, file: &RelPath) -> Self {
        self.file = Some(file.clone());
        self
    }

    /// Places it at a span of a file.
    #[must_use]
    pub fn at(mut self, file: &RelPath, span: Span) -> Self {
        self.file = Some(file.clone());
        self.span = Some(span);
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn related(mut self, message: impl Into<String>, file: Option<&RelPath>, span: Option<Span>) -> Self {
        self.related.push(Related { message: message.into(), file: file.cloned(), span });
        self
    }

    /// Names the rule that found it.
    #[must_use]
    pub fn of_rule(mut self, rule: &Label) -> Self {
        self.rule = Some(rule.clone());
        self
    }

    /// Whether it fails the command.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_skip_the_mark() {
        let text = "\u{feff}äö = 1\n🙂 x";
        assert_eq!(Span::locate(text, 3, 5), Span { start: 3, end: 5, line: 1, column: 1 });
        let x = text.find('x').unwrap();
        assert_eq!(Span::locate(text, x, x + 1).line, 2);
        assert_eq!(Span::locate(text, x, x + 1).column, 3);
    }

    #[test]
    fn offsets_out_of_range_move_back() {
        assert_eq!(Span::locate("ab", 9, 12), Span { start: 2, end: 2, line: 1, column: 3 });
        assert_eq!(Span::locate("ä", 1, 2).start, 0);
    }
}
