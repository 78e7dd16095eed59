//! Conditions of requests on entity tags: RFC 9110 section 13.
//!
//! An *entity tag* is the digest of the bytes in quotes. Tags of clients are compared as bytes; they need not be well-formed beyond
//! their quotes.

use http::header::{HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use http::{StatusCode, header};

/// The tag of an asset's bytes. Always strong.
#[derive(Debug, Clone)]
pub(super) struct EntityTag(String);

/// A tag that a client sent.
#[derive(Debug, PartialEq, Eq)]
enum SentTag<'a> {
    Any,
    Tag {
        is_weak: bool,
        /// With its quotes.
        quoted: &'a [u8],
    },
}

impl EntityTag {
    pub(super) fn new(digest: &blake3::Hash) -> Self {
        Self(format!("\"{}\"", digest.to_hex()))
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            headers.insert(header::ETAG, value);
        }
    }

    fn is(&self, sent: &SentTag<'_>, takes_weak: bool) -> bool {
        match sent {
            SentTag::Any => true,
            SentTag::Tag { is_weak, quoted } => *quoted == self.0.as_bytes() && (takes_weak || !is_weak),
        }
    }

    /// The status that the conditions of a request lead to, when not all hold.
    pub(super) fn failed_condition(&self, headers: &HeaderMap) -> Option<StatusCode> {
        let matches = |name: HeaderName, takes_weak: bool| {
            let values: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
            let found = values.iter().any(|value| tags(value.as_bytes()).iter().any(|tag| self.is(tag, takes_weak)));
            (!values.is_empty()).then_some(found)
        };
        if matches(IF_MATCH, false) == Some(false) {
            return Some(StatusCode::PRECONDITION_FAILED);
        }
        (matches(IF_NONE_MATCH, true) == Some(true)).then_some(StatusCode::NOT_MODIFIED)
    }

    /// Whether a range may be of these bytes. A date in `If-Range` says too little.
    pub(super) fn permits_range(&self, headers: &HeaderMap) -> bool {
        headers.get(IF_RANGE).is_none_or(|value| value.as_bytes() == self.0.as_bytes())
    }
}

/// The tags of a list, up to the first thing that is none.
fn tags(mut text: &[u8]) -> Vec<SentTag<'_>> {
    let mut tags = Vec::new();
    loop {
        while let [b' ' | b'\t' | b',', rest @ ..] = text {
            text = rest;
        }
        if let [b'*', rest @ ..] = text {
            tags.push(SentTag::Any);
            text = rest;
            continue;
        }
        let (is_weak, quoted) = text.strip_prefix(b"W/").map_or((false, text), |rest| (true, rest));
        let end = quoted.iter().skip(1).position(|byte| *byte == b'"');
        let (Some(b'"'), Some(end)) = (quoted.first(), end) else { return tags };
        let (quoted, rest) = quoted.split_at(end + 2);
        tags.push(SentTag::Tag { is_weak, quoted });
        text = rest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(name: &HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.clone(), HeaderValue::from_str(value).unwrap())])
    }

    fn known() -> (EntityTag, String) {
        let tag = EntityTag::new(&blake3::hash(b""));
        let text = tag.0.clone();
        (tag, text)
    }

    #[test]
    fn conditions_are_compared_as_the_standard_says() {
        let (tag, known) = known();
        let list = format!("\"a,b\", W/{known} , \"c\"");
        for (name, value, status) in [
            (IF_NONE_MATCH, known.as_str(), Some(StatusCode::NOT_MODIFIED)),
            (IF_NONE_MATCH, &list, Some(StatusCode::NOT_MODIFIED)),
            (IF_NONE_MATCH, "*", Some(StatusCode::NOT_MODIFIED)),
            (IF_NONE_MATCH, "\"other\"", None),
            (IF_NONE_MATCH, known.trim_matches('"'), None),
            (IF_NONE_MATCH, "", None),
            (IF_MATCH, &known, None),
            (IF_MATCH, "*", None),
            (IF_MATCH, &list, Some(StatusCode::PRECONDITION_FAILED)),
            (IF_MATCH, "\"other\"", Some(StatusCode::PRECONDITION_FAILED)),
        ] {
            assert_eq!(tag.failed_condition(&with(&name, value)), status, "{name}: {value}");
        }
        assert_eq!(tag.failed_condition(&HeaderMap::new()), None);
        let mut several = with(&IF_NONE_MATCH, "\"other\"");
        several.append(IF_NONE_MATCH, HeaderValue::from_str(&known).unwrap());
        assert_eq!(tag.failed_condition(&several), Some(StatusCode::NOT_MODIFIED));
        let if_range = |value: &str| tag.permits_range(&with(&IF_RANGE, value));
        assert!(tag.permits_range(&HeaderMap::new()) && if_range(&known));
        let weak = format!("W/{known}");
        for value in [weak.as_str(), "\"other\"", "Sat, 29 Oct 1994 19:43:31 GMT", "nonsense"] {
            assert!(!if_range(value), "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_known_tag_is_found_in_any_list(before in prop::collection::vec("(W/)?\"[a-z, W/]{0,9}\"", 0..4)) {
            let (tag, known) = known();
            let list = before.into_iter().chain([known]).collect::<Vec<_>>().join(" , ");
            prop_assert_eq!(tag.failed_condition(&with(&IF_NONE_MATCH, &list)), Some(StatusCode::NOT_MODIFIED));
        }

        #[test]
        fn what_has_no_known_tag_matches_nothing(value in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assume!(!value.contains(&b'*'));
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let (tag, _) = known();
                let headers = HeaderMap::from_iter([(IF_NONE_MATCH, value.clone()), (IF_RANGE, value)]);
                prop_assert_eq!(tag.failed_condition(&headers), None);
                prop_assert!(!tag.permits_range(&headers));
            }
        }
    }
}
