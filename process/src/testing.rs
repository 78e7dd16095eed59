//! A helper for the tests of other crates.
