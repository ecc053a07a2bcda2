//! Compressed recordings: containers and codecs of symphonia, Opus packets by [`super::opus`].

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use super::demux::{self, Decoder, Fault, FileSize, Metered, Opening, guarded, malformed};
use super::edits::{self, Edit};
use super::{Codec, Container, Error, MAX_BLOCK_FRAMES, RecordingInfo, checked_shape, extent, opus};

/// Most bytes read to understand a header; cover pictures and indexes of day-long files stay below.
const MAX_HEADER_BYTES: u64 = 256 << 20;
/// Most bytes read to find one packet. A packet of audio has kilobytes; more is a hostile length or endless garbage.
const MAX_PACKET_BYTES: u64 = 64 << 20;
/// Broken packets in a row after which the rest of a file is given up.
const MAX_BROKEN_IN_A_ROW: u32 = 64;
/// Time stamps that run ahead of the audio by more than this, in 1/1000 s, are a hole. Matroska rounds to 1 ms and
/// Vorbis shifts its first packet by a block; the shortest real hole, one lost packet of speech, has 20 ms.
const HOLE_MS: u64 = 15;
/// The longest hole that is believed.
const MAX_HOLE_S: u64 = 3_600;
/// How much shorter than declared a lossy recording may be, in 1/1000 s: encoder delay that the header counts or not.
const LENGTH_SLACK_MS: u64 = 150;
/// Frames of a whole packet of ALAC. In CAF some writers, ffmpeg among them, declare so many for the last one too.
const ALAC_PACKET_FRAMES: u64 = 4_096;

/// Reads a compressed recording packet by packet.
pub(super) struct PacketSource {
    path: Arc<Path>,
    reader: Box<dyn FormatReader>,
    decoder: Decoder,
    read_budget: Arc<AtomicU64>,
    track_id: u32,
    time_base: Option<TimeBase>,
    info: RecordingInfo,
    clip: Clip,
    /// Decoded audio of the last packet, waiting for the silence of a hole before it.
    held: Vec<Vec<f32>>,
    silence_left: u64,
    /// Time stamp of the first audio, in frames.
    origin: Option<i64>,
    /// Frames decoded or filled in, before clipping.
    position: u64,
    lost: u64,
    broken_in_a_row: u32,
    has_audio: bool,
    is_over: bool,
}

/// The part of the decoded audio that is the recording.
struct Clip {
    skip_left: u64,
    limit: Option<u64>,
    emitted: u64,
}

impl Clip {
    /// Appends what of `from` belongs to the recording to `to`.
    fn pass(&mut self, from: &[Vec<f32>], to: &mut [Vec<f32>]) {
        let range = self.admit(from.first().map_or(0, Vec::len));
        for (source, target) in from.iter().zip(to) {
            target.extend_from_slice(&source[range.clone()]);
        }
    }

    fn admit(&mut self, frames: usize) -> std::ops::Range<usize> {
        let count = frames as u64;
        let start = self.skip_left.min(count);
        self.skip_left -= start;
        let room = self.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.emitted));
        let kept = (count - start).min(room);
        self.emitted += kept;
        // Both are at most `frames`.
        start as usize..(start + kept) as usize
    }
}

/// What one look at the file gave.
enum Step {
    /// Audio was decoded into `held`, or the packet has none.
    Packet,
    /// The proper end.
    End,
    /// The file ends inside something.
    CutShort,
}

impl PacketSource {
    /// Opens the first audio track and decodes up to the first audio, which is given along.
    pub(super) fn open(
        path: &Arc<Path>,
        mut file: File,
        size: FileSize,
    ) -> Result<(Self, RecordingInfo, Vec<Vec<f32>>), Error> {
        let unreadable = |source| Error::Unreadable { path: path.to_path_buf(), source };
        let file_bytes = file.metadata().map_err(unreadable)?.len();
        let edit = edits::read(&mut file, file_bytes);
        let declared_bytes = extent::declared_end(&mut file, file_bytes);
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;

        let read_budget = Arc::new(AtomicU64::new(MAX_HEADER_BYTES));
        let is_opening = Arc::new(AtomicBool::new(true));
        let metered = Metered {
            file,
            declared_bytes,
            size,
            is_opening: Arc::clone(&is_opening),
            budget: Arc::clone(&read_budget),
        };
        let reader = guarded(|| demux::probe(metered)).map_err(|fault| fault.at(path, &read_budget))?;
        is_opening.store(false, Ordering::Relaxed);
        let container = demux::container(reader.format_info().format, path)?;
        let Some(track) = reader.first_track(TrackType::Audio) else {
            return Err(malformed(path, "there is no audio track in it"));
        };
        let Some(CodecParameters::Audio(params)) = &track.codec_params else {
            return Err(malformed(path, "its audio track does not say how it is coded"));
        };
        let opening = Opening { path, params, container };
        let codec = opening.codec()?;
        let decoder = opening.decoder(codec)?;
        let (rate_hz, channels) = opening.declared_shape(codec)?;
        let mut source = Self {
            path: Arc::clone(path),
            decoder,
            read_budget,
            track_id: track.id,
            time_base: track.time_base,
            info: RecordingInfo {
                sample_rate: checked_shape(path, rate_hz.unwrap_or(48_000), channels.unwrap_or(1))?,
                channels: channels.unwrap_or(1),
                declared_frames: None,
                container,
                codec,
            },
            clip: Clip { skip_left: 0, limit: None, emitted: 0 },
            held: Vec::new(),
            silence_left: 0,
            origin: None,
            position: 0,
            lost: 0,
            broken_in_a_row: 0,
            has_audio: false,
            is_over: false,
            reader,
        };
        let first = source.begin(edit)?;
        let info = source.info;
        Ok((source, info, first))
    }

    /// Decodes the first audio, which tells the true rate and channels, and fixes the clip.
    fn begin(&mut self, edit: Option<Edit>) -> Result<Vec<Vec<f32>>, Error> {
        while !self.has_audio {
            match self.step()? {
                Step::Packet => {}
                Step::End => return Err(Error::NoSamples { path: self.path.to_path_buf() }),
                Step::CutShort => return Err(malformed(&self.path, "it ends before its first audio")),
            }
        }
        let rate_hz = u64::from(self.info.sample_rate.hz());
        let track = self.reader.tracks().iter().find(|track| track.id == self.track_id);
        let mut declared = track.and_then(|track| self.declared_frames(track));
        let pre_skip = track.map_or(0, demux::pre_skip);
        self.clip.skip_left = pre_skip;
        if let (Container::Mp4, Some(edit)) = (self.info.container, edit) {
            self.clip.skip_left = frames_of(edit.start, rate_hz);
            // A live writer leaves the length at zero.
            let length = frames_of(edit.length, rate_hz);
            self.clip.limit = Some(length).filter(|&length| length > 0);
            let coded = declared.map(|coded| coded.saturating_sub(self.clip.skip_left));
            declared = coded.map(|coded| self.clip.limit.map_or(coded, |limit| limit.min(coded)));
        } else if matches!(self.info.container, Container::Ogg) {
            declared = declared.map(|granules| {
                let origin = self.origin.and_then(|origin| u64::try_from(origin).ok()).unwrap_or_default();
                granules.saturating_sub(pre_skip).saturating_sub(origin)
            });
        }
        self.info.declared_frames = declared;
        let mut first = vec![Vec::new(); self.info.channels];
        self.deliver_held(&mut first);
        Ok(first)
    }

    fn declared_frames(&self, track: &Track) -> Option<u64> {
        let media = self.reader.media_info();
        let from_track = track.duration.zip(track.time_base);
        let (duration, base) = from_track.or_else(|| media.duration.zip(media.time_base))?;
        u64::try_from(ticks_to_frames(i128::from(duration.get()), base, self.info.sample_rate.hz())).ok()
    }

    /// Appends the audio of one packet, or a part of a hole, to `planes`; `false` at the end.
    ///
    /// # Errors
    /// As [`super::Recording::next_block`].
    pub(super) fn read(&mut self, planes: &mut [Vec<f32>]) -> Result<bool, Error> {
        if self.silence_left > 0 {
            let frames = self.silence_left.min(MAX_BLOCK_FRAMES as u64);
            self.silence_left -= frames;
            let range = self.clip.admit(frames as usize);
            for plane in planes {
                plane.resize(plane.len() + range.len(), 0.0);
            }
            return Ok(true);
        }
        if self.held.first().is_some_and(|plane| !plane.is_empty()) {
            self.deliver_held(planes);
            return Ok(true);
        }
        if self.is_over {
            return Ok(false);
        }
        let step = self.step().inspect_err(|_| self.is_over = true)?;
        match step {
            Step::Packet => {
                if self.silence_left == 0 {
                    self.deliver_held(planes);
                }
                Ok(true)
            }
            Step::End => self.finish(false),
            Step::CutShort => self.finish(true),
        }
    }

    fn deliver_held(&mut self, planes: &mut [Vec<f32>]) {
        self.clip.pass(&self.held, planes);
        self.held.iter_mut().for_each(Vec::clear);
    }

    /// Judges the whole recording at its end.
    fn finish(&mut self, is_cut_short: bool) -> Result<bool, Error> {
        self.is_over = true;
        let rate_hz = u64::from(self.info.sample_rate.hz());
        let slack = match self.info.codec {
            Codec::Alac if self.info.container == Container::Caf => ALAC_PACKET_FRAMES,
            Codec::Pcm | Codec::Float | Codec::ALaw | Codec::MuLaw | Codec::Flac | Codec::Alac => 0,
            Codec::Adpcm | Codec::Mpeg | Codec::Aac | Codec::Vorbis | Codec::Opus => {
                rate_hz * LENGTH_SLACK_MS / 1000
            }
        };
        let found = self.clip.emitted;
        let is_short = self.info.declared_frames.is_some_and(|declared| found + slack < declared);
        let seconds = |frames: u64| frames as f64 / rate_hz as f64;
        if is_cut_short || is_short {
            Err(Error::Truncated {
                path: self.path.to_path_buf(),
                declared_s: self.info.declared_frames.map(seconds),
                found_s: seconds(found),
            })
        } else if self.lost > 0 {
            Err(Error::Damaged { path: self.path.to_path_buf(), lost_s: seconds(self.lost) })
        } else {
            Ok(false)
        }
    }

    /// Reads one packet of the track and decodes it into `held`.
    fn step(&mut self) -> Result<Step, Error> {
        self.read_budget.store(MAX_PACKET_BYTES, Ordering::Relaxed);
        let reader = &mut self.reader;
        let packet = match guarded(|| reader.next_packet()) {
            Ok(Some(packet)) if packet.track_id == self.track_id => packet,
            Ok(Some(_)) => return Ok(Step::Packet),
            Ok(None) => return Ok(Step::End),
            Err(fault) => return self.after_fault(fault),
        };
        self.held.resize_with(self.info.channels, Vec::new);
        let outcome = match &mut self.decoder {
            Decoder::Opus(decoder) => decode_opus(decoder, &packet, &mut self.held),
            Decoder::Symphonia(decoder) => guarded(|| {
                let buffer = decoder.decode(&packet)?;
                buffer.copy_to_vecs_planar(&mut self.held);
                Ok(Some((buffer.spec().rate(), buffer.spec().channels().count())))
            }),
        };
        match outcome {
            Ok(shape) => {
                self.broken_in_a_row = 0;
                if let Some((rate_hz, channels)) = shape.filter(|_| !self.held_is_empty()) {
                    self.accept_shape(rate_hz, channels)?;
                }
                self.place(&packet)?;
            }
            Err(Fault::Symphonia(SymphoniaError::DecodeError(_) | SymphoniaError::IoError(_))) => {
                self.held.iter_mut().for_each(Vec::clear);
                self.replace_broken(&packet)?;
            }
            Err(fault) => return self.after_fault(fault),
        }
        Ok(Step::Packet)
    }

    fn held_is_empty(&self) -> bool {
        self.held.first().is_none_or(Vec::is_empty)
    }

    /// The first audio tells rate and channels for good (HE-AAC, for one, declares others than its core has).
    fn accept_shape(&mut self, rate_hz: u32, channels: usize) -> Result<(), Error> {
        if !self.has_audio {
            self.info.sample_rate = checked_shape(&self.path, rate_hz, channels)?;
            self.info.channels = channels;
            self.has_audio = true;
            return Ok(());
        }
        if rate_hz == self.info.sample_rate.hz() && channels == self.info.channels {
            return Ok(());
        }
        self.held.clear();
        Err(self.format_changed())
    }

    fn format_changed(&self) -> Error {
        let found_s = self.clip.emitted as f64 / f64::from(self.info.sample_rate.hz());
        Error::FormatChanged { path: self.path.to_path_buf(), found_s }
    }

    /// Puts the audio in `held` where its time stamp says, with silence before it where something is missing.
    fn place(&mut self, packet: &Packet) -> Result<(), Error> {
        if self.held_is_empty() {
            return Ok(());
        }
        let rate_hz = self.info.sample_rate.hz();
        let start = self.time_base.map(|base| {
            let ticks = i128::from(packet.pts.get()) + i128::from(packet.trim_start.get());
            ticks_to_frames(ticks, base, rate_hz)
        });
        let origin = *self.origin.get_or_insert(start.unwrap_or_default());
        let expected = start.map_or(0, |start| start.saturating_sub(origin));
        let ahead = u64::try_from(expected).unwrap_or_default().saturating_sub(self.position);
        if ahead > u64::from(rate_hz) * MAX_HOLE_S {
            self.held.iter_mut().for_each(Vec::clear);
            return Err(malformed(&self.path, "its time stamps jump by more than an hour"));
        }
        if ahead > u64::from(rate_hz) * HOLE_MS / 1000 {
            self.silence_left += ahead;
            self.position += ahead;
            match self.info.container {
                Container::Ogg | Container::Flac => self.lost += ahead,
                // Silence that was not recorded (discontinuous transmission) is no damage there.
                Container::Matroska | Container::Mp4 => {}
                Container::Wave
                | Container::Mpeg
                | Container::Adts
                | Container::Aiff
                | Container::Caf
                | Container::Raw => {}
            }
        }
        self.position += self.held.first().map_or(0, |plane| plane.len() as u64);
        Ok(())
    }

    /// A packet that cannot be decoded becomes silence of its length.
    fn replace_broken(&mut self, packet: &Packet) -> Result<(), Error> {
        self.broken_in_a_row += 1;
        if self.broken_in_a_row > MAX_BROKEN_IN_A_ROW {
            return Err(malformed(&self.path, "too many packets in a row cannot be decoded"));
        }
        // A stream cut out of a longer one starts with frames that refer to what is missing.
        if !self.has_audio {
            return Ok(());
        }
        let rate_hz = self.info.sample_rate.hz();
        let frames = self
            .time_base
            .map_or(0, |base| ticks_to_frames(i128::from(packet.dur.get()), base, rate_hz))
            .clamp(0, i64::from(rate_hz));
        let frames = u64::try_from(frames).unwrap_or_default();
        self.silence_left += frames;
        self.position += frames;
        // A packet without a known length still is a loss.
        self.lost += frames.max(1);
        Ok(())
    }

    fn after_fault(&mut self, fault: Fault) -> Result<Step, Error> {
        match &fault {
            Fault::Symphonia(SymphoniaError::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                Ok(Step::CutShort)
            }
            Fault::Symphonia(SymphoniaError::ResetRequired) if self.has_audio => Err(self.format_changed()),
            Fault::Symphonia(SymphoniaError::DecodeError(_))
                if self.broken_in_a_row < MAX_BROKEN_IN_A_ROW =>
            {
                self.broken_in_a_row += 1;
                self.lost += 1;
                Ok(Step::Packet)
            }
            Fault::Symphonia(_) | Fault::Panicked => Err(fault.at(&self.path, &self.read_budget)),
        }
    }
}

fn decode_opus(
    decoder: &mut opus::Decoder,
    packet: &Packet,
    planes: &mut [Vec<f32>],
) -> Result<Option<(u32, usize)>, Fault> {
    planes.iter_mut().for_each(Vec::clear);
    let broken = || Fault::Symphonia(SymphoniaError::DecodeError("opus: broken packet"));
    let frames = decoder.decode(&packet.data, planes).map_err(|_| broken())?;
    let trimmed = usize::try_from(packet.trim_end.get()).unwrap_or(frames).min(frames);
    planes.iter_mut().for_each(|plane| plane.truncate(frames - trimmed));
    Ok(Some((opus::RATE_HZ, planes.len())))
}

fn ticks_to_frames(ticks: i128, base: TimeBase, rate_hz: u32) -> i64 {
    let frames = ticks * i128::from(base.numer.get()) * i128::from(rate_hz) / i128::from(base.denom.get());
    i64::try_from(frames).unwrap_or(if frames < 0 { i64::MIN } else { i64::MAX })
}

fn frames_of((ticks, scale): (u64, u32), rate_hz: u64) -> u64 {
    let frames = (u128::from(ticks) * u128::from(rate_hz) + u128::from(scale) / 2) / u128::from(scale.max(1));
    u64::try_from(frames).unwrap_or(u64::MAX)
}
