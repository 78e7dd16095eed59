//! Findings at their places below the repository.

use std::collections::BTreeMap;
use std::path::Path;

use webstir_engine::config::FILE_NAME;
use webstir_engine::diagnostic::{Diagnostic, Severity, Span};
use webstir_engine::digest::KeyHasher;
use webstir_engine::path::RelPath;
use webstir_engine::system::{Os, System as _};

use super::Private;
use crate::compose::Built;

/// A finding with what reports say of it.
pub(super) struct Located<'a> {
    pub(super) diagnostic: &'a Diagnostic,
    /// Its message, without the places of this machine.
    pub(super) message: String,
    /// The message and what explains it.
    pub(super) text: String,
    /// Its file, from the root of the repository.
    pub(super) path: Option<String>,
    pub(super) region: Option<Region>,
    /// Stays the same where only other lines of the file are edited, and is another one for each finding.
    pub(super) fingerprint: String,
}

/// Lines and columns from 1; the end is the column behind the last character. Columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) end: Option<(u32, u32)>,
}

impl Located<'_> {
    pub(super) fn is(&self, severity: Severity) -> bool {
        self.diagnostic.severity == severity
    }

    /// Whether it is about the run rather than about a file: that is nothing to mend in the code.
    pub(super) fn is_of_the_run(&self) -> bool {
        (self.is(Severity::Info) && self.path.is_none()) || webstir_rules::is_of_the_world(self.diagnostic)
    }
}

/// What a workspace is configured by: the place of what has no other.
pub(super) fn configuration(workspace: &Path) -> &'static str {
    if workspace.join(FILE_NAME).exists() { FILE_NAME } else { "package.json" }
}

/// The place of a workspace in its repository: empty, or with a slash at its end.
pub(super) fn prefix(workspace: &Path, repository: &Path) -> String {
    let below = workspace.strip_prefix(repository).ok().and_then(Path::to_str).unwrap_or("");
    if below.is_empty() { String::new() } else { format!("{below}/") }
}

/// The findings of a build, in their order.
pub(super) fn located<'a>(built: &'a Built, prefix: &str, private: &Private) -> Vec<Located<'a>> {
    let mut sources = Sources { system: &built.workspace.system, texts: BTreeMap::new() };
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let located = built.diagnostics.iter().map(|diagnostic| {
        let message = private.hide(&diagnostic.message);
        let text = private.hide(&text(diagnostic));
        let path = diagnostic.file.as_ref().map(|file| format!("{prefix}{file}"));
        let source = diagnostic.file.as_ref().and_then(|file| sources.text(file));
        let span = diagnostic.span;
        let region = span.map(|span| region(source, span));
        let line = source.zip(span).and_then(|(source, span)| source.lines().nth(span.line as usize - 1));
        // White space moves with the code around it.
        let line = line.unwrap_or("").split_whitespace().collect::<Vec<_>>().join(" ");
        let of = |number: u64| {
            let mut hasher = KeyHasher::new("webstir finding v1");
            hasher.text(&diagnostic.code).text(path.as_deref().unwrap_or("")).text(&line).text(&message).number(number);
            hasher.finish().to_hex()[..32].to_owned()
        };
        // The same again on an equal line is another finding.
        let number = seen.entry(of(0)).and_modify(|number| *number += 1).or_insert(0);
        let fingerprint = of(*number);
        Located { diagnostic, message, text, path, region, fingerprint }
    });
    located.collect()
}

/// The message, its notes, other places and the way out, a paragraph each.
fn text(diagnostic: &Diagnostic) -> String {
    let mut text = diagnostic.message.clone();
    for note in &diagnostic.notes {
        text += &format!("\n{note}");
    }
    for related in &diagnostic.related {
        let file = related.file.as_ref().map_or(String::new(), |file| match related.span {
            Some(span) => format!(" ({file}:{}:{})", span.line, span.column),
            None => format!(" ({file})"),
        });
        text += &format!("\n{}{file}", related.message);
    }
    if let Some(help) = &diagnostic.help {
        text += &format!("\nhelp: {help}");
    }
    console::strip_ansi_codes(&text).into_owned()
}

/// The region of a span. Its end is known while the file is what it was.
fn region(source: Option<&str>, span: Span) -> Region {
    let unchanged = |text: &&str| Span::locate(text, span.start as usize, span.end as usize) == span;
    let end = source.filter(unchanged).map(|text| {
        let end = Span::locate(text, span.end as usize, span.end as usize);
        (end.line, end.column)
    });
    Region { line: span.line, column: span.column, end }
}

/// The files that findings are in.
struct Sources<'a> {
    system: &'a Os,
    texts: BTreeMap<RelPath, Option<String>>,
}

impl Sources<'_> {
    fn text(&mut self, file: &RelPath) -> Option<&str> {
        let read = || self.system.read(file).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        self.texts.entry(file.clone()).or_insert_with(read).as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_ends_where_its_text_ends() {
        let text = "let ä = 1;\nlet b;\n";
        let span = Span::locate(text, 4, 6);
        let expected = Region { line: 1, column: 5, end: Some((1, 6)) };
        assert_eq!(region(Some(text), span), expected);
        let over_lines = Span::locate(text, 4, 15);
        assert_eq!(region(Some(text), over_lines).end, Some((2, 4)));
        assert_eq!(region(Some("let x"), span), Region { end: None, ..expected }, "the file is another one");
        assert_eq!(region(None, span).end, None);
    }

    #[test]
    fn a_workspace_may_lie_below_its_repository() {
        assert_eq!(prefix(Path::new("/r/apps/notes"), Path::new("/r")), "apps/notes/");
        assert_eq!(prefix(Path::new("/r"), Path::new("/r")), "");
        assert_eq!(prefix(Path::new("/elsewhere"), Path::new("/r")), "");
    }
}
