//! What is different between two sites.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{RESERVED, Site};
use crate::assets::extension;
use crate::route::RequestPath;

/// What builds write about their outputs. It changes with each of them, and no page shows it.
const RECORDS: [&str; 2] = ["artifacts.json", "build-manifest.json"];
/// What a path of an address does not hold as it is (the path percent-encode set of the URL standard), and `%`.
const ESCAPES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}');

impl Site {
    /// The paths under which files are served that are not the same in both, sorted; and whether all of them are style sheets.
    pub(crate) fn difference(before: Option<&Self>, after: Option<&Self>) -> (Vec<String>, bool) {
        let digests = |site: Option<&Self>| -> BTreeMap<String, blake3::Hash> {
            let digests = site.into_iter().flat_map(|site| site.assets.digests());
            digests.map(|(path, digest)| (path.to_owned(), digest)).collect()
        };
        let (old, new) = (digests(before), digests(after));
        let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let is_changed = |path: &&&String| old.get(**path) != new.get(**path) && !RECORDS.contains(&path.as_str());
        let changed: Vec<&String> = paths.iter().filter(is_changed).copied().collect();
        let styles_only =
            changed.iter().all(|path| extension(path.strip_suffix(".map").unwrap_or(path)) == Some("css"));
        let served = |path: &&String| {
            let sites = [before, after].into_iter().flatten();
            sites.flat_map(|site| site.served_at(path)).collect::<Vec<_>>()
        };
        let addresses: BTreeSet<String> = changed.iter().flat_map(served).collect();
        (addresses.into_iter().collect(), styles_only)
    }

    /// The paths that lead to a file.
    fn served_at(&self, file: &str) -> Vec<String> {
        let mut paths = vec![file.to_owned()];
        if let Some(rest) = file.strip_prefix("pages/home/")
            && rest.starts_with("index.")
        {
            paths.push(rest.to_owned());
        }
        if let Some((page, name)) = file.strip_prefix("pages/").and_then(|page| page.rsplit_once('/')) {
            match name {
                "index.js" | "index.css" => paths.push(format!("{page}/{name}")),
                "index.html" if !RESERVED.contains(&page.split('/').next().unwrap_or_default()) => {
                    paths.push(page.to_owned());
                }
                _ => {}
            }
        }
        for path in paths.clone() {
            let stem = path.strip_suffix("/index.html").or_else(|| path.strip_suffix(".html"));
            paths.extend(stem.filter(|stem| extension(stem).is_none()).map(|stem| match stem {
                "index" => String::new(),
                stem => stem.to_owned(),
            }));
        }
        let addresses = paths.into_iter().map(|path| format!("/{}", utf8_percent_encode(&path, ESCAPES)));
        let leads = |address: &String| {
            let path = RequestPath::parse(address).ok();
            let found = path.and_then(|path| self.find(&path).cloned());
            found.is_some_and(|asset| asset.path() == file)
        };
        addresses.filter(leads).collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::assets::{AssetEntry, AssetIndex, Place};
    use crate::page_view::PageViews;

    fn site(files: &[(&str, &str)]) -> Site {
        let entry = |(path, text): &(&str, &str)| AssetEntry {
            path: (*path).to_owned(),
            digest: blake3::hash(text.as_bytes()),
            length: text.len() as u64,
            place: Place::Memory(Bytes::copy_from_slice(text.as_bytes())),
        };
        Site::new(AssetIndex::new(files.iter().map(entry)), PageViews::default())
    }

    #[test]
    fn a_file_has_every_path_that_leads_to_it() {
        let site = site(&[
            ("pages/home/index.html", ""),
            ("pages/home/index.css", ""),
            ("pages/shop/index.html", ""),
            ("pages/shop/index.js", ""),
            ("pages/api/index.html", ""),
            ("pages/hidden/index.html", ""),
            ("hidden.html", ""),
            ("docs/index.html", ""),
            ("app/a b%.css", ""),
            ("app/é.css", ""),
        ]);
        for (file, paths) in [
            ("pages/home/index.html", &["/pages/home/index.html", "/home", "/pages/home", "/"] as &[_]),
            ("pages/home/index.css", &["/pages/home/index.css", "/index.css", "/home/index.css"]),
            ("pages/shop/index.html", &["/pages/shop/index.html", "/shop", "/pages/shop"]),
            ("pages/shop/index.js", &["/pages/shop/index.js", "/shop/index.js"]),
            ("pages/api/index.html", &["/pages/api/index.html", "/pages/api"]),
            ("pages/hidden/index.html", &["/pages/hidden/index.html", "/pages/hidden"]),
            ("hidden.html", &["/hidden.html", "/hidden"]),
            ("docs/index.html", &["/docs/index.html", "/docs"]),
            ("app/a b%.css", &["/app/a%20b%25.css"]),
            ("app/é.css", &["/app/%C3%A9.css"]),
            ("missing.css", &[]),
        ] {
            assert_eq!(site.served_at(file), paths, "{file}");
        }
    }

    #[test]
    fn only_what_differs_is_told() {
        let before =
            [("app.css", "1"), ("app.css.br", "1"), ("app.js", "1"), ("artifacts.json", "1"), ("index.html", "1")];
        let difference = |changes: &[(&'static str, &'static str)], removed: &str| {
            let mut files = before.to_vec();
            files.retain(|(path, _)| *path != removed && changes.iter().all(|(changed, _)| changed != path));
            files.extend(changes);
            Site::difference(Some(&site(&before)), Some(&site(&files)))
        };
        let told = |paths: &[&str], styles_only: bool| (paths.iter().map(ToString::to_string).collect(), styles_only);
        assert_eq!(difference(&[], ""), told(&[], true));
        let style = [("app.css", "2"), ("app.css.br", "2"), ("artifacts.json", "2")];
        assert_eq!(difference(&style, ""), told(&["/app.css"], true));
        assert_eq!(difference(&[("app.css", "2"), ("app.js", "2")], ""), told(&["/app.css", "/app.js"], false));
        assert_eq!(difference(&[("more.css", "1")], ""), told(&["/more.css"], true));
        assert_eq!(difference(&[], "index.html"), told(&["/", "/index.html"], false));
        assert_eq!(Site::difference(None, Some(&site(&[("a.css", "")]))), told(&["/a.css"], true));
        assert_eq!(Site::difference(None, None), told(&[], true));
    }
}
