//! Settings of the bot, section `[bot]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call::Language;
use crate::text::duration::as_text;

/// Section `[bot]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the scenario; without one no call is answered.
    pub scenario: Option<PathBuf>,
    /// Which calls are answered.
    pub answer: Answer,
    /// The same for single ways in, by name: `twilio = "never"`.
    pub ingress: BTreeMap<String, Answer>,
    /// Language in which callers are greeted of whom none is known: `fr`, `en` or `nl`; otherwise the scenario's own.
    pub language: Option<String>,
    /// Whether callers may speak into what they hear; otherwise what they say meanwhile is not taken. Without effect where
    /// `turn.barge_in` is off.
    pub barge_in: bool,
    /// How often the files of the scenario are looked at for a change; 0 for only when told.
    #[serde(with = "as_text")]
    pub reload: Duration,
}

/// Which calls are answered. A peer that says `bot` itself is done as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Those on which a caller is heard and nobody else, and to which can be played.
    #[default]
    All,
    /// None but those that ask for it.
    Never,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scenario: None,
            answer: Answer::default(),
            ingress: BTreeMap::new(),
            language: None,
            barge_in: true,
            reload: Duration::from_secs(5),
        }
    }
}

/// A value of the section that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {value}, expected {expected}")]
pub struct InvalidConfig {
    /// The key within the section.
    pub key: &'static str,
    /// What it is.
    pub value: String,
    /// What it may be.
    pub expected: String,
}

/// Shortest time between two looks at the files: each reads all of them.
const RELOAD_MIN: Duration = Duration::from_secs(1);

impl Config {
    /// Checks every value; `ways_in` are the names that may stand in `ingress`.
    ///
    /// # Errors
    /// [`InvalidConfig`] names the first key whose value cannot be used.
    pub fn validate(&self, ways_in: &[&str]) -> Result<(), InvalidConfig> {
        if let Some(name) = self.ingress.keys().find(|name| !ways_in.contains(&name.as_str())) {
            let expected = format!("the name of a way in: {}", ways_in.join(", "));
            return Err(InvalidConfig { key: "ingress", value: format!("`{name}`"), expected });
        }
        if let Some(code) = &self.language
            && code.parse::<Language>().is_err()
        {
            let expected = "fr, en or nl".to_owned();
            return Err(InvalidConfig { key: "language", value: format!("`{code}`"), expected });
        }
        if !self.reload.is_zero() && self.reload < RELOAD_MIN {
            let expected = "0 or at least 1s".to_owned();
            return Err(InvalidConfig { key: "reload", value: format!("{:?}", self.reload), expected });
        }
        Ok(())
    }

    /// The language of the section.
    pub fn spoken(&self) -> Option<Language> {
        self.language.as_deref().and_then(|code| code.parse().ok())
    }

    /// Which calls of the way in with this name are answered.
    pub fn answer_on(&self, ingress: &str) -> Answer {
        self.ingress.get(ingress).copied().unwrap_or(self.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAYS_IN: &[&str] = &["twilio", "websocket"];

    #[test]
    fn the_default_is_valid_and_survives_toml() {
        let config = Config::default();
        assert_eq!(config.validate(WAYS_IN), Ok(()));
        assert_eq!(toml::from_str::<Config>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn one_way_in_may_differ_from_the_others() {
        let config: Config = toml::from_str("answer = \"never\"\n[ingress]\ntwilio = \"all\"").unwrap();
        assert_eq!(config.validate(WAYS_IN), Ok(()));
        assert_eq!((config.answer_on("twilio"), config.answer_on("websocket")), (Answer::All, Answer::Never));
    }

    #[test]
    fn values_that_cannot_work_are_named() {
        for (text, expected) in [
            ("[ingress]\ntwillio = \"all\"", "ingress is `twillio`, expected the name of a way in: twilio"),
            ("language = \"de\"", "language is `de`"),
            ("reload = \"10ms\"", "reload is 10ms"),
        ] {
            let config: Config = toml::from_str(text).unwrap();
            let error = config.validate(WAYS_IN).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(toml::from_str::<Config>("answers = \"all\"").is_err(), "an unknown key is refused");
    }
}
