//! The number formats of stored weights, turned into f32.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::half;

/// Values of one block of a block format.
const BLOCK_VALUES: usize = 32;
/// Values decoded at a time: only the floats of a tensor are held whole, not its bytes too. A multiple of a block.
pub(super) const CHUNK_VALUES: usize = 1 << 20;

/// How a number is stored; little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    F32,
    F16,
    Bf16,
    /// 32 signed bytes with one half-precision step.
    Q8_0,
    /// 32 numbers of 5 bits with one half-precision step and minimum.
    Q5_1,
}

/// Where the values of a tensor lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) offset: u64,
    pub(super) number: Number,
}

impl Number {
    /// Values and bytes of the smallest piece that can be decoded alone.
    const fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q8_0 => (BLOCK_VALUES, 2 + BLOCK_VALUES),
            Self::Q5_1 => (BLOCK_VALUES, 2 + 2 + BLOCK_VALUES / 8 + BLOCK_VALUES / 2),
        }
    }

    /// Bytes of a tensor of this shape; `None` when its rows do not hold whole blocks or the product overflows.
    pub(super) fn bytes(self, dims: &[usize]) -> Option<u64> {
        let (block_values, block_bytes) = self.block();
        if !dims.last().is_none_or(|row| row.is_multiple_of(block_values)) {
            return None;
        }
        let values = dims.iter().try_fold(1_u64, |product, dim| product.checked_mul(*dim as u64))?;
        (values / block_values as u64).checked_mul(block_bytes as u64)
    }

    /// Appends the values of `bytes`, which are whole blocks; a rest is left out.
    pub(super) fn decode(self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            Self::F32 => values.extend(words(bytes).map(f32::from_le_bytes)),
            Self::F16 => values.extend(words(bytes).map(half_at)),
            Self::Bf16 => values
                .extend(words(bytes).map(|word| f32::from_bits(u32::from(u16::from_le_bytes(word)) << 16))),
            Self::Q8_0 => words::<34>(bytes).for_each(|block| decode_q8_0(&block, values)),
            Self::Q5_1 => words::<24>(bytes).for_each(|block| decode_q5_1(&block, values)),
        }
    }
}

impl Stored {
    /// Reads `count` values. The caller has checked that the file holds them: the memory for them is taken at once.
    pub(super) fn read(self, file: &mut File, count: usize) -> std::io::Result<Vec<f32>> {
        let (block_values, block_bytes) = self.number.block();
        let mut values = Vec::with_capacity(count);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.offset))?;
        while values.len() < count {
            let blocks = (count - values.len()).min(CHUNK_VALUES).div_ceil(block_values);
            bytes.resize(blocks * block_bytes, 0);
            file.read_exact(&mut bytes)?;
            self.number.decode(&bytes, &mut values);
        }
        Ok(values)
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    let (words, _) = bytes.as_chunks::<N>();
    words.iter().copied()
}

fn half_at(word: [u8; 2]) -> f32 {
    half::to_f32(u16::from_le_bytes(word))
}

fn decode_q8_0(block: &[u8; 34], values: &mut Vec<f32>) {
    let step = half_at([block[0], block[1]]);
    values.extend(block[2..].iter().map(|byte| f32::from(byte.cast_signed()) * step));
}

/// Behind step and minimum lie the fifth bits, one a value, then the lower four: those of the first sixteen values in
/// the low halves of sixteen bytes, those of the last sixteen in the high halves.
fn decode_q5_1(block: &[u8; 24], values: &mut Vec<f32>) {
    let step = half_at([block[0], block[1]]);
    let minimum = half_at([block[2], block[3]]);
    let fifths = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    values.extend((0..BLOCK_VALUES).map(|index| {
        let byte = block[8 + index % 16];
        let low = if index < 16 { byte & 0x0f } else { byte >> 4 };
        let fifth = (fifths >> index) & 1;
        f32::from(low | ((fifth as u8) << 4)) * step + minimum
    }));
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn decoded(number: Number, bytes: &[u8]) -> Vec<f32> {
        let mut values = Vec::new();
        number.decode(bytes, &mut values);
        values
    }

    #[test]
    fn plain_numbers_are_right() {
        assert_eq!(decoded(Number::F32, &[0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]), [1.0, -2.0]);
        assert_eq!(decoded(Number::F16, &[0x00, 0x3c, 0x00, 0xc0]), [1.0, -2.0]);
        assert_eq!(decoded(Number::Bf16, &[0x80, 0x3f, 0x00, 0xc0]), [1.0, -2.0]);
    }

    #[test]
    fn blocks_are_right() {
        // Step one half.
        let mut block = vec![0x00, 0x38];
        block.extend((0..32_i8).map(|index| (index - 16).cast_unsigned()));
        let expected: Vec<f32> = (0..32_i8).map(|index| f32::from(index - 16) / 2.0).collect();
        assert_eq!(decoded(Number::Q8_0, &block), expected);

        // Step one half, minimum -4; the values count up from 0 to 31, so the fifth bit is that of the last sixteen.
        let mut block = vec![0x00, 0x38, 0x00, 0xc4, 0x00, 0x00, 0xff, 0xff];
        block.extend((0..16_u8).map(|index| index << 4 | index));
        let expected: Vec<f32> = (0..32_u8).map(|index| f32::from(index) / 2.0 - 4.0).collect();
        assert_eq!(decoded(Number::Q5_1, &block), expected);
    }

    #[test]
    fn sizes_are_those_of_the_formats() {
        assert_eq!(Number::F32.bytes(&[3, 5]), Some(60));
        assert_eq!(Number::Bf16.bytes(&[3, 5]), Some(30));
        assert_eq!(Number::Q8_0.bytes(&[3, 64]), Some(3 * 2 * 34));
        assert_eq!(Number::Q5_1.bytes(&[3, 64]), Some(3 * 2 * 24));
        assert_eq!(Number::Q8_0.bytes(&[32, 5]), None, "a block does not go over the end of a row");
        assert_eq!(Number::F32.bytes(&[usize::MAX, 2]), None);
    }

    #[test]
    fn a_tensor_of_several_chunks_is_read_whole() {
        let count = 2 * CHUNK_VALUES + 5;
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..count).flat_map(|index| ((index % 2048) as f32).to_le_bytes()).collect();
        file.write_all(b"head").unwrap();
        file.write_all(&bytes).unwrap();
        let values = Stored { offset: 4, number: Number::F32 }.read(&mut file, count).unwrap();
        assert_eq!(values.len(), count);
        assert!(values.iter().enumerate().all(|(index, value)| *value == (index % 2048) as f32));
        assert!(Stored { offset: 5, number: Number::F32 }.read(&mut file, count).is_err());
    }

    proptest! {
        #[test]
        fn cutting_at_blocks_changes_nothing(bytes in prop::collection::vec(any::<u8>(), 24 * 34), at in 0_usize..24) {
            for number in [Number::F16, Number::Q8_0, Number::Q5_1] {
                let cut = at * number.block().1;
                let mut values = decoded(number, &bytes[..cut]);
                number.decode(&bytes[cut..], &mut values);
                let whole = decoded(number, &bytes);
                let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(&values), bits(&whole));
            }
        }
    }
}
