//! From text to speech.
//!
//! [`Voice`] is the seam: an engine turns one piece of text into mono samples at its own rate. [`pico`] speaks French
//! and English from two small language files, [`espeak`] runs the program `espeak-ng` for the rest (Dutch), [`piper`]
//! runs a neural voice on ONNX Runtime.
//!
//! Units: samples in [-1, 1]; pitch and speed in percent of the voice's own. Engines are synchronous and block until
//! the whole text is spoken. This module does not resample, does not play and does not choose a voice (see `voice`).

pub mod espeak;
pub mod pico;
pub mod piper;

use std::path::PathBuf;

use crate::audio::SampleRate;

/// Longest text that one call of [`Voice::speak`] takes, in characters. A spoken turn has below 400; the limit keeps a
/// wrong input (a whole document) from occupying an engine for minutes.
pub const TEXT_CHARS_MAX: usize = 2_000;

/// Longest speech that one call of [`Voice::speak`] returns, in seconds. [`TEXT_CHARS_MAX`] characters at the slowest
/// speed stay below it; an engine that goes beyond is out of order.
pub const SPEECH_SECONDS_MAX: u32 = 600;

/// What a voice said.
#[derive(Debug, Clone, PartialEq)]
pub struct Speech {
    /// Mono samples in [-1, 1], with the silence that the engine puts before and after the words.
    pub samples: Vec<f32>,
    /// Their rate, which differs from engine to engine.
    pub rate: SampleRate,
}

/// A voice that is ready to speak.
pub trait Voice {
    /// Speaks `text` from beginning to end. Markup in the text is not interpreted. Blocks until the speech is complete.
    ///
    /// # Errors
    /// [`Error::TextTooLong`] beyond [`TEXT_CHARS_MAX`] characters, [`Error::NothingToSay`] when no letter or digit is
    /// in it, and the engine's own failures. The voice stays usable after an error.
    fn speak(&mut self, text: &str) -> Result<Speech, Error>;

    /// Speaks otherwise from the next text on.
    ///
    /// # Errors
    /// [`Error::Delivery`] for a value out of range, [`Error::DeliveryFixed`] by a voice that cannot be changed. The
    /// voice speaks on as before.
    fn deliver(&mut self, delivery: Delivery) -> Result<(), Error> {
        if delivery == Delivery::default() { Ok(()) } else { Err(Error::DeliveryFixed) }
    }

    /// Does beforehand what the next text would wait for. Whatever fails then is told by that text.
    fn prepare(&mut self) {}
}

/// How a voice is changed, to tell speakers apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// Pitch in percent of the voice's own, 50 to 200.
    pub pitch_percent: u16,
    /// Speed in percent of the voice's own, 50 to 200; more is faster.
    pub speed_percent: u16,
}

impl Delivery {
    /// Accepted values of both percentages: what Pico takes without distortion of the prosody model.
    pub const PERCENT: std::ops::RangeInclusive<u16> = 50..=200;

    fn check(self) -> Result<Self, Error> {
        for (setting, percent) in [("pitch", self.pitch_percent), ("speed", self.speed_percent)] {
            if !Self::PERCENT.contains(&percent) {
                return Err(Error::Delivery { setting, percent });
            }
        }
        Ok(self)
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self { pitch_percent: 100, speed_percent: 100 }
    }
}

/// Speech that could not be made. Error texts never hold the words that were to be said.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A pitch or speed out of range.
    #[error("{setting} of {percent} %, expected 50 to 200 %")]
    Delivery {
        /// `pitch` or `speed`.
        setting: &'static str,
        /// What was asked for.
        percent: u16,
    },
    /// The voice has one way of speaking.
    #[error("this voice cannot change what was asked of its pitch or speed")]
    DeliveryFixed,
    /// The text is longer than a turn can be.
    #[error("text of {chars} characters, at most {TEXT_CHARS_MAX} are spoken at once")]
    TextTooLong {
        /// Its length.
        chars: usize,
    },
    /// The text holds no letter and no digit.
    #[error("text without a letter or digit")]
    NothingToSay,
    /// The engine returned nothing for a text that has words.
    #[error("{engine} returned no speech")]
    NoSpeech {
        /// The engine.
        engine: &'static str,
    },
    /// The engine did not stop.
    #[error("{engine} returned more than {SPEECH_SECONDS_MAX} s of speech")]
    TooMuchSpeech {
        /// The engine.
        engine: &'static str,
    },
    /// A language file is not there.
    #[error("voice file {} not found\nhint: allo models pull; a voice that is no default by its name, see allo models list", path.display())]
    VoiceMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The path of a language file cannot be given to the engine.
    #[error("path of voice file {} holds a zero byte or is longer than 511 bytes", path.display())]
    VoicePath {
        /// The path.
        path: PathBuf,
    },
    /// Pico refused.
    #[error("pico could not {action}: {description} (status {code})")]
    Pico {
        /// What was tried.
        action: &'static str,
        /// Pico's status.
        code: i32,
        /// Pico's words for it.
        description: String,
    },
    /// The program `espeak-ng` is not installed.
    #[error("program {program} not found\nhint: apt-get install espeak-ng")]
    ProgramMissing {
        /// Its name.
        program: String,
    },
    /// The program could not be run or talked to.
    #[error("could not {action} {program}")]
    ProgramIo {
        /// What was tried.
        action: &'static str,
        /// Its name.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The program ended with a failure.
    #[error("{program} failed with {status}: {message}")]
    ProgramFailed {
        /// Its name.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The start of what it wrote on stderr.
        message: String,
    },
    /// A file of a Piper voice is not what it should be.
    #[error("{} is not a Piper voice: {reason}\nhint: run `allo models verify`", path.display())]
    PiperFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// ONNX Runtime or the network of a Piper voice is not usable.
    #[error("cannot open a Piper voice")]
    PiperOpen(#[from] crate::onnx::Error),
    /// The network failed on its input.
    #[error("the network of the Piper voice failed")]
    PiperInference(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The program wrote something that is not what was asked for.
    #[error("{program} did not write what it was asked for: {found}")]
    ProgramOutput {
        /// Its name.
        program: String,
        /// What was wrong.
        found: String,
    },
}

/// Refuses what no engine should see.
fn check_text(text: &str) -> Result<(), Error> {
    let chars = text.chars().count();
    if chars > TEXT_CHARS_MAX {
        return Err(Error::TextTooLong { chars });
    }
    if !text.chars().any(char::is_alphanumeric) {
        return Err(Error::NothingToSay);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_limited_and_must_hold_something_to_say() {
        assert!(check_text("Allô ?").is_ok());
        assert!(matches!(check_text(" … !"), Err(Error::NothingToSay)));
        let long = "a".repeat(TEXT_CHARS_MAX + 1);
        assert!(matches!(check_text(&long), Err(Error::TextTooLong { chars: 2_001 })));
    }

    #[test]
    fn delivery_has_a_range() {
        assert!(Delivery::default().check().is_ok());
        let slow = Delivery { speed_percent: 49, ..Delivery::default() };
        assert_eq!(slow.check().unwrap_err().to_string(), "speed of 49 %, expected 50 to 200 %");
    }
}
