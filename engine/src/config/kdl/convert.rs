//! From the nodes of the crate to ours, with the bytes that each part is written in.

use kdl::{KdlEntry, KdlIdentifier, KdlNode, KdlValue};

use super::guard::Piece;
use super::{Entry, Extent, Fault, Node, Scalar, Written, faults};

/// Parses one piece. `None` when it is not `sound`: the guard has found fault with it and changed what it means.
pub(super) fn node(text: &str, plain: &str, piece: &Piece, sound: bool) -> Result<Option<Node>, Vec<Fault>> {
    let plain = plain[piece.at.range()].trim_end_matches(' ');
    let parsed = if piece.unclosed > 0 {
        KdlNode::parse(&(plain.to_owned() + &"}".repeat(piece.unclosed)))
    } else {
        KdlNode::parse(plain)
    };
    let parsed = parsed.map_err(|error| faults::of(text, piece.at, &error.diagnostics))?;
    if !sound {
        return Ok(None);
    }
    let mut source = Source { text, plain, offset: piece.at.start, faults: Vec::new() };
    let node = source.node(&parsed);
    if source.faults.is_empty() { Ok(Some(node)) } else { Err(source.faults) }
}

struct Source<'a> {
    text: &'a str,
    /// The piece as it was parsed, without comments, each text as a bare word.
    plain: &'a str,
    /// Where the piece begins in the text.
    offset: usize,
    faults: Vec<Fault>,
}

impl Source<'_> {
    fn extent(&self, start: usize, end: usize) -> Extent {
        Extent { start: self.offset + start, end: self.offset + end }
    }

    fn node(&mut self, node: &KdlNode) -> Node {
        let name = self.written(node.name());
        let entries: Vec<Entry> = node.entries().iter().map(|entry| self.entry(entry)).collect();
        let format = node.format().cloned().unwrap_or_default();
        let header = entries.last().map_or(name.at.end, |entry| entry.at.end);
        let mut block = Extent { start: header, end: header };
        if node.children().is_some() {
            block.start += format.before_children.len();
            // Hidden blocks may follow, and white space. There are no other braces: comments and texts are gone.
            let end = node.span().offset() + node.span().len();
            let behind = self.plain[..end].rfind('}').map_or(end, |brace| brace + 1);
            block.end = self.offset + behind - format.before_terminator.len();
        }
        Node {
            name,
            annotation: node.ty().map(|ty| self.annotation(ty, &format.before_ty_name, &format.after_ty_name)),
            entries,
            children: node.children().map(|children| children.nodes().iter().map(|node| self.node(node)).collect()),
            block,
        }
    }

    fn entry(&mut self, entry: &KdlEntry) -> Entry {
        let format = entry.format().cloned().unwrap_or_default();
        // The entry ends with its value, which is as long as it is spelled.
        let end = entry.span().offset() + entry.span().len();
        let at = self.extent(end - format.value_repr.len(), end);
        let value = match entry.value() {
            KdlValue::String(word) => Scalar::Text(self.spelled(at, word)),
            KdlValue::Integer(number) => Scalar::Integer(*number),
            KdlValue::Float(number) => Scalar::Float(*number),
            KdlValue::Bool(boolean) => Scalar::Boolean(*boolean),
            KdlValue::Null => Scalar::Null,
        };
        Entry {
            name: entry.name().map(|name| self.written(name)),
            value,
            at,
            annotation: entry.ty().map(|ty| self.annotation(ty, &format.before_ty_name, &format.after_ty_name)),
        }
    }

    fn written(&mut self, name: &KdlIdentifier) -> Written {
        let at = self.extent(name.span().offset(), name.span().offset() + name.span().len());
        Written { text: self.spelled(at, name.value()), at }
    }

    /// With its parentheses.
    fn annotation(&mut self, name: &KdlIdentifier, before: &str, after: &str) -> Extent {
        let written = self.written(name);
        Extent { start: written.at.start - before.len() - 1, end: written.at.end + after.len() + 1 }
    }

    /// The bare word, or the text that the guard has put it in the place of.
    fn spelled(&mut self, at: Extent, word: &str) -> String {
        let spelled = &self.text[at.range()];
        if !spelled.starts_with(['"', '#']) {
            return word.to_owned();
        }
        match spelled.parse::<KdlIdentifier>() {
            Ok(text) => text.value().to_owned(),
            Err(error) => {
                self.faults.extend(faults::of_text(self.text, at, &error.diagnostics));
                String::new()
            }
        }
    }
}
