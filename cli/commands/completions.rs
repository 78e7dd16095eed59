//! `webstir completions <shell>`.

use clap::CommandFactory as _;

use crate::Exit;
use crate::args::{Arguments, Completions};
use crate::compose::Failure;

pub(super) fn run(completions: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Arguments::command(), "webstir", &mut script);
    crate::report::result(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
