//! What the parsers of foreign texts say, and where in the text.

use webstir_engine::diagnostic::Span;

/// What serde_json has to say, without the position, which the span has.
pub(super) fn json_problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Where serde_json stopped.
pub(super) fn json_span(text: &str, error: &serde_json::Error) -> Span {
    let line = error.line().saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let at = start + error.column().saturating_sub(1);
    Span::locate(text, at, at + 1)
}

/// Where the YAML parser stopped; `None` where it does not say.
pub(super) fn yaml_span(text: &str, error: &serde_saphyr::Error) -> Option<Span> {
    error.location().map(|location| {
        let line = usize::try_from(location.line()).unwrap_or(usize::MAX);
        let column = usize::try_from(location.column()).unwrap_or(usize::MAX);
        let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let before = text[start..].chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>();
        Span::locate(text, start + before, start + before + 1)
    })
}
