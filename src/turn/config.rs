//! The `[turn]` section of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text::duration::as_text;
use crate::vad::{LONGEST_SEGMENT, ROOM_TO_CUT, check_thresholds};

/// No pause inside a turn is longer; a caller who waits longer has the impression of a dead line.
const MAX_DELAY_LIMIT: Duration = Duration::from_secs(20);

/// When a speaker is taken to be done, when to be interrupting.
///
/// Delays count from the start of the pause as voice detection sees it, around 100 ms after the last sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Probability from which a window is speech, 0 to 1.
    pub threshold: f32,
    /// Probability below which a window inside speech is a pause; at most `threshold`.
    pub negative_threshold: f32,
    /// Speech shorter than this starts no turn.
    #[serde(with = "as_text")]
    pub min_speech: Duration,
    /// Audio kept before the first window of speech.
    #[serde(with = "as_text")]
    pub pre_roll: Duration,
    /// Longest audio of one final; a longer turn gets several, cut at its weakest points.
    #[serde(with = "as_text")]
    pub max_audio: Duration,
    /// How often somebody who speaks is decoded for a partial text; 0 for no partials.
    #[serde(with = "as_text")]
    pub partial_interval: Duration,
    /// Pause after which the final is begun, in case it is one.
    #[serde(with = "as_text")]
    pub speculate_after: Duration,
    /// Whether Smart Turn is asked.
    pub smart_turn: bool,
    /// Pause after which Smart Turn is asked.
    #[serde(with = "as_text")]
    pub judge_after: Duration,
    /// Probability of Smart Turn from which the speaker is taken to be done, 0 to 1.
    pub done_threshold: f32,
    /// Pause that ends a turn when everything says that the speaker is done.
    #[serde(with = "as_text")]
    pub min_delay: Duration,
    /// Pause that ends a turn when Smart Turn has not answered, or is not asked.
    #[serde(with = "as_text")]
    pub unjudged_delay: Duration,
    /// Pause that ends a turn whatever Smart Turn says.
    #[serde(with = "as_text")]
    pub max_delay: Duration,
    /// Pause that ends a turn, at least, as long as no dialogue waits for its end ([`super::Input::Expect`]); 0 for no
    /// difference.
    #[serde(with = "as_text")]
    pub unasked_delay: Duration,
    /// Longest pause after which a text that is there is told although its turn is not taken to be over; 0 for only when
    /// it is.
    #[serde(with = "as_text")]
    pub settle_delay: Duration,
    /// Pause after which a text that asks for nothing more is told, although the turn goes on, where no dialogue waits for the
    /// answer; 0 for no difference from where one does.
    #[serde(with = "as_text")]
    pub unasked_settle_delay: Duration,
    /// How long a turn that sounds done may wait for its text, which may say otherwise; 0 for not at all.
    #[serde(with = "as_text")]
    pub text_wait: Duration,
    /// Pause that ends a turn that is, so far, only a greeting, thanks or an acknowledgement.
    #[serde(with = "as_text")]
    pub opening_delay: Duration,
    /// Pause that ends a turn whose text asks for more words.
    #[serde(with = "as_text")]
    pub unfinished_delay: Duration,
    /// Pause that ends a dictated number, address or e-mail that may go on.
    #[serde(with = "as_text")]
    pub dictation_delay: Duration,
    /// Time after the end of a turn in which more speech continues it; 0 for never.
    #[serde(with = "as_text")]
    pub repair_window: Duration,
    /// Longest pause in a turn behind which speech is decoded together with the text that was told in that pause, and replaces
    /// it; at most as long as `repair_window`; 0 for never.
    #[serde(with = "as_text")]
    pub rejoin_window: Duration,
    /// Whether a caller can interrupt what is played.
    pub barge_in: bool,
    /// How often somebody who speaks into what is played is decoded; 0 for as often as otherwise. Where there are no partials,
    /// never.
    #[serde(with = "as_text")]
    pub barge_in_interval: Duration,
    /// Speech of this length of which no text has come interrupts.
    #[serde(with = "as_text")]
    pub barge_in_speech: Duration,
    /// Time from the start of playback in which nothing interrupts.
    #[serde(with = "as_text")]
    pub barge_in_protection: Duration,
}

impl Default for Config {
    /// Measured with `benches/turns` on the scripted calls (BENCHMARKS.md, "Turn-taking").
    fn default() -> Self {
        Self {
            // As in `[vad]`, and for the same reasons.
            threshold: 0.5,
            negative_threshold: 0.35,
            min_speech: Duration::from_millis(96),
            pre_roll: Duration::from_secs(1),
            max_audio: Duration::from_secs(28),
            // Faster costs a decoding each and is hardly seen; slower looks stuck.
            partial_interval: Duration::from_millis(500),
            // One window would decode at every plosive; a third costs 32 ms on every final and saves few decodings.
            speculate_after: Duration::from_millis(64),
            smart_turn: true,
            judge_after: Duration::from_millis(96),
            done_threshold: 0.5,
            // Below, pauses at commas end turns; above, every answer comes later.
            min_delay: Duration::from_millis(380),
            // A fixed pause of half a second cuts one sentence in fifty.
            unjudged_delay: Duration::from_millis(500),
            max_delay: Duration::from_millis(700),
            // Two people who talk to each other: nobody waits, and one turn in a hundred is cut instead of one in four.
            unasked_delay: Duration::from_millis(800),
            settle_delay: Duration::from_millis(700),
            // As many words are heard right as when the voice has to sound done first, and the text comes a quarter of a second sooner.
            unasked_settle_delay: Duration::from_millis(288),
            // A short decoding after `speculate_after`; longer would make a slow machine slower still.
            text_wait: Duration::from_millis(450),
            opening_delay: Duration::from_millis(700),
            unfinished_delay: Duration::from_millis(900),
            // People look the next pair of digits up and write along; more than two seconds is a question.
            dictation_delay: Duration::from_millis(2_000),
            repair_window: Duration::from_secs(3),
            // As `settle_delay`: what is told in a shorter pause is told for haste, not because it is whole.
            rejoin_window: Duration::from_millis(700),
            barge_in: true,
            // Half a "d'accord" (450 ms in the scripted calls): sooner there is no word to hear.
            barge_in_interval: Duration::from_millis(250),
            // The first text has the time to come, also where it takes `text_wait`; longer, and two speak at once.
            barge_in_speech: Duration::from_millis(900),
            // The echo of the first word comes back within that time.
            barge_in_protection: Duration::from_millis(300),
        }
    }
}

/// A value of the `[turn]` section that cannot work.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("turn.{key} is {value}, expected {expected}")]
pub struct InvalidConfig {
    /// The key within the section.
    pub key: &'static str,
    /// What it is.
    pub value: String,
    /// What it may be.
    pub expected: String,
}

impl Config {
    /// Checks that the values fit together.
    ///
    /// # Errors
    /// The first [`InvalidConfig`], which names its key.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let text = crate::text::duration::format;
        let check = |holds: bool, key, value: String, expected: String| {
            if holds { Ok(()) } else { Err(InvalidConfig { key, value, expected }) }
        };
        for (holds, key, value, expected) in check_thresholds("turn", self.threshold, self.negative_threshold)
        {
            check(holds, key, value, expected)?;
        }
        check(
            (0.0..=1.0).contains(&self.done_threshold),
            "done_threshold",
            self.done_threshold.to_string(),
            "0 to 1".to_owned(),
        )?;
        check(!self.min_delay.is_zero(), "min_delay", text(self.min_delay), "more than 0s".to_owned())?;
        check(
            (self.min_delay..=MAX_DELAY_LIMIT).contains(&self.max_delay),
            "max_delay",
            text(self.max_delay),
            format!("turn.min_delay ({}) to {}", text(self.min_delay), text(MAX_DELAY_LIMIT)),
        )?;
        for (key, delay) in [
            ("speculate_after", self.speculate_after),
            ("judge_after", self.judge_after),
            ("unjudged_delay", self.unjudged_delay),
            ("unasked_delay", self.unasked_delay),
            ("settle_delay", self.settle_delay),
            ("unasked_settle_delay", self.unasked_settle_delay),
            ("text_wait", self.text_wait),
            ("opening_delay", self.opening_delay),
            ("unfinished_delay", self.unfinished_delay),
            ("dictation_delay", self.dictation_delay),
        ] {
            let expected = || format!("at most {}", text(MAX_DELAY_LIMIT));
            check(delay <= MAX_DELAY_LIMIT, key, text(delay), expected())?;
        }
        self.validate_barge_in()?;
        self.validate_audio()
    }

    /// How often somebody who speaks into what is played is decoded; 0 for never.
    pub(super) fn interval_while_playing(&self) -> Duration {
        if self.barge_in_interval.is_zero() {
            self.partial_interval
        } else {
            self.barge_in_interval.min(self.partial_interval)
        }
    }

    /// Length alone interrupts when no text has come: so the text must have the time to come first, or every sign of
    /// listening of that length interrupts.
    fn validate_barge_in(&self) -> Result<(), InvalidConfig> {
        let text = crate::text::duration::format;
        let interval = self.interval_while_playing();
        let least = interval.saturating_add(self.text_wait);
        if !self.barge_in || interval.is_zero() || self.barge_in_speech >= least {
            return Ok(());
        }
        Err(InvalidConfig {
            key: "barge_in_speech",
            value: text(self.barge_in_speech),
            expected: format!(
                "at least {}: the text that tells a sign of listening is asked for after {} of speech and may take \
                 turn.text_wait ({})",
                text(least),
                text(interval),
                text(self.text_wait)
            ),
        })
    }

    /// A final holds the rolls, the longest pause, and on both sides of it room for a weak point to cut at.
    fn validate_audio(&self) -> Result<(), InvalidConfig> {
        let text = crate::text::duration::format;
        let longest_pause = [self.max_delay, self.unjudged_delay, self.text_wait, self.unasked_delay]
            .into_iter()
            .chain([self.opening_delay, self.unfinished_delay, self.dictation_delay])
            .fold(Duration::ZERO, Duration::max);
        let room = [longest_pause, self.pre_roll, self.min_speech, ROOM_TO_CUT];
        let least = room.into_iter().fold(Duration::ZERO, Duration::saturating_add).saturating_mul(2);
        if (least..=LONGEST_SEGMENT).contains(&self.max_audio) {
            return Ok(());
        }
        Err(InvalidConfig {
            key: "max_audio",
            value: text(self.max_audio),
            expected: format!(
                "between {} (twice the sum of the longest delay, pre_roll, min_speech and {}) and {}",
                text(least),
                text(ROOM_TO_CUT),
                text(LONGEST_SEGMENT)
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_survives_toml() {
        let config = Config::default();
        assert_eq!(config.validate(), Ok(()));
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains("repair_window = \"3s\""), "{text}");
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<Config>("hangover = \"1s\"").is_err());
    }

    #[test]
    fn length_may_interrupt_only_after_the_first_text_had_time_to_come() {
        let ms = Duration::from_millis;
        let least = Config::default().barge_in_interval + Config::default().text_wait;
        let with = |barge_in_speech| Config { barge_in_speech, ..Config::default() };
        assert_eq!(with(least).validate(), Ok(()));
        let error = with(least - ms(1)).validate().unwrap_err();
        assert_eq!(error.key, "barge_in_speech");
        assert!(error.to_string().contains("turn.text_wait (450ms)"), "{error}");
        let short = with(ms(100));
        for fits in [
            Config { barge_in: false, ..short.clone() },
            Config { partial_interval: Duration::ZERO, ..short.clone() },
            Config { barge_in_interval: ms(60), text_wait: ms(40), ..short.clone() },
            Config { partial_interval: ms(60), text_wait: ms(40), ..short },
        ] {
            assert_eq!(fits.validate(), Ok(()));
        }
        let slow = Config { barge_in_interval: Duration::ZERO, ..Config::default() };
        assert_eq!(slow.validate().unwrap_err().key, "barge_in_speech", "the usual partials come too late");
    }

    #[test]
    fn values_that_cannot_work_name_their_key() {
        let base = Config::default;
        for (key, config) in [
            ("threshold", Config { threshold: 0.0, ..base() }),
            ("threshold", Config { threshold: f32::NAN, ..base() }),
            ("negative_threshold", Config { negative_threshold: 0.6, ..base() }),
            ("done_threshold", Config { done_threshold: f32::NAN, ..base() }),
            ("min_delay", Config { min_delay: Duration::ZERO, ..base() }),
            ("max_delay", Config { max_delay: Duration::from_millis(1), ..base() }),
            ("dictation_delay", Config { dictation_delay: Duration::MAX, ..base() }),
            ("max_audio", Config { max_audio: Duration::from_secs(30), ..base() }),
            ("max_audio", Config { max_audio: Duration::from_secs(5), ..base() }),
            ("max_audio", Config { dictation_delay: Duration::from_secs(12), ..base() }),
            ("max_audio", Config { pre_roll: Duration::MAX, ..base() }),
        ] {
            assert_eq!(config.validate().unwrap_err().key, key);
        }
    }
}
