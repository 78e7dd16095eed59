//! Drives the real `webstir` binary.

mod bad_input;
mod command_line;
mod determinism;
mod evaluation;
mod robustness;
mod specs;
mod support;
