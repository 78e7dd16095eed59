//! One file a rule kind, and the facts about modules that the rules plan with.

pub mod resolve;
pub mod source;
pub mod transpile;
pub mod tsconfig;
