//! Isolates that serve, over real threads and a real runtime.

#![expect(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

#[path = "serve/backend.rs"]
mod backend;
#[path = "serve/hostile.rs"]
mod hostile;
#[path = "serve/isolates.rs"]
mod isolates;
#[path = "serve/limits.rs"]
mod limits;
#[path = "serve/node.rs"]
mod node;
#[path = "serve/server.rs"]
mod server;
#[path = "serve/web.rs"]
mod web;
