//! Request bodies: the first line is the content type.

#![no_main]

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use webstir_runtime::BodyLimits;
use webstir_runtime::body::Body;

fuzz_target!(|bytes: &[u8]| {
    let split = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (kind, content) = bytes.split_at(split);
    let Ok(kind) = HeaderValue::from_bytes(kind) else { return };
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
    let body = Full::new(Bytes::copy_from_slice(content.get(1..).unwrap_or_default()));
    let limits = BodyLimits::of_total(4096);
    // The whole body is there: nothing waits.
    let read = Body::read(&headers, body, &limits).now_or_never();
    assert!(read.is_some(), "reading waits for something");
});
