//! The `[vad]` section of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text::duration::as_text;

/// Longest segment that still fits the 30 s window of Whisper with some room for padding.
pub const LONGEST_SEGMENT: Duration = Duration::from_secs(29);
/// A segment must leave room to look for a weak point to cut at.
pub const ROOM_TO_CUT: Duration = Duration::from_secs(2);

/// Sound before and after the speech of a recording that fits into one segment.
const WIDE_PRE_ROLL: Duration = Duration::from_secs(3);
/// See [`WIDE_PRE_ROLL`]; the pause that ends a segment is as long.
const WIDE_POST_ROLL: Duration = Duration::from_millis(1_500);

/// When speech starts, when it ends, how long it may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Probability from which a window is speech, 0 to 1.
    pub threshold: f32,
    /// Probability below which a window inside speech is a pause; at most `threshold`.
    pub negative_threshold: f32,
    /// Speech shorter than this is dropped as a click.
    #[serde(with = "as_text")]
    pub min_speech: Duration,
    /// A pause of this length ends a segment.
    #[serde(with = "as_text")]
    pub min_silence: Duration,
    /// Audio kept before the first window of speech: soft first consonants score low.
    #[serde(with = "as_text")]
    pub pre_roll: Duration,
    /// Audio kept after the last window of speech; at most `min_silence`.
    #[serde(with = "as_text")]
    pub post_roll: Duration,
    /// Longest segment, pre-roll and post-roll included; longer speech is cut at its weakest point.
    #[serde(with = "as_text")]
    pub max_segment: Duration,
    /// Pauses shorter than this do not end a segment that is shorter than `join_up_to`; 0 joins nothing.
    #[serde(with = "as_text")]
    pub join_below: Duration,
    /// Length up to which `join_below` holds.
    #[serde(with = "as_text")]
    pub join_up_to: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // Silero's own defaults. Lower, and breath and line noise become segments; higher, and quiet callers
            // lose words.
            threshold: 0.5,
            negative_threshold: 0.35,
            // "Oui" on a telephone is 150 to 250 ms, its voiced part less. 250 ms (Silero's default) loses short
            // answers; below two windows every click is a segment for the recogniser.
            min_speech: Duration::from_millis(100),
            // Pauses inside a sentence are mostly below 500 ms. Shorter cuts sentences, and Whisper loses the context
            // that it punctuates and disambiguates with; longer glues the turns of a dialogue on one channel.
            // For recordings: a live call decides about turns elsewhere.
            min_silence: Duration::from_millis(500),
            // Whisper was trained on speech with silence around it: 200 ms on both sides cost two points of WER
            // (BENCHMARKS.md). What lies before is already there and costs no delay.
            pre_roll: Duration::from_millis(1_000),
            post_roll: Duration::from_millis(500),
            // Whisper sees 30 s at most.
            max_segment: Duration::from_secs(25),
            join_below: Duration::ZERO,
            join_up_to: Duration::from_secs(15),
        }
    }
}

/// Whether the two thresholds of a detector fit together, for each: whether it holds, key, value, what it may be.
pub fn check_thresholds(
    section: &str,
    threshold: f32,
    negative_threshold: f32,
) -> [(bool, &'static str, String, String); 2] {
    [
        (
            threshold > 0.0 && threshold <= 1.0,
            "threshold",
            threshold.to_string(),
            "more than 0 and at most 1".to_owned(),
        ),
        (
            negative_threshold >= 0.0 && negative_threshold <= threshold,
            "negative_threshold",
            negative_threshold.to_string(),
            format!("0 to {section}.threshold ({threshold})"),
        ),
    ]
}

/// A value of the `[vad]` section that cannot work.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("vad.{key} is {value}, expected {expected}")]
pub struct InvalidConfig {
    /// The key within the section.
    pub key: &'static str,
    /// What it is.
    pub value: String,
    /// What it may be.
    pub expected: String,
}

impl Config {
    /// These settings for a recording of `length`, as far as its header tells. One that fits into one segment is cut less:
    /// nothing is gained by cutting it close, and the sound that is cut off is missed (BENCHMARKS.md, "Sound around the
    /// speech").
    #[must_use]
    pub fn for_recording(&self, length: Option<Duration>) -> Self {
        if length.is_none_or(|length| length > self.max_segment) {
            return self.clone();
        }
        let wider = Self {
            pre_roll: self.pre_roll.max(WIDE_PRE_ROLL),
            post_roll: self.post_roll.max(WIDE_POST_ROLL),
            min_silence: self.min_silence.max(WIDE_POST_ROLL),
            ..self.clone()
        };
        // Segments that somebody wants very short leave no room for it.
        if wider.validate().is_ok() { wider } else { self.clone() }
    }

    /// Checks that the values fit together.
    ///
    /// # Errors
    /// The first [`InvalidConfig`], which names its key.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let text = crate::text::duration::format;
        let check = |holds: bool, key, value: String, expected: String| {
            if holds { Ok(()) } else { Err(InvalidConfig { key, value, expected }) }
        };
        for (holds, key, value, expected) in check_thresholds("vad", self.threshold, self.negative_threshold)
        {
            check(holds, key, value, expected)?;
        }
        check(!self.min_silence.is_zero(), "min_silence", text(self.min_silence), "more than 0s".to_owned())?;
        check(
            self.post_roll <= self.min_silence,
            "post_roll",
            text(self.post_roll),
            format!("at most vad.min_silence ({})", text(self.min_silence)),
        )?;
        let least = [self.pre_roll, self.min_speech, self.min_silence.max(self.join_below), ROOM_TO_CUT]
            .into_iter()
            .fold(Duration::ZERO, Duration::saturating_add);
        check(
            (least..=LONGEST_SEGMENT).contains(&self.max_segment),
            "max_segment",
            text(self.max_segment),
            format!(
                "between {} (pre_roll, min_speech, the longer of min_silence and join_below, and {}) and {}",
                text(least),
                text(ROOM_TO_CUT),
                text(LONGEST_SEGMENT)
            ),
        )
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
        assert!(text.contains("min_silence = \"500ms\""), "{text}");
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn a_short_recording_is_cut_less_where_there_is_room() {
        let config = Config::default();
        let wide = config.for_recording(Some(config.max_segment));
        assert_eq!(wide.validate(), Ok(()));
        assert!(wide.pre_roll > config.pre_roll && wide.min_silence == wide.post_roll);
        let longer = config.max_segment + Duration::from_millis(1);
        assert_eq!([Some(longer), None].map(|length| config.for_recording(length)), [config.clone(), config]);
        let tight = Config { max_segment: Duration::from_secs(5), ..Config::default() };
        assert_eq!(tight.for_recording(Some(Duration::from_secs(4))), tight);
    }

    #[test]
    fn a_part_of_the_section_keeps_the_other_defaults() {
        let config: Config = toml::from_str("min_silence = \"0.7s\"").unwrap();
        assert_eq!(config, Config { min_silence: Duration::from_millis(700), ..Config::default() });
    }

    #[test]
    fn unknown_keys_and_bare_numbers_are_refused() {
        assert!(toml::from_str::<Config>("hangover = \"1s\"").is_err());
        assert!(toml::from_str::<Config>("min_silence = 500").is_err());
        let error = toml::from_str::<Config>("min_silence = \"500\"").unwrap_err().to_string();
        assert!(error.contains("`500` is no duration"), "{error}");
    }

    #[test]
    fn values_that_cannot_work_name_their_key() {
        let base = Config::default;
        for (key, config) in [
            ("threshold", Config { threshold: 0.0, ..base() }),
            ("threshold", Config { threshold: f32::NAN, ..base() }),
            ("negative_threshold", Config { negative_threshold: 0.6, ..base() }),
            ("negative_threshold", Config { negative_threshold: f32::NAN, ..base() }),
            ("min_silence", Config { min_silence: Duration::ZERO, ..base() }),
            ("post_roll", Config { post_roll: Duration::from_secs(1), ..base() }),
            ("max_segment", Config { max_segment: Duration::from_secs(1), ..base() }),
            ("max_segment", Config { max_segment: Duration::from_secs(31), ..base() }),
            ("max_segment", Config { pre_roll: Duration::MAX, ..base() }),
        ] {
            assert_eq!(config.validate().unwrap_err().key, key);
        }
    }
}
