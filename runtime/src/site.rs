//! What a `full` workspace publishes beside its module.
//!
//! A *site* is a published tree with its page views. For a path there are *candidates*, names in the tree, of which the first that
//! exists is served.

mod difference;

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::assets::{Asset, AssetError, AssetIndex, extension};
use crate::document::{DocumentError, document_names};
use crate::page_view::{PageViewError, PageViews};
use crate::route::RequestPath;

/// A published tree with its page views.
#[derive(Debug)]
pub struct Site {
    assets: AssetIndex,
    pages: Arc<PageViews>,
}

/// Why a site cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error(transparent)]
    Assets(#[from] AssetError),
    #[error(transparent)]
    PageView(#[from] PageViewError),
}

/// First segments whose paths are no pages.
const RESERVED: [&str; 7] = ["__webstir", "api", "fonts", "images", "media", "pages", "sse"];
const NOT_FOUND_PAGE: &str = "pages/404/index.html";

impl Site {
    /// Indexes the tree below `directory`. `package_json` is the text of the workspace's `package.json`.
    pub fn read(directory: &Path, package_json: &str) -> Result<Self, SiteError> {
        let pages = PageViews::from_package(package_json)?;
        Ok(Self::new(AssetIndex::read(directory)?, pages))
    }

    pub fn new(assets: AssetIndex, pages: PageViews) -> Self {
        Self { assets, pages: Arc::new(pages) }
    }

    pub fn assets(&self) -> &AssetIndex {
        &self.assets
    }

    pub fn pages(&self) -> &PageViews {
        &self.pages
    }

    /// The asset that is served at a path.
    pub(crate) fn find(&self, path: &RequestPath<'_>) -> Option<&Arc<Asset>> {
        let segments = normalised(path)?;
        let asset = candidates(&segments).iter().find_map(|candidate| self.assets.asset(candidate));
        asset.or_else(|| self.assets.asset(&format!("pages/{}/index.html", self.pages.page(path)?)))
    }

    /// The same site, whose pages are in memory; those of `before` are not read again.
    pub(crate) fn with_documents_in_memory(&self, before: Option<&Self>) -> Result<Self, AssetError> {
        let assets = self.assets.with_documents_in_memory(before.map(|site| &site.assets))?;
        Ok(Self { assets, pages: Arc::clone(&self.pages) })
    }

    /// The document for a request path whose first segment is `page`.
    pub(crate) async fn document(&self, page: String) -> Result<Arc<str>, DocumentError> {
        let (page, candidates) = document_names(&page);
        let found = candidates.iter().find_map(|path| Some((path, self.assets.asset(path)?)));
        let Some((path, asset)) = found else { return Err(DocumentError::Missing { page, candidates }) };
        let read = |source| DocumentError::Read { path: path.clone(), source };
        self.assets.text(asset).await.map_err(read)
    }

    pub(crate) fn not_found_page(&self) -> Option<&Arc<Asset>> {
        self.assets.asset(NOT_FOUND_PAGE)
    }
}

/// Whether `package.json` says that the workspace is a module together with a frontend.
pub(crate) fn is_full(package_json: &str) -> bool {
    let document: Value = serde_json::from_str(package_json).unwrap_or_default();
    document["webstir"]["mode"] == "full"
}

/// Whether a path is the module's alone.
pub(crate) fn is_api(path: &RequestPath<'_>) -> bool {
    normalised(path).is_some_and(|segments| segments.first() == Some(&"api"))
}

/// Segments without dot segments. None when one holds a slash: it is no name of a file.
fn normalised<'a>(path: &'a RequestPath<'_>) -> Option<Vec<&'a str>> {
    let mut segments = Vec::new();
    for segment in path.segments() {
        match &**segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment if segment.contains('/') => return None,
            segment => segments.push(segment),
        }
    }
    Some(segments)
}

fn candidates(segments: &[&str]) -> Vec<String> {
    let path = segments.join("/");
    match segments {
        [] => vec!["index.html".to_owned(), "pages/home/index.html".to_owned()],
        _ if extension(&path).is_none() => {
            let mut candidates = vec![path.clone(), format!("{path}.html"), format!("{path}/index.html")];
            if !RESERVED.contains(&segments[0]) {
                candidates.push(format!("pages/{path}/index.html"));
            }
            candidates
        }
        [name] if name.starts_with("index.") && *name != "index.html" => {
            let home = format!("pages/home/{name}");
            vec![path, home]
        }
        [page, name @ ("index.js" | "index.css")] => {
            let of_page = format!("pages/{page}/{name}");
            vec![path, of_page]
        }
        _ => vec![path],
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::assets::{AssetEntry, Place};

    fn site(files: &[&str]) -> Site {
        let entry = |path: &&str| AssetEntry {
            path: (*path).to_owned(),
            digest: blake3::hash(path.as_bytes()),
            length: path.len() as u64,
            place: Place::Memory(Bytes::copy_from_slice(path.as_bytes())),
        };
        let package = r#"{"webstir":{"moduleManifest":{"views":[{"path":"/items/:id","page":"item"}]}}}"#;
        Site::new(AssetIndex::new(files.iter().map(entry)), PageViews::from_package(package).unwrap())
    }

    fn found(site: &Site, path: &str) -> Option<String> {
        let path = RequestPath::parse(path).unwrap();
        site.find(&path).map(|asset| asset.path().to_owned())
    }

    #[test]
    fn c9_directories_are_no_files() {
        let site = site(&["docs/index.html", "empty/a/b.txt", "d.dir/x.txt"]);
        assert_eq!(found(&site, "/docs").as_deref(), Some("docs/index.html"));
        assert_eq!(found(&site, "/docs/").as_deref(), Some("docs/index.html"));
        for path in ["/empty", "/empty/a", "/d.dir", "/d.dir/"] {
            assert_eq!(found(&site, path), None, "{path}");
        }
    }

    #[test]
    fn candidates_are_tried_in_order() {
        let every = [
            "about",
            "about.html",
            "about/index.html",
            "pages/about/index.html",
            "index.html",
            "pages/home/index.html",
            "index.js",
            "pages/home/index.js",
            "shop/index.css",
            "pages/shop/index.css",
            "items/1.html",
            "pages/item/index.html",
        ];
        let mut site_files = every.to_vec();
        let mut order = |path: &str| {
            let mut order = Vec::new();
            while let Some(file) = found(&site(&site_files), path) {
                site_files.retain(|other| **other != *file);
                order.push(file);
            }
            order
        };
        assert_eq!(order("/about"), &every[..4]);
        assert_eq!(order("/"), &every[4..6]);
        assert_eq!(order("/index.js"), &every[6..8]);
        assert_eq!(order("/shop/index.css"), &every[8..10]);
        assert_eq!(order("/items/1"), &every[10..]);
    }

    #[test]
    fn reserved_names_are_no_pages() {
        let site = site(&["pages/images/index.html", "pages/home/index.html", "pages/pages/x/index.html"]);
        for path in ["/images", "/pages/x", "/index.html", "/home/index.js", "/a/b/index.css"] {
            assert_eq!(found(&site, path), None, "{path}");
        }
        assert_eq!(found(&site, "/home").as_deref(), Some("pages/home/index.html"));
        assert_eq!(found(&site, "/pages/home").as_deref(), Some("pages/home/index.html"));
    }

    #[test]
    fn paths_are_normalised_and_stay_within() {
        let site = site(&["a/b.txt", "é ü.txt"]);
        for path in
            ["/a/b.txt", "//a/./b.txt", "/x/../a/b.txt", "/../../a/b.txt", "/%61/%62.txt", "/..%2f", "/a%2fb.txt"]
        {
            let is_file = !path.contains("%2f");
            assert_eq!(found(&site, path).as_deref(), is_file.then_some("a/b.txt"), "{path}");
        }
        assert_eq!(found(&site, "/%C3%A9%20%C3%BC.txt").as_deref(), Some("é ü.txt"));
        let is_api = |path: &str| is_api(&RequestPath::parse(path).unwrap());
        assert!(is_api("/api") && is_api("/%61pi/x") && is_api("/x/../api/") && !is_api("/apis") && !is_api("/a/api"));
    }

    #[test]
    fn only_full_workspaces_have_a_site() {
        assert!(is_full(r#"{"webstir":{"mode":"full"}}"#));
        for package in [r#"{"webstir":{"mode":"api"}}"#, "{}", "[", r#"{"webstir":"full"}"#] {
            assert!(!is_full(package), "{package}");
        }
    }

    proptest! {
        #[test]
        fn candidates_never_leave_the_root(path in "(/|\\.|%2e|%2f|%00|a|\\\\|:|é|~){0,20}") {
            if let Ok(path) = RequestPath::parse(&format!("/{path}")) {
                for candidate in normalised(&path).map(|segments| candidates(&segments)).unwrap_or_default() {
                    prop_assert!(!candidate.starts_with('/') && !candidate.contains('\0'));
                    prop_assert!(candidate.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{candidate}");
                }
            }
        }
    }
}
