//! White space and comments to which the compiler pays no attention.

use swc_core::ecma::ast::{JSXText, Regex, Str, TplElement};
use swc_core::ecma::visit::{Visit, VisitWith};

use crate::source::Parts;

/// A run of white space and comments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trivia {
    /// First byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
    /// What it comes to: it keeps its neighbours apart, and the end of a line may end a statement.
    pub(super) instead: &'static str,
}

/// All of `text`, which was parsed as `parts`, in order.
pub(super) fn trivia(parts: &Parts, text: &str) -> Vec<Trivia> {
    let (mut solid, mut comments) = (solid(parts).into_iter().peekable(), comments(parts, text).into_iter().peekable());
    let mut found: Vec<Trivia> = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        while solid.next_if(|&(_, end)| end <= at).is_some() {}
        while comments.next_if(|&(_, end)| end <= at).is_some() {}
        if let Some((_, end)) = solid.next_if(|&(start, _)| start <= at) {
            at = end;
            continue;
        }
        let (end, ends_line) = if let Some((start, end)) = comments.next_if(|&(start, _)| start == at) {
            (end, text[start..end].starts_with("//") || text[start..end].contains(is_line_end))
        } else if next.is_whitespace() || next == '\u{feff}' {
            (at + next.len_utf8(), is_line_end(next))
        } else {
            at += next.len_utf8();
            continue;
        };
        match found.last_mut().filter(|last| last.end == at) {
            Some(last) => {
                last.end = end;
                if ends_line {
                    last.instead = "\n";
                }
            }
            None => found.push(Trivia { start: at, end, instead: if ends_line { "\n" } else { " " } }),
        }
        at = end;
    }
    for outer in &mut found {
        if outer.start == 0 || outer.end == text.len() {
            outer.instead = "";
        }
    }
    found
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// The comments that say nothing to the compiler, in order.
fn comments(parts: &Parts, text: &str) -> Vec<(usize, usize)> {
    let all = parts.leading.values().chain(parts.trailing.values()).flatten();
    let places = all.map(|comment| parts.offsets(comment.span)).map(|(start, end)| (start as usize, end as usize));
    let is_idle = |&(start, end): &(usize, usize)| {
        text.get(start..end).is_some_and(|text| !text.starts_with("///") && !text.contains('@'))
    };
    let mut idle: Vec<_> = places.filter(is_idle).collect();
    idle.sort_unstable();
    idle
}

/// Tokens that may hold white space, in order.
fn solid(parts: &Parts) -> Vec<(usize, usize)> {
    let mut solid = Solid { parts, found: Vec::new() };
    parts.program.visit_with(&mut solid);
    solid.found.retain(|(start, end)| start < end);
    solid.found.sort_unstable();
    solid.found
}

struct Solid<'a> {
    parts: &'a Parts,
    found: Vec<(usize, usize)>,
}

impl Solid<'_> {
    fn token(&mut self, span: swc_core::common::Span) {
        let (start, end) = self.parts.offsets(span);
        self.found.push((start as usize, end as usize));
    }
}

impl Visit for Solid<'_> {
    fn visit_str(&mut self, token: &Str) {
        self.token(token.span);
    }

    fn visit_tpl_element(&mut self, token: &TplElement) {
        self.token(token.span);
    }

    fn visit_regex(&mut self, token: &Regex) {
        self.token(token.span);
    }

    fn visit_jsx_text(&mut self, token: &JSXText) {
        self.token(token.span);
    }
}
