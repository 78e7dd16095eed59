//! Linking virtual trees and real packages; what comes out is run by Node.

#![expect(clippy::disallowed_methods, reason = "tests prepare real directories and start real programs")]
#![expect(clippy::unwrap_used, reason = "the functions around tests may unwrap as tests do")]

#[path = "bundler/link.rs"]
mod link;
#[path = "bundler/packages.rs"]
mod packages;
#[path = "bundler/problems.rs"]
mod problems;
#[path = "bundler/tools.rs"]
mod tools;
#[path = "bundler/values.rs"]
mod values;
