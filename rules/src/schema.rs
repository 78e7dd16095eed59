//! The language of `webstir.kdl`: which rule kinds there are and what each of them takes.
//!
//! Fields that several kinds share (`target`, `define`, ..) are declared once, in the module of the options they set.

mod backend;
mod options;
mod process;

use webstir_engine::config::Config;
use webstir_engine::config::schema::{Field, KindSchema, Language, Shape};

use crate::presets::PRESETS;

/// Everything that may be written in `webstir.kdl`.
pub const LANGUAGE: Language = Language { kinds: KINDS, profile: PROFILE, toolchain: TOOLCHAIN, presets: PRESETS };

const KINDS: &[KindSchema] = &[
    backend::FILES,
    backend::ENTRIES,
    backend::TYPECHECK,
    backend::TRANSPILE,
    backend::BUNDLE,
    backend::MANIFEST,
    backend::ARTIFACTS,
    process::COMMAND,
    process::COPY,
];

const TOOLCHAIN: &[Field] = &[Field::new(
    "typescript",
    Shape::Version,
    "The TypeScript compiler to use; when left out, the one that is installed or locked, else the newest known one that `package.json` allows",
)];

/// Defaults for every rule of the profile; a rule's own field goes before them.
const PROFILE: &[Field] =
    &[options::DEFINE, options::SOURCEMAP, options::MINIFY, options::GATE, options::STRICT, options::SANDBOX];

/// Whether a profile says yes to one of its fields.
pub(crate) fn is_set(config: &Config, profile: &str, field: &str) -> bool {
    config.profile(profile).and_then(|profile| profile.boolean(field)).is_some_and(|set| set.value)
}
