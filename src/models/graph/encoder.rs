//! The encoder's graph: a log-mel spectrogram of any length becomes the keys and values that the decoder attends to.
//!
//! | name | shape | what |
//! |---|---|---|
//! | `mel` (in) | batch, bands, frames | frames of 10 ms, an even number, at most 3000 |
//! | `ck0`… (out) | batch, heads, positions, 64 | keys of each decoder layer, positions of 20 ms |
//! | `cv0`… (out) | batch, heads, 64, positions | values of each decoder layer |
//!
//! With [`Part::CrossCache`] in 16 bits these are `ck0`…, `cv0`… and `cs0`… (scales) as [`crate::onnx::operators`] lays them
//! out.

use super::super::Error;
use super::super::weights::{Dimensions, WeightSource};
use super::block::Block;
use super::builder::{Builder, Length, Name, Value};
use super::linear::{Linear, Mix, Part};
use super::proto::DataType;
use super::{HEAD_VALUES, cross, norm};
use crate::onnx::operators;

const BATCH: &str = "batch";

/// Builds the whole graph.
pub(super) fn build(
    builder: &mut Builder<'_>,
    source: &mut dyn WeightSource,
    dimensions: Dimensions,
    mix: Mix,
) -> Result<(), Error> {
    let mel = builder.input(
        "mel",
        DataType::Float,
        &[Length::Free(BATCH), Length::Is(dimensions.mel_bands), Length::Free("frames")],
    );
    let mut state = front(builder, source, dimensions, &mel)?;
    for layer in 0..dimensions.audio_layers {
        let block = Block::of_encoder(layer, mix);
        state = self_attention(builder, source, block, &state)?;
        state = block.feed_forward(builder, source, &state)?;
    }
    let state = norm(builder, source, "encoder.ln_post", &state)?;
    for layer in 0..dimensions.text_layers {
        cross(builder, source, (mix, layer), &state)?;
    }
    Ok(())
}

/// Two convolutions, the second of which halves the rate, and the positions.
fn front(
    builder: &mut Builder<'_>,
    source: &mut dyn WeightSource,
    dimensions: Dimensions,
    mel: &str,
) -> Result<Name, Error> {
    let mut state = mel.to_owned();
    for (name, stride) in [("encoder.conv1", 1), ("encoder.conv2", 2)] {
        let weights = source.tensor(&format!("{name}.weight"))?;
        let bias = source.tensor(&format!("{name}.bias"))?;
        let weights = builder.floats(&weights.dims, &weights.values)?;
        let bias = builder.floats(&[bias.values.len()], &bias.values)?;
        let attributes = [
            ("pads", Value::Ints(&[1, 1])),
            ("strides", Value::Ints(&[stride])),
            ("kernel_shape", Value::Ints(&[3])),
        ];
        state = builder.node("Conv", &[&state, &weights, &bias], &attributes);
        state = builder.runtime_node("Gelu", &[&state], &[]);
    }
    let state = builder.node("Transpose", &[&state], &[("perm", Value::Ints(&[0, 2, 1]))]);
    let table = source.tensor("encoder.positional_embedding")?;
    let table = builder.floats(&[1, dimensions.audio_positions, dimensions.width], &table.values)?;
    let shape = builder.node("Shape", &[&state], &[]);
    let one = builder.numbers(&[1])?;
    let zero = builder.numbers(&[0])?;
    let length = builder.node("Gather", &[&shape, &one], &[]);
    let positions = builder.node("Slice", &[&table, &zero, &length, &one], &[]);
    Ok(builder.node("Add", &[&state, &positions], &[]))
}

fn self_attention(
    builder: &mut Builder<'_>,
    source: &mut dyn WeightSource,
    block: Block,
    state: &str,
) -> Result<Name, Error> {
    let parts = block.query_key_value(builder, source, state)?;
    let heads = Value::Int(source.dimensions().heads as i64);
    let parts = parts.each_ref().map(String::as_str);
    let attended = builder.runtime_node("MultiHeadAttention", &parts, &[("num_heads", heads)]);
    block.add_attended(builder, source, ("attn", &attended, state))
}

/// Keys and values of one decoder layer, as the decoder takes them.
fn cross(
    builder: &mut Builder<'_>,
    source: &mut dyn WeightSource,
    (mix, layer): (Mix, usize),
    state: &str,
) -> Result<(), Error> {
    let heads = source.dimensions().heads;
    let mut project = |builder: &mut Builder<'_>, part: &str, has_bias| {
        let linear =
            Linear::read(source, &[(&format!("decoder.blocks.{layer}.cross_attn.{part}"), has_bias)])?;
        linear.apply(builder, state, (mix, Part::CrossAttention))
    };
    let cross = cross::values(mix, heads, BATCH);
    let names: Vec<Name> = cross.iter().map(|value| value.name(layer)).collect();
    let keys = project(builder, "key", false)?;
    let values = project(builder, "value", true)?;
    if mix.has_small_cache() {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        builder.own_node(operators::PACK_HEARD, &[&keys, &values], &names);
    } else {
        let shape = builder.numbers(&[0, -1, heads as i64, HEAD_VALUES as i64])?;
        let orders = [[0, 2, 1, 3], [0, 2, 3, 1]];
        for ((part, name), order) in [keys, values].iter().zip(&names).zip(orders) {
            let part = builder.node("Reshape", &[part, &shape], &[]);
            builder.node_to("Transpose", (&[&part], &[name]), &[("perm", Value::Ints(&order))]);
        }
    }
    for (value, name) in cross.iter().zip(&names) {
        builder.output_of(value.kind, name, &value.lengths);
    }
    Ok(())
}
