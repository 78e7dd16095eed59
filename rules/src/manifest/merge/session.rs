//! Session metadata that both sides declare for one route.

use serde_json::{Map, Value};
use webstir_contract::path_pattern::declared_route_key;
use webstir_contract::schema::Step;
use webstir_engine::diagnostic::Diagnostic;

use super::{Merged, declared_item};
use crate::manifest::{Hydration, Origin};

impl Hydration<'_> {
    /// Session metadata that `package.json` declares for a route of the module: it fills in what the module leaves open, and
    /// never loosens what either of them requires.
    pub(super) fn reconcile_sessions(&mut self, merged: &mut Merged) {
        let Some(Value::Array(routes)) = merged.manifest.get_mut("routes") else {
            return;
        };
        let declared = self.declared_list("routes");
        let origins = merged.items.iter().find(|(list, _)| list == "routes").map_or(&[][..], |(_, origins)| origins);
        let mut conflicts = Vec::new();
        for (route, _) in routes.iter_mut().zip(origins).filter(|(_, origin)| **origin == Origin::Module) {
            let Some(key) = declared_route_key(route) else {
                continue;
            };
            let same = |candidate: &&Value| declared_route_key(candidate).as_deref() == Some(&key);
            let Some(index) = declared.iter().position(|candidate| same(&candidate)) else {
                continue;
            };
            let Some(declared) = declared[index].get("session").filter(|session| session.is_object()) else {
                continue;
            };
            let Some(route) = route.as_object_mut() else {
                continue;
            };
            let inline = route.get("session");
            let form = route.get("form").and_then(|form| form.get("session"));
            let mode = |session: Option<&Value>| session.and_then(|session| session.get("mode")).cloned();
            let (inline_mode, field) = match mode(inline) {
                Some(mode) => (Some(mode), "session.mode"),
                None => (mode(form), "form.session.mode"),
            };
            let declared_mode = mode(Some(declared));
            let effective = match (&inline_mode, &declared_mode) {
                (Some(inline), Some(declared)) if inline != declared => {
                    conflicts.push(Conflict { key, field, inline: shown(inline), declared: shown(declared), index });
                    Some(Value::String("required".to_owned()))
                }
                (Some(mode), _) | (None, Some(mode)) => Some(mode.clone()),
                (None, None) => None,
            };
            let write = inline.and_then(|session| session.get("write")).or_else(|| declared.get("write")).cloned();
            let mut session = Map::new();
            session.extend(effective.map(|mode| ("mode".to_owned(), mode)));
            session.extend(write.map(|write| ("write".to_owned(), write)));
            route.insert("session".to_owned(), Value::Object(session));
        }
        for conflict in conflicts {
            self.report_conflict(&conflict);
        }
    }

    fn report_conflict(&mut self, conflict: &Conflict) {
        let Conflict { key, field, inline, declared, index } = conflict;
        let message = format!(
            "Route `{key}` declares `{field}` '{inline}' in the module but `session.mode` '{declared}' in \
             `package.json`; 'required' is used"
        );
        let path = ["session", "mode"].map(|key| Step::Key(key.to_owned()));
        let origin = match declared_item("routes", *index) {
            Origin::Package(item) => Origin::Package(item.into_iter().chain(path).collect()),
            origin => origin,
        };
        let diagnostic = Diagnostic::warning("manifest::session_conflict", message)
            .help("Align the two declarations to clear this warning");
        let mut diagnostic = self.place(diagnostic, &origin);
        if let Some(file) = self.input.module_file {
            diagnostic = diagnostic.related("The route is defined in this module", Some(file), None);
        }
        self.diagnostics.push(diagnostic);
    }
}

/// Two session modes for one route.
struct Conflict {
    key: String,
    field: &'static str,
    inline: String,
    declared: String,
    index: usize,
}

fn shown(mode: &Value) -> String {
    mode.as_str().map_or_else(|| mode.to_string(), str::to_owned)
}
