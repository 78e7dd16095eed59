//! A schema as a plain table.
//!
//! A [`Shape`] says which JSON values are accepted. [`validate`] walks a value along a shape and reports each [`Violation`]. The tables
//! are in [`crate::definitions`].

mod validate;

use std::fmt;

use serde_json::Value;

pub use validate::validate;

use crate::definitions;

/// Which JSON values are accepted.
#[derive(Debug)]
pub enum Shape {
    /// A string of at least `min` UTF-16 code units.
    Text {
        /// The smallest length; 0 accepts the empty string.
        min: usize,
    },
    /// `true` or `false`.
    Bool,
    /// A number without a fraction, inclusive bounds.
    Integer {
        /// The smallest number.
        min: Option<i64>,
        /// The greatest number.
        max: Option<i64>,
    },
    /// A number above zero without a fraction.
    PositiveInteger,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// One of these numbers.
    OneOfNumbers(&'static [i64]),
    /// A number without a fraction, or any string.
    IntegerOrText,
    /// An array of at least `min` items.
    List {
        /// What each item is.
        item: &'static Shape,
        /// The smallest length.
        min: usize,
    },
    /// An object with known fields.
    Object(&'static ObjectShape),
    /// The first variant whose mark is a key of the object, else the last one.
    Union(&'static [Variant]),
    /// Anything.
    Any,
}

/// An object with known fields.
#[derive(Debug)]
pub struct ObjectShape {
    /// What happens to a key that is no field.
    pub unknown: Unknown,
    /// The fields, in the order in which they are checked and written.
    pub fields: &'static [Field],
}

/// What happens to a key that is no field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It is left out of the result.
    Stripped,
    /// It is a violation.
    Rejected,
}

/// One field of an object.
#[derive(Debug)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// What it holds.
    pub shape: &'static Shape,
    /// Whether it may be absent.
    pub presence: Presence,
}

/// Whether a field may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It must be there.
    Required,
    /// It may be absent.
    Optional,
    /// It may be absent and is then this string.
    Default(&'static str),
}

/// One variant of a union of objects.
#[derive(Debug)]
pub struct Variant {
    /// The key that tells this variant from those after it. Only this variant and earlier ones know the key, so choosing by it
    /// accepts exactly what trying every variant would accept.
    pub mark: &'static str,
    /// The variant.
    pub shape: &'static Shape,
}

/// One place where a value does not have the shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// From the root to the value, or to the object in which it is missing.
    pub path: Vec<Step>,
    /// What is wrong, worded as zod 3 does.
    pub message: String,
}

/// One step of a path into a JSON document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A key of an object.
    Key(String),
    /// A position in an array.
    Index(usize),
}

impl Violation {
    /// The path as text, for example `routes[0].method`; empty for the root.
    pub fn path_text(&self) -> String {
        path_text(&self.path)
    }
}

/// A path as text, for example `routes[0].method`.
pub fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => {
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
            }
        }
    }
    text
}

/// `path: message`, or the message alone at the root.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path_text(), self.message)
        }
    }
}

/// Checks a module manifest. The result has the fields in the order of the contract, without stripped keys and with defaults
/// filled in; an error lists every violation, in document order of the contract's fields.
pub fn validate_module_manifest(value: &Value) -> Result<Value, Vec<Violation>> {
    validate(value, &definitions::MODULE_MANIFEST)
}
