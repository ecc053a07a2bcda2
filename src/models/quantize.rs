//! Makes a ggml model smaller, by the library that whisper-rs links.
//!
//! Which tensors are quantised is whisper.cpp's own rule: all matrices (two dimensions) but the biases of the
//! convolutions and the two tables of positions; everything else is copied. The header's number format carries the
//! version of the block formats.
//!
//! One of the few places of the program with `unsafe` (ARCHITECTURE.md has them all), because the library is C.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use whisper_rs::whisper_rs_sys as sys;

use super::ggml::{self, GgmlReader, TensorHead, TensorNumber};
use super::{Error, Quantisation, half};
use crate::progress::Progress;

/// Both formats quantise blocks of 32 values of one row.
const BLOCK_VALUES: usize = 32;
/// Values held in memory at a time.
const CHUNK_VALUES: usize = 1 << 20;
const KEPT: [&str; 4] = [
    "encoder.conv1.bias",
    "encoder.conv2.bias",
    "encoder.positional_embedding",
    "decoder.positional_embedding",
];

/// Quantises the model at `input` into `output`, which is overwritten; write to a temporary name and rename. `progress` is
/// moved by tensors and finished.
///
/// # Errors
/// [`Error::Format`] when `input` is not an unquantised ggml Whisper model, [`Error::Io`].
pub fn quantise(input: &Path, output: &Path, how: Quantisation, progress: &Progress) -> Result<(), Error> {
    let (mut reader, mut preamble) = GgmlReader::open(input)?;
    if !(0..=ggml::FTYPE_F16).contains(&preamble.shape.ftype) {
        return Err(reader.refused("already quantised"));
    }
    preamble.shape.ftype = ftype(how);
    let file = File::create(output).map_err(Error::io("create", output))?;
    let mut to = BufWriter::new(file);
    ggml::write_preamble(&mut to, &preamble).map_err(Error::io("write", output))?;
    while let Some(head) = reader.next_head()? {
        let is_quantised = head.dims.len() == 2 && !KEPT.contains(&head.name.as_str());
        let (number, bytes) = if is_quantised {
            (stored(how), quantised(&mut reader, &head, how)?)
        } else {
            (head.number, copied(&mut reader, &head)?)
        };
        let head = TensorHead { number, ..head };
        ggml::write_head(&mut to, &head)
            .and_then(|()| to.write_all(&bytes))
            .map_err(Error::io("write", output))?;
        progress.advance(1);
    }
    to.flush().map_err(Error::io("write", output))?;
    progress.finish("done");
    Ok(())
}

/// The header's number: block format and the version of the block formats.
fn ftype(how: Quantisation) -> i32 {
    let format = match how {
        Quantisation::Q8_0 => sys::ggml_ftype_GGML_FTYPE_MOSTLY_Q8_0,
        Quantisation::Q5_1 => sys::ggml_ftype_GGML_FTYPE_MOSTLY_Q5_1,
    };
    let version = sys::GGML_QNT_VERSION * sys::GGML_QNT_VERSION_FACTOR;
    format + i32::try_from(version).expect("the version is 2000")
}

const fn stored(how: Quantisation) -> TensorNumber {
    match how {
        Quantisation::Q8_0 => TensorNumber::Q8_0,
        Quantisation::Q5_1 => TensorNumber::Q5_1,
    }
}

const fn block_bytes(how: Quantisation) -> usize {
    match how {
        // A half-precision scale and 32 bytes.
        Quantisation::Q8_0 => 34,
        // Two half-precision numbers, 32 high bits, 32 half bytes.
        Quantisation::Q5_1 => 24,
    }
}

fn plain_bytes(reader: &GgmlReader, head: &TensorHead) -> Result<usize, Error> {
    head.number.bytes().ok_or_else(|| reader.refused(format!("tensor `{}` is already quantised", head.name)))
}

fn copied(reader: &mut GgmlReader, head: &TensorHead) -> Result<Vec<u8>, Error> {
    let values: usize = head.dims.iter().product();
    let length = values * plain_bytes(reader, head)?;
    reader.bytes(length as u64)
}

fn quantised(reader: &mut GgmlReader, head: &TensorHead, how: Quantisation) -> Result<Vec<u8>, Error> {
    let (rows, row_length) = (head.dims[0], head.dims[1]);
    let number_bytes = plain_bytes(reader, head)?;
    if row_length % BLOCK_VALUES != 0 {
        let reason =
            format!("rows of `{}` have {row_length} values, not a multiple of {BLOCK_VALUES}", head.name);
        return Err(reader.refused(reason));
    }
    let rows_at_once = (CHUNK_VALUES / row_length).max(1);
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < rows {
        let count = rows_at_once.min(rows - at);
        let bytes = reader.bytes((count * row_length * number_bytes) as u64)?;
        let values: Vec<f32> = if number_bytes == 2 {
            bytes.as_chunks::<2>().0.iter().map(|word| half::to_f32(u16::from_le_bytes(*word))).collect()
        } else {
            bytes.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
        };
        if values.iter().any(|value| !value.is_finite()) {
            return Err(reader.refused(format!("`{}` holds a value that is no number", head.name)));
        }
        blocks.extend(quantise_rows(&values, row_length, how));
        at += count;
    }
    Ok(blocks)
}

/// Whole rows of finite values, whose length is a multiple of 32, as blocks.
fn quantise_rows(values: &[f32], row_length: usize, how: Quantisation) -> Vec<u8> {
    let kind = match how {
        Quantisation::Q8_0 => sys::ggml_type_GGML_TYPE_Q8_0,
        Quantisation::Q5_1 => sys::ggml_type_GGML_TYPE_Q5_1,
    };
    assert!(
        row_length.is_multiple_of(BLOCK_VALUES) && values.len().is_multiple_of(row_length),
        "callers pass whole rows"
    );
    let length = values.len() / BLOCK_VALUES * block_bytes(how);
    // Words rather than bytes: the library writes structures that hold 32-bit numbers.
    let mut blocks = vec![0_u32; length.div_ceil(4)];
    let rows = (values.len() / row_length) as i64;
    // SAFETY: `values` holds `rows` rows of `row_length` values (asserted above). The library writes one block of
    // `block_bytes` for every 32 of them, `length` bytes in all, which `blocks` holds with the alignment of the
    // block structures. Neither format uses an importance matrix, so null is allowed.
    #[expect(unsafe_code, reason = "the block formats are defined by the C library that also reads them")]
    let written = unsafe {
        sys::ggml_quantize_chunk(
            kind,
            values.as_ptr(),
            blocks.as_mut_ptr().cast(),
            0,
            rows,
            row_length as i64,
            std::ptr::null(),
        )
    };
    assert_eq!(written, length, "the block size is part of the format");
    let mut bytes: Vec<u8> = blocks.iter().flat_map(|word| word.to_ne_bytes()).collect();
    bytes.truncate(length);
    bytes
}
