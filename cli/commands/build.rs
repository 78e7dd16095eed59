//! `webstir build` and `webstir publish`.

use crate::Exit;
use crate::args::Global;
use crate::compose::{Built, Failure, Session, Workspace, cancellation};
use crate::report;

pub(super) fn run(global: &Global, profile: &str, verb: &str) -> Result<Exit, Failure> {
    let workspace = Workspace::open(global)?;
    let cancelled = cancellation()?;
    let progress = report::progress::Progress::new(global);
    let built = match Session::start(workspace, global, profile, progress.sink(), cancelled) {
        Ok(mut session) => session.conclude().map_or_else(|| session.build(), Ok),
        Err(failure) => Err(failure),
    };
    progress.finish();
    let built = built?;
    if global.json {
        report::result(&report::json::build(&built));
    } else {
        report::terminal::build(&built, verb, global);
    }
    Ok(match built {
        Built { ok: true, .. } => Exit::Done,
        Built { world_failed: true, .. } => Exit::WorldFailed,
        _ => Exit::Failed,
    })
}
