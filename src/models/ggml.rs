//! The one-file format of whisper.cpp: header, mel filters, tokens, tensors, one after the other.
//!
//! Numbers are little-endian. Dimensions are stored innermost first; this module takes and gives them outermost first.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::Error;

/// The first four bytes, read as a number.
pub(super) const MAGIC: u32 = 0x6767_6d6c;
/// whisper.cpp's number for "big matrices are f16".
pub(super) const FTYPE_F16: i32 = 1;
const TOKENS_MAX: i32 = 100_000;
const TOKEN_BYTES_MAX: u32 = 4096;
const MEL_VALUES_MAX: i64 = 1 << 20;
const NAME_BYTES_MAX: i32 = 256;
const DIMENSION_MAX: i32 = 1 << 20;
/// The token embedding of Whisper large has 66 million values; four times that is not a Whisper tensor.
const VALUES_MAX: u64 = 1 << 28;

/// The eleven numbers of the header in file order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) vocabulary: i32,
    pub(super) audio_context: i32,
    pub(super) audio_state: i32,
    pub(super) audio_heads: i32,
    pub(super) audio_layers: i32,
    pub(super) text_context: i32,
    pub(super) text_state: i32,
    pub(super) text_heads: i32,
    pub(super) text_layers: i32,
    pub(super) mel_bands: i32,
    pub(super) ftype: i32,
}

impl Shape {
    fn numbers(self) -> [i32; 11] {
        [
            self.vocabulary,
            self.audio_context,
            self.audio_state,
            self.audio_heads,
            self.audio_layers,
            self.text_context,
            self.text_state,
            self.text_heads,
            self.text_layers,
            self.mel_bands,
            self.ftype,
        ]
    }

    fn from_numbers(n: [i32; 11]) -> Self {
        Self {
            vocabulary: n[0],
            audio_context: n[1],
            audio_state: n[2],
            audio_heads: n[3],
            audio_layers: n[4],
            text_context: n[5],
            text_state: n[6],
            text_heads: n[7],
            text_layers: n[8],
            mel_bands: n[9],
            ftype: n[10],
        }
    }
}

/// Everything before the tensors.
#[derive(Debug, Clone)]
pub(super) struct Preamble {
    pub(super) shape: Shape,
    pub(super) mel_rows: i32,
    pub(super) mel_columns: i32,
    /// `mel_rows` times `mel_columns` f32, as bytes.
    pub(super) mel: Vec<u8>,
    pub(super) tokens: Vec<Vec<u8>>,
}

/// Number formats of tensors that are read and written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TensorNumber {
    F32,
    F16,
    Q5_1,
    Q8_0,
}

impl TensorNumber {
    const fn id(self) -> i32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q5_1 => 7,
            Self::Q8_0 => 8,
        }
    }

    /// Bytes of one plain number; `None` for the block formats.
    pub(super) const fn bytes(self) -> Option<usize> {
        match self {
            Self::F32 => Some(4),
            Self::F16 => Some(2),
            Self::Q5_1 | Self::Q8_0 => None,
        }
    }
}

/// What stands before a tensor's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TensorHead {
    pub(super) name: String,
    /// Outermost first.
    pub(super) dims: Vec<usize>,
    pub(super) number: TensorNumber,
}

/// Writes everything before the tensors.
pub(super) fn write_preamble(to: &mut dyn Write, preamble: &Preamble) -> std::io::Result<()> {
    to.write_all(&MAGIC.to_le_bytes())?;
    for number in preamble.shape.numbers() {
        to.write_all(&number.to_le_bytes())?;
    }
    to.write_all(&preamble.mel_rows.to_le_bytes())?;
    to.write_all(&preamble.mel_columns.to_le_bytes())?;
    to.write_all(&preamble.mel)?;
    to.write_all(&as_i32(preamble.tokens.len())?.to_le_bytes())?;
    for token in &preamble.tokens {
        to.write_all(&as_i32(token.len())?.to_le_bytes())?;
        to.write_all(token)?;
    }
    Ok(())
}

/// Writes what stands before a tensor's values.
pub(super) fn write_head(to: &mut dyn Write, head: &TensorHead) -> std::io::Result<()> {
    to.write_all(&as_i32(head.dims.len())?.to_le_bytes())?;
    to.write_all(&as_i32(head.name.len())?.to_le_bytes())?;
    to.write_all(&head.number.id().to_le_bytes())?;
    for dim in head.dims.iter().rev() {
        to.write_all(&as_i32(*dim)?.to_le_bytes())?;
    }
    to.write_all(head.name.as_bytes())
}

fn as_i32(number: usize) -> std::io::Result<i32> {
    i32::try_from(number).map_err(std::io::Error::other)
}

/// Reads a ggml file from front to back.
pub(super) struct GgmlReader {
    path: PathBuf,
    reader: BufReader<File>,
    at: u64,
    left_bytes: u64,
}

impl GgmlReader {
    /// Opens `path` and reads everything before the tensors.
    pub(super) fn open(path: &Path) -> Result<(Self, Preamble), Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let left_bytes = file.metadata().map_err(Error::io("read", path))?.len();
        let mut reader = Self { path: path.to_path_buf(), reader: BufReader::new(file), at: 0, left_bytes };
        let preamble = reader.preamble()?;
        Ok((reader, preamble))
    }

    /// The next tensor's head, or `None` at the end. Its values must be read before the next call.
    pub(super) fn next_head(&mut self) -> Result<Option<TensorHead>, Error> {
        let Some((name, dims, id)) = self.next_raw_head()? else { return Ok(None) };
        let number = match id {
            0 => TensorNumber::F32,
            1 => TensorNumber::F16,
            7 => TensorNumber::Q5_1,
            8 => TensorNumber::Q8_0,
            _ => {
                let name = name.escape_default();
                return Err(self.refused(format!(
                    "tensor `{name}` has the number format {id}\nhint: read are f32, f16, q8_0 and q5_1 files"
                )));
            }
        };
        Ok(Some(TensorHead { name, dims, number }))
    }

    /// The same with the number format as ggml counts them: name, dimensions (outermost first), format.
    pub(super) fn next_raw_head(&mut self) -> Result<Option<(String, Vec<usize>, i32)>, Error> {
        if self.left_bytes == 0 {
            return Ok(None);
        }
        let (rank, name_bytes, id) = (self.number()?, self.number()?, self.number()?);
        if !(1..=4).contains(&rank) || !(1..=NAME_BYTES_MAX).contains(&name_bytes) {
            return Err(
                self.refused(format!("a tensor with {rank} dimensions and a name of {name_bytes} bytes"))
            );
        }
        let mut dims = Vec::new();
        let mut values: u64 = 1;
        for _ in 0..rank {
            let dim = self.number()?;
            if !(1..=DIMENSION_MAX).contains(&dim) {
                return Err(self.refused(format!("a tensor with a dimension of {dim}")));
            }
            values = values.saturating_mul(u64::from(dim.unsigned_abs()));
            dims.push(dim.unsigned_abs() as usize);
        }
        if values > VALUES_MAX {
            return Err(self.refused(format!("a tensor with {values} values")));
        }
        dims.reverse();
        let name = self.bytes(u64::from(name_bytes.unsigned_abs()))?;
        let name = String::from_utf8(name).map_err(|_| self.refused("a name that is not UTF-8"))?;
        Ok(Some((name, dims, id)))
    }

    /// The next `length` bytes of values.
    pub(super) fn bytes(&mut self, length: u64) -> Result<Vec<u8>, Error> {
        if length > self.left_bytes {
            return Err(self.refused("ends early"));
        }
        let length_here = usize::try_from(length).map_err(|_| self.refused("too big for this machine"))?;
        let mut bytes = vec![0; length_here];
        self.reader.read_exact(&mut bytes).map_err(Error::io("read", &self.path))?;
        self.at += length;
        self.left_bytes -= length;
        Ok(bytes)
    }

    /// Passes over the next `length` bytes and says where in the file they begin; `None` when it ends before.
    pub(super) fn skip(&mut self, length: u64) -> Result<Option<u64>, Error> {
        let Some(left_bytes) = self.left_bytes.checked_sub(length) else { return Ok(None) };
        let step = i64::try_from(length).map_err(|_| self.refused("too big for this machine"))?;
        self.reader.seek_relative(step).map_err(Error::io("read", &self.path))?;
        let begin = self.at;
        self.at += length;
        self.left_bytes = left_bytes;
        Ok(Some(begin))
    }

    /// The file, to read values that were passed over.
    pub(super) fn into_file(self) -> File {
        self.reader.into_inner()
    }

    fn preamble(&mut self) -> Result<Preamble, Error> {
        if self.number()?.cast_unsigned() != MAGIC {
            return Err(self.refused("not a ggml model of whisper.cpp"));
        }
        let mut numbers = [0; 11];
        for number in &mut numbers {
            *number = self.number()?;
        }
        let (mel_rows, mel_columns) = (self.number()?, self.number()?);
        let mel_values = i64::from(mel_rows) * i64::from(mel_columns);
        if mel_rows < 1 || mel_columns < 1 || mel_values > MEL_VALUES_MAX {
            return Err(self.refused(format!("a mel filter bank of {mel_rows} by {mel_columns}")));
        }
        let mel = self.bytes(4 * mel_values.unsigned_abs())?;
        let count = self.number()?;
        if !(1..=TOKENS_MAX).contains(&count) {
            return Err(self.refused(format!("{count} tokens")));
        }
        let mut tokens = Vec::new();
        for _ in 0..count {
            let length = self.number()?.cast_unsigned();
            if length > TOKEN_BYTES_MAX {
                return Err(self.refused(format!("a token of {length} bytes")));
            }
            tokens.push(self.bytes(u64::from(length))?);
        }
        Ok(Preamble { shape: Shape::from_numbers(numbers), mel_rows, mel_columns, mel, tokens })
    }

    fn number(&mut self) -> Result<i32, Error> {
        let bytes = self.bytes(4)?;
        Ok(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub(super) fn refused(&self, reason: impl Into<String>) -> Error {
        Error::format(&self.path, reason)
    }
}
