//! What the workspace says about itself: `webstir.kdl`, and the mode in `package.json`.

use std::env;
use std::io;
use std::path::Path;

use jsonc_parser::ast::{ObjectPropName, Value};
use webstir_engine::config::{Config, Inputs, PackageMode, load};
use webstir_engine::diagnostic::{Diagnostic, Span};
use webstir_engine::environment::Environment;
use webstir_engine::path::RelPath;
use webstir_typescript::json::STRICT;

use crate::generated;
use crate::schema::LANGUAGE;
use crate::secrets;

/// The environment values that the rules themselves read; a workspace lists further ones.
const ENVIRONMENT: &[&str] = &["NODE_ENV", crate::kinds::TYPECHECK_SKIP, crate::kinds::SOURCE_MAPS];

/// The configuration of a workspace from the texts of `webstir.kdl` and `package.json`, and what is wrong with them.
pub fn configuration(kdl: Option<&str>, package: Option<&str>) -> (Config, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mode = package.and_then(|text| mode_of(text, &mut diagnostics));
    let package_mode = mode.as_ref().map(|(text, span)| PackageMode { text, span: Some(*span) });
    let (config, found) = load(&Inputs { text: kdl, package_mode, language: &LANGUAGE });
    // A mode that cannot be read is not one that is missing.
    let broken = !diagnostics.is_empty();
    let is_sound = !found.iter().any(Diagnostic::is_error);
    diagnostics.extend(is_sound.then(|| generated::check(&config)).into_iter().flatten());
    diagnostics.extend(found.into_iter().filter(|found| !(broken && found.code == "config::missing_mode")));
    (config, diagnostics)
}

/// What the rules of a workspace may see of the environment. Errors are those of the file that holds the key of this user, which is only
/// needed where a secret is set.
#[expect(clippy::disallowed_methods, reason = "here the environment becomes an input of the planner")]
pub fn environment(root: &Path, config: &Config, is_strict: bool) -> io::Result<Environment> {
    let secrets = secrets::names(config);
    let listed = config.workspace().environment.iter().map(|name| &*name.value);
    let allowed = ENVIRONMENT.iter().copied().chain(listed).filter(|name| !secrets.contains(*name));
    let values = allowed.filter_map(|name| env::var(name).ok().map(|value| (name.to_owned(), value)));
    Ok(Environment { values: values.collect(), secrets: secrets::digests(root, &secrets)?, is_strict })
}

/// `webstir.mode` and its place. Text that is not JSON is reported.
fn mode_of(text: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<(String, Span)> {
    let path = RelPath::new("package.json").expect("a plain file name");
    let collected = jsonc_parser::CollectOptions::default();
    let parsed = match jsonc_parser::parse_to_ast(text, &collected, &STRICT) {
        Ok(parsed) => parsed.value?,
        Err(error) => {
            let range = error.range();
            let message = format!("`package.json` is not JSON: {}", error.kind());
            diagnostics.push(
                Diagnostic::error("package::syntax", message)
                    .at(&path, Span::locate(text, range.start, range.end))
                    .help("Correct the JSON; comments and trailing commas are not allowed in it"),
            );
            return None;
        }
    };
    let Value::Object(package) = parsed else { return None };
    let Value::Object(webstir) = property(package, "webstir")? else { return None };
    let Value::StringLit(mode) = property(webstir, "mode")? else { return None };
    Some((mode.value.into_owned(), Span::locate(text, mode.range.start, mode.range.end)))
}

fn property<'a>(object: jsonc_parser::ast::Object<'a>, name: &str) -> Option<Value<'a>> {
    let mut properties = object.properties.into_iter();
    let found = properties.find(|property| match &property.name {
        ObjectPropName::String(text) => text.value == name,
        ObjectPropName::Word(word) => word.value == name,
    });
    found.map(|property| property.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_of_the_package_picks_the_preset() {
        let (config, diagnostics) = configuration(None, Some(r#"{"name": "x", "webstir": {"mode": " API "}}"#));
        assert!(diagnostics.iter().all(|diagnostic| !diagnostic.is_error()), "{diagnostics:?}");
        assert!(config.rules().iter().any(|rule| rule.label().kind() == "transpile"));
    }

    #[test]
    fn broken_json_is_placed() {
        let (_, diagnostics) = configuration(Some("workspace \"x\" { mode \"api\" }"), Some("{\n  \"name\": ,\n}"));
        let found = diagnostics.iter().find(|diagnostic| diagnostic.code == "package::syntax").unwrap();
        assert_eq!(found.span.unwrap().line, 2);
    }
}
