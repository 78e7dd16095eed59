//! Random edits against an oracle.
