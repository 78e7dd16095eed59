//! Paths of requests and patterns of routes, each on a line, the path first.

#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use webstir_contract::PathPattern;
use webstir_runtime::route::{RequestPath, RouteTable};

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let Ok(path) = RequestPath::parse(lines.next().unwrap_or_default()) else { return };
    let mut table = RouteTable::default();
    for (index, line) in lines.enumerate() {
        if let Ok(pattern) = PathPattern::parse(line) {
            table.add(index, Method::GET, pattern);
        }
    }
    let _ = table.find(&Method::GET, &path);
});
