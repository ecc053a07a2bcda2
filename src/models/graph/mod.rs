//! Whisper as ONNX graphs, made from any source of weights; and the sentence encoder ([`write_sentence_encoder`]).
//!
//! A model for ONNX Runtime is a folder of three files: `encoder.onnx`, `decoder.onnx` and `weights.bin`, the big
//! matrices of both, which the runtime maps into memory. What the engine needs beside the graphs (sizes, vocabulary,
//! mel filters, alignment heads) stands in the graphs' own metadata, see [`Description`].
//!
//! The same weights and the same [`Mix`] give the same bytes on every machine.

mod block;
mod builder;
mod cross;
mod decoder;
mod encoder;
mod heads;
mod linear;
mod proto;
mod sentence;

use std::path::Path;

pub use linear::{Mix, Part};
pub use sentence::write_sentence_encoder;

use self::builder::{Builder, Name, Value, WeightsFile};
use super::Error;
use super::weights::WeightSource;
use crate::asr::onnx::package::{DECODER_FILE, Description, ENCODER_FILE, WEIGHTS_FILE};
use crate::onnx::operators::HEAD_VALUES;
use crate::progress::Progress;

/// The files of a model, the graphs last: what is there without them is not taken for a model.
pub const FILES: [&str; 3] = [WEIGHTS_FILE, ENCODER_FILE, DECODER_FILE];
/// Added to the variance before the root in every layer norm.
const EPSILON: f32 = 1e-5;

/// Writes the three files of a model into `folder`, which exists; files of the same names are overwritten. `progress` gets
/// its end here, is moved by graphs and finished.
///
/// # Errors
/// [`Error::Format`] when the source lacks a tensor, [`Error::Io`].
pub fn write(
    source: &mut dyn WeightSource,
    folder: &Path,
    mix: Mix,
    progress: &Progress,
) -> Result<(), Error> {
    let dimensions = source.dimensions();
    let layers = dimensions.audio_layers + dimensions.text_layers;
    progress.set_total(2);
    let alignment_heads = match source.alignment_heads() {
        Some(known) => known,
        None => heads::of(dimensions),
    };
    let mut weights = WeightsFile::create(&folder.join(WEIGHTS_FILE), WEIGHTS_FILE)?;

    let mut encoder = Builder::new("encoder", &mut weights);
    encoder::build(&mut encoder, source, dimensions, mix)?;
    let encoder = encoder.done();
    progress.advance(1);
    let mut decoder = Builder::new("decoder", &mut weights);
    decoder::build(&mut decoder, source, mix, &alignment_heads)?;
    let decoder = decoder.done();
    progress.advance(1);

    let description = Description {
        vocabulary: dimensions.vocabulary,
        audio_positions: dimensions.audio_positions,
        text_positions: dimensions.text_positions,
        width: dimensions.width,
        heads: dimensions.heads,
        text_layers: dimensions.text_layers,
        mel_bands: dimensions.mel_bands,
        weights_bytes: weights.finish()?,
        precision: mix.describe(),
        alignment_heads,
        tokens: source.tokens().to_vec(),
        mel_filters: source.mel_filters().to_vec(),
    };
    builder::write(encoder, &folder.join(ENCODER_FILE), &description.encoder_metadata())?;
    builder::write(decoder, &folder.join(DECODER_FILE), &description.decoder_metadata())?;
    progress.finish(&format!("{layers} layers"));
    Ok(())
}

fn norm(
    builder: &mut Builder<'_>,
    source: &mut dyn WeightSource,
    name: &str,
    input: &str,
) -> Result<Name, Error> {
    let gain = source.tensor(&format!("{name}.weight"))?;
    let bias = source.tensor(&format!("{name}.bias"))?;
    let gain = builder.floats(&[gain.values.len()], &gain.values)?;
    let bias = builder.floats(&[bias.values.len()], &bias.values)?;
    let attributes = [("axis", Value::Int(-1)), ("epsilon", Value::Float(EPSILON))];
    Ok(builder.node("LayerNormalization", &[input, &gain, &bias], &attributes))
}

#[cfg(test)]
mod tests;
