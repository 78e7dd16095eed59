//! `webstir build` and `webstir publish`.

use crate::Exit;
use crate::args::Global;
use crate::compose::{Failure, Session, Workspace};
use crate::report;

pub(super) fn run(global: &Global, profile: &str, verb: &str) -> Result<Exit, Failure> {
    let workspace = Workspace::open(global)?;
    let progress = report::progress::Progress::new(global);
    let built = match Session::start(workspace, global, profile, progress.sink()) {
        Ok(mut session) => session.build(),
        Err(failure) => Err(failure),
    };
    progress.finish();
    let built = built?;
    if global.json {
        report::result(&report::json::build(&built));
    } else {
        report::terminal::build(&built, verb, global);
    }
    Ok(if built.ok { Exit::Done } else { Exit::Failed })
}
