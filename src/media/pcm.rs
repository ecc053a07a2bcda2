//! Samples that lie in the file as they are: the audio of WAV files, and files without a header.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::wave::Header;
use super::{Codec, Container, Error, RecordingInfo, checked_shape};
use crate::audio::SampleRate;
use crate::audio::g711::Law;

/// How one sample lies in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// 8-bit unsigned.
    U8,
    /// 16-bit signed, little-endian.
    S16Le,
    /// 16-bit signed, big-endian.
    S16Be,
    /// 24-bit signed, little-endian, packed.
    S24Le,
    /// 32-bit signed, little-endian.
    S32Le,
    /// 32-bit floating point, little-endian.
    F32Le,
    /// 64-bit floating point, little-endian.
    F64Le,
    /// G.711 A-law.
    ALaw,
    /// G.711 µ-law.
    MuLaw,
}

impl Encoding {
    /// Every encoding with the name that `--raw` takes.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("s16le", Self::S16Le),
        ("s16be", Self::S16Be),
        ("u8", Self::U8),
        ("s24le", Self::S24Le),
        ("s32le", Self::S32Le),
        ("f32le", Self::F32Le),
        ("f64le", Self::F64Le),
        ("alaw", Self::ALaw),
        ("mulaw", Self::MuLaw),
    ];

    /// Bytes of one sample.
    pub const fn sample_bytes(self) -> usize {
        match self {
            Self::U8 | Self::ALaw | Self::MuLaw => 1,
            Self::S16Le | Self::S16Be => 2,
            Self::S24Le => 3,
            Self::S32Le | Self::F32Le => 4,
            Self::F64Le => 8,
        }
    }

    const fn codec(self) -> Codec {
        match self {
            Self::U8 | Self::S16Le | Self::S16Be | Self::S24Le | Self::S32Le => Codec::Pcm,
            Self::F32Le | Self::F64Le => Codec::Float,
            Self::ALaw => Codec::ALaw,
            Self::MuLaw => Codec::MuLaw,
        }
    }

    /// Appends one channel of whole interleaved frames.
    fn extract(self, bytes: &[u8], place: Place, plane: &mut Vec<f32>) {
        match self {
            Self::U8 => plane.extend(place.samples(bytes).map(|[a]| (f32::from(a) - 128.0) / 128.0)),
            Self::S16Le => {
                plane.extend(place.samples(bytes).map(|b| f32::from(i16::from_le_bytes(b)) / 32_768.0))
            }
            Self::S16Be => {
                plane.extend(place.samples(bytes).map(|b| f32::from(i16::from_be_bytes(b)) / 32_768.0))
            }
            Self::S24Le => {
                plane.extend(
                    place.samples(bytes).map(|[a, b, c]| full_scale(i32::from_le_bytes([0, a, b, c]))),
                );
            }
            Self::S32Le => plane.extend(place.samples(bytes).map(|b| full_scale(i32::from_le_bytes(b)))),
            Self::F32Le => plane.extend(place.samples(bytes).map(f32::from_le_bytes)),
            Self::F64Le => plane.extend(place.samples(bytes).map(|b| f64::from_le_bytes(b) as f32)),
            Self::ALaw => plane.extend(place.samples(bytes).map(|[a]| Law::A.decode_f32(a))),
            Self::MuLaw => plane.extend(place.samples(bytes).map(|[a]| Law::Mu.decode_f32(a))),
        }
    }
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::NAMES
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, encoding)| encoding)
            .ok_or_else(|| UnknownEncoding { name: name.to_owned() })
    }
}

/// A name that is not in [`Encoding::NAMES`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown raw encoding `{name}`, expected s16le, s16be, u8, s24le, s32le, f32le, f64le, alaw or mulaw"
)]
pub struct UnknownEncoding {
    /// What was found.
    pub name: String,
}

/// The format of a file without a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawFormat {
    /// How a sample lies in the file.
    pub encoding: Encoding,
    /// Its rate.
    pub sample_rate: SampleRate,
    /// Interleaved channels, 1 to [`super::MAX_CHANNELS`].
    pub channels: usize,
}

/// One channel within interleaved frames.
#[derive(Debug, Clone, Copy)]
struct Place {
    channel: usize,
    channels: usize,
}

impl Place {
    fn samples<const N: usize>(self, bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
        let (samples, _) = bytes.as_chunks::<N>();
        samples.iter().copied().skip(self.channel).step_by(self.channels)
    }
}

fn full_scale(value: i32) -> f32 {
    (f64::from(value) / 2_147_483_648.0) as f32
}

/// Bytes read at a time: large enough that reading costs nothing, small beside everything else.
const READ_BYTES: usize = 32 * 1024;

/// Reads interleaved samples.
pub(super) struct PcmSource {
    path: Arc<Path>,
    file: File,
    encoding: Encoding,
    info: RecordingInfo,
    /// Bytes that the header promises and that were not read yet; `None` reads to the end of the file.
    bytes_left: Option<u64>,
    bytes: Vec<u8>,
    frames: u64,
}

impl PcmSource {
    /// # Errors
    /// [`Error::NoChannels`], [`Error::TooManyChannels`], [`Error::BadSampleRate`].
    pub(super) fn raw(path: &Arc<Path>, file: File, raw: RawFormat) -> Result<(Self, RecordingInfo), Error> {
        let sample_rate = checked_shape(path, raw.sample_rate.hz(), raw.channels)?;
        let info = RecordingInfo {
            sample_rate,
            channels: raw.channels,
            declared_frames: None,
            container: Container::Raw,
            codec: raw.encoding.codec(),
        };
        Ok((Self::new(path, file, raw.encoding, info), info))
    }

    /// # Errors
    /// [`Error::Unreadable`]; the shape was checked with the header.
    pub(super) fn wave(
        path: &Arc<Path>,
        mut file: File,
        header: &Header,
    ) -> Result<(Self, RecordingInfo), Error> {
        let sample_rate = checked_shape(path, header.rate_hz, header.channels)?;
        file.seek(SeekFrom::Start(header.data_start))
            .map_err(|source| Error::Unreadable { path: path.to_path_buf(), source })?;
        let frame_bytes = (header.encoding.sample_bytes() * header.channels) as u64;
        let info = RecordingInfo {
            sample_rate,
            channels: header.channels,
            declared_frames: header.data_bytes.map(|bytes| bytes / frame_bytes),
            container: Container::Wave,
            codec: header.encoding.codec(),
        };
        let mut source = Self::new(path, file, header.encoding, info);
        source.bytes_left = header.data_bytes.map(|bytes| bytes - bytes % frame_bytes);
        Ok((source, info))
    }

    fn new(path: &Arc<Path>, file: File, encoding: Encoding, info: RecordingInfo) -> Self {
        let path = Arc::clone(path);
        Self { path, file, encoding, info, bytes_left: None, bytes: Vec::new(), frames: 0 }
    }

    /// Appends up to 32 KiB of audio to `planes`; `false` at the end.
    ///
    /// # Errors
    /// [`Error::Truncated`] at the end of a file that is shorter than declared, [`Error::Unreadable`].
    pub(super) fn read(&mut self, planes: &mut [Vec<f32>]) -> Result<bool, Error> {
        let frame_bytes = self.encoding.sample_bytes() * self.info.channels;
        let wanted = READ_BYTES - READ_BYTES % frame_bytes;
        let wanted =
            self.bytes_left.map_or(wanted, |left| wanted.min(usize::try_from(left).unwrap_or(wanted)));
        self.bytes.resize(wanted, 0);
        let found = read_full(&mut self.file, &mut self.bytes)
            .map_err(|source| Error::Unreadable { path: self.path.to_path_buf(), source })?;
        if let Some(left) = &mut self.bytes_left {
            *left -= found as u64;
        }
        let whole = found - found % frame_bytes;
        if whole == 0 {
            return self.at_end();
        }
        for (channel, plane) in planes.iter_mut().enumerate() {
            let place = Place { channel, channels: self.info.channels };
            self.encoding.extract(&self.bytes[..whole], place, plane);
        }
        self.frames += (whole / frame_bytes) as u64;
        Ok(true)
    }

    fn at_end(&self) -> Result<bool, Error> {
        if self.bytes_left.is_none_or(|left| left == 0) {
            return Ok(false);
        }
        let rate_hz = f64::from(self.info.sample_rate.hz());
        Err(Error::Truncated {
            path: self.path.to_path_buf(),
            declared_s: self.info.declared_frames.map(|frames| frames as f64 / rate_hz),
            found_s: self.frames as f64 / rate_hz,
        })
    }
}

/// Fills `bytes` as far as the file goes.
fn read_full(file: &mut File, bytes: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
