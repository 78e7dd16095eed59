//! `webstir completions <shell>`.

use clap::CommandFactory as _;

use crate::Exit;
use crate::args::{Arguments, Completions};

pub(super) fn run(completions: &Completions) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Arguments::command(), "webstir", &mut script);
    crate::report::result(&String::from_utf8_lossy(&script));
    Exit::Done
}
