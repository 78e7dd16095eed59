//! Progress: a bar on a terminal, nothing in its way elsewhere.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use webstir_engine::event::{Event, EventSink, Status};
use webstir_engine::label::ActionLabel;

use crate::args::Global;

/// Shows events while a command runs.
pub(crate) struct Progress {
    shown: Option<Arc<Shown>>,
}

struct Shown {
    bar: Option<ProgressBar>,
    verbose: bool,
    state: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    planned: usize,
    done: usize,
    cached: usize,
    running: BTreeSet<ActionLabel>,
}

impl Progress {
    /// Decides how to show: not at all when quiet, plain lines where stderr is not a terminal.
    pub(crate) fn new(global: &Global) -> Self {
        if global.quiet {
            return Self { shown: None };
        }
        let terminal = console::user_attended_stderr() && std::env::var_os("CI").is_none();
        let bar = (terminal && !global.verbose).then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let template = "{spinner} {bar:24} {pos}/{len} {prefix} {elapsed} {wide_msg:.dim}";
            // The template is a constant: a mistake in it would show in every run.
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { shown: Some(Arc::new(Shown { bar, verbose: global.verbose, state: Mutex::default() })) }
    }

    /// Where events go.
    pub(crate) fn sink(&self) -> EventSink {
        match &self.shown {
            None => Arc::new(|_| {}),
            Some(shown) => {
                let shown = shown.clone();
                Arc::new(move |event| shown.show(&event))
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = self.shown.as_ref().and_then(|shown| shown.bar.as_ref()) {
            bar.finish_and_clear();
        }
    }
}

impl Shown {
    fn show(&self, event: &Event) {
        let mut counts = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Planned { actions } => counts.planned = *actions,
            Event::Started { label } => {
                counts.running.insert(label.clone());
            }
            Event::Finished { label, status, duration, .. } => {
                counts.running.remove(label);
                counts.done += 1;
                counts.cached += usize::from(*status == Status::Cached);
                // One line for each file is for those who asked for it.
                let line = self.verbose || (self.bar.is_none() && label.subject.is_none() && *status != Status::Cached);
                if line {
                    super::story(&format!("{:>7} {label} {}", status.as_str(), super::duration(*duration)));
                }
            }
            Event::Stopped { .. } | Event::Began(_) | Event::Ended(_) => return,
            Event::Materialising { files } => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("placing {files} files"));
                }
                return;
            }
        }
        if let Some(bar) = &self.bar {
            bar.set_length(counts.planned.max(counts.done) as u64);
            bar.set_position(counts.done as u64);
            bar.set_prefix(format!("{} cached", counts.cached));
            let rules: BTreeSet<String> = counts.running.iter().map(|label| label.rule.to_string()).collect();
            bar.set_message(rules.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
}
