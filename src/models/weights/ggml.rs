//! ggml files of whisper.cpp as a source of weights.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Dimensions, Facts, Format, Model, Place, TENSORS_MAX, TensorSpec, WeightSource};
use crate::audio::mel;
use crate::models::ggml::{GgmlReader, Preamble, TensorNumber};
use crate::models::numbers::{Number, Stored};
use crate::models::{Error, vocabulary};

pub(super) fn open(path: &Path, vocabulary: Option<&Path>) -> Result<Box<dyn WeightSource>, Error> {
    let (mut reader, preamble) = GgmlReader::open(path)?;
    let dimensions = dimensions(&reader, &preamble)?;
    let mel_filters = Some(mel_filters(&reader, &preamble)?);
    let tensors = index(&mut reader)?;
    let tokens = match vocabulary {
        Some(file) => vocabulary::read(file)?,
        None => text_tokens(preamble.tokens),
    };
    let facts = Facts { dimensions, tokens, mel_filters, alignment_heads: None };
    let format = Ggml { path: path.to_path_buf(), file: reader.into_file(), tensors };
    Model::checked(path, format, facts)
}

fn dimensions(reader: &GgmlReader, preamble: &Preamble) -> Result<Dimensions, Error> {
    let shape = preamble.shape;
    let number = |value: i32| {
        usize::try_from(value).map_err(|_| reader.refused(format!("{value} where the header has a size")))
    };
    if shape.audio_state != shape.text_state || shape.audio_heads != shape.text_heads {
        return Err(reader.refused(format!(
            "encoder and decoder differ: {} and {} heads of width {} and {}",
            shape.audio_heads, shape.text_heads, shape.audio_state, shape.text_state
        )));
    }
    Ok(Dimensions {
        vocabulary: number(shape.vocabulary)?,
        audio_positions: number(shape.audio_context)?,
        text_positions: number(shape.text_context)?,
        width: number(shape.audio_state)?,
        heads: number(shape.audio_heads)?,
        audio_layers: number(shape.audio_layers)?,
        text_layers: number(shape.text_layers)?,
        mel_bands: number(shape.mel_bands)?,
    })
}

fn mel_filters(reader: &GgmlReader, preamble: &Preamble) -> Result<Vec<f32>, Error> {
    let (rows, columns) = (preamble.mel_rows, preamble.mel_columns);
    if rows != preamble.shape.mel_bands || usize::try_from(columns) != Ok(mel::BINS) {
        return Err(reader.refused(format!(
            "a mel filter bank of {rows} by {columns} for {} bands",
            preamble.shape.mel_bands
        )));
    }
    let mut filters = Vec::new();
    Number::F32.decode(&preamble.mel, &mut filters);
    if filters.iter().any(|weight| !weight.is_finite()) {
        return Err(reader.refused("the mel filter bank holds a value that is no number"));
    }
    Ok(filters)
}

/// Some converters write special tokens behind the text tokens.
fn text_tokens(mut tokens: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let is_special = |token: &Vec<u8>| token.starts_with(b"<|") && token.ends_with(b"|>");
    let text = tokens.iter().position(is_special).unwrap_or(tokens.len());
    tokens.truncate(text);
    tokens
}

#[derive(Debug)]
struct Slot {
    dims: Vec<usize>,
    stored: Stored,
}

fn index(reader: &mut GgmlReader) -> Result<HashMap<String, Slot>, Error> {
    let mut tensors = HashMap::new();
    while let Some(head) = reader.next_head()? {
        let number = match head.number {
            TensorNumber::F32 => Number::F32,
            TensorNumber::F16 => Number::F16,
            TensorNumber::Q5_1 => Number::Q5_1,
            TensorNumber::Q8_0 => Number::Q8_0,
        };
        let name = head.name;
        let bytes = number.bytes(&head.dims).ok_or_else(|| {
            reader.refused(format!("tensor `{name}` of shape {:?} cannot be {number:?}", head.dims))
        })?;
        let offset =
            reader.skip(bytes)?.ok_or_else(|| reader.refused(format!("ends early, in tensor `{name}`")))?;
        if tensors.len() == TENSORS_MAX {
            return Err(reader.refused(format!("more than {TENSORS_MAX} tensors")));
        }
        let slot = Slot { dims: head.dims, stored: Stored { offset, number } };
        if tensors.insert(name.clone(), slot).is_some() {
            return Err(reader.refused(format!("tensor `{name}` twice")));
        }
    }
    Ok(tensors)
}

#[derive(Debug)]
struct Ggml {
    path: PathBuf,
    file: File,
    tensors: HashMap<String, Slot>,
}

impl Format for Ggml {
    fn place(&self, spec: &TensorSpec) -> Place {
        Place::whole(spec.name(), spec)
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|slot| slot.dims.as_slice())
    }

    fn values(&mut self, place: &Place) -> Result<Vec<f32>, Error> {
        let slot = self.tensors.get(&place.name);
        let slot = slot.ok_or_else(|| Error::format(&self.path, format!("no tensor `{}`", place.name)))?;
        slot.stored
            .read(&mut self.file, place.rows.len() * place.row_length())
            .map_err(Error::io("read", &self.path))
    }

    fn path(&self, _name: &str) -> &Path {
        &self.path
    }
}
