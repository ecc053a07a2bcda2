//! The program `espeak-ng` as a voice, for the languages that Pico does not speak.
//!
//! One process a text: the text goes in on stdin (so that none of it is taken for an option), a WAV comes out on
//! stdout. The read is bounded, so a program that never ends its output is stopped. Output: 22.05 kHz mono with the
//! Debian voices; the rate is read from the header.
//!
//! The program could be kept for many texts, a line each, but nothing in its output says where the sound of a line ends.
//! So the next one is started beforehand ([`Voice::prepare`]): it reads its data and the voice before it reads its text, and
//! waits for that. When this process ends, its input ends, and with that the program.

use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};

use super::{Delivery, Error, SPEECH_SECONDS_MAX, Speech, Voice, check_text};
use crate::audio::SampleRate;

/// The program's own speed in words a minute, and pitch on its scale of 0 to 99: what 100 % means.
const WORDS_A_MINUTE: u32 = 175;
const PITCH: u32 = 50;

/// Bytes of the longest accepted output: [`SPEECH_SECONDS_MAX`] at 22.05 kHz, 16 bits, and the header.
const OUTPUT_BYTES_MAX: u64 = SPEECH_SECONDS_MAX as u64 * 22_050 * 2 + HEADER_BYTES as u64;

/// Bytes of stderr that are kept for an error text.
const MESSAGE_BYTES_MAX: u64 = 400;

/// RIFF header, `fmt ` chunk of 16 bytes, head of the `data` chunk: what the program writes, always.
const HEADER_BYTES: usize = 44;

/// Has the program write sounds instead of making them.
const PHONEMES: [&str; 2] = ["-q", "--ipa"];

/// An `espeak-ng` voice.
#[derive(Debug)]
pub struct Espeak {
    program: String,
    name: String,
    delivery: Delivery,
    /// Started beforehand, for the next text.
    ready: Option<Started>,
}

/// A program that runs, with the arguments that it was given. Ends with its owner.
#[derive(Debug)]
struct Started {
    arguments: Vec<String>,
    child: Child,
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may already be gone, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Espeak {
    /// `name` as the program names voices, with an optional variant: `nl`, `nl+f3`, `nl+m3`. Nothing is run until
    /// [`Voice::prepare`] or [`Voice::speak`].
    ///
    /// # Errors
    /// [`Error::Delivery`] for a pitch or speed out of range.
    pub fn new(name: impl Into<String>, delivery: Delivery) -> Result<Self, Error> {
        let program = "espeak-ng".to_owned();
        Ok(Self { program, name: name.into(), delivery: delivery.check()?, ready: None })
    }

    /// The program's own statement of its version, the first line that it prints.
    ///
    /// # Errors
    /// [`Error::ProgramMissing`] when it is not installed, [`Error::ProgramIo`] when it cannot be run.
    pub fn version() -> Result<String, Error> {
        let program = "espeak-ng";
        let output =
            Command::new(program).arg("--version").output().map_err(|source| run_error(program, source))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().next().unwrap_or_default();
        // The data folder follows, which differs from machine to machine.
        Ok(line.split("  Data at").next().unwrap_or_default().trim().to_owned())
    }

    /// Gives `text` to a program with these arguments, the one that waits for it where there is one, and gives what it wrote.
    fn run(&mut self, arguments: &[String], text: &str) -> Result<Vec<u8>, Error> {
        let ready = self.ready.take().filter(|ready| ready.arguments == arguments);
        // One that was ended while it waited says nothing about this text: what a fresh one says counts.
        if let Some(ready) = ready
            && let Ok(bytes) = self.finish(ready, text)
        {
            return Ok(bytes);
        }
        let fresh = self.start(arguments)?;
        self.finish(fresh, text)
    }

    /// Starts the program for the next text with these arguments; what fails is told by that text.
    fn keep_ready(&mut self, arguments: &[String]) {
        if self.ready.as_ref().is_none_or(|ready| ready.arguments != arguments) {
            self.ready = self.start(arguments).ok();
        }
    }

    fn start(&self, arguments: &[String]) -> Result<Started, Error> {
        let child = Command::new(&self.program)
            .args(["--stdin", "-b", "1", "-v", &self.name])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| run_error(&self.program, source))?;
        Ok(Started { arguments: arguments.to_vec(), child })
    }

    fn finish(&self, mut started: Started, text: &str) -> Result<Vec<u8>, Error> {
        let bytes = self.talk(&mut started.child, text)?;
        let mut message = Vec::new();
        let errors = started.child.stderr.take().expect("stderr was asked for as a pipe");
        errors.take(MESSAGE_BYTES_MAX).read_to_end(&mut message).map_err(self.io("read from"))?;
        let status = started.child.wait().map_err(self.io("wait for"))?;
        if !status.success() {
            let message = String::from_utf8_lossy(&message).trim().to_owned();
            return Err(Error::ProgramFailed { program: self.program.clone(), status, message });
        }
        Ok(bytes)
    }

    fn io(&self, action: &'static str) -> impl Fn(std::io::Error) -> Error {
        let program = self.program.clone();
        move |source| Error::ProgramIo { action, program: program.clone(), source }
    }

    fn talk(&self, child: &mut Child, text: &str) -> Result<Vec<u8>, Error> {
        let mut input = child.stdin.take().expect("stdin was asked for as a pipe");
        // At most TEXT_CHARS_MAX characters: they fit the pipe, so writing all before reading cannot block.
        // A program that ended early closes the pipe; its exit status says more than the failed write.
        match input.write_all(text.as_bytes()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(self.io("write to")(error)),
            Ok(()) | Err(_) => drop(input),
        }
        let mut bytes = Vec::new();
        let output = child.stdout.take().expect("stdout was asked for as a pipe");
        output.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(self.io("read from"))?;
        if bytes.len() as u64 > OUTPUT_BYTES_MAX {
            return Err(Error::TooMuchSpeech { engine: "espeak-ng" });
        }
        Ok(bytes)
    }

    /// The sounds of each of `clauses` in the International Phonetic Alphabet. Blocks.
    ///
    /// # Errors
    /// As [`Voice::speak`].
    pub fn phonemes(&mut self, clauses: &[&str]) -> Result<Vec<String>, Error> {
        // An empty line ends a clause: then the program writes a line for each, unless it cuts one itself.
        let text = clauses.join("\n\n");
        check_text(&text)?;
        let together = self.lines(&text)?;
        if together.len() == clauses.len() {
            return Ok(together);
        }
        clauses.iter().map(|clause| Ok(self.lines(clause)?.join(" "))).collect()
    }

    /// As [`Voice::prepare`], for [`Espeak::phonemes`].
    pub fn prepare_phonemes(&mut self) {
        self.keep_ready(&PHONEMES.map(str::to_owned));
    }

    fn lines(&mut self, text: &str) -> Result<Vec<String>, Error> {
        let output = self.run(&PHONEMES.map(str::to_owned), text)?;
        let output = String::from_utf8(output).map_err(|_| self.output("text in UTF-8 was expected"))?;
        Ok(output.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// Has the program speak.
    fn speaking(&self) -> [String; 5] {
        let pitch = PITCH * u32::from(self.delivery.pitch_percent) / 100;
        let speed = WORDS_A_MINUTE * u32::from(self.delivery.speed_percent) / 100;
        let (pitch, speed) = (pitch.min(99).to_string(), speed.to_string());
        ["--stdout".to_owned(), "-p".to_owned(), pitch, "-s".to_owned(), speed]
    }

    fn output(&self, found: &str) -> Error {
        Error::ProgramOutput { program: self.program.clone(), found: found.to_owned() }
    }
}

impl Voice for Espeak {
    fn speak(&mut self, text: &str) -> Result<Speech, Error> {
        check_text(text)?;
        let bytes = self.run(&self.speaking(), text)?;
        let speech = parse(&bytes).map_err(|found| self.output(found))?;
        if speech.samples.is_empty() {
            return Err(Error::NoSpeech { engine: "espeak-ng" });
        }
        Ok(speech)
    }

    fn deliver(&mut self, delivery: Delivery) -> Result<(), Error> {
        self.delivery = delivery.check()?;
        Ok(())
    }

    fn prepare(&mut self) {
        self.keep_ready(&self.speaking());
    }
}

fn run_error(program: &str, source: std::io::Error) -> Error {
    let program = program.to_owned();
    if source.kind() == ErrorKind::NotFound {
        return Error::ProgramMissing { program };
    }
    Error::ProgramIo { action: "run", program, source }
}

/// Reads the program's WAV. Its sizes are those of an endless stream and mean nothing; samples go to the end.
fn parse(bytes: &[u8]) -> Result<Speech, &'static str> {
    let header: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or("shorter than a header")?;
    let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    if &header[..4] != b"RIFF" || &header[8..16] != b"WAVEfmt " || &header[36..40] != b"data" {
        return Err("no 16-bit mono WAV (another header)");
    }
    if (word(20), word(22), word(34)) != (1, 1, 16) {
        return Err("no 16-bit mono WAV (another sample format)");
    }
    let hz = u32::from_le_bytes([header[24], header[25], header[26], header[27]]);
    let rate = SampleRate::from_hz(hz).filter(|rate| rate.hz() <= 48_000).ok_or("an impossible rate")?;
    let (pairs, _) = bytes[HEADER_BYTES..].as_chunks::<2>();
    let samples = pairs.iter().map(|pair| f32::from(i16::from_le_bytes(*pair)) / 32_768.0).collect();
    Ok(Speech { samples, rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_installed() -> bool {
        let installed = Espeak::version().is_ok();
        assert!(installed || std::env::var_os("CI").is_none(), "espeak-ng is not installed");
        if !installed {
            eprintln!("skipped: espeak-ng is not installed");
        }
        installed
    }

    #[test]
    fn dutch_is_spoken_and_says_the_same_again() {
        if !is_installed() {
            return;
        }
        let mut voice = Espeak::new("nl+f3", Delivery::default()).unwrap();
        let speech = voice.speak("Goedemorgen, met de klantenservice.").unwrap();
        assert_eq!(speech.rate.hz(), 22_050);
        assert!((22_050..110_250).contains(&speech.samples.len()), "{} samples", speech.samples.len());
        assert!(speech == voice.speak("Goedemorgen, met de klantenservice.").unwrap());
    }

    #[test]
    fn every_clause_has_its_sounds_even_where_the_program_cuts_one() {
        if !is_installed() {
            return;
        }
        let mut voice = Espeak::new("en-us", Delivery::default()).unwrap();
        let sounds = voice.phonemes(&["hello", "how are you"]).unwrap();
        assert_eq!(sounds, ["həlˈoʊ", "hˈaʊ ɑːɹ juː"]);
        let cut = voice.phonemes(&["hello, world", "good morning"]).unwrap();
        assert_eq!(cut[0], "həlˈoʊ wˈɜːld");
        assert_eq!(cut.len(), 2);
    }

    #[test]
    fn a_program_that_waited_says_the_same_and_one_that_does_not_fit_is_not_used() {
        if !is_installed() {
            return;
        }
        let text = "Goedemorgen, met de klantenservice.";
        let mut voice = Espeak::new("nl", Delivery::default()).unwrap();
        let usual = voice.speak(text).unwrap();
        assert!(voice.ready.is_none(), "nothing is started for later unless it is asked for");
        voice.prepare();
        let waiting = |voice: &Espeak| voice.ready.as_ref().map(|ready| ready.child.id());
        let first = waiting(&voice);
        voice.prepare();
        assert!(first.is_some() && waiting(&voice) == first, "one is enough");
        assert!(voice.speak(text).unwrap() == usual);
        assert_eq!(waiting(&voice), None, "it has spoken");
        voice.prepare();
        voice.deliver(Delivery { speed_percent: 150, ..Delivery::default() }).unwrap();
        let fast = voice.speak(text).unwrap();
        assert!(fast.samples.len() * 10 < usual.samples.len() * 9, "the one that waited is slower");
        voice.deliver(Delivery::default()).unwrap();
        voice.prepare();
        voice.ready.as_mut().unwrap().child.kill().unwrap();
        assert!(voice.speak(text).unwrap() == usual, "it was ended while it waited");
        voice.prepare_phonemes();
        assert_eq!(voice.phonemes(&["nee"]).unwrap().len(), 1);
        assert_eq!(waiting(&voice), None);
    }

    #[test]
    fn text_that_looks_like_an_option_is_spoken() {
        if !is_installed() {
            return;
        }
        let mut voice = Espeak::new("nl", Delivery::default()).unwrap();
        assert!(voice.speak("--version").unwrap().samples.len() > 10_000);
    }

    #[test]
    fn a_voice_that_does_not_exist_is_a_failure_in_the_programs_words() {
        if !is_installed() {
            return;
        }
        let mut voice = Espeak::new("tlh", Delivery::default()).unwrap();
        assert!(matches!(voice.speak("nuqneH"), Err(Error::ProgramFailed { .. })));
    }

    #[test]
    fn a_missing_program_comes_with_a_hint() {
        let mut voice = Espeak::new("nl", Delivery::default()).unwrap();
        voice.program = "espeak-ng-that-nobody-has".to_owned();
        voice.prepare();
        let error = voice.speak("Hallo").unwrap_err();
        assert!(matches!(error, Error::ProgramMissing { .. }));
        assert!(error.to_string().contains("hint: apt-get install espeak-ng"));
    }

    #[test]
    fn output_that_is_no_wav_is_refused() {
        assert_eq!(parse(b"RIFF"), Err("shorter than a header"));
        assert_eq!(parse(&[0; 60]), Err("no 16-bit mono WAV (another header)"));
    }
}
