//! The KDL 2 reader: text in, [`Node`]s and [`Fault`]s out, never a failure.
//!
//! It follows <https://kdl.dev/spec/>. A fault costs the node it is in, not the document; the nodes around it are read. The reader
//! takes time linear in the text and recurses no deeper than [`DEPTH`] blocks, both of which hostile text can break in the `kdl`
//! crate (a run of `)` overflows its stack, nested `/-{` doubles its time twice a level). That crate is the oracle of the tests here.

mod text;
mod words;

use std::ops::Range;

pub(super) use self::words::{is_bare, needs_escape};

/// The deepest block that is read.
pub(super) const DEPTH: usize = 16;

/// Bytes `start..end` of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Extent {
    fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the start of this one to the end of `other`.
    pub(super) fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end.max(self.end) }
    }

    fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// A text and where it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) at: Extent,
}

/// A value as KDL knows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Text(String),
    Integer(i128),
    /// A number with a fraction or an exponent, one beyond 128 bits, `#inf`, `#-inf` or `#nan`.
    Float(f64),
    Boolean(bool),
    Null,
}

/// An argument, or a property when it is named.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) name: Option<Written>,
    pub(super) value: Scalar,
    /// The value alone, without the name.
    pub(super) at: Extent,
    /// The type annotation in front of the value.
    pub(super) annotation: Option<Extent>,
}

/// One node and what is below it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) name: Written,
    pub(super) annotation: Option<Extent>,
    pub(super) entries: Vec<Entry>,
    /// `None` when there is no block.
    pub(super) children: Option<Vec<Node>>,
    /// The block with its braces; empty and after the header when there is none.
    pub(super) block: Extent,
    /// Whether something in it could not be read.
    pub(super) faulty: bool,
}

impl Node {
    /// The node without its block.
    pub(super) fn header(&self) -> Extent {
        self.entries.last().map_or(self.name.at, |entry| self.name.at.to(entry.at))
    }
}

/// What about a [`Fault`] is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    Syntax,
    Depth,
}

/// Text that is not KDL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    pub(super) at: Extent,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) related: Option<(String, Extent)>,
}

/// Everything that was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Document {
    pub(super) nodes: Vec<Node>,
    pub(super) faults: Vec<Fault>,
}

/// Reads a whole document.
pub(super) fn read(text: &str) -> Document {
    let mut reader = Reader { text, at: 0, faults: Vec::new(), runaway: false };
    if text.starts_with('\u{feff}') {
        reader.at = '\u{feff}'.len_utf8();
    }
    let nodes = reader.nodes(0);
    Document { nodes, faults: reader.faults }
}

/// The node could not be read further; the fault is recorded.
struct Broken;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    faults: Vec<Fault>,
    /// Whether a comment or text runs to the end of the document, so that everything else is unclosed too.
    runaway: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn looking_at(&self, prefix: &str) -> bool {
        self.rest().starts_with(prefix)
    }

    fn take(&mut self, prefix: &str) -> bool {
        let found = self.looking_at(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    fn fault(&mut self, at: Extent, message: impl Into<String>) -> &mut Fault {
        self.faults.push(Fault { kind: FaultKind::Syntax, at, message: message.into(), help: None, related: None });
        let last = self.faults.len() - 1;
        &mut self.faults[last]
    }

    /// The nodes up to the end of the text or, inside a block, up to its closing brace, which stays.
    fn nodes(&mut self, depth: usize) -> Vec<Node> {
        let mut nodes = Vec::new();
        loop {
            self.skip_line_space();
            match self.peek() {
                None => return nodes,
                Some('}') if depth > 0 => return nodes,
                Some('}') => {
                    let at = Extent::new(self.at, self.at + 1);
                    self.fault(at, "Nothing is open that this `}` could close").help = Some("Remove it".to_owned());
                    self.at += 1;
                }
                Some(';') => {
                    let at = Extent::new(self.at, self.at + 1);
                    self.fault(at, "Nothing stands before this `;`").help = Some("Remove it".to_owned());
                    while matches!(self.peek(), Some(';')) {
                        self.at += 1;
                        self.skip_line_space();
                    }
                }
                Some('{') => {
                    let at = Extent::new(self.at, self.at + 1);
                    let first = self.text[..self.at].trim_start_matches('\u{feff}').trim().is_empty();
                    self.fault(at, "This block belongs to no node").help = Some(if first {
                        "The file is KDL, not JSON: write `workspace { .. }`".to_owned()
                    } else {
                        "Write the node's name before the `{`, on the same line".to_owned()
                    });
                    self.block(depth, self.at);
                }
                Some(_) => {
                    let hidden = self.take("/-");
                    if hidden && !self.something_hidden() {
                        continue;
                    }
                    let faults = self.faults.len();
                    let node = self.node(depth);
                    if let Some(mut node) = node {
                        node.faulty = self.faults.len() > faults;
                        if !hidden {
                            nodes.push(node);
                        }
                    }
                }
            }
        }
    }

    /// Moves from behind `/-` to what it hides; a fault when there is nothing.
    fn something_hidden(&mut self) -> bool {
        let mark = Extent::new(self.at - 2, self.at);
        self.skip_line_space();
        let found = !matches!(self.peek(), None | Some('}' | ';'));
        if !found {
            self.fault(mark, "Nothing follows this `/-` that it could hide").help = Some("Remove it".to_owned());
        }
        found
    }

    /// One node with its terminator; `None` when not even its name can be read.
    fn node(&mut self, depth: usize) -> Option<Node> {
        let read = self.annotation().and_then(|annotation| Ok((annotation, self.node_name()?)));
        let Ok((annotation, name)) = read else {
            self.recover(depth);
            return None;
        };
        let mut node = Node {
            block: Extent::new(name.at.end, name.at.end),
            name,
            annotation,
            entries: Vec::new(),
            children: None,
            faulty: false,
        };
        if self.rest_of_node(&mut node, depth).is_err() {
            self.recover(depth);
        }
        Some(node)
    }

    fn node_name(&mut self) -> Result<Written, Broken> {
        self.skip_node_space();
        let start = self.at;
        if let Some(written) = self.string()? {
            return Ok(written);
        }
        if self.peek().is_some_and(words::is_disallowed) {
            return Err(self.not_a_value());
        }
        let at = self.stray();
        let spelled = &self.text[at.range()];
        let message = format!("{} cannot be the name of a node", quoted(spelled));
        self.at = start;
        self.fault(at, message).help =
            Some("A node begins with a name such as `profile`; quote names that hold other characters".to_owned());
        Err(Broken)
    }

    fn rest_of_node(&mut self, node: &mut Node, depth: usize) -> Result<(), Broken> {
        loop {
            let spaced = self.skip_node_space();
            let start = self.at;
            let Some(next) = self.peek() else { return Ok(()) };
            if next == ';' || words::newline(self.rest()).is_some() || self.looking_at("//") {
                self.end_of_line();
                return Ok(());
            }
            if next == '}' {
                return Ok(());
            }
            if self.take("/-") {
                if !self.something_hidden() {
                    return Ok(());
                }
                if self.peek() == Some('{') {
                    self.block(depth, start);
                } else {
                    self.entry()?;
                }
                continue;
            }
            if node.children.is_some() {
                let at = self.stray();
                self.fault(at, "A block ends its node; nothing may follow it on the line").help =
                    Some("Begin a new line after the `}`".to_owned());
                return Err(Broken);
            }
            if next == '{' {
                let open = Extent::new(self.at, self.at + 1);
                node.children = Some(self.block(depth, node.name.at.start));
                node.block = Extent::new(open.start, self.at);
                continue;
            }
            if !spaced {
                let at = Extent::new(start, start + next.len_utf8());
                return Err(self.space_missing(at));
            }
            let entry = self.entry()?;
            node.entries.push(entry);
        }
    }

    /// A block with its braces. `owner` is where the node begins that it belongs to.
    fn block(&mut self, depth: usize, owner: usize) -> Vec<Node> {
        let open = Extent::new(self.at, self.at + 1);
        self.at += 1;
        if depth + 1 > DEPTH {
            let fault = self.fault(open, format!("Blocks are nested more than {DEPTH} deep"));
            fault.kind = FaultKind::Depth;
            self.skip_block();
            return Vec::new();
        }
        let mut nodes = self.nodes(depth + 1);
        if !self.take("}") && !self.runaway {
            // The first node that is written no further in than the owner of the block was most likely meant to stand beside it.
            let margin = self.margin(owner);
            let outside = nodes.iter().position(|node| {
                self.margin(node.name.at.start).zip(margin).is_some_and(|(inner, outer)| inner <= outer)
            });
            let first = outside.map(|index| nodes[index].name.at);
            nodes.truncate(outside.unwrap_or(nodes.len()));
            let fault = self.fault(open, "This `{` is never closed");
            match first {
                Some(at) => {
                    fault.help = Some("Add a `}` before the line that begins here".to_owned());
                    fault.related = Some(("By its margin, this is not in the block any more".to_owned(), at));
                }
                None => fault.help = Some("Add the `}` that ends the block".to_owned()),
            }
        }
        nodes
    }

    /// Leaves a block that is not read, without recursion.
    fn skip_block(&mut self) {
        let mut open = 1_usize;
        while let Some(next) = self.peek() {
            match next {
                '{' => open += 1,
                '}' => open -= 1,
                '"' => self.skip_text(),
                '/' if self.looking_at("//") || self.looking_at("/*") => {
                    self.skip_comment();
                    continue;
                }
                _ => {}
            }
            if next != '"' {
                self.at += next.len_utf8();
            }
            if open == 0 {
                return;
            }
        }
    }

    /// Moves past the quoted text that begins here, to its end or to the end of its line.
    fn skip_text(&mut self) {
        self.at += 1;
        while let Some(next) = self.peek() {
            if words::newline(self.rest()).is_some() {
                return;
            }
            self.at += next.len_utf8();
            match next {
                '"' => return,
                '\\' => self.at += self.peek().map_or(0, char::len_utf8),
                _ => {}
            }
        }
    }

    /// Leaves a broken node: to the end of its line, over the blocks it opens, but not over the brace that closes its parent.
    fn recover(&mut self, depth: usize) {
        while let Some(next) = self.peek() {
            if next == ';' || words::newline(self.rest()).is_some() || self.looking_at("//") {
                self.end_of_line();
                return;
            }
            match next {
                '}' if depth > 0 => return,
                '{' => {
                    self.at += 1;
                    self.skip_block();
                }
                '"' => self.skip_text(),
                _ => self.at += next.len_utf8(),
            }
        }
    }

    fn space_missing(&mut self, at: Extent) -> Broken {
        let spelled = &self.text[at.range()];
        let help = if spelled.starts_with([':', ',']) {
            "The file is KDL, not JSON: write a name, then its values, with spaces between them"
        } else {
            "Separate values by spaces, and quote a text that holds special characters"
        };
        self.fault(at, format!("A space is missing before {}", quoted(spelled))).help = Some(help.to_owned());
        Broken
    }

    fn entry(&mut self) -> Result<Entry, Broken> {
        let annotation = self.annotation()?;
        if annotation.is_none()
            && let Some(written) = self.string()?
        {
            let (after, faults) = (self.at, self.faults.len());
            self.skip_node_space();
            if !self.take("=") {
                // The space is passed again, by whoever comes next.
                self.at = after;
                self.faults.truncate(faults);
                return Ok(Entry { name: None, value: Scalar::Text(written.text), at: written.at, annotation });
            }
            self.skip_node_space();
            let annotation = self.annotation()?;
            let Some((value, at)) = self.scalar()? else {
                let at = written.at.to(Extent::new(after, after));
                let message = format!("The property {} has no value", quoted(&written.text));
                self.fault(at, message).help = Some(format!("Write the value directly after `{}=`", written.text));
                return Err(Broken);
            };
            return Ok(Entry { name: Some(written), value, at, annotation });
        }
        match self.scalar()? {
            Some((value, at)) => Ok(Entry { name: None, value, at, annotation }),
            None => Err(self.not_a_value()),
        }
    }

    fn not_a_value(&mut self) -> Broken {
        let start = self.at;
        let stray = self.stray();
        self.at = start;
        let first = Extent::new(start, start + self.peek().map_or(0, char::len_utf8));
        let (at, message, help) = match self.peek() {
            Some('=') => (first, "This `=` has no name before it".to_owned(), "Write properties as `name=value`"),
            Some('\u{feff}') => (first, "A byte-order mark stands in the middle of the text".to_owned(), "Remove it"),
            Some('[') => (
                first,
                "Lists have no brackets".to_owned(),
                "Write the values after each other, separated by spaces: `\"a\" \"b\"`",
            ),
            Some(character) if words::is_disallowed(character) => {
                (first, format!("The character U+{:04X} cannot be written here", u32::from(character)), "Remove it")
            }
            _ => (
                stray,
                format!("{} is not a value", quoted(&self.text[stray.range()])),
                "Values are quoted texts, bare words, numbers, `#true` and `#false`",
            ),
        };
        self.fault(at, message).help = Some(help.to_owned());
        Broken
    }

    /// `(name)` in front of a node or a value.
    fn annotation(&mut self) -> Result<Option<Extent>, Broken> {
        let start = self.at;
        if !self.take("(") {
            return Ok(None);
        }
        self.skip_node_space();
        let read = self.string()?;
        self.skip_node_space();
        if read.is_none() || !self.take(")") {
            self.fault(Extent::new(start, start + 1), "This `(` begins no complete type annotation").help =
                Some("Remove it, or quote the text that it belongs to".to_owned());
            return Err(Broken);
        }
        let at = Extent::new(start, self.at);
        self.skip_node_space();
        Ok(Some(at))
    }

    /// The width of the margin before `offset`; `None` when it is not the first thing on its line.
    fn margin(&self, offset: usize) -> Option<usize> {
        let before = &self.text[..offset];
        let line = before.trim_end_matches([' ', '\t']);
        let first = line.is_empty() || line.ends_with(words::NEWLINES) || line == "\u{feff}";
        first.then(|| before.len() - line.len())
    }
}

/// The text in backticks, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let shown: String = shown.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if shown.is_empty() { "nothing".to_owned() } else { format!("`{shown}`") }
}

#[cfg(test)]
mod tests;
