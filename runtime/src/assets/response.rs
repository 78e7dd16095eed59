//! The response that an asset makes: conditions, variants, and ranges (RFC 9110 section 14).

use std::io;
use std::ops::Range;
use std::sync::Arc;

use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE, VARY,
};
use http::{Method, Response, StatusCode};
use http_range_header::{RangeUnsatisfiableError, parse_range_header};

use super::condition::EntityTag;
use super::encoding::{AcceptedEncodings, ContentEncoding};
use super::{Asset, AssetIndex};
use crate::response::{self, Body};

/// Which part of an asset is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// Of this place, which lies within the asset.
    Range(Range<u64>),
    Unsatisfiable,
}

impl AssetIndex {
    /// Answers GET and HEAD with an asset. A file that is gone is an error of the kind `NotFound`.
    pub(crate) async fn respond(
        &self,
        asset: &Arc<Asset>,
        method: &Method,
        headers: &HeaderMap,
    ) -> io::Result<Response<Body>> {
        let is_head = *method == Method::HEAD;
        // A range is one of the plain bytes, which every client that resumes has.
        let range = headers.get(RANGE).filter(|_| !is_head);
        let wanted = match range {
            None => AcceptedEncodings::read(headers).choose(asset.variants.iter().map(|(encoding, _)| *encoding)),
            Some(_) => None,
        };
        let variant = match wanted {
            None => None,
            Some(encoding) => self.contents.open_variant(asset, encoding).await?.map(|opened| (encoding, opened)),
        };
        let (encoding, opened) = match variant {
            Some((encoding, opened)) => (Some(encoding), opened),
            None => (None, self.contents.open(asset).await?),
        };
        let version = opened.version;
        let tag = EntityTag::new(&version.digest);
        let mut response = response::status(StatusCode::OK);
        asset.describe(response.headers_mut(), encoding, &tag);
        if let Some(status) = tag.failed_condition(headers) {
            *response.status_mut() = status;
            response.headers_mut().remove(CONTENT_TYPE);
            response.headers_mut().remove(CONTENT_ENCODING);
            return Ok(response);
        }
        let part = match range {
            Some(range) if tag.permits_range(headers) => read_range(range, version.length),
            _ => Part::Whole,
        };
        let range = match part {
            Part::Whole => 0..version.length,
            Part::Range(range) => {
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                write_content_range(
                    response.headers_mut(),
                    &format!("{}-{}", range.start, range.end - 1),
                    version.length,
                );
                range
            }
            Part::Unsatisfiable => {
                let mut response = response::status(StatusCode::RANGE_NOT_SATISFIABLE);
                write_content_range(response.headers_mut(), "*", version.length);
                return Ok(response);
            }
        };
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
        if !is_head {
            *response.body_mut() = opened.into_body(range);
        }
        Ok(response)
    }

    /// An asset as the page of an error: whole and without conditions.
    pub(crate) async fn error_page(
        &self,
        asset: &Arc<Asset>,
        status: StatusCode,
        method: &Method,
    ) -> io::Result<Response<Body>> {
        let opened = self.contents.open(asset).await?;
        let length = opened.version.length;
        let mut response = response::status(status);
        asset.cache.write(response.headers_mut());
        response.headers_mut().insert(CONTENT_TYPE, asset.content_type.clone());
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        if *method != Method::HEAD {
            *response.body_mut() = opened.into_body(0..length);
        }
        Ok(response)
    }
}

impl Asset {
    fn describe(&self, headers: &mut HeaderMap, encoding: Option<ContentEncoding>, tag: &EntityTag) {
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        self.cache.write(headers);
        tag.write(headers);
        if !self.variants.is_empty() {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        match encoding {
            Some(encoding) => headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.token())),
            None => headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        };
    }
}

fn write_content_range(headers: &mut HeaderMap, range: &str, length: u64) {
    if let Ok(value) = HeaderValue::from_str(&format!("bytes {range}/{length}")) {
        headers.insert(CONTENT_RANGE, value);
    }
}

/// One range is served; several, or one that cannot be read, are as none.
fn read_range(range: &HeaderValue, length: u64) -> Part {
    let ranges = range.to_str().ok().and_then(|text| parse_range_header(text).ok());
    let Some(ranges) = ranges.filter(|ranges| ranges.len() == 1) else { return Part::Whole };
    match ranges.validate(length).as_deref() {
        Ok([range]) => Part::Range(*range.start()..range.end() + 1),
        Err(RangeUnsatisfiableError::Unsatisfiable) => Part::Unsatisfiable,
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(range: &str, length: u64) -> Part {
        read_range(&HeaderValue::from_str(range).unwrap(), length)
    }

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (range, length, part) in [
            ("bytes=0-0", 10, Part::Range(0..1)),
            ("bytes=2-5", 10, Part::Range(2..6)),
            ("Bytes=5-", 10, Part::Range(5..10)),
            ("bytes=0-99999999999999999999", 10, Part::Range(0..10)),
            ("bytes=-3", 10, Part::Range(7..10)),
            ("bytes=-30", 10, Part::Range(0..10)),
            ("bytes=10-", 10, Part::Unsatisfiable),
            ("bytes=99999999999999999999-", 10, Part::Unsatisfiable),
            ("bytes=-0", 10, Part::Unsatisfiable),
            ("bytes=0-", 0, Part::Unsatisfiable),
            ("bytes=-5", 0, Part::Whole),
            ("bytes=5-2", 10, Part::Whole),
            ("bytes=a-b", 10, Part::Whole),
            ("bytes=", 10, Part::Whole),
            ("lines=1-2", 10, Part::Whole),
            ("bytes=0-1, 4-5", 10, Part::Whole),
        ] {
            assert_eq!(read(range, length), part, "{range}");
        }
    }

    proptest! {
        #[test]
        fn a_range_lies_within(text in "(bytes=)?[0-9, -]{0,30}", length in 0u64..100) {
            if let Part::Range(range) = read(&text, length) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }

        #[test]
        fn a_range_that_fits_is_served(start in 0u64..50, extra in 0u64..50, rest in 1u64..50) {
            let (end, length) = (start + extra, start + extra + rest);
            prop_assert_eq!(read(&format!("bytes={start}-{end}"), length), Part::Range(start..end + 1));
        }

        #[test]
        fn any_bytes_are_read(value in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                read_range(&value, 10);
            }
        }
    }
}
