//! What the layers of encoder and decoder have in common: attention's matrices and the feed-forward block.
//!
//! The order of the constants is part of the files: the manifest's hashes depend on it.

use super::super::Error;
use super::super::weights::WeightSource;
use super::builder::{Builder, Name, Value};
use super::linear::{Linear, Mix, Part};
use super::norm;

/// One layer of either side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    side: Side,
    layer: usize,
    mix: Mix,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Encoder,
    Decoder,
}

impl Block {
    pub(super) const fn of_encoder(layer: usize, mix: Mix) -> Self {
        Self { side: Side::Encoder, layer, mix }
    }

    pub(super) const fn of_decoder(layer: usize, mix: Mix) -> Self {
        Self { side: Side::Decoder, layer, mix }
    }

    /// The published name of a part of the layer.
    pub(super) fn name(self, part: &str) -> String {
        let side = match self.side {
            Side::Encoder => "encoder",
            Side::Decoder => "decoder",
        };
        format!("{side}.blocks.{}.{part}", self.layer)
    }

    /// One of the parts of the mix: the encoder's, or what stands for it in the decoder.
    const fn part(self, of_encoder: Part) -> Part {
        match (self.side, of_encoder) {
            (Side::Encoder, part) => part,
            (Side::Decoder, Part::EncoderNarrow) => Part::DecoderNarrow,
            (Side::Decoder, _) => Part::Decoder,
        }
    }

    /// Query, key and value of self-attention, by one matrix of the three.
    pub(super) fn query_key_value(
        self,
        builder: &mut Builder<'_>,
        source: &mut dyn WeightSource,
        state: &str,
    ) -> Result<[Name; 3], Error> {
        let input = norm(builder, source, &self.name("attn_ln"), state)?;
        let [query, key, value] = ["query", "key", "value"].map(|part| self.name(&format!("attn.{part}")));
        let fused = Linear::read(source, &[(&query, true), (&key, false), (&value, true)])?;
        let fused = fused.apply(builder, &input, (self.mix, self.part(Part::EncoderAttention)))?;
        let prefix = match self.side {
            Side::Encoder => "e",
            Side::Decoder => "s",
        };
        let parts = ["q", "k", "v"].map(|part| format!("{prefix}{part}{}", self.layer));
        let width = source.dimensions().width as i64;
        let lengths = builder.numbers(&[width, width, width])?;
        let outputs = parts.each_ref().map(String::as_str);
        builder.node_to("Split", (&[&fused, &lengths], &outputs), &[("axis", Value::Int(-1))]);
        Ok(parts)
    }

    /// Adds to the state what `attention` (`attn` or `cross_attn`) gives back: (attended, state).
    pub(super) fn add_attended(
        self,
        builder: &mut Builder<'_>,
        source: &mut dyn WeightSource,
        (attention, attended, state): (&str, &str, &str),
    ) -> Result<Name, Error> {
        let output = Linear::read(source, &[(&self.name(&format!("{attention}.out")), true)])?;
        let output = output.apply(builder, attended, (self.mix, self.part(Part::EncoderOutput)))?;
        Ok(builder.node("Add", &[state, &output], &[]))
    }

    /// The feed-forward block: widened four times, bent, narrowed, added to the state.
    pub(super) fn feed_forward(
        self,
        builder: &mut Builder<'_>,
        source: &mut dyn WeightSource,
        state: &str,
    ) -> Result<Name, Error> {
        let input = norm(builder, source, &self.name("mlp_ln"), state)?;
        let widen = Linear::read(source, &[(&self.name("mlp.0"), true)])?;
        let wide = widen.apply(builder, &input, (self.mix, self.part(Part::EncoderWiden)))?;
        let wide = builder.runtime_node("Gelu", &[&wide], &[]);
        let narrow = Linear::read(source, &[(&self.name("mlp.2"), true)])?;
        let output = narrow.apply(builder, &wide, (self.mix, self.part(Part::EncoderNarrow)))?;
        Ok(builder.node("Add", &[state, &output], &[]))
    }
}
