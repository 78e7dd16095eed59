//! Conditions, ranges and encodings of requests for published files: lines `name: value`.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use libfuzzer_sys::fuzz_target;
use webstir_runtime::assets::{AssetEntry, AssetIndex, Place};
use webstir_runtime::fuzzing::{respond, whole};

const PLAIN: &[u8] = b"0123456789";

static INDEX: LazyLock<AssetIndex> = LazyLock::new(|| {
    let entry = |path: &str, bytes: &'static [u8]| AssetEntry {
        path: path.to_owned(),
        digest: blake3::hash(bytes),
        length: bytes.len() as u64,
        place: Place::Memory(Bytes::from_static(bytes)),
    };
    let encoded = ["br", "gz", "zst"].map(|extension| entry(&format!("app.js.{extension}"), b"short"));
    AssetIndex::new([entry("app.js", PLAIN)].into_iter().chain(encoded))
});

fuzz_target!(|bytes: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let response = respond(&INDEX, "app.js", &Method::GET, &headers).expect("an asset").expect("a file that is there");
    let (parts, body) = response.into_parts();
    let body = whole(body).expect("a body that is there");
    let length = parts.headers.get(CONTENT_LENGTH).map(|length| length.to_str().expect("a number").to_owned());
    match parts.status {
        StatusCode::OK => assert_eq!(length, Some(body.len().to_string())),
        StatusCode::PARTIAL_CONTENT => {
            let range = parts.headers[CONTENT_RANGE].to_str().expect("a range");
            let (start, rest) = range.strip_prefix("bytes ").and_then(|range| range.split_once('-')).expect("a start");
            let (end, total) = rest.split_once('/').expect("a length");
            let number = |text: &str| text.parse::<usize>().expect("a number");
            assert_eq!(body, PLAIN[number(start)..=number(end)]);
            assert_eq!((number(total), length), (PLAIN.len(), Some(body.len().to_string())));
        }
        StatusCode::NOT_MODIFIED | StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE => {
            assert!(body.is_empty(), "a body that is not asked for");
        }
        status => panic!("{status} for a file that is there"),
    }
});
