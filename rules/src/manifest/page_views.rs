//! Views that a frontend page serves: which are sound, and in which order they are tried.
//!
//! Only `package.json` declares them. A path is made of static segments and `:parameters`; two paths have the same shape when they
//! differ in the names of parameters only.

use std::cmp::Ordering;

use serde_json::Value;
use webstir_contract::schema::Step;
use webstir_engine::diagnostic::Diagnostic;

use super::position::Positions;
use super::{Projection, place_in_package};

/// A path pattern and the page that serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRoute {
    /// The page, a directory of `src/frontend/pages`.
    pub page: String,
    /// The pattern, without a trailing or repeated slash.
    pub pattern: String,
    /// The name of the view.
    pub name: Option<String>,
}

/// The page routes of a workspace in the order in which they are tried: fewer segments first, a static segment before a parameter
/// at the first position where two patterns differ, then as declared. A view that is not sound is an error and left out.
pub fn page_routes(projection: &Projection, package_json: Option<&str>) -> (Vec<PageRoute>, Vec<Diagnostic>) {
    let views = projection.manifest.get("views").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut routes: Vec<(Vec<Segment>, PageRoute)> = Vec::new();
    let mut faults = Vec::new();
    for (index, view) in views.iter().enumerate() {
        let Some(page) = view.get("page") else {
            continue;
        };
        if view.get("renderMode").is_some_and(|mode| mode != "spa") {
            continue;
        }
        let mut fault = |key: &str, message: String| faults.push((index, key.to_owned(), message));
        let Some(page) = page.as_str().map(str::trim).filter(|page| !page.is_empty()) else {
            fault("page", "A page view names its page".to_owned());
            continue;
        };
        let segments = match view.get("path").and_then(Value::as_str) {
            None => Err(format!("The view of page `{page}` has no path")),
            Some(path) => segments(path),
        };
        let segments = match segments {
            Ok(segments) => segments,
            Err(message) => {
                fault("path", message);
                continue;
            }
        };
        let pattern = segments.iter().flat_map(|segment| ["/", segment.text()]).collect::<String>();
        let claimed = routes.iter().find(|(other, route)| same_shape(other, &segments) && route.page != page);
        if let Some((_, other)) = claimed {
            let message = format!("The path `{pattern}` of page `{page}` has the shape of `{}`", other.pattern);
            fault("path", format!("{message}, which page `{}` already serves", other.page));
            continue;
        }
        let name = view.get("name").and_then(Value::as_str).map(str::to_owned);
        routes.push((segments, PageRoute { page: page.to_owned(), pattern, name }));
    }
    routes.sort_by(|(left, _), (right, _)| specificity(left, right));
    let positions = package_json.filter(|_| !faults.is_empty()).map(Positions::new);
    let diagnostics = faults.into_iter().map(|(index, key, message)| {
        let steps = ["webstir", "moduleManifest", "views"].map(|key| Step::Key(key.to_owned()));
        let path: Vec<Step> = steps.into_iter().chain([Step::Index(index), Step::Key(key)]).collect();
        place_in_package(Diagnostic::error("manifest::page_view", message), positions.as_ref(), &path)
    });
    (routes.into_iter().map(|(_, route)| route).collect(), diagnostics.collect())
}

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Static(String),
    /// With its colon.
    Parameter(String),
}

impl Segment {
    fn text(&self) -> &str {
        match self {
            Self::Static(text) | Self::Parameter(text) => text,
        }
    }
}

fn segments(path: &str) -> Result<Vec<Segment>, String> {
    if !path.starts_with('/') {
        return Err(format!("The path `{path}` of a page view does not start with `/`"));
    }
    let mut segments: Vec<Segment> = Vec::new();
    for text in path.split('/').filter(|text| !text.is_empty()) {
        let segment = if let Some(name) = text.strip_prefix(':') {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.is_empty() || !name.bytes().all(plain) {
                return Err(format!("The path `{path}` of a page view has the invalid parameter `{text}`"));
            }
            Segment::Parameter(text.to_owned())
        } else {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
            if text == "." || text == ".." || !text.bytes().all(plain) {
                return Err(format!("The path `{path}` of a page view has the invalid segment `{text}`"));
            }
            Segment::Static(text.to_owned())
        };
        if matches!(segment, Segment::Parameter(_)) && segments.contains(&segment) {
            return Err(format!("The path `{path}` of a page view repeats the parameter `{text}`"));
        }
        segments.push(segment);
    }
    match segments.last() {
        None => Err(format!("The path `{path}` of a page view is the root, which the page `home` serves")),
        Some(Segment::Static(last)) if has_extension(last) => {
            Err(format!("The path `{path}` of a page view ends like a file name"))
        }
        Some(_) => Ok(segments),
    }
}

fn has_extension(segment: &str) -> bool {
    segment.rsplit_once('.').is_some_and(|(_, extension)| {
        !extension.is_empty() && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn same_shape(left: &[Segment], right: &[Segment]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|pair| match pair {
            (Segment::Static(left), Segment::Static(right)) => left == right,
            (Segment::Parameter(_), Segment::Parameter(_)) => true,
            _ => false,
        })
}

fn specificity(left: &[Segment], right: &[Segment]) -> Ordering {
    let is_parameter = |segment: &Segment| matches!(segment, Segment::Parameter(_));
    left.len().cmp(&right.len()).then_with(|| left.iter().map(is_parameter).cmp(right.iter().map(is_parameter)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::manifest::projection;

    fn routes(views: &Value) -> (Vec<PageRoute>, Vec<String>) {
        let text = json!({ "webstir": { "moduleManifest": { "views": views } } }).to_string();
        let (projection, _) = projection(Some(&text));
        let (routes, diagnostics) = page_routes(&projection, Some(&text));
        assert!(diagnostics.iter().all(|diagnostic| diagnostic.is_error() && diagnostic.span.is_some()));
        (routes, diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect())
    }

    fn patterns(paths: &[&str]) -> Vec<String> {
        let views = paths.iter().map(|path| json!({ "page": path, "path": path })).collect();
        let (routes, faults) = routes(&views);
        assert_eq!(faults, Vec::<String>::new());
        routes.into_iter().map(|route| route.pattern).collect()
    }

    #[test]
    fn only_page_views_count() {
        let (routes, faults) = routes(&json!([
            1,
            { "name": "server", "path": "/server" },
            { "page": "a", "path": "/a", "renderMode": "ssg" },
            { "page": " b ", "path": "//b/:id/", "renderMode": "spa", "name": "B" },
        ]));
        let route = PageRoute { page: "b".to_owned(), pattern: "/b/:id".to_owned(), name: Some("B".to_owned()) };
        assert_eq!((routes, faults), (vec![route], vec![]));
    }

    #[test]
    fn the_more_specific_comes_first() {
        assert_eq!(
            patterns(&["/:a/:b", "/:a", "/a/:b", "/:a/b", "/a", "/v1.2/:id"]),
            ["/a", "/:a", "/a/:b", "/v1.2/:id", "/:a/b", "/:a/:b"]
        );
        assert_eq!(patterns(&["/b", "/a"]), ["/b", "/a"]);
    }

    #[test]
    fn every_fault_is_an_error() {
        let fault = |view: Value| {
            let (routes, mut faults) = routes(&json!([view]));
            assert_eq!((routes.len(), faults.len()), (0, 1), "{faults:?}");
            faults.remove(0)
        };
        assert_eq!(fault(json!({ "page": "", "path": "/a" })), "A page view names its page");
        assert_eq!(fault(json!({ "page": 1, "path": "/a" })), "A page view names its page");
        assert_eq!(fault(json!({ "page": "p" })), "The view of page `p` has no path");
        let path = |path: &str| fault(json!({ "page": "p", "path": path }));
        assert_eq!(path("a"), "The path `a` of a page view does not start with `/`");
        assert_eq!(path("/"), "The path `/` of a page view is the root, which the page `home` serves");
        assert_eq!(path("/a/b.html"), "The path `/a/b.html` of a page view ends like a file name");
        assert_eq!(path("/a b"), "The path `/a b` of a page view has the invalid segment `a b`");
        assert_eq!(path("/a/*"), "The path `/a/*` of a page view has the invalid segment `*`");
        assert_eq!(path("/../a"), "The path `/../a` of a page view has the invalid segment `..`");
        assert_eq!(path("/:a-b"), "The path `/:a-b` of a page view has the invalid parameter `:a-b`");
        assert_eq!(path("/:"), "The path `/:` of a page view has the invalid parameter `:`");
        assert_eq!(path("/:a/x/:a"), "The path `/:a/x/:a` of a page view repeats the parameter `:a`");
    }

    #[test]
    fn one_shape_has_one_page() {
        let (kept, faults) = routes(&json!([
            { "page": "a", "path": "/x/:id" },
            { "page": "a", "path": "/x/:other" },
            { "page": "b", "path": "/x/:name" },
        ]));
        assert_eq!(kept.len(), 2);
        assert_eq!(
            faults,
            ["The path `/x/:name` of page `b` has the shape of `/x/:id`, which page `a` already serves"]
        );
    }

    proptest! {
        #[test]
        fn any_path_is_sound_or_not(path in "[/:a.\\-_ü%]{0,12}") {
            let (kept, faults) = routes(&json!([{ "page": "p", "path": path }]));
            prop_assert_eq!(kept.len() + faults.len(), 1);
        }
    }
}
