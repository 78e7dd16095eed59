//! A shape as draft-07 JSON Schema, references inlined: another reader of the same tables, which the validator must agree with.

use serde_json::{Map, Value, json};

use webstir_contract::definitions;
use webstir_contract::schema::{ObjectShape, Presence, Shape, Unknown};

/// That of the module manifest.
pub(crate) fn module_manifest_schema() -> Value {
    json_schema(&definitions::MODULE_MANIFEST)
}

/// The schema that accepts exactly the values that `validate` accepts.
fn json_schema(shape: &Shape) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::Text { min: 0 } => json!({ "type": "string" }),
        Shape::Text { min } => json!({ "type": "string", "minLength": min }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Integer { min, max } => {
            let mut schema = json!({ "type": "integer" });
            if let Some(min) = min {
                schema["minimum"] = json!(min);
            }
            if let Some(max) = max {
                schema["maximum"] = json!(max);
            }
            schema
        }
        Shape::PositiveInteger => json!({ "type": "integer", "exclusiveMinimum": 0 }),
        Shape::OneOf(choices) => json!({ "type": "string", "enum": choices }),
        Shape::OneOfNumbers(choices) => json!({ "type": "number", "enum": choices }),
        Shape::IntegerOrText => json!({ "type": ["integer", "string"] }),
        Shape::List { item, min } => {
            let mut schema = json!({ "type": "array", "items": json_schema(item) });
            if *min > 0 {
                schema["minItems"] = json!(min);
            }
            schema
        }
        Shape::Object(object) => object_schema(object),
        Shape::Union(variants) => {
            json!({ "anyOf": variants.iter().map(|variant| json_schema(variant.shape)).collect::<Vec<_>>() })
        }
    }
}

fn object_schema(object: &ObjectShape) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in object.fields {
        let mut property = json_schema(field.shape);
        match field.presence {
            Presence::Required => required.push(field.name),
            Presence::Optional => {}
            Presence::Default(text) => property["default"] = json!(text),
        }
        properties.insert(field.name.to_owned(), property);
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if object.unknown == Unknown::Rejected {
        schema["additionalProperties"] = json!(false);
    }
    schema
}
