//! What came with a request.
//!
//! A *body* is read with a limit that holds while it is read, and parsed by its *media type*: JSON, a urlencoded form, a
//! multipart form with files, text, or bytes.

mod json;
mod media_type;
mod multipart;
mod query;
#[cfg(test)]
mod tests;
mod urlencoded;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Map, Value};
use std::error::Error;

pub use media_type::MediaType;
pub use multipart::{Multipart, UploadedFile};
pub use query::parse_query;

/// A parsed body.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// No byte came.
    Empty,
    Json(Value),
    /// The fields in the order of their first appearance: a string each, or a list of strings where a field is repeated.
    Form(Map<String, Value>),
    /// Bytes that are no UTF-8 are replaced.
    Text(String),
    Bytes(Bytes),
    Multipart(Multipart),
}

/// The most that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes of the whole body.
    pub total: u64,
    /// Parts of a multipart form, fields and files together.
    pub parts: usize,
    /// Bytes of one field of a multipart form that is no file.
    pub field: u64,
    /// Bytes of one file.
    pub file: u64,
}

impl BodyLimits {
    /// Limits where one number is given: fields and files may take all of it.
    pub fn of_total(total: u64) -> Self {
        Self { total, parts: 1000, field: total, file: total }
    }
}

/// Why there is no body. The texts may be shown to the client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("Request body exceeded {limit} bytes.")]
    TooLarge { limit: u64 },
    #[error("The form field `{field}` exceeded {limit} bytes.")]
    PartTooLarge { field: String, limit: u64 },
    #[error("The form has more than {limit} parts.")]
    TooManyParts { limit: usize },
    #[error("The request body is no JSON: {reason}")]
    MalformedJson { reason: String },
    #[error("The request body is no multipart form: {reason}")]
    MalformedMultipart { reason: String },
    #[error("The request body ended early.")]
    Interrupted,
}

impl BodyError {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } | Self::PartTooLarge { .. } | Self::TooManyParts { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::MalformedJson { .. } | Self::MalformedMultipart { .. } | Self::Interrupted => StatusCode::BAD_REQUEST,
        }
    }

    /// The value of `error` in the JSON that says it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::PartTooLarge { .. } | Self::TooManyParts { .. } => "payload_too_large",
            Self::MalformedJson { .. } => "malformed_json",
            Self::MalformedMultipart { .. } => "malformed_multipart",
            Self::Interrupted => "interrupted_body",
        }
    }
}

impl Body {
    /// Reads and parses the body of a request. What declares to be too long is refused before it is read, what turns out to
    /// be too long while it is read.
    pub async fn read<B>(headers: &HeaderMap, body: B, limits: &BodyLimits) -> Result<Self, BodyError>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let too_large = BodyError::TooLarge { limit: limits.total };
        let declared = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > limits.total) {
            return Err(too_large);
        }
        let limited = Limited::new(body, usize::try_from(limits.total).unwrap_or(usize::MAX));
        let media_type = MediaType::of(headers);
        if let MediaType::Multipart { boundary } = media_type {
            return multipart::read(limited, boundary, limits).await;
        }
        match limited.collect().await {
            Ok(collected) => Self::parse(&media_type, collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large),
            Err(_) => Err(BodyError::Interrupted),
        }
    }

    /// Parses a whole body of any type but multipart, whose bytes stay bytes.
    fn parse(media_type: &MediaType, bytes: Bytes) -> Result<Self, BodyError> {
        if bytes.is_empty() {
            return Ok(Self::Empty);
        }
        Ok(match media_type {
            MediaType::Json => Self::Json(json::parse(&bytes)?),
            MediaType::Form => Self::Form(urlencoded::parse(&bytes)),
            MediaType::Text => Self::Text(String::from_utf8_lossy(&bytes).into_owned()),
            MediaType::Binary | MediaType::Multipart { .. } => Self::Bytes(bytes),
        })
    }
}

/// Adds a value to a field; the second one makes a list of it.
fn add(fields: &mut Map<String, Value>, name: String, value: String) {
    match fields.get_mut(&name) {
        None => {
            fields.insert(name, Value::String(value));
        }
        Some(Value::Array(values)) => values.push(Value::String(value)),
        Some(first) => *first = Value::Array(vec![first.take(), Value::String(value)]),
    }
}
