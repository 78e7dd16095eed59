//! Routes: what is asked, what is needed of a session, what is answered.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{RenderMode, RequestHookReference, SchemaReference, StaticGeneration};

/// One HTTP route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Its name.
    pub name: String,
    /// Its method.
    pub method: Method,
    /// Its path pattern, for example `/accounts/:id`.
    pub path: String,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// More than one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Free labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Whether it shows something or changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction: Option<Interaction>,
    /// Hooks that run around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_hooks: Option<Vec<RequestHookReference>>,
    /// What it needs of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// Messages for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flash: Option<Flash>,
    /// The form it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// The part of a page it answers with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragment: Option<Fragment>,
    /// What it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<RouteInput>,
    /// What it gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<RouteOutput>,
    /// Errors it may answer with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<ModuleError>>,
    /// How it is rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub render_mode: Option<RenderMode>,
    /// Paths rendered at build time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_paths: Option<Vec<String>>,
    /// Hints for static generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssg: Option<StaticGeneration>,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
}

/// Whether a route shows something or changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interaction {
    /// Shows something.
    Navigation,
    /// Changes something.
    Mutation,
}

/// What a route needs of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whether there must be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<SessionMode>,
    /// Whether the route changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<bool>,
}

/// Whether there must be a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionMode {
    /// No.
    Optional,
    /// Yes; without one the request is refused.
    Required,
}

/// Messages for the next page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// Keys that this route takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consume: Option<Vec<String>>,
    /// Messages that this route leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish: Option<Vec<FlashMessage>>,
}

/// A message for the next page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlashMessage {
    /// Its key.
    pub key: String,
    /// Its weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<FlashLevel>,
    /// On which outcome it is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<FlashCondition>,
}

/// The weight of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlashLevel {
    /// Worth knowing.
    Info,
    /// It worked.
    Success,
    /// Suspicious.
    Warning,
    /// It failed.
    Error,
}

/// On which outcome a message is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlashCondition {
    /// On each.
    Always,
    /// When it worked.
    Success,
    /// When it failed.
    Error,
}

/// The form that a route takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// Its encoding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<FormContentType>,
    /// Whether it carries a token against cross-site requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf: Option<bool>,
    /// What it needs of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// Messages for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flash: Option<Flash>,
}

/// The encoding of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FormContentType {
    /// `application/x-www-form-urlencoded`
    #[serde(rename = "application/x-www-form-urlencoded")]
    UrlEncoded,
    /// `multipart/form-data`
    #[serde(rename = "multipart/form-data")]
    Multipart,
    /// `text/plain`
    #[serde(rename = "text/plain")]
    Text,
}

/// The part of a page that an answer replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// Its name.
    pub target: String,
    /// Where it is in the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// How it is put there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<FragmentMode>,
}

/// How a fragment is put into a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FragmentMode {
    /// In place of what is there.
    Replace,
    /// After it.
    Append,
    /// Before it.
    Prepend,
}

/// What a route takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteInput {
    /// Path parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<SchemaReference>,
    /// The query string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<SchemaReference>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<SchemaReference>,
    /// The headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<SchemaReference>,
}

/// What a route gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RouteOutput {
    /// One of several answers.
    Several {
        /// The answers, at least one.
        responses: Vec<Answer>,
    },
    /// This answer.
    One(Box<Answer>),
}

/// One answer. A redirect has no body, a fragment has both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Schema of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<SchemaReference>,
    /// Where it redirects to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// The part of a page it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragment: Option<Fragment>,
    /// The status, 100 to 599.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<serde_json::Number>,
    /// Schema of the headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<SchemaReference>,
}

/// Where an answer redirects to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<serde_json::Number>,
    /// The address, when it is always the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// An error that a route may answer with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleError {
    /// Its kind.
    pub code: ErrorCode,
    /// What it says.
    pub message: String,
    /// Anything.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    pub details: Option<Value>,
    /// Anything.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    pub cause: Option<Value>,
    /// Ties it to a log line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

/// The kind of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request is wrong.
    Validation,
    /// The caller may not.
    Auth,
    /// There is no such thing.
    NotFound,
    /// A rule of the application forbids it.
    Domain,
    /// Something else got there first.
    Conflict,
    /// Our fault.
    Internal,
}

/// A field that may hold `null`, which is not the same as being absent.
mod present {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Value>, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
        Value::deserialize(deserializer).map(Some)
    }
}
