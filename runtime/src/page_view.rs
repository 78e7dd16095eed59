//! Pages that stand for many paths.
//!
//! A *page view* is an entry of `webstir.moduleManifest.views` in `package.json` that names a `page`: every path that its pattern
//! matches is served with the document of that page. Of several patterns the more literal one is tried first.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use webstir_contract::path_pattern::{self, PathPattern};

use crate::assets;
use crate::route::RequestPath;

/// The page views of a workspace, in the order in which they are tried.
#[derive(Debug, Default)]
pub struct PageViews(Vec<PageView>);

#[derive(Debug)]
struct PageView {
    pattern: Vec<Segment>,
    page: String,
}

/// Literal segments come before parameters.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Segment {
    Literal(String),
    Parameter,
}

/// What is wrong with a declaration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Page view path `{path}` {reason}. See `webstir.moduleManifest.views` in package.json")]
pub struct PageViewError {
    path: String,
    reason: String,
}

impl PageViews {
    /// Reads the text of `package.json`. One that is no JSON declares nothing, which the build reports.
    pub fn from_package(text: &str) -> Result<Self, PageViewError> {
        let document: Value = serde_json::from_str(text).unwrap_or_default();
        let declared = document["webstir"]["moduleManifest"]["views"].as_array();
        Self::from_declarations(declared.map_or(&[], Vec::as_slice))
    }

    fn from_declarations(declared: &[Value]) -> Result<Self, PageViewError> {
        let mut views = Vec::new();
        let mut claimed: FxHashMap<String, String> = FxHashMap::default();
        for view in declared {
            let (page, mode) = (&view["page"], &view["renderMode"]);
            if page.is_null() || !(mode.is_null() || mode == "spa") {
                continue;
            }
            let path = view["path"].as_str();
            let wrong = |reason: String| PageViewError { path: path.unwrap_or_default().to_owned(), reason };
            let page = page.as_str().map(str::trim).filter(|page| !page.is_empty());
            let page = page.ok_or_else(|| wrong("must name its page".to_owned()))?;
            let pattern = parse(path.unwrap_or_default()).map_err(wrong)?;
            match claimed.insert(shape(&pattern), page.to_owned()) {
                Some(other) if other != page => {
                    return Err(wrong(format!("is claimed by the pages `{other}` and `{page}`")));
                }
                Some(_) => {}
                None => views.push(PageView { pattern, page: page.to_owned() }),
            }
        }
        // Stable: among equals the order of declaration decides.
        views.sort_by_cached_key(|view| {
            let is_parameter: Vec<bool> = view.pattern.iter().map(|segment| *segment == Segment::Parameter).collect();
            (is_parameter.len(), is_parameter)
        });
        Ok(Self(views))
    }

    /// Whether one of them has this pattern, whatever its parameters are called.
    pub fn declares(&self, pattern: &PathPattern) -> bool {
        let is_equal = |own: &Segment, other: &path_pattern::Segment| match (own, other) {
            (Segment::Literal(own), path_pattern::Segment::Literal(other)) => own == other,
            (Segment::Parameter, path_pattern::Segment::Parameter(_)) => true,
            _ => false,
        };
        let other = pattern.segments();
        let matches = |own: &[Segment]| {
            own.len() == other.len() && own.iter().zip(other).all(|(own, other)| is_equal(own, other))
        };
        self.0.iter().any(|view| matches(&view.pattern))
    }

    /// The page that serves a path. Slashes more or less make no difference.
    pub fn page(&self, path: &RequestPath<'_>) -> Option<&str> {
        let segments: Vec<&str> =
            path.segments().iter().map(AsRef::as_ref).filter(|segment: &&str| !segment.is_empty()).collect();
        if segments.iter().any(|segment| matches!(*segment, "." | "..") || segment.contains('/')) {
            return None;
        }
        let matches = |view: &&PageView| {
            view.pattern.len() == segments.len()
                && view.pattern.iter().zip(&segments).all(|(pattern, segment)| match pattern {
                    Segment::Literal(text) => text == segment,
                    Segment::Parameter => true,
                })
        };
        self.0.iter().find(matches).map(|view| view.page.as_str())
    }
}

fn parse(path: &str) -> Result<Vec<Segment>, String> {
    if !path.starts_with('/') {
        return Err("must start with `/`".to_owned());
    }
    let mut names = FxHashSet::default();
    let mut pattern = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let invalid = || format!("has the invalid segment `{segment}`");
        if let Some(name) = segment.strip_prefix(':') {
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(invalid());
            }
            if !names.insert(name) {
                return Err(format!("repeats `{segment}`"));
            }
            pattern.push(Segment::Parameter);
        } else {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
            if matches!(segment, "." | "..") || !segment.bytes().all(is_plain) {
                return Err(invalid());
            }
            pattern.push(Segment::Literal(segment.to_owned()));
        }
    }
    match pattern.last() {
        None => Err("must name at least one segment".to_owned()),
        Some(Segment::Literal(name)) if is_file_name(name) => Err("must not end in a file name".to_owned()),
        Some(_) => Ok(pattern),
    }
}

fn is_file_name(segment: &str) -> bool {
    let extension = assets::extension(segment).unwrap_or_default();
    !extension.is_empty() && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The pattern without the names of its parameters.
fn shape(pattern: &[Segment]) -> String {
    pattern
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => format!("/{text}"),
            Segment::Parameter => "/:".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn views(declared: &Value) -> Result<PageViews, PageViewError> {
        PageViews::from_package(&json!({ "webstir": { "moduleManifest": { "views": declared } } }).to_string())
    }

    fn of(patterns: &[&str]) -> PageViews {
        let declared: Vec<Value> =
            patterns.iter().map(|pattern| json!({ "path": pattern, "page": format!("for {pattern}") })).collect();
        views(&Value::Array(declared)).unwrap()
    }

    fn page(views: &PageViews, path: &str) -> Option<String> {
        let path = RequestPath::parse(path).unwrap();
        views.page(&path).map(|page| page.trim_start_matches("for ").to_owned())
    }

    #[test]
    fn the_more_literal_pattern_comes_first() {
        let views = of(&["/a/:b/:c", "/:a/x/y", "/a/b", "/:one", "/a/:b", "/v1.2/:id", "/:d/b/:e"]);
        for (path, pattern) in [
            ("/a/b", "/a/b"),
            ("/a/c", "/a/:b"),
            ("/a/x/y", "/a/:b/:c"),
            ("/z/x/y", "/:a/x/y"),
            ("/z/b/y", "/:d/b/:e"),
            ("/v1.2/3", "/v1.2/:id"),
            ("/file.name", "/:one"),
            ("//a//b//", "/a/b"),
        ] {
            assert_eq!(page(&views, path).as_deref(), Some(pattern), "{path}");
        }
        for path in ["/", "/a/b/c/d", "/z/x/%2Fy", "/z/x/%2e%2e", "/../x/y", "/z/x/."] {
            assert_eq!(page(&views, path), None, "{path}");
        }
        assert_eq!(page(&of(&["/caf%C3%A9"].map(|_| "/cafe/:name")), "/cafe/%C3%A9").as_deref(), Some("/cafe/:name"));
    }

    #[test]
    fn only_views_with_a_page_count() {
        let declared = json!([
            null, 3, { "path": "/x" }, { "path": "bad", "page": "p", "renderMode": "ssg" },
            { "path": "/a/:id", "page": " p ", "renderMode": "spa" }, { "path": "/a/:other/", "page": "p" },
        ]);
        let views = views(&declared).unwrap();
        assert_eq!((views.0.len(), page(&views, "/a/1").as_deref()), (1, Some("p")));
        let has = |pattern: &str| views.declares(&PathPattern::parse(pattern).unwrap());
        assert!(has("/a/:any") && !has("/a/b") && !has("/a/:b/c") && !has("/a/x-:b"));
        assert!(PageViews::from_package("{").unwrap().0.is_empty());
    }

    #[test]
    fn malformed_declarations_are_errors() {
        for (path, reason) in [
            (json!(3), "must start with `/`"),
            (json!("a"), "must start with `/`"),
            (json!("/"), "must name at least one segment"),
            (json!("/a b"), "has the invalid segment `a b`"),
            (json!("/../a"), "has the invalid segment `..`"),
            (json!("/:"), "has the invalid segment `:`"),
            (json!("/:a-b"), "has the invalid segment `:a-b`"),
            (json!("/:a/:a"), "repeats `:a`"),
            (json!("/a/b.html"), "must not end in a file name"),
        ] {
            let error = views(&json!([{ "path": path, "page": "p" }])).unwrap_err();
            assert_eq!(error.reason, reason);
        }
        let unnamed = views(&json!([{ "path": "/a", "page": " " }])).unwrap_err();
        assert_eq!(unnamed.reason, "must name its page");
        let twice = views(&json!([{ "path": "/a/:b", "page": "p" }, { "path": "/a/:c", "page": "q" }])).unwrap_err();
        assert_eq!(
            twice.to_string(),
            "Page view path `/a/:c` is claimed by the pages `p` and `q`. See `webstir.moduleManifest.views` in package.json"
        );
    }

    proptest! {
        #[test]
        fn any_declaration_and_any_path_are_read(pattern in ".{0,20}", path in "/[ -~]{0,30}") {
            let declared = json!([{ "path": pattern, "page": "p" }, { "path": "/:a/:b", "page": "q" }]);
            if let (Ok(views), Ok(path)) = (views(&declared), RequestPath::parse(&path)) {
                views.page(&path);
            }
        }
    }
}
