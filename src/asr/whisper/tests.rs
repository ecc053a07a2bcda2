//! The real engine on real voices: the recordings of the Debian packages `pocketsphinx-testdata` (English) and
//! `asterisk-core-sounds-fr-wav` (French, 8 kHz). Without models or packages these tests say so and return, except
//! in CI, where that is a failure.

use std::path::PathBuf;

use super::*;
use crate::asr::Priority;
use crate::asr::fake::check_engine;
use crate::asr::worker::{Pool, PoolConfig};
use crate::clock::{Clock, SystemClock};
use crate::home::Home;

const ENGLISH: &str =
    "/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0880.wav";
const ENGLISH_LONG: &str =
    "/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0870.wav";
const FRENCH: &str = "/usr/share/asterisk/sounds/fr_CA_f_June/vm-intro.wav";

/// The file, or `None` with a word about it.
fn needed(path: PathBuf) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "missing in CI: {}", path.display());
    eprintln!("skipped, missing: {}", path.display());
    None
}

fn engine(file: &str) -> Option<Arc<dyn Engine>> {
    let home = Home::resolve(|name| std::env::var_os(name)).expect("a home folder");
    let path = needed(home.models().join(file))?;
    // Greedy: the library's beam draws at random, so that only a greedy decoding can be compared with another.
    let config = Config { beam_size: 1, ..Config::default() };
    Some(Arc::new(WhisperEngine::load(&path, &config, 1).expect("the model loads")))
}

/// Samples of a 16-bit mono WAV at 16 kHz, or at 8 kHz with every second sample interpolated.
fn voice(path: &str) -> Option<Vec<f32>> {
    let bytes = std::fs::read(needed(PathBuf::from(path))?).expect("the recording can be read");
    let number =
        |place: usize| u32::from_le_bytes(bytes[place..place + 4].try_into().expect("four bytes")) as usize;
    let rate = number(24);
    let mut place = 12;
    while &bytes[place..place + 4] != b"data" {
        place += 8 + number(place + 4);
    }
    let sample = |pair: &[u8]| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0;
    let samples: Vec<f32> = bytes[place + 8..].chunks_exact(2).map(sample).collect();
    if rate == 16_000 {
        return Some(samples);
    }
    assert_eq!(rate, 8_000);
    Some(samples.windows(2).flat_map(|pair| [pair[0], (pair[0] + pair[1]) / 2.0]).collect())
}

fn request(samples: &[f32], language: LanguageChoice) -> Request {
    let (vocabulary, priority) = (Arc::from(Vec::new()), Priority::Batch);
    Request { samples: samples.into(), language, vocabulary, priority }
}

fn recognize(engine: &dyn Engine, samples: &[f32], language: LanguageChoice) -> Recognition {
    let mut recognizer = engine.recognizer().expect("a state");
    recognizer.recognize(&request(samples, language), &CancelFlag::new()).expect("a recognition")
}

#[test]
fn the_english_model_passes_the_checks_of_every_engine() {
    let (Some(engine), Some(speech)) = (engine("ggml-tiny.en.bin"), voice(ENGLISH)) else { return };
    check_engine(&*engine, &speech, Language::En);
    let refused = engine
        .recognizer()
        .expect("a state")
        .recognize(&request(&speech, LanguageChoice::Known(Language::Fr)), &CancelFlag::new());
    assert!(matches!(refused, Err(Error::NoLanguage { .. })), "a model of one language refuses another");
}

#[test]
fn english_speech_is_recognised_with_times() {
    let (Some(engine), Some(speech)) = (engine("ggml-tiny.en.bin"), voice(ENGLISH)) else { return };
    let found = recognize(&*engine, &speech, LanguageChoice::Known(Language::En));
    assert!(found.text.reveal().to_lowercase().contains("young man"), "{}", found.text.reveal());
    assert!(found.mean_log_probability > -0.5 && found.no_speech_probability < 0.3);
    let last = found.words.last().expect("words");
    assert!(
        last.span.end.seconds() > speech.len() as f64 / 16_000.0 * 0.7,
        "the last word lies near the end"
    );
}

#[test]
fn french_is_detected_although_english_is_preferred() {
    let (Some(engine), Some(speech)) = (engine("ggml-base.bin"), voice(FRENCH)) else { return };
    let among = LanguageChoice::Among(vec![Language::En, Language::Nl, Language::Fr]);
    let found = recognize(&*engine, &speech, among);
    assert_eq!(found.language, Language::Fr);
    let known = recognize(&*engine, &speech, LanguageChoice::Known(Language::Fr));
    assert_eq!(found.text, known.text, "detecting changes nothing else");
    let forced = recognize(&*engine, &speech, LanguageChoice::Among(vec![Language::Nl]));
    assert_eq!(forced.language, Language::Nl, "only what is allowed");
}

#[test]
fn a_running_inference_can_be_stopped_and_the_worker_goes_on() {
    let (Some(engine), Some(speech)) = (engine("ggml-tiny.en.bin"), voice(ENGLISH_LONG)) else { return };
    let pool = Pool::start(engine, PoolConfig { workers: 1, queue_capacity: 2 }).expect("a pool");
    let before = pool.submit(request(&speech, LanguageChoice::Known(Language::En))).expect("room").wait();
    let before = before.expect("a recognition");
    let ticket = pool.submit(request(&speech, LanguageChoice::Known(Language::En))).expect("room");
    while pool.snapshot().running == 0 {
        std::thread::yield_now();
    }
    let asked = SystemClock.monotonic();
    ticket.cancel();
    assert!(matches!(ticket.wait(), Err(Error::Cancelled)));
    let waited = SystemClock.monotonic() - asked;
    eprintln!("stopped after {waited:?}");
    let after = pool.submit(request(&speech, LanguageChoice::Known(Language::En))).expect("room").wait();
    assert_eq!(after.expect("a recognition"), before, "a stopped inference leaves nothing behind");
}

#[test]
fn a_file_that_is_no_model_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ggml-none.bin");
    let load = || match WhisperEngine::load(&path, &Config::default(), 1) {
        Ok(_) => panic!("there is no model"),
        Err(error) => error.to_string(),
    };
    assert!(load().contains("ggml-none.bin"));
    std::fs::write(&path, b"not a model").expect("written");
    assert!(load().contains("ggml-none.bin"));
}
