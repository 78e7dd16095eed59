//! The index that a build leaves for the server.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webstir_contract::artifacts::ArtifactIndex;

fuzz_target!(|text: &str| {
    let _ = ArtifactIndex::from_json(text);
});
