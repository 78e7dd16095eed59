//! What `webstir serve` is made of, apart from HTTP plumbing and JavaScript.
//!
//! The *environment* is what the process was told. *Sessions* live in a store and are carried by a signed cookie. The
//! *authenticator* says who a request claims to be. A *body* is what came with a request, already parsed. *Metrics*,
//! *readiness* and *client errors* are what operators see.

pub mod auth;
pub mod body;
pub mod client_errors;
pub mod environment;
pub mod metrics;
pub mod readiness;
pub mod session;

pub use auth::{AuthContext, Authenticator};
pub use body::{Body, BodyError, BodyLimits};
pub use client_errors::ClientErrorReport;
pub use environment::{Environment, Settings};
pub use metrics::Metrics;
pub use readiness::{ManifestSummary, Readiness, ReadinessStatus};
pub use session::Sessions;
