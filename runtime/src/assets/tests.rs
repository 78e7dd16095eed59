//! Trees on disk, served without a server.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE, VARY,
};
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;

use super::*;
use crate::response::Body;

struct Tree(tempfile::TempDir);

impl Tree {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for (path, bytes) in files {
            tree.write(path, bytes);
        }
        tree
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), bytes).unwrap();
    }

    /// An index that asks the disk each time.
    fn index(&self) -> AssetIndex {
        AssetIndex::read(self.0.path()).unwrap().believing_nothing()
    }
}

async fn respond(index: &AssetIndex, path: &str, headers: &[(HeaderName, &str)]) -> io::Result<Response<Body>> {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect();
    index.respond(index.asset(path).unwrap(), &Method::GET, &headers).await
}

async fn get(index: &AssetIndex, path: &str, headers: &[(HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let response = respond(index, path, headers).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
}

fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", blake3::hash(bytes).to_hex())
}

/// The headers of these names; empty where there is none.
fn texts(headers: &HeaderMap, names: impl IntoIterator<Item = HeaderName>) -> Vec<String> {
    let text = |name| headers.get(name).map_or("", |value: &HeaderValue| value.to_str().unwrap());
    names.into_iter().map(|name| text(name).to_owned()).collect()
}

fn long() -> Vec<u8> {
    (0..contents::SHORT + 200_000).map(|place| u8::try_from(place % 251).unwrap()).collect()
}

#[test]
fn s9_dotfiles_and_links_are_not_in_the_index() {
    let outside = Tree::with(&[("secret.txt", b"secret")]);
    let tree = Tree::with(&[
        ("index.html", b"page"),
        (".env", b"secret"),
        (".git/config", b"secret"),
        ("a/.hidden/b.txt", b"secret"),
        ("a/.well-known/b.txt", b"secret"),
        (".well-known/security.txt", b"contact"),
    ]);
    symlink(outside.path("secret.txt"), tree.path("link.txt")).unwrap();
    symlink(outside.path("."), tree.path("links")).unwrap();
    symlink(tree.path("index.html"), tree.path("inside.html")).unwrap();
    let index = tree.index();
    let paths: Vec<&String> = index.assets.keys().collect();
    assert_eq!(paths, [".well-known/security.txt", "index.html"]);
    assert!(AssetIndex::read(&tree.path("missing")).is_err());
}

#[test]
fn equal_trees_have_equal_identities() {
    let first = Tree::with(&[("a.txt", b"a"), ("b/c.txt", b"c")]);
    let second = Tree::with(&[("b/c.txt", b"c"), ("a.txt", b"a")]);
    assert_eq!(first.index().identity(), second.index().identity());
    second.write("a.txt", b"b");
    assert_ne!(first.index().identity(), second.index().identity());
}

#[tokio::test]
async fn s9_a_link_that_takes_the_place_of_a_file_is_not_followed() {
    let outside = Tree::with(&[("a.txt", b"secret")]);
    let tree = Tree::with(&[("a.txt", b"public"), ("b/a.txt", b"public")]);
    let index = tree.index();
    fs::remove_file(tree.path("a.txt")).unwrap();
    symlink(outside.path("a.txt"), tree.path("a.txt")).unwrap();
    fs::remove_dir_all(tree.path("b")).unwrap();
    symlink(outside.path("."), tree.path("b")).unwrap();
    for path in ["a.txt", "b/a.txt"] {
        let error = respond(&index, path, &[]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{path}");
    }
}

#[tokio::test]
async fn conditions_and_ranges_hold_for_short_and_long_files() {
    let bytes = long();
    let tree = Tree::with(&[("short.js", &bytes[..1000]), ("long.js", &bytes), ("empty.js", b"")]);
    let index = tree.index();
    for (path, bytes) in [("short.js", &bytes[..1000]), ("long.js", &bytes[..]), ("empty.js", b"")] {
        let (status, headers, body) = get(&index, path, &[]).await;
        assert_eq!((status, body.as_slice() == bytes), (StatusCode::OK, true), "{path}");
        assert_eq!(texts(&headers, [ETAG]), [tag(bytes)]);
        assert_eq!(texts(&headers, [CONTENT_TYPE]), ["text/javascript; charset=utf-8"]);
        assert_eq!(texts(&headers, [ACCEPT_RANGES, VARY]), ["bytes", ""]);
        assert_eq!(texts(&headers, [CONTENT_LENGTH]), [bytes.len().to_string()]);
        let (status, headers, body) = get(&index, path, &[(IF_NONE_MATCH, &format!("W/{}", tag(bytes)))]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
        assert_eq!(texts(&headers, [ETAG, CONTENT_TYPE]), [&*tag(bytes), ""]);
        assert_eq!(texts(&headers, [CACHE_CONTROL]), ["no-cache, must-revalidate"]);
        let (status, headers, _) = get(&index, path, &[(RANGE, "bytes=9999999-")]).await;
        assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(texts(&headers, [CONTENT_RANGE]), [format!("bytes */{}", bytes.len())]);
    }
    for (path, length) in [("short.js", 1000), ("long.js", bytes.len())] {
        let (status, headers, body) = get(&index, path, &[(RANGE, "bytes=10-499")]).await;
        assert_eq!((status, body.as_slice()), (StatusCode::PARTIAL_CONTENT, &bytes[10..500]));
        assert_eq!(texts(&headers, [CONTENT_RANGE]), [format!("bytes 10-499/{length}")]);
        assert_eq!(texts(&headers, [CONTENT_LENGTH]), ["490"]);
        let (status, _, body) = get(&index, path, &[(RANGE, "bytes=-7"), (IF_RANGE, &tag(&bytes[..length]))]).await;
        assert_eq!((status, body.as_slice()), (StatusCode::PARTIAL_CONTENT, &bytes[length - 7..length]));
        let (status, _, body) = get(&index, path, &[(RANGE, "bytes=-7"), (IF_RANGE, "\"other\"")]).await;
        assert_eq!((status, body.len()), (StatusCode::OK, length));
    }
}

#[tokio::test]
async fn head_says_the_length_and_sends_nothing() {
    let tree = Tree::with(&[("a.txt", b"four")]);
    let index = tree.index();
    let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-0"))]);
    let response = index.respond(index.asset("a.txt").unwrap(), &Method::HEAD, &headers).await.unwrap();
    assert_eq!(
        (response.status(), texts(response.headers(), [CONTENT_LENGTH])),
        (StatusCode::OK, vec!["4".to_owned()])
    );
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn variants_are_chosen_by_what_the_client_takes() {
    let tree = Tree::with(&[("a.js", b"plain"), ("a.js.br", b"brotli"), ("a.js.gz", b"gzip"), ("b.js.zst", b"alone")]);
    let index = tree.index();
    let encoded = |accept: &'static str| {
        let index = &index;
        async move { get(index, "a.js", &[(ACCEPT_ENCODING, accept)]).await }
    };
    for (accept, encoding, bytes) in [
        ("gzip, br", "br", b"brotli".as_slice()),
        ("gzip, br;q=0.5", "gzip", b"gzip"),
        ("zstd, gzip;q=0.1", "gzip", b"gzip"),
    ] {
        let (status, headers, body) = encoded(accept).await;
        assert_eq!((status, body.as_slice()), (StatusCode::OK, bytes), "{accept}");
        assert_eq!(texts(&headers, [CONTENT_ENCODING, ETAG]), [encoding, &tag(bytes)]);
        assert_eq!(texts(&headers, [VARY, CONTENT_TYPE]), ["accept-encoding", "text/javascript; charset=utf-8"]);
        assert_eq!(texts(&headers, [ACCEPT_RANGES]), [""]);
    }
    for headers in [[(ACCEPT_ENCODING, "identity"), (VARY, "x")], [(ACCEPT_ENCODING, "br"), (RANGE, "bytes=0-")]] {
        let (_, headers, body) = get(&index, "a.js", &headers).await;
        assert_eq!((body.as_slice(), headers.get(CONTENT_ENCODING)), (b"plain".as_slice(), None));
        assert_eq!(texts(&headers, [VARY, ETAG]), ["accept-encoding", &tag(b"plain")]);
    }
    let not_modified = get(&index, "a.js", &[(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, &tag(b"brotli"))]).await;
    assert_eq!(not_modified.0, StatusCode::NOT_MODIFIED);
    assert_eq!(texts(&not_modified.1, [VARY, CONTENT_ENCODING]), ["accept-encoding", ""]);
    // Asked for by its own name it is a file like any other.
    let (_, headers, body) = get(&index, "a.js.gz", &[(ACCEPT_ENCODING, "gzip")]).await;
    assert_eq!((body.as_slice(), headers.get(CONTENT_ENCODING)), (b"gzip".as_slice(), None));
    assert_eq!(texts(&headers, [CONTENT_TYPE]), ["application/gzip"]);
}

#[tokio::test]
async fn a_changed_file_never_leaves_under_its_former_tag() {
    let bytes = long();
    let tree = Tree::with(&[("a.js", b"first"), ("a.js.br", b"brotli"), ("long.js", &bytes)]);
    let index = tree.index();
    assert_eq!(get(&index, "a.js", &[(ACCEPT_ENCODING, "br")]).await.2, b"brotli");
    assert_eq!(get(&index, "a.js", &[]).await.2, b"first");
    // Of the same length, with the same time of modification.
    let modified = fs::metadata(tree.path("a.js")).unwrap().modified().unwrap();
    tree.write("a.js", b"other");
    fs::File::options().write(true).open(tree.path("a.js")).unwrap().set_modified(modified).unwrap();
    for accept in ["identity", "br"] {
        let (status, headers, body) =
            get(&index, "a.js", &[(ACCEPT_ENCODING, accept), (IF_NONE_MATCH, &tag(b"first"))]).await;
        assert_eq!((status, body.as_slice()), (StatusCode::OK, b"other".as_slice()));
        assert_eq!(texts(&headers, [ETAG, CONTENT_ENCODING]), [&*tag(b"other"), ""]);
    }
    // While it is being sent.
    let body = respond(&index, "long.js", &[]).await.unwrap().into_body();
    tree.write("long.js", &bytes[1..]);
    assert!(body.collect().await.is_err());
    let (_, headers, body) = get(&index, "long.js", &[]).await;
    assert_eq!((texts(&headers, [ETAG]), body.as_slice()), (vec![tag(&bytes[1..])], &bytes[1..]));
    fs::remove_file(tree.path("a.js")).unwrap();
    assert_eq!(respond(&index, "a.js", &[]).await.unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn bytes_that_are_not_the_indexed_ones_get_a_tag_of_their_own() {
    let tree = Tree::with(&[("a.js", b"other")]);
    let AssetEntry { path, place, .. } = tree::entries(tree.0.path()).unwrap().remove(0);
    // As if it had been written within one tick of the clock after it was read.
    let index = AssetIndex::new([AssetEntry { path, place, digest: blake3::hash(b"first"), length: 5 }]);
    let (status, headers, body) = get(&index, "a.js", &[(IF_NONE_MATCH, &tag(b"first"))]).await;
    assert_eq!((status, texts(&headers, [ETAG]), body), (StatusCode::OK, vec![tag(b"other")], b"other".to_vec()));
}

#[tokio::test]
async fn what_was_read_is_believed_for_a_moment() {
    let tree = Tree::with(&[("a.js", b"first")]);
    let index = AssetIndex { contents: Arc::new(Contents::believing(Duration::from_hours(1))), ..tree.index() };
    assert_eq!(get(&index, "a.js", &[]).await.2, b"first");
    tree.write("a.js", b"other");
    let (_, headers, body) = get(&index, "a.js", &[]).await;
    assert_eq!((texts(&headers, [ETAG]), body.as_slice()), (vec![tag(b"first")], b"first".as_slice()));
}

#[tokio::test]
async fn an_index_can_be_made_from_memory() {
    let bytes = long();
    let place = Place::Memory(bytes.clone().into());
    let entry =
        AssetEntry { path: "a.wasm".to_owned(), digest: blake3::hash(&bytes), length: bytes.len() as u64, place };
    let index = AssetIndex::new([entry]);
    let (_, headers, body) = get(&index, "a.wasm", &[(RANGE, "bytes=5-9")]).await;
    assert_eq!(body.as_slice(), &bytes[5..10]);
    assert_eq!(
        (texts(&headers, [CACHE_CONTROL, CONTENT_TYPE]), index.len()),
        (vec![String::new(), "application/wasm".to_owned()], 1)
    );
}

#[test]
fn types_follow_from_names() {
    for (path, expected) in [
        ("index.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.js.map", "application/json; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"),
        ("a.xml", "text/xml; charset=utf-8"),
        ("a.webmanifest", "application/manifest+json; charset=utf-8"),
        ("a.PNG", "image/png"),
        ("a.woff2", "font/woff2"),
        ("a.avif", "image/avif"),
        ("a.pdf", "application/pdf"),
        ("a.ico", "image/x-icon"),
        ("a.br", "application/octet-stream"),
        ("CNAME", "application/octet-stream"),
    ] {
        assert_eq!(content_type(path), expected, "{path}");
    }
    assert_eq!(
        (extension("a/b.c"), extension("a.b/c"), extension(".c"), extension("c.")),
        (Some("c"), None, None, Some(""))
    );
}
