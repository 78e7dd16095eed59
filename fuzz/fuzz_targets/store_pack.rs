//! A pack of the store: how many index entries it ends with, then everything before the footer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webstir_engine::fuzzing::read_pack;

fuzz_target!(|bytes: &[u8]| {
    let Some((entries, body)) = bytes.split_first() else { return };
    if let Ok((records, readable)) = read_pack(body, *entries) {
        assert!(readable <= records, "a record from nowhere");
    }
});
