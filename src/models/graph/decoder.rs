//! The decoder's graph: one pass over new tokens of one text, of several hypotheses, or of several utterances.
//!
//! The texts are a tree: every token that was read is there once, with its keys and values, however many hypotheses
//! have it in common, and `seen` says which tokens a new one looks back at. A prompt (each token sees those before)
//! and a step of a beam search (each token sees the hypothesis that it continues) are the same pass.
//!
//! Cross-attention to keys and values in 16 bits is an operator of this program's own ([`crate::onnx::operators`]). In f32 it is
//! computed on its side: keys times queries, values times shares. Either way round the runtime copies
//! the second factor into the order of its kernels, every time; this way round that is the few queries and not the
//! whole audio, which takes a third off the step (BENCHMARKS.md, "Parts of the ONNX engine").
//!
//! | name | shape | what |
//! |---|---|---|
//! | `tokens` (in) | new | token ids, utterance by utterance, the same number for each |
//! | `places` (in) | new | where each stands in its text, from 0 |
//! | `seen` (in) | new, past + new | 0 for a token that is looked back at, itself too; far below 0 for the others |
//! | `scored` (in) | scored | the new tokens after which scores are wanted |
//! | `pk0`…, `pv0`… (in) | heads, past, 64 | keys and values of the tokens before |
//! | `ck0`…, `cv0`…, with [`Part::CrossCache`] `cs0`… (in) | utterances, … | from the encoder |
//! | `logits` (out) | scored, vocabulary | scores of the token after each scored one |
//! | `nk0`…, `nv0`… (out) | heads, past + new, 64 | the past of the next pass |
//! | `attention` (out) | utterances, alignment heads, new of an utterance, positions | where the new tokens look; left out for a model without alignment heads |

use super::super::Error;
use super::super::weights::{Dimensions, WeightSource};
use super::block::Block;
use super::builder::{Builder, Length, Name, Value};
use super::linear::{Linear, Mix, Part};
use super::proto::DataType;
use super::{HEAD_VALUES, cross, norm};
use crate::onnx::operators;

/// ONNX's number for f32 in a cast.
const TO_FLOAT: i64 = DataType::Float as i64;
const NEW: Length = Length::Free("new");
const UTTERANCES: &str = "utterances";
const POSITIONS: Length = Length::Free("positions");

/// Builds the whole graph. `alignment_heads` are (layer, head) pairs.
pub(super) fn build(
    builder: &mut Builder<'_>,
    source: &mut dyn WeightSource,
    mix: Mix,
    alignment_heads: &[(usize, usize)],
) -> Result<(), Error> {
    let dimensions = source.dimensions();
    let mut decoder = Decoder::declare(builder, dimensions, mix, alignment_heads)?;
    let embeddings = source.tensor("decoder.token_embedding.weight")?;
    let mut state = decoder.embed(source, &embeddings.values)?;
    for layer in 0..dimensions.text_layers {
        state = decoder.self_attention(source, layer, &state)?;
        state = decoder.cross_attention(source, layer, &state)?;
        state = Block::of_decoder(layer, mix).feed_forward(decoder.builder, source, &state)?;
    }
    let last = decoder.builder.node("Gather", &[&state, "scored"], &[]);
    let last = norm(decoder.builder, source, "decoder.ln", &last)?;
    let scores = Linear::from_rows(embeddings.values, dimensions.width);
    let scores = scores.apply(decoder.builder, &last, (mix, Part::Scores))?;
    decoder.builder.node_to("Identity", (&[&scores], &["logits"]), &[]);
    decoder.builder.output("logits", &[Length::Free("scored"), Length::Is(dimensions.vocabulary)]);
    decoder.finish_attention();
    Ok(())
}

/// Values of the graph that every layer needs.
struct Names {
    /// Shape (utterances, new of an utterance, heads, 64).
    cross_shape: Name,
    /// Shape (new, heads, 64).
    self_shape: Name,
    /// Shape (new, width).
    state_shape: Name,
    /// One over the root of the values a head has.
    scale: Name,
}

struct Decoder<'b, 'w> {
    builder: &'b mut Builder<'w>,
    dimensions: Dimensions,
    mix: Mix,
    alignment_heads: &'b [(usize, usize)],
    names: Names,
    attention: Vec<Name>,
}

impl<'b, 'w> Decoder<'b, 'w> {
    fn declare(
        builder: &'b mut Builder<'w>,
        dimensions: Dimensions,
        mix: Mix,
        alignment_heads: &'b [(usize, usize)],
    ) -> Result<Self, Error> {
        let (heads, values) = (Length::Is(dimensions.heads), Length::Is(HEAD_VALUES));
        builder.input("tokens", DataType::Int64, &[NEW]);
        builder.input("places", DataType::Int64, &[NEW]);
        builder.input("seen", DataType::Float, &[NEW, Length::Free("all")]);
        builder.input("scored", DataType::Int64, &[Length::Free("scored")]);
        for layer in 0..dimensions.text_layers {
            let past = [heads, Length::Free("past"), values];
            builder.input(&format!("pk{layer}"), DataType::Float, &past);
            builder.input(&format!("pv{layer}"), DataType::Float, &past);
            for value in cross::values(mix, dimensions.heads, UTTERANCES) {
                builder.input(&value.name(layer), value.kind, &value.lengths);
            }
        }
        let names = shapes(builder, dimensions)?;
        Ok(Self { builder, dimensions, mix, alignment_heads, names, attention: Vec::new() })
    }

    /// Token and position embeddings. The table is kept in 16 bits: only single rows of it are read.
    fn embed(&mut self, source: &mut dyn WeightSource, table: &[f32]) -> Result<Name, Error> {
        let (vocabulary, width) = (self.dimensions.vocabulary, self.dimensions.width);
        let table = self.builder.halves(&[vocabulary, width], table)?;
        let tokens = self.builder.node("Gather", &[&table, "tokens"], &[]);
        let tokens = self.builder.node("Cast", &[&tokens], &[("to", Value::Int(TO_FLOAT))]);
        let positions = source.tensor("decoder.positional_embedding")?;
        let positions = self.builder.floats(&[self.dimensions.text_positions, width], &positions.values)?;
        let positions = self.builder.node("Gather", &[&positions, "places"], &[]);
        Ok(self.builder.node("Add", &[&tokens, &positions], &[]))
    }

    fn self_attention(
        &mut self,
        source: &mut dyn WeightSource,
        layer: usize,
        state: &str,
    ) -> Result<Name, Error> {
        let block = Block::of_decoder(layer, self.mix);
        let [query, key, value] = block.query_key_value(self.builder, source, state)?;
        let query = self.builder.node("Mul", &[&query, &self.names.scale], &[]);
        let query = self.heads(&query);
        let key = self.grown(&key, &format!("k{layer}"));
        let value = self.grown(&value, &format!("v{layer}"));
        let key = self.builder.node("Transpose", &[&key], &[("perm", Value::Ints(&[0, 2, 1]))]);
        let scores = self.builder.node("MatMul", &[&query, &key], &[]);
        let scores = self.builder.node("Add", &[&scores, "seen"], &[]);
        let shares = self.builder.node("Softmax", &[&scores], &[("axis", Value::Int(-1))]);
        let attended = self.builder.node("MatMul", &[&shares, &value], &[]);
        let attended = self.builder.node("Transpose", &[&attended], &[("perm", Value::Ints(&[1, 0, 2]))]);
        let attended = self.builder.node("Reshape", &[&attended, &self.names.state_shape], &[]);
        block.add_attended(self.builder, source, ("attn", &attended, state))
    }

    /// (new, width) to (heads, new, 64).
    fn heads(&mut self, values: &str) -> Name {
        let values = self.builder.node("Reshape", &[values, &self.names.self_shape], &[]);
        self.builder.node("Transpose", &[&values], &[("perm", Value::Ints(&[1, 0, 2]))])
    }

    /// The past with the new keys or values behind it; an output of the graph.
    fn grown(&mut self, new: &str, what: &str) -> Name {
        let new = self.heads(new);
        let (past, grown) = (format!("p{what}"), format!("n{what}"));
        self.builder.node_to("Concat", (&[&past, &new], &[&grown]), &[("axis", Value::Int(1))]);
        let (heads, values) = (Length::Is(self.dimensions.heads), Length::Is(HEAD_VALUES));
        self.builder.output(&grown, &[heads, Length::Free("all"), values]);
        grown
    }

    fn cross_attention(
        &mut self,
        source: &mut dyn WeightSource,
        layer: usize,
        state: &str,
    ) -> Result<Name, Error> {
        let block = Block::of_decoder(layer, self.mix);
        let input = norm(self.builder, source, &block.name("cross_attn_ln"), state)?;
        let query = Linear::read(source, &[(&block.name("cross_attn.query"), true)])?;
        let query = query.apply(self.builder, &input, (self.mix, Part::Decoder))?;
        let attended = if self.mix.has_small_cache() {
            self.attend_int16(layer, &query)?
        } else {
            self.attend_f32(layer, &query)?
        };
        block.add_attended(self.builder, source, ("cross_attn", &attended, state))
    }

    /// By this program's own operator, which takes and gives rows as they are.
    fn attend_int16(&mut self, layer: usize, query: &str) -> Result<Name, Error> {
        let cross = cross::values(self.mix, self.dimensions.heads, UTTERANCES);
        let names: Vec<Name> = cross.iter().map(|value| value.name(layer)).collect();
        let mut inputs: Vec<&str> = [query].into_iter().chain(names.iter().map(String::as_str)).collect();
        let (attended, looked) = (format!("attended_{layer}"), format!("looked_{layer}"));
        let heads = self.alignment_heads_of(layer)?;
        match &heads {
            Some(heads) => {
                inputs.push(heads);
                self.builder.own_node(operators::ATTEND_HEARD, &inputs, &[&attended, &looked]);
                self.attention.push(looked);
            }
            None => self.builder.own_node(operators::ATTEND_HEARD, &inputs, &[&attended]),
        }
        Ok(attended)
    }

    fn attend_f32(&mut self, layer: usize, query: &str) -> Result<Name, Error> {
        let query = self.builder.node("Mul", &[query, &self.names.scale], &[]);
        let query = self.builder.node("Reshape", &[&query, &self.names.cross_shape], &[]);
        let query = self.builder.node("Transpose", &[&query], &[("perm", Value::Ints(&[0, 2, 3, 1]))]);
        let scores = self.builder.node("MatMul", &[&format!("ck{layer}"), &query], &[]);
        let shares = self.builder.node("Softmax", &[&scores], &[("axis", Value::Int(-2))]);
        if let Some(heads) = self.alignment_heads_of(layer)? {
            self.attention.push(self.builder.node("Gather", &[&shares, &heads], &[("axis", Value::Int(1))]));
        }
        let attended = self.builder.node("MatMul", &[&format!("cv{layer}"), &shares], &[]);
        let attended = self.builder.node("Transpose", &[&attended], &[("perm", Value::Ints(&[0, 3, 1, 2]))]);
        Ok(self.builder.node("Reshape", &[&attended, &self.names.state_shape], &[]))
    }

    /// Their numbers as a constant; `None` for a layer without any.
    fn alignment_heads_of(&mut self, layer: usize) -> Result<Option<Name>, Error> {
        let of_layer = self.alignment_heads.iter().filter(|(of, _)| *of == layer);
        let heads: Vec<i64> = of_layer.map(|(_, head)| *head as i64).collect();
        if heads.is_empty() { Ok(None) } else { self.builder.numbers(&heads).map(Some) }
    }

    fn finish_attention(&mut self) {
        let parts: Vec<&str> = self.attention.iter().map(String::as_str).collect();
        if !parts.is_empty() {
            let all = self.builder.node("Concat", &parts, &[("axis", Value::Int(1))]);
            if self.mix.has_small_cache() {
                self.builder.node_to("Identity", (&[&all], &["attention"]), &[]);
            } else {
                let order = [("perm", Value::Ints(&[0, 1, 3, 2]))];
                self.builder.node_to("Transpose", (&[&all], &["attention"]), &order);
            }
            let heads = Length::Is(self.alignment_heads.len());
            self.builder
                .output("attention", &[Length::Free(UTTERANCES), heads, Length::Free("queries"), POSITIONS]);
        }
    }
}

fn shapes(builder: &mut Builder<'_>, dimensions: Dimensions) -> Result<Names, Error> {
    let (heads, values) = (dimensions.heads as i64, HEAD_VALUES as i64);
    let of_cross = builder.node("Shape", &["ck0"], &[]);
    let first = builder.numbers(&[0])?;
    let utterances = builder.node("Gather", &[&of_cross, &first], &[]);
    let rest = builder.numbers(&[-1, heads, values])?;
    let cross_shape = builder.node("Concat", &[&utterances, &rest], &[("axis", Value::Int(0))]);
    let self_shape = builder.numbers(&[-1, heads, values])?;
    let state_shape = builder.numbers(&[-1, dimensions.width as i64])?;
    let scale = builder.floats(&[1], &[(HEAD_VALUES as f32).sqrt().recip()])?;
    Ok(Names { cross_shape, self_shape, state_shape, scale })
}
