//! Drives the real `webstir` binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod affected;
mod bad_input;
mod command_line;
mod determinism;
mod evaluation;
mod graph;
mod real_input;
mod robustness;
mod serve;
mod serve_static;
mod specs;
mod support;
mod why;
