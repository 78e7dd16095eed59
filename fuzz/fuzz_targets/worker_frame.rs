//! What a worker process sends: frames, one after another.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webstir_runtime::fuzzing::read_frames;

fuzz_target!(|bytes: &[u8]| {
    read_frames(bytes);
});
