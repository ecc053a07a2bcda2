//! The only place that reads the clock of the machine.
//!
//! Audio time is a sample position ([`crate::audio::SamplePos`]) and never comes from here. The wall clock is asked
//! once a call; the monotonic clock serves deadlines and measured latencies.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Source of time, passed in so that tests run in simulated time.
pub trait Clock: Send + Sync {
    /// The wall clock, UTC.
    fn wall(&self) -> Timestamp;
    /// A monotonic instant, for deadlines and durations.
    fn monotonic(&self) -> Instant;
}

/// The machine's own clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the monotonic clock")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock {
    start: Instant,
    wall_start: Timestamp,
    elapsed: Mutex<Duration>,
}

impl ManualClock {
    /// A clock that shows `wall_start` and stands still.
    pub fn at(wall_start: Timestamp) -> Self {
        Self { start: SystemClock.monotonic(), wall_start, elapsed: Mutex::new(Duration::ZERO) }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        *self.elapsed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += by;
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Timestamp {
        self.wall_start + self.elapsed()
    }

    fn monotonic(&self) -> Instant {
        self.start + self.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let before = clock.monotonic();
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.monotonic() - before, Duration::from_millis(1500));
        assert_eq!(clock.wall().as_millisecond(), 1500);
    }
}
