//! What the dispatcher is told of a request.
//!
//! The *message* of a route is two lines of JSON: what every call needs, and the *details*, which the dispatcher reads when a
//! handler asks for the request itself or writes to the log. Most do neither, and headers are the larger part.

use std::borrow::Cow;
use std::ops::Not;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::auth::AuthContext;
use crate::body::Body;
use crate::session::{FlashMessage, ScriptSession, iso};

/// The first line of a route's message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "what a route demands, one thing each")]
pub(super) struct RouteCall<'a> {
    pub(super) op: &'static str,
    pub(super) call: u64,
    pub(super) route: usize,
    #[serde(serialize_with = "as_object")]
    pub(super) params: &'a [(String, String)],
    pub(super) query: Map<String, Value>,
    pub(super) flash: Vec<FlashMessage>,
    pub(super) request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<SessionMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth: Option<AuthContext>,
    /// Hooks that run first decide whether anybody asks who sent it.
    #[serde(skip_serializing_if = "Not::not")]
    pub(super) auth_pending: bool,
    #[serde(skip_serializing_if = "Not::not")]
    pub(super) session_required: bool,
    #[serde(skip_serializing_if = "Not::not")]
    pub(super) validate: bool,
    /// A token is required.
    #[serde(skip_serializing_if = "Not::not")]
    pub(super) csrf: bool,
    #[serde(skip_serializing_if = "Not::not")]
    pub(super) cross_site: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Value>,
}

/// The second line of a route's message.
#[derive(Serialize)]
pub(super) struct Details<'a> {
    pub(super) request: RequestMessage<'a>,
    pub(super) bindings: Bindings<'a>,
}

#[derive(Serialize)]
pub(super) struct RequestMessage<'a> {
    pub(super) method: &'a str,
    pub(super) url: String,
    pub(super) headers: Vec<(&'a str, Cow<'a, str>)>,
}

/// What every record of a request's logger says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bindings<'a> {
    pub(super) request_id: &'a str,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) route: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionMessage<'a> {
    value: &'a Map<String, Value>,
    id: &'a str,
    created_at: String,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<&'a Map<String, Value>>,
}

impl<'a> SessionMessage<'a> {
    pub(super) fn new(session: &'a ScriptSession) -> Self {
        Self {
            value: &session.value,
            id: &session.id,
            created_at: iso(session.created_at),
            expires_at: iso(session.expires_at),
            form: session.form.as_ref(),
        }
    }
}

impl RouteCall<'_> {
    pub(super) fn with_details(&self, details: &Details<'_>) -> Result<String, serde_json::Error> {
        let mut message = serde_json::to_string(self)?;
        message.push('\n');
        message.push_str(&serde_json::to_string(details)?);
        Ok(message)
    }
}

fn as_object<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// Name and value of every header, as text.
pub(super) fn header_list(headers: &HeaderMap) -> Vec<(&str, Cow<'_, str>)> {
    headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))).collect()
}

/// What a message says of a body, and the bytes that travel beside it: those of files, of which the message says where each starts
/// and ends, or of a body that is nothing else.
pub(super) fn body_message(body: Body) -> (Option<Value>, Option<Bytes>) {
    let value = match body {
        Body::Empty => return (None, None),
        Body::Json(value) => value,
        Body::Form(fields) => Value::Object(fields),
        Body::Text(text) => Value::String(text),
        Body::Bytes(bytes) => return (Some(json!({ "bytes": true })), Some(bytes)),
        Body::Multipart(form) => {
            let mut bytes = BytesMut::new();
            let mut files = Vec::new();
            for file in form.files {
                let start = bytes.len();
                bytes.extend_from_slice(&file.bytes);
                files.push(json!({
                    "name": file.name,
                    "filename": file.filename,
                    "type": file.content_type,
                    "start": start,
                    "end": bytes.len(),
                }));
            }
            return (Some(json!({ "value": form.fields, "files": files })), Some(bytes.freeze()));
        }
    };
    (Some(json!({ "value": value })), None)
}
