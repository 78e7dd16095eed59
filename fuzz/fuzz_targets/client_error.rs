//! What browsers report.

#![no_main]

use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use webstir_runtime::client_errors::ClientErrorReport;

fuzz_target!(|bytes: &[u8]| {
    let _ = ClientErrorReport::parse(bytes, &HeaderMap::new());
});
