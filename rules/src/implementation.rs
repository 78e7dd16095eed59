//! What stands for the code that is compiled in.

use std::sync::LazyLock;

use webstir_engine::digest::Digest;

/// In hexadecimal: see `build.rs`.
const HEX: &str = env!("WEBSTIR_IMPLEMENTATION");

static DIGEST: LazyLock<Digest> = LazyLock::new(|| HEX.parse().expect("a digest in hexadecimal"));

/// A digest of the locked versions of everything that the rules are built from, and of their own sources. It is part of the key of every
/// action and of every fact: what another parser, linker or engine made is never taken for the work of this one.
pub fn implementation() -> Digest {
    *DIGEST
}
