//! How fast a peer may send.

use std::time::{Duration, Instant};

/// Bursts may hold what is allowed in so many seconds: a network that stood still delivers all at once.
const BURST_SECONDS: f64 = 10.0;

/// A bucket that fills with time. A clock that goes backwards stands still.
#[derive(Debug, Clone)]
pub struct RateLimit {
    per_second: f64,
    left: f64,
    at: Instant,
}

impl RateLimit {
    /// `per_second` on the average.
    pub fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, left: per_second * BURST_SECONDS, at: now }
    }

    /// One came. Gives how long the next may not be taken: who sends too fast is slowed down, not thrown out, because a
    /// client that sends a recording as fast as it can is no attacker.
    pub fn took(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        let filled = self.left + passed.as_secs_f64() * self.per_second;
        self.left = filled.min(self.per_second * BURST_SECONDS) - 1.0;
        Duration::from_secs_f64((-self.left / self.per_second).max(0.0))
    }
}

/// When a silent peer is asked whether it is still there, and when it is given up.
#[derive(Debug, Clone)]
pub struct Pulse {
    idle: Duration,
    heard: Instant,
    was_asked: bool,
}

/// What a silence asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Nothing yet.
    Nothing,
    /// A ping.
    Ask,
    /// The end of the connection.
    GiveUp,
}

impl Pulse {
    /// Asks after `idle`, gives up after twice that.
    pub const fn new(idle: Duration, now: Instant) -> Self {
        Self { idle, heard: now, was_asked: false }
    }

    /// The peer sent something.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.was_asked = false;
    }

    /// When [`Pulse::beat`] has something to say.
    pub fn deadline(&self) -> Instant {
        self.heard + if self.was_asked { 2 * self.idle } else { self.idle }
    }

    /// What is due.
    pub fn beat(&mut self, now: Instant) -> Beat {
        if now < self.deadline() {
            return Beat::Nothing;
        }
        if std::mem::replace(&mut self.was_asked, true) { Beat::GiveUp } else { Beat::Ask }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::{Clock, SystemClock};

    #[test]
    fn a_silent_peer_is_asked_once_and_then_given_up() {
        let start = SystemClock.monotonic();
        let second = Duration::from_secs(1);
        let mut pulse = Pulse::new(10 * second, start);
        assert_eq!(pulse.beat(start + 9 * second), Beat::Nothing);
        assert_eq!(pulse.beat(start + 10 * second), Beat::Ask);
        assert_eq!(pulse.beat(start + 11 * second), Beat::Nothing);
        assert_eq!(pulse.beat(start + 20 * second), Beat::GiveUp);
        pulse.heard(start + 20 * second);
        assert_eq!(pulse.beat(start + 30 * second), Beat::Ask);
    }

    proptest! {
        #[test]
        fn whoever_waits_as_told_never_sends_more_than_a_burst_and_the_rate(
            per_second in 1_u32..100,
            steps in proptest::collection::vec(0_u64..500, 1..500),
        ) {
            let start = SystemClock.monotonic();
            let mut limit = RateLimit::new(per_second, start);
            let (mut now, mut taken) = (start, 0_u32);
            for step in steps {
                now += Duration::from_millis(step);
                now += limit.took(now);
                taken += 1;
                let allowed = f64::from(per_second) * (BURST_SECONDS + (now - start).as_secs_f64());
                prop_assert!(f64::from(taken) <= allowed + 1e-6, "{taken} of {allowed}");
            }
        }

        #[test]
        fn whoever_keeps_to_the_rate_is_never_slowed_down(per_second in 1_u32..100) {
            let mut now = SystemClock.monotonic();
            let mut limit = RateLimit::new(per_second, now);
            for _ in 0..2_000 {
                now += Duration::from_secs(1) / per_second + Duration::from_nanos(1);
                prop_assert_eq!(limit.took(now), Duration::ZERO);
            }
        }
    }
}
