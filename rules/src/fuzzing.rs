//! Doors for the fuzz targets, to readers of foreign bytes that are private otherwise.

pub use crate::toolchain::fuzzing::unpack;
