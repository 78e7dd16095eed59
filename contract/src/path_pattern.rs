//! Path patterns of routes and views.
//!
//! A *pattern* is a path whose segments may hold parameters: `:name` stands for one or more characters of a segment, also
//! within it (`/v:version.json`). Everything else is literal. Patterns and paths are *normalised*: a leading slash, no trailing
//! one. A parsed pattern *covers* another when it matches every path that the other matches.

use std::fmt;

use serde_json::Value;

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    segments: Vec<Segment>,
}

/// What stands between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Matches itself.
    Literal(String),
    /// `:name`, the whole segment.
    Parameter(String),
    /// Literals and parameters.
    Mixed(Vec<Part>),
}

/// A piece of a mixed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Matches itself.
    Literal(String),
    /// One or more characters.
    Parameter(String),
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternError {
    /// Two parameters have one name.
    RepeatedParameter(String),
    /// `:a:b`: where the first ends cannot be told.
    AdjacentParameters(String, String),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RepeatedParameter(name) => write!(f, "The parameter `:{name}` stands twice in the path"),
            Self::AdjacentParameters(first, second) => {
                write!(f, "Nothing separates the parameters `:{first}` and `:{second}`")
            }
        }
    }
}

impl std::error::Error for PatternError {}

/// A leading slash, no trailing one; the root is `/`.
pub fn normalise(path: &str) -> String {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// What makes two routes the same: the method, and the path with repeated slashes as one.
pub fn route_key(method: &str, path: &str) -> String {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    format!("{} /{}", method.to_uppercase(), segments.join("/"))
}

/// The key of a declared route. One without a method is a GET; one without a path has no key.
pub fn declared_route_key(route: &Value) -> Option<String> {
    let method = match route.get("method") {
        None => "GET",
        Some(method) => method.as_str().filter(|method| !method.is_empty())?,
    };
    let path = route.get("path")?.as_str().filter(|path| !path.is_empty())?;
    Some(route_key(method, path))
}

impl PathPattern {
    /// Parses and normalises.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let text = normalise(text);
        let mut names: Vec<String> = Vec::new();
        let mut segments = Vec::new();
        for segment in text.split('/').skip(1) {
            let parts = parts(segment);
            for part in &parts {
                let Part::Parameter(name) = part else { continue };
                if names.contains(name) {
                    return Err(PatternError::RepeatedParameter(name.clone()));
                }
                names.push(name.clone());
            }
            for pair in parts.windows(2) {
                if let [Part::Parameter(first), Part::Parameter(second)] = pair {
                    return Err(PatternError::AdjacentParameters(first.clone(), second.clone()));
                }
            }
            segments.push(match parts.as_slice() {
                [] => Segment::Literal(String::new()),
                [Part::Literal(text)] => Segment::Literal(text.clone()),
                [Part::Parameter(name)] => Segment::Parameter(name.clone()),
                _ => Segment::Mixed(parts),
            });
        }
        Ok(Self { text, segments })
    }

    /// The normalised text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its segments; the root has one empty literal.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether it surely matches every path that `other` matches. Of two mixed segments only equal ones are compared.
    pub fn covers(&self, other: &Self) -> bool {
        self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(|pair| match pair {
                // A parameter matches no empty segment.
                (Segment::Parameter(_), Segment::Literal(text)) => !text.is_empty(),
                (Segment::Parameter(_), _) => true,
                (Segment::Literal(first), Segment::Literal(second)) => first == second,
                (Segment::Mixed(first), Segment::Mixed(second)) => same_shape(first, second),
                _ => false,
            })
    }
}

fn same_shape(first: &[Part], second: &[Part]) -> bool {
    first.len() == second.len()
        && first.iter().zip(second).all(|pair| match pair {
            (Part::Literal(first), Part::Literal(second)) => first == second,
            (Part::Parameter(_), Part::Parameter(_)) => true,
            _ => false,
        })
}

/// A colon without a name is literal.
fn parts(segment: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = segment;
    while let Some(colon) = rest.find(':') {
        let after = &rest[colon + 1..];
        let length = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        literal.push_str(&rest[..colon]);
        if length == 0 {
            literal.push(':');
        } else {
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Parameter(after[..length].to_owned()));
        }
        rest = &after[length..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> PathPattern {
        PathPattern::parse(text).unwrap()
    }

    #[test]
    fn patterns_are_normalised() {
        for (text, normal) in [("", "/"), ("/", "/"), ("a", "/a"), ("/a/", "/a"), ("/a//", "/a/"), ("//a", "//a")] {
            assert_eq!(pattern(text).as_str(), normal, "{text}");
        }
    }

    #[test]
    fn parameters_are_whole_segments_or_parts_of_one() {
        assert_eq!(
            pattern("/u/:id/v:ver.json/:/a:").segments(),
            [
                Segment::Literal("u".to_owned()),
                Segment::Parameter("id".to_owned()),
                Segment::Mixed(vec![
                    Part::Literal("v".to_owned()),
                    Part::Parameter("ver".to_owned()),
                    Part::Literal(".json".to_owned())
                ]),
                Segment::Literal(":".to_owned()),
                Segment::Literal("a:".to_owned()),
            ]
        );
    }

    #[test]
    fn a_bad_pattern_says_why() {
        assert_eq!(PathPattern::parse("/:a/b/:a"), Err(PatternError::RepeatedParameter("a".to_owned())));
        assert_eq!(PathPattern::parse("/:a:b"), Err(PatternError::AdjacentParameters("a".to_owned(), "b".to_owned())));
    }

    #[test]
    fn a_wider_pattern_covers_a_narrower_one() {
        assert!(pattern("/a/:x").covers(&pattern("/a/b")));
        assert!(pattern("/a/:x").covers(&pattern("/a/v:y.json")));
        assert!(pattern("/:x/v:y.json").covers(&pattern("/b/v:z.json")));
        assert!(pattern("/").covers(&pattern("/")));
        for (narrow, wide) in [("/a/b", "/a/:x"), ("/:x", "/"), ("/:x", "/a/b"), ("/v:x", "/:y")] {
            assert!(!pattern(narrow).covers(&pattern(wide)), "{narrow} {wide}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_pattern_or_an_error(text in "[a-z:/._-]{0,24}") {
            if let Ok(parsed) = PathPattern::parse(&text) {
                prop_assert!(parsed.as_str().starts_with('/'));
                prop_assert!(parsed.covers(&parsed));
                prop_assert_eq!(parsed.segments().len(), parsed.as_str().matches('/').count());
            }
        }
    }
}
