//! The rule kinds of a TypeScript web workspace, and what they are made of.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests prepare real directories"))]

mod compiler;
mod configuration;
mod generated;
mod implementation;
mod installed;
mod kinds;
pub mod manifest;
mod modules;
mod place;
pub mod presets;
mod processes;
mod programs;
mod requirements;
mod results;
pub mod schema;
mod secrets;
pub mod templates;

pub use compiler::surroundings;
pub use configuration::{configuration, environment};
pub use generated::{GeneratedSet, IGNORE as GENERATED_IGNORE, generated};
pub use implementation::implementation;
pub use installed::{compare_with_lockfile, reached_packages};
pub use kinds::{Resources, artifact_type, plans, runs};
pub use processes::Processes;
pub use programs::Programs;
pub use results::{
    drop_repeats, field_of, is_gated, is_of_the_world, manifest_of, materialising_rank, may_be_materialised, warm,
};
pub use secrets::Redactor;
