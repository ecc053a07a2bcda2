//! The weights of a Whisper model in one form, whatever file they come from.
//!
//! [`open`] recognises a CTranslate2 folder, a Hugging Face folder and a ggml file of whisper.cpp; what comes back is a
//! [`WeightSource`]: the model's size, its text tokens, its mel filters and its tensors, one at a time, as f32 under
//! the names of the original publication (`encoder.blocks.0.attn.query.weight`). Engines and converters read from it
//! and know no file format.
//!
//! Invariants: a source that opened is complete. Every tensor of [`catalogue`] is there in its shape and whole in the
//! file, there is no layer more than the size says, and no key has a bias (Whisper's have none, so one would be lost).
//! Of the values only those of the key biases were looked at. Nothing is allocated before it was compared with the
//! length of its file.
//!
//! Shapes are row major, outermost dimension first. What this module does not do: audio, tokens into text.

mod catalogue;
mod ct2;
mod ggml;
mod hugging_face;
mod safetensors;
mod wire;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Debug;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

pub use catalogue::{TensorSpec, catalogue};
pub use ggml::check as check_ggml;

use super::{Error, vocabulary};
use crate::audio::mel;

/// Values in one attention head; every Whisper size has 64.
pub const HEAD_WIDTH: usize = 64;
/// Whisper large has 32.
const LAYERS_MAX: usize = 64;
/// Whisper large has 1280.
const WIDTH_MAX: usize = 4096;
/// Whisper has 1500 positions of audio and 448 of text.
const POSITIONS_MAX: usize = 4096;
/// Whisper has 51,866 tokens.
const VOCABULARY_MAX: usize = 200_000;
/// Whisper large has 1,259 tensors; a fine-tuned model adds none.
const TENSORS_MAX: usize = 8192;
const EXPECTED: &str = "expected a CTranslate2 folder (model.bin), a Hugging Face folder (model.safetensors, \
                        config.json and tokenizer.json) or a ggml file of whisper.cpp";

/// The size of a Whisper model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimensions {
    /// Tokens in all, text and special ones: 51,864 to 51,866.
    pub vocabulary: usize,
    /// Positions of the encoder's output, 20 ms each: 1500.
    pub audio_positions: usize,
    /// Tokens that the decoder sees at most: 448.
    pub text_positions: usize,
    /// Values a position; a multiple of [`HEAD_WIDTH`].
    pub width: usize,
    /// Attention heads a layer: width divided by [`HEAD_WIDTH`].
    pub heads: usize,
    /// Layers of the encoder, 1 to 64.
    pub audio_layers: usize,
    /// Layers of the decoder, 1 to 64.
    pub text_layers: usize,
    /// Bands of the mel spectrogram: 80 or 128.
    pub mel_bands: usize,
}

/// Values with their shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Outermost first; one to three dimensions.
    pub dims: Vec<usize>,
    /// Row major; as many as the product of `dims`, all finite.
    pub values: Vec<f32>,
}

/// A whole Whisper model, read tensor by tensor.
pub trait WeightSource: Debug + Send {
    /// The size of the model.
    fn dimensions(&self) -> Dimensions;

    /// Reads one tensor; its shape is that of [`catalogue`]. Blocks for the reading and allocates the tensor once; the
    /// biggest, `decoder.token_embedding.weight` of Whisper large, has 265 MB.
    ///
    /// # Errors
    /// [`Error::Format`] when Whisper has no tensor of this name, or the values are damaged; [`Error::Io`].
    fn tensor(&mut self, name: &str) -> Result<Matrix, Error>;

    /// The text tokens as bytes, in the order of their ids; fewer than the vocabulary, which has special ones too.
    fn tokens(&self) -> &[Vec<u8>];

    /// The mel filter bank: `mel_bands` rows of 201 weights.
    fn mel_filters(&self) -> Cow<'_, [f32]>;

    /// Layer and head of each attention head of the decoder that follows the audio; `None` when the files do not say.
    fn alignment_heads(&self) -> Option<Vec<(usize, usize)>>;
}

/// Opens the model at `path` and checks that it is a whole Whisper. `vocabulary` (.json, .txt or .tiktoken) takes the
/// place of the model's own tokens.
///
/// # Errors
/// [`Error::Format`] naming the file and what is wrong with it: of no known kind, cut short, a tensor missing or of the
/// wrong shape, a size that no Whisper has, a key bias; [`Error::Io`].
pub fn open(path: &Path, vocabulary: Option<&Path>) -> Result<Box<dyn WeightSource>, Error> {
    if ct2::is_model(path) {
        return ct2::open(path, vocabulary);
    }
    if hugging_face::is_model(path) {
        return hugging_face::open(path, vocabulary);
    }
    if !path.is_dir() && begins_as_ggml(path)? {
        return ggml::open(path, vocabulary);
    }
    let reason = if path.join("pytorch_model.bin").is_file() {
        format!("only PyTorch's own format\nhint: save the model as safetensors; {EXPECTED}")
    } else {
        format!("no Whisper model; {EXPECTED}")
    };
    Err(Error::format(path, reason))
}

fn begins_as_ggml(path: &Path) -> Result<bool, Error> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut magic = [0; 4];
    match file.read_exact(&mut magic) {
        Ok(()) => Ok(u32::from_le_bytes(magic) == super::ggml::MAGIC),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// What a file format has to answer; everything that is the same for all of them is in [`Model`].
trait Format: Debug + Send {
    /// Where this format keeps a tensor, whether or not the file has it.
    fn place(&self, spec: &TensorSpec) -> Place;

    /// The stored shape of a tensor; `None` when there is none of this name.
    fn shape(&self, name: &str) -> Option<&[usize]>;

    /// The values of the place's rows. Its tensor is there and has the place's shape.
    fn values(&mut self, place: &Place) -> Result<Vec<f32>, Error>;

    /// The file that has or should have the tensor.
    fn path(&self, name: &str) -> &Path;
}

/// A tensor in terms of a file format.
#[derive(Debug)]
struct Place {
    name: String,
    /// Of the whole stored tensor, as it has to be.
    dims: Vec<usize>,
    /// Part of the outermost dimension: some formats store several tensors as one.
    rows: Range<usize>,
}

impl Place {
    fn whole(name: String, spec: &TensorSpec) -> Self {
        Self { name, dims: spec.dims().to_vec(), rows: 0..spec.dims()[0] }
    }

    fn row_length(&self) -> usize {
        self.dims[1..].iter().product()
    }
}

/// What a format finds besides the tensors.
#[derive(Debug)]
struct Facts {
    dimensions: Dimensions,
    tokens: Vec<Vec<u8>>,
    /// `None` for the computed ones.
    mel_filters: Option<Vec<f32>>,
    alignment_heads: Option<Vec<(usize, usize)>>,
}

/// A checked model in some format.
#[derive(Debug)]
struct Model<F> {
    format: F,
    facts: Facts,
    specs: HashMap<String, TensorSpec>,
}

impl<F: Format + 'static> Model<F> {
    /// Checks everything but the values. `path` is named when the whole is no Whisper.
    fn checked(path: &Path, format: F, mut facts: Facts) -> Result<Box<dyn WeightSource>, Error> {
        let dimensions = &facts.dimensions;
        dimensions.check(facts.tokens.len()).map_err(|reason| Error::format(path, reason))?;
        // Shortened models often come with the list of the model they were made from.
        let exist = |heads: &Vec<(usize, usize)>| {
            !heads.is_empty()
                && heads
                    .iter()
                    .all(|(layer, head)| *layer < dimensions.text_layers && *head < dimensions.heads)
        };
        facts.alignment_heads = facts.alignment_heads.take().filter(exist);
        let specs = catalogue(dimensions).into_iter().map(|spec| (spec.name(), spec)).collect();
        let mut model = Self { format, facts, specs };
        model.check_shapes()?;
        model.check_absent()?;
        Ok(Box::new(model))
    }

    fn check_shapes(&self) -> Result<(), Error> {
        for spec in catalogue(&self.facts.dimensions) {
            let place = self.format.place(&spec);
            let refused = |reason| Err(Error::format(self.format.path(&place.name), reason));
            match self.format.shape(&place.name) {
                None => return refused(format!("no tensor `{}`", place.name)),
                Some(shape) if is_same_shape(shape, &place.dims) => {}
                Some(shape) => {
                    let reason =
                        format!("tensor `{}` has the shape {shape:?}, expected {:?}", place.name, place.dims);
                    return refused(reason);
                }
            }
        }
        Ok(())
    }

    fn check_absent(&mut self) -> Result<(), Error> {
        for spec in catalogue::beyond_the_last_layer(&self.facts.dimensions) {
            let place = self.format.place(&spec);
            if self.format.shape(&place.name).is_some() {
                let reason = format!("`{}` belongs to a layer more than the model should have", place.name);
                return Err(Error::format(self.format.path(&place.name), reason));
            }
        }
        for spec in catalogue::key_biases(&self.facts.dimensions) {
            let place = self.format.place(&spec);
            let Some(shape) = self.format.shape(&place.name) else { continue };
            // Zeros change nothing, and CTranslate2 has to store them.
            if is_same_shape(shape, &place.dims)
                && self.format.values(&place)?.iter().all(|value| *value == 0.0)
            {
                continue;
            }
            let reason = format!("`{}` has a key bias, which Whisper has not", place.name);
            return Err(Error::format(self.format.path(&place.name), reason));
        }
        Ok(())
    }
}

/// ggml keeps the biases of the convolutions as columns.
fn is_same_shape(stored: &[usize], expected: &[usize]) -> bool {
    stored == expected || matches!((stored, expected), ([length, 1], [vector]) if length == vector)
}

impl<F: Format + 'static> WeightSource for Model<F> {
    fn dimensions(&self) -> Dimensions {
        self.facts.dimensions
    }

    fn tensor(&mut self, name: &str) -> Result<Matrix, Error> {
        let Some(spec) = self.specs.get(name) else {
            let reason = format!("asked for `{name}`, which no Whisper of this size has");
            return Err(Error::format(self.format.path(name), reason));
        };
        let place = self.format.place(spec);
        let dims = spec.dims().to_vec();
        let values = self.format.values(&place)?;
        if values.iter().any(|value| !value.is_finite()) {
            let reason = format!("`{}` holds a value that is no number", place.name);
            return Err(Error::format(self.format.path(&place.name), reason));
        }
        Ok(Matrix { dims, values })
    }

    fn tokens(&self) -> &[Vec<u8>] {
        &self.facts.tokens
    }

    fn mel_filters(&self) -> Cow<'_, [f32]> {
        match &self.facts.mel_filters {
            Some(own) => Cow::Borrowed(own),
            None => Cow::Owned(mel::filters(self.facts.dimensions.mel_bands)),
        }
    }

    fn alignment_heads(&self) -> Option<Vec<(usize, usize)>> {
        self.facts.alignment_heads.clone()
    }
}

impl Dimensions {
    /// Whether a Whisper may have this size, and special tokens besides `text_tokens`.
    fn check(&self, text_tokens: usize) -> Result<(), String> {
        let Self { width, heads, audio_layers, text_layers, .. } = *self;
        if self.mel_bands != 80 && self.mel_bands != 128 {
            return Err(format!("{} mel bands, Whisper has 80 or 128", self.mel_bands));
        }
        if width == 0 || width > WIDTH_MAX || !width.is_multiple_of(HEAD_WIDTH) || heads != width / HEAD_WIDTH
        {
            return Err(format!(
                "{heads} heads of width {width} are no Whisper: a head has {HEAD_WIDTH} values"
            ));
        }
        let is_layers = |layers: usize| (1..=LAYERS_MAX).contains(&layers);
        if !is_layers(audio_layers) || !is_layers(text_layers) {
            return Err(format!(
                "{audio_layers} and {text_layers} layers are no Whisper: expected 1 to {LAYERS_MAX}"
            ));
        }
        let is_positions = |positions: usize| (1..=POSITIONS_MAX).contains(&positions);
        if !is_positions(self.audio_positions) || !is_positions(self.text_positions) {
            let (audio, text) = (self.audio_positions, self.text_positions);
            return Err(format!("{audio} positions of audio and {text} of text are no Whisper"));
        }
        if self.vocabulary > VOCABULARY_MAX || text_tokens >= self.vocabulary {
            return Err(format!("{text_tokens} text tokens, but the model knows {} in all", self.vocabulary));
        }
        Ok(())
    }
}

/// The tokens of the file the caller names, else of the one in the model's folder.
fn tokens(folder: &Path, vocabulary: Option<&Path>) -> Result<Vec<Vec<u8>>, Error> {
    match vocabulary {
        Some(file) => vocabulary::read(file),
        None => match vocabulary::find_in(folder) {
            Some(file) => vocabulary::read(&file),
            None => {
                Err(Error::format(folder, "no vocabulary.json, vocabulary.txt, tokenizer.json or vocab.json"))
            }
        },
    }
}
