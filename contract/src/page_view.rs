//! Page views: frontend pages that stand for many paths.
//!
//! A *page view* is an entry of `webstir.moduleManifest.views` in `package.json` that names a `page`: every path that its *pattern*
//! matches is served with the document of that page. A pattern is made of literal segments and `:parameters`; two patterns have the
//! same *shape* when they differ in the names of parameters only.

use std::cmp::Ordering;

use serde_json::Value;

/// A pattern and the page that serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageView {
    /// The page, a directory of `src/frontend/pages`.
    pub page: String,
    /// The name of the view.
    pub name: Option<String>,
    segments: Vec<Segment>,
}

/// What is wrong with a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageViewFault {
    /// Which of the declarations.
    pub index: usize,
    /// Which of its keys.
    pub key: &'static str,
    /// What, as a sentence.
    pub message: String,
}

/// The page views among some declarations, in the order in which they are tried: fewer segments first, a literal segment before a
/// parameter at the first position where two patterns differ, then as declared. A view that is not sound is left out.
pub fn page_views(declared: &[Value]) -> (Vec<PageView>, Vec<PageViewFault>) {
    let mut views: Vec<PageView> = Vec::new();
    let mut faults = Vec::new();
    for (index, view) in declared.iter().enumerate() {
        let is_page_view = view.get("page").is_some_and(|page| !page.is_null())
            && view.get("renderMode").is_none_or(|mode| mode.is_null() || mode == "spa");
        if !is_page_view {
            continue;
        }
        match PageView::read(view, &views) {
            Ok(view) => views.push(view),
            Err((key, message)) => faults.push(PageViewFault { index, key, message }),
        }
    }
    views.sort_by(|left, right| specificity(&left.segments, &right.segments));
    (views, faults)
}

impl PageView {
    fn read(view: &Value, others: &[Self]) -> Result<Self, (&'static str, String)> {
        let page = view["page"].as_str().map(str::trim).filter(|page| !page.is_empty());
        let page = page.ok_or_else(|| ("page", "A page view names its page".to_owned()))?;
        let segments = match view.get("path").and_then(Value::as_str) {
            None => Err(format!("The view of page `{page}` has no path")),
            Some(path) => segments(path),
        };
        let segments = segments.map_err(|message| ("path", message))?;
        let name = view.get("name").and_then(Value::as_str).map(str::to_owned);
        let own = Self { page: page.to_owned(), name, segments };
        match others.iter().find(|other| same_shape(&other.segments, &own.segments) && other.page != own.page) {
            None => Ok(own),
            Some(other) => {
                let (pattern, shape) = (own.pattern(), other.pattern());
                let message = format!("The path `{pattern}` of page `{page}` has the shape of `{shape}`");
                Err(("path", format!("{message}, which page `{}` already serves", other.page)))
            }
        }
    }

    /// The pattern, without a trailing or repeated slash.
    pub fn pattern(&self) -> String {
        self.segments.iter().flat_map(|segment| ["/", segment.text()]).collect()
    }

    /// The segments of its pattern, at least one.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

/// What stands between two slashes of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Matches itself.
    Literal(String),
    /// Matches any one segment; with its colon.
    Parameter(String),
}

impl Segment {
    fn text(&self) -> &str {
        match self {
            Self::Literal(text) | Self::Parameter(text) => text,
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
            Segment::Literal(text.to_owned())
        };
        if matches!(segment, Segment::Parameter(_)) && segments.contains(&segment) {
            return Err(format!("The path `{path}` of a page view repeats the parameter `{text}`"));
        }
        segments.push(segment);
    }
    match segments.last() {
        None => Err(format!("The path `{path}` of a page view is the root, which the page `home` serves")),
        Some(Segment::Literal(last)) if has_extension(last) => {
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
            (Segment::Literal(left), Segment::Literal(right)) => left == right,
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

    type Read = (String, String, Option<String>);

    /// Page, pattern and name of each view, and what is wrong.
    fn read(declared: &Value) -> (Vec<Read>, Vec<String>) {
        let (views, faults) = page_views(declared.as_array().unwrap());
        let views = views.into_iter().map(|view| (view.page.clone(), view.pattern(), view.name));
        (views.collect(), faults.into_iter().map(|fault| fault.message).collect())
    }

    fn patterns(paths: &[&str]) -> Vec<String> {
        let declared = paths.iter().map(|path| json!({ "page": path, "path": path })).collect();
        let (views, faults) = read(&declared);
        assert_eq!(faults, Vec::<String>::new());
        views.into_iter().map(|(_, pattern, _)| pattern).collect()
    }

    #[test]
    fn only_page_views_count() {
        let (views, faults) = read(&json!([
            1,
            { "name": "server", "path": "/server" },
            { "page": "a", "path": "/a", "renderMode": "ssg" },
            { "page": " b ", "path": "//b/:id/", "renderMode": "spa", "name": "B" },
        ]));
        let view = ("b".to_owned(), "/b/:id".to_owned(), Some("B".to_owned()));
        assert_eq!((views, faults), (vec![view], vec![]));
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
            let (views, mut faults) = read(&json!([view]));
            assert_eq!((views.len(), faults.len()), (0, 1), "{faults:?}");
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
        let (kept, faults) = read(&json!([
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
            let (kept, faults) = read(&json!([{ "page": "p", "path": path }]));
            prop_assert_eq!(kept.len() + faults.len(), 1);
        }
    }
}
