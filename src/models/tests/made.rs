//! One made Whisper model, to be written in each format that is read. The names of the formats are spelled out here once
//! more, so that a mistake in the program's tables shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::audio::mel;
use crate::models::ggml::{self, Preamble, Shape, TensorHead, TensorNumber};
use crate::models::half;
use crate::models::weights::{Dimensions, Matrix, catalogue};

pub(super) const TOKENS: [&[u8]; 3] = [b"!", b"a", b" b"];

/// How the made model stores its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    F32,
    F16,
    Bf16,
    /// CTranslate2 only, and matrices only.
    I8,
}

impl Stored {
    pub(super) fn bytes(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::F16 => values.iter().flat_map(|value| half::from_f32(*value).to_le_bytes()).collect(),
            Self::Bf16 => {
                values.iter().flat_map(|value| ((value.to_bits() >> 16) as u16).to_le_bytes()).collect()
            }
            Self::I8 => values.iter().map(|value| ((value * 16.0) as i8).cast_unsigned()).collect(),
        }
    }

    const fn ct2_id(self) -> u8 {
        match self {
            Self::F32 => 0,
            Self::I8 => 1,
            Self::F16 => 4,
            Self::Bf16 => 5,
        }
    }
}

/// A whole model whose values every number format holds exactly.
#[derive(Debug, Clone)]
pub(super) struct MadeWhisper {
    pub(super) size: Dimensions,
    pub(super) tensors: BTreeMap<String, Matrix>,
}

impl MadeWhisper {
    pub(super) fn new() -> Self {
        let size = Dimensions {
            vocabulary: 8,
            audio_positions: 4,
            text_positions: 3,
            width: 64,
            heads: 1,
            audio_layers: 2,
            text_layers: 1,
            mel_bands: 80,
        };
        let mut made = Self { size, tensors: BTreeMap::new() };
        for spec in catalogue(&size) {
            made.add(&spec.name(), spec.dims());
        }
        made
    }

    /// Sixteenths between -1 and 1, different from tensor to tensor and from row to row.
    pub(super) fn add(&mut self, name: &str, dims: &[usize]) {
        let seed: usize = name.bytes().enumerate().map(|(at, byte)| (at + 1) * usize::from(byte)).sum();
        let count = dims.iter().product::<usize>();
        let values = (0..count).map(|index| ((index * 7 + seed) % 31) as f32 / 16.0 - 0.9375).collect();
        self.tensors.insert(name.to_owned(), Matrix { dims: dims.to_vec(), values });
    }

    pub(super) fn tensor(&mut self, name: &str) -> &mut Matrix {
        self.tensors.get_mut(name).unwrap()
    }

    pub(super) fn ggml(&self, number: TensorNumber) -> Vec<u8> {
        let mut file = Vec::new();
        ggml::write_preamble(&mut file, &self.preamble()).unwrap();
        for (name, matrix) in &self.tensors {
            let mut dims = matrix.dims.clone();
            if name.starts_with("encoder.conv") && name.ends_with(".bias") {
                dims.push(1);
            }
            let head = TensorHead { name: name.clone(), dims, number };
            ggml::write_head(&mut file, &head).unwrap();
            let stored = if number == TensorNumber::F32 { Stored::F32 } else { Stored::F16 };
            file.extend(stored.bytes(&matrix.values));
        }
        file
    }

    fn preamble(&self) -> Preamble {
        let number = |value: usize| i32::try_from(value).unwrap();
        let size = self.size;
        let shape = Shape {
            vocabulary: number(size.vocabulary),
            audio_context: number(size.audio_positions),
            audio_state: number(size.width),
            audio_heads: number(size.heads),
            audio_layers: number(size.audio_layers),
            text_context: number(size.text_positions),
            text_state: number(size.width),
            text_heads: number(size.heads),
            text_layers: number(size.text_layers),
            mel_bands: number(size.mel_bands),
            ftype: 1,
        };
        // Not the computed ones: a ggml file brings its own.
        let mel = vec![0.25; size.mel_bands * mel::BINS];
        Preamble {
            shape,
            mel_rows: shape.mel_bands,
            mel_columns: mel::BINS as i32,
            mel: Stored::F32.bytes(&mel),
            tokens: TOKENS.map(<[u8]>::to_vec).to_vec(),
        }
    }

    /// One safetensors file with those tensors whose published name `is_here`.
    pub(super) fn safetensors(&self, stored: Stored, is_here: impl Fn(&str) -> bool) -> Vec<u8> {
        let dtype = match stored {
            Stored::F32 => "F32",
            Stored::F16 => "F16",
            Stored::Bf16 => "BF16",
            Stored::I8 => "I8",
        };
        let mut values = Vec::new();
        let mut header = serde_json::Map::new();
        header.insert("__metadata__".to_owned(), json!({"format": "pt"}));
        for (name, matrix) in self.tensors.iter().filter(|(name, _)| is_here(name)) {
            let first = values.len();
            values.extend(stored.bytes(&matrix.values));
            let entry = json!({"dtype": dtype, "shape": matrix.dims, "data_offsets": [first, values.len()]});
            header.insert(hugging_face_name(name), entry);
        }
        let header = Value::Object(header).to_string();
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.extend(values);
        file
    }

    pub(super) fn config(&self) -> Value {
        json!({
            "model_type": "whisper",
            "activation_function": "gelu",
            "vocab_size": self.size.vocabulary,
            "num_mel_bins": self.size.mel_bands,
            "d_model": self.size.width,
            "encoder_layers": self.size.audio_layers,
            "decoder_layers": self.size.text_layers,
            "encoder_attention_heads": self.size.heads,
            "decoder_attention_heads": self.size.heads,
            "max_source_positions": self.size.audio_positions,
            "max_target_positions": self.size.text_positions,
        })
    }

    pub(super) fn ct2(&self, stored: Stored) -> Vec<u8> {
        let mut file = Ct2File::default();
        let get = |name: &str| self.tensors.get(name).cloned();
        for (name, matrix) in &self.tensors {
            let is_self = name.contains(".attn.");
            if name.contains("attn.key.") || is_self && name.contains(".value.") {
                continue;
            }
            let is_fused = is_self && name.contains(".query.") || name.contains(".cross_attn.value.");
            let mut whole = matrix.clone();
            if is_fused {
                let key = name.replace(".query.", ".key.").replace(".value.", ".key.");
                let none = Matrix { dims: vec![self.size.width], values: vec![0.0; self.size.width] };
                let key = get(&key).unwrap_or(none);
                let parts = if is_self {
                    vec![matrix.clone(), key, get(&name.replace("query", "value")).unwrap()]
                } else {
                    vec![key, matrix.clone()]
                };
                whole.dims[0] = parts.iter().map(|part| part.dims[0]).sum();
                whole.values = parts.into_iter().flat_map(|part| part.values).collect();
            }
            file.matrix(&ct2_name(name), &whole, stored);
        }
        file.finish()
    }
}

/// A `model.bin` in the making.
#[derive(Default)]
pub(super) struct Ct2File {
    count: u32,
    tensors: Vec<u8>,
}

impl Ct2File {
    /// Stores `matrix` as asked; 8 bits only where CTranslate2 has them.
    pub(super) fn matrix(&mut self, name: &str, matrix: &Matrix, stored: Stored) {
        let dims: Vec<u32> = matrix.dims.iter().map(|dim| *dim as u32).collect();
        let is_plain = !name.ends_with("/weight");
        let stored = if is_plain && stored == Stored::I8 { Stored::F32 } else { stored };
        self.add(name, &dims, (stored.ct2_id(), stored.bytes(&matrix.values)));
        if stored == Stored::I8 {
            let scale = Stored::F32.bytes(&vec![16.0; matrix.dims[0]]);
            self.add(&format!("{name}_scale"), &dims[..1], (0, scale));
        }
    }

    pub(super) fn add(&mut self, name: &str, dims: &[u32], (number, bytes): (u8, Vec<u8>)) {
        self.count += 1;
        text(&mut self.tensors, name);
        self.tensors.push(dims.len() as u8);
        dims.iter().for_each(|dim| self.tensors.extend(dim.to_le_bytes()));
        self.tensors.push(number);
        self.tensors.extend((bytes.len() as u32).to_le_bytes());
        self.tensors.extend(bytes);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let mut file = 6_u32.to_le_bytes().to_vec();
        text(&mut file, "WhisperSpec");
        file.extend(3_u32.to_le_bytes());
        file.extend(self.count.to_le_bytes());
        file.extend(self.tensors);
        file.extend(1_u32.to_le_bytes());
        text(&mut file, "decoder/projection/weight");
        text(&mut file, "decoder/embeddings/weight");
        file
    }
}

fn text(file: &mut Vec<u8>, text: &str) {
    file.extend((text.len() as u16 + 1).to_le_bytes());
    file.extend(text.as_bytes());
    file.push(0);
}

fn replaced(name: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}

pub(super) fn hugging_face_name(name: &str) -> String {
    let name = replaced(
        name,
        &[
            (".blocks.", ".layers."),
            (".cross_attn_ln.", ".encoder_attn_layer_norm."),
            (".attn_ln.", ".self_attn_layer_norm."),
            (".mlp_ln.", ".final_layer_norm."),
            (".cross_attn.", ".encoder_attn."),
            (".attn.", ".self_attn."),
            (".query.", ".q_proj."),
            (".key.", ".k_proj."),
            (".value.", ".v_proj."),
            (".out.", ".out_proj."),
            (".mlp.0.", ".fc1."),
            (".mlp.2.", ".fc2."),
            (".ln_post.", ".layer_norm."),
            ("decoder.ln.", "decoder.layer_norm."),
            ("token_embedding", "embed_tokens"),
            ("positional_embedding", "embed_positions.weight"),
        ],
    );
    format!("model.{name}")
}

/// Of fused tensors, the name of the whole.
fn ct2_name(name: &str) -> String {
    let is_norm = name.contains("ln");
    let name = replaced(
        name,
        &[
            (".cross_attn_ln.", "/attention/layer_norm/"),
            (".attn_ln.", "/self_attention/layer_norm/"),
            (".mlp_ln.", "/ffn/layer_norm/"),
            (".cross_attn.query.", "/attention/linear_0/"),
            (".cross_attn.value.", "/attention/linear_1/"),
            (".cross_attn.out.", "/attention/linear_2/"),
            (".attn.query.", "/self_attention/linear_0/"),
            (".attn.out.", "/self_attention/linear_1/"),
            (".mlp.0.", "/ffn/linear_0/"),
            (".mlp.2.", "/ffn/linear_1/"),
            (".ln_post.", "/layer_norm/"),
            ("decoder.ln.", "decoder/layer_norm/"),
            ("token_embedding", "embeddings"),
            ("positional_embedding", "position_encodings/encodings"),
            ("blocks.", "layer_"),
            (".", "/"),
        ],
    );
    if is_norm { replaced(&name, &[("/weight", "/gamma"), ("/bias", "/beta")]) } else { name }
}

/// A folder with a model in it, gone at the end.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn ct2(model: &[u8]) -> Self {
        let folder = Self::empty();
        folder.write("model.bin", model);
        folder.write("vocabulary.txt", b"!\na\n\xc4\xa0b\n<|endoftext|>\n");
        folder
    }

    pub(super) fn hugging_face(made: &MadeWhisper, stored: Stored) -> Self {
        let folder = Self::empty();
        folder.write("model.safetensors", &made.safetensors(stored, |_| true));
        folder.write("config.json", made.config().to_string().as_bytes());
        let tokenizer = json!({"model": {"vocab": {"!": 0, "a": 1, "\u{120}b": 2}}});
        folder.write("tokenizer.json", tokenizer.to_string().as_bytes());
        folder
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        std::fs::write(self.file(name), content).unwrap();
        self.file(name)
    }
}
