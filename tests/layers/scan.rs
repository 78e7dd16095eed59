//! The paths from the root of a crate that one source file names.

use std::collections::BTreeSet;

/// A piece of a source: a word, or one character of anything else. There are no comments; a literal stands as `"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(char),
}

use Token::{Sign, Word};

/// The first name of every path from the root, in a file at `place` below it. In the root itself that is every path.
pub(super) fn paths(text: &str, place: &[&str]) -> BTreeSet<String> {
    let tokens = without_tests(&tokens(text));
    let mut found = BTreeSet::new();
    // The depths of braces at which modules begin that are written out.
    let mut inline: Vec<usize> = Vec::new();
    let mut braces = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Sign('{') => {
                braces += 1;
                if index >= 2 && tokens[index - 2] == Word("mod") {
                    inline.push(braces);
                }
            }
            Sign('}') => {
                inline.pop_if(|opened| *opened == braces);
                braces -= 1;
            }
            Word(word) if is_path(&tokens[index + 1..]) && (index == 0 || tokens[index - 1] != Sign(':')) => {
                let depth = place.len() + inline.len();
                let (at, depth) = match *word {
                    "crate" => (index, 0),
                    "self" => (index, depth),
                    "super" => {
                        let ups = tokens[index..].chunks(3).take_while(|chunk| chunk[0] == Word("super")).count();
                        (index + 3 * (ups - 1), depth.checked_sub(ups).unwrap_or(usize::MAX))
                    }
                    _ if depth == 0 => {
                        found.insert((*word).to_owned());
                        continue;
                    }
                    _ => continue,
                };
                if depth == 0 {
                    names(&tokens[at + 3..], &mut found);
                }
            }
            // `pub(in crate)` names nothing; `use {crate::a, b}` is met above.
            _ => {}
        }
    }
    found
}

fn is_path(after: &[Token<'_>]) -> bool {
    after.starts_with(&[Sign(':'), Sign(':')])
}

/// What stands after `crate::`: a name, or names in braces, each the beginning of a path of its own.
fn names(tokens: &[Token<'_>], found: &mut BTreeSet<String>) {
    match tokens.first() {
        Some(Word(name)) => drop(found.insert((*name).to_owned())),
        Some(Sign('*')) => drop(found.insert("*".to_owned())),
        Some(Sign('{')) => {
            let mut depth = 0;
            let mut begins = true;
            for token in tokens {
                match token {
                    Sign('{') => depth += 1,
                    Sign('}') => depth -= 1,
                    Sign(',') if depth == 1 => begins = true,
                    Word(name) if begins && depth == 1 => {
                        begins = false;
                        if *name != "self" {
                            found.insert((*name).to_owned());
                        }
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// The tokens without each item that is there for tests alone.
fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    const TEST: [Token<'_>; 7] = [Sign('#'), Sign('['), Word("cfg"), Sign('('), Word("test"), Sign(')'), Sign(']')];
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        match rest.strip_prefix(&TEST) {
            None => {
                kept.push(*first);
                rest = after;
            }
            Some(item) => rest = &item[item_length(item)..],
        }
    }
    kept
}

/// How long the item is that begins here: to its `;`, its `,` or its braces, after its attributes.
fn item_length(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0;
    let mut is_attribute = false;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Sign('#') if depth == 0 => is_attribute = true,
            Sign('{' | '(' | '[') => depth += 1,
            Sign('}' | ')' | ']') if depth == 0 => return index,
            Sign(close @ ('}' | ')' | ']')) => {
                depth -= 1;
                if depth == 0 && *close == '}' {
                    return index + 1;
                }
                is_attribute &= depth > 0;
            }
            Sign(';' | ',') if depth == 0 && !is_attribute => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment_length(rest)
        } else if let Some(length) = literal_length(rest) {
            found.push(Sign('"'));
            length
        } else if is_in_word(first) {
            let length = rest.find(|c| !is_in_word(c)).unwrap_or(rest.len());
            found.push(Word(&rest[..length]));
            length
        } else {
            if !first.is_whitespace() {
                found.push(Sign(first));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    found
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn comment_length(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of the text or character that begins here. A lifetime is none.
fn literal_length(text: &str) -> Option<usize> {
    if let Some(length) = raw_length(text) {
        return Some(length);
    }
    let opening = usize::from(text.starts_with(['b', 'c']));
    let after = text[opening..].strip_prefix(['"', '\''])?;
    if text[opening..].starts_with('\'') {
        let content = match after.strip_prefix('\\') {
            Some(escaped) => 1 + escaped.char_indices().skip(1).find(|(_, c)| *c == '\'')?.0,
            None => after.chars().next()?.len_utf8(),
        };
        return after[content..].starts_with('\'').then_some(opening + content + 2);
    }
    let mut is_escaped = false;
    let end = after.find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    Some(end.map_or(text.len(), |end| opening + end + 2))
}

/// The length of the raw text that begins here.
fn raw_length(text: &str) -> Option<usize> {
    let rest = ["r", "br", "cr"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let after = rest[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = after.find(&close)? + close.len();
    Some(text.len() - after.len() + end)
}
