//! Both real engines on real voices: the recordings of the Debian packages `pocketsphinx-testdata` (English) and
//! `asterisk-core-sounds-fr-wav` (French, 8 kHz); on the fixture calls where it matters what is said. Without models or packages
//! these tests say so and return, except in CI, where that is a failure.

mod calls;
mod cancel;
mod leaning;
mod times;

use std::path::PathBuf;

use self::calls::Call;
use super::config::{Config, FULL_CONTEXT};
use super::fake::check_engine;
use super::onnx::OnnxEngine;
use super::onnx::package::{DECODER_FILE, ENCODER_FILE, WEIGHTS_FILE};
use super::whisper::WhisperEngine;
use super::*;
use crate::eval::wer::{ErrorCount, compare};
use crate::home::Home;
use crate::models::graph::{self, Mix};
use crate::models::weights;
use crate::onnx::Runtime;
use crate::progress::Progress;
use crate::redact::Redacted;

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

fn models() -> PathBuf {
    Home::resolve(|name| std::env::var_os(name)).expect("a home folder").models().to_path_buf()
}

/// Greedy for whisper.cpp: its beam draws at random, so that only a greedy decoding can be compared with another.
fn whisper_cpp(file: &str) -> Option<Arc<dyn Engine>> {
    whisper_cpp_with(file, 1)
}

fn whisper_cpp_with(file: &str, beam_size: usize) -> Option<Arc<dyn Engine>> {
    let path = needed(models().join(file))?;
    let config = Config { beam_size, ..Config::default() };
    Some(Arc::new(WhisperEngine::load(&path, &config, 1).expect("the model loads")))
}

/// The default model, in 8 bits.
fn shipped() -> Option<Arc<dyn Engine>> {
    shipped_with(&Config::default())
}

fn shipped_with(config: &Config) -> Option<Arc<dyn Engine>> {
    let folder = needed(models().join("whisper-base-onnx-int8"))?;
    let runtime = Runtime::load(&needed(models().join("libonnxruntime.so"))?).expect("the library loads");
    let engine = OnnxEngine::load(&runtime, &folder, config, 2).expect("the model loads");
    Some(Arc::new(engine))
}

/// A model in graphs that lives as long as its folder.
struct Graphs {
    folder: tempfile::TempDir,
    runtime: Runtime,
}

impl Graphs {
    fn of(file: &str) -> Option<Self> {
        let path = needed(models().join(file))?;
        let runtime = Runtime::load(&needed(models().join("libonnxruntime.so"))?).expect("the library loads");
        let folder = tempfile::tempdir().expect("a folder");
        let mut source = weights::open(&path, None).expect("the weights are read");
        graph::write(source.as_mut(), folder.path(), Mix::F32, &Progress::hidden())
            .expect("the graphs are written");
        Some(Self { folder, runtime })
    }

    fn engine(&self) -> Result<Arc<dyn Engine>, Error> {
        let engine = OnnxEngine::load(&self.runtime, self.folder.path(), &Config::default(), 1)?;
        Ok(Arc::new(engine))
    }
}

/// The model of `file` in both engines; the graphs live as long as their folder.
fn both(file: &str) -> Option<([Arc<dyn Engine>; 2], Graphs)> {
    let graphs = Graphs::of(file)?;
    Some(([whisper_cpp(file)?, graphs.engine().expect("the graphs load")], graphs))
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
    Request {
        samples: samples.into(),
        language,
        task: Task::Transcribe,
        vocabulary,
        asked: Arc::new([]),
        sentences: Arc::new([]),
        prefix: Redacted::default(),
        priority,
    }
}

fn recognize(engine: &dyn Engine, samples: &[f32], language: LanguageChoice) -> Recognition {
    let mut recognizer = engine.recognizer().expect("a state");
    recognizer.recognize(&request(samples, language), &CancelFlag::new()).expect("a recognition")
}

#[test]
fn the_english_model_passes_the_checks_of_every_engine() {
    let (Some((engines, _graphs)), Some(speech)) = (both("ggml-tiny.en.bin"), voice(ENGLISH)) else { return };
    for engine in engines {
        check_engine(&*engine, &speech, Language::En);
        let refused = engine
            .recognizer()
            .expect("a state")
            .recognize(&request(&speech, LanguageChoice::Known(Language::Fr)), &CancelFlag::new());
        assert!(matches!(refused, Err(Error::NoLanguage { .. })), "a model of one language refuses another");
    }
}

#[test]
fn the_shipped_models_pass_the_checks_of_every_engine() {
    let (Some(cpp), Some(onnx), Some(speech)) = (whisper_cpp("ggml-base.bin"), shipped(), voice(FRENCH))
    else {
        return;
    };
    for engine in [cpp, onnx] {
        check_engine(&*engine, &speech, Language::Fr);
    }
}

#[test]
fn english_speech_is_recognised_with_times() {
    let (Some((engines, _graphs)), Some(speech)) = (both("ggml-tiny.en.bin"), voice(ENGLISH)) else { return };
    for engine in engines {
        let found = recognize(&*engine, &speech, LanguageChoice::Known(Language::En));
        assert!(found.text.reveal().to_lowercase().contains("young man"), "{}", found.text.reveal());
        assert!(found.mean_log_probability > -0.5 && found.no_speech_probability < 0.3);
        let last = found.words.last().expect("words");
        assert!(
            last.span.end.seconds() > speech.len() as f64 / 16_000.0 * 0.7,
            "the last word lies near the end"
        );
    }
}

/// French is detected where English is preferred, and Dutch where nothing else is allowed.
fn check_detection(engine: &dyn Engine, french: &[f32]) {
    let among = LanguageChoice::Among(vec![Language::En, Language::Nl, Language::Fr]);
    let found = recognize(engine, french, among);
    assert_eq!(found.language, Language::Fr);
    let known = recognize(engine, french, LanguageChoice::Known(Language::Fr));
    assert_eq!(found.text, known.text, "detecting changes nothing else");
    let forced = recognize(engine, french, LanguageChoice::Among(vec![Language::Nl]));
    assert_eq!(forced.language, Language::Nl, "only what is allowed");
    let share = |found: &Recognition| found.foreign_share.expect("the language was open");
    assert!(share(&found) < 0.5 && share(&forced) > 0.5, "{} {}", share(&found), share(&forced));
}

#[test]
fn french_is_detected_although_english_is_preferred() {
    let (Some((engines, _graphs)), Some(speech)) = (both("ggml-base.bin"), voice(FRENCH)) else { return };
    engines.iter().for_each(|engine| check_detection(&**engine, &speech));
}

#[test]
fn the_shipped_model_detects_french_although_english_is_preferred() {
    let (Some(engine), Some(speech)) = (shipped(), voice(FRENCH)) else { return };
    check_detection(&*engine, &speech);
}

/// Words of `said` that are missing, wrong or too many in what was heard.
fn errors(said: &str, found: &Recognition) -> ErrorCount {
    compare(said, found.text.reveal()).words
}

#[test]
fn dutch_is_detected_although_french_is_preferred_and_recognised() {
    let (Some(cpp), Some(onnx)) = (whisper_cpp("ggml-base.bin"), shipped()) else { return };
    let call = Call::read("nl-factuur-te-hoog");
    let said = call.utterance("mijn factuur van maart");
    for engine in [cpp, onnx] {
        let found = recognize(&*engine, &call.clip(said), LanguageChoice::Among(Language::ALL.to_vec()));
        let (name, text) = (engine.name(), found.text.reveal());
        eprintln!("{name}: {text}");
        assert_eq!(found.language, Language::Nl, "{name}: {text}");
        let errors = errors(&said.text, &found);
        // A synthetic voice that both understand badly: not everything is wrong.
        assert!(errors.edits < errors.reference, "{name}: {text}");
    }
}

#[test]
fn a_beam_of_whisper_cpp_hears_what_is_said() {
    let (Some(engine), Some(speech)) = (whisper_cpp_with("ggml-base.bin", 5), voice(ENGLISH)) else { return };
    let found = recognize(&*engine, &speech, LanguageChoice::Known(Language::En));
    let text = found.text.reveal();
    let errors = errors("He was not an ill-disposed young man", &found);
    // Its draws may differ from run to run, in a word and not in the sentence.
    assert!(errors.edits <= 2, "{text}");
    assert!(found.mean_log_probability > -0.5 && found.no_speech_probability < 0.3, "{text}");
    let spans = found.words.iter().map(|word| (word.span.start.0, word.span.end.0));
    assert!(spans.is_sorted_by(|one, next| one.1 <= next.0), "words follow each other");
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

#[test]
fn graphs_that_are_cut_mixed_up_or_of_another_kind_are_errors_and_no_crash() {
    let Some(graphs) = Graphs::of("ggml-tiny.en.bin") else { return };
    let folder = graphs.folder.path();
    let refusal = |what: &str| match graphs.engine() {
        Ok(_) => panic!("{what} was taken for a model"),
        Err(error) => error.to_string(),
    };
    for file in [WEIGHTS_FILE, ENCODER_FILE, DECODER_FILE] {
        let path = folder.join(file);
        let whole = std::fs::read(&path).expect("read");
        for length in [0, 100, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).expect("written");
            let text = refusal(file);
            assert!(
                text.contains(&*folder.to_string_lossy()) && text.matches("hint:").count() == 1,
                "{file} {length}: {text}"
            );
        }
        std::fs::remove_file(&path).expect("removed");
        refusal(file);
        std::fs::write(&path, &whole).expect("written");
    }
    let encoder = std::fs::read(folder.join(ENCODER_FILE)).expect("read");
    let decoder = std::fs::read(folder.join(DECODER_FILE)).expect("read");
    std::fs::write(folder.join(DECODER_FILE), &encoder).expect("written");
    refusal("an encoder in the decoder's place");
    if let Some(stranger) = needed(models().join("silero_vad.onnx")) {
        std::fs::copy(stranger, folder.join(DECODER_FILE)).expect("copied");
        assert!(refusal("a voice detector").contains("allo models convert"));
    }
    std::fs::write(folder.join(DECODER_FILE), &decoder).expect("written");
    graphs.engine().expect("the whole model loads again");
}

#[test]
fn both_engines_hear_the_same_words() {
    let (Some(([cpp, onnx], _graphs)), Some(speech)) = (both("ggml-base.bin"), voice(ENGLISH)) else {
        return;
    };
    let [cpp, onnx] =
        [cpp, onnx].map(|engine| recognize(&*engine, &speech, LanguageChoice::Known(Language::En)));
    let words = |found: &Recognition| -> Vec<String> { crate::text::words_for_scoring(found.text.reveal()) };
    let (of_cpp, of_onnx) = (words(&cpp), words(&onnx));
    let common = of_cpp.iter().filter(|word| of_onnx.contains(word)).count();
    assert!(common * 10 >= of_cpp.len() * 9, "{of_cpp:?}\n{of_onnx:?}");
    assert!(onnx.context_positions <= FULL_CONTEXT);
}

/// Words from the beginning of 25 and of 30 s of English to their end.
fn check_long_audio(engine: &dyn Engine, speech: &[f32]) {
    for seconds in [25, 30] {
        let long: Vec<f32> = speech.iter().copied().cycle().take(seconds * 16_000).collect();
        let found = recognize(engine, &long, LanguageChoice::Known(Language::En));
        let (first, last) = (found.words.first().expect("words"), found.words.last().expect("words"));
        let name = engine.name();
        assert!(first.span.start.seconds() < 2.0, "{name}: {:?}", first.span);
        assert!(last.span.end.seconds() > seconds as f64 - 4.0, "{name}, {seconds} s: {:?}", last.span);
        assert!(found.words.len() > seconds, "{name}, {seconds} s: {} words", found.words.len());
    }
}

#[test]
fn long_audio_has_words_from_its_beginning_to_its_end() {
    let (Some((engines, _graphs)), Some(speech)) = (both("ggml-base.bin"), voice(ENGLISH_LONG)) else {
        return;
    };
    engines.iter().for_each(|engine| check_long_audio(&**engine, &speech));
}

#[test]
fn long_audio_has_words_to_its_end_in_the_shipped_model() {
    let (Some(engine), Some(speech)) = (shipped(), voice(ENGLISH_LONG)) else { return };
    check_long_audio(&*engine, &speech);
}

fn check_silence(engine: &dyn Engine) {
    for seconds in [1, 5, 30] {
        let silence = vec![0.0; seconds * 16_000];
        let found = recognize(engine, &silence, LanguageChoice::Known(Language::Fr));
        // A stray word may come (whisper.cpp says one, and is sure of it); voice detection and the guard are there
        // for it, and `tests/it/nonspeech.rs` tests all three together. A loop must not.
        let heard = found.words.len();
        eprintln!("{}, {seconds} s: {heard} words, {:.3}", engine.name(), found.no_speech_probability);
        assert!(heard <= 6, "{}, {seconds} s: {heard} words", engine.name());
    }
}

#[test]
fn silence_makes_no_engine_babble() {
    let Some((engines, _graphs)) = both("ggml-base.bin") else { return };
    engines.iter().for_each(|engine| check_silence(&**engine));
}

#[test]
fn silence_does_not_make_the_shipped_model_babble() {
    let Some(engine) = shipped() else { return };
    check_silence(&*engine);
}
