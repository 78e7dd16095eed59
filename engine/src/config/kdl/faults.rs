//! From the diagnostics of the crate to [`Fault`]s, with what to write instead of the usual mistakes.

use kdl::KdlDiagnostic;

use super::characters::{NEWLINES, begins_number, is_blank, is_keyword, is_word};
use super::{ENOUGH, Extent, Fault, FaultKind, quoted};

/// What follows from `start` on up to the next white space, `;`, brace or comment, and at least one character.
pub(super) fn stray(text: &str, start: usize) -> Extent {
    let rest = &text[start..];
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let ends = |next: char| is_blank(next) || matches!(next, ';' | '{' | '}');
    let word = rest[first..].find(ends).map_or(rest.len(), |length| first + length);
    let comment = ["//", "/*"].into_iter().filter_map(|mark| rest[first..word].find(mark)).min();
    Extent { start, end: start + comment.map_or(word, |length| first + length) }
}

/// The faults of the piece at `piece`, in the order of the text; what overlaps an earlier one follows from it.
pub(super) fn of(text: &str, piece: Extent, diagnostics: &[KdlDiagnostic]) -> Vec<Fault> {
    // The guard has matched the braces: one that is missing to the parser is behind another fault.
    let is_follower = |diagnostic: &KdlDiagnostic| diagnostic.label.as_deref() == Some("not closed");
    let some = diagnostics.iter().any(|diagnostic| !is_follower(diagnostic));
    let mut faults: Vec<Fault> = Vec::new();
    let mut places: Vec<(Extent, &KdlDiagnostic)> = diagnostics
        .iter()
        .filter(|diagnostic| !some || !is_follower(diagnostic))
        .map(|diagnostic| (place(text, piece, diagnostic), diagnostic))
        .collect();
    places.sort_by_key(|(at, _)| at.start);
    for (at, diagnostic) in places {
        if faults.len() < ENOUGH && faults.last().is_none_or(|last| at.start >= last.at.end) {
            faults.push(explain(text, at, diagnostic));
        }
    }
    faults
}

/// What is wrong in one quoted text: the first of the diagnostics, as the parser does not find back into a text.
pub(super) fn of_text(text: &str, at: Extent, diagnostics: &[KdlDiagnostic]) -> Option<Fault> {
    let first = diagnostics.first()?;
    let spelled = &text[at.range()];
    let escape = spelled.starts_with('"').then(|| bad_escape(spelled)).flatten();
    if let Some((start, end)) = escape {
        let at = Extent { start: at.start + start, end: at.start + end };
        let help = "The escapes are `\\n`, `\\r`, `\\t`, `\\\"`, `\\\\`, `\\b`, `\\f`, `\\s` and `\\u{1f600}`";
        return Some(syntax(at, format!("{} is not an escape", quoted(&text[at.range()])), Some(help.to_owned())));
    }
    let message = first.message.clone().unwrap_or_else(|| "This text cannot be read".to_owned());
    Some(syntax(at, capitalized(&message), first.help.clone()))
}

/// Those that do not follow a fault of the guard on the same line.
pub(super) fn new_ones(text: &str, known: &[Fault], mut found: Vec<Fault>) -> Vec<Fault> {
    found.retain(|fault| {
        let before = known.iter().rfind(|known| known.at.start <= fault.at.start);
        before.is_none_or(|known| text[known.at.start..fault.at.start].contains(NEWLINES))
    });
    found
}

fn syntax(at: Extent, message: String, help: Option<String>) -> Fault {
    Fault { kind: FaultKind::Syntax, at, message, help, related: None }
}

/// The word that a diagnostic is about.
fn place(text: &str, piece: Extent, diagnostic: &KdlDiagnostic) -> Extent {
    let span = diagnostic.span;
    let length = piece.end - piece.start;
    let (mut start, end) = (span.offset().min(length), (span.offset() + span.len()).min(length));
    let plain = &text[piece.range()];
    // It spans the node up to where the value is missing or cannot be read.
    if diagnostic.label.as_deref() == Some("not property value") {
        start = floor(plain, end.max(start));
        start = plain[..start].rfind('=').unwrap_or(start);
        let value = plain[start..].trim_start_matches('=').trim_start_matches(is_blank);
        if !plain[start + 1..].starts_with(is_blank) && !value.is_empty() {
            start = plain.len() - value.len();
        }
    }
    start = floor(plain, start);
    let mut blank = plain[start..].find(|next| !is_blank(next)).map_or(plain.len(), |blank| start + blank);
    if blank == plain.len() {
        blank = plain.trim_end_matches(is_blank).char_indices().next_back().map_or(0, |(last, _)| last);
    }
    stray(&text[..piece.end], piece.start + blank)
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn explain(text: &str, at: Extent, diagnostic: &KdlDiagnostic) -> Fault {
    let spelled = &text[at.range()];
    let first = Extent { start: at.start, end: at.start + spelled.chars().next().map_or(0, char::len_utf8) };
    let name = diagnostic.label.as_deref() == Some("not node name");
    let (at, message, help) = if is_keyword(spelled) {
        let message = format!("`{spelled}` must be written `#{spelled}`");
        (at, message, Some(format!("Write `#{spelled}`, or quote it if a text is meant")))
    } else if spelled.starts_with('{') {
        let nothing_before = text[..at.start].trim_start_matches('\u{feff}').trim().is_empty();
        let help = if nothing_before {
            "The file is KDL, not JSON: write `workspace { .. }`"
        } else {
            "Write the node's name before the `{`, on the same line"
        };
        (first, "This block belongs to no node".to_owned(), Some(help.to_owned()))
    } else if spelled.starts_with(['[', ']']) {
        let help = "Write the values after each other, separated by spaces: `\"a\" \"b\"`";
        (first, "Lists have no brackets".to_owned(), Some(help.to_owned()))
    } else if spelled.starts_with('=') {
        let message = "This `=` lacks the name before it or the value behind it";
        (first, message.to_owned(), Some("Write properties as `name=value`".to_owned()))
    } else if spelled.starts_with('#') {
        let message = format!("{} is not a keyword", quoted(spelled));
        (at, message, Some("The keywords are `#true`, `#false` and `#null`".to_owned()))
    } else if begins_number(spelled) && name {
        let help = "A node begins with a name such as `profile`; quote names that hold other characters";
        (at, format!("{} cannot be the name of a node", quoted(spelled)), Some(help.to_owned()))
    } else if begins_number(spelled) {
        let message = format!("{} is neither a number nor a bare word", quoted(spelled));
        (at, message, instead(spelled).map(|quoted| format!("If a text is meant, write {quoted}")))
    } else if spelled.starts_with(|next| is_word(next) || next == '/') && !spelled.chars().all(is_word) {
        let message = format!("{} must be quoted", quoted(spelled));
        (at, message, instead(spelled).map(|quoted| format!("Write {quoted}")))
    } else {
        let message = diagnostic.message.clone().unwrap_or_else(|| format!("{} cannot stand here", quoted(spelled)));
        (at, capitalized(&message), diagnostic.help.clone())
    };
    syntax(at, message, help)
}

/// The word in quotes, where quotes are enough.
fn instead(word: &str) -> Option<String> {
    let bare = word.trim_matches('"');
    (!bare.contains(['"', '\\'])).then(|| format!("`\"{bare}\"`"))
}

/// Where the first escape is that stands for nothing.
fn bad_escape(text: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    while let Some(slash) = text[at..].find('\\').map(|slash| at + slash) {
        let after = &text[slash + 1..];
        let next = after.chars().next()?;
        let code = after.strip_prefix("u{").and_then(|code| code.split_once('}')).map(|(code, _)| code);
        let known = match (next, code) {
            ('u', Some(code)) => {
                let valid = (1..=6).contains(&code.len()) && code.bytes().all(|digit| digit.is_ascii_hexdigit());
                valid && u32::from_str_radix(code, 16).ok().and_then(char::from_u32).is_some()
            }
            (next, _) => is_blank(next) || "nrtbfs\"\\".contains(next),
        };
        at = slash + 1 + next.len_utf8();
        if !known {
            return Some((slash, at));
        }
    }
    None
}

/// STYLE.md: messages begin upper-case.
fn capitalized(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
