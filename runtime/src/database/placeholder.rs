//! Placeholders: `?` where a script is written for every database, `$1` and on for PostgreSQL.

/// Numbers each `?` that is no part of a text, a quoted name or a comment.
pub(crate) fn numbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut count = 0;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '?' => {
                count += 1;
                out.push_str(&format!("${count}"));
                rest = &rest[1..];
                continue;
            }
            '\'' => quoted(rest, '\'', ends_in_escape_prefix(&out)),
            '"' => quoted(rest, '"', false),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '$' if !out.ends_with(is_word) => dollar_quoted(rest),
            other => other.len_utf8(),
        };
        let (copied, after) = rest.split_at(length);
        out.push_str(copied);
        rest = after;
    }
    out
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

/// `E'..'`, in which a backslash takes the next character's meaning.
fn ends_in_escape_prefix(text: &str) -> bool {
    let before = text.strip_suffix(['e', 'E']);
    before.is_some_and(|before| !before.ends_with(is_word))
}

/// The length up to the closing quote. A doubled quote closes and opens again at once, which comes to the same.
fn quoted(text: &str, quote: char, has_escapes: bool) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((index, character)) = characters.next() {
        if character == quote {
            return index + 1;
        }
        if has_escapes && character == '\\' {
            characters.next();
        }
    }
    text.len()
}

/// The length of a comment; comments nest.
fn comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut index = 0;
    while let Some(rest) = text.get(index..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            index += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            index += 2;
            if depth == 0 {
                return index;
            }
        } else {
            index += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of `$tag$..$tag$`, or 1 for a `$` that opens nothing.
fn dollar_quoted(text: &str) -> usize {
    let Some(end) = text[1..].find('$') else { return 1 };
    let tag = &text[..end + 2];
    let name = &tag[1..=end];
    if !name.chars().all(|character| character.is_alphanumeric() || character == '_')
        || name.starts_with(|character: char| character.is_ascii_digit())
    {
        return 1;
    }
    text[tag.len()..].find(tag).map_or(text.len(), |index| tag.len() * 2 + index)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_placeholders_are_numbered() {
        for (text, expected) in [
            ("insert into a values (?, ?)", "insert into a values ($1, $2)"),
            ("select '?', \"a?\", ? -- ?\n, ?", "select '?', \"a?\", $1 -- ?\n, $2"),
            ("select 'it''s ?' || ?", "select 'it''s ?' || $1"),
            ("select E'\\'?' || ?, type'\\' || ?", "select E'\\'?' || $1, type'\\' || $2"),
            ("/* ? /* ? */ ? */ ?", "/* ? /* ? */ ? */ $1"),
            ("select $$?$$, $a$ ? $$ ? $a$, a$1, $2, ?", "select $$?$$, $a$ ? $$ ? $a$, a$1, $2, $1"),
            ("?", "$1"),
            ("'?", "'?"),
            ("/* ?", "/* ?"),
        ] {
            assert_eq!(numbered(text), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_but_placeholders_changes(text in "[a-zE ?'\"$*/\\\\\n-]{0,40}|\\PC{0,40}") {
            let out = numbered(&text);
            prop_assert!(out.len() >= text.len());
            if !text.contains('?') {
                prop_assert_eq!(out, text);
            }
        }
    }
}
