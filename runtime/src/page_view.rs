//! Pages that stand for many paths, as they are served.

use serde_json::Value;
use webstir_contract::page_view::{PageView, Segment, page_views, path_segments};
use webstir_contract::path_pattern::{self, PathPattern};

use crate::route::RequestPath;

/// The page views of a workspace, in the order in which they are tried.
#[derive(Debug, Default)]
pub struct PageViews(Vec<PageView>);

/// What is wrong with a declaration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}. See `webstir.moduleManifest.views` in package.json")]
pub struct PageViewError(String);

impl PageViews {
    /// Reads the text of `package.json`. One that is no JSON declares nothing, which the build reports.
    pub fn from_package(text: &str) -> Result<Self, PageViewError> {
        let document: Value = serde_json::from_str(text).unwrap_or_default();
        let declared = document["webstir"]["moduleManifest"]["views"].as_array();
        let (views, faults) = page_views(declared.map_or(&[], Vec::as_slice));
        faults.into_iter().next().map_or(Ok(Self(views)), |fault| Err(PageViewError(fault.message)))
    }

    /// Whether one of them has this pattern, whatever its parameters are called.
    pub fn declares(&self, pattern: &PathPattern) -> bool {
        let is_equal = |own: &Segment, other: &path_pattern::Segment| match (own, other) {
            (Segment::Literal(own), path_pattern::Segment::Literal(other)) => own == other,
            (Segment::Parameter(_), path_pattern::Segment::Parameter(_)) => true,
            _ => false,
        };
        let other = pattern.segments();
        let matches = |own: &[Segment]| {
            own.len() == other.len() && own.iter().zip(other).all(|(own, other)| is_equal(own, other))
        };
        self.0.iter().any(|view| matches(view.pattern.segments()))
    }

    /// The page that serves a path. Slashes more or less make no difference.
    pub fn page(&self, path: &RequestPath<'_>) -> Option<&str> {
        let segments = path_segments(path.segments())?;
        self.0.iter().find(|view| view.pattern.matches(&segments)).map(|view| view.page.as_str())
    }
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
        assert_eq!((views.0.len(), page(&views, "/a/1").as_deref()), (2, Some("p")));
        let has = |pattern: &str| views.declares(&PathPattern::parse(pattern).unwrap());
        assert!(has("/a/:any") && !has("/a/b") && !has("/a/:b/c") && !has("/a/x-:b"));
        assert!(PageViews::from_package("{").unwrap().0.is_empty());
    }

    #[test]
    fn a_malformed_declaration_is_an_error() {
        let error = views(&json!([{ "path": "/a/:b", "page": "p" }, { "path": "/a/:c", "page": "q" }])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "The path `/a/:c` of page `q` has the shape of `/a/:b`, which page `p` already serves. See \
             `webstir.moduleManifest.views` in package.json"
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
