//! JSON as a JavaScript expression, and as a module.
//!
//! The text stays as it is, so that no number changes: JSON is JavaScript but for one thing, a key `__proto__`, which would set
//! the prototype and is therefore written as a computed key. Reading is iterative.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;
use std::ops::Range;

/// How deep arrays and objects may nest; printers and engines behind this one recurse.
const MAX_DEPTH: usize = 1_000;

/// Why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonError {
    /// Where, in bytes.
    pub(crate) offset: usize,
    /// How many bytes are wrong.
    pub(crate) length: usize,
    /// What is wrong.
    pub(crate) message: &'static str,
}

/// Checks `text` and gives the expression, without the white space and the byte-order mark around it.
pub(crate) fn to_expression(text: &str) -> Result<String, JsonError> {
    let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut reader = Reader { text, at: start, open: Vec::new(), prototypes: Vec::new() };
    reader.space();
    let first = reader.at;
    reader.document()?;
    let last = reader.at;
    reader.space();
    if reader.at < text.len() {
        return reader.fail("Nothing may follow the value of a JSON file");
    }
    let mut expression = String::with_capacity(last - first);
    let mut copied = first;
    for key in reader.prototypes {
        expression.push_str(&text[copied..key.start]);
        expression.push('[');
        expression.push_str(&text[key.clone()]);
        expression.push(']');
        copied = key.end;
    }
    expression.push_str(&text[copied..last]);
    Ok(expression)
}

/// Checks `text` and gives the module: its value as the default export and, of an object, each value under its name where that is one.
/// The names are given as well.
pub(crate) fn to_module(text: &str) -> Result<(String, Vec<String>), JsonError> {
    let expression = to_expression(text)?;
    let whole = || (format!("export default {expression};\n"), Vec::new());
    let Some(entries) = entries(text) else { return Ok(whole()) };
    let mut code = String::new();
    let mut object = Vec::new();
    let mut names = Vec::new();
    for (key, value) in &entries {
        let value = to_expression(value)?;
        if is_name(key) {
            let _ = writeln!(code, "export const {key} = {value};");
            object.push(key.clone());
            names.push(key.clone());
        } else {
            let quoted = serde_json::Value::from(key.as_str());
            object.push(if key == "__proto__" { format!("[{quoted}]: {value}") } else { format!("{quoted}: {value}") });
        }
    }
    if names.is_empty() {
        return Ok(whole());
    }
    Ok((format!("{code}export default {{ {} }};\n", object.join(", ")), names))
}

/// The keys of an object with the texts of their values, each once: where it is first, with what it is last.
fn entries(text: &str) -> Option<Vec<(String, String)>> {
    struct Entries(Vec<(String, String)>);

    impl<'de> serde::Deserialize<'de> for Entries {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visit;

            impl<'de> serde::de::Visitor<'de> for Visit {
                type Value = Entries;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                    let mut entries: Vec<(String, String)> = Vec::new();
                    let mut places: HashMap<String, usize> = HashMap::new();
                    while let Some((key, value)) = map.next_entry::<String, Box<serde_json::value::RawValue>>()? {
                        let value = value.get().to_owned();
                        match places.entry(key) {
                            Entry::Occupied(place) => entries[*place.get()].1 = value,
                            Entry::Vacant(place) => {
                                entries.push((place.key().clone(), value));
                                place.insert(entries.len() - 1);
                            }
                        }
                    }
                    Ok(Entries(entries))
                }
            }

            deserializer.deserialize_map(Visit)
        }
    }

    serde_json::from_str::<Entries>(text.trim_start_matches('\u{feff}')).ok().map(|entries| entries.0)
}

/// Whether a constant of a module may be called so.
fn is_name(key: &str) -> bool {
    let is_identifier = !key.starts_with(|c: char| c.is_ascii_digit())
        && !key.is_empty()
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$');
    is_identifier && RESERVED.binary_search(&key).is_err()
}

/// Words that a constant of a module cannot or should not be called, sorted.
const RESERVED: [&str; 53] = [
    "Infinity",
    "NaN",
    "__proto__",
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "using",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Array,
    Object,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Open>,
    /// Where keys `__proto__` stand, quotes included.
    prototypes: Vec<Range<usize>>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fail<T>(&self, message: &'static str) -> Result<T, JsonError> {
        let length = self.text.get(self.at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        Err(JsonError { offset: self.at, length, message })
    }

    /// One value with everything in it. Each turn reads a value or opens a bracket; then as many brackets close as can.
    fn document(&mut self) -> Result<(), JsonError> {
        loop {
            self.space();
            match self.peek() {
                Some(b'[') => {
                    self.enter(Open::Array)?;
                    self.space();
                    if self.peek() != Some(b']') {
                        continue;
                    }
                    self.at += 1;
                    self.open.pop();
                }
                Some(b'{') => {
                    self.enter(Open::Object)?;
                    self.space();
                    if self.peek() != Some(b'}') {
                        self.key()?;
                        continue;
                    }
                    self.at += 1;
                    self.open.pop();
                }
                _ => self.scalar()?,
            }
            if !self.another()? {
                return Ok(());
            }
        }
    }

    fn enter(&mut self, open: Open) -> Result<(), JsonError> {
        if self.open.len() == MAX_DEPTH {
            return self.fail("JSON nests deeper than 1000 levels");
        }
        self.at += 1;
        self.open.push(open);
        Ok(())
    }

    /// What follows a value; whether another one must.
    fn another(&mut self) -> Result<bool, JsonError> {
        while let Some(open) = self.open.last().copied() {
            self.space();
            match (self.peek(), open) {
                (Some(b','), Open::Array) => {
                    self.at += 1;
                    return Ok(true);
                }
                (Some(b','), Open::Object) => {
                    self.at += 1;
                    self.space();
                    self.key()?;
                    return Ok(true);
                }
                (Some(b']'), Open::Array) | (Some(b'}'), Open::Object) => {
                    self.at += 1;
                    self.open.pop();
                }
                (_, Open::Array) => return self.fail("Expected `,` or `]`"),
                (_, Open::Object) => return self.fail("Expected `,` or `}`"),
            }
        }
        Ok(false)
    }

    fn key(&mut self) -> Result<(), JsonError> {
        if self.peek() != Some(b'"') {
            return self.fail("Expected a key in double quotes");
        }
        let start = self.at;
        self.string()?;
        let key = &self.text[start..self.at];
        let is_prototype = key == "\"__proto__\""
            || key.contains('\\') && serde_json::from_str::<String>(key).is_ok_and(|key| key == "__proto__");
        if is_prototype {
            self.prototypes.push(start..self.at);
        }
        self.space();
        if self.peek() != Some(b':') {
            return self.fail("Expected `:` after the key");
        }
        self.at += 1;
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => {
                for word in ["true", "false", "null"] {
                    if self.text[self.at..].starts_with(word) {
                        self.at += word.len();
                        return Ok(());
                    }
                }
                self.fail("Expected a JSON value")
            }
            None => self.fail("Expected a JSON value, found the end of the file"),
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.fail("Expected a digit");
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fail("A number does not start with `0`");
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
                        Some(b'u') => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                    return self.fail("Expected four hexadecimal digits after `\\u`");
                                }
                                self.at += 1;
                            }
                        }
                        _ => return self.fail("Unknown escape in a string"),
                    }
                }
                Some(0..0x20) => return self.fail("A control character in a string must be escaped"),
                Some(_) => self.at += 1,
                None => {
                    let length = self.at - start;
                    return Err(JsonError { offset: start, length, message: "The string does not end" });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stays_as_it_is() {
        for text in
            ["{\"a\": [1, -0, 1e999, 12345678901234567890.5, \"\\u2028\"]}", "[]", "{}", "null", "\"x\"", "-1.5E+3"]
        {
            assert_eq!(to_expression(text).as_deref(), Ok(text));
        }
        assert_eq!(to_expression("\u{feff} [1]\n").as_deref(), Ok("[1]"));
    }

    #[test]
    fn prototype_keys_are_computed() {
        let text = r#"{"__proto__": {"\u005f_proto__": "__proto__"}, "x__proto__": 1}"#;
        let expression = r#"{["__proto__"]: {["\u005f_proto__"]: "__proto__"}, "x__proto__": 1}"#;
        assert_eq!(to_expression(text).as_deref(), Ok(expression));
    }

    #[test]
    fn faults_are_placed() {
        let fault = |text: &str| {
            let error = to_expression(text).unwrap_err();
            (error.offset, error.length, error.message)
        };
        assert_eq!(fault("{\"a\": 1,}"), (8, 1, "Expected a key in double quotes"));
        assert_eq!(fault("[1,]"), (3, 1, "Expected a JSON value"));
        assert_eq!(fault("[1 2]"), (3, 1, "Expected `,` or `]`"));
        assert_eq!(fault("01"), (1, 1, "A number does not start with `0`"));
        assert_eq!(fault("\"ä"), (0, 3, "The string does not end"));
        assert_eq!(fault("{\"a\"ü}"), (4, 2, "Expected `:` after the key"));
        assert_eq!(fault("1 1"), (2, 1, "Nothing may follow the value of a JSON file"));
        assert_eq!(fault(""), (0, 0, "Expected a JSON value, found the end of the file"));
        assert_eq!(fault("// c\n1"), (0, 1, "Expected a JSON value"));
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(to_expression(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(to_expression(&nested(10_000)).unwrap_err().offset, MAX_DEPTH);
    }

    proptest! {
        #[test]
        fn agrees_with_another_reader(text in r#"[\[\]{}",:0-9eE.\-+ truefalsn\\a]{0,24}"#) {
            let other = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(to_expression(&text).is_ok(), other);
        }

        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = to_expression(&text);
        }
    }
}
