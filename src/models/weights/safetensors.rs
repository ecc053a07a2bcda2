//! The index of a safetensors file: eight bytes of length, that much JSON, then the values.
//!
//! Read by hand, because the format's own crate wants the whole file in memory or mapped into it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::{TENSORS_MAX, wire};
use crate::models::Error;
use crate::models::numbers::{Number, Stored};

/// The index of Whisper large has 150 kB.
const HEADER_BYTES_MAX: u64 = 8 * 1024 * 1024;
const LENGTH_BYTES: u64 = 8;
const RANK_MAX: usize = 4;

/// A tensor of a file.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) dims: Vec<usize>,
    pub(super) stored: Stored,
}

/// Opens a file and reads its index, every entry of which lies within the file.
pub(super) fn open(path: &Path) -> Result<(File, HashMap<String, Slot>), Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let file_bytes = file.metadata().map_err(Error::io("read", path))?.len();
    let mut reader = BufReader::new(file);
    let slots = index(&mut reader, file_bytes).map_err(|reason| Error::format(path, reason))?;
    Ok((reader.into_inner(), slots))
}

fn index(reader: &mut dyn Read, file_bytes: u64) -> Result<HashMap<String, Slot>, String> {
    let mut length = [0; LENGTH_BYTES as usize];
    reader.read_exact(&mut length).map_err(|error| format!("ends early: {error}"))?;
    let header_bytes = u64::from_le_bytes(length);
    if header_bytes > HEADER_BYTES_MAX {
        return Err(format!("not a safetensors file: an index of {header_bytes} bytes"));
    }
    let values_at = LENGTH_BYTES + header_bytes;
    let values_bytes = file_bytes.checked_sub(values_at).ok_or("ends early, in its index")?;
    let mut header = vec![0; header_bytes as usize];
    reader.read_exact(&mut header).map_err(|error| format!("ends early: {error}"))?;
    let header: wire::SafetensorsHeader =
        serde_json::from_slice(&header).map_err(|error| format!("the index is not valid: {error}"))?;
    if header.tensors.len() > TENSORS_MAX {
        return Err(format!("{} tensors, at most {TENSORS_MAX} are read", header.tensors.len()));
    }
    header
        .tensors
        .into_iter()
        .map(|(name, entry)| {
            let slot = slot(entry, (values_at, values_bytes));
            let slot = slot.map_err(|reason| format!("tensor `{}` {reason}", name.escape_default()))?;
            Ok((name, slot))
        })
        .collect()
}

fn slot(entry: wire::SafetensorsEntry, (values_at, values_bytes): (u64, u64)) -> Result<Slot, String> {
    let wire::SafetensorsEntry { dtype, shape: dims, data_offsets: (first, end) } = entry;
    let number = match dtype.as_str() {
        "F32" => Number::F32,
        "F16" => Number::F16,
        "BF16" => Number::Bf16,
        other => {
            let other = other.escape_default();
            return Err(format!(
                "is of type {other}, read are F32, F16 and BF16\nhint: save the model in one of these"
            ));
        }
    };
    if dims.len() > RANK_MAX {
        return Err(format!("has {} dimensions, at most {RANK_MAX} are read", dims.len()));
    }
    if end > values_bytes {
        return Err(format!("reaches beyond the file, which ends early: {end} of {values_bytes} bytes"));
    }
    let declared = end.checked_sub(first);
    if declared.is_none() || declared != number.bytes(&dims) {
        return Err(format!("of shape {dims:?} cannot lie from byte {first} to {end}"));
    }
    Ok(Slot { dims, stored: Stored { offset: values_at + first, number } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexed(header: &str, values_bytes: u64) -> Result<HashMap<String, Slot>, String> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        let file_bytes = bytes.len() as u64 + values_bytes;
        index(&mut bytes.as_slice(), file_bytes)
    }

    #[test]
    fn tensors_lie_behind_the_index() {
        let header = r#"{"__metadata__": {"format": "pt"}, "a": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [4, 16]}}"#;
        let slots = indexed(header, 16).unwrap();
        let expected = Stored { offset: 8 + header.len() as u64 + 4, number: Number::Bf16 };
        assert_eq!(
            (slots.len(), slots["a"].dims.as_slice(), slots["a"].stored),
            (1, [2, 3].as_slice(), expected)
        );
        assert!(indexed(header, 15).unwrap_err().contains("`a` reaches beyond the file"));
    }

    #[test]
    fn strange_entries_are_errors_that_name_the_tensor() {
        for (entry, reason) in [
            (r#"{"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}"#, "cannot lie"),
            (r#"{"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}"#, "cannot lie"),
            (r#"{"dtype": "F32", "shape": [2], "data_offsets": [92, 100]}"#, "beyond the file"),
            (r#"{"dtype": "F32", "shape": [1, 1, 1, 1, 1], "data_offsets": [0, 4]}"#, "dimensions"),
            (r#"{"dtype": "I8", "shape": [8], "data_offsets": [0, 8]}"#, "is of type I8"),
            (r#"{"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 0]}"#, "cannot lie"),
        ] {
            let error = indexed(&format!(r#"{{"big.weight": {entry}}}"#), 64).unwrap_err();
            assert!(error.contains("`big.weight`") && error.contains(reason), "{entry}: {error}");
        }
    }

    #[test]
    fn an_index_that_is_none_is_an_error() {
        for header in [
            "",
            "[]",
            "{",
            "7",
            r#"{"a": 7}"#,
            r#"{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}"#,
            r#"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}"#,
        ] {
            assert!(indexed(header, 64).unwrap_err().contains("not valid"), "{header}");
        }
        let mut long = &[0xff; 64][..];
        assert!(index(&mut long, 64).unwrap_err().contains("not a safetensors file"));
        let mut cut = &[9, 0, 0, 0, 0, 0, 0, 0, b'{'][..];
        assert!(index(&mut cut, 9).unwrap_err().contains("ends early"));
    }
}
