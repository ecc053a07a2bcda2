//! The `[voice]` section of the configuration: who speaks each language, and what is kept of it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::call::Language;
use crate::tts::pico::Locale;

/// How answers are spoken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Rate of what is spoken, in hertz: 8000 for telephone lines, with their band; up to 48000 without it.
    pub rate_hz: u32,
    /// Level of speech, in decibels below full scale. Telephone networks are planned for -26 to -16.
    pub level_dbfs: f32,
    /// Folder of recorded prompts with their index `prompts.csv`.
    pub prompts: Option<PathBuf>,
    /// Speech kept in memory, in MiB; 0 keeps none. A second at 8 kHz takes 32 kB.
    pub memory_mib: u32,
    /// Speech kept in `ALLO_HOME/voice`, in MiB; 0 keeps none. A second at 8 kHz takes 16 kB.
    pub disk_mib: u32,
    /// Who speaks, the first that can.
    pub engines: Engines,
}

impl Default for Config {
    fn default() -> Self {
        // Memory for half an hour and disk for nine hours of sentences at 8 kHz.
        Self {
            rate_hz: 8_000,
            level_dbfs: -20.0,
            prompts: None,
            memory_mib: 64,
            disk_mib: 512,
            engines: Engines::default(),
        }
    }
}

/// Who speaks each language: `pico:fr-FR`, `espeak:nl`, `piper:NAME` (a model's name or the path of an .onnx file); the
/// next is asked where one cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Engines {
    /// French.
    pub fr: Vec<EngineName>,
    /// English.
    pub en: Vec<EngineName>,
    /// Dutch.
    pub nl: Vec<EngineName>,
}

impl Default for Engines {
    fn default() -> Self {
        let espeak = |voice: &str| EngineName::Espeak(voice.to_owned());
        Self {
            fr: vec![EngineName::Pico(Locale::FrFr), espeak("fr")],
            en: vec![EngineName::Pico(Locale::EnGb), espeak("en-gb")],
            nl: vec![espeak("nl")],
        }
    }
}

impl Engines {
    /// Who speaks `language`, in the order in which they are asked.
    pub fn of(&self, language: Language) -> &[EngineName] {
        match language {
            Language::Fr => &self.fr,
            Language::En => &self.en,
            Language::Nl => &self.nl,
        }
    }
}

/// An engine with its voice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EngineName {
    /// SVOX Pico.
    Pico(Locale),
    /// The program `espeak-ng`, by its name for the voice.
    Espeak(String),
    /// Piper, by the name of the model or the path of its network.
    Piper(String),
}

impl EngineName {
    /// Whether each word takes long enough that a caller notices how many the first piece has.
    pub const fn is_slow(&self) -> bool {
        match self {
            Self::Pico(_) | Self::Espeak(_) => false,
            Self::Piper(_) => true,
        }
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pico(locale) => write!(formatter, "pico:{}", locale.tag()),
            Self::Espeak(voice) => write!(formatter, "espeak:{voice}"),
            Self::Piper(voice) => write!(formatter, "piper:{voice}"),
        }
    }
}

/// A name that is none of an engine's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no voice; expected pico:fr-FR, pico:en-GB, pico:en-US, espeak:VOICE or piper:MODEL")]
pub struct UnknownEngine {
    /// What was found.
    pub name: String,
}

impl FromStr for EngineName {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        let unknown = || UnknownEngine { name: name.to_owned() };
        let (engine, voice) = name.split_once(':').ok_or_else(unknown)?;
        // A name goes to the program as an argument of its own; it must not look like an option or a file.
        let is_plain = voice.starts_with(|first: char| first.is_ascii_alphanumeric())
            && voice.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '+' | '_'));
        match engine {
            "pico" => Locale::ALL
                .into_iter()
                .find(|locale| locale.tag() == voice)
                .map(Self::Pico)
                .ok_or_else(unknown),
            "espeak" if is_plain => Ok(Self::Espeak(voice.to_owned())),
            "piper" if !voice.is_empty() => Ok(Self::Piper(voice.to_owned())),
            _ => Err(unknown()),
        }
    }
}

impl TryFrom<String> for EngineName {
    type Error = UnknownEngine;

    fn try_from(name: String) -> Result<Self, UnknownEngine> {
        name.parse()
    }
}

impl From<EngineName> for String {
    fn from(name: EngineName) -> Self {
        name.to_string()
    }
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongValue {
    /// A rate that no line has.
    #[error("rate_hz: {hz} Hz, expected 8000 to 48000")]
    Rate {
        /// What was found.
        hz: u32,
    },
    /// A level that cannot be heard or is not carried.
    #[error("level_dbfs: expected -40 to -12")]
    Level,
    /// A language that nobody speaks.
    #[error("engines.{}: expected at least one voice", language.code())]
    NoEngine {
        /// The language.
        language: Language,
    },
}

impl Config {
    /// Rates that are spoken at.
    pub const RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=48_000;

    /// Refuses what cannot be used.
    ///
    /// # Errors
    /// [`WrongValue`] names the key.
    pub fn validate(&self) -> Result<(), WrongValue> {
        if !Self::RATES_HZ.contains(&self.rate_hz) {
            return Err(WrongValue::Rate { hz: self.rate_hz });
        }
        if !(-40.0..=-12.0).contains(&self.level_dbfs) {
            return Err(WrongValue::Level);
        }
        let silent = Language::ALL.into_iter().find(|language| self.engines.of(*language).is_empty());
        silent.map_or(Ok(()), |language| Err(WrongValue::NoEngine { language }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_names_round_trip() {
        let config = Config::default();
        config.validate().unwrap();
        for language in Language::ALL {
            for name in config.engines.of(language) {
                assert_eq!(name.to_string().parse::<EngineName>().unwrap(), *name);
            }
        }
        assert_eq!("piper:/a/b.onnx".parse(), Ok(EngineName::Piper("/a/b.onnx".to_owned())));
    }

    #[test]
    fn wrong_values_are_named() {
        for name in ["pico", "pico:de-DE", "espeak:--stdin", "espeak:", "espeak:a/b", "piper:", "festival:x"]
        {
            assert!(name.parse::<EngineName>().is_err(), "{name}");
        }
        let config = Config { rate_hz: 4_000, ..Config::default() };
        assert!(config.validate().unwrap_err().to_string().contains("rate_hz: 4000 Hz"));
        let config = Config { level_dbfs: f32::NAN, ..Config::default() };
        assert!(config.validate().unwrap_err().to_string().contains("level_dbfs"));
        let engines = Engines { nl: Vec::new(), ..Engines::default() };
        let config = Config { engines, ..Config::default() };
        assert!(config.validate().unwrap_err().to_string().contains("engines.nl"));
    }
}
