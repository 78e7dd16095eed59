//! Drives the real `webstir` binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod actions;
mod affected;
mod bad_input;
#[path = "../runtime/src/cluster.rs"]
#[expect(dead_code, reason = "the tests of the runtime use the rest")]
mod cluster;
mod command_line;
mod common_js;
mod compilers;
mod determinism;
mod differential;
mod documents;
mod evaluation;
mod file_sets;
mod frontend;
mod generated;
mod graph;
mod hermetic;
mod init_ci;
mod jobs;
mod layers;
mod linking;
mod lockfile;
mod migrations;
mod oracle;
mod profiles;
mod real_input;
mod reports;
mod resolution;
mod robustness;
mod sandboxes;
mod secrets;
mod serve;
mod serve_static;
mod specs;
mod start;
mod store;
mod support;
mod unbundled;
mod verify;
mod watch;
mod why;
