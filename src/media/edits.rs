//! The edit list of an MP4 audio track: which part of the coded audio is the recording.
//!
//! AAC starts with 1024 or more samples of encoder delay (128 ms at 8 kHz) and ends in padding; MP4 says so in an edit
//! list, which symphonia reads but does not apply. Only the plain case is taken: one edit that plays one stretch.

use std::io::{Read, Seek, SeekFrom};

/// The played stretch, as numbers of ticks with the ticks of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) start: (u64, u32),
    pub(super) length: (u64, u32),
}

/// Boxes looked at in one file. Fragmented files have two a second at the top level, and no edit list of use.
const MAX_BOXES: usize = 4_096;

/// Finds the edit of the first audio track; `None` where there is none, or more than one, or the file is broken
/// (which the demuxer will say).
pub(super) fn read(file: &mut (impl Read + Seek), file_bytes: u64) -> Option<Edit> {
    let mut walk = Walk { file, boxes_left: MAX_BOXES };
    let whole = Extent { start: 0, end: file_bytes };
    let moov = walk.find(whole, b"moov")?;
    let mvhd = walk.find(moov, b"mvhd")?;
    let movie_scale = walk.timescale(mvhd)?;
    let mut after = moov;
    loop {
        let trak = walk.find(after, b"trak")?;
        after.start = trak.end;
        let mdia = walk.find(trak, b"mdia")?;
        let hdlr = walk.find(mdia, b"hdlr")?;
        let [_, _, _, _, _, _, _, _, handler @ ..] = walk.bytes::<12>(hdlr.start)?;
        if &handler != b"soun" {
            continue;
        }
        let mdhd = walk.find(mdia, b"mdhd")?;
        let media_scale = walk.timescale(mdhd)?;
        let edts = walk.find(trak, b"edts")?;
        let elst = walk.find(edts, b"elst")?;
        let (length, start) = walk.single_edit(elst)?;
        return Some(Edit { start: (start, media_scale), length: (length, movie_scale) });
    }
}

/// Where the last box at the top level ends, which lies beyond the end of a file that was cut.
pub(super) fn boxes_end(file: &mut (impl Read + Seek), file_bytes: u64) -> Option<u64> {
    let mut walk = Walk { file, boxes_left: MAX_BOXES };
    let mut position = 0;
    while position < file_bytes {
        // A box of unknown size runs to the end of the file, which gives an end that nobody believes.
        let (_, _, end) = walk.header(position, u64::MAX)?;
        position = end;
    }
    Some(position)
}

/// The body of a box.
#[derive(Debug, Clone, Copy)]
struct Extent {
    start: u64,
    end: u64,
}

struct Walk<'a, F> {
    file: &'a mut F,
    boxes_left: usize,
}

impl<F: Read + Seek> Walk<'_, F> {
    fn bytes<const N: usize>(&mut self, position: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.file.seek(SeekFrom::Start(position)).ok()?;
        self.file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The first box of a kind within `parent`.
    fn find(&mut self, parent: Extent, kind: &[u8; 4]) -> Option<Extent> {
        let mut position = parent.start;
        while position.checked_add(8)? <= parent.end {
            let (found, start, end) = self.header(position, parent.end)?;
            if &found == kind {
                return Some(Extent { start, end });
            }
            position = end;
        }
        None
    }

    /// Kind, first byte of the body and end of the box at `position`.
    fn header(&mut self, position: u64, limit: u64) -> Option<([u8; 4], u64, u64)> {
        self.boxes_left = self.boxes_left.checked_sub(1)?;
        let [a, b, c, d, kind @ ..] = self.bytes::<8>(position)?;
        let (header, size) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (8, limit - position),
            1 => (16, u64::from_be_bytes(self.bytes::<8>(position + 8)?)),
            size => (8, u64::from(size)),
        };
        let end = position.checked_add(size).filter(|&end| size >= header && end <= limit)?;
        Some((kind, position + header, end))
    }

    /// Ticks of a second, of a movie or media header.
    fn timescale(&mut self, header: Extent) -> Option<u32> {
        let [version, ..] = self.bytes::<4>(header.start)?;
        let offset = if version == 1 { 20 } else { 12 };
        Some(u32::from_be_bytes(self.bytes(header.start + offset)?)).filter(|&scale| scale != 0)
    }

    /// Length and start of the one edit that plays something; an empty edit before it is a late start, which is kept
    /// out because all tracks of a call start together.
    fn single_edit(&mut self, list: Extent) -> Option<(u64, u64)> {
        let [version, _, _, _, count @ ..] = self.bytes::<8>(list.start)?;
        let mut found = None;
        for index in 0..u64::from(u32::from_be_bytes(count)) {
            let (length, start) = if version == 1 {
                let [a @ .., _, _, _, _, _, _, _, _] = self.bytes::<16>(list.start + 8 + index * 20)?;
                let start = self.bytes::<8>(list.start + 16 + index * 20)?;
                (u64::from_be_bytes(a), i64::from_be_bytes(start))
            } else {
                let length = self.bytes::<4>(list.start + 8 + index * 12)?;
                let start = self.bytes::<4>(list.start + 12 + index * 12)?;
                (u64::from(u32::from_be_bytes(length)), i64::from(i32::from_be_bytes(start)))
            };
            let Ok(start) = u64::try_from(start) else { continue };
            if found.replace((length, start)).is_some() || index > 1 {
                return None;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len() + 8).unwrap();
        [&size.to_be_bytes()[..], kind, body].concat()
    }

    fn file_with(edits: &[(u32, i32)]) -> Vec<u8> {
        let scale = |hz: u32| [&[0; 12][..], &hz.to_be_bytes(), &[0; 4]].concat();
        let entries = edits.iter().flat_map(|(length, start)| {
            [length.to_be_bytes(), start.to_be_bytes(), 0x0001_0000u32.to_be_bytes()].concat()
        });
        let mut list = vec![0; 4];
        list.extend(u32::try_from(edits.len()).unwrap().to_be_bytes());
        list.extend(entries);
        let hdlr = atom(b"hdlr", b"\0\0\0\0\0\0\0\0soun\0\0\0\0");
        let mdia = atom(b"mdia", &[atom(b"mdhd", &scale(8_000)), hdlr].concat());
        let trak = atom(b"trak", &[atom(b"edts", &atom(b"elst", &list)), mdia].concat());
        let video = atom(b"trak", &atom(b"mdia", &atom(b"hdlr", b"\0\0\0\0\0\0\0\0vide")));
        let moov = atom(b"moov", &[atom(b"mvhd", &scale(1_000)), video, trak].concat());
        [atom(b"ftyp", b"M4A "), moov].concat()
    }

    fn edit_of(bytes: &[u8]) -> Option<Edit> {
        read(&mut Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn one_edit_is_taken_and_an_empty_one_before_it_ignored() {
        let expected = Some(Edit { start: (1_024, 8_000), length: (3_000, 1_000) });
        assert_eq!(edit_of(&file_with(&[(3_000, 1_024)])), expected);
        assert_eq!(edit_of(&file_with(&[(20, -1), (3_000, 1_024)])), expected);
    }

    #[test]
    fn several_edits_or_none_are_left_alone() {
        assert_eq!(edit_of(&file_with(&[])), None);
        assert_eq!(edit_of(&file_with(&[(100, 0), (200, 500)])), None);
    }

    #[test]
    fn a_file_cut_anywhere_does_no_harm() {
        let whole = file_with(&[(3_000, 1_024)]);
        for length in 0..whole.len() {
            edit_of(&whole[..length]);
            let end = boxes_end(&mut Cursor::new(&whole[..length]), length as u64);
            assert!(end.is_none_or(|end| [0, 12, whole.len() as u64].contains(&end)), "{end:?} of {length}");
        }
    }
}
