//! The `[live]` section of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text::duration::as_text;

/// How live calls are listened to, and how many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Most calls at the same time, whatever they cost.
    pub max_calls: usize,
    /// Whether calls are refused by measured load; without it only `max_calls` counts.
    pub admission: bool,
    /// What a call gets for which there is no full service any more.
    pub overload: Overload,
    /// Part of the recognition workers' time that admitted calls may take, 0 to 1: above it waiting grows fast.
    pub load_limit: f32,
    /// Lag of finals, from end of speech to text, from which no call is admitted where the machine has a part in it; compared
    /// with the 95th percentile of the last half minute.
    #[serde(with = "as_text")]
    pub max_lag: Duration,
    /// Workers that a call is taken to keep busy until something was measured, such as 0.1 for a tenth of one.
    pub assumed_load: f32,
    /// Part of its time that every open call is taken to be spoken in, at least, 0 to 1; what was measured when that is more.
    /// Calls that are silent now may all begin to speak.
    pub speech_share: f32,
    /// How long a refused peer is asked to wait.
    #[serde(with = "as_text")]
    pub retry_after: Duration,
    /// How long audio of a track may wait to be taken up; older audio makes room and is marked as a gap. What a network that
    /// stood still delivers at once may be four times as long.
    #[serde(with = "as_text")]
    pub waiting_audio: Duration,
    /// Audio that arrives within this time is worked on together; adds as much to every delay.
    #[serde(with = "as_text")]
    pub batch_wait: Duration,
    /// Partials that are not begun within this time of their audio are dropped: a newer one says more.
    #[serde(with = "as_text")]
    pub partial_patience: Duration,
    /// A channel that makes no progress for this long although audio comes is started anew; a thread or a recogniser that is
    /// at one step for this long hangs.
    #[serde(with = "as_text")]
    pub watchdog: Duration,
    /// Events of a call that are kept for readers that come late or again. Partials that were replaced make room first.
    pub events_kept: usize,
    /// Ended calls whose events are kept.
    pub ended_calls_kept: usize,
    /// Threads for Smart Turn.
    pub turn_threads: usize,
    /// Questions to Smart Turn that may wait; older ones make room, and their turns end by silence.
    pub turn_queue: usize,
}

/// What a call gets for which there is no full service any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overload {
    /// A refusal with a time to come again.
    #[default]
    Refuse,
    /// Finals without partials, as long as there is room for those; then a refusal.
    FinalsOnly,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_calls: 256,
            admission: true,
            overload: Overload::Refuse,
            // Waiting for one of two workers doubles the work itself at 0.7 and is five times as long at 0.9 (M/M/2).
            load_limit: 0.7,
            max_lag: Duration::from_secs(1),
            // `base` on one core: 0.25 s of work a second of speech, 40 % speech.
            assumed_load: 0.1,
            // One of two people who talk to each other, with their pauses.
            speech_share: 0.4,
            retry_after: Duration::from_secs(10),
            // Longer than any stall that speech is worth waiting for; a machine that is so far behind has other troubles.
            waiting_audio: Duration::from_secs(5),
            // Half a frame: a call alone loses 5 ms on the average, and 200 calls fill batches of 50 windows.
            batch_wait: Duration::from_millis(10),
            partial_patience: Duration::from_millis(800),
            watchdog: Duration::from_secs(5),
            events_kept: 1_000,
            ended_calls_kept: 64,
            turn_threads: 1,
            turn_queue: 32,
        }
    }
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{key}: {found} is not {expected}")]
pub struct InvalidConfig {
    /// The key.
    pub key: &'static str,
    /// What was found.
    pub found: String,
    /// What would be right.
    pub expected: &'static str,
}

impl Config {
    /// Checks that every value can be used.
    ///
    /// # Errors
    /// The first one that cannot.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let checks: [(&'static str, String, bool, &'static str); 11] = [
            ("max_calls", self.max_calls.to_string(), self.max_calls >= 1, "at least 1"),
            (
                "load_limit",
                self.load_limit.to_string(),
                self.load_limit > 0.0 && self.load_limit <= 1.0,
                "above 0 and at most 1",
            ),
            (
                "assumed_load",
                self.assumed_load.to_string(),
                self.assumed_load > 0.0 && self.assumed_load.is_finite(),
                "above 0",
            ),
            (
                "speech_share",
                self.speech_share.to_string(),
                self.speech_share > 0.0 && self.speech_share <= 1.0,
                "above 0 and at most 1",
            ),
            (
                "waiting_audio",
                format!("{:?}", self.waiting_audio),
                (Duration::from_millis(100)..=Duration::from_secs(30)).contains(&self.waiting_audio),
                "between 100ms and 30s",
            ),
            (
                "batch_wait",
                format!("{:?}", self.batch_wait),
                self.batch_wait <= Duration::from_millis(100),
                "at most 100ms",
            ),
            (
                "partial_patience",
                format!("{:?}", self.partial_patience),
                !self.partial_patience.is_zero(),
                "above 0",
            ),
            (
                "watchdog",
                format!("{:?}", self.watchdog),
                self.watchdog >= Duration::from_secs(1),
                "at least 1s",
            ),
            ("events_kept", self.events_kept.to_string(), self.events_kept >= 16, "at least 16"),
            ("turn_threads", self.turn_threads.to_string(), self.turn_threads >= 1, "at least 1"),
            ("turn_queue", self.turn_queue.to_string(), self.turn_queue >= 1, "at least 1"),
        ];
        let wrong = checks.into_iter().find(|(_, _, is_right, _)| !is_right);
        wrong.map_or(Ok(()), |(key, found, _, expected)| Err(InvalidConfig { key, found, expected }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_used_and_nonsense_is_named_by_its_key() {
        assert_eq!(Config::default().validate(), Ok(()));
        let wrong = Config { load_limit: 1.5, ..Config::default() };
        assert_eq!(wrong.validate().unwrap_err().to_string(), "load_limit: 1.5 is not above 0 and at most 1");
        let wrong = Config { speech_share: 0.0, ..Config::default() };
        assert_eq!(wrong.validate().unwrap_err().key, "speech_share");
        let wrong = Config { batch_wait: Duration::from_secs(1), ..Config::default() };
        assert_eq!(wrong.validate().unwrap_err().key, "batch_wait");
    }
}
