//! How deep a source nests, and a stack that is large enough for it.
//!
//! Parsing, transforming, printing and even dropping a syntax tree recurse as deep as the tree. [`Nesting::of`] bounds that
//! depth from the text alone, in one pass over the bytes; [`Nesting::run`] then works on a stack of the size that the bound
//! asks for. Sources beyond [`MAX_DEPTH`] are refused before they are parsed.

use std::thread;

/// How many brackets may be open at once. JavaScript engines refuse sources a few thousand levels deep as well.
pub(super) const MAX_DEPTH: u32 = 2_000;

/// How many tokens one statement may chain without a separator, for example in `a + a + a`.
pub(super) const MAX_CHAIN: u32 = 400_000;

/// Stack that every caller is trusted to have left.
const INLINE_STACK: usize = 768 * 1024;
/// Costs of one open bracket and of one chained token, the most of parser, passes, printer and drop. Unoptimised frames are
/// several times larger.
const BRACKET_COST: usize = if cfg!(debug_assertions) { 48 * 1024 } else { 16 * 1024 };
const TOKEN_COST: usize = if cfg!(debug_assertions) { 8 * 1024 } else { 4 * 1024 };

/// A bound on the depth of the syntax tree of one text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Nesting {
    /// The most brackets (or JSX elements) open at once.
    pub(super) depth: u32,
    /// Where the limit was first exceeded, in bytes.
    pub(super) too_deep_at: Option<usize>,
    /// The most tokens on the way from the root to a token, separators reset.
    pub(super) chain: u32,
}

impl Nesting {
    /// Scans `text`. `jsx` counts open elements as brackets.
    pub(super) fn of(text: &str, jsx: bool) -> Self {
        let mut scan = Scan {
            bytes: text.as_bytes(),
            at: 0,
            jsx,
            levels: vec![Level::default()],
            before: Token::Start,
            elements: 0,
            chain: 0,
            nesting: Self::default(),
        };
        scan.run();
        scan.nesting
    }

    /// The stack this source needs, in bytes.
    fn stack(self) -> usize {
        self.depth as usize * BRACKET_COST + self.chain as usize * TOKEN_COST
    }

    /// Whether the stack of an ordinary thread may be too small.
    pub(super) fn is_deep(self) -> bool {
        self.stack() > INLINE_STACK
    }

    /// Runs `work` where the stack is large enough. A panic of `work` goes on in the caller.
    pub(super) fn run<T: Send>(self, work: impl FnOnce() -> T + Send) -> T {
        if !self.is_deep() {
            return work();
        }
        let spawned = thread::scope(|scope| {
            let builder = thread::Builder::new().name("deep source".to_owned()).stack_size(self.stack() + INLINE_STACK);
            builder.spawn_scoped(scope, work).map(thread::ScopedJoinHandle::join)
        });
        match spawned {
            Ok(Ok(value)) => value,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => panic!("no thread with a stack of {} bytes: {error}", self.stack()),
        }
    }
}

#[derive(Default)]
struct Level {
    tokens: u32,
    /// A separator was seen; it ends the chain unless `else` follows.
    ended: bool,
    /// The bracket closes a head such as `if (..)`, after which a statement goes on.
    head: bool,
    /// A template literal's `${`.
    template: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Start,
    /// An identifier, a literal, `]` or `}`: an operand may end here.
    Operand,
    /// `)` of a call or group.
    Group,
    /// `)` of `if (..)` and its like.
    Head,
    /// A keyword that opens a head.
    HeadWord,
    /// Anything after which an operand must follow.
    Operator,
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    jsx: bool,
    levels: Vec<Level>,
    before: Token,
    elements: u32,
    /// The sum of `tokens` over all open levels.
    chain: u32,
    nesting: Nesting,
}

impl Scan<'_> {
    fn run(&mut self) {
        let mut newline = false;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => {
                    newline = true;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'/' if self.peek(1) == Some(b'/') => self.skip_until(b"\n"),
                b'/' if self.peek(1) == Some(b'*') => {
                    self.at += 2;
                    self.skip_until(b"*/");
                }
                _ => {
                    self.token(byte, newline);
                    newline = false;
                }
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn skip_until(&mut self, end: &[u8]) {
        while self.at < self.bytes.len() && !self.bytes[self.at..].starts_with(end) {
            self.at += 1;
        }
        self.at = (self.at + end.len()).min(self.bytes.len());
        if end == b"\n" && self.at < self.bytes.len() {
            self.at -= 1;
        }
    }

    fn token(&mut self, byte: u8, newline: bool) {
        match byte {
            b'\'' | b'"' => {
                self.count(true, newline, false);
                self.string(byte);
                self.before = Token::Operand;
            }
            b'`' => {
                self.count(true, newline, false);
                self.at += 1;
                self.template();
            }
            b'(' | b'[' | b'{' => {
                self.count(false, newline, false);
                self.open(Level { head: byte == b'(' && self.before == Token::HeadWord, ..Level::default() });
                self.at += 1;
                self.before = Token::Operator;
            }
            b')' | b']' | b'}' => self.close(byte),
            b',' | b';' => {
                self.level().ended = true;
                self.before = Token::Operator;
                self.at += 1;
            }
            b'/' if self.before != Token::Operand && self.before != Token::Group && !self.jsx_slash() => {
                self.count(true, newline, false);
                self.regular_expression();
                self.before = Token::Operand;
            }
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | b'#' | b'@' | 0x80.. => self.word(newline),
            _ => {
                self.element(byte);
                self.count(false, newline, false);
                self.before = Token::Operator;
                self.at += 1;
            }
        }
    }

    fn level(&mut self) -> &mut Level {
        // `close` never removes the outermost level.
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    /// Counts one token; a statement boundary before it starts a new chain.
    fn count(&mut self, operand: bool, newline: bool, goes_on: bool) {
        let boundary = operand
            && !goes_on
            && match self.before {
                Token::Operand => true,
                Token::Group => newline,
                _ => false,
            };
        let level = self.level();
        let reset = (boundary || level.ended) && !goes_on;
        level.ended = false;
        let dropped = if reset { std::mem::take(&mut level.tokens) } else { 0 };
        level.tokens += 1;
        self.chain = self.chain - dropped + 1;
        self.nesting.chain = self.nesting.chain.max(self.chain);
    }

    fn open(&mut self, level: Level) {
        self.levels.push(level);
        self.deepen();
    }

    fn deepen(&mut self) {
        let depth = u32::try_from(self.levels.len() - 1).unwrap_or(u32::MAX).saturating_add(self.elements);
        if depth > self.nesting.depth {
            self.nesting.depth = depth;
            if depth > MAX_DEPTH && self.nesting.too_deep_at.is_none() {
                self.nesting.too_deep_at = Some(self.at);
            }
        }
    }

    fn close(&mut self, byte: u8) {
        self.at += 1;
        let mut closed = Level::default();
        if self.levels.len() > 1
            && let Some(level) = self.levels.pop()
        {
            self.chain -= level.tokens;
            closed = level;
        }
        self.before = match byte {
            b')' if closed.head => Token::Head,
            b')' => Token::Group,
            _ => Token::Operand,
        };
        if closed.template && byte == b'}' {
            self.template();
        }
    }

    /// Open elements of JSX. Type arguments look alike and are counted too: the bound grows, it never shrinks.
    fn element(&mut self, byte: u8) {
        if !self.jsx {
            return;
        }
        match (byte, self.peek(1)) {
            (b'<', Some(b'/')) | (b'/', Some(b'>')) => self.elements = self.elements.saturating_sub(1),
            (b'<', Some(b'a'..=b'z' | b'A'..=b'Z' | b'>')) if self.before != Token::Operand => {
                self.elements += 1;
                self.deepen();
            }
            _ => {}
        }
    }

    fn jsx_slash(&self) -> bool {
        self.jsx && (self.peek(1) == Some(b'>') || self.at > 0 && self.bytes[self.at - 1] == b'<')
    }

    fn string(&mut self, quote: u8) {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                // An unterminated string, or an apostrophe in JSX text.
                b'\n' => return,
                _ if byte == quote => return,
                _ => {}
            }
        }
    }

    fn template(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => self.at += 2,
                b'`' => {
                    self.at += 1;
                    self.before = Token::Operand;
                    return;
                }
                b'$' if self.peek(1) == Some(b'{') => {
                    self.open(Level { template: true, ..Level::default() });
                    self.at += 2;
                    self.before = Token::Operator;
                    return;
                }
                _ => self.at += 1,
            }
        }
    }

    fn regular_expression(&mut self) {
        self.at += 1;
        let mut class = false;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => self.at += 1,
                b'[' => class = true,
                b']' => class = false,
                // Not a regular expression after all.
                b'\n' => return,
                b'/' if !class => {
                    self.at += 1;
                    return;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn word(&mut self, newline: bool) {
        let start = self.at;
        while matches!(self.peek(0), Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | b'#' | b'@' | 0x80..))
        {
            self.at += 1;
        }
        let member = start > 0 && self.bytes[start - 1] == b'.';
        let (goes_on, after) = match &self.bytes[start..self.at] {
            _ if member => (false, Token::Operand),
            b"if" | b"while" | b"for" | b"with" => (self.before == Token::Operator, Token::HeadWord),
            b"else" => (true, Token::Operator),
            b"catch" | b"finally" => (true, Token::HeadWord),
            b"in" | b"instanceof" | b"as" | b"satisfies" | b"extends" | b"implements" | b"of" | b"from" | b"is" => {
                (true, Token::Operator)
            }
            b"typeof" | b"void" | b"delete" | b"new" | b"await" | b"yield" | b"return" | b"throw" | b"case" | b"do"
            | b"keyof" | b"infer" | b"async" | b"default" | b"export" => (false, Token::Operator),
            _ => (false, Token::Operand),
        };
        let operand = after != Token::Operator || !goes_on;
        // `else if`: the chain goes on although a statement ended before it.
        let goes_on = goes_on && !self.starts_statement(start);
        self.count(operand, newline, goes_on);
        self.before = after;
    }

    /// Whether a separator came right before the word at `start`, so that only `else` may go on.
    fn starts_statement(&mut self, start: usize) -> bool {
        let is_else = self.bytes[start..].starts_with(b"else") || self.bytes[start..].starts_with(b"catch");
        self.level().ended && !is_else
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(text: &str) -> u32 {
        Nesting::of(text, false).depth
    }

    fn chain(text: &str) -> u32 {
        Nesting::of(text, false).chain
    }

    #[test]
    fn counts_brackets_outside_of_literals() {
        assert_eq!(depth("f(a, [b, {c: 1}])"), 3);
        assert_eq!(depth("'(((' + \"[[[\" + `((( ${ f(1) }` // (((\n /* ((( */"), 2);
        assert_eq!(depth("const r = /[(/]((/; a(b)"), 1);
        assert_eq!(depth("a / b(c) / d"), 1);
        assert_eq!(Nesting::of("<a><b><c/></b></a>", true).depth, 3);
    }

    #[test]
    fn chains_end_at_statements() {
        let statement = "const a = b + c;\n";
        assert_eq!(chain(statement), chain(&statement.repeat(100)));
        let without_semicolons = "const a = b + c\nrun(a)\n";
        assert!(chain(&without_semicolons.repeat(100)) < 20);
        assert!(chain(&"function a() {}".repeat(100)) < 20);
    }

    #[test]
    fn chains_go_on_where_the_tree_does() {
        assert!(chain(&"a + ".repeat(500)) >= 1000);
        assert!(chain(&"if (a) ".repeat(500)) >= 500);
        assert!(chain(&"if (a)\n".repeat(500)) >= 500);
        assert!(chain(&"if (a) b; else ".repeat(500)) >= 500);
        assert!(chain(&"if (a) { b } else ".repeat(500)) >= 500);
        assert!(chain(&"a =>\n".repeat(500)) >= 500);
        assert!(chain(&"!".repeat(500)) >= 500);
        assert!(chain(&"a\n.b(c)".repeat(500)) >= 500);
    }

    #[test]
    fn limit_is_placed() {
        let text = "[".repeat(MAX_DEPTH as usize + 5);
        assert_eq!(Nesting::of(&text, false).too_deep_at, Some(MAX_DEPTH as usize));
    }
}
