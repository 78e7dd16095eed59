//! The rule kinds of a TypeScript web workspace, and what they are made of.

pub mod resolve;
pub mod source;
pub mod transpile;
pub mod tsconfig;
pub mod typecheck;
