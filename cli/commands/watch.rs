//! `webstir watch`.

mod findings;
mod keys;
mod server;

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use webstir_engine::diagnostic::Diagnostic;

use super::release;
use super::signals::Signals;
use crate::Exit;
use crate::args::{Global, Watch as Arguments};
use crate::compose::{Built, Failure, Request, Requests, Watch, WatchEvent, Workspace, is_environment};
use crate::report::watch::{View, is_of_a_check};
use keys::Keys;
pub(super) use keys::restore as restore_terminal;
use server::Serving;

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let workspace = Workspace::open(global)?;
    let root = workspace.root.clone();
    let runtime = release::threads()?;
    let Signals { hangup, cancelled, stopping } = Signals::listen(&runtime)?;
    let view = View::new(global);
    let mut watch =
        Watch::start(workspace, global, &arguments.profile, arguments.poll, Arc::new(|_| {}), Arc::clone(&cancelled))?;
    let requests = watch.requests();
    let asked = requests.clone();
    runtime.spawn(async move {
        stopping.wait().await;
        asked.ask(Request::Stop);
    });
    runtime.spawn(rebuild_on(hangup, requests.clone(), has_terminal()));

    let serving =
        if arguments.no_serve { None } else { Some(Serving::start(&runtime, global, arguments, &root, &view)?) };
    let url = serving.as_ref().map(Serving::url);
    let keys = if view.is_screen() { Keys::listen(requests, url.clone()) } else { None };
    view.started(&name(&root), &arguments.profile, url.as_deref(), keys.is_some());
    if let Some(complaint) = watch.take_complaint() {
        view.notice(&format!("{complaint}; files are looked at again and again"));
    }
    let followed = follow(&mut watch, serving.as_ref(), &view, &cancelled);
    // Whatever failed, the server ends in order and the terminal is as it was.
    let kept = watch.stop();
    if let Some(serving) = serving {
        serving.stop(&runtime);
    }
    drop(keys);
    view.stopped();
    followed.and(kept)?;
    Ok(Exit::Done)
}

/// Runs until the user quits.
fn follow(watch: &mut Watch, serving: Option<&Serving>, view: &View, cancelled: &AtomicBool) -> Result<(), Failure> {
    let mut is_ready = false;
    let mut is_reported = false;
    loop {
        match watch.next() {
            Ok(WatchEvent::Changed(paths)) => {
                is_reported = false;
                view.changed(&paths);
                if let Some(serving) = serving {
                    serving.building();
                    if paths.iter().any(is_environment) {
                        serving.reconfigure(view);
                    }
                }
            }
            Ok(WatchEvent::Compiled(artifacts)) => {
                if let Some(serving) = serving {
                    serving.preload(watch, &artifacts);
                }
            }
            Ok(WatchEvent::Built(built)) => {
                is_reported = true;
                report_build(watch, &built, serving, view);
            }
            Ok(WatchEvent::Checked(checked)) => {
                view.checked(&checked);
                show_types(&checked, serving);
            }
            Ok(WatchEvent::Idle(built)) => {
                if !is_reported {
                    // There is nothing but checks.
                    report_build(watch, &built, serving, view);
                }
                view.idle(&built);
                // Where no check is left nothing else takes away what the last one found.
                show_types(&built, serving);
                if !std::mem::replace(&mut is_ready, true) {
                    view.ready();
                }
            }
            Ok(WatchEvent::Stop) => return Ok(()),
            Err(_) if cancelled.load(Ordering::Relaxed) => return Ok(()),
            Err(failure) => {
                view.trouble(&failure);
                if let Some(serving) = serving {
                    serving.failed(vec![findings::of_failure(&failure)]);
                }
            }
        }
    }
}

/// A build is done but for its checks.
fn report_build(watch: &Watch, built: &Built, serving: Option<&Serving>, view: &View) {
    view.built(built);
    let Some(serving) = serving else { return };
    if !built.ok {
        let found: Vec<&Diagnostic> = built.diagnostics.iter().filter(|found| found.is_error()).collect();
        return serving.failed(findings::of(&found, &built.workspace));
    }
    if let Err(failure) = serving.serve(watch, built) {
        view.refused(&failure.in_full());
        serving.failed(vec![findings::of_failure(&failure)]);
    }
}

/// Shows in pages what the checks found.
fn show_types(checked: &Built, serving: Option<&Serving>) {
    let Some(serving) = serving else { return };
    let found: Vec<&Diagnostic> = checked.diagnostics.iter().filter(|found| is_of_a_check(found)).collect();
    serving.checked(findings::of(&found, &checked.workspace));
}

/// Builds again, unless it is the terminal that hung up: nobody would be there to end it.
async fn rebuild_on(mut hangup: tokio::signal::unix::Signal, requests: Requests, had_terminal: bool) {
    while hangup.recv().await.is_some() {
        let request = if had_terminal && !has_terminal() { Request::Stop } else { Request::Rebuild };
        requests.ask(request);
    }
}

fn has_terminal() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
}

fn name(root: &Path) -> String {
    root.file_name().map_or_else(|| root.display().to_string(), |name| name.to_string_lossy().into_owned())
}
