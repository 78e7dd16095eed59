//! The trace as Chrome and Perfetto read it.
//!
//! The format is the JSON array of the Trace Event Format (Google, 2016): complete events (`X`) in microseconds, instants (`i`) and
//! names of threads (`M`). Lanes are threads; the critical path has a lane of its own, and its actions say so in their arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use webstir_engine::event::{Event, Phase, Status};
use webstir_engine::graph::ActionGraph;
use webstir_engine::label::ActionLabel;

use super::Stamped;
use crate::compose::Built;

/// The lane of the critical path, above all others.
const CRITICAL_PATH: &str = "critical path";

pub(super) fn document(stamped: &[Stamped], built: &Built) -> Value {
    let critical: BTreeSet<ActionLabel> = built.run.as_ref().map_or_else(BTreeSet::new, |run| {
        ActionGraph::new(run).critical_path().into_iter().map(|node| node.label.clone()).collect()
    });
    let status: BTreeMap<&ActionLabel, Status> =
        built.run.iter().flat_map(|run| &run.reports).map(|report| (&report.label, report.status)).collect();
    let mut lanes: BTreeMap<String, usize> = BTreeMap::new();
    // The path first, then the thread that plans, the workers and the processes in the order of their names.
    for name in [CRITICAL_PATH, "main"] {
        lanes.insert(name.to_owned(), lanes.len());
    }
    let names: BTreeSet<&str> = stamped.iter().map(|stamped| &*stamped.lane).collect();
    for name in names {
        let next = lanes.len();
        lanes.entry(name.to_owned()).or_insert(next);
    }
    let mut events: Vec<Value> = Vec::new();
    for (name, lane) in &lanes {
        events.push(json!({"ph": "M", "name": "thread_name", "pid": 1, "tid": lane, "args": {"name": name}}));
        events
            .push(json!({"ph": "M", "name": "thread_sort_index", "pid": 1, "tid": lane, "args": {"sort_index": lane}}));
    }
    let mut running: BTreeMap<&ActionLabel, Duration> = BTreeMap::new();
    let mut phases: BTreeMap<Phase, Duration> = BTreeMap::new();
    for Stamped { at, lane, event } in stamped {
        let tid = lanes[lane];
        match event {
            Event::Started { label } => {
                running.insert(label, *at);
            }
            Event::Stopped { label } => {
                let Some(from) = running.remove(label) else { continue };
                let on_path = critical.contains(label);
                let arguments = json!({
                    "status": status.get(label).map(|status| status.as_str()),
                    "criticalPath": on_path,
                });
                let category = label.rule.kind();
                events.push(span(&label.to_string(), category, tid, from, *at, &arguments));
                if on_path {
                    events.push(span(&label.to_string(), category, lanes[CRITICAL_PATH], from, *at, &arguments));
                }
            }
            Event::Began(phase) => {
                phases.insert(*phase, *at);
            }
            Event::Ended(phase) => {
                let Some(from) = phases.remove(phase) else { continue };
                events.push(span(phase.as_str(), "phase", tid, from, *at, &json!({})));
            }
            Event::Finished { label, status: Status::Cached, .. } => {
                events.push(json!({
                    "ph": "i",
                    "name": label.to_string(),
                    "cat": "cached",
                    "pid": 1,
                    "tid": tid,
                    "ts": microseconds(*at),
                    "s": "t",
                }));
            }
            Event::Planned { actions } => {
                events.push(json!({
                    "ph": "C",
                    "name": "planned actions",
                    "pid": 1,
                    "ts": microseconds(*at),
                    "args": {"actions": actions},
                }));
            }
            Event::Finished { .. } | Event::Materialising { .. } => {}
        }
    }
    let run = json!({"profile": built.profile, "ok": built.ok, "program": env!("CARGO_PKG_VERSION")});
    json!({"displayTimeUnit": "ms", "otherData": run, "traceEvents": events})
}

fn span(name: &str, category: &str, lane: usize, from: Duration, until: Duration, arguments: &Value) -> Value {
    json!({
        "ph": "X",
        "name": name,
        "cat": category,
        "pid": 1,
        "tid": lane,
        "ts": microseconds(from),
        "dur": microseconds(until.saturating_sub(from)),
        "args": arguments,
    })
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
