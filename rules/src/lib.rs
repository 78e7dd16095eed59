//! The rules: one file a rule kind.

pub mod typecheck;
