//! The helper alone, as `webstir __process` is it.

use std::process::ExitCode;

fn main() -> ExitCode {
    if webstir_process::is_helper() { webstir_process::helper() } else { ExitCode::from(2) }
}
