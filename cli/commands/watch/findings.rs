//! Findings as browsers show them.

use webstir_engine::diagnostic::{Diagnostic, Severity, Span};
use webstir_engine::system::System as _;
use webstir_runtime::{LiveFinding, LiveSeverity};

use crate::compose::{Failure, Workspace};

/// Lines shown before and after the place.
const AROUND: usize = 2;
/// The longest line that is shown, in characters.
const LONGEST_LINE: usize = 200;

/// Findings with the lines of source that they are about.
pub(super) fn of(diagnostics: &[&Diagnostic], workspace: &Workspace) -> Vec<LiveFinding> {
    diagnostics.iter().map(|diagnostic| finding(diagnostic, workspace)).collect()
}

/// A fault of the world.
pub(super) fn of_failure(failure: &Failure) -> LiveFinding {
    LiveFinding { message: failure.in_full(), help: failure.help.clone(), ..LiveFinding::default() }
}

fn finding(diagnostic: &Diagnostic, workspace: &Workspace) -> LiveFinding {
    let mut message = diagnostic.message.clone();
    for note in &diagnostic.notes {
        message.push('\n');
        message.push_str(note);
    }
    let text = diagnostic.file.as_ref().filter(|_| diagnostic.span.is_some());
    let text = text.and_then(|file| workspace.system.read(file).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    LiveFinding {
        severity: match diagnostic.severity {
            Severity::Error => LiveSeverity::Error,
            Severity::Warning => LiveSeverity::Warning,
            Severity::Info => LiveSeverity::Info,
        },
        code: Some(diagnostic.code.to_string()),
        message,
        file: diagnostic.file.as_ref().map(ToString::to_string),
        line: diagnostic.span.map(|span| span.line),
        column: diagnostic.span.map(|span| span.column),
        frame: text.zip(diagnostic.span).map(|(text, span)| frame(&text, span)),
        help: diagnostic.help.clone(),
    }
}

/// The lines around a place, numbered, with a mark below it.
fn frame(text: &str, span: Span) -> String {
    let line = span.line as usize;
    let first = line.saturating_sub(AROUND).max(1);
    let width = (line + AROUND).to_string().len();
    let mut frame = String::new();
    for (number, shown) in text.lines().enumerate().map(|(index, shown)| (index + 1, shown)).skip(first - 1) {
        if number > line + AROUND {
            break;
        }
        let shown: String = shown.chars().take(LONGEST_LINE).collect();
        frame += &format!("{number:width$} │ {}\n", shown.replace('\t', " "));
        if number == line {
            let column = (span.column as usize).saturating_sub(1);
            let length = text
                .get(span.start as usize..span.end as usize)
                .map_or(1, |marked| marked.lines().next().unwrap_or_default().chars().count().clamp(1, LONGEST_LINE));
            if column < LONGEST_LINE {
                frame += &format!("{:width$} │ {}{}\n", "", " ".repeat(column), "^".repeat(length));
            }
        }
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_marks_the_place() {
        let text = "a\nb\n\tconst é = broken;\nd\ne\nf\n";
        let start = text.find("broken").unwrap();
        let span = Span::locate(text, start, start + "broken".len());
        let expected = "1 │ a\n2 │ b\n3 │  const é = broken;\n  │            ^^^^^^\n4 │ d\n5 │ e\n";
        assert_eq!(frame(text, span), expected);
        let end = Span::locate(text, text.len(), text.len());
        assert!(frame(text, end).ends_with("6 │ f\n"), "{}", frame(text, end));
    }
}
