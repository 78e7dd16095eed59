//! The documents of request-time views.
//!
//! A *document* is a page that the frontend build wrote. A view writes its *state* into it: JSON in a script element, and three
//! attributes on the body.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustc_hash::FxHashMap;

/// Documents as they were last read. Bounded: beyond that the one read first goes.
#[derive(Debug, Default)]
pub struct Documents {
    read: Mutex<FxHashMap<PathBuf, Cached>>,
}

const MOST_DOCUMENTS: usize = 256;

#[derive(Debug)]
struct Cached {
    text: Arc<str>,
    modified: Option<SystemTime>,
    length: u64,
    since: SystemTime,
}

/// Where a document came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheStatus {
    Miss,
    Hit,
    /// It had changed.
    Stale,
}

impl CacheStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Hit => "hit",
            Self::Stale => "stale",
        }
    }
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("No document for the page `{page}`; looked for {}", .candidates.join(", "))]
    Missing { page: String, candidates: Vec<String> },
    #[error("{path}: {source}")]
    Read { path: String, source: io::Error },
}

impl Documents {
    /// The document for a request path whose first segment is `page`; `home` for the root. Looks at the disk: not for I/O threads.
    pub fn find(&self, root: &Path, page: &str) -> Result<(Arc<str>, CacheStatus), DocumentError> {
        let (page, names) = document_names(page);
        let outputs = ["build/frontend", "dist/frontend"].into_iter();
        let candidates: Vec<String> =
            outputs.flat_map(|output| names.iter().map(move |name| format!("{output}/{name}"))).collect();
        // A segment of a request is one name: anything else would lead elsewhere.
        let is_name = !page.starts_with('.') && !page.contains(['/', '\\', '\0']);
        for candidate in candidates.iter().filter(|_| is_name) {
            let path = root.join(candidate);
            let read = |source| DocumentError::Read { path: candidate.clone(), source };
            match fs::metadata(&path) {
                Ok(found) if found.is_file() => return self.read(&path, &found).map_err(read),
                _ => {}
            }
        }
        Err(DocumentError::Missing { page, candidates })
    }

    fn read(&self, path: &Path, found: &fs::Metadata) -> io::Result<(Arc<str>, CacheStatus)> {
        let mut documents = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let (modified, length) = (found.modified().ok(), found.len());
        let status = match documents.get(path) {
            Some(cached) if cached.modified == modified && cached.length == length => {
                return Ok((Arc::clone(&cached.text), CacheStatus::Hit));
            }
            Some(_) => CacheStatus::Stale,
            None => CacheStatus::Miss,
        };
        let text: Arc<str> = fs::read_to_string(path)?.into();
        if documents.len() >= MOST_DOCUMENTS && status == CacheStatus::Miss {
            let oldest = documents.iter().min_by_key(|(_, cached)| cached.since).map(|(path, _)| path.clone());
            if let Some(oldest) = oldest {
                documents.remove(&oldest);
            }
        }
        let cached = Cached { text: Arc::clone(&text), modified, length, since: SystemTime::now() };
        documents.insert(path.to_owned(), cached);
        Ok((text, status))
    }
}

/// The name of a page, `home` for none, and where its document may be in the published tree.
pub(crate) fn document_names(page: &str) -> (String, Vec<String>) {
    let page = if page.is_empty() { "home" } else { page };
    let mut names = vec![format!("pages/{page}/index.html"), format!("{page}/index.html"), format!("{page}.html")];
    if page == "home" {
        names.push("index.html".to_owned());
    }
    (page.to_owned(), names)
}

/// What a view adds to its document.
pub struct ViewState<'a> {
    pub name: &'a str,
    /// The pattern.
    pub path: &'a str,
    pub pathname: &'a str,
    /// JSON.
    pub params: &'a str,
    /// JSON.
    pub data: &'a str,
    pub request_id: &'a str,
}

/// The document with the state in it.
pub fn with_state(document: &str, state: &ViewState<'_>) -> String {
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let payload = format!(
        r#"{{"view":{{"name":{},"path":{},"pathname":{},"params":{}}},"data":{},"requestId":{}}}"#,
        json(state.name),
        json(state.path),
        json(state.pathname),
        state.params,
        state.data,
        json(state.request_id)
    );
    let script =
        format!(r#"<script type="application/json" id="webstir-view-state">{}</script>"#, escape_json(&payload));
    let attributes = format!(
        r#" data-webstir-view-name="{}" data-webstir-view-pathname="{}" data-webstir-view-template="{}""#,
        escape_attribute(state.name),
        escape_attribute(state.pathname),
        escape_attribute(state.path)
    );
    let mut text = String::with_capacity(document.len() + script.len() + attributes.len() + 2);
    let rest = match body_tag_end(document) {
        Some(end) => {
            text.push_str(&document[..end]);
            text.push_str(&attributes);
            &document[end..]
        }
        None => document,
    };
    let close = find_ignoring_case(rest, "</body>").or_else(|| find_ignoring_case(rest, "</html>"));
    let (before, after) = rest.split_at(close.unwrap_or(rest.len()));
    text.push_str(before);
    text.push('\n');
    text.push_str(&script);
    text.push('\n');
    text.push_str(after);
    text
}

/// Where attributes go: after the name of the first body tag.
fn body_tag_end(document: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(place) = find_ignoring_case(&document[from..], "<body") {
        let end = from + place + "<body".len();
        match document.as_bytes().get(end) {
            Some(b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n') => return Some(end),
            _ => from = end,
        }
    }
    None
}

fn find_ignoring_case(text: &str, needle: &str) -> Option<usize> {
    text.as_bytes().windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}

/// JSON that cannot end the element it stands in.
fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn escape_attribute(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(data: &'static str) -> ViewState<'static> {
        ViewState { name: "a\"b", path: "/p/:id", pathname: "/p/1", params: r#"{"id":"1"}"#, data, request_id: "r" }
    }

    #[test]
    fn the_state_stands_at_the_end_of_the_body() {
        let text = with_state("<html><BODY class=x><p></BODY></html>", &state("null"));
        assert_eq!(
            text,
            "<html><BODY data-webstir-view-name=\"a&quot;b\" data-webstir-view-pathname=\"/p/1\" \
             data-webstir-view-template=\"/p/:id\" class=x><p>\n<script type=\"application/json\" \
             id=\"webstir-view-state\">{\"view\":{\"name\":\"a\\\"b\",\"path\":\"/p/:id\",\"pathname\":\"/p/1\",\
             \"params\":{\"id\":\"1\"}},\"data\":null,\"requestId\":\"r\"}</script>\n</BODY></html>"
        );
        assert!(with_state("<html><bodyless></html>", &state("1")).ends_with("</script>\n</html>"));
        assert!(with_state("plain", &state("1")).ends_with("</script>\n"));
    }

    #[test]
    fn s8_dollars_and_markup_in_data_stay_data() {
        let text = with_state("<body></body>", &state(r#"{"a":"$& $` $' $$ </script><b>\u2028"}"#));
        assert!(text.contains(r#""a":"$\u0026 $` $' $$ \u003c/script\u003e\u003cb\u003e\u2028""#), "{text}");
        assert_eq!(text.matches("</script>").count(), 1);
    }

    #[test]
    fn documents_are_read_again_when_they_change() {
        let root = tempfile::tempdir().unwrap();
        let documents = Documents::default();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let found = || documents.find(root.path(), "").map(|(text, status)| (text.to_string(), status.as_str()));
        assert!(matches!(found(), Err(DocumentError::Missing { candidates, .. }) if candidates.len() == 8));
        write("dist/frontend/index.html", "one");
        assert_eq!(found().unwrap(), ("one".to_owned(), "miss"));
        assert_eq!(found().unwrap(), ("one".to_owned(), "hit"));
        write("dist/frontend/index.html", "other");
        assert_eq!(found().unwrap(), ("other".to_owned(), "stale"));
        write("build/frontend/pages/home/index.html", "first");
        assert_eq!(found().unwrap(), ("first".to_owned(), "miss"));
    }

    #[test]
    fn a_page_is_one_name() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("secret.html"), "secret").unwrap();
        for page in ["../../secret", "..", ".hidden", "a/b", "a\0b"] {
            assert!(Documents::default().find(root.path(), page).is_err(), "{page}");
        }
    }
}
