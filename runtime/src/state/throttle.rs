//! A limit on how often something is done.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Allows `burst` at once and `rate` a second in the long run.
#[derive(Debug)]
pub(crate) struct Throttle {
    burst: f64,
    rate: f64,
    left: Mutex<(f64, Instant)>,
}

impl Throttle {
    pub(crate) fn new(burst: u32, rate: u32) -> Self {
        Self { burst: burst.into(), rate: rate.into(), left: Mutex::new((burst.into(), Instant::now())) }
    }

    /// Whether it may be done now.
    pub(crate) fn allows(&self) -> bool {
        self.allows_at(Instant::now())
    }

    fn allows_at(&self, now: Instant) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(left.1).as_secs_f64() * self.rate;
        *left = ((left.0 + gained).min(self.burst), now);
        let allowed = left.0 >= 1.0;
        if allowed {
            left.0 -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn s12_a_flood_is_cut_and_later_calls_are_allowed() {
        let throttle = Throttle::new(3, 2);
        let now = Instant::now();
        let allowed = (0..10).filter(|_| throttle.allows_at(now)).count();
        assert_eq!(allowed, 3);
        let allowed = (0..10).filter(|_| throttle.allows_at(now + Duration::from_secs(1))).count();
        assert_eq!(allowed, 2);
    }
}
