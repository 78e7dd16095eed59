//! What an evaluation may use, and the clock that measures it.

use std::time::Duration;

use rquickjs::Runtime;
use rustix::time::{ClockId, clock_gettime};

/// What an evaluation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// CPU time of the evaluating thread. A busy machine does not shorten it.
    pub cpu: Duration,
    /// Bytes of the engine's heap.
    pub memory: usize,
    /// Bytes of the engine's stack.
    pub stack: usize,
    /// The longest time without any sign from the evaluation: the end, or a question about a file. It is reached only when the
    /// engine is inside one long call that cannot be interrupted; the thread is then left behind and stops by itself.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cpu: Duration::from_secs(2), memory: 256 << 20, stack: 1 << 20, silence: Duration::from_mins(1) }
    }
}

/// Gives an engine so much memory. Cycles are looked for when a part of it is in use and not before: to load many modules, which
/// holds on to everything, would look for them again and again.
pub(crate) fn set_memory(runtime: &Runtime, bytes: usize) {
    runtime.set_memory_limit(bytes);
    runtime.set_gc_threshold(bytes / 16);
}

/// The CPU time that the current thread has used so far.
pub(crate) fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
