//! The classes of characters that KDL distinguishes, and what they mean for printing.

/// Every character that ends a line.
pub(super) const NEWLINES: [char; 7] = ['\n', '\r', '\u{85}', '\u{b}', '\u{c}', '\u{2028}', '\u{2029}'];

/// The length of the line end that `rest` begins with; CR LF is one.
pub(super) fn newline(rest: &str) -> Option<usize> {
    if rest.starts_with("\r\n") {
        return Some(2);
    }
    rest.chars().next().filter(|next| NEWLINES.contains(next)).map(char::len_utf8)
}

pub(super) fn is_space(character: char) -> bool {
    matches!(
        character,
        '\t' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// Whether the character is white space or ends a line.
pub(super) fn is_blank(character: char) -> bool {
    is_space(character) || NEWLINES.contains(&character)
}

/// Whether KDL forbids the character everywhere, comments and texts included.
pub(super) fn is_disallowed(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{200e}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether the character may stand in a bare word.
pub(super) fn is_word(character: char) -> bool {
    !matches!(character, '(' | ')' | '{' | '}' | '[' | ']' | '/' | '\\' | '"' | '#' | ';' | '=')
        && !is_blank(character)
        && !is_disallowed(character)
}

/// Whether `text` means the same with and without quotes.
pub(in crate::config) fn is_bare(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word) && !begins_number(text) && !is_keyword(text)
}

/// Whether `text` is reserved: it stands for a value only after a `#`.
pub(super) fn is_keyword(text: &str) -> bool {
    matches!(text, "true" | "false" | "null" | "inf" | "-inf" | "nan")
}

/// Whether the character can be written in a text only as an escape.
pub(in crate::config) fn needs_escape(character: char) -> bool {
    is_disallowed(character) || NEWLINES.contains(&character)
}

/// Whether `text` can be nothing but a number.
pub(super) fn begins_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = digits.strip_prefix('.').unwrap_or(digits);
    digits.starts_with(|first: char| first.is_ascii_digit())
}
