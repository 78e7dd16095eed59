//! Drives the real `webstir` binary.

mod specs;
mod support;
