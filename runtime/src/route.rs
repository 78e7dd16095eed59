//! Which route a request belongs to.
//!
//! A [`RouteTable`] is a tree of path segments, built once. Of all routes whose pattern matches a path, the one declared first
//! serves it; what is literal in a pattern is literal in a path. Paths are compared decoded, segment by segment, so that an
//! escaped slash stays within its segment.

mod segment;

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::Method;
use percent_encoding::percent_decode_str;
use rustc_hash::FxHashMap;
use webstir_contract::path_pattern::{PathPattern, Segment};

use segment::MixedSegment;

/// Routes by path. An index is the place of a route in the order of declaration.
#[derive(Debug, Default)]
pub struct RouteTable {
    root: Node,
    entries: BTreeMap<usize, Entry>,
}

#[derive(Debug)]
struct Entry {
    method: Method,
    pattern: PathPattern,
}

#[derive(Debug, Default)]
struct Node {
    literals: FxHashMap<String, Node>,
    parameter: Option<Box<Node>>,
    mixed: Vec<(MixedSegment, Node)>,
    /// Routes that end here, in order of declaration.
    ends: Vec<usize>,
}

/// What is served at a path.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A route of that method.
    Route {
        index: usize,
        parameters: Vec<(String, String)>,
    },
    /// Only routes of other methods, which are sorted; with GET there is HEAD.
    OtherMethods(Vec<Method>),
    Nothing,
}

/// A path that is not text when decoded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("The path of the request is not valid")]
pub struct MalformedPath;

/// A request's path: normalised, split and decoded.
#[derive(Debug)]
pub struct RequestPath<'a> {
    normalised: &'a str,
    segments: Vec<Cow<'a, str>>,
}

impl<'a> RequestPath<'a> {
    /// Drops up to two slashes at the end, as clients of the existing system expect.
    pub fn parse(path: &'a str) -> Result<Self, MalformedPath> {
        let once = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
        let twice = if once.len() > 1 { once.strip_suffix('/').unwrap_or(once) } else { once };
        let inner = twice.strip_prefix('/').ok_or(MalformedPath)?;
        let segments = inner.split('/').map(decode).collect::<Result<_, _>>()?;
        Ok(Self { normalised: once, segments })
    }

    /// With one slash at the end dropped, still encoded.
    pub fn as_str(&self) -> &'a str {
        self.normalised
    }

    /// Decoded segments; the root has one empty segment.
    pub fn segments(&self) -> &[Cow<'a, str>] {
        &self.segments
    }
}

/// A control character has no place in a path: NUL would end it elsewhere.
fn decode(segment: &str) -> Result<Cow<'_, str>, MalformedPath> {
    let mut escapes = segment.split('%').skip(1);
    if escapes.any(|escape| escape.len() < 2 || !escape.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit)) {
        return Err(MalformedPath);
    }
    let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| MalformedPath)?;
    if decoded.contains(|c: char| c.is_control()) { Err(MalformedPath) } else { Ok(decoded) }
}

impl RouteTable {
    /// Adds a route; `index` grows from call to call.
    pub fn add(&mut self, index: usize, method: Method, pattern: PathPattern) {
        let mut node = &mut self.root;
        for segment in pattern.segments() {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
                Segment::Mixed(parts) => {
                    let mixed = MixedSegment::new(parts);
                    let place = node.mixed.iter().position(|(other, _)| *other == mixed).unwrap_or(node.mixed.len());
                    if place == node.mixed.len() {
                        node.mixed.push((mixed, Node::default()));
                    }
                    &mut node.mixed[place].1
                }
            };
        }
        node.ends.push(index);
        self.entries.insert(index, Entry { method, pattern });
    }

    /// The route that serves a request. HEAD is served by GET when no route of its own comes first.
    pub fn find(&self, method: &Method, path: &RequestPath<'_>) -> Found {
        let mut ends = Vec::new();
        self.root.collect(path.segments(), &mut ends);
        ends.sort_unstable();
        let serves = |index: &&usize| {
            let declared = &self.entries[*index].method;
            declared == method || (method == Method::HEAD && declared == Method::GET)
        };
        if let Some(&index) = ends.iter().find(serves) {
            return Found::Route { index, parameters: self.parameters(index, path) };
        }
        if ends.is_empty() {
            return Found::Nothing;
        }
        let mut methods: Vec<Method> = ends.iter().map(|index| self.entries[index].method.clone()).collect();
        if methods.contains(&Method::GET) {
            methods.push(Method::HEAD);
        }
        methods.sort_by(|first, second| first.as_str().cmp(second.as_str()));
        methods.dedup();
        Found::OtherMethods(methods)
    }

    fn parameters(&self, index: usize, path: &RequestPath<'_>) -> Vec<(String, String)> {
        let mut parameters = Vec::new();
        for (segment, text) in self.entries[&index].pattern.segments().iter().zip(path.segments()) {
            match segment {
                Segment::Literal(_) => {}
                Segment::Parameter(name) => parameters.push((name.clone(), text.to_string())),
                Segment::Mixed(parts) => {
                    let values = MixedSegment::new(parts).captures(text).unwrap_or_default();
                    parameters.extend(segment::names(parts).map(str::to_owned).zip(values));
                }
            }
        }
        parameters
    }
}

impl Node {
    /// Visits each node at most once: there is one way to each.
    fn collect(&self, segments: &[Cow<'_, str>], ends: &mut Vec<usize>) {
        let Some((first, rest)) = segments.split_first() else {
            ends.extend(&self.ends);
            return;
        };
        if let Some(node) = self.literals.get(&**first) {
            node.collect(rest, ends);
        }
        if let Some(node) = &self.parameter
            && !first.is_empty()
        {
            node.collect(rest, ends);
        }
        for (mixed, node) in &self.mixed {
            if mixed.captures(first).is_some() {
                node.collect(rest, ends);
            }
        }
    }
}

#[cfg(test)]
mod tests;
