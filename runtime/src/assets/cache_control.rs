//! How long clients may keep an asset.
//!
//! A *hashed name* carries a digest of the content and so never names other bytes: `app.0a1b2c3d.css`, or, where the frontend
//! build lists the file, `app-0a1b2c3d.css` and `index-K7Q2M4XA.js`.

use std::collections::BTreeMap;
use std::io;

use http::header::{CACHE_CONTROL, EXPIRES, HeaderMap, HeaderValue, PRAGMA};
use serde_json::Value;
use webstir_contract::artifacts::ArtifactIndex;

use super::place::Source;
use super::{AssetEntry, extension};

/// What clients are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CachePolicy {
    /// A page: asked for each time.
    Document,
    /// Never changes.
    Immutable,
    /// Kept, and checked each time.
    Revalidate,
    /// Nothing is said.
    Unstated,
}

impl CachePolicy {
    pub(super) fn write(self, headers: &mut HeaderMap) {
        let text = match self {
            Self::Document => "no-cache, no-store, must-revalidate",
            Self::Immutable => "public, max-age=31536000, immutable",
            Self::Revalidate => "no-cache, must-revalidate",
            Self::Unstated => return,
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(text));
        if self == Self::Document {
            headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
            headers.insert(EXPIRES, HeaderValue::from_static("0"));
        }
    }
}

/// Types that builds give hashed names.
const HASHABLE: [&str; 22] = [
    "css", "js", "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "woff", "woff2", "ttf", "otf", "eot", "mp3", "m4a",
    "wav", "ogg", "mp4", "webm", "mov", "avif",
];
/// Static types that have none.
const PLAIN: [&str; 5] = ["json", "txt", "xml", "map", "mjs"];

/// The files that the frontend build lists, with the digest of those whose digest it says.
#[derive(Debug, Default)]
pub(super) struct HashedNames {
    listed: BTreeMap<String, Option<String>>,
}

impl HashedNames {
    /// Reads `artifacts.json` and `manifest.json` of the tree. One that cannot be read lists nothing.
    pub(super) fn read(entries: &BTreeMap<String, AssetEntry>) -> Self {
        let text = |name: &str| entries.get(name).and_then(|entry| text(entry).ok());
        let mut names = Self::default();
        if let Some(manifest) = text("manifest.json").and_then(|text| serde_json::from_str::<Value>(&text).ok()) {
            names.list(&manifest["shared"], "app");
            for (page, files) in manifest["pages"].as_object().into_iter().flatten() {
                names.list(files, &format!("pages/{page}"));
            }
        }
        if let Some(index) = text("artifacts.json").and_then(|text| ArtifactIndex::from_json(&text).ok()) {
            names.listed.extend(index.artifacts.into_iter().map(|artifact| (artifact.path, Some(artifact.digest))));
        }
        names
    }

    /// `files` has values such as `index-K7Q2M4XA.js`, relative to `directory` when they are bare names.
    fn list(&mut self, files: &Value, directory: &str) {
        for file in files.as_object().into_iter().flat_map(|files| files.values()).filter_map(Value::as_str) {
            let path = if file.contains('/') {
                file.trim_start_matches('/').to_owned()
            } else {
                format!("{directory}/{file}")
            };
            self.listed.insert(path, None);
        }
    }

    pub(super) fn policy(&self, entry: &AssetEntry) -> CachePolicy {
        let extension = match extension(&entry.path) {
            None => return CachePolicy::Document,
            Some(extension) => extension.to_ascii_lowercase(),
        };
        let extension = extension.as_str();
        if extension == "html" {
            return CachePolicy::Document;
        }
        let is_listed = self
            .listed
            .get(&entry.path)
            .is_some_and(|digest| digest.as_ref().is_none_or(|digest| *digest == entry.digest.to_hex().as_str()));
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        let is_hashable = HASHABLE.contains(&extension);
        let is_dotted = has_dotted_hash(name) && (is_hashable || is_listed);
        if is_dotted || (is_listed && has_dashed_hash(name)) {
            CachePolicy::Immutable
        } else if is_hashable || PLAIN.contains(&extension) {
            CachePolicy::Revalidate
        } else {
            CachePolicy::Unstated
        }
    }
}

fn text(entry: &AssetEntry) -> io::Result<String> {
    const LONGEST: u64 = 16 << 20;
    match entry.place.open(&entry.path)? {
        Source::Memory(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Source::File(file, _) => io::read_to_string(io::Read::take(file, LONGEST)),
    }
}

/// `app.0a1b2c3d.css`: digits and letters both, so that neither a date nor a word is taken for a digest.
fn has_dotted_hash(name: &str) -> bool {
    let mut parts = name.rsplit('.').skip(1);
    let hash = parts.next().unwrap_or_default();
    parts.next().is_some() && is_hexadecimal_hash(hash)
}

/// `app-0a1b2c3d.css`, or `index-K7Q2M4XA.js` in base 32.
fn has_dashed_hash(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let Some((_, hash)) = stem.rsplit_once('-') else { return false };
    let is_base32 = hash.len() >= 8 && hash.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    is_base32 || is_hexadecimal_hash(hash)
}

fn is_hexadecimal_hash(text: &str) -> bool {
    (8..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Place;
    use super::*;

    fn entry(path: &str, text: &str) -> (String, AssetEntry) {
        let (digest, length) = (blake3::hash(text.as_bytes()), text.len() as u64);
        let place = Place::Memory(Bytes::copy_from_slice(text.as_bytes()));
        (path.to_owned(), AssetEntry { path: path.to_owned(), digest, length, place })
    }

    fn policies(files: &[(&str, &str)]) -> Vec<CachePolicy> {
        let entries: BTreeMap<_, _> = files.iter().map(|(path, text)| entry(path, text)).collect();
        let names = HashedNames::read(&entries);
        files.iter().map(|(path, _)| names.policy(&entries[*path])).collect()
    }

    #[test]
    fn names_are_classed_as_documented() {
        use CachePolicy::{Document, Immutable, Revalidate, Unstated};
        for (path, policy) in [
            ("index.html", Document),
            ("CNAME", Document),
            ("app.0a1b2c3d.css", Immutable),
            ("fonts/a.min.0A1B2C3D4E.woff2", Immutable),
            ("photo.20240101.jpg", Revalidate),
            ("a.deadbeef.js", Revalidate),
            ("0a1b2c3d.css", Revalidate),
            ("app.0a1b2c3.css", Revalidate),
            ("app-0a1b2c3d.css", Revalidate),
            ("data.0a1b2c3d.json", Revalidate),
            ("robots.txt", Revalidate),
            ("app.js.br", Unstated),
            ("a.wasm", Unstated),
        ] {
            assert_eq!(policies(&[(path, "")]), [policy], "{path}");
        }
    }

    #[test]
    fn w20_what_the_build_lists_is_immutable_when_its_name_has_a_hash() {
        use CachePolicy::{Immutable, Revalidate};
        let manifest = r#"{"pages":{"home":{"js":"index-K7Q2M4XA.js","css":"index.css"},"a":3},
            "shared":{"css":"app-0a1b2c3d.css","js":"/app/app-ABCDEFGH.js"}}"#;
        let found = policies(&[
            ("app/app-0a1b2c3d.css", ""),
            ("app/app-ABCDEFGH.js", ""),
            ("manifest.json", manifest),
            ("pages/home/index-K7Q2M4XA.js", ""),
            ("pages/home/index.css", ""),
            ("pages/other/index-K7Q2M4XA.js", ""),
        ]);
        assert_eq!(found, [Immutable, Immutable, Revalidate, Immutable, Revalidate, Revalidate]);
    }

    #[test]
    fn a_file_that_is_not_the_listed_one_is_not_immutable() {
        let digest = blake3::hash(b"one").to_hex();
        let artifact = |path: &str| format!(r#"{{"path":"{path}","digest":"{digest}","bytes":3,"type":"asset"}}"#);
        let index = format!(
            r#"{{"version":1,"profile":"publish","artifacts":[{},{},{}],"entryPoints":[],"buckets":{{}}}}"#,
            artifact("a-0a1b2c3d.js"),
            artifact("b-0a1b2c3d.js"),
            artifact("c-0a1b2c3d.wasm")
        );
        let found = policies(&[
            ("a-0a1b2c3d.js", "one"),
            ("artifacts.json", &index),
            ("b-0a1b2c3d.js", "other"),
            ("c-0a1b2c3d.wasm", "one"),
        ]);
        assert_eq!(
            found,
            [CachePolicy::Immutable, CachePolicy::Revalidate, CachePolicy::Revalidate, CachePolicy::Immutable]
        );
        assert_eq!(policies(&[("artifacts.json", "{"), ("manifest.json", "[]")]), [CachePolicy::Revalidate; 2]);
    }
}
