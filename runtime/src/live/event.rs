//! Server-sent events, as text.
//!
//! The names are those of the development server that pages were written for: `status`, `hmr`, and the unnamed `reload` and
//! `shutdown`. `findings` is new.

use bytes::Bytes;
use serde_json::json;

use super::finding::Findings;
use crate::assets::extension;

/// One event. Cloning shares its text.
#[derive(Debug, Clone)]
pub(super) struct Event {
    text: Bytes,
    pub(super) is_last: bool,
}

/// How a build goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Building,
    Success,
    Error,
    /// It cannot be taken over in place.
    Fallback,
}

/// Several events in one piece.
pub(super) struct Greeting(Vec<u8>);

/// Milliseconds after which a browser whose connection broke tries again.
const RETRY: u32 = 500;

impl Event {
    pub(super) fn status(status: Status) -> Self {
        let word = match status {
            Status::Building => "building",
            Status::Success => "success",
            Status::Error => "error",
            Status::Fallback => "hmr-fallback",
        };
        Self::new(&format!("event: status\ndata: {word}\n"))
    }

    /// Of these paths those that name style sheets are loaded again.
    pub(super) fn hot_styles(changed: &[String]) -> Self {
        let styles: Vec<&String> = changed.iter().filter(|path| extension(path) == Some("css")).collect();
        let mut update = json!({ "requiresReload": false, "modules": [], "styles": styles });
        if let [file] = changed {
            update["changedFile"] = json!(file);
        }
        Self::new(&format!("event: hmr\ndata: {update}\n"))
    }

    /// All that is known to be wrong.
    pub(super) fn findings(findings: &Findings) -> Self {
        Self::new(&format!("event: findings\ndata: {}\n", json!(findings)))
    }

    pub(super) fn reload() -> Self {
        Self::new("data: reload\n")
    }

    pub(super) fn shutdown() -> Self {
        Self { is_last: true, ..Self::new("data: shutdown\n") }
    }

    /// What keeps a connection that nothing is said on from being given up.
    pub(super) fn comment() -> Bytes {
        Bytes::from_static(b":\n\n")
    }

    /// `lines` end with their line break, and hold no other than that of a field.
    fn new(lines: &str) -> Self {
        Self { text: Bytes::copy_from_slice(lines.as_bytes()), is_last: false }
    }

    /// The event, at this revision.
    pub(super) fn at(&self, revision: &str) -> Self {
        let text = [b"id: ", revision.as_bytes(), b"\n", &self.text, b"\n"].concat();
        Self { text: text.into(), is_last: self.is_last }
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.text
    }

    /// What a client gets first.
    pub(super) fn greeting() -> Greeting {
        Greeting(format!("\nretry: {RETRY}\n\n").into_bytes())
    }
}

impl Greeting {
    pub(super) fn push(&mut self, revision: &str, event: &Event) {
        self.0.extend_from_slice(&event.at(revision).text);
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.0.into()
    }
}
