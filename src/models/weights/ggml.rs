//! ggml files of whisper.cpp as a source of weights.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::{
    Dimensions, Facts, Format, Model, Place, TENSORS_MAX, TensorSpec, WeightSource, catalogue, is_same_shape,
};
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

/// Number formats of whole files: f32, f16, and the block formats that whisper.cpp reads (`ggml_ftype` in ggml.h), with their
/// version in thousands (`GGML_QNT_VERSION_FACTOR`).
const FTYPES: [i32; 12] = [0, 1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14];
const FTYPE_VERSION: i32 = 1_000;

/// Values and bytes of one block in ggml's number formats that whisper.cpp reads (`ggml_type` in ggml.h, `block_…` in
/// ggml-common.h).
const fn block(format: i32) -> Option<(u64, u64)> {
    Some(match format {
        0 => (1, 4),
        1 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        _ => return None,
    })
}

/// Checks that the file at `path` is a whole Whisper, in any number format that whisper.cpp reads, without reading its values.
///
/// The library itself takes what the header says on trust: a file that was cut ends the process, or gives a model without
/// weights.
///
/// # Errors
/// [`Error::Format`] naming what is wrong; [`Error::Io`].
pub fn check(path: &Path) -> Result<(), Error> {
    let (mut reader, preamble) = GgmlReader::open(path)?;
    let dimensions = dimensions(&reader, &preamble)?;
    mel_filters(&reader, &preamble)?;
    let ftype = preamble.shape.ftype;
    if !FTYPES.contains(&(ftype % FTYPE_VERSION)) {
        return Err(reader.refused(format!("the number format {ftype}, which whisper.cpp does not read")));
    }
    let tokens = text_tokens(preamble.tokens).len();
    dimensions.check(tokens).map_err(|reason| reader.refused(reason))?;
    let mut shapes = HashMap::new();
    while let Some((name, dims, format)) = reader.next_raw_head()? {
        let values: u64 = dims.iter().map(|dim| *dim as u64).product();
        let bytes = block(format)
            .filter(|(block, _)| dims.last().is_some_and(|row| (*row as u64).is_multiple_of(*block)))
            .map(|(block, bytes)| values / block * bytes);
        let bytes = bytes.ok_or_else(|| {
            let name = name.escape_default();
            reader
                .refused(format!("tensor `{name}` of shape {dims:?} cannot have the number format {format}"))
        })?;
        if reader.skip(bytes)?.is_none() {
            return Err(reader.refused(format!("ends early, in tensor `{}`", name.escape_default())));
        }
        if shapes.len() == TENSORS_MAX {
            return Err(reader.refused(format!("more than {TENSORS_MAX} tensors")));
        }
        shapes.insert(name, dims);
    }
    for spec in catalogue(&dimensions) {
        let name = spec.name();
        match shapes.get(&name) {
            Some(shape) if is_same_shape(shape, spec.dims()) => {}
            Some(shape) => {
                let expected = spec.dims();
                let reason = format!("tensor `{name}` has the shape {shape:?}, expected {expected:?}");
                return Err(reader.refused(reason));
            }
            None => return Err(reader.refused(format!("no tensor `{name}`"))),
        }
    }
    Ok(())
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
