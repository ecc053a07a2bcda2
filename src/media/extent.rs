//! Where a file should end by its own account.
//!
//! Symphonia looks behind the audio of MP4, AIFF and CAF files before it reads any of it, or refuses a Matroska segment that
//! runs over the end, and finds nothing at all in a recording that was cut. Told the length that the file should have, it opens, and reads what is there.

use std::io::{Read, Seek, SeekFrom};

use super::edits;

/// The largest length that is believed: a day of eight channels at 384 kHz in 64 bits has 2 TB.
const MAX_FILE_BYTES: u64 = 4 << 40;

/// Chunks of a CAF file that are looked at; real ones have less than ten.
const MAX_CHUNKS: usize = 100;

/// The declared length of the file, at least `file_bytes`.
pub(super) fn declared_end(file: &mut (impl Read + Seek), file_bytes: u64) -> u64 {
    let Some(head) = bytes::<8>(file, 0) else { return file_bytes };
    let declared = match head {
        [_, _, _, _, b'f', b't', b'y', b'p'] => edits::boxes_end(file, file_bytes),
        [b'F', b'O', b'R', b'M', size @ ..] => Some(u64::from(u32::from_be_bytes(size)) + 8),
        [b'c', b'a', b'f', b'f', ..] => caf_end(file, file_bytes),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => matroska_end(file),
        _ => None,
    };
    declared.filter(|&end| end < MAX_FILE_BYTES).map_or(file_bytes, |end| end.max(file_bytes))
}

fn caf_end(file: &mut (impl Read + Seek), file_bytes: u64) -> Option<u64> {
    let mut position = 8_u64;
    for _ in 0..MAX_CHUNKS {
        if position >= file_bytes {
            break;
        }
        let [_, _, _, _, size @ ..] = bytes::<12>(file, position)?;
        // A writer that does not know the length of its audio puts -1: then the file ends where it ends.
        let size = u64::try_from(i64::from_be_bytes(size)).ok()?;
        position = position.checked_add(12)?.checked_add(size)?;
    }
    Some(position)
}

/// The end of the segment that follows the EBML header.
fn matroska_end(file: &mut (impl Read + Seek)) -> Option<u64> {
    let (header, header_bytes) = ebml_size(bytes::<8>(file, 4)?)?;
    let segment = 4_u64.checked_add(header_bytes)?.checked_add(header)?;
    let [0x18, 0x53, 0x80, 0x67, size @ ..] = bytes::<12>(file, segment)? else { return None };
    let (body, size_bytes) = ebml_size(size)?;
    segment.checked_add(4)?.checked_add(size_bytes)?.checked_add(body)
}

/// A size of EBML and its own length; `None` for the unknown size (all ones) that live writers put.
fn ebml_size(bytes: [u8; 8]) -> Option<(u64, u64)> {
    let length = bytes[0].leading_zeros() + 1;
    let value_bits = 7 * length;
    let value =
        u64::from_be_bytes(bytes).checked_shr(64_u32.checked_sub(8 * length)?)? & ((1 << value_bits) - 1);
    (value != (1 << value_bits) - 1).then_some((value, u64::from(length)))
}

fn bytes<const N: usize>(file: &mut (impl Read + Seek), position: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(position)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn end_of(bytes: &[u8]) -> u64 {
        declared_end(&mut Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn a_cut_file_tells_where_it_should_end() {
        assert_eq!(end_of(b"FORM\0\0\x10\0AIFF"), 0x1008);
        assert_eq!(
            end_of(b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x02abdata\0\0\0\0\0\0\x10\0x"),
            22 + 12 + 0x1000
        );
        assert_eq!(end_of(b"\x1a\x45\xdf\xa3\x81\0\x18\x53\x80\x67\x50\x00abcdef"), 6 + 4 + 2 + 0x1000);
        assert_eq!(end_of(b"\0\0\0\x08ftyp\0\0\x10\0mdatxyz"), 8 + 0x1000);
    }

    #[test]
    fn an_unknown_or_absurd_length_is_the_length_of_the_file() {
        assert_eq!(end_of(b"caff\0\x01\0\0data\xff\xff\xff\xff\xff\xff\xff\xffxyz"), 23);
        assert_eq!(end_of(b"caff\0\x01\0\0data\x7f\xff\xff\xff\xff\xff\xff\xffxyz"), 23);
        assert_eq!(end_of(b"\x1a\x45\xdf\xa3\x81\0\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"), 18);
        assert_eq!(end_of(b"fLaC\0\0\0\x22"), 8);
        assert_eq!(end_of(b"FO"), 2);
    }
}
