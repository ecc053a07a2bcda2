//! How symphonia is asked: probing, the choice of a decoder, its faults, and the file behind it.

use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Once};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known as codec_id;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::common::Limit;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known as format_id;
use symphonia::core::formats::{FormatId, FormatOptions, FormatReader, Track};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::default::{get_codecs, get_probe};

use super::{Codec, Container, Error, checked_shape, opus};

/// Most frames that a decoder may make room for beforehand; FLAC, with 65,535, has the longest real packets.
const MAX_PACKET_FRAMES: u64 = 1 << 16;
/// Longest tag or picture that is kept while a header is read; neither is used.
const MAX_TAG_BYTES: usize = 1 << 20;

pub(super) enum Decoder {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(opus::Decoder),
}

/// The parts that decide how a track is decoded.
pub(super) struct Opening<'a> {
    pub(super) path: &'a Path,
    pub(super) params: &'a AudioCodecParameters,
    pub(super) container: Container,
}

impl Opening<'_> {
    pub(super) fn codec(&self) -> Result<Codec, Error> {
        codec(self.params.codec).ok_or_else(|| Error::UnsupportedCodec {
            path: self.path.to_path_buf(),
            codec: format!("the coding of its audio, in {},", self.container),
        })
    }

    pub(super) fn decoder(&self, codec: Codec) -> Result<Decoder, Error> {
        if codec == Codec::Opus {
            let head =
                opus_head(self.params).ok_or_else(|| malformed(self.path, "its Opus header is broken"))?;
            return opus::Decoder::new(&head)
                .map(Decoder::Opus)
                .map_err(|error| malformed(self.path, error.description()));
        }
        let options = AudioDecoderOptions::default();
        let params = self.decodable_params();
        let made = guarded(|| get_codecs().make_audio_decoder(&params, &options));
        made.map(Decoder::Symphonia).map_err(|fault| match fault {
            Fault::Symphonia(SymphoniaError::Unsupported(_)) => Error::UnsupportedCodec {
                path: self.path.to_path_buf(),
                codec: format!("this form of {codec}"),
            },
            Fault::Symphonia(error) => malformed(self.path, &error.to_string()),
            Fault::Panicked => malformed(self.path, PANICKED),
        })
    }

    fn decodable_params(&self) -> AudioCodecParameters {
        let mut params = self.params.clone();
        // Decoders set aside room for this many frames, and it comes from the file.
        params.max_frames_per_packet = params.max_frames_per_packet.filter(|&max| max <= MAX_PACKET_FRAMES);
        if matches!(params.codec, codec_id::CODEC_ID_PCM_ALAW | codec_id::CODEC_ID_PCM_MULAW) {
            // CAF states the 8 bits of a code, where symphonia expects the 16 of a decoded sample.
            params.bits_per_sample = None;
            params.bits_per_coded_sample = None;
        }
        params
    }

    /// Rate and channels where the header tells them, within limits.
    pub(super) fn declared_shape(&self, codec: Codec) -> Result<(Option<u32>, Option<usize>), Error> {
        let (rate_hz, channels) = if codec == Codec::Opus {
            (Some(opus::RATE_HZ), opus_head(self.params).map(|head| head.channels))
        } else {
            (self.params.sample_rate, self.params.channels.as_ref().map(|channels| channels.count()))
        };
        checked_shape(self.path, rate_hz.unwrap_or(48_000), channels.unwrap_or(1))?;
        Ok((rate_hz, channels))
    }
}

pub(super) fn probe(metered: Metered) -> Result<Box<dyn FormatReader>, SymphoniaError> {
    let stream = MediaSourceStream::new(Box::new(metered), MediaSourceStreamOptions::default());
    let tags = MetadataOptions::default()
        .limit_tag_bytes(Limit::Maximum(MAX_TAG_BYTES))
        .limit_visual_bytes(Limit::Maximum(MAX_TAG_BYTES));
    get_probe().probe(&Hint::new(), stream, FormatOptions::default(), tags)
}

pub(super) fn opus_head(params: &AudioCodecParameters) -> Option<opus::Head> {
    opus::Head::parse(params.extra_data.as_deref()?)
}

/// Frames to drop from the start of an Opus stream; other codecs trim themselves.
pub(super) fn pre_skip(track: &Track) -> u64 {
    match &track.codec_params {
        Some(CodecParameters::Audio(params)) if params.codec == codec_id::CODEC_ID_OPUS => {
            opus_head(params).map_or(0, |head| u64::from(head.pre_skip))
        }
        Some(_) | None => 0,
    }
}

pub(super) fn container(format: FormatId, path: &Path) -> Result<Container, Error> {
    const FORMATS: [(FormatId, Container); 11] = [
        (format_id::FORMAT_ID_WAVE, Container::Wave),
        (format_id::FORMAT_ID_AIFF, Container::Aiff),
        (format_id::FORMAT_ID_CAF, Container::Caf),
        (format_id::FORMAT_ID_MP1, Container::Mpeg),
        (format_id::FORMAT_ID_MP2, Container::Mpeg),
        (format_id::FORMAT_ID_MP3, Container::Mpeg),
        (format_id::FORMAT_ID_ADTS, Container::Adts),
        (format_id::FORMAT_ID_OGG, Container::Ogg),
        (format_id::FORMAT_ID_FLAC, Container::Flac),
        (format_id::FORMAT_ID_ISOMP4, Container::Mp4),
        (format_id::FORMAT_ID_MKV, Container::Matroska),
    ];
    FORMATS
        .iter()
        .find(|(id, _)| *id == format)
        .map(|&(_, container)| container)
        .ok_or_else(|| malformed(path, "its container is not one that is read here"))
}

pub(super) fn codec(id: AudioCodecId) -> Option<Codec> {
    // Symphonia numbers all linear and G.711 codings from 0x100 on, ADPCM from 0x200 on.
    const FLOATS: [AudioCodecId; 4] = [
        codec_id::CODEC_ID_PCM_F32LE,
        codec_id::CODEC_ID_PCM_F32BE,
        codec_id::CODEC_ID_PCM_F64LE,
        codec_id::CODEC_ID_PCM_F64BE,
    ];
    match id {
        codec_id::CODEC_ID_OPUS => Some(Codec::Opus),
        codec_id::CODEC_ID_VORBIS => Some(Codec::Vorbis),
        codec_id::CODEC_ID_AAC => Some(Codec::Aac),
        codec_id::CODEC_ID_MP1 | codec_id::CODEC_ID_MP2 | codec_id::CODEC_ID_MP3 => Some(Codec::Mpeg),
        codec_id::CODEC_ID_FLAC => Some(Codec::Flac),
        codec_id::CODEC_ID_ALAC => Some(Codec::Alac),
        codec_id::CODEC_ID_PCM_ALAW => Some(Codec::ALaw),
        codec_id::CODEC_ID_PCM_MULAW => Some(Codec::MuLaw),
        codec_id::CODEC_ID_ADPCM_MS | codec_id::CODEC_ID_ADPCM_IMA_WAV | codec_id::CODEC_ID_ADPCM_IMA_QT => {
            Some(Codec::Adpcm)
        }
        id if FLOATS.contains(&id) => Some(Codec::Float),
        id if (codec_id::CODEC_ID_PCM_S32LE..=codec_id::CODEC_ID_PCM_MULAW).contains(&id) => Some(Codec::Pcm),
        _ => None,
    }
}

pub(super) fn malformed(path: &Path, detail: &str) -> Error {
    Error::Malformed { path: path.to_path_buf(), detail: detail.to_owned() }
}

const PANICKED: &str = "the decoder stumbled over it";

/// What went wrong below.
pub(super) enum Fault {
    Symphonia(SymphoniaError),
    Panicked,
}

impl From<SymphoniaError> for Fault {
    fn from(error: SymphoniaError) -> Self {
        Self::Symphonia(error)
    }
}

impl Fault {
    pub(super) fn at(self, path: &Path, budget: &AtomicU64) -> Error {
        match self {
            Self::Panicked => malformed(path, PANICKED),
            Self::Symphonia(SymphoniaError::IoError(source)) => {
                if budget.load(Ordering::Relaxed) == 0 {
                    malformed(path, "no audio within a sensible number of bytes")
                } else if source.kind() == ErrorKind::UnexpectedEof {
                    malformed(path, "it ends before its audio begins")
                } else {
                    Error::Unreadable { path: path.to_path_buf(), source }
                }
            }
            Self::Symphonia(SymphoniaError::Unsupported("isomp4: missing moov atom")) => {
                malformed(path, "its index (moov) is missing, the recorder was stopped before it wrote it")
            }
            Self::Symphonia(SymphoniaError::Unsupported(about)) if about.starts_with("core (probe)") => {
                malformed(path, "no audio format is recognised in it")
            }
            Self::Symphonia(error) => malformed(path, &error.to_string()),
        }
    }
}

thread_local! {
    /// Whether this thread runs foreign code whose panics become a [`Fault`].
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
pub(super) fn is_guarded() -> bool {
    IS_GUARDED.get()
}

/// Runs foreign parsing code. Random changes to small files made symphonia 0.6.1 panic (an AIFF header that overflows
/// a multiplication); one recording must not end the batch.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, SymphoniaError>) -> Result<T, Fault> {
    // Without this the panic would print a message of the library in the middle of the command's output.
    static QUIET_HOOK: Once = Once::new();
    QUIET_HOOK.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                print(panic);
            }
        }));
    });
    let was_guarded = IS_GUARDED.replace(true);
    // After a panic the source is not used again: every caller ends it.
    let outcome = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(was_guarded);
    match outcome {
        Ok(result) => result.map_err(Fault::from),
        Err(_) => Err(Fault::Panicked),
    }
}

/// What is read behind the end of a cut file while it is opened: in Matroska, at any place, a `Void` element of 108
/// bytes; in the others nothing that is known, and skipped.
const FILLER: u8 = 0xec;

/// What the size of a file is worth to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileSize {
    /// Readers of containers find their way by it.
    Tells,
    /// Of bare frames symphonia guesses the length by it and by the first frames, and cuts the audio off where it guessed
    /// the end: it is not told.
    Misleads,
}

/// A file that gives no more bytes than its budget. While a file that was cut is opened, filler stands for what is
/// missing, because readers look behind the audio; after that it ends where it ends.
pub(super) struct Metered {
    pub(super) file: File,
    /// More than `file_bytes` for a file that was cut.
    pub(super) declared_bytes: u64,
    pub(super) size: FileSize,
    pub(super) is_opening: Arc<AtomicBool>,
    pub(super) budget: Arc<AtomicU64>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.budget.load(Ordering::Relaxed);
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if wanted == 0 && !buffer.is_empty() {
            return Err(std::io::Error::other("read budget exhausted"));
        }
        let mut read = self.file.read(&mut buffer[..wanted])?;
        if read == 0 && self.is_opening.load(Ordering::Relaxed) {
            let missing = self.declared_bytes.saturating_sub(self.file.stream_position()?);
            read = wanted.min(usize::try_from(missing).unwrap_or(wanted));
            buffer[..read].fill(FILLER);
            self.file.seek_relative(read as i64)?;
        }
        self.budget.store(left - read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        match to {
            // Readers of MP4 ask for the length of the file in this way.
            SeekFrom::End(offset) => {
                let position = self.declared_bytes.checked_add_signed(offset);
                self.file.seek(SeekFrom::Start(position.ok_or(ErrorKind::InvalidInput)?))
            }
            // A length that no file has would take the reader further than the system can count; there is nothing.
            SeekFrom::Start(position) => self.file.seek(SeekFrom::Start(position.min(self.declared_bytes))),
            SeekFrom::Current(offset) => {
                let target = self.file.stream_position()?.saturating_add_signed(offset);
                self.file.seek(SeekFrom::Start(target.min(self.declared_bytes)))
            }
        }
    }
}

impl MediaSource for Metered {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        match self.size {
            FileSize::Tells => Some(self.declared_bytes),
            FileSize::Misleads => None,
        }
    }
}
