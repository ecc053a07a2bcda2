//! Thresholds of the guard, section `[guard]`.
//!
//! Measured with `base`, greedy, without voice detection, the worst case: 35 windows of silence, room responses, white,
//! pink and brown noise, hum, breath, clicks, ring-back, busy tone, DTMF, hold music and street noise with French forced
//! against 102 telephone clips (Common Voice in French, English and Dutch, French prompts):
//!
//! | | no-speech probability | mean log-probability |
//! |---|---|---|
//! | nothing said, "..." | 0.31 to 0.93 | -1.54 to -0.97 |
//! | nothing said, words, surer than -1.4 | 0.66 to 0.68 | -1.35 to -1.07 |
//! | nothing said, words, the others | 0.42 to 0.92 | -1.72 to -1.60 |
//! | speech | 0.00 to 0.39 | -1.25 to -0.05 |
//!
//! Most of what is made of nothing is "..."; the words are loops on ring-back and street noise and, on brown noise and
//! breath, "Je suis très très…". None of the 35 passes; none of the 102 clips of speech is rejected. 17 of the windows
//! with English or Dutch forced do not pass either: the probabilities of no speech are the same (they are read before
//! the language), English texts lie below -1.7, Dutch ones are "MUZIEK." with a high probability.

use serde::{Deserialize, Serialize};

/// Section `[guard]`. Log-probabilities are natural and at most 0; probabilities are 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether anything is rejected at all; switch it off to see what the recogniser invents.
    pub enabled: bool,
    /// No speech: the engine's own probability of no speech is above this (lower loses quiet speech, highest seen 0.39;
    /// higher lets noise through, lowest seen with words that the
    /// minimum below does not catch 0.66), and
    pub no_speech_probability: f32,
    /// no speech: the mean log-probability of the text is below this (highest seen without speech -0.97, so that a
    /// sure text is kept whatever the probability of no speech).
    pub no_speech_log_probability: f32,
    /// Low confidence: the mean log-probability of the text is below this, whatever else holds. The poorest real clip
    /// has -1.25, a mumbled "plus ou moins"; higher rejects such, lower lets nonsense on loud noise through.
    pub minimum_log_probability: f32,
    /// Low speech probability: the voice detector's mean over the speech of the segment, without its rolls, is below
    /// this. 29 lone French words on a telephone line (digits 0 to 20 and short prompts) have 0.74 to 1.00; long pauses
    /// inside a segment lower it, so that one half would be too near.
    pub minimum_speech_probability: f32,
    /// Too many words: more than this a second, of the segment or of the time in which the detector heard somebody. Fast French
    /// reaches 6; loops that escape the loop check are faster, and so is what is made of a few bursts of noise.
    pub maximum_words_a_second: f32,
    /// A phrase that people say as well as subtitles ("merci"), or names of the vocabulary and nothing else, need a voice detector's mean of at least this (lowest
    /// lone word 0.74, a French "huit"),
    pub courtesy_speech_probability: f32,
    /// a level of at least this many decibels below full scale,
    pub courtesy_level_dbfs: f32,
    /// a mean log-probability of at least this,
    pub courtesy_log_probability: f32,
    /// and the engine's probability of no speech of at most this. The same holds for a lone "musique": Dutch forced,
    /// white noise gives "MUZIEK." at a mean log-probability of -0.27.
    pub courtesy_no_speech_probability: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            no_speech_probability: 0.5,
            no_speech_log_probability: -0.8,
            minimum_log_probability: -1.4,
            minimum_speech_probability: 0.3,
            maximum_words_a_second: 7.0,
            courtesy_speech_probability: 0.6,
            courtesy_level_dbfs: -55.0,
            courtesy_log_probability: -0.7,
            courtesy_no_speech_probability: 0.4,
        }
    }
}

/// A threshold that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("guard.{key} is {value}, expected {expected}")]
pub struct InvalidConfig {
    /// Name of the setting.
    pub key: &'static str,
    /// What was found.
    pub value: f32,
    /// What is taken.
    pub expected: &'static str,
}

impl Config {
    /// Checks every range.
    ///
    /// # Errors
    /// The first threshold that cannot be used, by its key.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let probability = ("0 to 1", 0.0..=1.0);
        let logarithm = ("-20 to 0", -20.0..=0.0);
        let speed = ("1 to 100", 1.0..=100.0);
        let level = ("-200 to 0", -200.0..=0.0);
        let all = [
            ("no_speech_probability", self.no_speech_probability, &probability),
            ("no_speech_log_probability", self.no_speech_log_probability, &logarithm),
            ("minimum_log_probability", self.minimum_log_probability, &logarithm),
            ("minimum_speech_probability", self.minimum_speech_probability, &probability),
            ("maximum_words_a_second", self.maximum_words_a_second, &speed),
            ("courtesy_speech_probability", self.courtesy_speech_probability, &probability),
            ("courtesy_level_dbfs", self.courtesy_level_dbfs, &level),
            ("courtesy_log_probability", self.courtesy_log_probability, &logarithm),
            ("courtesy_no_speech_probability", self.courtesy_no_speech_probability, &probability),
        ];
        for (key, value, (expected, range)) in all {
            if !range.contains(&value) {
                return Err(InvalidConfig { key, value, expected });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_survive_toml() {
        let config = Config::default();
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(toml::from_str::<Config>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn a_wrong_threshold_is_named() {
        let check = |text: &str, expected: &str| {
            let error = toml::from_str::<Config>(text).unwrap().validate().unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check("no_speech_probability = 2.0", "guard.no_speech_probability is 2, expected 0 to 1");
        check("minimum_log_probability = 1.0", "guard.minimum_log_probability is 1, expected -20 to 0");
        check("courtesy_level_dbfs = nan", "guard.courtesy_level_dbfs is NaN, expected -200 to 0");
        assert!(toml::from_str::<Config>("threshold = 1.0").is_err());
    }
}
