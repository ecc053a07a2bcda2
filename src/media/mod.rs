//! Recordings: from a file of any usual format to blocks of `f32` samples, one plane a channel.
//!
//! The first stage of a recorded call. [`Recording::open`] looks at the content (never at the file's name alone), reads
//! the header and the first packet, and [`Recording::next_block`] streams the rest; each plane then goes through its own
//! [`crate::audio::resample::ChannelResampler`]. This is the only module that names symphonia (containers and most
//! codecs) and opus; WAV with linear, float and G.711 samples, and headerless audio, are read here, because that is
//! what telephony records and where exact lengths and exact errors matter most.
//!
//! Invariants:
//! - Channels stay apart and in the order of the file. Samples are finite and within [-1, 1].
//! - The time line is kept: encoder delay and padding are cut where the format tells them, and a stretch that cannot be
//!   decoded is delivered as silence of its length and reported at the end as [`Error::Damaged`].
//! - Memory does not grow with the file, and nothing is allocated from a length that a file merely declares.
//! - A broken file still gives all of its readable audio; the error comes after it (see [`Error::is_partial`]).
//!
//! Units: frames (one sample of every channel) at the recording's own rate. It does not resample, mix or judge content.

mod demux;
mod edits;
mod error;
mod extent;
mod opus;
mod packets;
mod pcm;
mod sniff;
mod wave;

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::audio::SampleRate;
use crate::audio::resample::{MAX_RATE_HZ, MIN_RATE_HZ};

use self::demux::FileSize;
pub use self::error::Error;
pub use self::pcm::{Encoding, RawFormat};

/// Most channels that are taken: what a multi-party recorder or an 8-channel interface writes.
pub const MAX_CHANNELS: usize = 8;
/// Most frames in one block: 1 s at 8 kHz; eight channels of it are 256 KiB.
pub const MAX_BLOCK_FRAMES: usize = 8_192;
/// Longest recording: a day. A longer one is a recorder that was never stopped, or a header that lies.
pub const MAX_DURATION_S: u64 = 24 * 60 * 60;

/// How to open a recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// The format of a file without a header. With it the content is not looked at.
    pub raw: Option<RawFormat>,
}

/// What kind of file holds the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    /// RIFF/WAVE and its 64-bit forms.
    Wave,
    /// Native FLAC.
    Flac,
    /// MPEG-1/2 audio frames, usually layer III.
    Mpeg,
    /// AAC frames with ADTS headers.
    Adts,
    /// Ogg.
    Ogg,
    /// ISO base media: MP4, M4A, MOV.
    Mp4,
    /// AIFF and AIFF-C.
    Aiff,
    /// Core Audio Format.
    Caf,
    /// Matroska and WebM.
    Matroska,
    /// No container; the caller gave the format.
    Raw,
}

impl fmt::Display for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Wave => "WAV",
            Self::Flac => "FLAC",
            Self::Mpeg => "MP3",
            Self::Adts => "ADTS",
            Self::Ogg => "Ogg",
            Self::Mp4 => "MP4",
            Self::Aiff => "AIFF",
            Self::Caf => "CAF",
            Self::Matroska => "Matroska",
            Self::Raw => "raw",
        })
    }
}

/// How the samples are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Linear integers.
    Pcm,
    /// Linear floating point.
    Float,
    /// G.711 A-law.
    ALaw,
    /// G.711 µ-law.
    MuLaw,
    /// Microsoft or IMA ADPCM.
    Adpcm,
    /// FLAC.
    Flac,
    /// Apple Lossless.
    Alac,
    /// MPEG audio layer I, II or III.
    Mpeg,
    /// AAC-LC.
    Aac,
    /// Vorbis.
    Vorbis,
    /// Opus; always decoded at 48 kHz.
    Opus,
}

impl fmt::Display for Codec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Pcm => "PCM",
            Self::Float => "float PCM",
            Self::ALaw => "A-law",
            Self::MuLaw => "µ-law",
            Self::Adpcm => "ADPCM",
            Self::Flac => "FLAC",
            Self::Alac => "ALAC",
            Self::Mpeg => "MPEG audio",
            Self::Aac => "AAC",
            Self::Vorbis => "Vorbis",
            Self::Opus => "Opus",
        })
    }
}

/// What a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingInfo {
    /// Rate of the delivered samples.
    pub sample_rate: SampleRate,
    /// Number of channels, 1 to [`MAX_CHANNELS`].
    pub channels: usize,
    /// Length in frames as the file declares it; `None` where it does not. Not to be trusted for allocation.
    pub declared_frames: Option<u64>,
    /// The kind of file.
    pub container: Container,
    /// The coding of the samples.
    pub codec: Codec,
}

impl RecordingInfo {
    /// How long the recording is by its header; `None` where that says nothing, or what no time can be.
    pub fn declared_length(&self) -> Option<Duration> {
        let seconds = self.declared_frames? as f64 / f64::from(self.sample_rate.hz());
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// A stretch of decoded audio, one plane a channel; reused from call to call.
#[derive(Debug, Clone, Default)]
pub struct Block {
    planes: Vec<Vec<f32>>,
}

impl Block {
    /// An empty block; the first [`Recording::next_block`] gives it its channels.
    pub fn new() -> Self {
        Self::default()
    }

    /// Frames held, at most [`MAX_BLOCK_FRAMES`].
    pub fn frames(&self) -> usize {
        self.planes.first().map_or(0, Vec::len)
    }

    /// The planes in the order of the file, all of one length.
    pub fn planes(&self) -> &[Vec<f32>] {
        &self.planes
    }

    fn clear(&mut self, channels: usize) {
        self.planes.resize_with(channels, Vec::new);
        for plane in &mut self.planes {
            plane.clear();
        }
    }
}

/// An opened recording, read from start to end.
pub struct Recording {
    path: Arc<Path>,
    info: RecordingInfo,
    source: Source,
    /// Decoded and not yet delivered, from `ready_from` on.
    ready: Vec<Vec<f32>>,
    ready_from: usize,
    delivered: u64,
    state: State,
}

enum Source {
    Pcm(pcm::PcmSource),
    Packets(Box<packets::PacketSource>),
}

enum State {
    Reading,
    /// The source gave this error; what was decoded before is delivered first.
    Failing(Error),
    Ended,
}

impl Recording {
    /// Opens `path`, recognises its format by content and reads up to the first audio.
    ///
    /// # Errors
    /// Every variant of [`Error`] except those of [`Error::is_partial`]; each names the file and what is wrong with it.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        let path: Arc<Path> = path.into();
        let (file, length) = open_file(&path)?;
        let (source, info, ready) = match options.raw {
            Some(raw) => {
                let (source, info) = pcm::PcmSource::raw(&path, file, raw)?;
                (Source::Pcm(source), info, vec![Vec::new(); info.channels])
            }
            None => open_by_content(&path, file, length)?,
        };
        let mut recording =
            Self { path, info, source, ready, ready_from: 0, delivered: 0, state: State::Reading };
        recording.fill();
        if recording.ready_frames() == 0 {
            return Err(match std::mem::replace(&mut recording.state, State::Ended) {
                State::Failing(error) if !error.is_partial() => error,
                State::Failing(_) | State::Reading | State::Ended => {
                    Error::NoSamples { path: recording.path.to_path_buf() }
                }
            });
        }
        Ok(recording)
    }

    /// What the recording is.
    pub fn info(&self) -> &RecordingInfo {
        &self.info
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Frames delivered so far; after the end, the length of the recording.
    pub fn delivered_frames(&self) -> u64 {
        self.delivered
    }

    /// Replaces the content of `block` by the next audio, 1 to [`MAX_BLOCK_FRAMES`] frames; `false` at the end.
    ///
    /// # Errors
    /// Once, after all readable audio: the file holds less than it declares, parts of it could not be decoded, or
    /// reading failed on the way. Each is an [`Error::is_partial`] error. After it the recording has ended.
    pub fn next_block(&mut self, block: &mut Block) -> Result<bool, Error> {
        block.clear(self.info.channels);
        self.fill();
        let take = self.ready_frames().min(MAX_BLOCK_FRAMES);
        if take == 0 {
            return match std::mem::replace(&mut self.state, State::Ended) {
                State::Failing(error) => Err(error),
                State::Reading | State::Ended => Ok(false),
            };
        }
        let end = self.ready_from + take;
        for (plane, ready) in block.planes.iter_mut().zip(&self.ready) {
            plane.extend(ready[self.ready_from..end].iter().map(|&sample| bounded(sample)));
        }
        self.ready_from = end;
        self.delivered += take as u64;
        Ok(true)
    }

    fn ready_frames(&self) -> usize {
        self.ready.first().map_or(0, Vec::len) - self.ready_from
    }

    /// Reads until there is something to deliver or the source has ended.
    fn fill(&mut self) {
        while self.ready_frames() == 0 && matches!(self.state, State::Reading) {
            for plane in &mut self.ready {
                plane.clear();
            }
            self.ready_from = 0;
            if self.delivered / u64::from(self.info.sample_rate.hz()) >= MAX_DURATION_S {
                self.state = State::Failing(Error::TooLong { path: self.path.to_path_buf() });
                return;
            }
            let step = match &mut self.source {
                Source::Pcm(source) => source.read(&mut self.ready),
                Source::Packets(source) => source.read(&mut self.ready),
            };
            match step {
                Ok(true) => {}
                Ok(false) => self.state = State::Ended,
                Err(error) => self.state = State::Failing(self.after_what_was_delivered(error)),
            }
        }
    }

    /// Once audio was delivered, no error takes it back: whatever stops the source leaves what came before it.
    fn after_what_was_delivered(&self, error: Error) -> Error {
        let delivered = self.delivered + self.ready_frames() as u64;
        if error.is_partial() || delivered == 0 {
            return error;
        }
        let found_s = delivered as f64 / f64::from(self.info.sample_rate.hz());
        Error::Interrupted { path: self.path.to_path_buf(), found_s, source: Box::new(error) }
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Recording")
            .field("path", &self.path)
            .field("info", &self.info)
            .field("delivered", &self.delivered)
            .finish_non_exhaustive()
    }
}

/// Float files may hold anything; one not-a-number would silence the resampler for good.
fn bounded(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

fn open_file(path: &Path) -> Result<(File, u64), Error> {
    let unreadable = |source: std::io::Error| {
        if source.kind() == std::io::ErrorKind::NotFound {
            Error::NotFound { path: path.to_path_buf() }
        } else {
            Error::Unreadable { path: path.to_path_buf(), source }
        }
    };
    // Asked before opening: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Error::NotAFile { path: path.to_path_buf() });
    }
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length == 0 {
        return Err(Error::Empty { path: path.to_path_buf() });
    }
    Ok((file, length))
}

fn open_by_content(
    path: &Arc<Path>,
    mut file: File,
    length: u64,
) -> Result<(Source, RecordingInfo, Vec<Vec<f32>>), Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_path_buf(), source };
    let mut head = Vec::with_capacity(sniff::HEAD_BYTES);
    Read::by_ref(&mut file).take(sniff::HEAD_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    match sniff::sniff(&head, path) {
        sniff::Verdict::Wave => {
            let header = wave::read_header(path, &mut file, length)?;
            if header.is_adpcm {
                return open_packets(path, file, FileSize::Tells);
            }
            let (source, info) = pcm::PcmSource::wave(path, file, &header)?;
            Ok((Source::Pcm(source), info, vec![Vec::new(); info.channels]))
        }
        sniff::Verdict::Packets => open_packets(path, file, FileSize::Tells),
        sniff::Verdict::Frames => open_packets(path, file, FileSize::Misleads),
        sniff::Verdict::Unsupported(codec) => {
            Err(Error::UnsupportedCodec { path: path.to_path_buf(), codec: codec.to_owned() })
        }
        sniff::Verdict::NotAudio(looks_like) => Err(Error::NotAudio { path: path.to_path_buf(), looks_like }),
    }
}

fn open_packets(
    path: &Arc<Path>,
    file: File,
    size: FileSize,
) -> Result<(Source, RecordingInfo, Vec<Vec<f32>>), Error> {
    let (source, info, first) = packets::PacketSource::open(path, file, size)?;
    Ok((Source::Packets(Box::new(source)), info, first))
}

/// The checks on what a header says that every format shares.
fn checked_shape(path: &Path, rate_hz: u32, channels: usize) -> Result<SampleRate, Error> {
    if channels == 0 {
        return Err(Error::NoChannels { path: path.to_path_buf() });
    }
    if channels > MAX_CHANNELS {
        return Err(Error::TooManyChannels { path: path.to_path_buf(), channels });
    }
    SampleRate::from_hz(rate_hz)
        .filter(|rate| (MIN_RATE_HZ..=MAX_RATE_HZ).contains(&rate.hz()))
        .ok_or_else(|| Error::BadSampleRate { path: path.to_path_buf(), rate_hz })
}

#[cfg(test)]
mod tests;
