//! What a module exports, as plain data.

use serde::Deserialize;
use serde_json::Value;

/// What a module exports. Functions are reported as present or absent; schemas and other things that are not data are left out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleDescription {
    /// The names it exports, in code unit order.
    pub exports: Vec<String>,
    /// The first of `module`, `moduleDefinition`, `default`, `backendModule` that is neither `null` nor `undefined`.
    pub picked: Option<String>,
    /// What is exported under that name, when it is an object with a `manifest` key.
    pub definition: Option<Definition>,
    /// What was left out of the definition, at most 100 entries.
    pub dropped: Vec<Dropped>,
}

/// A module definition.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// Its manifest; `null` when it is no data.
    pub manifest: Value,
    /// Its routes, when it has a list of them.
    pub routes: Option<Vec<Entry>>,
    /// Its views, when it has a list of them.
    pub views: Option<Vec<Entry>>,
    /// Its request hooks, when it has a list of them.
    pub request_hooks: Option<Vec<Callable>>,
    /// The name of its `init` function.
    pub init: Option<String>,
    /// The name of its `dispose` function.
    pub dispose: Option<String>,
}

/// A route or a view.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Entry {
    /// Its `definition`; `null` when it is no data.
    pub definition: Value,
    /// Whether its `handler` or `load` is a function.
    pub callable: bool,
}

/// A request hook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Callable {
    /// Its id, when it is a string.
    pub id: Option<String>,
    /// Whether its `handler` is a function.
    pub callable: bool,
}

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dropped {
    /// Where it was, for example `routes[0].definition.input`.
    pub path: String,
    /// What it was, for example `a function`.
    pub what: String,
}
