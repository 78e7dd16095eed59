//! One manifest out of two: what `package.json` declares and what the module exports.

mod session;

use serde_json::{Map, Value};
use webstir_contract::CONTRACT_VERSION;
use webstir_contract::path_pattern::declared_route_key;
use webstir_contract::schema::Step;
use webstir_engine::diagnostic::Diagnostic;
use webstir_script::{Definition, Entry};

use super::{Hydration, Origin};

pub(super) const DEFAULT_VERSION: &str = "0.0.0";

pub(super) fn default_name(directory_name: &str) -> String {
    format!("backend-module-{directory_name}")
}

/// A merged manifest, not yet validated, and where its parts were declared.
#[derive(Default)]
pub(super) struct Merged {
    pub(super) manifest: Map<String, Value>,
    /// Where each key was declared.
    keys: Vec<(String, Origin)>,
    /// For each list that was put together, where each item was declared.
    items: Vec<(String, Vec<Origin>)>,
}

impl Merged {
    /// Where the value at `path` of the merged manifest was declared.
    pub(super) fn origin(&self, path: &[Step]) -> Origin {
        let Some((Step::Key(key), below)) = path.split_first() else {
            return Origin::Default;
        };
        let list = self.items.iter().find(|(list, _)| list == key);
        let (origin, below) = match (list, below.split_first()) {
            (Some((_, items)), Some((Step::Index(index), below))) => (items.get(*index), below),
            _ => (self.keys.iter().find(|(name, _)| name == key).map(|(_, origin)| origin), below),
        };
        match origin {
            Some(Origin::Package(start)) => Origin::Package(start.iter().chain(below).cloned().collect()),
            Some(origin) => origin.clone(),
            None => Origin::Default,
        }
    }

    fn set(&mut self, key: &str, value: Value, origin: Origin) {
        self.keys.retain(|(name, _)| name != key);
        self.keys.push((key.to_owned(), origin));
        self.manifest.insert(key.to_owned(), value);
    }

    fn set_list(&mut self, key: &str, list: List) {
        self.items.push((key.to_owned(), list.origins));
        self.set(key, Value::Array(list.items), Origin::Module);
    }
}

/// What makes two items of a list the same.
type Identity = fn(&Value) -> Option<String>;

/// A list under construction: the items and where each was declared.
#[derive(Default)]
struct List {
    items: Vec<Value>,
    origins: Vec<Origin>,
}

impl List {
    fn push(&mut self, item: Value, origin: Origin) {
        self.items.push(item);
        self.origins.push(origin);
    }

    fn of_module(items: &[Value]) -> Self {
        Self { items: items.to_vec(), origins: vec![Origin::Module; items.len()] }
    }

    /// Appends the declared items whose identity is new. One without an identity is never new.
    fn append_new(&mut self, key: &str, declared: &[Value], identity: Identity) {
        let known: Vec<String> = self.items.iter().filter_map(identity).collect();
        for (index, item) in declared.iter().enumerate() {
            if identity(item).is_some_and(|identity| !known.contains(&identity)) {
                self.push(item.clone(), declared_item(key, index));
            }
        }
    }
}

/// The path in `package.json` of a part of the declared manifest.
fn declared_at(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let root = ["webstir", "moduleManifest"].map(|key| Step::Key(key.to_owned()));
    root.into_iter().chain(steps).collect()
}

fn declared_key(key: &str) -> Origin {
    Origin::Package(declared_at([Step::Key(key.to_owned())]))
}

fn declared_item(list: &str, index: usize) -> Origin {
    Origin::Package(declared_at([Step::Key(list.to_owned()), Step::Index(index)]))
}

fn text_at(item: &Value, key: &str) -> Option<String> {
    item.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// Lists that are the union of both, those of the package first.
const UNIONS: [&str; 2] = ["capabilities", "assets"];

/// Lists of the module to which what only the package declares is appended.
const KEYED: [(&str, Identity); 3] = [
    ("routes", declared_route_key),
    ("jobs", |job| text_at(job, "name")),
    ("requestHooks", |hook| text_at(hook, "id")),
];

/// Keys that are an empty list when nobody declares them.
const EMPTY_LISTS: [&str; 6] = ["capabilities", "routes", "views", "jobs", "events", "services"];

impl<'a> Hydration<'a> {
    pub(super) fn merge(&mut self) -> Merged {
        let mut merged = self.candidate();
        if let Some(definition) = self.definition() {
            self.overlay(&mut merged, definition);
        }
        // A route without a method is a GET, for every reader of the manifest.
        if let Some(Value::Array(routes)) = merged.manifest.get_mut("routes") {
            for route in routes.iter_mut().filter_map(Value::as_object_mut) {
                route.entry("method").or_insert_with(|| Value::String("GET".to_owned()));
            }
        }
        merged
    }

    /// What the package declares; `null` is as good as absent.
    fn declared(&self, key: &str) -> Option<&'a Value> {
        self.input.projection.manifest.get(key).filter(|value| !value.is_null())
    }

    /// What the package declares as a list.
    fn declared_list(&self, key: &str) -> &'a [Value] {
        self.declared(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// What follows from `package.json` alone.
    fn candidate(&self) -> Merged {
        let mut merged = Merged::default();
        let root_key = |key: &str| Origin::Package(vec![Step::Key(key.to_owned())]);
        let package = self.input.projection;
        let mut identity = |key: &str, of_package: Option<&String>, default: &dyn Fn() -> String| match (
            self.declared(key).and_then(Value::as_str),
            of_package,
        ) {
            (Some(text), _) => merged.set(key, Value::String(text.to_owned()), declared_key(key)),
            (None, Some(text)) => merged.set(key, Value::String(text.clone()), root_key(key)),
            (None, None) => merged.set(key, Value::String(default()), Origin::Default),
        };
        identity("contractVersion", None, &|| CONTRACT_VERSION.to_owned());
        identity("name", package.name.as_ref(), &|| default_name(self.input.directory_name));
        identity("version", package.version.as_ref(), &|| DEFAULT_VERSION.to_owned());
        merged.set("kind", Value::String("backend".to_owned()), Origin::Default);
        for key in EMPTY_LISTS {
            let declared = self.declared(key).filter(|value| key != "capabilities" || value.is_array());
            match declared {
                Some(value) => merged.set(key, value.clone(), declared_key(key)),
                None => merged.set(key, Value::Array(Vec::new()), Origin::Default),
            }
        }
        for key in ["assets", "requestHooks", "init", "dispose"] {
            if let Some(value) = self.declared(key) {
                merged.set(key, value.clone(), declared_key(key));
            }
        }
        merged
    }

    /// The definition; a module that exports none is told.
    fn definition(&mut self) -> Option<&'a Definition> {
        let module = self.input.module?;
        if module.definition.is_some() {
            return module.definition.as_ref();
        }
        let message = match &module.picked {
            Some(name) => format!("The export `{name}` is not a module definition: it has no `manifest`"),
            None => "The module exports no definition".to_owned(),
        };
        let help = "Export an object with a `manifest` as `module`, `moduleDefinition`, `default` or `backendModule`";
        let diagnostic = Diagnostic::warning("manifest::no_definition", message).help(help);
        let diagnostic = self.place(diagnostic, &Origin::Module);
        self.diagnostics.push(diagnostic);
        None
    }

    /// The definition over what the package declares.
    fn overlay(&mut self, merged: &mut Merged, definition: &Definition) {
        let nothing = Map::new();
        let code = definition.manifest.as_object().unwrap_or(&nothing);
        self.check_kind(code);
        let joined = |key: &str| UNIONS.contains(&key) || KEYED.iter().any(|(list, _)| *list == key);
        for (key, value) in code {
            if key != "kind" && key != "views" && !joined(key) {
                merged.set(key, value.clone(), Origin::Module);
            }
        }
        for key in UNIONS {
            if let Some(value) = code.get(key) {
                self.join(merged, key, value, |declared, items| {
                    let mut list = List::default();
                    for (index, item) in declared.iter().enumerate() {
                        list.push(item.clone(), declared_item(key, index));
                    }
                    for item in items {
                        if !list.items.contains(item) {
                            list.push(item.clone(), Origin::Module);
                        }
                    }
                    list
                });
            }
        }
        let routes = definition.routes.as_deref().map(definitions).or_else(|| code.get("routes").cloned());
        for (key, identity) in KEYED {
            let value = if key == "routes" { routes.as_ref() } else { code.get(key) };
            if let Some(value) = value {
                self.join(merged, key, value, |declared, items| {
                    let mut list = List::of_module(items);
                    list.append_new(key, declared, identity);
                    list
                });
            }
        }
        if routes.is_some() {
            self.reconcile_sessions(merged);
            self.check_unkeyed();
        }
        let views = definition.views.as_deref().map(definitions).or_else(|| code.get("views").cloned());
        if let Some(views) = views {
            merged.set("views", views, Origin::Module);
        }
    }

    /// Puts a list of the module and one of the package together. What the module declares instead of a list is left for the
    /// validation; what the package declares instead of one is ignored.
    fn join(&mut self, merged: &mut Merged, key: &str, value: &Value, join: impl FnOnce(&[Value], &[Value]) -> List) {
        if self.declared(key).is_some_and(|declared| !declared.is_array()) {
            let message = format!("`{key}` of `webstir.moduleManifest` is not a list and is ignored");
            let diagnostic = Diagnostic::warning("manifest::not_a_list", message);
            let diagnostic = self.place(diagnostic, &declared_key(key));
            self.diagnostics.push(diagnostic);
        }
        match value {
            Value::Array(items) => merged.set_list(key, join(self.declared_list(key), items)),
            other => merged.set(key, other.clone(), Origin::Module),
        }
    }

    /// The kind is fixed: this is the backend's manifest.
    fn check_kind(&mut self, code: &Map<String, Value>) {
        if let Some(kind) = code.get("kind").filter(|kind| *kind != "backend") {
            let kind = kind.as_str().map_or_else(|| kind.to_string(), str::to_owned);
            let message =
                format!("The module definition says that its kind is `{kind}`; a backend module is `backend`");
            let diagnostic = self.place(Diagnostic::warning("manifest::kind", message), &Origin::Module);
            self.diagnostics.push(diagnostic.help("Write `kind: 'backend'` or leave `kind` out"));
        }
    }

    /// Declared routes without a key cannot be compared with those of the module and are left out.
    fn check_unkeyed(&mut self) {
        for (index, route) in self.declared_list("routes").iter().enumerate() {
            if declared_route_key(route).is_none() {
                let message = format!("Route {index} of `webstir.moduleManifest` has no usable path and is left out");
                let diagnostic = Diagnostic::warning("manifest::route_without_path", message);
                let diagnostic = self.place(diagnostic, &declared_item("routes", index));
                self.diagnostics.push(diagnostic);
            }
        }
    }
}

fn definitions(entries: &[Entry]) -> Value {
    entries.iter().map(|entry| entry.definition.clone()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn route_keys() {
        let key = |route: Value| declared_route_key(&route);
        let get = Some("GET /a/b".to_owned());
        assert_eq!(key(json!({ "method": "get", "path": "//a///b/" })), get);
        assert_eq!(key(json!({ "path": "a/b" })), get);
        assert_eq!(key(json!({ "method": "POST", "path": "/" })), Some("POST /".to_owned()));
        assert_eq!(key(json!({ "method": null, "path": "/" })), None);
        assert_eq!(key(json!({ "method": "", "path": "/" })), None);
        assert_eq!(key(json!({ "method": "GET", "path": "" })), None);
        assert_eq!(key(json!({ "method": "GET" })), None);
        assert_eq!(key(json!(1)), None);
    }
}
