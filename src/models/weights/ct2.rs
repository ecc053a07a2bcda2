//! CTranslate2 folders as a source of weights.
//!
//! CTranslate2 fuses matrices: query, key and value of self-attention lie one above the other in
//! `self_attention/linear_0`, key and value of cross-attention in `attention/linear_1`.

use std::path::Path;

use super::catalogue::{Module, Param};
use super::{
    Dimensions, Facts, Format, HEAD_WIDTH, LAYERS_MAX, Model, Place, TensorSpec, WeightSource, tokens, wire,
};
use crate::models::Error;
use crate::models::ct2::Ct2Model;
use crate::models::numbers::CHUNK_VALUES;

/// Whether `path` is a folder of this kind.
pub(super) fn is_model(path: &Path) -> bool {
    path.join("model.bin").is_file()
}

pub(super) fn open(folder: &Path, vocabulary: Option<&Path>) -> Result<Box<dyn WeightSource>, Error> {
    let mut model = Ct2Model::open(&folder.join("model.bin"))?;
    let facts = Facts {
        dimensions: dimensions(&mut model)?,
        tokens: tokens(folder, vocabulary)?,
        mel_filters: None,
        alignment_heads: wire::alignment_heads(&folder.join("config.json"))?,
    };
    let path = model.path().to_path_buf();
    Model::checked(&path, Ct2 { model }, facts)
}

/// The format says no size, the shapes do.
fn dimensions(model: &mut Ct2Model) -> Result<Dimensions, Error> {
    let embeddings = model.tensor("decoder/embeddings/weight", 2)?.dims;
    let width = embeddings[1];
    Ok(Dimensions {
        vocabulary: embeddings[0],
        audio_positions: model.tensor("encoder/position_encodings/encodings", 2)?.dims[0],
        text_positions: model.tensor("decoder/position_encodings/encodings", 2)?.dims[0],
        width,
        heads: width / HEAD_WIDTH,
        audio_layers: layers(model, "encoder"),
        text_layers: layers(model, "decoder"),
        mel_bands: model.tensor("encoder/conv1/weight", 3)?.dims[1],
    })
}

/// One more than the most allowed is enough to refuse.
fn layers(model: &Ct2Model, side: &str) -> usize {
    let has = |layer: &usize| model.shape(&format!("{side}/layer_{layer}/ffn/linear_0/weight")).is_some();
    (0..=LAYERS_MAX).take_while(has).count()
}

#[derive(Debug)]
struct Ct2 {
    model: Ct2Model,
}

impl Format for Ct2 {
    fn place(&self, spec: &TensorSpec) -> Place {
        let (module, (part, of)) = module(spec.module);
        let param = match (spec.module, spec.param) {
            (Module::Positions, _) => "encodings",
            (module, Param::Weight) if module.is_norm() => "gamma",
            (module, Param::Bias) if module.is_norm() => "beta",
            (_, param) => param.name(),
        };
        let layer = spec.layer.map_or_else(String::new, |layer| format!("layer_{layer}/"));
        let name = format!("{}/{layer}{module}/{param}", spec.side.name());
        let mut place = Place::whole(name, spec);
        let rows = place.dims[0];
        place.dims[0] = of * rows;
        place.rows = part * rows..(part + 1) * rows;
        place
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.model.shape(name)
    }

    fn values(&mut self, place: &Place) -> Result<Vec<f32>, Error> {
        let tensor = self.model.tensor(&place.name, place.dims.len())?;
        let rows_at_once = (CHUNK_VALUES / place.row_length()).max(1);
        let mut values = Vec::with_capacity(place.rows.len() * place.row_length());
        for first in place.rows.clone().step_by(rows_at_once) {
            values.extend(self.model.rows(&tensor, first, rows_at_once.min(place.rows.end - first))?);
        }
        Ok(values)
    }

    fn path(&self, _name: &str) -> &Path {
        self.model.path()
    }
}

/// The name without side and layer, and which of how many equal parts is meant.
const fn module(module: Module) -> (&'static str, (usize, usize)) {
    match module {
        Module::Conv1 => ("conv1", (0, 1)),
        Module::Conv2 => ("conv2", (0, 1)),
        Module::Positions => ("position_encodings", (0, 1)),
        Module::Embedding => ("embeddings", (0, 1)),
        Module::Query => ("self_attention/linear_0", (0, 3)),
        Module::Key => ("self_attention/linear_0", (1, 3)),
        Module::Value => ("self_attention/linear_0", (2, 3)),
        Module::Out => ("self_attention/linear_1", (0, 1)),
        Module::AttentionNorm => ("self_attention/layer_norm", (0, 1)),
        Module::CrossQuery => ("attention/linear_0", (0, 1)),
        Module::CrossKey => ("attention/linear_1", (0, 2)),
        Module::CrossValue => ("attention/linear_1", (1, 2)),
        Module::CrossOut => ("attention/linear_2", (0, 1)),
        Module::CrossNorm => ("attention/layer_norm", (0, 1)),
        Module::Widen => ("ffn/linear_0", (0, 1)),
        Module::Narrow => ("ffn/linear_1", (0, 1)),
        Module::MlpNorm => ("ffn/layer_norm", (0, 1)),
        Module::LastNorm => ("layer_norm", (0, 1)),
    }
}
