//! What `webstir serve` is made of.
//!
//! A *server* answers requests with an *application*: a module that a *host* has loaded, embedded in this process or in worker
//! processes. Everything that is not the user's code is here. The *environment* is what the process was told. *Sessions* live in
//! a store and are carried by a signed cookie. The *authenticator* says who a request claims to be. A *body* is what came with a
//! request, already parsed. A *site* is the published files of a workspace. A *document* is the page that a view writes its state into.
//! The *live hub* tells browsers what builds do while a workspace is edited. *Metrics*, *readiness*, the *log* and
//! *client errors* are what operators see. A *task* is what runs by itself: a *job*, when its *schedule* says so, or a *migration* of the
//! database.

pub mod application;
pub mod assets;
pub mod auth;
pub mod body;
pub mod client_errors;
#[cfg(test)]
mod cluster;
mod database;
pub mod document;
pub mod environment;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod host;
pub mod jobs;
pub mod live;
pub mod log;
pub mod metrics;
pub mod migrations;
pub mod page_view;
mod pipeline;
mod postgres;
pub mod readiness;
mod response;
pub mod route;
pub mod security_headers;
pub mod server;
pub mod session;
pub mod site;
mod sqlite;
mod state;
pub mod task;

pub use application::{Application, Deployed, Foreseen, HandlerLimits, HostChoice, LoadError, Release, ReleaseError};
pub use body::{BodyError, BodyLimits};
pub use environment::{Environment, LogSettings, Settings};
pub use jobs::Jobs;
pub use live::{Live, LiveFinding, LiveSeverity};
pub use migrations::Migrator;
pub use response::Body;
pub use security_headers::SecurityHeaders;
pub use server::{Deployments, Server, ServerError, ServerOptions};
pub use session::Sessions;
pub use state::{Limits, ReconfigureError};
pub use task::TaskOptions;
