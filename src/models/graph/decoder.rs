//! The decoder's graph: one pass over new tokens of several hypotheses.
//!
//! The same graph reads a prompt (one row, many tokens) and takes a step (a row for each hypothesis, one token). The
//! hypotheses of one utterance share its cross-attention keys and values: their axis is moved into that of the
//! queries, so that the keys and values are read once for all of them.
//!
//! | name | shape | what |
//! |---|---|---|
//! | `tokens` (in) | rows, new | token ids |
//! | `parents` (in) | rows | row of the past that each row continues |
//! | `pk0`…, `pv0`… (in) | past rows, heads, past, 64 | keys and values of the tokens before |
//! | `ck0`… (in) | utterances, heads, 64, positions | from the encoder; `rows` is a multiple of `utterances` |
//! | `cv0`… (in) | utterances, heads, positions, 64 | from the encoder |
//! | `logits` (out) | rows, vocabulary | scores of the token after the last new one |
//! | `nk0`…, `nv0`… (out) | rows, heads, past + new, 64 | the past of the next pass |
//! | `attention` (out) | utterances, alignment heads, rows per utterance × new, positions | where the new tokens look; left out for a model without alignment heads |

use super::super::Error;
use super::super::weights::{Dimensions, WeightSource};
use super::block::Block;
use super::builder::{Builder, Length, Name, Value};
use super::linear::{Linear, Mix, Part};
use super::proto::DataType;
use super::{HEAD_VALUES, norm};

/// ONNX's number for f32 in a cast.
const TO_FLOAT: i64 = DataType::Float as i64;
/// Added to the score of a key that a query must not see.
const HIDDEN: f32 = -1e9;

const ROWS: Length = Length::Free("rows");
const UTTERANCES: Length = Length::Free("utterances");
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
    let last = decoder.builder.numbers(&[-1])?;
    let last = decoder.builder.node("Gather", &[&state, &last], &[("axis", Value::Int(1))]);
    let last = decoder.builder.node("Reshape", &[&last, &decoder.names.flat], &[]);
    let last = norm(decoder.builder, source, "decoder.ln", &last)?;
    let scores = Linear::from_rows(embeddings.values, dimensions.width);
    let scores = scores.apply(decoder.builder, &last, (mix, Part::Scores))?;
    decoder.builder.node_to("Identity", (&[&scores], &["logits"]), &[]);
    decoder.builder.output("logits", &[ROWS, Length::Is(dimensions.vocabulary)]);
    decoder.finish_attention();
    Ok(())
}

/// Values of the graph that every layer needs.
struct Names {
    /// Shape (utterances, rows each × new, heads, 64).
    cross_shape: Name,
    /// Shape (rows, new, heads, 64).
    self_shape: Name,
    /// Shape (rows, new, width).
    state_shape: Name,
    /// Shape (rows, width).
    flat: Name,
    /// What is added to the scores of self-attention: new × (past + new).
    mask: Name,
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
        builder.input("tokens", DataType::Int64, &[ROWS, Length::Free("new")]);
        builder.input("parents", DataType::Int64, &[ROWS]);
        for layer in 0..dimensions.text_layers {
            let past = [Length::Free("past_rows"), heads, Length::Free("past"), values];
            builder.input(&format!("pk{layer}"), DataType::Float, &past);
            builder.input(&format!("pv{layer}"), DataType::Float, &past);
            builder.input(&format!("ck{layer}"), DataType::Float, &[UTTERANCES, heads, values, POSITIONS]);
            builder.input(&format!("cv{layer}"), DataType::Float, &[UTTERANCES, heads, POSITIONS, values]);
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
        let past = self.builder.node("Shape", &["pk0"], &[]);
        let two = self.builder.numbers(&[2])?;
        let past = self.builder.node("Gather", &[&past, &two], &[]);
        let new = self.builder.node("Shape", &["tokens"], &[]);
        let one = self.builder.numbers(&[1])?;
        let new = self.builder.node("Gather", &[&new, &one], &[]);
        let end = self.builder.node("Add", &[&past, &new], &[]);
        let zero = self.builder.numbers(&[0])?;
        let positions = self.builder.node("Slice", &[&positions, &past, &end, &zero], &[]);
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
        let key = self.builder.node("Transpose", &[&key], &[("perm", Value::Ints(&[0, 1, 3, 2]))]);
        let scores = self.builder.node("MatMul", &[&query, &key], &[]);
        let scores = self.builder.node("Add", &[&scores, &self.names.mask], &[]);
        let shares = self.builder.node("Softmax", &[&scores], &[("axis", Value::Int(-1))]);
        let attended = self.builder.node("MatMul", &[&shares, &value], &[]);
        let attended = self.joined(&attended);
        block.add_attended(self.builder, source, ("attn", &attended, state))
    }

    /// (rows, new, width) to (rows, heads, new, 64).
    fn heads(&mut self, values: &str) -> Name {
        let values = self.builder.node("Reshape", &[values, &self.names.self_shape], &[]);
        self.builder.node("Transpose", &[&values], &[("perm", Value::Ints(&[0, 2, 1, 3]))])
    }

    /// (any, heads, any, 64) back to (rows, new, width).
    fn joined(&mut self, values: &str) -> Name {
        let values = self.builder.node("Transpose", &[values], &[("perm", Value::Ints(&[0, 2, 1, 3]))]);
        self.builder.node("Reshape", &[&values, &self.names.state_shape], &[])
    }

    /// The past of each row's parent with the new keys or values behind it; an output of the graph.
    fn grown(&mut self, new: &str, what: &str) -> Name {
        let new = self.heads(new);
        let past = format!("p{what}");
        let past = self.builder.node("Gather", &[&past, "parents"], &[("axis", Value::Int(0))]);
        let grown = format!("n{what}");
        self.builder.node_to("Concat", (&[&past, &new], &[&grown]), &[("axis", Value::Int(2))]);
        let (heads, values) = (Length::Is(self.dimensions.heads), Length::Is(HEAD_VALUES));
        self.builder.output(&grown, &[ROWS, heads, Length::Free("all"), values]);
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
        let query = self.builder.node("Mul", &[&query, &self.names.scale], &[]);
        let query = self.builder.node("Reshape", &[&query, &self.names.cross_shape], &[]);
        let query = self.builder.node("Transpose", &[&query], &[("perm", Value::Ints(&[0, 2, 1, 3]))]);
        let scores = self.builder.node("MatMul", &[&query, &format!("ck{layer}")], &[]);
        let shares = self.builder.node("Softmax", &[&scores], &[("axis", Value::Int(-1))]);
        self.keep_attention(layer, &shares)?;
        let attended = self.builder.node("MatMul", &[&shares, &format!("cv{layer}")], &[]);
        let attended = self.joined(&attended);
        block.add_attended(self.builder, source, ("cross_attn", &attended, state))
    }

    fn keep_attention(&mut self, layer: usize, shares: &str) -> Result<(), Error> {
        let heads: Vec<i64> = self
            .alignment_heads
            .iter()
            .filter(|(of, _)| *of == layer)
            .map(|(_, head)| *head as i64)
            .collect();
        if !heads.is_empty() {
            let heads = self.builder.numbers(&heads)?;
            self.attention.push(self.builder.node("Gather", &[shares, &heads], &[("axis", Value::Int(1))]));
        }
        Ok(())
    }

    fn finish_attention(&mut self) {
        let parts: Vec<&str> = self.attention.iter().map(String::as_str).collect();
        if !parts.is_empty() {
            self.builder.node_to("Concat", (&parts, &["attention"]), &[("axis", Value::Int(1))]);
            let heads = Length::Is(self.alignment_heads.len());
            self.builder.output("attention", &[UTTERANCES, heads, Length::Free("queries"), POSITIONS]);
        }
    }
}

fn shapes(builder: &mut Builder<'_>, dimensions: Dimensions) -> Result<Names, Error> {
    let (heads, values) = (dimensions.heads as i64, HEAD_VALUES as i64);
    let of_tokens = builder.node("Shape", &["tokens"], &[]);
    let of_cross = builder.node("Shape", &["ck0"], &[]);
    let first = builder.numbers(&[0])?;
    let utterances = builder.node("Gather", &[&of_cross, &first], &[]);
    let rest = builder.numbers(&[-1, heads, values])?;
    let along = [("axis", Value::Int(0))];
    let cross_shape = builder.node("Concat", &[&utterances, &rest], &along);
    let head_shape = builder.numbers(&[heads, values])?;
    let self_shape = builder.node("Concat", &[&of_tokens, &head_shape], &along);
    let width = builder.numbers(&[dimensions.width as i64])?;
    let state_shape = builder.node("Concat", &[&of_tokens, &width], &along);
    let flat = builder.numbers(&[-1, dimensions.width as i64])?;
    let scale = builder.floats(&[1], &[(HEAD_VALUES as f32).sqrt().recip()])?;
    let mask = mask(builder, &of_tokens)?;
    Ok(Names { cross_shape, self_shape, state_shape, flat, mask, scale })
}

/// A new token sees the past and the new tokens up to itself.
fn mask(builder: &mut Builder<'_>, of_tokens: &str) -> Result<Name, Error> {
    let of_past = builder.node("Shape", &["pk0"], &[]);
    let scalar = builder.numbers(&[])?;
    let at = |builder: &mut Builder<'_>, shape: &str, index: i64| -> Result<Name, Error> {
        let index = builder.numbers(&[index])?;
        let length = builder.node("Gather", &[shape, &index], &[]);
        Ok(builder.node("Reshape", &[&length, &scalar], &[]))
    };
    let past = at(builder, &of_past, 2)?;
    let new = at(builder, of_tokens, 1)?;
    let all = builder.node("Add", &[&past, &new], &[]);
    let zero = builder.scalar(0)?;
    let one = builder.scalar(1)?;
    let keys = builder.node("Range", &[&zero, &all, &one], &[]);
    let queries = builder.node("Range", &[&past, &all, &one], &[]);
    let column = builder.numbers(&[-1, 1])?;
    let queries = builder.node("Reshape", &[&queries, &column], &[]);
    let is_later = builder.node("Greater", &[&keys, &queries], &[]);
    let hidden = builder.floats(&[1], &[HIDDEN])?;
    let seen = builder.floats(&[1], &[0.0])?;
    Ok(builder.node("Where", &[&is_later, &hidden, &seen], &[]))
}
