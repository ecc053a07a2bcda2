//! What a caller hears: a text becomes speech for the line, piece by piece, and never twice.
//!
//! ```text
//! text ─ markup ─ plan ─▶ steps: words, recordings, silence
//!                           │ words:      cache ── engines (Pico, espeak-ng, Piper) ─ sound ─▶ piece
//!                           └ recordings: cache ── prompts (WAV files) ────────────── sound ─▶ piece
//! ```
//!
//! [`Voice::speak`] reads the text ([`markup`], [`reading`]), finds recordings for its words ([`prompts`]) and cuts the
//! rest into sentences ([`plan`]); the [`Speech`] that it gives makes one piece after the other when it is asked for the
//! next, so that the first is heard while the others are not made yet, and nothing is made any more once the caller
//! speaks and it is dropped. Every piece has the level and the band of the line ([`sound`]) and is kept ([`cache`]).
//!
//! Invariants: what is said is content and in no log, error or file name; the words come out in order and whole; of the
//! engines of a language the first that can speaks, and when none can the error says why each could not.
//!
//! Units: mono samples in [-1, 1] at [`Voice::rate`]. Calls block while a piece is made; no thread is started here. What
//! it does not do: play (`live::Controls`), choose words (`scenario`), run an engine (`tts`).

pub mod cache;
pub mod config;
mod engines;
pub mod plan;
pub mod prompts;
pub mod reading;
pub mod sound;
pub mod wave;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use self::cache::{Bounds, Cache, Counts, Key};
use self::config::{Config, EngineName, WrongValue};
use self::engines::Engines;
use self::plan::Step;
use self::prompts::Prompts;
use self::sound::Finish;
use crate::audio::{SampleRate, resample};
use crate::call::Language;
use crate::home::Home;
use crate::models::ModelFolder;
use crate::redact::Redacted;
use crate::text::markup::{self, Prosody};
use crate::tts::Delivery;

pub use self::engines::Error as EngineError;

/// Changes whenever the same words by the same engine come out otherwise than before.
const PROCESSING: &[u8] = b"1";

/// Why a text is not spoken. Texts of errors never hold what was to be said.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is markup that is not in the subset.
    #[error("the text cannot be read, {0}")]
    Markup(#[from] markup::Refused),
    /// No letter and no digit is in the text.
    #[error("the text has no letter and no digit")]
    NothingToSay,
    /// The recordings cannot be used, or one of them not be played.
    #[error(transparent)]
    Prompts(#[from] prompts::Error),
    /// Nobody speaks the language.
    #[error("nobody speaks {}: {}", language.code(), listed(failures))]
    NoVoice {
        /// The language.
        language: Language,
        /// Why each engine does not, in the order in which they were asked.
        failures: Vec<(EngineName, EngineError)>,
    },
    /// A value of the configuration or an asked rate cannot be used.
    #[error("[voice] {0}")]
    Value(#[from] WrongValue),
    /// Speech cannot be brought to the rate of the line.
    #[error(transparent)]
    Resample(#[from] resample::Error),
}

fn listed(failures: &[(EngineName, EngineError)]) -> String {
    let line = |(name, error): &(EngineName, EngineError)| {
        let mut line = format!("\n  {name}: {error}");
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            line.push_str(&format!(": {inner}"));
            cause = inner.source();
        }
        line.replace("\nhint", "\n    hint")
    };
    failures.iter().map(line).collect()
}

/// Speaks to callers. Cloning shares everything; it may be used from any thread.
#[derive(Debug, Clone)]
pub struct Voice {
    shared: Arc<Shared>,
    rate: SampleRate,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    engines: Engines,
    prompts: Prompts,
    cache: Cache,
    /// Engines whose failure was logged.
    warned: Mutex<HashSet<EngineName>>,
}

impl Voice {
    /// Reads the index of the recordings; engines are opened when they are needed (see [`Voice::warm_up`]).
    ///
    /// # Errors
    /// [`Error::Prompts`] or [`Error::Value`].
    pub fn new(config: &Config, home: &Home) -> Result<Self, Error> {
        config.validate()?;
        let prompts = config.prompts.as_deref().map(Prompts::load).transpose()?.unwrap_or_default();
        let bytes = |mib: u32| u64::from(mib) * 1024 * 1024;
        let bounds = Bounds {
            memory_bytes: bytes(config.memory_mib),
            disk: Some((home.voice_folder(), bytes(config.disk_mib))),
        };
        let shared = Shared {
            config: config.clone(),
            engines: Engines::new(ModelFolder::new(home.models())),
            prompts,
            cache: Cache::new(&bounds),
            warned: Mutex::default(),
        };
        let rate = SampleRate::from_hz(config.rate_hz).ok_or(WrongValue::Rate { hz: config.rate_hz })?;
        Ok(Self { shared: Arc::new(shared), rate })
    }

    /// The same voice for another line. Only at 8 kHz is its sound that of the telephone.
    ///
    /// # Errors
    /// [`Error::Value`] for a rate below 8 or above 48 kHz.
    pub fn at_rate(&self, rate: SampleRate) -> Result<Self, Error> {
        if !Config::RATES_HZ.contains(&rate.hz()) {
            return Err(WrongValue::Rate { hz: rate.hz() }.into());
        }
        Ok(Self { shared: Arc::clone(&self.shared), rate })
    }

    /// Rate of what it says.
    pub const fn rate(&self) -> SampleRate {
        self.rate
    }

    /// How often what was to be said was there already.
    pub fn counts(&self) -> Counts {
        self.shared.cache.counts()
    }

    /// Opens the first engine of `language` that can be opened, and gives its name. Blocks for some tens of milliseconds,
    /// with Piper for a second.
    ///
    /// # Errors
    /// [`Error::NoVoice`].
    pub fn warm_up(&self, language: Language) -> Result<EngineName, Error> {
        self.shared.first_that_can(language, |name| self.shared.engines.open(name).map(|()| name.clone()))
    }

    /// Whether an engine of `language` is open.
    #[cfg(test)]
    pub(crate) fn is_warm(&self, language: Language) -> bool {
        self.shared.config.engines.of(language).iter().any(|name| self.shared.engines.is_open(name))
    }

    /// Speech for `text`, plain or in the subset of SSML that [`markup`] reads. Nothing is made before it is asked for
    /// the first piece.
    ///
    /// # Errors
    /// [`Error::Markup`] or [`Error::NothingToSay`].
    pub fn speak(&self, text: &Redacted<String>, language: Language) -> Result<Speech, Error> {
        let mut steps = plan::plan(text.reveal(), language, &self.shared.prompts)?;
        if steps.is_empty() {
            return Err(Error::NothingToSay);
        }
        if self.shared.config.engines.of(language).first().is_some_and(EngineName::is_slow) {
            steps = plan::hastened(steps);
        }
        Ok(Speech { voice: self.clone(), language, steps: steps.into_iter(), has_failed: false })
    }

    fn samples(&self, step: &Step, language: Language) -> Result<Arc<[f32]>, Error> {
        match step {
            Step::Silence { ms } => Ok(sound::silence(*ms, self.rate).into()),
            Step::Made { words, prosody } => self.made(words, *prosody, language),
            Step::Recorded { number, gain_db } => self.recorded(*number, *gain_db),
        }
    }

    fn made(&self, words: &str, prosody: Prosody, language: Language) -> Result<Arc<[f32]>, Error> {
        let Shared { engines, cache, .. } = &*self.shared;
        let finish = self.finish(prosody.gain_db);
        let delivery = Delivery { speed_percent: prosody.speed_percent, ..Delivery::default() };
        self.shared.first_that_can(language, |name| {
            let (who, version) = (name.to_string(), engines.version(name));
            let speed = prosody.speed_percent.to_le_bytes();
            let key =
                self.key(finish, [b"made", who.as_bytes(), version.as_bytes(), &speed, words.as_bytes()]);
            cache.get_or_speak(key, self.rate, || {
                let speech = engines.speak(name, words, delivery)?;
                let line = sound::finish(&speech.samples, speech.rate, finish)?;
                if line.is_empty() { Err(EngineError::Silent) } else { Ok(line) }
            })
        })
    }

    fn recorded(&self, number: usize, gain_db: f32) -> Result<Arc<[f32]>, Error> {
        let prompt = self.shared.prompts.get(number).expect("the plan was made with these prompts");
        let finish = self.finish(gain_db);
        let key = self.key(finish, [b"recorded", &prompt.digest, b"", b"", b""]);
        self.shared.cache.get_or_speak(key, self.rate, || {
            let (samples, rate) = prompt.decode()?;
            Ok(sound::finish(&samples, rate, finish)?)
        })
    }

    fn finish(&self, gain_db: f32) -> Finish {
        Finish { rate: self.rate, level_dbfs: self.shared.config.level_dbfs + gain_db }
    }

    fn key(&self, finish: Finish, [kind, who, version, speed, words]: [&[u8]; 5]) -> Key {
        let rate = finish.rate.hz().to_le_bytes();
        let level = finish.level_dbfs.to_le_bytes();
        Key::of(&[PROCESSING, kind, who, version, speed, &rate, &level, words])
    }
}

impl Shared {
    /// What the first engine gives that can `act`. That an engine was passed over is logged once.
    fn first_that_can<T>(
        &self,
        language: Language,
        mut act: impl FnMut(&EngineName) -> Result<T, EngineError>,
    ) -> Result<T, Error> {
        let mut failures = Vec::new();
        for name in self.config.engines.of(language) {
            match act(name) {
                Ok(result) => {
                    for (failed, error) in &failures {
                        self.warn_once(failed, error, name);
                    }
                    return Ok(result);
                }
                Err(error) => failures.push((name.clone(), error)),
            }
        }
        Err(Error::NoVoice { language, failures })
    }

    fn warn_once(&self, failed: &EngineName, error: &EngineError, instead: &EngineName) {
        if self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(failed.clone()) {
            tracing::warn!(engine = %failed, %error, %instead, "an engine does not speak, another one does");
        }
    }
}

/// A piece of what is said.
#[derive(Clone, PartialEq)]
pub struct Piece {
    /// Samples in [-1, 1], ready to be played after the piece before.
    pub samples: Arc<[f32]>,
    /// Their rate.
    pub rate: SampleRate,
}

impl fmt::Debug for Piece {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Piece({} samples at {})", self.samples.len(), self.rate)
    }
}

/// Speech that is made while it is heard: each call of `next` makes one piece, blocks until it is there, and leaves the
/// others for later. After an error there is nothing more.
pub struct Speech {
    voice: Voice,
    language: Language,
    steps: std::vec::IntoIter<Step>,
    has_failed: bool,
}

impl Speech {
    /// Whether there is nothing more.
    pub fn is_over(&self) -> bool {
        self.has_failed || self.steps.len() == 0
    }

    /// All that is left as one stretch.
    ///
    /// # Errors
    /// The first that `next` gives.
    pub fn whole(self) -> Result<Vec<f32>, Error> {
        let mut samples = Vec::new();
        for piece in self {
            samples.extend_from_slice(&piece?.samples);
        }
        Ok(samples)
    }
}

impl Iterator for Speech {
    type Item = Result<Piece, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let step = self.steps.next()?;
        let samples = self.voice.samples(&step, self.language);
        self.has_failed = samples.is_err();
        Some(samples.map(|samples| Piece { samples, rate: self.voice.rate }))
    }
}

impl fmt::Debug for Speech {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Speech({} pieces left)", self.steps.len())
    }
}

#[cfg(test)]
mod tests;
