//! JSON bodies.

use super::BodyError;
use serde_json::Value;

/// Reads JSON, at most 128 levels deep. A byte-order mark is passed over, bytes that are no UTF-8 are replaced.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, BodyError> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    serde_json::from_str(text).map_err(|error| BodyError::MalformedJson { reason: error.to_string() })
}
