//! Piper voices: a VITS network on ONNX Runtime, with the sounds of the text from `espeak-ng`.
//!
//! A voice is two files, `NAME.onnx` and `NAME.onnx.json` beside it. The text is cut into clauses at its punctuation;
//! `espeak-ng` gives the sounds of each, and the punctuation goes between them again, because the network was trained
//! with it and takes its melody from it. The network is given one sentence at a time. It draws random numbers: the same
//! text gives other samples each time. Output: the rate of the voice, mostly 22.05 kHz, mono.

mod network;
mod wire;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use self::network::{Network, Scales};
use self::wire::VoiceFile;
use super::espeak::Espeak;
use super::{Delivery, Error, SPEECH_SECONDS_MAX, Speech, Voice, check_text};
use crate::audio::SampleRate;
use crate::onnx::Runtime;

/// Real files have 5 to 20 kB.
const VOICE_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Sounds that the network gets at once, padding included; a sentence of a hundred words has some 1,200.
const SOUNDS_MAX: usize = 4_000;
/// Silence between sentences, as Piper itself puts it.
const BETWEEN_SENTENCES_MS: u32 = 200;
/// Names of padding, start and end in the file.
const PAD: &str = "_";
const START: &str = "^";
const END: &str = "$";

/// A Piper voice.
pub struct Piper {
    network: Network,
    espeak: Espeak,
    rate: SampleRate,
    scales: Scales,
    sounds: BTreeMap<String, Vec<i64>>,
    speed_percent: u16,
}

impl Piper {
    /// Opens the network at `path` and the file that describes it. Blocks for about a second.
    ///
    /// # Errors
    /// [`Error::VoiceMissing`], [`Error::PiperFile`] or [`Error::PiperOpen`]. That `espeak-ng` is there is found out by
    /// the first text.
    pub fn open(runtime: &Runtime, path: &Path) -> Result<Self, Error> {
        let mut description = path.as_os_str().to_owned();
        description.push(".json");
        let description = PathBuf::from(description);
        if let Some(missing) = [path, &description].into_iter().find(|path| !path.is_file()) {
            return Err(Error::VoiceMissing { path: missing.to_path_buf() });
        }
        let wrong = |reason: &str| Error::PiperFile { path: description.clone(), reason: reason.to_owned() };
        let mut text = String::new();
        File::open(&description)
            .and_then(|file| file.take(VOICE_FILE_BYTES_MAX).read_to_string(&mut text))
            .map_err(|error| wrong(&error.to_string()))?;
        let voice: VoiceFile = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
        if voice.phoneme_type != "espeak" {
            return Err(wrong("its sounds are not those of espeak-ng"));
        }
        if let Some(mark) =
            [PAD, START, END].into_iter().find(|mark| !voice.phoneme_id_map.contains_key(*mark))
        {
            return Err(wrong(&format!("it has no number for `{mark}`")));
        }
        let rate = SampleRate::from_hz(voice.audio.sample_rate)
            .filter(|rate| (8_000..=48_000).contains(&rate.hz()))
            .ok_or_else(|| wrong("an impossible sample rate"))?;
        let inference = &voice.inference;
        let scales = Scales {
            noise: inference.noise_scale,
            length: inference.length_scale,
            noise_of_lengths: inference.noise_w,
        };
        if ![scales.noise, scales.length, scales.noise_of_lengths]
            .iter()
            .all(|scale| (0.0..=10.0).contains(scale))
        {
            return Err(wrong("an impossible scale"));
        }
        Ok(Self {
            network: Network::open(runtime, path)?,
            espeak: Espeak::new(voice.espeak.voice, Delivery::default())?,
            rate,
            scales,
            sounds: voice.phoneme_id_map,
            speed_percent: 100,
        })
    }

    /// The numbers of the sounds of one sentence, framed and padded as the network was trained.
    fn numbers(&self, sentence: &[(String, Option<char>)]) -> Vec<i64> {
        let pad = &self.sounds[PAD];
        let mut numbers = self.sounds[START].clone();
        numbers.extend(pad);
        let mut is_first = true;
        for (phonemes, mark) in sentence {
            let spaced = (!is_first).then_some(' ').into_iter().chain(sounds_of(phonemes)).chain(*mark);
            for number in spaced.filter_map(|sound| self.sounds.get(sound.encode_utf8(&mut [0; 4]) as &str)) {
                numbers.extend(number);
                numbers.extend(pad);
            }
            is_first = false;
        }
        numbers.truncate(SOUNDS_MAX);
        numbers.extend(&self.sounds[END]);
        numbers
    }
}

impl Voice for Piper {
    fn speak(&mut self, text: &str) -> Result<Speech, Error> {
        check_text(text)?;
        let clauses = clauses(text);
        let words: Vec<&str> = clauses.iter().map(|clause| clause.words.as_str()).collect();
        let phonemes = self.espeak.phonemes(&words)?;
        let spoken: Vec<(String, Option<char>)> =
            phonemes.into_iter().zip(clauses.iter().map(|clause| clause.mark)).collect();
        let mut scales = self.scales;
        scales.length *= 100.0 / f32::from(self.speed_percent);
        let pause = vec![0.0; (self.rate.hz() * BETWEEN_SENTENCES_MS / 1000) as usize];
        let mut samples = Vec::new();
        for sentence in spoken.split_inclusive(|(_, mark)| matches!(mark, Some('.' | '?' | '!'))) {
            if !samples.is_empty() {
                samples.extend(&pause);
            }
            samples.extend(self.network.speak(&self.numbers(sentence), scales)?);
            if samples.len() > SPEECH_SECONDS_MAX as usize * self.rate.hz() as usize {
                return Err(Error::TooMuchSpeech { engine: "piper" });
            }
        }
        if samples.is_empty() {
            return Err(Error::NoSpeech { engine: "piper" });
        }
        Ok(Speech { samples, rate: self.rate })
    }

    /// Piper has a speed and no pitch.
    fn deliver(&mut self, delivery: Delivery) -> Result<(), Error> {
        let delivery = delivery.check()?;
        if delivery.pitch_percent != 100 {
            return Err(Error::DeliveryFixed);
        }
        self.speed_percent = delivery.speed_percent;
        Ok(())
    }

    fn prepare(&mut self) {
        self.espeak.prepare_phonemes();
    }
}

/// Words up to a punctuation mark, and the mark.
#[derive(Debug, PartialEq, Eq)]
struct Clause {
    words: String,
    mark: Option<char>,
}

/// Cuts at marks that are followed by space or the end; every clause holds a letter or digit.
fn clauses(text: &str) -> Vec<Clause> {
    let mut clauses: Vec<Clause> = Vec::new();
    let mut words = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let mark = match letter {
            '…' => Some('.'),
            '.' | ',' | ';' | ':' | '?' | '!' => Some(letter),
            _ => None,
        };
        let ends = letters.peek().is_none_or(|next| next.is_whitespace() || ".,;:?!…»\"".contains(*next));
        let Some(mark) = mark.filter(|_| ends) else {
            words.push(if letter.is_control() { ' ' } else { letter });
            continue;
        };
        if words.chars().any(char::is_alphanumeric) {
            clauses.push(Clause { words: std::mem::take(&mut words).trim().to_owned(), mark: Some(mark) });
        }
        words.clear();
    }
    if words.chars().any(char::is_alphanumeric) {
        clauses.push(Clause { words: words.trim().to_owned(), mark: None });
    }
    clauses
}

/// The sounds one by one, decomposed as the network's own list is, without notes like `(en)` for a change of language.
fn sounds_of(phonemes: &str) -> impl Iterator<Item = char> + '_ {
    use unicode_normalization::UnicodeNormalization;
    let mut in_note = false;
    phonemes.nfd().filter(move |sound| match sound {
        '(' => {
            in_note = true;
            false
        }
        ')' => {
            in_note = false;
            false
        }
        _ => !in_note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;

    #[test]
    fn clauses_end_at_marks_and_not_inside_numbers() {
        let found = clauses("Bonjour ! Cela fait 12,50 euros, merci… M. Martin");
        let shown: Vec<(&str, Option<char>)> =
            found.iter().map(|clause| (clause.words.as_str(), clause.mark)).collect();
        assert_eq!(
            shown,
            [
                ("Bonjour", Some('!')),
                ("Cela fait 12,50 euros", Some(',')),
                ("merci", Some('.')),
                ("M", Some('.')),
                ("Martin", None)
            ]
        );
        assert!(clauses(" … !").is_empty());
    }

    #[test]
    fn notes_about_the_language_are_not_sounds() {
        assert_eq!(sounds_of("(en)wˈiːkɛnd(fr) ɑ̃").collect::<String>(), "wˈiːkɛnd ɑ\u{303}");
    }

    /// An English voice, said aloud where none is installed: it is not among the models that everybody has.
    fn voice() -> Option<Piper> {
        let home = Home::resolve(|name| std::env::var_os(name)).unwrap();
        let path = home.models().join("piper/en_US-joe-medium.onnx");
        let library = home.models().join("libonnxruntime.so");
        if !path.is_file() || !library.is_file() || Espeak::version().is_err() {
            eprintln!("skipped: no Piper voice at {} (allo models pull piper-en-US-joe)", path.display());
            return None;
        }
        Some(Piper::open(&Runtime::load(&library).unwrap(), &path).unwrap())
    }

    #[test]
    fn a_neural_voice_speaks_at_the_speed_asked_for() {
        let Some(mut voice) = voice() else { return };
        let text = "Hello, and welcome. Your order was sent this morning.";
        let usual = voice.speak(text).unwrap();
        assert_eq!(usual.rate.hz(), 22_050);
        let seconds = usual.samples.len() as f32 / 22_050.0;
        assert!((2.0..8.0).contains(&seconds), "{seconds} s");
        voice.deliver(Delivery { speed_percent: 150, ..Delivery::default() }).unwrap();
        let fast = voice.speak(text).unwrap();
        assert!(fast.samples.len() * 10 < usual.samples.len() * 9);
        let higher = Delivery { pitch_percent: 120, ..Delivery::default() };
        assert!(matches!(voice.deliver(higher), Err(Error::DeliveryFixed)));
    }

    #[test]
    fn a_missing_or_broken_voice_is_named() {
        let home = Home::resolve(|name| std::env::var_os(name)).unwrap();
        let Ok(runtime) = Runtime::load(&home.models().join("libonnxruntime.so")) else {
            eprintln!("skipped: no ONNX Runtime");
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.onnx");
        assert!(matches!(Piper::open(&runtime, &path), Err(Error::VoiceMissing { .. })));
        std::fs::write(&path, b"no network").unwrap();
        assert!(matches!(Piper::open(&runtime, &path), Err(Error::VoiceMissing { .. })));
        std::fs::write(folder.path().join("a.onnx.json"), b"{}").unwrap();
        let error = Piper::open(&runtime, &path).err().unwrap().to_string();
        assert!(error.contains("a.onnx.json") && error.contains("audio"), "{error}");
    }
}
