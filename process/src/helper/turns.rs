//! Another order of work that goes on at the same time.
//!
//! The first observed call of each process and each thread is held up for a moment. Of those that are held up together, the one that came last
//! goes on first, and the others follow when it has ended: so what was started first is overtaken, and a result that depends on which of
//! them is first is another one.

use std::fs;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

/// How long a call waits for others that come after it.
const HOLD: Duration = Duration::from_millis(40);
/// How long at most those before it wait for the one that went on.
const TURN: Duration = Duration::from_millis(200);
/// How often it is asked whether that one has ended.
const TICK: Duration = Duration::from_millis(2);

/// Who is held up, and who went on.
#[derive(Default)]
pub(super) struct Turns {
    known: FxHashSet<u32>,
    /// Calls that are held up, the first to come first.
    held: Vec<Held>,
    /// The process that went on last while others waited, and until when they wait for it.
    ahead: Option<(u32, Instant)>,
}

struct Held {
    process: u32,
    call: u64,
    until: Instant,
}

impl Turns {
    /// Whether a call is to wait: the first one of each process.
    pub(super) fn hold(&mut self, process: u32, call: u64) -> bool {
        let is_new = self.known.insert(process);
        if is_new {
            self.held.push(Held { process, call, until: Instant::now() + HOLD });
        }
        is_new
    }

    /// How long until it has to be asked who is next; `None` while nobody waits.
    pub(super) fn due(&self) -> Option<Duration> {
        let last = self.held.last()?;
        let left = last.until.saturating_duration_since(Instant::now());
        Some(if self.ahead.is_some() { TICK } else { left.max(Duration::from_micros(1)) })
    }

    /// The call that goes on now, if one does.
    pub(super) fn next(&mut self) -> Option<u64> {
        let now = Instant::now();
        if self.ahead.is_some_and(|(process, until)| now < until && is_running(process)) {
            return None;
        }
        self.ahead = None;
        self.held.last().filter(|last| last.until <= now)?;
        let last = self.held.pop()?;
        self.ahead = (!self.held.is_empty()).then(|| (last.process, now + TURN));
        Some(last.call)
    }
}

/// Whether a process or thread has not ended.
fn is_running(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_last_goes_on_first() {
        let mut turns = Turns::default();
        // No processes have these numbers, so none of them is waited for.
        let numbers = [u32::MAX, u32::MAX - 1, u32::MAX - 2];
        for (call, process) in numbers.into_iter().enumerate() {
            assert!(turns.hold(process, call as u64));
            assert!(!turns.hold(process, 9), "only its first call");
        }
        assert_eq!(turns.next(), None);
        let mut order = Vec::new();
        while turns.due().is_some() {
            order.extend(turns.next());
        }
        assert_eq!(order, [2, 1, 0]);
        let own = std::process::id();
        assert!(turns.hold(1, 1) && turns.hold(own, 2));
        while order.len() < 4 {
            order.extend(turns.next());
        }
        assert_eq!((turns.next(), turns.due()), (None, Some(TICK)), "as long as it runs");
    }
}
