//! How far what hides brackets goes: comments, and quoted texts in all their forms.

use super::characters::{NEWLINES, is_blank, newline};

/// The length of the comment that `rest` begins with, if it does, and whether it ends.
pub(super) fn comment(rest: &str) -> Option<(usize, bool)> {
    if rest.starts_with("//") {
        return Some((rest.find(NEWLINES).unwrap_or(rest.len()), true));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut at, mut open) = (2, 1_usize);
    while open > 0 {
        let Some(mark) = rest[at..].find(['*', '/']) else { return Some((rest.len(), false)) };
        at += mark;
        let (length, change): (usize, isize) = match rest.as_bytes().get(at..at + 2) {
            Some(b"/*") => (2, 1),
            Some(b"*/") => (2, -1),
            _ => (1, 0),
        };
        at += length;
        open = open.saturating_add_signed(change);
    }
    Some((at, true))
}

/// How many `#` the text begins with.
pub(super) fn hashes(rest: &str) -> usize {
    rest.len() - rest.trim_start_matches('#').len()
}

/// A quoted text in any of its forms.
pub(super) struct Text {
    pub(super) length: usize,
    /// What is wrong with where it begins or ends, and what to write.
    pub(super) fault: Option<(&'static str, String)>,
    /// As much of it as a fault points at.
    pub(super) shown: usize,
}

impl Text {
    /// The text that `rest` begins with, up to its end or, without one, as far as it can go.
    pub(super) fn measure(rest: &str) -> Option<Self> {
        let raw = hashes(rest);
        let body = rest[raw..].strip_prefix('"')?;
        let several = body.strip_prefix("\"\"").filter(|body| raw == 0 || newline(body).is_some());
        let marks = if several.is_some() { "\"\"\"" } else { "\"" };
        if several.is_some_and(|body| newline(body).is_none()) {
            let line = rest.find(NEWLINES).unwrap_or(rest.len());
            let length = rest[3..line].find(marks).map_or(line, |end| end + 6);
            let help = "Break the line here, or write a text of one line between single `\"`".to_owned();
            let fault = Some(("A text over several lines begins on the line after `\"\"\"`", help));
            return Some(Self { length, fault, shown: 3 });
        }
        let close = format!("{marks}{}", &rest[..raw]);
        let mut at = raw + marks.len();
        while !rest[at..].starts_with(&close) {
            let Some(next) = rest[at..].chars().next() else { break };
            if several.is_none() && newline(&rest[at..]).is_some() {
                break;
            }
            at += next.len_utf8();
            if next == '\\' && raw == 0 {
                let blank = rest[at..].len() - rest[at..].trim_start_matches(is_blank).len();
                at += if blank > 0 { blank } else { rest[at..].chars().next().map_or(0, char::len_utf8) };
            }
        }
        if rest[at..].starts_with(&close) {
            return Some(Self { length: at + close.len(), fault: None, shown: 0 });
        }
        Some(if several.is_some() {
            let help = format!("Add the closing `{close}` on a line of its own");
            Self { length: at, fault: Some(("This text is never closed", help)), shown: raw + 3 }
        } else {
            let help = format!("Add the closing `{close}`; a text over several lines begins and ends with `\"\"\"`");
            Self { length: at, fault: Some(("This text is not closed on its line", help)), shown: at }
        })
    }
}
