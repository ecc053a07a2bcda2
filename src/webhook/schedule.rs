//! What follows from an attempt: pure, time and chance are arguments.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// A receiver that wants to be left alone for longer is asked again after this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);

/// How often and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Attempts before a delivery is given up, at least 1.
    pub attempts: u32,
    /// Pause after the first attempt.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
}

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered.
    Answered {
        /// With this status.
        status: u16,
        /// And wants no further attempt before this has passed.
        retry_after: Option<Duration>,
    },
    /// No answer within the time-out.
    TimedOut,
    /// No connection, or it broke, or it was no HTTP. The kind of failure, never its text.
    Unreachable(&'static str),
}

/// What to do with a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It was taken.
    Delivered,
    /// It is tried again after this.
    Retry(Duration),
    /// It is given up.
    GiveUp,
}

/// Decides after attempt number `attempt` (from 1); `chance` in [0, 1) spreads the attempts of many deliveries, so that a
/// receiver that comes back is not met by all of them in the same moment.
pub fn next(patience: Patience, attempt: u32, outcome: Outcome, chance: f64) -> Next {
    let wanted = match outcome {
        Outcome::Answered { status: 200..=299, .. } => return Next::Delivered,
        // What the receiver refuses now it refuses for ever, but for "too many".
        Outcome::Answered { status: 400..=428 | 430..=499, .. } => return Next::GiveUp,
        Outcome::Answered { retry_after, .. } => retry_after,
        Outcome::TimedOut | Outcome::Unreachable(_) => None,
    };
    if attempt >= patience.attempts {
        return Next::GiveUp;
    }
    let doubled = patience.first_pause.saturating_mul(1 << (attempt.saturating_sub(1)).min(30));
    // Never shorter than half of it, never longer than it.
    let pause = doubled.min(patience.longest_pause).mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0);
    Next::Retry(pause.max(wanted.unwrap_or_default().min(RETRY_AFTER_MAX)))
}

/// The header `Retry-After`: seconds, or a time.
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::DateTimeParser::new().parse_timestamp(header).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Patience =
        Patience { attempts: 5, first_pause: Duration::from_secs(1), longest_pause: Duration::from_secs(6) };

    fn answered(status: u16) -> Outcome {
        Outcome::Answered { status, retry_after: None }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(next(PATIENCE, 1, answered(status), 0.0), Next::Delivered, "{status}");
        }
        for status in [400, 401, 403, 404, 410, 428, 430, 499] {
            assert_eq!(next(PATIENCE, 1, answered(status), 0.0), Next::GiveUp, "{status}");
        }
        for outcome in [500, 502, 503, 504, 429, 302]
            .map(answered)
            .into_iter()
            .chain([Outcome::TimedOut, Outcome::Unreachable("no connection")])
        {
            assert_eq!(next(PATIENCE, 1, outcome, 0.0), Next::Retry(Duration::from_secs(1)), "{outcome:?}");
            assert_eq!(next(PATIENCE, 5, outcome, 0.0), Next::GiveUp, "{outcome:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses = (1..5).map(|attempt| next(PATIENCE, attempt, answered(500), 0.0));
        let expected = [1, 2, 4, 6].map(|seconds| Next::Retry(Duration::from_secs(seconds)));
        assert_eq!(pauses.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_receiver_that_says_when_to_come_back_is_left_alone_until_then() {
        let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        assert_eq!(retry_after(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Mon, 02 Mar 2026 10:01:30 GMT", now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after("Mon, 02 Mar 2026 09:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
        let asked =
            |seconds| Outcome::Answered { status: 429, retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(next(PATIENCE, 1, asked(120), 0.0), Next::Retry(Duration::from_secs(120)));
        assert_eq!(next(PATIENCE, 1, asked(0), 0.0), Next::Retry(Duration::from_secs(1)));
        assert_eq!(next(PATIENCE, 1, asked(u64::MAX), 0.0), Next::Retry(RETRY_AFTER_MAX));
    }

    proptest! {
        #[test]
        fn a_pause_is_bounded_and_attempts_end(
            attempt in 1_u32..400,
            status in 100_u16..600,
            chance in 0.0_f64..1.0,
            attempts in 1_u32..200,
        ) {
            let patience = Patience { attempts, ..PATIENCE };
            match next(patience, attempt, answered(status), chance) {
                Next::Delivered => prop_assert!((200..300).contains(&status)),
                Next::GiveUp => prop_assert!(attempt >= attempts || (400..500).contains(&status) && status != 429),
                Next::Retry(pause) => {
                    prop_assert!(attempt < attempts);
                    prop_assert!(pause >= patience.first_pause / 2 && pause <= patience.longest_pause);
                }
            }
        }
    }
}
