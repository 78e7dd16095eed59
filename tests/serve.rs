//! `webstir serve`, seen from outside: the real binary, real sockets, handlers in every host.
//!
//! A case bears the number of the defect of the TypeScript package that it would show. Where all of them are:
//!
//! | number | cases |
//! | --- | --- |
//! | S1, S2, S4, C15 | `sessions`, and with every store in `runtime/src/session/tests` |
//! | S3, S13 | `forms` |
//! | S5 | `views`, `production` |
//! | S6, S7 | `authentication`, and with a clock in `runtime/src/auth/tests` |
//! | S8 | `views` |
//! | S9, C2, C7 | `serve_static`; there is one process and one port |
//! | S10 | `production` |
//! | S11 | `results` |
//! | S12 | `routing`; the flood of reports in `runtime/src/state/throttle.rs` |
//! | C1 | `lifecycle` |
//! | C3, C4 | `w1_` in `tests/` and `rules/`: what a build emits; `tests/jobs.rs` |
//! | C5, C6 | `tests/migrations.rs` |
//! | C14 | `tests/jobs.rs`, and `contract/src/schedule/tests.rs` |
//! | C8 | `limits`; there is no second process to wait for |
//! | C9 | `results`, `serve_static` |
//! | C10 | `routing`, `lifecycle` |
//! | C11 | `routing`, `bodies`, `production` |
//! | C12 | `context` |
//! | C13 | `routing`, `lifecycle` |
//! | C16 | `hooks`, `results`, `lifecycle`, `tests/migrations.rs`, and `runtime/src/environment/tests.rs` |
//! | C17 | `routing` |

/// Makes three tests of each case, one for each host. They share the server of the common workspace.
macro_rules! in_every_host {
    ($($case:ident),* $(,)?) => {
        mod embedded {
            $(#[test] fn $case() { super::$case(super::super::server::shared(super::super::server::Host::Embedded)); })*
        }
        mod worker {
            $(#[test] fn $case() { super::$case(super::super::server::shared(super::super::server::Host::Worker)); })*
        }
        mod bun {
            $(#[test] fn $case() { super::$case(super::super::server::shared(super::super::server::Host::Bun)); })*
        }
    };
}

mod authentication;
mod bodies;
pub(crate) mod browser;
mod bun;
mod context;
mod forms;
mod hooks;
mod key;
mod lifecycle;
mod limits;
mod places;
mod production;
mod protocol;
mod reply;
mod results;
mod routing;
mod server;
mod sessions;
mod streams;
mod views;
