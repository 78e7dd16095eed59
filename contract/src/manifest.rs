//! The module manifest as types, for readers of a document that [`validate_module_manifest`](crate::validate_module_manifest)
//! accepted.
//!
//! The tables in [`crate::definitions`] decide what is valid; these types only carry it. Reading an accepted document and
//! writing it again gives the same document.

mod route;

use serde::{Deserialize, Serialize};

pub use route::{
    Answer, ErrorCode, Flash, FlashCondition, FlashLevel, FlashMessage, Form, FormContentType, Fragment, FragmentMode,
    Interaction, Method, ModuleError, Redirect, Route, RouteInput, RouteOutput, Session, SessionMode,
};

/// The version of the contract that is written when a module names none.
pub const CONTRACT_VERSION: &str = "1.0.0";

/// What a module serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleManifest {
    /// The version of the contract, for example `1.0.0`.
    pub contract_version: String,
    /// The module's name, usually that of its package.
    pub name: String,
    /// The module's version, usually that of its package.
    pub version: String,
    /// Which side of the application it is.
    pub kind: ModuleKind,
    /// What the module needs or offers, free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Files that belong to the module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assets: Option<Vec<String>>,
    /// Hooks that routes may name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_hooks: Option<Vec<RequestHook>>,
    /// Routes, in order of precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<Route>>,
    /// Views, in order of precedence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<Vec<View>>,
    /// Jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Vec<Job>>,
    /// Events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<Event>>,
    /// Services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<Service>>,
    /// Name of the function that runs at start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    /// Name of the function that runs at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispose: Option<String>,
}

/// Which side of the application a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModuleKind {
    /// Runs in the browser.
    Frontend,
    /// Runs on the server.
    Backend,
}

/// A hook that routes may name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestHook {
    /// Its name.
    pub id: String,
    /// When it runs.
    pub phase: HookPhase,
    /// Its place among the hooks of a phase, smallest first. A number without a fraction.
    pub order: serde_json::Number,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// More than one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HookPhase {
    /// Before the request is authenticated.
    BeforeAuth,
    /// After that, before the handler.
    BeforeHandler,
    /// After the handler.
    AfterHandler,
}

/// A route's mention of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHookReference {
    /// The hook's name.
    pub id: String,
}

/// One page that the server renders or that a frontend page serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Its name.
    pub name: String,
    /// Its path pattern, for example `/accounts/:id`.
    pub path: String,
    /// The frontend page that serves it (contract package 0.1.63).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// More than one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Free labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Schema of the path parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<SchemaReference>,
    /// Schema of the loaded data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<SchemaReference>,
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

/// How a route or view is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RenderMode {
    /// At build time.
    Ssg,
    /// A request at a time.
    Ssr,
    /// In the browser.
    Spa,
}

/// Hints for static generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StaticGeneration {
    /// Seconds after which a static page is stale. A number above zero without a fraction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revalidate_seconds: Option<serde_json::Number>,
}

/// A mention of a schema in the user's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaReference {
    /// The system the schema is written in.
    pub kind: SchemaKind,
    /// The exported name.
    pub name: String,
    /// The module that exports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The system a schema is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemaKind {
    /// zod.
    Zod,
    /// JSON Schema.
    JsonSchema,
    /// ts-rest.
    TsRest,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its name, that of its directory under `jobs`.
    pub name: String,
    /// When it runs, for example `0 3 * * *` or `rate(5 minutes)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// More than one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

/// The weight of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Priority {
    /// A number without a fraction.
    Number(serde_json::Number),
    /// A word.
    Word(String),
}

/// An event that the module publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Schema of what it carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<SchemaReference>,
    /// More than one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A service that the module offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// More than one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}
