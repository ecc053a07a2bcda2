//! Reads CTranslate2's `model.bin`: a header and a list of named tensors.
//!
//! The index is read first and bounded (count, names, ranks, sizes against the file's own length); values are read
//! piece by piece when asked for. Numbers are little-endian.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{Error, numbers};

/// Versions of the container whose tensors carry type and length as read here.
const VERSIONS: std::ops::RangeInclusive<u32> = 4..=6;
/// Whisper large has 1,259 tensors in ggml form, fewer fused; a fine-tuned model adds none.
const TENSORS_MAX: u32 = 8192;
const NAME_BYTES_MAX: usize = 256;
const RANK_MAX: u8 = 4;
/// Whisper large in f32 has 6.2 GB.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// Number format of a stored tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    F32,
    F16,
    BF16,
    I8,
    I16,
    I32,
}

impl Number {
    fn from_id(id: u8) -> Option<Self> {
        Some(match id {
            0 => Self::F32,
            1 => Self::I8,
            2 => Self::I16,
            3 => Self::I32,
            4 => Self::F16,
            5 => Self::BF16,
            _ => return None,
        })
    }

    const fn bytes(self) -> u64 {
        match self {
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 => 1,
        }
    }
}

#[derive(Debug, Clone)]
struct Slot {
    dims: Vec<usize>,
    number: Number,
    offset: u64,
}

/// An open model with its index.
#[derive(Debug)]
pub(super) struct Ct2Model {
    path: PathBuf,
    file: File,
    slots: HashMap<String, Slot>,
}

/// A tensor with whatever is needed to read its values as floats.
#[derive(Debug)]
pub(super) struct Tensor {
    /// Outermost first.
    pub(super) dims: Vec<usize>,
    slot: Slot,
    /// One divisor a row of 8-bit weights.
    scale: Option<Vec<f32>>,
}

impl Tensor {
    /// Values in one step of the outermost dimension.
    pub(super) fn row_length(&self) -> usize {
        self.dims.iter().skip(1).product()
    }
}

impl Ct2Model {
    /// Opens `path` and reads its index.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let file_bytes = file.metadata().map_err(Error::io("read", path))?.len();
        if file_bytes > FILE_BYTES_MAX {
            return Err(Error::format(path, "too big for a Whisper model"));
        }
        let mut index = Index { reader: BufReader::new(file), at: 0, file_bytes };
        let slots = index.read().map_err(|reason| Error::format(path, reason))?;
        Ok(Self { path: path.to_path_buf(), file: index.reader.into_inner(), slots })
    }

    /// Where the model was read from.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Shape of the tensor of this name, if there is one.
    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.slots.get(name).map(|slot| slot.dims.as_slice())
    }

    /// The tensor of this name, of the given rank.
    pub(super) fn tensor(&mut self, name: &str, rank: usize) -> Result<Tensor, Error> {
        let slot = self.slots.get(name).cloned();
        let slot = slot.ok_or_else(|| Error::format(&self.path, format!("no tensor `{name}`")))?;
        if slot.dims.len() != rank || slot.dims.contains(&0) {
            return Err(Error::format(&self.path, format!("tensor `{name}` has the shape {:?}", slot.dims)));
        }
        let scale = match slot.number {
            Number::I8 => Some(self.scale(name, slot.dims[0])?),
            Number::F32 | Number::F16 | Number::BF16 => None,
            Number::I16 | Number::I32 => {
                let reason = format!(
                    "tensor `{name}` is {:?}, which is not supported (f32, f16, bf16, int8)",
                    slot.number
                );
                return Err(Error::format(&self.path, reason));
            }
        };
        Ok(Tensor { dims: slot.dims.clone(), slot, scale })
    }

    /// Values of `count` rows from `first` on.
    pub(super) fn rows(&mut self, tensor: &Tensor, first: usize, count: usize) -> Result<Vec<f32>, Error> {
        let row_length = tensor.row_length();
        let number = tensor.slot.number;
        let row_bytes = row_length as u64 * number.bytes();
        let length = usize::try_from(count as u64 * row_bytes)
            .map_err(|_| Error::format(&self.path, "tensor too big for this machine"))?;
        let mut bytes = vec![0; length];
        self.file
            .seek(SeekFrom::Start(tensor.slot.offset + first as u64 * row_bytes))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(Error::io("read", &self.path))?;
        let mut values = Vec::with_capacity(count * row_length);
        match number {
            Number::F32 => numbers::Number::F32.decode(&bytes, &mut values),
            Number::F16 => numbers::Number::F16.decode(&bytes, &mut values),
            Number::BF16 => numbers::Number::Bf16.decode(&bytes, &mut values),
            Number::I8 => values.extend(bytes.iter().map(|byte| f32::from(byte.cast_signed()))),
            Number::I16 | Number::I32 => {
                return Err(Error::format(&self.path, "integer tensor without a scale"));
            }
        }
        if let Some(scale) = &tensor.scale {
            for (row, scale) in values.chunks_mut(row_length).zip(&scale[first..]) {
                row.iter_mut().for_each(|value| *value /= scale);
            }
        }
        Ok(values)
    }

    fn scale(&mut self, name: &str, rows: usize) -> Result<Vec<f32>, Error> {
        let scale = self.tensor(&format!("{name}_scale"), 1)?;
        if scale.dims != [rows] || scale.slot.number == Number::I8 {
            return Err(Error::format(
                &self.path,
                format!("the scale of `{name}` does not fit its {rows} rows"),
            ));
        }
        let values = self.rows(&scale, 0, rows)?;
        if values.iter().any(|value| !value.is_normal()) {
            return Err(Error::format(
                &self.path,
                format!("the scale of `{name}` holds a zero or no number"),
            ));
        }
        Ok(values)
    }
}

struct Index {
    reader: BufReader<File>,
    at: u64,
    file_bytes: u64,
}

impl Index {
    fn read(&mut self) -> Result<HashMap<String, Slot>, String> {
        let version = u32::from_le_bytes(self.take()?);
        if !VERSIONS.contains(&version) {
            return Err(format!("not a CTranslate2 model, or of version {version}; known are 4 to 6"));
        }
        let spec = self.text()?;
        if spec != "WhisperSpec" {
            return Err(format!("a CTranslate2 model of kind `{}`, not WhisperSpec", spec.escape_default()));
        }
        let _revision = u32::from_le_bytes(self.take()?);
        let count = u32::from_le_bytes(self.take()?);
        if count > TENSORS_MAX {
            return Err(format!("{count} tensors, at most {TENSORS_MAX} are read"));
        }
        let mut slots = HashMap::new();
        for _ in 0..count {
            let name = self.text()?;
            let slot = self.slot(&name)?;
            slots.insert(name, slot);
        }
        let aliases = u32::from_le_bytes(self.take()?);
        if aliases > TENSORS_MAX {
            return Err(format!("{aliases} aliases, at most {TENSORS_MAX} are read"));
        }
        for _ in 0..aliases {
            let (alias, name) = (self.text()?, self.text()?);
            let slot = slots.get(&name).cloned();
            let slot =
                slot.ok_or_else(|| format!("alias of an unknown tensor `{}`", name.escape_default()))?;
            slots.insert(alias, slot);
        }
        Ok(slots)
    }

    fn slot(&mut self, name: &str) -> Result<Slot, String> {
        let name = name.escape_default();
        let [rank] = self.take()?;
        if rank > RANK_MAX {
            return Err(format!("tensor `{name}` has {rank} dimensions, at most {RANK_MAX} are read"));
        }
        let mut dims = Vec::new();
        for _ in 0..rank {
            dims.push(u32::from_le_bytes(self.take()?) as usize);
        }
        let [id] = self.take()?;
        let number = Number::from_id(id)
            .ok_or_else(|| format!("tensor `{name}` has the unknown number format {id}"))?;
        let length = u64::from(u32::from_le_bytes(self.take()?));
        let declared = dims.iter().try_fold(number.bytes(), |product, dim| product.checked_mul(*dim as u64));
        if declared != Some(length) {
            return Err(format!("tensor `{name}` of shape {dims:?} cannot have {length} bytes"));
        }
        let offset = self.at;
        self.skip(length)?;
        Ok(Slot { dims, number, offset })
    }

    fn text(&mut self) -> Result<String, String> {
        let length = usize::from(u16::from_le_bytes(self.take()?));
        if length == 0 || length > NAME_BYTES_MAX {
            return Err(format!("a name of {length} bytes, 1 to {NAME_BYTES_MAX} are read"));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        if bytes.pop() != Some(0) {
            return Err("a name without its closing zero".to_owned());
        }
        String::from_utf8(bytes).map_err(|_| "a name that is not UTF-8".to_owned())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        self.reader.read_exact(bytes).map_err(|error| format!("ends early: {error}"))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn skip(&mut self, length: u64) -> Result<(), String> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.file_bytes);
        let end = end.ok_or("ends early: a tensor reaches beyond the file")?;
        let step = i64::try_from(length).map_err(|error| error.to_string())?;
        self.reader.seek_relative(step).map_err(|error| error.to_string())?;
        self.at = end;
        Ok(())
    }
}
