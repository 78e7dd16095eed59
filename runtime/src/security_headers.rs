//! Headers that tell browsers to be careful.
//!
//! They are on documents and on published files; of the others, responses with a content type say at least that it is meant. What a
//! handler, a hook or a view set itself stays.

use http::header::{
    CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The headers, each with its value.
#[derive(Debug, Clone)]
pub struct SecurityHeaders(HeaderMap);

impl Default for SecurityHeaders {
    fn default() -> Self {
        Self::new([
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
            (X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
            (CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin")),
        ])
    }
}

impl SecurityHeaders {
    /// The last value of a name counts.
    pub fn new(headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name, value);
        }
        Self(map)
    }

    pub fn none() -> Self {
        Self(HeaderMap::new())
    }

    /// Adds what belongs to a response with these headers.
    pub(crate) fn complete(&self, headers: &mut HeaderMap) {
        let Some(content_type) = headers.get(CONTENT_TYPE) else { return };
        let essence = content_type.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        if essence.trim_ascii().eq_ignore_ascii_case(b"text/html") {
            self.add_all(headers);
        } else if let Some(value) = self.0.get(X_CONTENT_TYPE_OPTIONS) {
            headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert_with(|| value.clone());
        }
    }

    pub(crate) fn add_all(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            headers.entry(name).or_insert_with(|| value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(security: &SecurityHeaders, content_type: Option<&'static str>) -> HeaderMap {
        let content_type = content_type.map(|text| (CONTENT_TYPE, HeaderValue::from_static(text)));
        let mut headers = HeaderMap::from_iter(content_type);
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        security.complete(&mut headers);
        headers
    }

    #[test]
    fn s9_documents_carry_all_and_keep_their_own() {
        let headers = completed(&SecurityHeaders::default(), Some("Text/HTML ; charset=utf-8"));
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[REFERRER_POLICY], "strict-origin-when-cross-origin");
        assert_eq!(headers[X_FRAME_OPTIONS], "DENY");
        assert_eq!(headers[CROSS_ORIGIN_OPENER_POLICY], "same-origin");
    }

    #[test]
    fn other_responses_say_that_their_type_is_meant() {
        let headers = completed(&SecurityHeaders::default(), Some("application/json"));
        assert_eq!((headers.len(), &headers[X_CONTENT_TYPE_OPTIONS]), (3, &HeaderValue::from_static("nosniff")));
        assert_eq!(completed(&SecurityHeaders::default(), None).len(), 1);
        assert_eq!(completed(&SecurityHeaders::none(), Some("text/html")).len(), 2);
        let own = SecurityHeaders::new([(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))]);
        assert_eq!(completed(&own, Some("text/html"))[REFERRER_POLICY], "no-referrer");
    }
}
