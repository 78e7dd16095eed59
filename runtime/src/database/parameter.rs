//! The parameters of a statement: values of a script, and what each driver makes of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use rusqlite::types::{ToSqlOutput, ValueRef};
use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};

/// A value as it crosses. Read by way of [`Value`]: with the feature `arbitrary_precision` of `serde_json`, which another crate of
/// the program may turn on, an untagged enum has no numbers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub(super) enum Parameter {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Tagged(Tagged),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tagged {
    /// The digits of a `bigint`.
    Integer(String),
    /// `NaN`, `Infinity` and `-Infinity`.
    Float(String),
    /// A `Date`, as ISO text.
    Instant(String),
    /// In Base64.
    Bytes(String),
    Array(Vec<Parameter>),
    /// The text of any other object.
    Json(String),
}

impl TryFrom<Value> for Parameter {
    type Error = serde_json::Error;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Boolean(value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Self::Integer(value),
                (None, Some(value)) => Self::Float(value),
                (None, None) => return Err(serde::de::Error::custom("the number is not finite")),
            },
            Value::String(text) => Self::Text(text),
            tagged => Self::Tagged(serde_json::from_value(tagged)?),
        })
    }
}

impl Parameter {
    /// As JSON, for columns that hold it and databases without arrays.
    fn to_json(&self) -> Value {
        match self {
            Self::Null | Self::Tagged(Tagged::Float(_)) => Value::Null,
            Self::Boolean(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Tagged(Tagged::Array(items)) => items.iter().map(Self::to_json).collect(),
            Self::Tagged(Tagged::Json(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
            Self::Text(text) | Self::Tagged(Tagged::Integer(text) | Tagged::Instant(text) | Tagged::Bytes(text)) => {
                text.as_str().into()
            }
        }
    }

    /// In the text form of PostgreSQL, which every type reads.
    fn to_postgres(&self, kind: &Type) -> Option<String> {
        let is_json = *kind == Type::JSON || *kind == Type::JSONB;
        Some(match self {
            Self::Null => return None,
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(text) | Self::Tagged(Tagged::Integer(text) | Tagged::Float(text) | Tagged::Json(text)) => {
                text.clone()
            }
            Self::Tagged(Tagged::Instant(text)) if !is_json => text.clone(),
            Self::Tagged(Tagged::Bytes(text)) if !is_json => {
                let bytes = STANDARD.decode(text).unwrap_or_default();
                bytes.iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
            }
            Self::Tagged(Tagged::Array(items)) if !is_json => {
                let member = if let Kind::Array(member) = kind.kind() { member } else { kind };
                let items: Vec<String> = items.iter().map(|item| item.to_array_item(member)).collect();
                format!("{{{}}}", items.join(","))
            }
            Self::Tagged(_) => self.to_json().to_string(),
        })
    }

    /// Quoted always, so that no text is taken for syntax.
    fn to_array_item(&self, member: &Type) -> String {
        match (self, self.to_postgres(member)) {
            (_, None) => "NULL".to_owned(),
            (Self::Tagged(Tagged::Array(_)), Some(nested)) => nested,
            (_, Some(text)) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        }
    }
}

impl ToSql for Parameter {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(text) = self.to_postgres(kind) else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }

    fn encode_format(&self, _kind: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

impl rusqlite::ToSql for Parameter {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Boolean(value) => i64::from(*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Text(text) | Self::Tagged(Tagged::Instant(text) | Tagged::Json(text)) => text.as_str().into(),
            Self::Tagged(Tagged::Integer(text)) => {
                let number = text.parse::<i64>();
                number.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?.into()
            }
            Self::Tagged(Tagged::Float(text)) => text.parse::<f64>().unwrap_or(f64::NAN).into(),
            Self::Tagged(Tagged::Bytes(text)) => STANDARD.decode(text).unwrap_or_default().into(),
            Self::Tagged(Tagged::Array(_)) => self.to_json().to_string().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(json: &str, kind: &Type) -> Option<String> {
        serde_json::from_str::<Parameter>(json).unwrap().to_postgres(kind)
    }

    #[test]
    fn parameters_are_written_for_the_type_that_the_statement_has() {
        assert_eq!(written("null", &Type::TEXT), None);
        assert_eq!(written("1.5", &Type::NUMERIC).unwrap(), "1.5");
        assert_eq!(written(r#"{"bytes":"AP8="}"#, &Type::BYTEA).unwrap(), "\\x00ff");
        assert_eq!(
            written(r#"{"array":["a\"},{","NULL",null,1]}"#, &Type::TEXT_ARRAY).unwrap(),
            r#"{"a\"},{","NULL",NULL,"1"}"#
        );
        assert_eq!(written(r#"{"array":["a",{"json":"{\"b\":1}"}]}"#, &Type::JSONB).unwrap(), r#"["a",{"b":1}]"#);
        assert_eq!(
            written(r#"{"instant":"2026-01-01T00:00:00.000Z"}"#, &Type::JSON).unwrap(),
            r#""2026-01-01T00:00:00.000Z""#
        );
    }

    proptest! {
        #[test]
        fn any_message_is_read_or_refused(text in ".{0,80}") {
            if let Ok(parameter) = serde_json::from_str::<Parameter>(&text) {
                let _ = parameter.to_postgres(&Type::TEXT_ARRAY);
                let _ = rusqlite::ToSql::to_sql(&parameter);
            }
        }
    }
}
