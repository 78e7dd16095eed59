//! A path segment of literals and parameters, such as `v:version.json`.

use webstir_contract::path_pattern::Part;

/// Between two parameters there is a literal. Each parameter takes as much as it can, at least one character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MixedSegment {
    /// What the segment starts with.
    prefix: String,
    /// For each parameter the literal after it; only the last may be empty.
    after: Vec<String>,
}

/// The names of the parameters, in order.
pub(super) fn names(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        Part::Parameter(name) => Some(name.as_str()),
        Part::Literal(_) => None,
    })
}

impl MixedSegment {
    pub(super) fn new(parts: &[Part]) -> Self {
        let mut segment = Self { prefix: String::new(), after: Vec::new() };
        for part in parts {
            match (part, segment.after.last_mut()) {
                (Part::Parameter(_), _) => segment.after.push(String::new()),
                (Part::Literal(text), Some(after)) => after.push_str(text),
                (Part::Literal(text), None) => segment.prefix.push_str(text),
            }
        }
        segment
    }

    /// What the parameters stand for. From the end: a parameter that takes as much as it can leaves the last occurrence of what
    /// follows it to the literal, and so do all before it, so nothing has to be tried twice.
    pub(super) fn captures(&self, text: &str) -> Option<Vec<String>> {
        let mut rest = text.strip_prefix(self.prefix.as_str())?;
        let (last, inner) = self.after.split_last()?;
        rest = rest.strip_suffix(last.as_str())?;
        let mut values = Vec::with_capacity(self.after.len());
        for literal in inner.iter().rev() {
            let end = rest.char_indices().next_back()?.0;
            // One character at least is left for the parameter after the literal.
            let place = rest[..end].rfind(literal.as_str())?;
            values.push(rest[place + literal.len()..].to_owned());
            rest = &rest[..place];
        }
        if rest.is_empty() {
            return None;
        }
        values.push(rest.to_owned());
        values.reverse();
        Some(values)
    }
}
