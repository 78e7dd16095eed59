//! The rows of a statement, on their way to the script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::DatabaseError;

/// Integers beyond lose digits as a JavaScript number.
const LARGEST_EXACT: u64 = (1 << 53) - 1;
/// An isolate holds the text and then the rows.
const MOST_BYTES: usize = 32 << 20;
const MOST_ROWS: u64 = 100_000;

/// The text of an answer, written row by row and bounded.
pub(super) struct Answer {
    text: String,
    rows: u64,
}

impl Answer {
    /// Takes the names of the columns.
    pub(super) fn new<'a>(columns: impl Iterator<Item = &'a str>) -> Self {
        let names = columns.collect::<Vec<_>>();
        Self { text: format!(r#"{{"columns":{},"rows":["#, json(&names)), rows: 0 }
    }

    pub(super) fn row(
        &mut self,
        columns: usize,
        mut write: impl FnMut(usize, &mut Field<'_>) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        self.text.push_str(if self.rows == 0 { "[" } else { ",[" });
        for index in 0..columns {
            if index > 0 {
                self.text.push(',');
            }
            write(index, &mut Field(&mut self.text))?;
            if self.text.len() > MOST_BYTES {
                return Err(DatabaseError::TooLarge);
            }
        }
        self.text.push(']');
        self.rows += 1;
        if self.rows > MOST_ROWS { Err(DatabaseError::TooLarge) } else { Ok(()) }
    }

    /// Ends it. `changed` is how many rows a statement without rows has changed.
    pub(super) fn finish(mut self, changed: Option<u64>, last_row: Option<i64>) -> String {
        let count = changed.unwrap_or(self.rows);
        self.text.push_str(&format!(r#"],"count":{count}"#));
        if let Some(last_row) = last_row {
            self.text.push_str(r#","lastInsertRowid":"#);
            Field(&mut self.text).integer(last_row);
        }
        self.text.push('}');
        self.text
    }
}

fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// Where one value goes.
pub(super) struct Field<'a>(&'a mut String);

impl Field<'_> {
    pub(super) fn null(&mut self) {
        self.0.push_str("null");
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.0.push_str(if value { "true" } else { "false" });
    }

    pub(super) fn integer(&mut self, value: i64) {
        if value.unsigned_abs() <= LARGEST_EXACT {
            self.0.push_str(&value.to_string());
        } else {
            self.0.push_str(&format!(r#"{{"integer":"{value}"}}"#));
        }
    }

    pub(super) fn float(&mut self, value: f64) {
        if value.is_finite() {
            self.0.push_str(&json(&value));
        } else {
            let name = if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            self.0.push_str(&format!(r#"{{"float":"{name}"}}"#));
        }
    }

    pub(super) fn text(&mut self, value: &str) {
        self.0.push_str(&json(value));
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.0.push_str(r#"{"bytes":""#);
        STANDARD.encode_string(value, self.0);
        self.0.push_str(r#""}"#);
    }

    /// Milliseconds since 1970.
    pub(super) fn instant(&mut self, milliseconds: i64) {
        self.0.push_str(&format!(r#"{{"instant":{milliseconds}}}"#));
    }

    /// False when it is none.
    pub(super) fn json(&mut self, text: &str) -> bool {
        let Ok(value) = serde_json::from_str::<&RawValue>(text) else { return false };
        self.0.push_str(&format!(r#"{{"json":{}}}"#, value.get()));
        true
    }

    /// Fails with `too_large` beyond the bound of an answer.
    pub(super) fn array<T, E>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        too_large: E,
        mut write: impl FnMut(T, &mut Field<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.0.push_str(r#"{"array":["#);
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            write(item, &mut Field(self.0))?;
            if self.0.len() > MOST_BYTES {
                return Err(too_large);
            }
        }
        self.0.push_str("]}");
        Ok(())
    }
}
