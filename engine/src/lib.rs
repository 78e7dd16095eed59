//! The graph: configuration, planning, execution and the store. It knows neither TypeScript nor HTTP.

pub mod action;
pub mod config;
pub mod diagnostic;
pub mod digest;
pub mod label;
pub mod path;
pub mod rule;
pub mod system;
pub mod view;
