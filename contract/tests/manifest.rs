//! The module manifest: a table of good and bad documents that the validator, the JSON Schema and the types must agree on.

#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

#[path = "manifest/json_schema.rs"]
mod json_schema;

use json_schema::module_manifest_schema;
use proptest::prelude::*;
use serde_json::{Value, json};
use webstir_contract::manifest::ModuleManifest;
use webstir_contract::validate_module_manifest;

/// A manifest with everything in it; already in the form that the validator writes.
fn full() -> Value {
    let body = json!({ "kind": "zod", "name": "Account", "source": "src/backend/accounts.ts" });
    let session = json!({ "mode": "required", "write": true });
    let flash = json!({
        "consume": ["saved"],
        "publish": [{ "key": "saved", "level": "success", "when": "always" }],
    });
    json!({
        "contractVersion": "1.0.0",
        "name": "@demo/accounts",
        "version": "0.1.0",
        "kind": "backend",
        "capabilities": ["auth", "db"],
        "assets": ["logo.svg"],
        "requestHooks": [
            { "id": "audit", "phase": "beforeAuth", "order": -5, "summary": "s", "description": "d" },
            { "id": "last", "phase": "afterHandler", "order": 0 },
        ],
        "routes": [
            {
                "name": "save", "method": "POST", "path": "/accounts/:id", "summary": "s", "description": "d",
                "tags": ["a"], "interaction": "mutation", "requestHooks": [{ "id": "audit" }],
                "session": session, "flash": flash,
                "form": { "contentType": "multipart/form-data", "csrf": true, "session": session, "flash": flash },
                "fragment": { "target": "list", "selector": "#list", "mode": "append" },
                "input": { "params": body, "query": body, "body": body, "headers": body },
                "output": { "responses": [
                    { "body": body, "status": 200, "headers": body },
                    { "redirect": { "status": 303, "location": "/" }, "status": 303 },
                    { "body": body, "fragment": { "target": "list" }, "status": 422 },
                ] },
                "errors": [{ "code": "not_found", "message": "", "details": null, "cause": [1], "correlationId": "x" }],
                "renderMode": "ssr", "staticPaths": ["/accounts/1"], "ssg": { "revalidateSeconds": 60 },
            },
            { "name": "one", "method": "GET", "path": "/", "output": { "body": body } },
            { "name": "two", "method": "HEAD", "path": "/", "output": { "redirect": {} } },
            { "name": "three", "method": "DELETE", "path": "/",
              "output": { "body": body, "fragment": { "target": "x" } } },
        ],
        "views": [
            { "name": "Account", "path": "/accounts/:id", "page": "account", "summary": "s", "description": "d",
              "tags": [], "params": body, "data": body, "renderMode": "ssg", "staticPaths": ["/accounts/1"],
              "ssg": {} },
        ],
        "jobs": [
            { "name": "nightly", "schedule": "0 3 * * *", "description": "d", "priority": 5 },
            { "name": "rare", "priority": "low" },
        ],
        "events": [{ "name": "saved", "payload": body, "description": "d" }],
        "services": [{ "name": "mail", "description": "d" }],
        "init": "init",
        "dispose": "dispose",
    })
}

fn minimal() -> Value {
    json!({ "contractVersion": "1.0.0", "name": "a", "version": "1", "kind": "frontend" })
}

/// `document` with `value` at `pointer`, whose parent must be there.
fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(object) => {
            object.insert(key.to_owned(), value);
        }
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        _ => panic!("`{pointer}` has no parent"),
    }
    document
}

fn without(mut document: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap().as_object_mut().unwrap().shift_remove(key).unwrap();
    document
}

/// What is changed in [`full`], and the violations that follow.
fn bad_documents() -> Vec<(Value, &'static [&'static str])> {
    let set = |pointer: &str, value: Value| with(full(), pointer, value);
    let route = "/routes/0";
    vec![
        (json!(null), &["Expected object, received null"]),
        (json!([]), &["Expected object, received array"]),
        (json!({}), &["contractVersion: Required", "name: Required", "version: Required", "kind: Required"]),
        // The manifest.
        (set("/contractVersion", json!("")), &["contractVersion: String must contain at least 1 character(s)"]),
        (set("/name", json!(1)), &["name: Expected string, received number"]),
        (set("/version", json!("")), &["version: String must contain at least 1 character(s)"]),
        (
            set("/kind", json!("worker")),
            &["kind: Invalid enum value. Expected 'frontend' | 'backend', received 'worker'"],
        ),
        (set("/kind", json!(true)), &["kind: Expected 'frontend' | 'backend', received boolean"]),
        (set("/capabilities", json!("auth")), &["capabilities: Expected array, received string"]),
        (set("/capabilities", json!(["auth", 1])), &["capabilities[1]: Expected string, received number"]),
        (set("/assets", json!([null])), &["assets[0]: Expected string, received null"]),
        (set("/init", json!({})), &["init: Expected string, received object"]),
        (set("/dispose", json!(null)), &["dispose: Expected string, received null"]),
        // Request hooks: strict.
        (without(full(), "/requestHooks/0/id"), &["requestHooks[0].id: Required"]),
        (set("/requestHooks/0/id", json!("")), &["requestHooks[0].id: String must contain at least 1 character(s)"]),
        (
            set("/requestHooks/0/phase", json!("early")),
            &["requestHooks[0].phase: Invalid enum value. Expected 'beforeAuth' | 'beforeHandler' | 'afterHandler', \
               received 'early'"],
        ),
        (without(full(), "/requestHooks/1/order"), &["requestHooks[1].order: Required"]),
        (set("/requestHooks/0/order", json!(1.5)), &["requestHooks[0].order: Expected integer, received float"]),
        (set("/requestHooks/0/order", json!("1")), &["requestHooks[0].order: Expected number, received string"]),
        (set("/requestHooks/0/when", json!(1)), &["requestHooks[0]: Unrecognized key(s) in object: 'when'"]),
        // Routes.
        (set("/routes", json!({})), &["routes: Expected array, received object"]),
        (set(route, json!("GET /")), &["routes[0]: Expected object, received string"]),
        (
            set(route, json!({})),
            &["routes[0].name: Required", "routes[0].method: Required", "routes[0].path: Required"],
        ),
        (
            set("/routes/0/method", json!("post")),
            &["routes[0].method: Invalid enum value. Expected 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | \
               'OPTIONS', received 'post'"],
        ),
        (set("/routes/0/path", json!("")), &["routes[0].path: String must contain at least 1 character(s)"]),
        (set("/routes/0/tags", json!([1])), &["routes[0].tags[0]: Expected string, received number"]),
        (
            set("/routes/0/interaction", json!("read")),
            &["routes[0].interaction: Invalid enum value. Expected 'navigation' | 'mutation', received 'read'"],
        ),
        (
            set("/routes/0/requestHooks", json!([{ "id": "a", "order": 1 }])),
            &["routes[0].requestHooks[0]: Unrecognized key(s) in object: 'order'"],
        ),
        (set("/routes/0/requestHooks", json!([{}])), &["routes[0].requestHooks[0].id: Required"]),
        (
            set("/routes/0/renderMode", json!("csr")),
            &["routes[0].renderMode: Invalid enum value. Expected 'ssg' | 'ssr' | 'spa', received 'csr'"],
        ),
        (
            set("/routes/0/staticPaths", json!([""])),
            &["routes[0].staticPaths[0]: String must contain at least 1 character(s)"],
        ),
        (
            set("/routes/0/ssg", json!({ "revalidateSeconds": 0 })),
            &["routes[0].ssg.revalidateSeconds: Number must be greater than 0"],
        ),
        (
            set("/routes/0/ssg", json!({ "revalidateSeconds": -0.5 })),
            &[
                "routes[0].ssg.revalidateSeconds: Expected integer, received float",
                "routes[0].ssg.revalidateSeconds: Number must be greater than 0",
            ],
        ),
        // Session, flash, form, fragment: strict.
        (
            set("/routes/0/session", json!({ "mode": "none" })),
            &["routes[0].session.mode: Invalid enum value. Expected 'optional' | 'required', received 'none'"],
        ),
        (
            set("/routes/0/session", json!({ "write": "yes" })),
            &["routes[0].session.write: Expected boolean, received string"],
        ),
        (
            set("/routes/0/session", json!({ "read": true, "create": true })),
            &["routes[0].session: Unrecognized key(s) in object: 'read', 'create'"],
        ),
        (
            set("/routes/0/flash", json!({ "consume": [""] })),
            &["routes[0].flash.consume[0]: String must contain at least 1 character(s)"],
        ),
        (set("/routes/0/flash", json!({ "publish": [{}] })), &["routes[0].flash.publish[0].key: Required"]),
        (
            set("/routes/0/flash", json!({ "publish": [{ "key": "a", "level": "bad", "when": 1, "text": "" }] })),
            &[
                "routes[0].flash.publish[0].level: Invalid enum value. Expected 'info' | 'success' | 'warning' | \
                 'error', received 'bad'",
                "routes[0].flash.publish[0].when: Expected 'always' | 'success' | 'error', received number",
                "routes[0].flash.publish[0]: Unrecognized key(s) in object: 'text'",
            ],
        ),
        (set("/routes/0/flash", json!({ "keep": [] })), &["routes[0].flash: Unrecognized key(s) in object: 'keep'"]),
        (
            set("/routes/0/form", json!({ "contentType": "application/json" })),
            &["routes[0].form.contentType: Invalid enum value. Expected 'application/x-www-form-urlencoded' | \
               'multipart/form-data' | 'text/plain', received 'application/json'"],
        ),
        (
            set("/routes/0/form", json!({ "csrf": 1, "session": { "mode": 1 }, "fields": [] })),
            &[
                "routes[0].form.csrf: Expected boolean, received number",
                "routes[0].form.session.mode: Expected 'optional' | 'required', received number",
                "routes[0].form: Unrecognized key(s) in object: 'fields'",
            ],
        ),
        (set("/routes/0/fragment", json!({})), &["routes[0].fragment.target: Required"]),
        (
            set("/routes/0/fragment", json!({ "target": "a", "selector": "", "mode": "swap", "swap": 1 })),
            &[
                "routes[0].fragment.selector: String must contain at least 1 character(s)",
                "routes[0].fragment.mode: Invalid enum value. Expected 'replace' | 'append' | 'prepend', received \
                 'swap'",
                "routes[0].fragment: Unrecognized key(s) in object: 'swap'",
            ],
        ),
        // Input and output.
        (set("/routes/0/input", json!({ "body": {} })), &["routes[0].input.body.name: Required"]),
        (
            set("/routes/0/input", json!({ "query": { "kind": "joi", "name": "Q", "source": 1 }, "cookies": {} })),
            &[
                "routes[0].input.query.kind: Invalid enum value. Expected 'zod' | 'json-schema' | 'ts-rest', received \
                 'joi'",
                "routes[0].input.query.source: Expected string, received number",
                "routes[0].input: Unrecognized key(s) in object: 'cookies'",
            ],
        ),
        (set("/routes/0/output", json!("html")), &["routes[0].output: Expected object, received string"]),
        (set("/routes/0/output", json!({})), &["routes[0].output.body: Required"]),
        (
            set("/routes/0/output", json!({ "responses": [] })),
            &["routes[0].output.responses: Array must contain at least 1 element(s)"],
        ),
        (
            set("/routes/0/output", json!({ "responses": [{ "responses": [] }], "status": 200 })),
            &[
                "routes[0].output.responses[0].body: Required",
                "routes[0].output.responses[0]: Unrecognized key(s) in object: 'responses'",
                "routes[0].output: Unrecognized key(s) in object: 'status'",
            ],
        ),
        (
            set("/routes/0/output", json!({ "body": { "name": "A" }, "status": 99, "extra": 1 })),
            &[
                "routes[0].output.status: Number must be greater than or equal to 100",
                "routes[0].output: Unrecognized key(s) in object: 'extra'",
            ],
        ),
        (
            set("/routes/0/output", json!({ "body": { "name": "A" }, "status": 600 })),
            &["routes[0].output.status: Number must be less than or equal to 599"],
        ),
        (
            set("/routes/0/output", json!({ "redirect": { "status": 300, "location": "", "to": 1 } })),
            &[
                "routes[0].output.redirect.status: Invalid input",
                "routes[0].output.redirect.location: String must contain at least 1 character(s)",
                "routes[0].output.redirect: Unrecognized key(s) in object: 'to'",
            ],
        ),
        (
            set("/routes/0/output", json!({ "redirect": {}, "body": { "name": "A" } })),
            &["routes[0].output: Unrecognized key(s) in object: 'body'"],
        ),
        (set("/routes/0/output", json!({ "fragment": { "target": "a" } })), &["routes[0].output.body: Required"]),
        // Errors.
        (
            set("/routes/0/errors", json!([{ "code": "oops", "correlationId": 1 }])),
            &[
                "routes[0].errors[0].code: Invalid enum value. Expected 'validation' | 'auth' | 'not_found' | \
                 'domain' | 'conflict' | 'internal', received 'oops'",
                "routes[0].errors[0].message: Required",
                "routes[0].errors[0].correlationId: Expected string, received number",
            ],
        ),
        // Views, jobs, events, services.
        (without(full(), "/views/0/name"), &["views[0].name: Required"]),
        (set("/views/0/path", json!(1)), &["views[0].path: Expected string, received number"]),
        (set("/views/0/page", json!(null)), &["views[0].page: Expected string, received null"]),
        (set("/views/0/data", json!({ "kind": "zod" })), &["views[0].data.name: Required"]),
        (
            set("/views/0/ssg", json!({ "revalidateSeconds": "1" })),
            &["views[0].ssg.revalidateSeconds: Expected number, received string"],
        ),
        (set("/jobs/0/name", json!("")), &["jobs[0].name: String must contain at least 1 character(s)"]),
        (set("/jobs/0/schedule", json!(1)), &["jobs[0].schedule: Expected string, received number"]),
        (set("/jobs/0/priority", json!(1.5)), &["jobs[0].priority: Invalid input"]),
        (set("/jobs/0/priority", json!(null)), &["jobs[0].priority: Invalid input"]),
        (set("/events/0/name", json!(null)), &["events[0].name: Expected string, received null"]),
        (set("/events/0/payload", json!([])), &["events[0].payload: Expected object, received array"]),
        (set("/services/0", json!({})), &["services[0].name: Required"]),
    ]
}

/// What is changed in [`full`] or [`minimal`] without doing harm, and the document that follows.
fn good_documents() -> Vec<(Value, Value)> {
    let reference = json!({ "name": "" });
    let completed = json!({ "kind": "zod", "name": "" });
    vec![
        (full(), full()),
        (minimal(), minimal()),
        // Unknown keys of the loose objects are stripped.
        (with(minimal(), "/middlewares", json!([])), minimal()),
        (with(full(), "/routes/0/handler", json!(1)), full()),
        (with(full(), "/routes/0/ssg/unit", json!("s")), full()),
        (with(full(), "/routes/0/errors/0/status", json!(1)), full()),
        (with(full(), "/routes/0/input/body/extra", json!(1)), full()),
        (with(full(), "/views/0/load", json!({})), full()),
        (with(full(), "/jobs/0/run", json!(1)), full()),
        (with(full(), "/events/0/x", json!(1)), full()),
        (with(full(), "/services/0/x", json!(1)), full()),
        // A schema reference is zod unless it says otherwise.
        (
            with(full(), "/routes/1/output", json!({ "body": reference })),
            with(full(), "/routes/1/output", json!({ "body": completed })),
        ),
        // Empty lists and bounds.
        (with(minimal(), "/routes", json!([])), with(minimal(), "/routes", json!([]))),
        (with(full(), "/routes/1/output/status", json!(100)), with(full(), "/routes/1/output/status", json!(100))),
        (with(full(), "/routes/1/output/status", json!(599.0)), with(full(), "/routes/1/output/status", json!(599.0))),
        (with(full(), "/requestHooks/1/order", json!(-1e3)), with(full(), "/requestHooks/1/order", json!(-1e3))),
    ]
}

/// A reader of the keywords that the schema uses, written from the draft-07 text; panics at any other keyword.
fn accepts(schema: &Value, value: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(keyword, rule)| match keyword.as_str() {
        "$schema" | "title" | "default" => true,
        "type" => match rule {
            Value::Array(types) => types.iter().any(|name| is_type(name.as_str().unwrap(), value)),
            name => is_type(name.as_str().unwrap(), value),
        },
        "enum" => rule.as_array().unwrap().iter().any(|choice| match (choice.as_f64(), value.as_f64()) {
            (Some(choice), Some(value)) => choice.to_bits() == value.to_bits(),
            _ => choice == value,
        }),
        "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
        "exclusiveMinimum" => value.as_f64().is_none_or(|number| number > rule.as_f64().unwrap()),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| accepts(rule, item))),
        "anyOf" => rule.as_array().unwrap().iter().any(|schema| accepts(schema, value)),
        "required" => value
            .as_object()
            .is_none_or(|object| rule.as_array().unwrap().iter().all(|key| object.contains_key(key.as_str().unwrap()))),
        "properties" => value.as_object().is_none_or(|object| {
            rule.as_object().unwrap().iter().all(|(key, schema)| object.get(key).is_none_or(|v| accepts(schema, v)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|object| {
            let properties = schema["properties"].as_object().unwrap();
            rule == &json!(true) || object.keys().all(|key| properties.contains_key(key))
        }),
        other => panic!("the reader does not know `{other}`"),
    })
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        other => panic!("the reader does not know the type `{other}`"),
    }
}

#[test]
fn every_violation_of_the_table_is_reported() {
    for (document, expected) in bad_documents() {
        let violations = validate_module_manifest(&document).expect_err(expected[0]);
        let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected);
    }
}

#[test]
fn good_documents_are_completed_and_stripped() {
    for (document, expected) in good_documents() {
        let accepted = validate_module_manifest(&document).unwrap();
        assert_eq!(accepted, expected);
        // Accepting is stable.
        assert_eq!(validate_module_manifest(&accepted).unwrap(), accepted);
    }
}

#[test]
fn fields_are_written_in_the_order_of_the_contract() {
    let document = json!({ "kind": "backend", "x": 1, "version": "1", "name": "a", "contractVersion": "1.0.0" });
    assert_eq!(
        validate_module_manifest(&document).unwrap().to_string(),
        r#"{"contractVersion":"1.0.0","name":"a","version":"1","kind":"backend"}"#
    );
}

#[test]
fn the_json_schema_agrees_with_the_validator() {
    let schema = module_manifest_schema();
    for (document, _) in good_documents() {
        assert!(accepts(&schema, &document), "{document:#}");
    }
    for (document, violations) in bad_documents() {
        assert!(!accepts(&schema, &document), "{violations:?}");
    }
}

#[test]
fn the_types_carry_every_accepted_document() {
    for (_, accepted) in good_documents() {
        let manifest: ModuleManifest = serde_json::from_value(accepted.clone()).unwrap();
        assert_eq!(serde_json::to_value(&manifest).unwrap(), accepted);
    }
}

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,3}".prop_map(Value::from),
        proptest::sample::select(vec!["GET", "backend", "ssg", "required", "zod"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let keys = proptest::sample::select(vec![
            "name",
            "method",
            "path",
            "routes",
            "views",
            "jobs",
            "output",
            "body",
            "redirect",
            "fragment",
            "responses",
            "session",
            "mode",
            "kind",
            "status",
            "constructor",
            "__proto__",
        ]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((keys, inner), 0..5)
                .prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// Every pointer into a document, the root left out.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        let pointer = format!("{at}/{key}");
        pointers(child, &pointer, found);
        found.push(pointer);
    }
}

proptest! {
    #[test]
    fn arbitrary_json_never_panics(value in arbitrary_json()) {
        let _ = validate_module_manifest(&value);
    }

    /// Any value at any place of a full manifest: both readers of the table say the same, and what is accepted fits the types.
    #[test]
    fn schema_validator_and_types_agree(at in any::<proptest::sample::Index>(), value in arbitrary_json()) {
        let mut places = Vec::new();
        pointers(&full(), "", &mut places);
        let document = with(full(), &places[at.index(places.len())], value);
        let accepted = validate_module_manifest(&document);
        prop_assert_eq!(accepts(&module_manifest_schema(), &document), accepted.is_ok());
        if let Ok(accepted) = accepted {
            let manifest: ModuleManifest = serde_json::from_value(accepted.clone()).unwrap();
            prop_assert_eq!(serde_json::to_value(&manifest).unwrap(), accepted);
        }
    }
}
