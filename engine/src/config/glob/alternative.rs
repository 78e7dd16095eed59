//! One glob without `{a,b}`, matched name by name, and how a glob is split into such.
//!
//! A glob is not compiled as a whole: a class that is negated, or a range, must not match the separator, and a search has to know how far
//! into a glob a directory leads.

use std::iter::Peekable;
use std::str::CharIndices;

use globset::{GlobBuilder, GlobMatcher};

use super::is_passed_over;
use crate::path::RelPath;

/// What not even a directory that is named as a whole stands for: repositories, what webstir keeps, and installed packages.
const NEVER_MEANT: [&str; 3] = [".git", crate::state_directory::STATE_DIRECTORY, "node_modules"];

/// A glob with one choice of each `{a,b}`.
#[derive(Debug)]
pub(super) struct Alternative {
    parts: Vec<Part>,
    is_literal: bool,
}

/// What one name of a path has to be.
#[derive(Debug)]
enum Part {
    Literal(String),
    /// `**`: any number of names.
    Any,
    Pattern {
        matcher: GlobMatcher,
        has_dot: bool,
    },
}

impl Alternative {
    pub(super) fn new(text: &str) -> Self {
        let parts: Vec<Part> = text.split('/').map(Part::new).collect();
        let is_literal =
            parts.iter().all(|part| matches!(part, Part::Literal(name) if !name.is_empty() && name != "."));
        Self { parts, is_literal }
    }

    /// The names before the first wildcard.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map_while(|part| match part {
            Part::Literal(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The directory that the files lie in or below.
    pub(super) fn start(&self) -> Option<RelPath> {
        let names: Vec<&str> = self.names().collect();
        let directories = if names.len() == self.parts.len() { names.len() - 1 } else { names.len() };
        RelPath::new(&names[..directories].join("/")).ok()
    }

    /// Whether the file with these names is named, or all below a directory that is.
    pub(super) fn is_match(&self, names: &[&str], passes_over: bool) -> bool {
        self.reached(names, passes_over)[self.parts.len()]
    }

    /// Whether a file below the directory with these names can be named.
    pub(super) fn may_hold(&self, names: &[&str], passes_over: bool) -> bool {
        let mut reached = self.reached(names, passes_over);
        if !self.is_literal {
            reached.pop();
        }
        reached.contains(&true)
    }

    /// Which parts come next after these names; the one after the last when the glob names them. Wildcards pass over names when a search
    /// `passes_over` them.
    fn reached(&self, names: &[&str], passes_over: bool) -> Vec<bool> {
        let end = self.parts.len();
        let mut reached = vec![false; end + 1];
        let mut next = reached.clone();
        reached[0] = true;
        self.pass(&mut reached);
        for name in names {
            let is_passed_over = passes_over && is_passed_over(name);
            next.fill(false);
            for (at, part) in self.parts.iter().enumerate().filter(|(at, _)| reached[*at]) {
                match part {
                    Part::Literal(literal) if literal == name => next[at + 1] = true,
                    Part::Any if !is_passed_over => {
                        next[at] = true;
                        // At the end it stands for one name at least.
                        next[end] |= at + 1 == end;
                    }
                    Part::Pattern { matcher, has_dot }
                        if (!is_passed_over || *has_dot && *name != "node_modules") && matcher.is_match(name) =>
                    {
                        next[at + 1] = true;
                    }
                    _ => {}
                }
            }
            next[end] |= reached[end] && self.is_literal && !NEVER_MEANT.contains(name);
            self.pass(&mut next);
            std::mem::swap(&mut reached, &mut next);
        }
        reached
    }

    /// A `**` before other parts may stand for nothing.
    fn pass(&self, reached: &mut [bool]) {
        for (at, part) in self.parts.iter().enumerate() {
            if reached[at] && matches!(part, Part::Any) && at + 1 < self.parts.len() {
                reached[at + 1] = true;
            }
        }
    }
}

impl Part {
    fn new(text: &str) -> Self {
        if text == "**" {
            return Self::Any;
        }
        let mut literal = String::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '*' | '?' | '[' => {
                    let has_dot = literal.starts_with('.') || literal.is_empty() && text.starts_with('.');
                    return match GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build() {
                        Ok(glob) => Self::Pattern { matcher: glob.compile_matcher(), has_dot },
                        Err(_) => Self::Literal(text.to_owned()),
                    };
                }
                '\\' => literal.extend(rest.next()),
                c => literal.push(c),
            }
        }
        Self::Literal(literal)
    }
}

/// How many globs without `{a,b}` one glob stands for; more than `usize` can say is `usize::MAX`.
pub(super) fn count(text: &str) -> usize {
    groups(text).iter().fold(1, |count, group| count.saturating_mul(group.choices.len()))
}

/// One glob for each choice of every `{a,b}`.
pub(super) fn expand(text: &str) -> Vec<String> {
    let mut expanded = vec![String::new()];
    let mut end = 0;
    for group in groups(text) {
        let before = &text[end..group.start];
        expanded = expanded
            .iter()
            .flat_map(|glob| group.choices.iter().map(move |choice| format!("{glob}{before}{choice}")))
            .collect();
        end = group.end;
    }
    expanded.into_iter().map(|glob| glob + &text[end..]).collect()
}

/// A `{a,b}` in a glob.
struct Group<'a> {
    start: usize,
    end: usize,
    choices: Vec<&'a str>,
}

/// Reads a `[..]` behind its first bracket. Whether it holds a separator.
fn skip_class(rest: &mut Peekable<CharIndices<'_>>) -> bool {
    let _ = rest.next_if(|(_, c)| matches!(c, '!' | '^'));
    // The first character of a class may be its bracket, after a negation too.
    let first = rest.next();
    let mut holds_separator = first.is_some_and(|(_, c)| c == '/');
    for (_, c) in rest.take_while(|(_, c)| *c != ']') {
        holds_separator |= c == '/';
    }
    holds_separator
}

/// Whether a `[..]` holds a separator. `globset` would have it match one.
pub(super) fn has_class_with_separator(text: &str) -> bool {
    let mut rest = text.char_indices().peekable();
    while let Some((_, c)) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '[' if skip_class(&mut rest) => return true,
            _ => {}
        }
    }
    false
}

/// As `globset` reads them: none within another, and none within `[..]`. An empty choice is one: `a{,.min}.js`.
fn groups(text: &str) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let mut open: Option<(usize, usize, Vec<&str>)> = None;
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '[' => drop(skip_class(&mut rest)),
            '{' => open = Some((at, at + 1, Vec::new())),
            ',' => {
                if let Some((_, choice, choices)) = &mut open {
                    choices.push(&text[*choice..at]);
                    *choice = at + 1;
                }
            }
            '}' => {
                if let Some((start, choice, mut choices)) = open.take() {
                    choices.push(&text[choice..at]);
                    groups.push(Group { start, end: at + 1, choices });
                }
            }
            _ => {}
        }
    }
    groups
}
