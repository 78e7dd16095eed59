//! The presets: the rules that a workspace of a mode starts from, as KDL inside the binary.

use webstir_engine::config::schema::Preset;

/// Every preset; a preset is named like the workspace mode it is for.
pub const PRESETS: &[Preset] = &[
    Preset { name: "spa", text: include_str!("presets/spa.kdl") },
    Preset { name: "ssg", text: include_str!("presets/ssg.kdl") },
    Preset { name: "api", text: include_str!("presets/api.kdl") },
    Preset { name: "full", text: include_str!("presets/full.kdl") },
];
