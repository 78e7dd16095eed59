//! Linking virtual trees and real packages; what comes out is run by Node.

#[path = "bundler/link.rs"]
mod link;
#[path = "bundler/packages.rs"]
mod packages;
#[path = "bundler/problems.rs"]
mod problems;
#[path = "bundler/tools.rs"]
mod tools;
