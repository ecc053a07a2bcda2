//! The header of RIFF/WAVE, RF64 and BW64 files.
//!
//! Symphonia reads WAVE as well, but refuses or misreads what telephone recorders write: a data size of zero from a
//! recorder that was killed, G.711 with a `fmt ` chunk of 16 bytes, files beyond 4 GiB.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::{Encoding, Error};

/// Chunks before the audio. Real files have a handful; a longer chain is a hostile one.
const MAX_CHUNKS: usize = 1_000;

/// Sizes that writers to a pipe put because they cannot know better (all ones: ffmpeg and others; 2 GiB - 4 KiB: sox).
const UNKNOWN_SIZES: [u32; 2] = [u32::MAX, 0x7fff_f000];

/// What the header says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) is_adpcm: bool,
    pub(super) encoding: Encoding,
    pub(super) rate_hz: u32,
    pub(super) channels: usize,
    /// First byte of the audio.
    pub(super) data_start: u64,
    /// Bytes of audio as declared; `None` when the writer did not know, then it goes to the end of the file.
    pub(super) data_bytes: Option<u64>,
}

struct Format {
    is_adpcm: bool,
    encoding: Encoding,
    rate_hz: u32,
    channels: usize,
}

/// Reads up to the first byte of audio.
pub(super) fn read_header(path: &Path, file: &mut File, file_bytes: u64) -> Result<Header, Error> {
    let mut walk = Walk { path, file, position: 12 };
    walk.seek(12)?;
    let mut format = None;
    let mut long_data_bytes = None;
    for _ in 0..MAX_CHUNKS {
        let (id, size) = walk.chunk()?;
        let body = walk.position;
        match &id {
            b"fmt " => format = Some(read_format(&mut walk, size)?),
            b"ds64" if size >= 16 => {
                let fields: [u8; 16] = walk.bytes()?;
                long_data_bytes = Some(u64::from_le_bytes(half(&fields, 8)));
            }
            b"data" => {
                let Some(format) = format else {
                    return Err(walk.malformed("the audio comes before its format"));
                };
                let data_bytes = walk.data_bytes(size, long_data_bytes, file_bytes)?;
                return Ok(Header {
                    is_adpcm: format.is_adpcm,
                    encoding: format.encoding,
                    rate_hz: format.rate_hz,
                    channels: format.channels,
                    data_start: body,
                    data_bytes,
                });
            }
            _ => {}
        }
        // Chunks are padded to an even length.
        let next = body + u64::from(size) + u64::from(size & 1);
        if next >= file_bytes {
            return Err(walk.malformed("the WAV file ends before its audio begins"));
        }
        walk.seek(next)?;
    }
    Err(walk.malformed("more than 1000 chunks before the audio"))
}

struct Walk<'a> {
    path: &'a Path,
    file: &'a mut File,
    position: u64,
}

impl Walk<'_> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes).map_err(|source| self.read_error(source))?;
        self.position += N as u64;
        Ok(bytes)
    }

    fn chunk(&mut self) -> Result<([u8; 4], u32), Error> {
        let bytes: [u8; 8] = self.bytes()?;
        let [a, b, c, d, size @ ..] = bytes;
        Ok(([a, b, c, d], u32::from_le_bytes(size)))
    }

    fn seek(&mut self, position: u64) -> Result<(), Error> {
        self.file.seek(SeekFrom::Start(position)).map_err(|source| self.read_error(source))?;
        self.position = position;
        Ok(())
    }

    fn read_error(&self, source: std::io::Error) -> Error {
        if source.kind() == std::io::ErrorKind::UnexpectedEof {
            self.malformed("the WAV file ends before its audio begins")
        } else {
            Error::Unreadable { path: self.path.to_path_buf(), source }
        }
    }

    fn malformed(&self, detail: &str) -> Error {
        Error::Malformed { path: self.path.to_path_buf(), detail: detail.to_owned() }
    }

    /// The declared length of the audio, at the first byte after the `data` header.
    fn data_bytes(
        &mut self,
        size: u32,
        long_size: Option<u64>,
        file_bytes: u64,
    ) -> Result<Option<u64>, Error> {
        if size == u32::MAX && long_size.is_some_and(|long| long != 0) {
            return Ok(long_size);
        }
        let left = file_bytes.saturating_sub(self.position);
        if size == 0 && left >= 8 {
            // A recorder that never came back to fill in the size, unless an ordinary chunk follows.
            let start = self.position;
            let (id, next_size) = self.chunk()?;
            let is_chunk = id.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
                && u64::from(next_size) + 8 <= left;
            self.seek(start)?;
            return Ok(is_chunk.then_some(0));
        }
        let is_unknown = UNKNOWN_SIZES.contains(&size) && u64::from(size) > left;
        Ok((!is_unknown).then_some(u64::from(size)))
    }
}

fn half<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[from..from + N]);
    field
}

fn read_format(walk: &mut Walk<'_>, size: u32) -> Result<Format, Error> {
    if size < 16 {
        return Err(walk.malformed("the format chunk is too short"));
    }
    let fields: [u8; 16] = walk.bytes()?;
    let mut tag = u16::from_le_bytes(half(&fields, 0));
    let channels = usize::from(u16::from_le_bytes(half(&fields, 2)));
    let rate_hz = u32::from_le_bytes(half(&fields, 4));
    let frame_bytes = usize::from(u16::from_le_bytes(half(&fields, 12)));
    let bits = u16::from_le_bytes(half(&fields, 14));
    if tag == TAG_EXTENSIBLE && size >= 40 {
        // Length of the extension, valid bits, channel mask, then a GUID whose first two bytes are the plain tag.
        let extension: [u8; 24] = walk.bytes()?;
        tag = u16::from_le_bytes(half(&extension, 8));
    }
    super::checked_shape(walk.path, rate_hz, channels)?;
    let is_adpcm = matches!(tag, 0x0002 | 0x0011);
    let encoding = if is_adpcm { Encoding::S16Le } else { encoding(walk, tag, bits)? };
    if !is_adpcm && frame_bytes != encoding.sample_bytes() * channels {
        return Err(walk.malformed("the frame size contradicts the sample size and the channels"));
    }
    Ok(Format { is_adpcm, encoding, rate_hz, channels })
}

const TAG_EXTENSIBLE: u16 = 0xfffe;

fn encoding(walk: &Walk<'_>, tag: u16, bits: u16) -> Result<Encoding, Error> {
    let codec = match (tag, bits) {
        // Sizes that are no whole bytes are left-justified in the next whole byte.
        (0x0001, 1..=8) => return Ok(Encoding::U8),
        (0x0001, 9..=16) => return Ok(Encoding::S16Le),
        (0x0001, 17..=24) => return Ok(Encoding::S24Le),
        (0x0001, 25..=32) => return Ok(Encoding::S32Le),
        (0x0003, 32) => return Ok(Encoding::F32Le),
        (0x0003, 64) => return Ok(Encoding::F64Le),
        (0x0006, _) => return Ok(Encoding::ALaw),
        (0x0007, _) => return Ok(Encoding::MuLaw),
        (0x0001 | 0x0003, _) => format!("{bits}-bit WAV"),
        (0x0022, _) => "TrueSpeech in WAV".to_owned(),
        (0x0031 | 0x0032, _) => "GSM 6.10 in WAV (WAV49)".to_owned(),
        (0x0038, _) => "AMR-NB in WAV".to_owned(),
        (0x0040 | 0x0014, _) => "G.721 or G.723 ADPCM in WAV".to_owned(),
        (0x0042 | 0x0111, _) => "G.723.1 in WAV".to_owned(),
        (0x0045 | 0x0064 | 0x0085, _) => "G.726 in WAV".to_owned(),
        (0x0050 | 0x0055, _) => "MPEG audio in WAV".to_owned(),
        (0x0065 | 0x028f, _) => "G.722 in WAV".to_owned(),
        (0x0083 | 0x0133, _) => "G.729 in WAV".to_owned(),
        (0x00ff | 0x1600 | 0x1602, _) => "AAC in WAV".to_owned(),
        (0x0160..=0x0163, _) => "Windows Media Audio in WAV".to_owned(),
        _ => format!("WAV coding {tag:#06x}"),
    };
    Err(Error::UnsupportedCodec { path: walk.path.to_path_buf(), codec })
}
