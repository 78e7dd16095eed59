//! The graph: configuration, planning, execution and the store. It knows neither TypeScript nor HTTP.

pub mod action;
pub mod blob;
mod clock;
pub mod codec;
pub mod config;
pub mod database;
pub mod db;
pub mod diagnostic;
pub mod digest;
pub mod discovered;
pub mod environment;
pub mod event;
pub mod execute;
pub mod explain;
pub mod fact;
pub mod file;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod graph;
pub mod key_dump;
pub mod label;
pub mod machine;
pub mod path;
pub mod plan;
pub mod projection;
pub mod run;
pub mod schedule;
pub mod start;
pub mod state_directory;
pub mod store;
pub mod system;
pub mod tree;
pub mod validity;
pub mod view;
pub mod watch;
