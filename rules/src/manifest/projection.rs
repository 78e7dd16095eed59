//! The part of `package.json` that a manifest can depend on.

use jsonc_parser::{CollectOptions, parse_to_ast};
use serde_json::{Map, Value};
use webstir_engine::diagnostic::{Diagnostic, Span};
use webstir_typescript::json::STRICT;

use super::package_json_path;

/// The keys of `webstir.moduleManifest` that are read; `kind` is always `backend`.
const MANIFEST_KEYS: &[&str] = &[
    "assets",
    "capabilities",
    "contractVersion",
    "dispose",
    "events",
    "init",
    "jobs",
    "name",
    "requestHooks",
    "routes",
    "services",
    "version",
    "views",
];

/// The part of `package.json` that a manifest can depend on, keys sorted: texts that say the same have equal projections, and an
/// edit of a description changes nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Projection {
    /// `name`, when it is a string.
    pub(super) name: Option<String>,
    /// `version`, when it is a string.
    pub(super) version: Option<String>,
    /// The known keys of `webstir.moduleManifest`, when it is an object.
    pub(super) manifest: Map<String, Value>,
}

impl Projection {
    /// The canonical text, to be hashed and stored.
    pub fn to_json(&self) -> String {
        let mut root = Map::new();
        if let Some(name) = &self.name {
            root.insert("name".to_owned(), Value::String(name.clone()));
        }
        if let Some(version) = &self.version {
            root.insert("version".to_owned(), Value::String(version.clone()));
        }
        if !self.manifest.is_empty() {
            let manifest = Value::Object(self.manifest.clone());
            root.insert("webstir".to_owned(), Value::Object(Map::from_iter([("moduleManifest".to_owned(), manifest)])));
        }
        Value::Object(root).to_string()
    }

    /// Reads what [`to_json`](Self::to_json) wrote, or any `package.json`; none when the text is not a JSON object.
    pub fn from_json(text: &str) -> Option<Self> {
        match serde_json::from_str(text) {
            Ok(Value::Object(root)) => Some(Self::of(&root)),
            _ => None,
        }
    }

    /// Whether it says what the workspace is called.
    pub fn has_name(&self) -> bool {
        self.name.is_some()
    }

    fn of(root: &Map<String, Value>) -> Self {
        let text = |key: &str| root.get(key).and_then(Value::as_str).map(str::to_owned);
        let declared = root.get("webstir").and_then(|webstir| webstir.get("moduleManifest"));
        let mut manifest = Map::new();
        for key in MANIFEST_KEYS {
            if let Some(value) = declared.and_then(|declared| declared.get(key)) {
                manifest.insert((*key).to_owned(), sorted(value));
            }
        }
        Self { name: text("name"), version: text("version"), manifest }
    }
}

/// The same value with sorted keys. The depth of what was parsed is bounded by the parser.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// Projects the text of `package.json`; none when there is no such file, which is nobody's fault. A text that cannot be used
/// projects to nothing and is an error.
pub fn projection(text: Option<&str>) -> (Projection, Vec<Diagnostic>) {
    let Some(text) = text else {
        return (Projection::default(), Vec::new());
    };
    let file = package_json_path();
    // npm writes no mark, editors do.
    let body = text.trim_start_matches('\u{feff}');
    let offset = text.len() - body.len();
    let root = match serde_json::from_str(body) {
        Ok(Value::Object(root)) => root,
        Ok(_) => {
            let span = Span::locate(text, offset, text.len());
            let diagnostic = Diagnostic::error("manifest::package_json", "`package.json` does not hold an object");
            return (Projection::default(), vec![diagnostic.at(&file, span)]);
        }
        Err(error) => {
            let (start, end) = error_range(body, &error);
            let span = Span::locate(text, offset + start, offset + end);
            let reason = error.to_string();
            let reason = reason.rsplit_once(" at line").map_or(reason.as_str(), |(reason, _)| reason);
            let message = format!("`package.json` is not valid JSON: {reason}");
            return (Projection::default(), vec![Diagnostic::error("manifest::package_json", message).at(&file, span)]);
        }
    };
    let mut diagnostics = Vec::new();
    let positions = super::Positions::new(text);
    for path in [&["webstir"][..], &["webstir", "moduleManifest"]] {
        let value = path.iter().try_fold(None::<&Value>, |above, key| match above {
            None => root.get(*key).map(Some),
            Some(above) => above.get(key).map(Some),
        });
        if let Some(Some(value)) = value
            && !value.is_object()
        {
            let message = format!("`{}` in `package.json` is not an object and is ignored", path.join("."));
            let steps: Vec<_> = path.iter().map(|key| webstir_contract::schema::Step::Key((*key).to_owned())).collect();
            let diagnostic = Diagnostic::warning("manifest::package_json", message);
            diagnostics.push(super::place_in_package(diagnostic, Some(&positions), &steps));
        }
    }
    (Projection::of(&root), diagnostics)
}

/// Where the text stops being JSON: as the span-keeping parser sees it, else as the other one does.
fn error_range(text: &str, error: &serde_json::Error) -> (usize, usize) {
    if let Err(error) = parse_to_ast(text, &CollectOptions::default(), &STRICT) {
        let range = error.range();
        return (range.start, range.end);
    }
    let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = line_start + error.column().saturating_sub(1);
    (at, at + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_matters_is_kept() {
        let text = r#"{ "description": "a", "version": "1.0.0", "name": "demo", "webstir": { "mode": "api",
            "moduleManifest": { "routes": [{ "path": "/", "method": "GET" }], "kind": "frontend", "x": 1 } } }"#;
        let (first, diagnostics) = projection(Some(text));
        assert_eq!(diagnostics, []);
        insta::assert_snapshot!(
            first.to_json(),
            @r#"{"name":"demo","version":"1.0.0","webstir":{"moduleManifest":{"routes":[{"method":"GET","path":"/"}]}}}"#
        );
        let (second, _) = projection(Some(&text.replace("\"a\"", "\"another\"").replace("api", "full")));
        assert_eq!(first.to_json(), second.to_json());
        assert_eq!(Projection::from_json(&first.to_json()), Some(first));
    }

    #[test]
    fn a_missing_file_is_silent() {
        assert_eq!(projection(None), (Projection::default(), vec![]));
    }

    #[test]
    fn a_broken_file_is_an_error_with_a_place() {
        let (empty, diagnostics) = projection(Some("{\n  \"name\": \"a\",\n}"));
        assert_eq!(empty, Projection::default());
        let diagnostic = &diagnostics[0];
        assert!(diagnostic.is_error());
        assert_eq!(diagnostic.message, "`package.json` is not valid JSON: trailing comma");
        assert_eq!(diagnostic.file.as_ref().map(webstir_engine::path::RelPath::as_str), Some("package.json"));
        assert!(diagnostic.span.unwrap().line >= 2, "{:?}", diagnostic.span);
        for text in ["", "[]", "1", "\"a\"", "{ \"a\": \"\\ud800\" }", "// x\n{}", "nul"] {
            let (_, diagnostics) = projection(Some(text));
            assert!(diagnostics[0].is_error() && diagnostics[0].span.is_some(), "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_error() {
        assert_eq!(projection(Some("\u{feff}{ \"name\": \"a\" }")).0.name.as_deref(), Some("a"));
    }

    #[test]
    fn what_is_no_object_is_named() {
        let (_, diagnostics) = projection(Some(r#"{ "webstir": { "moduleManifest": [] } }"#));
        assert_eq!(
            diagnostics[0].message,
            "`webstir.moduleManifest` in `package.json` is not an object and is ignored"
        );
        assert_eq!(diagnostics[0].span.unwrap().column, 34);
        let (_, diagnostics) = projection(Some(r#"{ "webstir": 1 }"#));
        assert_eq!(diagnostics.len(), 1);
    }

    proptest! {
        #[test]
        fn any_text_projects(text in "[{}\\[\\]\":,a-cnwebstir0-9 \n\\\\\u{feff}ü]{0,60}") {
            let (projected, diagnostics) = projection(Some(&text));
            prop_assert!(diagnostics.iter().all(|diagnostic| diagnostic.span.is_some()));
            prop_assert_eq!(Projection::from_json(&projected.to_json()), Some(projected));
        }
    }
}
