//! UTF-8 for the engine. Bytes come in as strings with one character a byte.

#![expect(clippy::needless_pass_by_value, reason = "the engine passes arguments by value")]

use rquickjs::{Ctx, Exception, TypedArray};

/// Bytes from a string with one character a byte.
pub(crate) fn from_byte_string(ctx: &Ctx<'_>, text: &str) -> rquickjs::Result<Vec<u8>> {
    let bytes: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(character).ok()).collect();
    bytes.ok_or_else(|| Exception::throw_message(ctx, "The text is no byte string"))
}

pub(super) fn encode(ctx: Ctx<'_>, text: String) -> rquickjs::Result<TypedArray<'_, u8>> {
    TypedArray::new(ctx, text)
}

/// None when the bytes must be right and are not.
pub(super) fn decode(ctx: Ctx<'_>, text: String, fatal: bool) -> rquickjs::Result<Option<String>> {
    let bytes = from_byte_string(&ctx, &text)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(_) if fatal => None,
        Err(error) => Some(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    })
}
