//! The `webstir` program: parse, dispatch, exit.
//!
//! Exit codes: 0 done, 1 the user's code or configuration failed, 2 wrong usage or the world failed.

mod args;
mod cancellation;
mod commands;
mod compose;
mod explanation;
mod hidden;
mod report;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Arguments;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// The user's code or configuration failed; the findings have been shown.
    Failed,
    /// The world failed; what it was has been shown.
    WorldFailed,
}

fn main() -> ExitCode {
    // A process of the user runs below a helper, which is this program again: before anything else is set up.
    if webstir_process::is_helper() {
        return webstir_process::helper();
    }
    let arguments = Arguments::parse();
    let command = arguments.command.name();
    match commands::run(arguments) {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Failed) => ExitCode::from(1),
        Ok(Exit::WorldFailed) => ExitCode::from(2),
        Err(error) => {
            report::terminal::failure(command, &error);
            ExitCode::from(2)
        }
    }
}
