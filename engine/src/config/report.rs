//! Findings while loading: where they are put, how many there may be, and the nearest name.

use std::sync::Arc;

use crate::config::kdl::Extent;
use crate::config::value::Place;
use crate::diagnostic::{Diagnostic, Span};
use crate::label::Label;
use crate::path::RelPath;

/// As many findings as are shown; a file with more has one cause.
const SHOWN: usize = 100;

/// Where to put what is said about the preset: the place that chose it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Anchor {
    pub(super) file: Option<RelPath>,
    pub(super) span: Option<Span>,
    pub(super) preset: Option<Arc<str>>,
}

/// The file that the user writes.
pub(super) fn workspace_file() -> RelPath {
    RelPath::new(super::FILE_NAME).unwrap_or_else(|_| RelPath::root())
}

impl Anchor {
    /// Puts a diagnostic at a place.
    pub(super) fn put(&self, mut diagnostic: Diagnostic, place: Place) -> Diagnostic {
        match (place, &self.preset) {
            (Place::Written(span), _) => diagnostic.at(&workspace_file(), span),
            (Place::Preset(_), Some(preset)) => {
                diagnostic.file.clone_from(&self.file);
                diagnostic.span = self.span;
                diagnostic.note(format!("This is part of the preset `{preset}`"))
            }
            _ => {
                diagnostic.file.clone_from(&self.file);
                diagnostic.span = self.span;
                diagnostic
            }
        }
    }

    /// Adds another place to a diagnostic.
    pub(super) fn relate(&self, diagnostic: Diagnostic, message: impl Into<String>, place: Place) -> Diagnostic {
        let message = message.into();
        match (place, &self.preset) {
            (Place::Written(span), _) => diagnostic.related(message, Some(&workspace_file()), Some(span)),
            (Place::Preset(_), Some(preset)) => {
                diagnostic.related(format!("{message} (in the preset `{preset}`)"), None, None)
            }
            _ => diagnostic.related(message, None, None),
        }
    }
}

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) anchor: Anchor,
    found: Vec<Diagnostic>,
    left_out: usize,
}

impl Report {
    /// Adds a finding that has its place.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if self.is_full() {
            self.left_out += 1;
        } else {
            self.found.push(diagnostic);
        }
    }

    /// Adds a finding at a place.
    pub(super) fn add(&mut self, place: Place, diagnostic: Diagnostic) {
        let diagnostic = self.anchor.put(diagnostic, place);
        self.push(diagnostic);
    }

    /// Adds a finding about a rule at a place.
    pub(super) fn add_to(&mut self, rule: Option<&Label>, place: Place, diagnostic: Diagnostic) {
        let diagnostic = match rule {
            Some(rule) => diagnostic.of_rule(rule),
            None => diagnostic,
        };
        self.add(place, diagnostic);
    }

    /// Whether further findings are only counted.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= SHOWN
    }

    /// The word among `candidates` that was most likely meant by `word`.
    pub(super) fn nearest<'c>(&self, word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
        // A full report would throw the answer away.
        if self.is_full() { None } else { nearest(word, candidates) }
    }

    /// Everything found, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort();
        self.found.dedup();
        if self.left_out > 0 {
            let message = format!("{} more findings are not shown", self.left_out);
            self.found.push(Diagnostic::info("config::too_many", message).in_file(&workspace_file()));
        }
        self.found
    }
}

/// At most one letter in three may differ.
fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// "Did you mean" for a near word, the choice otherwise.
pub(super) fn suggestion(near: Option<&str>, choice: &str) -> String {
    match near {
        Some(near) => format!("Did you mean `{near}`?"),
        None => choice.to_owned(),
    }
}

/// "There is" or "There are" what there is.
pub(super) fn there_are<T: std::fmt::Display>(words: impl IntoIterator<Item = T>) -> String {
    let words: Vec<T> = words.into_iter().collect();
    let verb = if words.len() == 1 { "is" } else { "are" };
    format!("There {verb} {}", listed(words, "and"))
}

/// `` `a`, `b` and `c` ``.
pub(super) fn listed<T: std::fmt::Display>(words: impl IntoIterator<Item = T>, last: &str) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}

/// Finds lines and columns without walking the text from its start each time.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    /// Line and column at every [`STRIDE`] bytes, moved back to a boundary.
    marks: Vec<Span>,
}

const STRIDE: usize = 512;

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut at = Span { start: 0, end: 0, line: 1, column: 1 };
        at.start = u32::try_from(start).unwrap_or(u32::MAX);
        let mut marks = vec![at];
        for (offset, character) in text[start..].char_indices() {
            let offset = start + offset;
            if offset >= marks.len() * STRIDE {
                at.start = u32::try_from(offset).unwrap_or(u32::MAX);
                marks.push(at);
            }
            step(&mut at, character);
        }
        Self { text, marks }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn span(&self, extent: Extent) -> Span {
        let after = self.marks.partition_point(|mark| mark.start as usize <= extent.start);
        let mut at = self.marks[after.saturating_sub(1)];
        for character in self.text.get(at.start as usize..extent.start).unwrap_or("").chars() {
            step(&mut at, character);
        }
        at.start = u32::try_from(extent.start).unwrap_or(u32::MAX);
        at.end = u32::try_from(extent.end).unwrap_or(u32::MAX);
        at
    }
}

fn step(at: &mut Span, character: char) {
    if character == '\n' {
        at.line += 1;
        at.column = 1;
    } else if character != '\u{feff}' || at.column > 1 {
        // As in `Span::locate`, a byte-order mark at the start of a line has no column.
        at.column += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nearest_is_near() {
        let kinds = ["files", "entries", "transpile", "bundle"];
        assert_eq!(nearest("transpil", kinds), Some("transpile"));
        assert_eq!(nearest("Bundle", kinds), Some("bundle"));
        assert_eq!(nearest("fiels", kinds), Some("files"));
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("minify", kinds), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lines_are_those_of_locate(text in "\u{feff}?[aä🙂\n\r \u{feff}]{0,2000}", at in any::<prop::sample::Index>()) {
            let boundaries: Vec<usize> = text
                .char_indices()
                .map(|(offset, _)| offset)
                .chain([text.len()])
                .filter(|&offset| offset > 0 || !text.starts_with('\u{feff}'))
                .collect();
            let start = *at.get(&boundaries);
            let span = Lines::new(&text).span(Extent { start, end: start });
            prop_assert_eq!(span, Span::locate(&text, start, start));
        }
    }
}
