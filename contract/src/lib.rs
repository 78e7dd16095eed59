//! The shapes on disk between build and runtime.
//!
//! The *module manifest* (contract 1.0.0) says what a module serves: routes, views, jobs, events, services. The *artifact
//! index* says which files a build made and which of them are entry points. *Path patterns* are what routes and views are mounted
//! at, *schedules* when jobs run. Nothing here reads or writes a file.

pub mod artifacts;
pub mod definitions;
pub mod manifest;
pub mod page_view;
pub mod path_pattern;
pub mod schedule;
pub mod schema;

pub use manifest::{CONTRACT_VERSION, ModuleManifest};
pub use path_pattern::PathPattern;
pub use schedule::Schedule;
pub use schema::{Violation, validate_module_manifest};
