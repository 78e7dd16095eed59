//! The `Cookie` header.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webstir_runtime::session::cookies;

fuzz_target!(|header: &str| {
    for (name, _) in cookies(header) {
        assert!(header.contains(name), "a name that was not sent");
    }
});
