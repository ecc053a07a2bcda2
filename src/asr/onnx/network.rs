//! The two graphs of a Whisper model in ONNX Runtime; the only file of this module that names the runtime's crate.

use std::path::Path;
use std::sync::Arc;

use ort::session::{NoSelectedOutputs, RunOptions, SessionInputValue};
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor, TensorRef};

use super::package::{DECODER_FILE, Description, ENCODER_FILE};
use crate::asr::config::Device;
use crate::asr::devices::DEVICE_REMEDY;
use crate::asr::{CancelFlag, Error};
use crate::onnx::operators::HEAD_VALUES;
use crate::onnx::{self, Runtime, SessionOptions, SharedSession};

/// Keys and values of one layer.
const TENSORS_A_LAYER: usize = 2;
/// Of the audio: keys and values, and the scales of those in 16 bits.
const CROSS_F32: [&str; 2] = ["ck", "cv"];
const CROSS_INT16: [&str; 3] = ["ck", "cv", "cs"];
/// Added to the score of a token that is not looked back at: its share of the attention is 0 in f32.
pub const HIDDEN: f32 = -1e9;
/// Inputs of the decoder before those of its layers.
const OWN_INPUTS: usize = 4;

/// Both graphs as they are loaded, once for all recognisers.
pub struct Graphs {
    encoder: SharedSession,
    decoder: SharedSession,
    text_layers: usize,
    /// What a layer takes of what was heard, by name.
    cross: &'static [&'static str],
    heads: usize,
    alignment_heads: usize,
    vocabulary: usize,
}

/// The graphs as one recogniser runs them, one pass after the other.
pub struct Network {
    graphs: Arc<Graphs>,
    options: Arc<RunOptions<NoSelectedOutputs>>,
}

/// What the encoder heard: keys and values for each layer of the decoder.
pub struct Encoded {
    cross: Vec<DynValue>,
    /// Positions of 20 ms.
    pub positions: usize,
}

/// Keys and values of the tokens that the decoder has read, each once.
pub struct Past {
    layers: Vec<DynValue>,
}

/// What a pass of the decoder reads; see [`crate::models::graph`] for the graph.
#[derive(Clone, Copy)]
pub struct Feed<'a> {
    /// What was heard.
    pub encoded: &'a Encoded,
    /// What was read before.
    pub past: &'a Past,
    /// New tokens.
    pub tokens: &'a [i64],
    /// Where each stands in its text, from 0.
    pub places: &'a [i64],
    /// New tokens × (past + new): 0 where a token looks back, [`HIDDEN`] where not.
    pub seen: &'a [f32],
    /// The new tokens after which scores are wanted.
    pub scored: &'a [i64],
}

/// What a pass of the decoder gives, in buffers that are used again.
#[derive(Debug, Default)]
pub struct Scores {
    /// One logit for each token of the vocabulary, for each scored token.
    pub logits: Vec<f32>,
    /// Alignment heads × new tokens × positions.
    pub attention: Vec<f32>,
}

impl Graphs {
    /// Opens the model in `folder` with `threads` threads an inference, on the NVIDIA device of this number if any; also gives
    /// its description.
    ///
    /// # Errors
    /// [`Error::Load`] for a file that is missing, cut, or of another kind, or a device that cannot be used.
    pub fn open(
        runtime: &Runtime,
        folder: &Path,
        (threads, cuda_device): (usize, Option<u8>),
    ) -> Result<(Self, Description), Error> {
        let failed = |reason: String| Error::Load { path: folder.to_path_buf(), reason };
        let open = |file: &str, keeps_memory: bool| {
            let options = SessionOptions { threads, keeps_memory, cuda_device };
            SharedSession::open(runtime, &folder.join(file), options).map_err(|error| match error {
                onnx::Error::Cuda { device, source } => Error::Device {
                    wanted: Device::Gpu(device),
                    reason: format!("ONNX Runtime cannot use it: {source}"),
                    remedy: DEVICE_REMEDY.to_owned(),
                },
                error @ (onnx::Error::LibraryMissing { .. }
                | onnx::Error::LibraryDamaged { .. }
                | onnx::Error::LibraryRefused { .. }
                | onnx::Error::OtherLibraryLoaded { .. }
                | onnx::Error::Start(_)
                | onnx::Error::ModelMissing { .. }
                | onnx::Error::Model { .. }
                | onnx::Error::Read { .. }) => failed(chain(&error)),
            })
        };
        // The encoder takes as much in one run as the decoder in a hundred: got from the system each time, page by page, it
        // costs an eighth of its time on one thread. The decoder would keep pieces of every length its texts had.
        let encoder = open(ENCODER_FILE, true)?;
        let decoder = open(DECODER_FILE, false)?;
        let description = {
            let of_encoder = encoder.session().metadata().map_err(|error| failed(error.to_string()))?;
            let of_decoder = decoder.session().metadata().map_err(|error| failed(error.to_string()))?;
            Description::read(|key| of_encoder.custom(key), |key| of_decoder.custom(key)).map_err(failed)?
        };
        description.check_weights(folder).map_err(failed)?;
        let outputs = encoder.session().outputs().len();
        let is_int16 = outputs == CROSS_INT16.len() * description.text_layers;
        let graphs = Self {
            text_layers: description.text_layers,
            cross: if is_int16 { &CROSS_INT16 } else { &CROSS_F32 },
            heads: description.heads,
            alignment_heads: description.alignment_heads.len(),
            vocabulary: description.vocabulary,
            encoder,
            decoder,
        };
        graphs.check_names().map_err(failed)?;
        graphs.check_lengths(&description).map_err(failed)?;
        Ok((graphs, description))
    }

    /// The values are passed by position, so the graphs must have them in the order that this file knows.
    fn check_names(&self) -> Result<(), String> {
        let layers = |names: &[&str]| -> Vec<String> {
            (0..self.text_layers)
                .flat_map(|layer| names.iter().map(move |name| format!("{name}{layer}")))
                .collect()
        };
        let mut inputs = ["tokens", "places", "seen", "scored"].map(str::to_owned).to_vec();
        inputs.extend(layers(&[&["pk", "pv"], self.cross].concat()));
        let mut outputs = layers(&["nk", "nv"]);
        outputs.push("logits".to_owned());
        outputs.extend((self.alignment_heads > 0).then(|| "attention".to_owned()));
        let expected = [vec!["mel".to_owned()], layers(self.cross), inputs, outputs];
        let names = |outlets: &[ort::value::Outlet]| -> Vec<String> {
            outlets.iter().map(|outlet| outlet.name().to_owned()).collect()
        };
        let found = [
            names(self.encoder.session().inputs()),
            names(self.encoder.session().outputs()),
            names(self.decoder.session().inputs()),
            names(self.decoder.session().outputs()),
        ];
        if found == expected {
            Ok(())
        } else {
            Err("its graphs have other inputs and outputs than expected".to_owned())
        }
    }

    /// The lengths that the graphs declare must be those of the description, which sizes this program's own buffers.
    fn check_lengths(&self, description: &Description) -> Result<(), String> {
        let mut declared = vec![
            (self.encoder.session().inputs().first(), 1, description.mel_bands),
            (
                self.decoder.session().outputs().get(TENSORS_A_LAYER * self.text_layers),
                1,
                description.vocabulary,
            ),
            (self.decoder.session().inputs().get(OWN_INPUTS), 0, description.heads),
        ];
        if self.alignment_heads > 0 {
            declared.push((self.decoder.session().outputs().last(), 1, self.alignment_heads));
        }
        for (outlet, place, expected) in declared {
            let outlet = outlet.ok_or("its graphs have too few inputs or outputs")?;
            let found = outlet.dtype().tensor_shape().and_then(|shape| shape.get(place).copied());
            if found.and_then(|length| usize::try_from(length).ok()) != Some(expected) {
                return Err(format!("its graphs have another length of `{}` than {expected}", outlet.name()));
            }
        }
        Ok(())
    }
}

impl Network {
    /// One more that runs `graphs`.
    ///
    /// # Errors
    /// [`Error::Inference`] without memory.
    pub fn over(graphs: Arc<Graphs>) -> Result<Self, Error> {
        let options = RunOptions::new().map_err(failed_to("prepare"))?;
        Ok(Self { graphs, options: Arc::new(options) })
    }

    /// Makes `cancel` end a pass that is in progress, between two of its operations.
    pub fn watch(&self, cancel: &CancelFlag) {
        let options = Arc::clone(&self.options);
        // Fails only without memory; the flag is looked at between the passes as well.
        let _ = self.options.unterminate();
        cancel.on_cancel(move || {
            let _ = options.terminate();
        });
    }

    /// Encodes a spectrogram of `bands` rows of `frames` frames.
    ///
    /// # Errors
    /// [`Error::Inference`].
    pub fn encode(&mut self, mel: &[f32], frames: usize) -> Result<Encoded, Error> {
        let bands = mel.len() / frames.max(1);
        let encode = || -> ort::Result<Vec<DynValue>> {
            let mel = TensorRef::from_array_view(([1, bands, frames], mel))?;
            self.graphs.encoder.run(&[SessionInputValue::from(mel)], &self.options)
        };
        let cross = encode().map_err(failed_to("encode"))?;
        Ok(Encoded { cross, positions: frames / 2 })
    }

    /// What was heard in several utterances, for passes over all of them at once; they have the same number of positions.
    ///
    /// # Errors
    /// [`Error::Inference`] without memory, or for another number of positions.
    pub fn together(&self, utterances: &[Encoded]) -> Result<Encoded, Error> {
        let positions = utterances.first().map_or(0, |first| first.positions);
        if utterances.iter().any(|utterance| utterance.positions != positions) {
            let reason = "utterances of different lengths cannot be decoded together".to_owned();
            return Err(Error::Inference { step: "decode", reason });
        }
        let values = utterances.first().map_or(0, |first| first.cross.len());
        let join = |index: usize| join(utterances.iter().map(|utterance| &utterance.cross[index]));
        let cross = (0..values).map(join).collect::<ort::Result<_>>();
        Ok(Encoded { cross: cross.map_err(failed_to("decode"))?, positions })
    }

    /// The past before the first token.
    ///
    /// # Errors
    /// [`Error::Inference`] without memory.
    pub fn nothing(&self) -> Result<Past, Error> {
        let empty = |_| {
            Tensor::from_array(([self.graphs.heads, 0, HEAD_VALUES], Vec::<f32>::new())).map(Tensor::into_dyn)
        };
        let layers = (0..TENSORS_A_LAYER * self.graphs.text_layers).map(empty).collect::<ort::Result<_>>();
        Ok(Past { layers: layers.map_err(failed_to("decode"))? })
    }

    /// The past with only these of its tokens, in this order.
    ///
    /// # Errors
    /// [`Error::Inference`] without memory.
    pub fn keep(&self, past: &Past, kept: &[usize]) -> Result<Past, Error> {
        let heads = self.graphs.heads;
        let keep = |layer: &DynValue| -> ort::Result<DynValue> {
            let (_, values) = layer.try_extract_tensor::<f32>()?;
            let of_head = values.len() / heads.max(1);
            let mut left = Vec::with_capacity(heads * kept.len() * HEAD_VALUES);
            for head in values.chunks_exact(of_head.max(1)) {
                for token in kept {
                    left.extend_from_slice(&head[token * HEAD_VALUES..][..HEAD_VALUES]);
                }
            }
            Tensor::from_array(([heads, kept.len(), HEAD_VALUES], left)).map(Tensor::into_dyn)
        };
        let layers = past.layers.iter().map(keep).collect::<ort::Result<_>>();
        Ok(Past { layers: layers.map_err(failed_to("decode"))? })
    }

    /// Reads the tokens of `feed` and gives the new past.
    ///
    /// # Errors
    /// [`Error::Inference`].
    pub fn decode(&mut self, feed: &Feed<'_>, scores: &mut Scores) -> Result<Past, Error> {
        let Feed { encoded, past, tokens, places, seen, scored } = *feed;
        let new = tokens.len();
        let mut decode = || -> ort::Result<Past> {
            let mut inputs: Vec<SessionInputValue<'_>> =
                Vec::with_capacity(OWN_INPUTS + past.layers.len() + encoded.cross.len());
            inputs.push(TensorRef::from_array_view(([new], tokens))?.into());
            inputs.push(TensorRef::from_array_view(([new], places))?.into());
            inputs.push(TensorRef::from_array_view(([new, seen.len() / new.max(1)], seen))?.into());
            inputs.push(TensorRef::from_array_view(([scored.len()], scored))?.into());
            let cross = encoded.cross.chunks(self.graphs.cross.len());
            for (own, cross) in past.layers.chunks(TENSORS_A_LAYER).zip(cross) {
                inputs.extend(own.iter().chain(cross).map(SessionInputValue::from));
            }
            let mut values = self.graphs.decoder.run(&inputs, &self.options)?.into_iter();
            let layers = values.by_ref().take(TENSORS_A_LAYER * self.graphs.text_layers).collect();
            scores.logits.clear();
            scores.attention.clear();
            for buffer in [&mut scores.logits, &mut scores.attention] {
                if let Some(value) = values.next() {
                    buffer.extend_from_slice(value.try_extract_tensor::<f32>()?.1);
                }
            }
            Ok(Past { layers })
        };
        let past = decode().map_err(failed_to("decode"))?;
        // A damaged graph may declare one length and give another; the search takes these for granted.
        let expected =
            [scored.len() * self.graphs.vocabulary, self.graphs.alignment_heads * new * encoded.positions];
        if [scores.logits.len(), scores.attention.len()] != expected {
            let reason = "the graph gave scores of another length than it declares".to_owned();
            return Err(Error::Inference { step: "decode", reason });
        }
        Ok(past)
    }
}

/// Values one behind the other, each of one utterance.
fn join<'v>(values: impl ExactSizeIterator<Item = &'v DynValue> + Clone) -> ort::Result<DynValue> {
    fn joined<'v, T: PrimitiveTensorElementType + Copy + std::fmt::Debug + 'static>(
        values: impl ExactSizeIterator<Item = &'v DynValue>,
    ) -> ort::Result<DynValue> {
        let mut shape = vec![0];
        let mut all: Vec<T> = Vec::new();
        let count = values.len();
        for value in values {
            let (of_one, numbers) = value.try_extract_tensor::<T>()?;
            shape.clear();
            shape.extend_from_slice(of_one);
            all.reserve_exact(if all.is_empty() { count * numbers.len() } else { 0 });
            all.extend_from_slice(numbers);
        }
        shape[0] = count as i64;
        Tensor::from_array((shape, all)).map(Tensor::into_dyn)
    }
    let are_whole = values.clone().all(|value| value.try_extract_tensor::<i16>().is_ok());
    if are_whole { joined::<i16>(values) } else { joined::<f32>(values) }
}

fn failed_to(step: &'static str) -> impl Fn(ort::Error) -> Error {
    move |error| Error::Inference { step, reason: error.to_string() }
}

/// The message of an error with those of its causes, without their hints: [`Error::Load`] has one of its own.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let messages = causes.map(|error| error.to_string().lines().next().unwrap_or_default().to_owned());
    messages.collect::<Vec<_>>().join(": ")
}
