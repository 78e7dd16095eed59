//! What a content type says about how to read a body.

use http::{HeaderMap, header};
use mime::Mime;

/// How a body is read. Content types are compared without case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`, or any type that ends in `+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`, with its boundary if it has one.
    Multipart { boundary: Option<String> },
    /// Everything that is not known to be something else, and what says nothing.
    Text,
    /// Pictures, sound, films, fonts, archives and plain bytes.
    Binary,
}

const BINARY_APPLICATIONS: [&str; 10] =
    ["octet-stream", "pdf", "zip", "gzip", "wasm", "cbor", "msgpack", "vnd.msgpack", "protobuf", "x-protobuf"];

impl MediaType {
    /// The media type of a request.
    pub fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        content_type.map_or(Self::Text, Self::parse)
    }

    /// Reads a content type. Parameters that cannot be read do not make the type unknown.
    pub fn parse(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let Ok(mime) = content_type.parse::<Mime>().or_else(|_| essence.parse::<Mime>()) else { return Self::Text };
        let (kind, subtype) = (mime.type_(), mime.subtype());
        let suffix = mime.suffix().map(|suffix| suffix.as_str());
        match (kind.as_str(), subtype.as_str(), suffix) {
            ("application", "json", _) | (_, _, Some("json")) => Self::Json,
            ("application", "x-www-form-urlencoded", _) => Self::Form,
            ("multipart", "form-data", _) => {
                Self::Multipart { boundary: mime.get_param(mime::BOUNDARY).map(|boundary| boundary.to_string()) }
            }
            (_, _, Some("xml" | "yaml")) => Self::Text,
            ("image" | "audio" | "video" | "font", ..) | (_, _, Some("zip" | "gzip" | "cbor")) => Self::Binary,
            ("application", subtype, _) if BINARY_APPLICATIONS.contains(&subtype) => Self::Binary,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MediaType;
    use proptest::prelude::*;

    #[track_caller]
    fn check(content_types: &[&str], expected: &MediaType) {
        for content_type in content_types {
            assert_eq!(&MediaType::parse(content_type), expected, "{content_type}");
        }
    }

    /// c11: content types are compared without case, and `+json` is JSON.
    #[test]
    fn c11_types_are_recognised_in_any_case() {
        let json =
            ["application/json", "APPLICATION/JSON; Charset=UTF-8", "application/vnd.api+json", "application/json;"];
        check(&json, &MediaType::Json);
        check(&["Application/X-WWW-Form-Urlencoded", "application/x-www-form-urlencoded; charset="], &MediaType::Form);
        let boundary = |boundary: &str| MediaType::Multipart { boundary: Some(boundary.to_owned()) };
        check(&["Multipart/Form-Data; Boundary=Ab"], &boundary("Ab"));
        check(&["multipart/form-data; boundary=\"a b\""], &boundary("a b"));
        check(&["multipart/form-data"], &MediaType::Multipart { boundary: None });
    }

    #[test]
    fn the_rest_is_text_unless_it_is_known_to_be_bytes() {
        check(
            &["", "text/plain", "text/html; charset=utf-8", "application/xml", "x", "a/b/c", "image/svg+xml"],
            &MediaType::Text,
        );
        check(
            &["image/png", "application/octet-stream", "application/PDF", "application/epub+zip"],
            &MediaType::Binary,
        );
    }

    proptest! {
        #[test]
        fn any_content_type_is_read(text in ".{0,100}") {
            MediaType::parse(&text);
        }
    }
}
