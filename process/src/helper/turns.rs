//! A known order of work that goes on at the same time.
//!
//! The first observed call of each process and each thread is held up for a moment, longer while others that are yet to come are busy getting
//! there. Those that are held up together go on one by one, each when the one before has ended or waits: in the order in which they started, or in
//! the reverse one, where what was started first is overtaken. A result that depends on which of them is first is another one then.

use std::fs;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use crate::surroundings::Order;

/// How long a call waits for others that come after it.
const HOLD: Duration = Duration::from_millis(20);
/// How long at most it waits for those that are busy, and those before it for the one that went on: on a machine with much to do they take
/// long.
const LONGEST_HOLD: Duration = Duration::from_secs(1);
const LONGEST_TURN: Duration = Duration::from_secs(1);
/// More processes and threads of one command are not held up.
const MOST: usize = 32;
/// How often it is asked what they do.
const TICK: Duration = Duration::from_millis(2);

/// Who is held up, and who went on.
pub(super) struct Turns {
    order: Order,
    known: FxHashSet<u32>,
    /// How many were held up.
    count: usize,
    /// Calls that are held up, the first to come first.
    held: Vec<Held>,
    ahead: Option<Ahead>,
}

/// The process that went on last while others wait.
struct Ahead {
    process: u32,
    since: Instant,
    /// Whether it was seen to wait for something, and has called nothing since.
    waits: bool,
}

struct Held {
    process: u32,
    call: u64,
    since: Instant,
}

impl Turns {
    pub(super) fn new(order: Order) -> Self {
        Self { order, known: FxHashSet::default(), count: 0, held: Vec::new(), ahead: None }
    }

    /// Whether a call is to wait: the first one of each process, as long as there are not too many.
    pub(super) fn hold(&mut self, process: u32, call: u64) -> bool {
        let is_new = self.count < MOST && self.known.insert(process);
        if is_new {
            self.count += 1;
            self.held.push(Held { process, call, since: Instant::now() });
        }
        if let Some(ahead) = self.ahead.as_mut().filter(|ahead| ahead.process == process) {
            ahead.waits = false;
        }
        is_new
    }

    /// How long until it has to be asked who is next; `None` while nobody waits.
    pub(super) fn due(&self) -> Option<Duration> {
        let last = self.held.last()?;
        Some(if self.ahead.is_some() { TICK } else { HOLD.saturating_sub(last.since.elapsed()).max(TICK) })
    }

    /// The call that goes on now, if one does.
    pub(super) fn next(&mut self) -> Option<u64> {
        if self.ahead.as_mut().is_some_and(Ahead::goes_on) {
            return None;
        }
        self.ahead = None;
        let waited = self.held.last()?.since.elapsed();
        if waited < HOLD || (waited < LONGEST_HOLD && self.is_busy()) {
            return None;
        }
        // Numbers are given in the order in which processes start; which of them calls first is up to the system.
        let numbered = self.held.iter().enumerate().map(|(at, held)| (held.process, at));
        let chosen = match self.order {
            Order::Sorted => numbered.min()?,
            Order::Reversed => numbered.max()?,
        };
        let chosen = self.held.remove(chosen.1);
        let ahead = || Ahead { process: chosen.process, since: Instant::now(), waits: false };
        self.ahead = (!self.held.is_empty()).then(ahead);
        Some(chosen.call)
    }

    /// Whether one that is not held up, or one that it has started, is computing.
    fn is_busy(&mut self) -> bool {
        self.known.retain(|process| is_running(*process));
        let is_held = |process: u32| self.held.iter().any(|held| held.process == process);
        let is_at_work = |process: u32| !is_held(process) && state(process) == Some('R');
        self.known.iter().any(|process| is_at_work(*process) || children(*process).into_iter().any(is_at_work))
    }
}

impl Ahead {
    /// Whether it has more to do: it has neither ended, nor does it wait now as it did before.
    fn goes_on(&mut self) -> bool {
        let waited = std::mem::replace(&mut self.waits, state(self.process) == Some('S'));
        self.since.elapsed() < LONGEST_TURN && is_running(self.process) && !(waited && self.waits)
    }
}

/// What the kernel says that a process or thread does; `None` where there is none.
fn state(process: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Whether a process or thread has not ended.
fn is_running(process: u32) -> bool {
    state(process).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

fn children(process: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    list.split_ascii_whitespace().filter_map(|child| child.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_came_together_go_on_in_their_order_or_in_the_reverse_one() {
        // No processes have these numbers, so none of them is waited for.
        let numbers = [u32::MAX, u32::MAX - 1, u32::MAX - 2];
        for (order, expected) in [(Order::Sorted, [2, 1, 0]), (Order::Reversed, [0, 1, 2])] {
            let mut turns = Turns::new(order);
            for (call, process) in numbers.into_iter().enumerate() {
                assert!(turns.hold(process, call as u64));
                assert!(!turns.hold(process, 9), "only its first call");
            }
            assert_eq!(turns.next(), None);
            let mut went_on = Vec::new();
            while turns.due().is_some() {
                went_on.extend(turns.next());
            }
            assert_eq!(went_on, expected);
        }
    }

    #[test]
    fn the_others_wait_for_the_one_that_went_on() {
        let mut turns = Turns::new(Order::Sorted);
        assert!(turns.hold(u32::MAX, 1) && turns.hold(std::process::id(), 2));
        let first = loop {
            if let Some(call) = turns.next() {
                break call;
            }
        };
        assert_eq!(first, 2);
        assert_eq!((turns.next(), turns.due()), (None, Some(TICK)), "as long as it runs");
    }
}
