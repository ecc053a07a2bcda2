//! Models of the size of Whisper large, made up, through float16 safetensors to graphs that run.

use std::path::Path;

use super::made::{Folder, MadeWhisper, Stored};
use crate::asr::config::Config;
use crate::asr::onnx::OnnxEngine;
use crate::asr::onnx::package::WEIGHTS_FILE;
use crate::asr::{CancelFlag, Engine, LanguageChoice, Priority, Recognition, Request, Task};
use crate::call::Language;
use crate::models::Precision;
use crate::models::graph::{self, Mix};
use crate::models::weights::{self, Dimensions, catalogue};
use crate::onnx::Runtime;
use crate::progress::Progress;
use crate::redact::Redacted;

/// Large-v3 with fewer layers and `width`.
const fn large(width: usize, audio_layers: usize, text_layers: usize) -> Dimensions {
    Dimensions {
        vocabulary: 51_866,
        audio_positions: 1500,
        text_positions: 448,
        width,
        heads: width / 64,
        audio_layers,
        text_layers,
        mel_bands: 128,
    }
}

fn runtime() -> Option<Runtime> {
    let home = crate::home::Home::resolve(|name| std::env::var_os(name)).unwrap();
    let library = home.models().join("libonnxruntime.so");
    if library.is_file() {
        return Some(Runtime::load(&library).unwrap());
    }
    assert!(std::env::var_os("CI").is_none(), "CI needs the models: run `allo models pull`");
    eprintln!("skipped: no {}", library.display());
    None
}

/// A Hugging Face folder in half precision.
fn made(size: Dimensions) -> Folder {
    let mut made = MadeWhisper::new();
    made.size = size;
    made.tensors.clear();
    for spec in catalogue(&size) {
        made.add(&spec.name(), spec.dims());
        // Of the size that trained weights have, so that nothing overflows on the way.
        made.tensor(&spec.name()).values.iter_mut().for_each(|value| *value *= 0.0625);
    }
    Folder::hugging_face(&made, Stored::F16)
}

fn converted(from: &Path, mix: Mix) -> Folder {
    let folder = Folder::empty();
    let mut source = weights::open(from, None).unwrap();
    graph::write(source.as_mut(), folder.path(), mix, &Progress::hidden()).unwrap();
    folder
}

/// One second of a tone, with the smallest context.
fn recognized(runtime: &Runtime, folder: &Path) -> Recognition {
    let config = Config { context_minimum: 64, context_margin: 0, beam_size: 2, ..Config::default() };
    let engine = OnnxEngine::load(runtime, folder, &config, 1).unwrap();
    let samples: Vec<f32> = (0..16_000_u16).map(|n| (f32::from(n) * 0.2).sin() * 0.3).collect();
    let language = LanguageChoice::Among(vec![Language::Fr, Language::En]);
    let (vocabulary, priority) = (Vec::new().into(), Priority::Batch);
    let request = Request {
        samples: samples.into(),
        language,
        task: Task::Transcribe,
        vocabulary,
        asked: Vec::new().into(),
        sentences: Vec::new().into(),
        prefix: Redacted::default(),
        priority,
    };
    engine.recognizer().unwrap().recognize(&request, &CancelFlag::new()).unwrap()
}

#[test]
fn a_model_with_the_bands_and_the_vocabulary_of_large_v3_runs() {
    let Some(runtime) = runtime() else { return };
    let source = made(large(128, 2, 2));
    for mix in [Mix::F32, Mix::of(Precision::Int8)] {
        let found = recognized(&runtime, converted(source.path(), mix).path());
        assert!(found.mean_log_probability.is_finite());
    }
}

#[test]
#[ignore = "a minute and 5 GB of disk"]
fn a_model_of_the_width_of_large_v3_beyond_two_gigabytes_runs() {
    let Some(runtime) = runtime() else { return };
    let source = made(large(1280, 18, 6));
    let of_f32 = converted(source.path(), Mix::F32);
    let bytes = std::fs::metadata(of_f32.file(WEIGHTS_FILE)).unwrap().len();
    assert!(bytes > 1 << 31, "{bytes}");
    assert!(recognized(&runtime, of_f32.path()).mean_log_probability.is_finite());
    drop(of_f32);
    let of_int8 = converted(source.path(), Mix::of(Precision::Int8));
    assert!(recognized(&runtime, of_int8.path()).mean_log_probability.is_finite());
}
