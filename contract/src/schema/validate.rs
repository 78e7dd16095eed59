//! Walking a value along a shape. Depth is bounded by the shape, not by the value, so hostile nesting cannot exhaust the stack.

use serde_json::{Map, Number, Value};

use super::{Field, ObjectShape, Presence, Shape, Step, Unknown, Violation};

/// Checks `value`. The result has fields in the order of the shape, without stripped keys and with defaults filled in.
pub fn validate(value: &Value, shape: &Shape) -> Result<Value, Vec<Violation>> {
    let mut walk = Walk { path: Vec::new(), violations: Vec::new() };
    let accepted = walk.check(value, shape);
    if walk.violations.is_empty() { Ok(accepted) } else { Err(walk.violations) }
}

struct Walk {
    path: Vec<Step>,
    violations: Vec<Violation>,
}

impl Walk {
    /// Returns what is kept of `value`; meaningless once there is a violation.
    fn check(&mut self, value: &Value, shape: &Shape) -> Value {
        match shape {
            Shape::Any => value.clone(),
            Shape::Text { min } => match value {
                Value::String(text) if text.encode_utf16().take(*min).count() < *min => {
                    self.violate(format!("String must contain at least {min} character(s)"))
                }
                Value::String(_) => value.clone(),
                _ => self.expected("string", value),
            },
            Shape::Bool => match value {
                Value::Bool(_) => value.clone(),
                _ => self.expected("boolean", value),
            },
            Shape::Integer { min, max } => self.check_integer(value, *min, *max),
            Shape::PositiveInteger => {
                let checked = self.check_integer(value, None, None);
                match value {
                    Value::Number(number) if !is_greater(number, 0) => {
                        self.violate("Number must be greater than 0".to_owned())
                    }
                    _ => checked,
                }
            }
            Shape::OneOf(choices) => match value {
                Value::String(text) if choices.contains(&text.as_str()) => value.clone(),
                Value::String(text) => self.violate(format!(
                    "Invalid enum value. Expected {}, received '{}'",
                    quoted(choices),
                    shortened(text)
                )),
                _ => self.violate(format!("Expected {}, received {}", quoted(choices), kind(value))),
            },
            Shape::OneOfNumbers(choices) => match value {
                Value::Number(number) if choices.iter().any(|&choice| is_same(number, choice)) => value.clone(),
                _ => self.violate("Invalid input".to_owned()),
            },
            Shape::IntegerOrText => match value {
                Value::String(_) => value.clone(),
                Value::Number(number) if is_integer(number) => value.clone(),
                _ => self.violate("Invalid input".to_owned()),
            },
            Shape::List { item, min } => match value {
                Value::Array(items) => {
                    if items.len() < *min {
                        self.violate(format!("Array must contain at least {min} element(s)"));
                    }
                    let items = items.iter().enumerate();
                    items.map(|(index, value)| self.at(Step::Index(index), |walk| walk.check(value, item))).collect()
                }
                _ => self.expected("array", value),
            },
            Shape::Object(object) => match value {
                Value::Object(fields) => self.check_object(fields, object),
                _ => self.expected("object", value),
            },
            Shape::Union(variants) => match value {
                Value::Object(fields) => {
                    let variant = variants.iter().find(|variant| fields.contains_key(variant.mark)).or(variants.last());
                    variant.map_or(Value::Null, |variant| self.check(value, variant.shape))
                }
                _ => self.expected("object", value),
            },
        }
    }

    fn check_integer(&mut self, value: &Value, min: Option<i64>, max: Option<i64>) -> Value {
        let Value::Number(number) = value else {
            return self.expected("number", value);
        };
        let mut sound = true;
        if !is_integer(number) {
            self.violate("Expected integer, received float".to_owned());
            sound = false;
        }
        if let Some(min) = min.filter(|&min| is_less(number, min)) {
            self.violate(format!("Number must be greater than or equal to {min}"));
            sound = false;
        }
        if let Some(max) = max.filter(|&max| is_greater(number, max)) {
            self.violate(format!("Number must be less than or equal to {max}"));
            sound = false;
        }
        if sound { value.clone() } else { Value::Null }
    }

    fn check_object(&mut self, object: &Map<String, Value>, shape: &ObjectShape) -> Value {
        let mut kept = Map::new();
        for Field { name, shape, presence } in shape.fields {
            match (object.get(*name), presence) {
                (Some(value), _) => {
                    let value = self.at(Step::Key((*name).to_owned()), |walk| walk.check(value, shape));
                    kept.insert((*name).to_owned(), value);
                }
                (None, Presence::Optional) => {}
                (None, Presence::Default(text)) => {
                    kept.insert((*name).to_owned(), Value::String((*text).to_owned()));
                }
                (None, Presence::Required) => {
                    self.at(Step::Key((*name).to_owned()), |walk| walk.violate("Required".to_owned()));
                }
            }
        }
        if shape.unknown == Unknown::Rejected {
            let is_field = |key: &&String| shape.fields.iter().any(|field| field.name == key.as_str());
            let unknown: Vec<&str> =
                object.keys().filter(|key| !is_field(key)).map(String::as_str).take(MAX_NAMED_KEYS).collect();
            if !unknown.is_empty() {
                let keys: Vec<String> = unknown.iter().map(|key| format!("'{}'", shortened(key))).collect();
                self.violate(format!("Unrecognized key(s) in object: {}", keys.join(", ")));
            }
        }
        Value::Object(kept)
    }

    fn at<T>(&mut self, step: Step, check: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let result = check(self);
        self.path.pop();
        result
    }

    fn expected(&mut self, what: &str, received: &Value) -> Value {
        self.violate(format!("Expected {what}, received {}", kind(received)))
    }

    fn violate(&mut self, message: String) -> Value {
        self.violations.push(Violation { path: self.path.clone(), message });
        Value::Null
    }
}

/// Unknown keys past this many are not named: the document is foreign and a message is for people.
const MAX_NAMED_KEYS: usize = 10;

/// A foreign string inside a message is cut here.
const MAX_NAMED_CHARACTERS: usize = 80;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_NAMED_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn quoted(choices: &[&str]) -> String {
    choices.iter().map(|choice| format!("'{choice}'")).collect::<Vec<_>>().join(" | ")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// As in JavaScript, `1.0` is an integer.
fn is_integer(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|float| float.is_finite() && float.fract() == 0.0)
}

fn is_same(number: &Number, choice: i64) -> bool {
    !is_less(number, choice) && !is_greater(number, choice) && is_integer(number)
}

fn is_less(number: &Number, bound: i64) -> bool {
    match (number.as_i64(), number.as_u64()) {
        (Some(number), _) => number < bound,
        (None, Some(_)) => false,
        (None, None) => number.as_f64().is_some_and(|float| float < as_float(bound)),
    }
}

fn is_greater(number: &Number, bound: i64) -> bool {
    match (number.as_i64(), number.as_u64()) {
        (Some(number), _) => number > bound,
        (None, Some(_)) => true,
        (None, None) => number.as_f64().is_some_and(|float| float > as_float(bound)),
    }
}

/// Bounds in a shape are small: the conversion is exact.
#[expect(clippy::cast_precision_loss, reason = "bounds of shapes are far below 2^53")]
fn as_float(bound: i64) -> f64 {
    bound as f64
}
