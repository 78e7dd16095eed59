//! `webstir.kdl`: the KDL reader and all that checks what it read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webstir_engine::config::schema::Language;
use webstir_engine::config::{Inputs, decode, load};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = decode(bytes) else { return };
    let language = Language { kinds: &[], profile: &[], toolchain: &[], presets: &[] };
    load(&Inputs { text: Some(text), package_mode: None, language: &language });
});
