//! The rule kinds: what may stand in `webstir.kdl` and how each kind is planned and run.

pub mod presets;
pub mod schema;
