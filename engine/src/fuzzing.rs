//! Doors for the fuzz targets, to readers that are private otherwise. Each takes bytes that nobody vouches for and reads all
//! that is in them; checksums are made right first, so that what they guard is reached.

pub use crate::start::fuzzing::read_log;
pub use crate::store::fuzzing::{read_pack, read_record};
