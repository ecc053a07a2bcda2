//! A made-up model whose graphs are damaged byte by byte: an error or an engine that works, never the end of the process.

use std::borrow::Cow;
use std::path::Path;

use proptest::prelude::*;

use super::super::OnnxEngine;
use super::super::package::{DECODER_FILE, Description, ENCODER_FILE, WEIGHTS_FILE};
use super::runtime;
use crate::asr::config::Config;
use crate::asr::{CancelFlag, Engine, Error, LanguageChoice, Priority, Recognition, Request};
use crate::call::Language;
use crate::models::graph::{self, Mix};
use crate::models::weights::{Dimensions, Matrix, WeightSource, catalogue};
use crate::models::{self, Precision};
use crate::onnx::Runtime;
use crate::progress::Progress;
use crate::redact::Redacted;

/// The smallest Whisper with a real vocabulary.
#[derive(Debug)]
struct Smallest {
    vocabulary: usize,
    mel_bands: usize,
    tokens: Vec<Vec<u8>>,
}

impl Smallest {
    fn new(vocabulary: usize, mel_bands: usize) -> Self {
        let words = (0..400_u32).map(|index| format!(" w{index}").into_bytes());
        Self { vocabulary, mel_bands, tokens: (0..=u8::MAX).map(|byte| vec![byte]).chain(words).collect() }
    }
}

impl WeightSource for Smallest {
    fn dimensions(&self) -> Dimensions {
        Dimensions {
            vocabulary: self.vocabulary,
            audio_positions: 1500,
            text_positions: 448,
            width: 64,
            heads: 1,
            audio_layers: 1,
            text_layers: 1,
            mel_bands: self.mel_bands,
        }
    }

    fn tensor(&mut self, name: &str) -> Result<Matrix, models::Error> {
        let spec = catalogue(&self.dimensions()).into_iter().find(|spec| spec.name() == name);
        let dims = spec.expect("the graphs ask for what a Whisper has").dims().to_vec();
        let mut state = name.bytes().fold(17_u32, |state, byte| state.wrapping_mul(31) + u32::from(byte));
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let values = (0..dims.iter().product()).map(|_| 0.2 * draw()).collect();
        Ok(Matrix { dims, values })
    }

    fn tokens(&self) -> &[Vec<u8>] {
        &self.tokens
    }

    fn mel_filters(&self) -> Cow<'_, [f32]> {
        Cow::Owned(vec![0.01; self.mel_bands * 201])
    }

    fn alignment_heads(&self) -> Option<Vec<(usize, usize)>> {
        Some(vec![(0, 0)])
    }
}

/// A made-up model in a folder of its own.
pub(super) fn written(vocabulary: usize, mel_bands: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mix = Mix::of(Precision::Int8);
    graph::write(&mut Smallest::new(vocabulary, mel_bands), folder.path(), mix, &Progress::hidden())
        .expect("written");
    folder
}

/// Loads the model in `folder` and has it recognise a tenth of a second of noise.
fn used(runtime: &Runtime, folder: &Path) -> Result<Recognition, Error> {
    let config = Config { context_minimum: 64, context_margin: 0, beam_size: 2, ..Config::default() };
    let engine = OnnxEngine::load(runtime, folder, &config, 1)?;
    let samples: Vec<f32> = (0..1_600_u16).map(|n| (f32::from(n) * 0.7).sin() * 0.3).collect();
    let request = Request {
        samples: samples.into(),
        language: LanguageChoice::Known(Language::En),
        task: crate::asr::Task::Transcribe,
        vocabulary: Vec::new().into(),
        asked: Vec::new().into(),
        sentences: Vec::new().into(),
        prefix: Redacted::default(),
        priority: Priority::Batch,
    };
    engine.recognizer()?.recognize(&request, &CancelFlag::new())
}

#[test]
fn the_smallest_models_of_every_vocabulary_and_both_spectrograms_recognise() {
    let Some(runtime) = runtime() else { return };
    for (vocabulary, mel_bands) in [(51_864, 80), (51_865, 80), (51_866, 128)] {
        let folder = written(vocabulary, mel_bands);
        let found = used(&runtime, folder.path()).expect("noise is recognised as something");
        assert!(found.mean_log_probability <= 0.0);
    }
}

/// The files of a whole model, and a folder to damage them in.
struct Damaging {
    folder: tempfile::TempDir,
    whole: [(&'static str, Vec<u8>); 3],
}

impl Damaging {
    fn new() -> Self {
        let folder = written(51_865, 80);
        let whole = [ENCODER_FILE, DECODER_FILE, WEIGHTS_FILE]
            .map(|file| (file, std::fs::read(folder.path().join(file)).expect("written")));
        Self { folder, whole }
    }

    /// Puts `bytes` in the place of one file, uses the model, and puts the file back.
    fn with(&self, runtime: &Runtime, file: &str, bytes: &[u8]) -> Result<Recognition, Error> {
        let path = self.folder.path().join(file);
        std::fs::write(&path, bytes).expect("written");
        let outcome = used(runtime, self.folder.path());
        let whole = self.whole.iter().find(|(name, _)| *name == file).expect("one of the three");
        std::fs::write(&path, &whole.1).expect("written");
        outcome
    }
}

thread_local! {
    /// Written once a thread: the embedding of the smallest model has 20 MB.
    static DAMAGING: Option<(Runtime, Damaging)> = runtime().map(|runtime| (runtime, Damaging::new()));
}

/// An error at load names the folder and the remedy; one in use is the runtime's; otherwise the words are words.
fn check(outcome: Result<Recognition, Error>, folder: &Path) {
    match outcome {
        Ok(found) => assert!(found.decodings >= 1),
        Err(Error::Load { path, reason }) => {
            assert_eq!(path, folder);
            assert!(!reason.is_empty());
        }
        Err(Error::Inference { reason, .. }) => assert!(!reason.is_empty()),
        Err(other) => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn graphs_with_broken_bytes_are_errors_or_work(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        which in 0_usize..3,
        is_cut in any::<bool>(),
    ) {
        DAMAGING.with(|damaging| {
            let Some((runtime, damaging)) = damaging else { return };
            let (file, whole) = &damaging.whole[which];
            let mut bytes = whole.clone();
            for (place, value) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *value;
            }
            if is_cut {
                bytes.truncate(changes[0].0.index(whole.len()));
            }
            check(damaging.with(runtime, file, &bytes), damaging.folder.path());
        });
    }
}

#[test]
#[ignore = "minutes; run after a change to the graphs or to ONNX Runtime"]
fn every_byte_of_the_graphs_may_be_broken() {
    let Some(runtime) = runtime() else { return };
    let damaging = Damaging::new();
    for (file, whole) in &damaging.whole[..2] {
        // The long lists of tokens and filters in the metadata are covered by a sample of them.
        let step = |place: usize| if whole.len() - place < 8_000 { 331 } else { 7 };
        let mut place = 0;
        while place < whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= if place.is_multiple_of(2) { 0x01 } else { 0x80 };
            check(damaging.with(&runtime, file, &bytes), damaging.folder.path());
            place += step(place);
        }
    }
}

#[test]
fn a_description_that_does_not_fit_the_graphs_is_refused_at_load() {
    let Some(runtime) = runtime() else { return };
    let damaging = Damaging::new();
    // Same length, so that only the number changes: vocabulary, width, bands.
    for (from, to) in [
        ("51865 1500 448 64 1 1 80", "51866 1500 448 64 1 1 80"),
        ("51865 1500 448 64 1 1 80", "51864 1500 448 64 1 1 80"),
        ("51865 1500 448 64 1 1 80", "51865 1500 448 64 2 1 80"),
    ] {
        let mut outcomes = Vec::new();
        for (file, whole) in &damaging.whole[..2] {
            std::fs::write(damaging.folder.path().join(file), replaced(whole, from, to)).expect("written");
        }
        outcomes.push(used(&runtime, damaging.folder.path()));
        for outcome in outcomes {
            let Err(Error::Load { reason, .. }) = outcome else { panic!("{to} was taken") };
            eprintln!("{to}: {reason}");
        }
    }
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let place = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect("it is there");
    let mut changed = bytes.to_vec();
    changed[place..place + to.len()].copy_from_slice(to.as_bytes());
    changed
}

#[test]
fn weights_that_are_no_numbers_are_an_error_and_no_panic() {
    let Some(runtime) = runtime() else { return };
    let damaging = Damaging::new();
    let (file, whole) = &damaging.whole[2];
    for value in [f32::NAN, f32::INFINITY, 3.0e38] {
        let bytes: Vec<u8> = std::iter::repeat_n(value.to_le_bytes(), whole.len() / 4 + 1)
            .flatten()
            .take(whole.len())
            .collect();
        check(damaging.with(&runtime, file, &bytes), damaging.folder.path());
    }
}

#[test]
fn a_description_is_read_back_from_the_graphs() {
    let Some(runtime) = runtime() else { return };
    let folder = written(51_866, 128);
    let (_, description): (_, Description) =
        super::super::network::Graphs::open(&runtime, folder.path(), (1, None)).expect("the graphs load");
    assert_eq!((description.vocabulary, description.mel_bands), (51_866, 128));
}
