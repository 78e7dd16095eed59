//! KDL 2 as data: text in, [`Node`]s and [`Fault`]s out, never a failure.
//!
//! The crate `kdl` parses, by <https://kdl.dev/spec/>. It sees the text one top-level node at a time and only after the [`guard`],
//! which keeps from it what overflows its stack or takes it more than linear time. A fault costs the top-level node it is in; the
//! nodes around it are read.

mod characters;
mod convert;
mod faults;
mod guard;
mod text;

use std::ops::Range;

pub(super) use self::characters::{is_bare, needs_escape};

/// The deepest block that is read.
pub(super) const DEPTH: usize = 16;

/// As many faults as are looked for; a text with more has one cause, or means harm.
const ENOUGH: usize = 128;

/// Bytes `start..end` of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Extent {
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
    let guarded = guard::guard(text);
    let (mut nodes, mut faults) = (Vec::new(), guarded.faults);
    for piece in &guarded.pieces {
        if faults.len() >= ENOUGH {
            break;
        }
        // The faults of the guard come first and are in the order of the text.
        let known = piece.faults.clone();
        let sound = faults[known.clone()].iter().all(|fault| fault.kind == FaultKind::Depth);
        match convert::node(text, &guarded.plain, piece, sound) {
            Ok(node) => nodes.extend(node.filter(|_| !piece.hidden)),
            Err(found) => {
                let found = faults::new_ones(text, &faults[known], found);
                faults.extend(found);
            }
        }
    }
    faults.sort_by_key(|fault| (fault.at.start, fault.at.end));
    Document { nodes, faults }
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
