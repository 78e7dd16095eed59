//! Page views: frontend pages that stand for many paths.
//!
//! A *page view* is an entry of `webstir.moduleManifest.views` in `package.json` that names a `page`: every path that its *pattern*
//! matches is served with the document of that page. A pattern is made of literal segments and `:parameters`; two patterns have the
//! same *shape* when they differ in the names of parameters only.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

/// A pattern and the page that serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageView {
    /// The page, a directory of `src/frontend/pages`.
    pub page: String,
    /// The name of the view.
    pub name: Option<String>,
    /// The paths that it serves.
    pub pattern: PagePattern,
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
    views.sort_by(|left, right| left.pattern.specificity(&right.pattern));
    (views, faults)
}

impl PageView {
    fn read(view: &Value, others: &[Self]) -> Result<Self, (&'static str, String)> {
        let page = view["page"].as_str().map(str::trim).filter(|page| !page.is_empty());
        let page = page.ok_or_else(|| ("page", "A page view names its page".to_owned()))?;
        let pattern = match view.get("path").and_then(Value::as_str) {
            None => Err(format!("The view of page `{page}` has no path")),
            Some(path) => PagePattern::parse(path),
        };
        let pattern = pattern.map_err(|message| ("path", message))?;
        let name = view.get("name").and_then(Value::as_str).map(str::to_owned);
        let own = Self { page: page.to_owned(), name, pattern };
        match others.iter().find(|other| other.pattern.has_shape_of(&own.pattern) && other.page != own.page) {
            None => Ok(own),
            Some(other) => {
                let (pattern, shape) = (&own.pattern, &other.pattern);
                let message = format!("The path `{pattern}` of page `{page}` has the shape of `{shape}`");
                Err(("path", format!("{message}, which page `{}` already serves", other.page)))
            }
        }
    }
}

/// Which paths a page view serves. Shown without a trailing or repeated slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePattern(Vec<Segment>);

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

    fn name(&self) -> &str {
        self.text().trim_start_matches(':')
    }

    fn is_parameter(&self) -> bool {
        matches!(self, Self::Parameter(_))
    }
}

impl fmt::Display for PagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| write!(f, "/{}", segment.text()))
    }
}

impl PagePattern {
    /// Reads a declared path, or says what is wrong with it.
    pub fn parse(path: &str) -> Result<Self, String> {
        if !path.starts_with('/') {
            return Err(format!("The path `{path}` of a page view does not start with `/`"));
        }
        let pattern = Self::split(path);
        for (index, segment) in pattern.0.iter().enumerate() {
            let text = segment.text();
            match segment {
                Segment::Parameter(_) => {
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                    if segment.name().is_empty() || !segment.name().bytes().all(plain) {
                        return Err(format!("The path `{path}` of a page view has the invalid parameter `{text}`"));
                    }
                    if pattern.0[..index].contains(segment) {
                        return Err(format!("The path `{path}` of a page view repeats the parameter `{text}`"));
                    }
                }
                Segment::Literal(_) => {
                    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
                    if text == "." || text == ".." || !text.bytes().all(plain) {
                        return Err(format!("The path `{path}` of a page view has the invalid segment `{text}`"));
                    }
                }
            }
        }
        match pattern.0.last() {
            None => Err(format!("The path `{path}` of a page view is the root, which the page `home` serves")),
            Some(Segment::Literal(last)) if has_extension(last) => {
                Err(format!("The path `{path}` of a page view ends like a file name"))
            }
            Some(_) => Ok(pattern),
        }
    }

    /// Reads a pattern that was parsed before; nothing is checked.
    pub fn split(pattern: &str) -> Self {
        let segment = |text: &str| match text.strip_prefix(':') {
            Some(_) => Segment::Parameter(text.to_owned()),
            None => Segment::Literal(text.to_owned()),
        };
        Self(pattern.split('/').filter(|text| !text.is_empty()).map(segment).collect())
    }

    /// Its segments; at least one, where it was parsed.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether it matches a path, given as [`path_segments`] gives it.
    pub fn matches(&self, path: &[&str]) -> bool {
        self.0.len() == path.len()
            && self.0.iter().zip(path).all(|(segment, part)| match segment {
                Segment::Literal(text) => text == part,
                Segment::Parameter(_) => true,
            })
    }

    /// The parameters that a path has that it matches: names, without the colon, and values.
    pub fn parameters<'a>(&'a self, path: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let parameters = self.0.iter().zip(path).filter(|(segment, _)| segment.is_parameter());
        parameters.map(|(segment, part)| (segment.name(), *part))
    }

    /// What is tried earlier is less.
    pub fn specificity(&self, other: &Self) -> Ordering {
        let (left, right) = (&self.0, &other.0);
        let kinds = |segments: &[Segment]| segments.iter().map(Segment::is_parameter).collect::<Vec<_>>();
        left.len().cmp(&right.len()).then_with(|| kinds(left).cmp(&kinds(right)))
    }

    fn has_shape_of(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|pair| match pair {
                (Segment::Literal(left), Segment::Literal(right)) => left == right,
                (Segment::Parameter(_), Segment::Parameter(_)) => true,
                _ => false,
            })
    }
}

/// A path as patterns are compared with it, of its decoded segments: empty ones do not count. None for a path that no pattern matches,
/// as it has a segment that means something to a file system.
pub fn path_segments<S: AsRef<str>>(decoded: &[S]) -> Option<Vec<&str>> {
    let segments: Vec<&str> = decoded.iter().map(AsRef::as_ref).filter(|segment: &&str| !segment.is_empty()).collect();
    let is_sound = |segment: &&str| !matches!(*segment, "." | "..") && !segment.contains('/');
    segments.iter().all(is_sound).then_some(segments)
}

fn has_extension(segment: &str) -> bool {
    segment.rsplit_once('.').is_some_and(|(_, extension)| {
        !extension.is_empty() && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
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
        let views = views.into_iter().map(|view| (view.page.clone(), view.pattern.to_string(), view.name));
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
