//! x
mod kdl;
