//! `webstir jobs`.

use std::sync::Arc;

use tracing::Level;
use webstir_runtime::jobs::JobEvent;
use webstir_runtime::{LogSettings, TaskOptions};

use super::release::{self, Source};
use super::signals::Signals;
use crate::Exit;
use crate::args::{Global, Jobs};
use crate::compose::{Failure, workspace_root};
use crate::report;

pub(super) fn run(global: &Global, arguments: &Jobs) -> Result<Exit, Failure> {
    let root = workspace_root(global)?;
    let environment = release::environment(&root, &arguments.release)?;
    let runtime = release::threads()?;
    let signals = Signals::listen(&runtime)?;
    let source = Source::choose(global, &arguments.release, &root, &signals.cancelled)?;
    let Some(release) = source.release()? else { return Ok(Exit::Failed) };
    let quiet = global.quiet;
    let listener = Arc::new(move |event: &JobEvent| match event.level() {
        Level::ERROR | Level::WARN => report::story(&event.to_string()),
        _ if quiet => {}
        _ => report::result(&format!("{event}\n")),
    });
    let options = TaskOptions { engine: release::engine(&arguments.release), limit: arguments.timeout };
    let mut jobs = webstir_runtime::Jobs::new(&release, &environment, &options, listener);
    if global.json {
        report::result(&report::json::document(jobs.all()));
        return Ok(Exit::Done);
    }
    if jobs.all().is_empty() {
        report::result("[jobs] no jobs registered in webstir.moduleManifest.jobs\n");
        return Ok(Exit::Done);
    }
    if arguments.list {
        for job in jobs.all() {
            let schedule = job.schedule.as_ref().map_or_else(String::new, |schedule| format!(" ({schedule})"));
            let description = job.description.as_ref().map_or_else(String::new, |text| format!(" — {text}"));
            report::result(&format!("- {}{schedule}{description}\n", job.name));
        }
        return Ok(Exit::Done);
    }
    if let Some(name) = &arguments.job {
        let Some(only) = jobs.only(name) else {
            report::story(&format!("[jobs] job '{name}' not found"));
            return Ok(Exit::Failed);
        };
        jobs = only;
    }
    release::start_log(&arguments.release, &LogSettings::from_environment(&environment));
    let stopping = signals.stopping().wait();
    let went_well = runtime.block_on(async {
        if arguments.watch {
            return jobs.watch(async { Some(stopping.await) }).await;
        }
        tokio::select! {
            went_well = jobs.run_all() => went_well,
            signal = stopping => {
                report::story(&format!("[jobs] received {signal}; what was running was stopped."));
                false
            }
        }
    });
    // A script that cannot be interrupted is left behind.
    runtime.shutdown_background();
    Ok(if went_well { Exit::Done } else { Exit::Failed })
}
