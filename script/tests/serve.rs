//! Isolates that serve, over real threads and a real runtime.

#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

#[path = "serve/isolates.rs"]
mod isolates;
#[path = "serve/server.rs"]
mod server;
