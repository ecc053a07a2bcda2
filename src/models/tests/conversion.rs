//! CTranslate2 to ggml and quantisation, on a made model of one layer and on the real ones where they are pulled.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::made::Ct2File;
use crate::models::convert::{ToGgml, to_ggml};
use crate::models::ct2::Ct2Model;
use crate::models::ggml::{GgmlReader, TensorHead, TensorNumber};
use crate::models::quantize::quantise;
use crate::models::{Error, Quantisation, half};
use crate::progress::Progress;

const STATE: u32 = 64;
const VOCABULARY: u32 = 8;

/// How the made model stores its matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weights {
    F32,
    F16,
    I8,
}

/// A whole, valid model of one layer, with values that every number format holds exactly.
struct MadeModel {
    weights: Weights,
    file: Ct2File,
}

impl MadeModel {
    fn bytes(weights: Weights) -> Vec<u8> {
        let mut made = Self { weights, file: Ct2File::default() };
        made.weight("encoder/conv1", &[STATE, 80, 3]);
        made.weight("encoder/conv2", &[STATE, STATE, 3]);
        made.vector("encoder/conv1/bias", STATE);
        made.vector("encoder/conv2/bias", STATE);
        for (side, positions) in [("encoder", 4), ("decoder", 3)] {
            let name = format!("{side}/position_encodings/encodings");
            made.floats(&name, &[positions, STATE]);
            made.norm(&format!("{side}/layer_norm"));
            made.attention(&format!("{side}/layer_0/self_attention"), &[3, 1]);
            made.norm(&format!("{side}/layer_0/self_attention/layer_norm"));
            made.linear(&format!("{side}/layer_0/ffn/linear_0"), &[4 * STATE, STATE]);
            made.linear(&format!("{side}/layer_0/ffn/linear_1"), &[STATE, 4 * STATE]);
            made.norm(&format!("{side}/layer_0/ffn/layer_norm"));
        }
        made.attention("decoder/layer_0/attention", &[1, 2, 1]);
        made.norm("decoder/layer_0/attention/layer_norm");
        made.weight("decoder/embeddings", &[VOCABULARY, STATE]);

        made.file.finish()
    }

    fn attention(&mut self, name: &str, widths: &[u32]) {
        for (index, width) in widths.iter().enumerate() {
            let linear = format!("{name}/linear_{index}");
            self.weight(&linear, &[width * STATE, STATE]);
            // The key's part of a fused bias is zero, as in every Whisper.
            let key = match width {
                3 => STATE..2 * STATE,
                2 => 0..STATE,
                _ => 0..0,
            };
            let bias = (0..width * STATE).map(|index| if key.contains(&index) { 0.0 } else { 0.5 });
            let bytes = bias.flat_map(f32::to_le_bytes).collect();
            self.file.add(&format!("{linear}/bias"), &[width * STATE], (0, bytes));
        }
    }

    fn linear(&mut self, name: &str, dims: &[u32]) {
        self.weight(name, dims);
        self.vector(&format!("{name}/bias"), dims[0]);
    }

    fn norm(&mut self, name: &str) {
        self.vector(&format!("{name}/gamma"), STATE);
        self.vector(&format!("{name}/beta"), STATE);
    }

    fn vector(&mut self, name: &str, length: u32) {
        self.floats(name, &[length]);
    }

    fn floats(&mut self, name: &str, dims: &[u32]) {
        let bytes = values(dims).flat_map(f32::to_le_bytes).collect();
        self.file.add(name, dims, (0, bytes));
    }

    fn weight(&mut self, name: &str, dims: &[u32]) {
        let full = format!("{name}/weight");
        match self.weights {
            Weights::F32 => self.floats(&full, dims),
            Weights::F16 => {
                let bytes = values(dims).flat_map(|value| half::from_f32(value).to_le_bytes()).collect();
                self.file.add(&full, dims, (4, bytes));
            }
            Weights::I8 => {
                let bytes = values(dims).map(|value| ((value * 16.0) as i8).cast_unsigned()).collect();
                self.file.add(&full, dims, (1, bytes));
                let scale =
                    std::iter::repeat_n(16.0_f32, dims[0] as usize).flat_map(f32::to_le_bytes).collect();
                self.file.add(&format!("{full}_scale"), &dims[..1], (0, scale));
            }
        }
    }
}

/// Sixteenths between -1 and 1, different from row to row.
fn values(dims: &[u32]) -> impl Iterator<Item = f32> {
    (0..dims.iter().product::<u32>()).map(|index| (index * 7 % 31) as f32 / 16.0 - 0.9375)
}

struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    fn with(model: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.bin"), model).unwrap();
        std::fs::write(folder.path().join("vocabulary.txt"), "!\na\nĠb\n<|endoftext|>\n").unwrap();
        Self { folder }
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("out.bin")
    }

    fn convert(&self) -> Result<Vec<(TensorHead, Vec<u8>)>, Error> {
        let request =
            ToGgml { input: self.folder.path().to_path_buf(), vocabulary: None, output: self.output() };
        to_ggml(&request, &Progress::hidden())?;
        Ok(tensors(&self.output()))
    }
}

fn tensors(file: &Path) -> Vec<(TensorHead, Vec<u8>)> {
    let (mut reader, preamble) = GgmlReader::open(file).unwrap();
    assert_eq!(preamble.tokens, [b"!".to_vec(), b"a".to_vec(), b" b".to_vec()]);
    assert_eq!(
        (preamble.shape.vocabulary, preamble.shape.audio_heads, preamble.shape.text_layers),
        (8, 1, 1)
    );
    let mut all = Vec::new();
    while let Some(head) = reader.next_head().unwrap() {
        let count: usize = head.dims.iter().product();
        let bytes = match head.number {
            TensorNumber::F32 => 4 * count,
            TensorNumber::F16 => 2 * count,
            TensorNumber::Q8_0 => count / 32 * 34,
            TensorNumber::Q5_1 => count / 32 * 24,
        };
        let bytes = reader.bytes(bytes as u64).unwrap();
        all.push((head, bytes));
    }
    all
}

#[test]
fn all_number_formats_give_the_same_ggml() {
    let from_f32 = Made::with(&MadeModel::bytes(Weights::F32)).convert().unwrap();
    assert_eq!(from_f32, Made::with(&MadeModel::bytes(Weights::F16)).convert().unwrap());
    assert_eq!(from_f32, Made::with(&MadeModel::bytes(Weights::I8)).convert().unwrap());

    let key = from_f32.iter().find(|(head, _)| head.name == "encoder.blocks.0.attn.key.weight").unwrap();
    let fused: Vec<u8> =
        values(&[3 * STATE, STATE]).flat_map(|value| half::from_f32(value).to_le_bytes()).collect();
    let third = fused.len() / 3;
    assert_eq!(key.1, fused[third..2 * third], "the key is the middle third of the fused matrix");
    let conv_bias = from_f32.iter().find(|(head, _)| head.name == "encoder.conv1.bias").unwrap();
    assert_eq!(conv_bias.0.dims, [64, 1]);
    assert!(!from_f32.iter().any(|(head, _)| head.name.ends_with("key.bias")));
}

#[test]
fn not_a_byte_of_the_output_moves() {
    // Written by a script of its own from the description of the format. The hashes of the manifest hang on this.
    let made = Made::with(&MadeModel::bytes(Weights::F16));
    made.convert().unwrap();
    let hash = crate::models::hash_file(&made.output(), &crate::progress::Progress::hidden()).unwrap();
    assert_eq!(hash.to_string(), "ce74c4a182f333554c57191114566467a24eb4e74e53bdc4f7fbe2a5b30f2f10");
}

#[test]
fn a_key_bias_is_refused_rather_than_lost() {
    let mut model = MadeModel::bytes(Weights::F16);
    let name = b"encoder/layer_0/self_attention/linear_0/bias\0";
    let start = model.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    // Behind the name: rank, one dimension, number format, length; then the query's 64 values.
    let key = start + 1 + 4 + 1 + 4 + 64 * 4;
    model[key..key + 4].copy_from_slice(&1.0_f32.to_le_bytes());
    assert!(Made::with(&model).convert().unwrap_err().to_string().contains("key bias"));
}

#[test]
fn every_cut_is_an_error() {
    let model = MadeModel::bytes(Weights::I8);
    let made = Made::with(&model);
    let path = made.folder.path().join("model.bin");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    for length in (0..model.len()).rev() {
        file.set_len(length as u64).unwrap();
        let error = Ct2Model::open(&path).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{length}: {error}");
    }
}

#[test]
fn declared_sizes_are_bounded_before_anything_is_allocated() {
    let model = MadeModel::bytes(Weights::F16);
    let count_at = 4 + 2 + "WhisperSpec\0".len() + 4;
    let mut many = model.clone();
    many[count_at..count_at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(Made::with(&many).convert().unwrap_err().to_string().contains("tensors, at most"));

    let name_end = count_at + 4 + 2 + "encoder/conv1/weight\0".len();
    let mut big = model.clone();
    big[name_end + 1..name_end + 5].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(Made::with(&big).convert().unwrap_err().to_string().contains("cannot have"));

    let mut other = model;
    other[6..9].copy_from_slice(b"Foo");
    assert!(Made::with(&other).convert().unwrap_err().to_string().contains("not WhisperSpec"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn flipped_bytes_never_panic(flips in prop::collection::vec((0_usize..200_000, any::<u8>()), 1..6), head in any::<bool>()) {
        let mut model = MadeModel::bytes(Weights::I8);
        let reach = if head { 200 } else { model.len() };
        for (at, value) in flips {
            model[at % reach] ^= value;
        }
        let made = Made::with(&model);
        let request = ToGgml { input: made.folder.path().into(), vocabulary: None, output: made.output() };
        if to_ggml(&request, &Progress::hidden()).is_ok() {
            let small = made.folder.path().join("small.bin");
            let _ = quantise(&made.output(), &small, Quantisation::Q8_0, &Progress::hidden());
        }
    }

    #[test]
    fn damaged_ggml_files_never_panic(at in 0_usize..400_000, value in 1_u8.., cut in any::<bool>()) {
        let made = Made::with(&MadeModel::bytes(Weights::F16));
        made.convert().unwrap();
        let mut bytes = std::fs::read(made.output()).unwrap();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] ^= value }
        std::fs::write(made.output(), bytes).unwrap();
        let small = made.folder.path().join("small.bin");
        let _ = quantise(&made.output(), &small, Quantisation::Q5_1, &Progress::hidden());
    }
}

#[test]
fn quantising_follows_the_rule_of_whisper_cpp() {
    let made = Made::with(&MadeModel::bytes(Weights::F16));
    made.convert().unwrap();
    let small = made.folder.path().join("small.bin");
    quantise(&made.output(), &small, Quantisation::Q8_0, &Progress::hidden()).unwrap();
    let (_, preamble) = GgmlReader::open(&small).unwrap();
    assert_eq!(preamble.shape.ftype, 2007);
    for (head, _) in tensors(&small) {
        let is_table = head.name.ends_with("positional_embedding") || head.name.starts_with("encoder.conv");
        let expected = head.dims.len() == 2 && !is_table;
        assert_eq!(head.number == TensorNumber::Q8_0, expected, "{}", head.name);
    }
    let again = quantise(&small, &made.output(), Quantisation::Q5_1, &Progress::hidden()).unwrap_err();
    assert!(again.to_string().contains("already quantised"), "{again}");
}

#[test]
fn a_quantised_model_hears_a_real_voice() {
    let models = crate::home::Home::resolve(|name| std::env::var_os(name)).unwrap().models().to_path_buf();
    let model = models.join("ggml-tiny.en.bin");
    let voice = Path::new("/usr/share/pocketsphinx/test/data/cards/001.wav");
    if !model.is_file() || !voice.is_file() {
        assert!(std::env::var_os("CI").is_none(), "CI needs whisper-tiny.en and pocketsphinx-testdata");
        eprintln!("skipped: no whisper-tiny.en or no pocketsphinx-testdata");
        return;
    }
    let plain = transcript(&model, voice);
    for how in [Quantisation::Q8_0, Quantisation::Q5_1] {
        let folder = tempfile::tempdir().unwrap();
        let small = folder.path().join("small.bin");
        quantise(&model, &small, how, &Progress::hidden()).unwrap();
        let heard = transcript(&small, voice);
        assert!(heard.split_whitespace().count() >= 2, "{how} heard `{heard}`, unquantised `{plain}`");
        let words = |text: &str| -> Vec<String> {
            let letters = |c: char| !c.is_alphanumeric();
            text.to_lowercase().split(letters).filter(|w| !w.is_empty()).map(str::to_owned).collect()
        };
        let shared = words(&heard).iter().filter(|word| words(&plain).contains(word)).count();
        assert!(2 * shared >= words(&plain).len(), "{how} heard `{heard}`, unquantised `{plain}`");
    }
}

fn transcript(model: &Path, wav: &Path) -> String {
    use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters};
    let context = WhisperContext::new_with_params(model, WhisperContextParameters::default()).unwrap();
    let mut state = context.create_state().unwrap();
    let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    params.set_n_threads(1);
    params.set_language(Some("en"));
    params.set_print_progress(false);
    params.set_audio_ctx(512);
    // The test files are 16-bit mono at 16 kHz with the plain 44-byte header.
    let bytes = std::fs::read(wav).unwrap();
    let samples: Vec<f32> = bytes[44..]
        .as_chunks::<2>()
        .0
        .iter()
        .map(|word| f32::from(i16::from_le_bytes(*word)) / 32768.0)
        .collect();
    state.full(params, &samples).unwrap();
    state.as_iter().map(|segment| segment.to_str_lossy().unwrap().into_owned()).collect()
}
