//! SVOX Pico, the built-in voices for French and English.
//!
//! A voice is two files of the models folder: text analysis (`_ta.bin`) and signal generation (`_sg.bin`). Pico works
//! in whole numbers, so the same text gives the same samples on every machine; each [`Pico`] owns its engine and its
//! memory. Output: 16 kHz mono.

mod native;

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use self::native::{Engine, PATH_BYTES_MAX, Refusal, Step};
use super::{Delivery, Error, SPEECH_SECONDS_MAX, Speech, Voice, check_text};
use crate::audio::SampleRate;

/// Samples asked for in one step. Pico makes at most 128 bytes at once; more only saves calls.
const STEP_SAMPLES: usize = 1_024;

/// Steps without a sample after which the engine is taken to hang. Text analysis of a long sentence takes some
/// thousands of silent steps.
const SILENT_STEPS_MAX: u32 = 1_000_000;

/// A language of Pico that the product uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Locale {
    /// French of France.
    FrFr,
    /// British English.
    EnGb,
    /// American English.
    EnUs,
}

impl Locale {
    /// Every locale.
    pub const ALL: [Self; 3] = [Self::FrFr, Self::EnGb, Self::EnUs];

    /// The tag that scripts and file names use.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::FrFr => "fr-FR",
            Self::EnGb => "en-GB",
            Self::EnUs => "en-US",
        }
    }

    /// Text analysis and signal generation, relative to the models folder.
    pub const fn files(self) -> [&'static str; 2] {
        match self {
            Self::FrFr => ["pico/fr-FR_ta.bin", "pico/fr-FR_nk0_sg.bin"],
            Self::EnGb => ["pico/en-GB_ta.bin", "pico/en-GB_kh0_sg.bin"],
            Self::EnUs => ["pico/en-US_ta.bin", "pico/en-US_lh0_sg.bin"],
        }
    }
}

/// A Pico voice.
pub struct Pico {
    engine: Engine,
    delivery: Delivery,
}

impl Pico {
    /// Loads the voice of `locale` from the models folder `models`.
    ///
    /// # Errors
    /// [`Error::VoiceMissing`] when a file is not there, [`Error::Pico`] when it is not a language file,
    /// [`Error::Delivery`] for a pitch or speed out of range.
    pub fn open(models: &Path, locale: Locale, delivery: Delivery) -> Result<Self, Error> {
        let delivery = delivery.check()?;
        let paths = locale.files().map(|file| models.join(file));
        if let Some(path) = paths.iter().find(|path| !path.is_file()) {
            return Err(Error::VoiceMissing { path: path.clone() });
        }
        let [analysis, generation] = paths;
        let engine = Engine::open(&[path_for_pico(analysis)?, path_for_pico(generation)?])?;
        Ok(Self { engine, delivery })
    }

    fn drain(&mut self, samples: &mut Vec<f32>) -> Result<(), Error> {
        let limit = SPEECH_SECONDS_MAX as usize * SampleRate::PIPELINE.hz() as usize;
        let mut step = [0_i16; STEP_SAMPLES];
        let mut silent_steps = 0;
        loop {
            let (count, status) = self.engine.get_data(&mut step)?;
            samples.extend(step[..count].iter().map(|sample| f32::from(*sample) / 32_768.0));
            if status == Step::Idle {
                return Ok(());
            }
            silent_steps = if count == 0 { silent_steps + 1 } else { 0 };
            if samples.len() > limit || silent_steps > SILENT_STEPS_MAX {
                return Err(Error::TooMuchSpeech { engine: "pico" });
            }
        }
    }

    fn say(&mut self, marked: &str) -> Result<Vec<f32>, Error> {
        let mut samples = Vec::new();
        let mut rest = marked.as_bytes();
        while !rest.is_empty() {
            let taken = self.engine.put_text(rest)?;
            rest = &rest[taken.min(rest.len())..];
            // The input buffer holds a few hundred bytes; speaking what it holds makes room for the rest.
            self.drain(&mut samples)?;
        }
        Ok(samples)
    }
}

impl Voice for Pico {
    fn speak(&mut self, text: &str) -> Result<Speech, Error> {
        check_text(text)?;
        let marked = mark_up(text, self.delivery);
        match self.say(&marked) {
            Ok(samples) if samples.is_empty() => Err(Error::NoSpeech { engine: "pico" }),
            Ok(samples) => Ok(Speech { samples, rate: SampleRate::PIPELINE }),
            Err(error) => {
                // What is left of the failed text must not be heard in front of the next one.
                self.engine.reset();
                Err(error)
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery) -> Result<(), Error> {
        self.delivery = delivery.check()?;
        Ok(())
    }
}

fn path_for_pico(path: PathBuf) -> Result<CString, Error> {
    let bytes = path.as_os_str().as_bytes();
    match CString::new(bytes) {
        Ok(name) if bytes.len() <= PATH_BYTES_MAX => Ok(name),
        Ok(_) | Err(_) => Err(Error::VoicePath { path }),
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let Refusal { action, code, description } = refusal;
        Self::Pico { action, code, description }
    }
}

/// The text inside Pico's tags for pitch and speed, ended so that the engine speaks at once.
fn mark_up(text: &str, delivery: Delivery) -> String {
    let Delivery { pitch_percent, speed_percent } = delivery;
    let plain = plain_text(text);
    format!("<pitch level='{pitch_percent}'><speed level='{speed_percent}'>{plain}</speed></pitch>\0")
}

/// Without the characters that Pico reads as markup, as an escape or as the end of the text: it has no notation for them.
/// A curly apostrophe becomes straight, or Pico would read "l’offre" as two words.
fn plain_text(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '<' | '>' | '&' | '\\' => ' ',
            '\u{2019}' => '\'',
            other if other.is_control() => ' ',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tts::TEXT_CHARS_MAX;

    /// The models folder, or `None` (said aloud) where none is installed; in CI it must be there.
    fn models() -> Option<PathBuf> {
        let home = crate::home::Home::resolve(|name| std::env::var_os(name)).unwrap();
        let models = home.models().to_path_buf();
        if models.join(Locale::FrFr.files()[0]).is_file() {
            return Some(models);
        }
        assert!(
            std::env::var_os("CI").is_none(),
            "the Pico voices are not installed in {}",
            models.display()
        );
        eprintln!("skipped: no Pico voices in {}", models.display());
        None
    }

    fn speak(models: &Path, text: &str, delivery: Delivery) -> Vec<f32> {
        Pico::open(models, Locale::FrFr, delivery).unwrap().speak(text).unwrap().samples
    }

    #[test]
    fn every_locale_speaks_and_says_the_same_again() {
        let Some(models) = models() else { return };
        for locale in Locale::ALL {
            let mut first = Pico::open(&models, locale, Delivery::default()).unwrap();
            let mut second = Pico::open(&models, locale, Delivery::default()).unwrap();
            let speech = first.speak("Allo, ici Camille.").unwrap();
            assert_eq!(speech.rate, SampleRate::PIPELINE);
            assert!((8_000..80_000).contains(&speech.samples.len()), "{} samples", speech.samples.len());
            assert!(speech.samples.iter().any(|sample| sample.abs() > 0.1));
            assert!(speech == second.speak("Allo, ici Camille.").unwrap(), "{locale:?} differs");
        }
    }

    /// Memory that was used before must not be heard, and voices on several threads must not disturb each other.
    #[test]
    fn many_voices_at_once_say_the_same() {
        let Some(models) = models() else { return };
        let say = || {
            let mut voice = Pico::open(&models, Locale::EnGb, Delivery::default()).unwrap();
            voice.speak("Hello, this is Oliver.").unwrap().samples
        };
        let first = say();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..8_u8 {
                        // Leaves used memory behind, as large as an engine's, for the next engine to be given.
                        drop(std::hint::black_box(vec![round + 1; 5 * 1024 * 1024]));
                        assert!(say() == first, "round {round} differs");
                    }
                });
            }
        });
    }

    #[test]
    fn speed_and_pitch_change_the_speech() {
        let Some(models) = models() else { return };
        let text = "Je vous appelle pour ma facture.";
        let usual = speak(&models, text, Delivery::default());
        let fast = speak(&models, text, Delivery { speed_percent: 150, ..Delivery::default() });
        let low = speak(&models, text, Delivery { pitch_percent: 80, ..Delivery::default() });
        assert!(fast.len() * 5 < usual.len() * 4, "{} against {}", fast.len(), usual.len());
        assert_ne!(low, usual);
    }

    #[test]
    fn markup_in_the_text_is_not_obeyed() {
        let Some(models) = models() else { return };
        let plain = speak(&models, "un speed level 200 deux", Delivery::default());
        let marked = speak(&models, "un <speed level 200> deux", Delivery::default());
        assert!(marked.len() * 10 > plain.len() * 9);
        assert_eq!(plain_text("<a>\0\\&l\u{2019}b\n"), " a    l'b ");
    }

    #[test]
    fn a_long_text_is_spoken_to_its_end_and_the_voice_stays_usable_after_an_error() {
        let Some(models) = models() else { return };
        let mut voice = Pico::open(&models, Locale::FrFr, Delivery::default()).unwrap();
        let sentence = "Nous vous rappelons demain matin. ";
        let one = voice.speak(sentence).unwrap().samples.len();
        let twenty = voice.speak(&sentence.repeat(20)).unwrap().samples.len();
        assert!(twenty > 18 * one / 2 && twenty < 22 * one, "{one} and {twenty} samples");
        assert!(matches!(voice.speak(&"a".repeat(TEXT_CHARS_MAX + 1)), Err(Error::TextTooLong { .. })));
        assert!(voice.speak(sentence).is_ok());
    }

    #[test]
    fn a_missing_or_broken_voice_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Pico::open(folder.path(), Locale::FrFr, Delivery::default()).err().unwrap().to_string();
        assert!(missing.contains("fr-FR_ta.bin") && missing.contains("hint: allo models pull"), "{missing}");
        std::fs::create_dir(folder.path().join("pico")).unwrap();
        for file in Locale::FrFr.files() {
            std::fs::write(folder.path().join(file), b"not a voice").unwrap();
        }
        let deep = folder.path().join("a".repeat(200)).join("b".repeat(200)).join("c".repeat(200));
        std::fs::create_dir_all(deep.join("pico")).unwrap();
        for file in Locale::FrFr.files() {
            std::fs::write(deep.join(file), b"not a voice").unwrap();
        }
        let long = Pico::open(&deep, Locale::FrFr, Delivery::default()).err().unwrap();
        assert!(matches!(long, Error::VoicePath { .. }), "{long}");
        let broken = Pico::open(folder.path(), Locale::FrFr, Delivery::default()).err().unwrap();
        assert!(matches!(broken, Error::Pico { action: "load a voice file", .. }), "{broken}");
    }
}
