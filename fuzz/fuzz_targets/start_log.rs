//! The start log, all but its checksum.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webstir_engine::fuzzing::read_log;

fuzz_target!(|body: &[u8]| {
    read_log(body);
});
