//! The JSON that others write beside their weights, as far as it is read here.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::models::Error;

/// Whisper large's list of suppressed tokens and languages has some kilobytes, its index of shards 120.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// `config.json` of Hugging Face's Whisper.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    pub(super) model_type: String,
    pub(super) vocab_size: usize,
    pub(super) num_mel_bins: usize,
    pub(super) d_model: usize,
    pub(super) encoder_layers: usize,
    pub(super) decoder_layers: usize,
    pub(super) encoder_attention_heads: usize,
    pub(super) decoder_attention_heads: usize,
    pub(super) max_source_positions: usize,
    pub(super) max_target_positions: usize,
    #[serde(default)]
    pub(super) activation_function: Option<String>,
    #[serde(default)]
    pub(super) scale_embedding: Option<bool>,
    #[serde(default)]
    pub(super) tie_word_embeddings: Option<bool>,
}

/// `generation_config.json` of Hugging Face and `config.json` of CTranslate2 have this field in common.
#[derive(Debug, Deserialize)]
struct AlignmentHeads {
    #[serde(default)]
    alignment_heads: Option<Vec<(usize, usize)>>,
}

/// `model.safetensors.index.json`.
#[derive(Debug, Deserialize)]
pub(super) struct ShardIndex {
    /// File by tensor.
    pub(super) weight_map: BTreeMap<String, String>,
}

/// What stands before the values in a safetensors file: tensors by name, and one entry of another kind.
#[derive(Debug, Deserialize)]
pub(super) struct SafetensorsHeader {
    #[serde(default, rename = "__metadata__")]
    _metadata: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    pub(super) tensors: BTreeMap<String, SafetensorsEntry>,
}

/// One tensor of a safetensors file.
#[derive(Debug, Deserialize)]
pub(super) struct SafetensorsEntry {
    pub(super) dtype: String,
    /// Outermost first.
    pub(super) shape: Vec<usize>,
    /// First byte and the one behind the last, counted from the end of the header.
    pub(super) data_offsets: (u64, u64),
}

/// Reads a small JSON file.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let length = std::fs::metadata(path).map_err(Error::io("open", path))?.len();
    if length > FILE_BYTES_MAX {
        return Err(Error::format(path, format!("{length} bytes, at most {FILE_BYTES_MAX} are read")));
    }
    let text = std::fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&text).map_err(|error| Error::format(path, error.to_string()))
}

/// The alignment heads that the file names; `None` when there is no such file, or no word of them.
pub(super) fn alignment_heads(path: &Path) -> Result<Option<Vec<(usize, usize)>>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    Ok(read::<AlignmentHeads>(path)?.alignment_heads)
}
