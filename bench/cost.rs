//! What a process takes, as medians in the rows of a table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{WaitId, WaitIdOptions};

/// Ticks a second in `/proc`; Linux has no other number.
const TICKS: u64 = 100;

/// What one process took.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Processor time outside of the kernel, with that of children that were waited for. In steps of a tick.
    pub(crate) user: Duration,
    /// Peak resident memory in KiB.
    pub(crate) memory: u64,
}

/// Runs to the end; memory is looked at while it runs.
pub(crate) fn cost(command: &mut Command) -> Cost {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let watching = std::thread::spawn(move || watch(&status));
    // What it took is there to be read until it is waited for.
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::waitid(WaitId::Pid(process), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    let wall = started.elapsed();
    let user = user_time(child.id());
    let code = child.wait().unwrap();
    assert!(code.success(), "{command:?} failed");
    Cost { wall, user, memory: watching.join().unwrap() }
}

/// `utime` and `cutime` of `/proc/<id>/stat`, proc(5).
fn user_time(id: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let (_, behind_name) = text.rsplit_once(") ").unwrap();
    let fields: Vec<u64> = behind_name.split(' ').map(|field| field.parse().unwrap_or(0)).collect();
    Duration::from_millis((fields[11] + fields[13]) * (1000 / TICKS))
}

fn watch(status: &Path) -> u64 {
    let mut most = 0;
    while let Ok(text) = fs::read_to_string(status) {
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        let Some(peak) = peak else { break };
        most = most.max(peak);
        std::thread::sleep(Duration::from_millis(5));
    }
    most
}

pub(crate) fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by_key(|cost| cost.wall);
    let memory = costs.iter().map(|cost| cost.memory).max().unwrap_or(0);
    let wall = costs[costs.len() / 2].wall;
    costs.sort_by_key(|cost| cost.user);
    Cost { wall, user: costs[costs.len() / 2].user, memory }
}

pub(crate) fn row(what: &str, ours: Cost, theirs: Option<Cost>, goal: &str) {
    let seconds = |cost: Cost| format!("{:.3} s", cost.wall.as_secs_f64());
    let ratio =
        theirs.map_or(String::new(), |theirs| format!("{:.2}", ours.wall.as_secs_f64() / theirs.wall.as_secs_f64()));
    let other = theirs.map_or(String::new(), seconds);
    println!("| {what} | {} | {other} | {ratio} | {goal} | {} MiB |", seconds(ours), ours.memory / 1024);
}
