//! The keys and values of the audio: what the encoder gives for each layer of the decoder, and the decoder takes.

use super::HEAD_VALUES;
use super::builder::Length;
use super::linear::Mix;
use super::proto::DataType;
use crate::onnx::operators::{BLOCK, HALVES};

/// One of them, of a layer.
pub(super) struct CrossValue {
    /// Its name without the layer.
    prefix: &'static str,
    pub(super) kind: DataType,
    pub(super) lengths: Vec<Length>,
}

impl CrossValue {
    pub(super) fn name(&self, layer: usize) -> String {
        format!("{}{layer}", self.prefix)
    }
}

/// Those of a layer in order, with `heads` heads; `batch` is what the graph calls the number of utterances.
pub(super) fn values(mix: Mix, heads: usize, batch: &'static str) -> Vec<CrossValue> {
    let (batch, heads, positions) = (Length::Free(batch), Length::Is(heads), Length::Free("positions"));
    let (width, block) = (Length::Is(HEAD_VALUES), Length::Is(BLOCK));
    let value = |prefix, kind, lengths: &[Length]| CrossValue { prefix, kind, lengths: lengths.to_vec() };
    if mix.has_small_cache() {
        let of_scales = [batch, heads, Length::Is(2), Length::Free("padded")];
        vec![
            value("ck", DataType::Int16, &[batch, heads, Length::Free("blocks"), width, block]),
            value("cv", DataType::Int16, &[batch, heads, Length::Is(HALVES), positions, block]),
            value("cs", DataType::Float, &of_scales),
        ]
    } else {
        vec![
            value("ck", DataType::Float, &[batch, heads, positions, width]),
            value("cv", DataType::Float, &[batch, heads, width, positions]),
        ]
    }
}
