//! What `webstir watch` is made of, over real sockets: releases that follow each other, and browsers that are told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod browser;
mod client;
mod deployments;
mod documents;
mod events;
mod server;
