//! One file a rule kind: how each kind of node is planned and, for builtins, run.

pub mod manifest;
