//! The clock, for what is told about work: how long it took, how long it may take. No result depends on it.

use std::time::Instant;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the one place that asks")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
