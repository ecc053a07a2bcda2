//! Hugging Face folders as a source of weights: `config.json`, safetensors in one file or several, and a tokenizer.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::{Component, Path, PathBuf};

use super::catalogue::Module;
use super::safetensors::{self, Slot};
use super::{Dimensions, Facts, Format, Model, Place, TENSORS_MAX, TensorSpec, WeightSource, tokens, wire};
use crate::models::Error;

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Whisper large in f32 comes in two.
const SHARDS_MAX: usize = 64;
/// Stands before every name when the file was saved with its head for transcription.
const PREFIX: &str = "model.";

/// Whether `path` is a folder of this kind.
pub(super) fn is_model(path: &Path) -> bool {
    path.join(WHOLE).is_file() || path.join(INDEX).is_file()
}

pub(super) fn open(folder: &Path, vocabulary: Option<&Path>) -> Result<Box<dyn WeightSource>, Error> {
    let config_file = folder.join("config.json");
    let config: wire::Config = wire::read(&config_file)?;
    let format = HuggingFace::open(folder)?;
    check_kind(&config, &format).map_err(|reason| Error::format(&config_file, reason))?;
    let facts = Facts {
        dimensions: Dimensions {
            vocabulary: config.vocab_size,
            audio_positions: config.max_source_positions,
            text_positions: config.max_target_positions,
            width: config.d_model,
            heads: config.encoder_attention_heads,
            audio_layers: config.encoder_layers,
            text_layers: config.decoder_layers,
            mel_bands: config.num_mel_bins,
        },
        tokens: tokens(folder, vocabulary)?,
        mel_filters: None,
        alignment_heads: wire::alignment_heads(&folder.join("generation_config.json"))?,
    };
    Model::checked(&config_file, format, facts)
}

/// What would be computed wrongly is refused.
fn check_kind(config: &wire::Config, format: &HuggingFace) -> Result<(), String> {
    if config.model_type != "whisper" {
        return Err(format!("a model of type `{}`, not whisper", config.model_type.escape_default()));
    }
    if config.encoder_attention_heads != config.decoder_attention_heads {
        let (encoder, decoder) = (config.encoder_attention_heads, config.decoder_attention_heads);
        return Err(format!("encoder and decoder differ: {encoder} and {decoder} heads"));
    }
    if let Some(other) = config.activation_function.as_deref().filter(|name| *name != "gelu") {
        return Err(format!("the activation function `{}`, Whisper has gelu", other.escape_default()));
    }
    if config.scale_embedding == Some(true) {
        return Err("scale_embedding is true, which Whisper has not".to_owned());
    }
    if config.tie_word_embeddings == Some(false) && format.tensors.contains_key("proj_out.weight") {
        return Err("tie_word_embeddings is false: Whisper's output is its token embedding".to_owned());
    }
    Ok(())
}

#[derive(Debug)]
struct HuggingFace {
    folder: PathBuf,
    shards: Vec<(PathBuf, File)>,
    /// Tensors with the number of their shard.
    tensors: HashMap<String, (usize, Slot)>,
    prefix: &'static str,
}

impl HuggingFace {
    fn open(folder: &Path) -> Result<Self, Error> {
        let mut format =
            Self { folder: folder.to_path_buf(), shards: Vec::new(), tensors: HashMap::new(), prefix: "" };
        for path in shards(folder)? {
            let (file, slots) = safetensors::open(&path)?;
            for (name, slot) in slots {
                if format.tensors.len() == TENSORS_MAX {
                    return Err(Error::format(&path, format!("more than {TENSORS_MAX} tensors in all")));
                }
                let shown = name.escape_default().to_string();
                if format.tensors.insert(name, (format.shards.len(), slot)).is_some() {
                    return Err(Error::format(&path, format!("tensor `{shown}` is in another file too")));
                }
            }
            format.shards.push((path, file));
        }
        if format.tensors.contains_key(&format!("{PREFIX}encoder.conv1.weight")) {
            format.prefix = PREFIX;
        }
        Ok(format)
    }
}

/// The one file, or those that the index names.
fn shards(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let whole = folder.join(WHOLE);
    if whole.is_file() {
        return Ok(vec![whole]);
    }
    let index_file = folder.join(INDEX);
    let index: wire::ShardIndex = wire::read(&index_file)?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    if names.is_empty() || names.len() > SHARDS_MAX {
        let reason = format!("names {} files, expected 1 to {SHARDS_MAX}", names.len());
        return Err(Error::format(&index_file, reason));
    }
    names
        .into_iter()
        .map(|name| {
            let mut components = Path::new(&name).components();
            match (components.next(), components.next()) {
                (Some(Component::Normal(_)), None) => Ok(folder.join(&name)),
                _ => {
                    let reason = format!("`{}` is not the name of a file beside it", name.escape_default());
                    Err(Error::format(&index_file, reason))
                }
            }
        })
        .collect()
}

impl Format for HuggingFace {
    fn place(&self, spec: &TensorSpec) -> Place {
        let layer = spec.layer.map_or_else(String::new, |layer| format!("layers.{layer}."));
        let (side, module) = (spec.side.name(), module(spec.module));
        Place::whole(format!("{}{side}.{layer}{module}.{}", self.prefix, spec.param.name()), spec)
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|(_, slot)| slot.dims.as_slice())
    }

    fn values(&mut self, place: &Place) -> Result<Vec<f32>, Error> {
        let found = self.tensors.get(&place.name);
        let (shard, slot) =
            found.ok_or_else(|| Error::format(&self.folder, format!("no tensor `{}`", place.name)))?;
        let (path, file) = &mut self.shards[*shard];
        slot.stored.read(file, place.rows.len() * place.row_length()).map_err(Error::io("read", path))
    }

    fn path(&self, name: &str) -> &Path {
        match (self.tensors.get(name), self.shards.as_slice()) {
            (Some((shard, _)), shards) => &shards[*shard].0,
            (None, [(only, _)]) => only,
            (None, _) => &self.folder,
        }
    }
}

/// The name without side, layer and parameter.
const fn module(module: Module) -> &'static str {
    match module {
        Module::Conv1 => "conv1",
        Module::Conv2 => "conv2",
        Module::Positions => "embed_positions",
        Module::Embedding => "embed_tokens",
        Module::Query => "self_attn.q_proj",
        Module::Key => "self_attn.k_proj",
        Module::Value => "self_attn.v_proj",
        Module::Out => "self_attn.out_proj",
        Module::AttentionNorm => "self_attn_layer_norm",
        Module::CrossQuery => "encoder_attn.q_proj",
        Module::CrossKey => "encoder_attn.k_proj",
        Module::CrossValue => "encoder_attn.v_proj",
        Module::CrossOut => "encoder_attn.out_proj",
        Module::CrossNorm => "encoder_attn_layer_norm",
        Module::Widen => "fc1",
        Module::Narrow => "fc2",
        Module::MlpNorm => "final_layer_norm",
        Module::LastNorm => "layer_norm",
    }
}
