//! `webstir build` and `webstir publish`.

use crate::Exit;
use crate::args::{Global, Record};
use crate::cancellation::cancellation;
use crate::compose::{Built, Failure, Session, Workspace};
use crate::report;
use crate::report::ci::{Host, Reports, Section};
use crate::report::recording::Recording;

pub(super) fn run(global: &Global, profile: &str, verb: &str, record: &Record) -> Result<Exit, Failure> {
    let reports = Reports::start(&record.report, global, verb, profile)?;
    let built = build(global, profile, record, reports.host()).inspect_err(|_| reports.fail())?;
    if global.json {
        report::result(&report::json::build(&built));
    } else {
        report::terminal::build(&built, verb, global, &reports);
    }
    reports.finish(&built, global)?;
    Ok(match built {
        Built { ok: true, .. } => Exit::Done,
        Built { world_failed: true, .. } => Exit::WorldFailed,
        _ => Exit::Failed,
    })
}

fn build(global: &Global, profile: &str, record: &Record, host: Option<Host>) -> Result<Built, Failure> {
    let workspace = Workspace::open(global)?;
    let cancelled = cancellation()?;
    let recording = Recording::start(record, profile)?;
    let progress = report::progress::Progress::new(global);
    let section = Section::new(host.filter(|_| !global.quiet), "actions", "Actions");
    let events = recording.sink(section.sink(progress.sink()));
    let built = match Session::start(workspace, global, profile, events, cancelled) {
        Ok(mut session) => session.cached_build().map_or_else(|| session.build(), Ok),
        Err(failure) => Err(failure),
    };
    let built = built.map(Built::with_frontend);
    progress.finish();
    section.close();
    recording.finish(built.as_ref())?;
    built
}
