//! JSON schemas of routes.
//!
//! A script hands over a *schema* once, when its module is loaded, and has values *checked* by it. Drafts 4 to 2020-12; what a
//! `$ref` names must be in the schema itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonschema::Validator;
use serde::Deserialize;
use serde_json::{Value, json};
use webstir_script::{OperationError, OperationReply};

/// A client that sent this much wrong is told enough.
const MOST_ISSUES: usize = 100;
/// More than any module has.
const MOST_SCHEMAS: usize = 10_000;
/// How a violation names what it will not repeat.
const VALUE: &str = "The value";

/// The schemas of one host, by the order in which they came.
#[derive(Default)]
pub(super) struct Schemas(Mutex<Vec<Schema>>);

struct Schema {
    text: String,
    validator: Arc<Validator>,
}

#[derive(Deserialize)]
struct Question {
    schema: Value,
    #[serde(default)]
    value: Value,
}

impl Schemas {
    /// `compile {schema}` gives `{schema}`, its number; `check {schema, value}` gives `{issues: [{path, code, message}..]}`, where
    /// `code` is the keyword that was violated.
    pub(super) fn run(&self, name: &str, message: &str) -> Result<OperationReply, OperationError> {
        let question = serde_json::from_str(message).map_err(|error| refused(&error))?;
        let reply = match name {
            "compile" => self.compile(&question)?,
            "check" => self.check(&question)?,
            _ => return Err(refused(&format!("There is no operation `schema.{name}`"))),
        };
        Ok(OperationReply { message: reply.to_string(), body: None })
    }

    fn compile(&self, question: &Question) -> Result<Value, OperationError> {
        let text = question.schema.to_string();
        let mut schemas = self.lock();
        // Processes that are started again bring the same ones.
        let known = schemas.iter().position(|schema| schema.text == text);
        if let Some(known) = known {
            return Ok(json!({ "schema": known }));
        }
        if schemas.len() >= MOST_SCHEMAS {
            return Err(refused(&"There are too many schemas"));
        }
        let validator = jsonschema::options().build(&question.schema).map_err(|error| refused(&error.masked()))?;
        schemas.push(Schema { text, validator: Arc::new(validator) });
        Ok(json!({ "schema": schemas.len() - 1 }))
    }

    fn check(&self, question: &Question) -> Result<Value, OperationError> {
        let number = question.schema.as_u64().and_then(|number| usize::try_from(number).ok());
        let schema = number.and_then(|number| self.lock().get(number).map(|schema| Arc::clone(&schema.validator)));
        let schema = schema.ok_or_else(|| refused(&"There is no such schema"))?;
        let issues = schema.iter_errors(&question.value).take(MOST_ISSUES).map(|error| {
            json!({
                "path": error.instance_path().as_str().trim_start_matches('/').split('/').collect::<Vec<_>>(),
                "code": error.kind().keyword(),
                "message": error.masked_with(VALUE).to_string(),
            })
        });
        Ok(json!({ "issues": issues.collect::<Vec<_>>() }))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Schema>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(reason: &dyn std::fmt::Display) -> OperationError {
    OperationError { name: "Error".to_owned(), message: reason.to_string(), code: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(schemas: &Schemas, name: &str, message: &Value) -> Result<Value, String> {
        let reply = schemas.run(name, &message.to_string()).map_err(|error| error.message)?;
        Ok(serde_json::from_str(&reply.message).unwrap())
    }

    fn issues(schema: &Value, value: &Value) -> Value {
        let schemas = Schemas::default();
        let made = ask(&schemas, "compile", &json!({ "schema": schema })).unwrap();
        ask(&schemas, "check", &json!({ "schema": made["schema"], "value": value })).unwrap()["issues"].clone()
    }

    #[test]
    fn violations_have_a_place_and_never_the_value() {
        let schema = json!({
            "type": "object", "required": ["name"], "additionalProperties": false,
            "properties": { "name": { "$ref": "#/$defs/name" }, "tags": { "items": { "type": "string" } } },
            "$defs": { "name": { "type": "string", "pattern": "^(?=[a-z])\\w+$" } },
        });
        assert_eq!(issues(&schema, &json!({"name": "ada", "tags": ["a"]})), json!([]));
        let found = issues(&schema, &json!({"name": "1-secret", "tags": ["a", 77]}));
        assert_eq!(found[0]["path"], json!(["name"]));
        assert_eq!(found[0]["code"], "pattern");
        assert_eq!(found[1]["path"], json!(["tags", "1"]));
        assert!(!found.to_string().contains("secret") && !found.to_string().contains("77"), "{found}");
        assert_eq!(issues(&schema, &json!({}))[0]["code"], "required");
    }

    #[test]
    fn nothing_outside_of_the_schema_is_read() {
        let schemas = Schemas::default();
        for reference in ["https://example.com/schema.json", "file:///etc/hostname", "other.json"] {
            assert!(ask(&schemas, "compile", &json!({ "schema": { "$ref": reference } })).is_err(), "{reference}");
        }
        assert!(ask(&schemas, "compile", &json!({ "schema": { "type": "text" } })).is_err());
        assert!(ask(&schemas, "check", &json!({ "schema": 0, "value": 1 })).is_err());
    }

    #[test]
    fn schemas_that_name_themselves_come_to_an_end() {
        assert_eq!(issues(&json!({ "$ref": "#" }), &json!({ "a": 1 })), json!([]));
        let tree = json!({ "type": "object", "properties": { "child": { "$ref": "#" } } });
        assert_eq!(issues(&tree, &json!({ "child": { "child": 1 } }))[0]["path"], json!(["child", "child"]));
    }
}
