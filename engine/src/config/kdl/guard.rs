//! What stands before the parser: one linear pass that knows comments, texts and brackets.
//!
//! The parser recurses once for each block, each stray bracket, each `/-` after a `/-` and each `*` in a comment, and it reads blocks
//! behind `/-` up to four times a level. So the guard hands it a copy of the same length in which comments are blank, every text is a
//! bare word (the text itself is parsed alone), brackets match, and nesting is bounded. The copy is cut into top-level nodes.

use std::mem::{replace, take};
use std::ops::Range;

use super::characters::{is_blank, is_disallowed, is_space, is_word, newline};
use super::faults::stray;
use super::text::{Text, comment, hashes};
use super::{DEPTH, ENOUGH, Extent, Fault, FaultKind, quoted};

/// The most blocks that are hidden by a `/-` each, one in the other.
const HIDDEN: usize = 2;

/// The text for the parser.
pub(super) struct Guarded {
    /// As long as the text, with all bare words where they were.
    pub(super) plain: String,
    pub(super) pieces: Vec<Piece>,
    pub(super) faults: Vec<Fault>,
}

/// One top-level node.
pub(super) struct Piece {
    pub(super) at: Extent,
    /// Whether a `/-` stood before it.
    pub(super) hidden: bool,
    /// The braces that it lacks at its end.
    pub(super) unclosed: usize,
    /// Its faults.
    pub(super) faults: Range<usize>,
}

struct Open {
    brace: usize,
    /// The margin of the line that the brace is on.
    margin: usize,
    /// The first thing in the block that is written no further in than that.
    outside: Option<usize>,
    /// Whether a `/-` stands before it, and how many open blocks are hidden.
    marked: bool,
    hidden: usize,
}

/// What the end of a line does not end.
#[derive(Clone, Copy, PartialEq)]
enum Hold {
    Nothing,
    /// A backslash has joined the next line to this one.
    Line,
    /// The `/-` at this place waits for what it hides.
    Hidden(usize),
}

struct Guard<'a> {
    text: &'a str,
    at: usize,
    plain: Vec<u8>,
    faults: Vec<Fault>,
    pieces: Vec<Piece>,
    /// Where the piece begins, how many faults there were, and whether it is hidden.
    piece: (usize, usize, bool),
    open: Vec<Open>,
    annotation: Option<usize>,
    hold: Hold,
    /// Whether the node has begun, had its block, holds a `/-`.
    begun: bool,
    closed: bool,
    hides: bool,
    /// Where the line begins, and whether it is blank so far.
    line: (usize, bool),
    margin: usize,
}

/// Looks at the text once.
pub(super) fn guard(text: &str) -> Guarded {
    let mut guard = Guard {
        text,
        at: 0,
        plain: text.as_bytes().to_vec(),
        faults: Vec::new(),
        pieces: Vec::new(),
        piece: (0, 0, false),
        open: Vec::new(),
        annotation: None,
        hold: Hold::Nothing,
        begun: false,
        closed: false,
        hides: false,
        line: (0, true),
        margin: 0,
    };
    if text.starts_with('\u{feff}') {
        guard.at = '\u{feff}'.len_utf8();
        guard.fill(0..guard.at, b' ');
        guard.line.0 = guard.at;
    }
    while guard.faults.len() < ENOUGH && guard.step() {}
    guard.finish();
    // Only whole characters are replaced, by ASCII.
    let plain = String::from_utf8(guard.plain).unwrap_or_default();
    Guarded { plain, pieces: guard.pieces, faults: guard.faults }
}

impl Guard<'_> {
    fn fault(&mut self, at: Range<usize>, message: impl Into<String>, help: &str) -> &mut Fault {
        let at = Extent { start: at.start, end: at.end };
        let help = Some(help.to_owned());
        self.faults.push(Fault { kind: FaultKind::Syntax, at, message: message.into(), help, related: None });
        let last = self.faults.len() - 1;
        &mut self.faults[last]
    }

    fn fill(&mut self, at: Range<usize>, with: u8) {
        self.plain[at].fill(with);
    }

    /// Passes one token; whether there was one.
    fn step(&mut self) -> bool {
        let (start, rest) = (self.at, &self.text[self.at..]);
        let Some(next) = rest.chars().next() else { return false };
        self.at += newline(rest).unwrap_or(next.len_utf8());
        if newline(rest).is_some() {
            if self.hold == Hold::Nothing {
                self.end_node(start, self.at);
            } else if self.hold == Hold::Line {
                self.hold = Hold::Nothing;
            }
            self.line = (self.at, true);
        } else if is_space(next) {
        } else if let Some(length) = comment(rest) {
            self.comment(start, length);
        } else if is_disallowed(next) {
            self.at = start + (rest.len() - rest.trim_start_matches(is_disallowed).len());
            self.characters(start..self.at, "Remove it");
            self.fill(start..self.at, b' ');
        } else {
            self.token(start, next);
        }
        true
    }

    fn token(&mut self, start: usize, next: char) {
        let rest = &self.text[start..];
        let hides = rest.starts_with("/-");
        if replace(&mut self.line.1, false) {
            self.margin = start - self.line.0;
            if let Some(open) = self.open.last_mut().filter(|open| next != '}' && self.margin <= open.margin) {
                open.outside.get_or_insert(start);
            }
        }
        if replace(&mut self.closed, false) && !hides && !matches!(next, '}' | ';') {
            self.fault(
                stray(self.text, start).range(),
                "A block ends its node; nothing may follow it on the line",
                "Begin a new line after the `}`",
            );
            self.end_node(start, start);
            if self.plain[start - 1] == b' ' {
                self.plain[start - 1] = b'\n';
            }
        }
        let was = replace(&mut self.hold, Hold::Nothing);
        if let Hold::Hidden(mark) = was
            && (hides || matches!(next, '}' | ';'))
        {
            self.nothing_hidden(mark);
        }
        if matches!(next, '{' | '}' | '(' | ';' | '=') {
            self.end_annotation();
        }
        match next {
            _ if hides => {
                self.at += 1;
                self.hold = Hold::Hidden(start);
                if self.open.is_empty() && !self.begun {
                    self.piece.2 = true;
                    self.fill(start..self.at, b' ');
                } else {
                    self.hides = true;
                }
                return;
            }
            '{' => return self.open_block(start, was),
            '}' if !self.open.is_empty() => {
                // Other blocks may follow one that is hidden.
                self.closed = self.open.pop().is_some_and(|open| !open.marked);
                self.hides = false;
            }
            '}' | ')' if next == '}' || self.annotation.take().is_none() => {
                self.fault(start..self.at, format!("Nothing is open that this `{next}` could close"), "Remove it");
                self.fill(start..self.at, b' ');
                return;
            }
            ';' if self.begun && was == Hold::Nothing => {
                self.plain[start] = b'\n';
                return self.end_node(start, self.at);
            }
            ';' if !self.begun && was == Hold::Nothing => {
                if !self.text[..start].trim_end_matches(is_blank).ends_with(';') {
                    self.fault(start..self.at, "Nothing stands before this `;`", "Remove it");
                }
                self.fill(start..self.at, b' ');
                return;
            }
            '[' if self.text[..start].ends_with(|last| is_blank(last) || matches!(last, '{' | '=' | '[')) => {
                let help = "Write the values after each other, separated by spaces: `\"a\" \"b\"`";
                self.follower(start..self.at, "Lists have no brackets", help);
                self.fill(start..self.at, b' ');
            }
            '(' => self.annotation = Some(start),
            '\\' => return self.hold = Hold::Line,
            '"' | '#' if let Some(text) = Text::measure(rest) => self.text(start, text),
            _ => {
                self.at = self.at.max(start + hashes(rest));
                self.at += self.text[self.at..].find(|next| !is_word(next)).unwrap_or(self.text.len() - self.at);
            }
        }
        self.begun = true;
    }

    /// The end of a node at `end`, where the next begins at `next`.
    fn end_node(&mut self, end: usize, next: usize) {
        self.end_annotation();
        if self.open.is_empty() {
            let (start, faults, hidden) = replace(&mut self.piece, (next, self.faults.len(), false));
            if self.begun {
                let faults = faults..self.faults.len();
                self.pieces.push(Piece { at: Extent { start, end }, hidden, unclosed: 0, faults });
            }
        }
        (self.begun, self.closed, self.hides) = (false, false, false);
    }

    fn end_annotation(&mut self) {
        if let Some(start) = self.annotation.take() {
            let help = "Remove it, or quote the text that it belongs to";
            self.fault(start..start + 1, "This `(` begins no complete type annotation", help);
            self.fill(start..start + 1, b' ');
        }
    }

    fn nothing_hidden(&mut self, mark: usize) {
        self.fault(mark..mark + 2, "Nothing follows this `/-` that it could hide", "Remove it");
        self.fill(mark..mark + 2, b' ');
        self.piece.2 &= self.begun;
    }

    fn open_block(&mut self, brace: usize, was: Hold) {
        let hidden = self.open.last().map_or(0, |open| open.hidden) + usize::from(self.hides);
        if self.open.len() < DEPTH && hidden <= HIDDEN {
            self.open.push(Open { brace, margin: self.margin, outside: None, marked: was != Hold::Nothing, hidden });
            (self.begun, self.hides) = (false, false);
            return;
        }
        let (message, help) = if hidden > HIDDEN {
            (
                format!("More than {HIDDEN} blocks in each other are hidden by `/-`"),
                Some("Remove the inner `/-`".to_owned()),
            )
        } else {
            (format!("Blocks are nested more than {DEPTH} deep"), None)
        };
        let fault = self.fault(brace..brace + 1, message, "");
        (fault.kind, fault.help) = (FaultKind::Depth, help);
        // What is too deep is left out, without recursion.
        let mut depth = 1_usize;
        while let (Some(next), true) = (self.text[self.at..].chars().next(), depth > 0) {
            let rest = &self.text[self.at..];
            let passed = comment(rest).map(|(length, _)| length);
            let passed = passed.or_else(|| Text::measure(rest).map(|text| text.length));
            depth = match next {
                '{' => depth + 1,
                '}' => depth - 1,
                _ => depth,
            };
            self.at += passed.unwrap_or(hashes(rest).max(next.len_utf8()));
        }
        let start = if let Hold::Hidden(mark) = was { mark } else { brace };
        self.fill(start..self.at, b' ');
        self.begun = true;
    }

    fn comment(&mut self, start: usize, (length, ends): (usize, bool)) {
        if !ends {
            let help = if self.text[..start].ends_with(is_word) {
                "A glob such as `\"**/*.ts\"` must be quoted"
            } else {
                "Add the `*/` that ends it"
            };
            self.fault(start..start + 2, "This `/*` begins a comment that never ends", help);
        }
        self.at = start + length;
        self.characters(start..self.at, "Remove it");
        self.fill(start..self.at, b' ');
    }

    fn text(&mut self, start: usize, text: Text) {
        self.at = start + text.length;
        let before = &self.text[..start];
        let apart = self.plain[..start].last().is_none_or(|&last| last == b' ') || before.ends_with("/-");
        let after = &self.text[self.at..];
        let follows = |next: char| !is_blank(next) && !matches!(next, ';' | '{' | '}' | '(' | ')' | '=' | '/' | '\\');
        if let Some((message, help)) = text.fault {
            self.fault(start..start + text.shown, message, &help);
        } else if !apart
            && !before.ends_with(|last| is_blank(last) || matches!(last, '{' | '}' | '(' | ')' | '=' | ';'))
        {
            self.space_missing(start..self.at);
        } else if after.starts_with(follows) {
            self.space_missing(stray(self.text, self.at).range());
        } else {
            self.characters(start..self.at, "Remove it, or write it as an escape such as `\\u{0}`");
        }
        self.fill(start..self.at, b'x');
    }

    /// Records a fault, unless it follows from one on the same line.
    fn follower(&mut self, at: Range<usize>, message: impl Into<String>, help: &str) {
        if self.faults[self.piece.1..].last().is_none_or(|last| last.at.start < self.line.0) {
            self.fault(at, message, help);
        }
    }

    fn space_missing(&mut self, at: Range<usize>) {
        let spelled = &self.text[at.clone()];
        let help = if spelled.starts_with([':', ',']) {
            "The file is KDL, not JSON: write a name, then its values, with spaces between them"
        } else {
            "Separate values by spaces, and quote a text that holds special characters"
        };
        self.follower(at, format!("A space is missing before {}", quoted(spelled)), help);
    }

    /// Refuses the first character that KDL forbids.
    fn characters(&mut self, within: Range<usize>, help: &str) {
        let found = self.text[within.clone()].char_indices().find(|&(_, next)| is_disallowed(next));
        if let Some((offset, next)) = found {
            let start = within.start + offset;
            let message = match next {
                '\u{feff}' => "A byte-order mark stands in the middle of the text".to_owned(),
                next => format!("The character U+{:04X} cannot be written here", u32::from(next)),
            };
            self.fault(start..start + next.len_utf8(), message, help);
        }
    }

    fn finish(&mut self) {
        if let Hold::Hidden(mark) = self.hold {
            self.nothing_hidden(mark);
        }
        self.end_annotation();
        let (start, known, hidden) = self.piece;
        let unclosed = self.open.len();
        // Where something else is wrong, that has swallowed the brace.
        let swallowed = self.faults[known..].iter().any(|fault| fault.kind == FaultKind::Syntax);
        for open in take(&mut self.open).into_iter().filter(|_| !swallowed) {
            let fault =
                self.fault(open.brace..open.brace + 1, "This `{` is never closed", "Add the `}` that ends the block");
            if let Some(outside) = open.outside {
                fault.help = Some("Add a `}` before the line that begins here".to_owned());
                let at = stray(self.text, outside);
                let last = self.faults.len() - 1;
                self.faults[last].related = Some(("By its margin, this is not in the block any more".to_owned(), at));
            }
        }
        if self.begun || unclosed > 0 {
            let at = Extent { start, end: self.at };
            self.pieces.push(Piece { at, hidden, unclosed, faults: known..self.faults.len() });
        }
    }
}
