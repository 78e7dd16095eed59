//! A module definition that could not be evaluated, as a finding that points into the user's own file.

use webstir_engine::diagnostic::{Diagnostic, Severity, Span};
use webstir_engine::path::RelPath;
use webstir_script::{Frame, ScriptError, Thrown};

/// What surrounds a failure.
pub struct LoadFailure<'a> {
    /// The source of the module, below the workspace root.
    pub module_file: &'a RelPath,
    /// Whether the profile is `publish` or `test`: there a module that cannot be loaded is an error, in `build` a warning.
    pub strict: bool,
    /// The text of a source file; none when there is none.
    pub text: &'a dyn Fn(&RelPath) -> Option<String>,
}

/// Frames past this many are not shown.
const MAX_RELATED: usize = 5;

/// Says what went wrong and where. Faults of the world are the caller's to report: for them this gives a finding about the file
/// as a whole.
pub fn load_error_diagnostic(error: &ScriptError, failure: &LoadFailure<'_>) -> Diagnostic {
    let severity = if failure.strict { Severity::Error } else { Severity::Warning };
    let (code, help) = match error {
        ScriptError::Unsupported { .. } => (
            "manifest::unsupported_import",
            Some("Import it where a request is served, or run the module in a worker with `engine \"worker\"`"),
        ),
        ScriptError::Syntax(_) => ("manifest::syntax", None),
        ScriptError::Thrown(_) => ("manifest::load_failed", None),
        ScriptError::UnhandledRejection(_) => ("manifest::unhandled_rejection", None),
        ScriptError::NeverSettles => (
            "manifest::never_settles",
            Some("A top-level `await` must settle without a network, a server or another process"),
        ),
        ScriptError::CpuLimit { .. } => {
            ("manifest::cpu_limit", Some("Move the work into a function that a request calls"))
        }
        ScriptError::MemoryLimit { .. } => ("manifest::memory_limit", None),
        ScriptError::StackOverflow(_) => ("manifest::stack_overflow", None),
        ScriptError::Silence { .. } => ("manifest::silence", None),
        ScriptError::TooLarge { .. } => ("manifest::too_large", Some("Keep data out of the module definition")),
        ScriptError::Files { .. } | ScriptError::Start(_) => ("manifest::world", None),
    };
    let text = error.to_string();
    let (first_line, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let message = format!("Failed to load module definition: {}", first_line.trim_end_matches('.'));
    let mut diagnostic = Diagnostic::new(severity, code, message);
    if !rest.trim().is_empty() {
        diagnostic = diagnostic.note(rest.trim_end());
    }
    if let Some(help) = help {
        diagnostic = diagnostic.help(help);
    }
    match error.thrown() {
        Some(thrown) => place(diagnostic, thrown, failure),
        None => diagnostic.in_file(failure.module_file),
    }
}

/// The first frame in the user's own code is the place, the others are related.
fn place(mut diagnostic: Diagnostic, thrown: &Thrown, failure: &LoadFailure<'_>) -> Diagnostic {
    let mut places: Vec<Place<'_>> = thrown.frames.iter().filter_map(|frame| Place::of(frame, failure)).collect();
    let own = places.iter().position(|place| !place.is_foreign()).unwrap_or(0);
    if places.is_empty() {
        diagnostic = diagnostic.in_file(failure.module_file);
    } else {
        let place = places.remove(own);
        diagnostic = match place.span {
            Some(span) => diagnostic.at(&place.file, span),
            None => diagnostic.in_file(&place.file).note(format!("At {}", place.text())),
        };
        for place in places.iter().take(MAX_RELATED) {
            let message = match &place.frame.function {
                Some(function) => format!("In `{function}`"),
                None => "From here".to_owned(),
            };
            diagnostic = diagnostic.related(message, Some(&place.file), place.span);
        }
    }
    let mut cause = thrown.cause.as_deref();
    while let Some(thrown) = cause {
        let place = thrown.frames.iter().find_map(|frame| Place::of(frame, failure));
        let place = place.map(|place| format!(" ({})", place.text())).unwrap_or_default();
        diagnostic = diagnostic.note(format!("Caused by {thrown}{place}"));
        cause = thrown.cause.as_deref();
    }
    diagnostic
}

/// A frame in a file of the workspace.
struct Place<'a> {
    frame: &'a Frame,
    file: RelPath,
    span: Option<Span>,
}

impl<'a> Place<'a> {
    /// A frame that no source map knows is a place in the bundle, which nobody wrote.
    fn of(frame: &'a Frame, failure: &LoadFailure<'_>) -> Option<Self> {
        let file = RelPath::new(&frame.file).ok().filter(|_| frame.mapped)?;
        let span = (failure.text)(&file).and_then(|text| span_at(&text, frame.line, frame.column));
        Some(Self { frame, file, span })
    }

    /// Whether the file is a dependency's.
    fn is_foreign(&self) -> bool {
        self.file.components().any(|part| part == "node_modules")
    }

    fn text(&self) -> String {
        format!("{}:{}:{}", self.file, self.frame.line, self.frame.column)
    }
}

/// The word at a line and column, both from 1, the column in UTF-16 code units. None when the text has no such line.
fn span_at(text: &str, line: u32, column: u32) -> Option<Span> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut start = text.len() - body.len();
    let mut lines = body.split_inclusive('\n');
    for _ in 1..line {
        start += lines.next()?.len();
    }
    let line = lines.next().unwrap_or("");
    let mut units = column.saturating_sub(1) as usize;
    for character in line.trim_end().chars() {
        if units < character.len_utf16() {
            break;
        }
        units -= character.len_utf16();
        start += character.len_utf8();
    }
    let word = text[start..].chars().take_while(|character| character.is_alphanumeric() || "_$".contains(*character));
    let length: usize = word.map(char::len_utf8).sum();
    let end = if length > 0 { start + length } else { start + text[start..].chars().next().map_or(0, char::len_utf8) };
    Some(Span::locate(text, start, end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_is_the_word_there() {
        let text = "const a = '🙂'; throw new Error();\nx()\n";
        let word = |line, column| {
            let span = span_at(text, line, column).unwrap();
            (&text[span.start as usize..span.end as usize], span.line)
        };
        assert_eq!(word(1, 17), ("throw", 1));
        assert_eq!(word(2, 1), ("x", 2));
        assert_eq!(word(2, 2), ("(", 2));
        assert_eq!(word(2, 99), ("\n", 2));
        assert_eq!(span_at(text, 9, 1), None);
        assert_eq!(span_at("\u{feff}ab", 1, 1).map(|span| (span.start, span.end)), Some((3, 5)));
    }

    proptest! {
        #[test]
        fn any_place_is_in_the_text(text in "[a-z ü🙂\n\r\u{feff}]{0,30}", line in 1_u32..6, column in 1_u32..20) {
            if let Some(span) = span_at(&text, line, column) {
                prop_assert!(span.end as usize <= text.len());
            }
        }
    }
}
