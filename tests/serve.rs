//! `webstir serve`, seen from outside: the real binary, real sockets, handlers in both hosts.

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
mod browser;
mod bun;
mod context;
mod forms;
mod hooks;
mod key;
mod lifecycle;
mod limits;
mod production;
mod protocol;
mod reply;
mod results;
mod routing;
mod server;
mod sessions;
mod streams;
mod views;
