//! Sessions that routes declare in `package.json` as well.
//!
//! The stricter declaration holds: a route whose two declarations differ requires a session.

use std::collections::BTreeMap;

use http::Method;
use serde_json::Value;
use webstir_contract::path_pattern::{declared_route_key, route_key};

/// For each route of `webstir.moduleManifest.routes` that declares a session its mode.
pub(super) type DeclaredSessions = BTreeMap<String, Option<String>>;

/// What `package.json` declares; a text that is no JSON declares nothing, which the build reports.
pub(super) fn declared_sessions(package_json: Option<&str>) -> DeclaredSessions {
    let document: Option<Value> = package_json.and_then(|text| serde_json::from_str(text).ok());
    let routes = document.as_ref().and_then(|document| document["webstir"]["moduleManifest"]["routes"].as_array());
    let mut declared = DeclaredSessions::new();
    for route in routes.into_iter().flatten() {
        let Some(key) = declared_route_key(route) else { continue };
        if route["session"].is_object() {
            let mode = route["session"]["mode"].as_str().map(str::to_owned);
            declared.insert(key, mode);
        }
    }
    declared
}

/// The mode that holds for a route of the module.
pub(super) fn session_mode(
    definition: &Value,
    method: &Method,
    path: &str,
    declared: &DeclaredSessions,
    warnings: &mut Vec<String>,
) -> Option<String> {
    let own = definition["session"]["mode"].as_str().map(|mode| ("session.mode", mode));
    let form = definition["form"]["session"]["mode"].as_str().map(|mode| ("form.session.mode", mode));
    let inline = own.or(form);
    let key = route_key(method.as_str(), path);
    let Some(declared) = declared.get(&key) else {
        return inline.map(|(_, mode)| mode.to_owned());
    };
    match (inline, declared) {
        (Some((place, inline)), Some(declared)) if inline != declared => {
            warnings.push(format!(
                "[webstir-backend] route {key} declares {place} '{inline}' in module.ts but session.mode '{declared}' in \
                 package.json (webstir.moduleManifest.routes); using 'required'. Align the two declarations to clear this warning."
            ));
            Some("required".to_owned())
        }
        (Some((_, inline)), _) => Some(inline.to_owned()),
        (None, declared) => declared.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mode(definition: &Value, package: &Value) -> (Option<String>, Vec<String>) {
        let package = json!({ "webstir": { "moduleManifest": { "routes": package } } }).to_string();
        let mut warnings = Vec::new();
        let declared = declared_sessions(Some(&package));
        (session_mode(definition, &Method::GET, "/a", &declared, &mut warnings), warnings)
    }

    #[test]
    fn the_stricter_declaration_holds() {
        let required = json!([{ "method": "get", "path": "//a/", "session": { "mode": "required" } }]);
        assert_eq!(mode(&json!({}), &required), (Some("required".to_owned()), vec![]));
        assert_eq!(mode(&json!({}), &json!([])), (None, vec![]));
        let optional = json!([{ "path": "/a", "session": { "mode": "optional" } }]);
        let (found, warnings) = mode(&json!({ "form": { "session": { "mode": "required" } } }), &optional);
        assert_eq!(found.as_deref(), Some("required"));
        assert_eq!(
            warnings,
            [
                "[webstir-backend] route GET /a declares form.session.mode 'required' in module.ts but session.mode 'optional' \
              in package.json (webstir.moduleManifest.routes); using 'required'. Align the two declarations to clear this \
              warning."
            ]
        );
        let (found, _) = mode(&json!({ "session": { "mode": "optional" } }), &required);
        assert_eq!(found.as_deref(), Some("required"));
    }

    #[test]
    fn what_cannot_be_read_declares_nothing() {
        assert!(declared_sessions(None).is_empty());
        assert!(declared_sessions(Some("{")).is_empty());
        let (found, warnings) =
            mode(&json!({ "session": { "mode": "optional" } }), &json!([{ "path": "/a" }, 3, null]));
        assert_eq!((found.as_deref(), warnings.len()), (Some("optional"), 0));
    }
}
