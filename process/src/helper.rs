//! The helper's side.

use std::process::ExitCode;

/// The first argument of a helper, and its only one.
pub(crate) const ARGUMENT: &str = "__process";

/// Whether this process is a helper: its first argument says so.
pub fn is_helper() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT)
}

/// What `main` returns when it is one. No thread may have been started before.
pub fn helper() -> ExitCode {
    ExitCode::from(2)
}
