//! Files of every format are made by ffmpeg from one signal and read back.

use std::f64::consts::TAU;
use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::audio::g711::Law;

const LEFT_HZ: f64 = 440.0;
const RIGHT_HZ: f64 = 1_000.0;
const LEFT_AMPLITUDE: f64 = 0.35;
const RIGHT_AMPLITUDE: f64 = 0.2;

/// A tone a channel over a common noise that never repeats, so that a shift in time shows.
fn signal(rate_hz: u32, seconds: f64) -> Vec<Vec<f32>> {
    let frames = (seconds * f64::from(rate_hz)).round() as usize;
    let mut state = 0x2545_f491_u32;
    let mut smooth = 0.0;
    let noise: Vec<f64> = (0..frames)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            smooth += 0.3 * (f64::from(state) / f64::from(u32::MAX) - 0.5 - smooth);
            smooth
        })
        .collect();
    [(LEFT_HZ, LEFT_AMPLITUDE), (RIGHT_HZ, RIGHT_AMPLITUDE)]
        .map(|(hz, amplitude)| {
            (0..frames)
                .map(|n| {
                    (amplitude * (TAU * hz * n as f64 / f64::from(rate_hz)).sin() + 0.4 * noise[n]) as f32
                })
                .collect()
        })
        .to_vec()
}

fn wave_header(rate_hz: u32, channels: u16, data_bytes: u32) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend(data_bytes.saturating_add(36).to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16u32.to_le_bytes());
    header.extend(1u16.to_le_bytes());
    header.extend(channels.to_le_bytes());
    header.extend(rate_hz.to_le_bytes());
    header.extend((rate_hz.wrapping_mul(u32::from(channels) * 2)).to_le_bytes());
    header.extend((channels * 2).to_le_bytes());
    header.extend(16u16.to_le_bytes());
    header.extend(b"data");
    header.extend(data_bytes.to_le_bytes());
    header
}

fn wave_bytes(rate_hz: u32, planes: &[Vec<f32>]) -> Vec<u8> {
    let frames = planes[0].len();
    let data: Vec<u8> = (0..frames)
        .flat_map(|n| planes.iter().map(move |plane| plane[n]))
        .flat_map(|sample| ((sample * 32_768.0).round() as i16).to_le_bytes())
        .collect();
    let channels = u16::try_from(planes.len()).unwrap();
    let mut bytes = wave_header(rate_hz, channels, u32::try_from(data.len()).unwrap());
    bytes.extend(data);
    bytes
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Converts `input` with ffmpeg.
    fn convert(&self, input: &Path, name: &str, arguments: &str) -> PathBuf {
        let output = self.0.path().join(name);
        let done = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y", "-i"])
            .arg(input)
            .args(arguments.split_whitespace())
            .arg(&output)
            .output()
            .unwrap();
        assert!(done.status.success(), "ffmpeg {arguments}: {}", String::from_utf8_lossy(&done.stderr));
        output
    }
}

/// Whether ffmpeg is there; in CI it has to be.
fn has_ffmpeg() -> bool {
    let found = Command::new("ffmpeg").arg("-version").output().is_ok_and(|output| output.status.success());
    assert!(found || std::env::var_os("CI").is_none(), "ffmpeg is missing\nhint: apt-get install ffmpeg");
    if !found {
        eprintln!("skipped: ffmpeg is missing");
    }
    found
}

/// What a recording is, its audio, and the error after it.
type Heard = (RecordingInfo, Vec<Vec<f32>>, Option<Error>);

/// Everything that a file gives.
fn read_all(path: &Path, options: &OpenOptions) -> Result<Heard, Error> {
    let mut recording = Recording::open(path, options)?;
    let info = *recording.info();
    let mut planes = vec![Vec::new(); info.channels];
    let mut block = Block::new();
    loop {
        match recording.next_block(&mut block) {
            Ok(true) => {
                assert!((1..=MAX_BLOCK_FRAMES).contains(&block.frames()));
                assert_eq!(block.planes().len(), info.channels);
                for (plane, new) in planes.iter_mut().zip(block.planes()) {
                    assert_eq!(new.len(), block.frames());
                    assert!(new.iter().all(|sample| (-1.0..=1.0).contains(sample)));
                    plane.extend_from_slice(new);
                }
            }
            Ok(false) => {
                assert_eq!(recording.delivered_frames(), planes[0].len() as u64);
                return Ok((info, planes, None));
            }
            Err(error) => {
                assert!(!recording.next_block(&mut block).unwrap(), "after an error the recording has ended");
                return Ok((info, planes, Some(error)));
            }
        }
    }
}

fn read_whole(path: &Path) -> (RecordingInfo, Vec<Vec<f32>>) {
    let (info, planes, error) =
        read_all(path, &OpenOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    if let Some(error) = error {
        panic!("{error}");
    }
    (info, planes)
}

fn open_error(path: &Path) -> Error {
    Recording::open(path, &OpenOptions::default()).expect_err("the file must be refused")
}

/// Amplitude of one frequency.
fn amplitude(samples: &[f32], hz: f64, rate_hz: u32) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let (sine, cosine) = (TAU * hz * n as f64 / f64::from(rate_hz)).sin_cos();
        real += f64::from(sample) * cosine;
        imaginary += f64::from(sample) * sine;
    }
    2.0 * real.hypot(imaginary) / samples.len() as f64
}

/// By how many samples `found` comes later than `expected`, within `reach`.
fn lag(expected: &[f32], found: &[f32], reach: usize) -> i64 {
    let window = 4_000.min(expected.len() - 2 * reach);
    let reference = &expected[reach..reach + window];
    let score = |shift: usize| -> f64 {
        reference.iter().zip(&found[shift..]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let best = (0..=2 * reach).max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap();
    best as i64 - reach as i64
}

struct Case {
    name: &'static str,
    arguments: &'static str,
    container: Container,
    codec: Codec,
    /// Frames by which the length may differ; the time of the audio may not.
    length_slack: i64,
}

const fn case(name: &'static str, arguments: &'static str, container: Container, codec: Codec) -> Case {
    Case { name, arguments, container, codec, length_slack: 0 }
}

fn check(case: &Case, rate_hz: u32) {
    let folder = Folder::new();
    let planes = signal(rate_hz, 1.5);
    let source = folder.write("source.wav", &wave_bytes(rate_hz, &planes));
    let path = folder.convert(&source, case.name, case.arguments);
    let label = format!("{} {} at {rate_hz} Hz", case.name, case.arguments);
    let (info, found) = read_whole(&path);
    assert_eq!((info.container, info.codec, info.channels), (case.container, case.codec, 2), "{label}");
    let found_hz = if case.codec == Codec::Opus { 48_000 } else { rate_hz };
    assert_eq!(info.sample_rate.hz(), found_hz, "{label}");

    let expected_frames = (1.5 * f64::from(found_hz)) as i64;
    let length_error = (found[0].len() as i64 - expected_frames).abs();
    assert!(length_error <= case.length_slack, "{label}: {} of {expected_frames} frames", found[0].len());
    if case.length_slack == 0
        && let Some(declared) = info.declared_frames
    {
        assert_eq!(declared, found[0].len() as u64, "{label}: declared");
    }

    for (channel, (own, other, level)) in
        [(LEFT_HZ, RIGHT_HZ, LEFT_AMPLITUDE), (RIGHT_HZ, LEFT_HZ, RIGHT_AMPLITUDE)].into_iter().enumerate()
    {
        let middle = &found[channel][found_hz as usize / 5..found_hz as usize * 6 / 5];
        let heard = amplitude(middle, own, found_hz);
        assert!((heard / level - 1.0).abs() < 0.08, "{label}: channel {channel} has {heard} of {own} Hz");
        let crosstalk = amplitude(middle, other, found_hz);
        assert!(crosstalk < 0.03, "{label}: channel {channel} has {crosstalk} of {other} Hz");
    }
    let reference = resampled(&planes[0], rate_hz, found_hz);
    let shift = lag(&reference, &found[0], 1_500);
    assert_eq!(shift, 0, "{label}: shifted in time");
}

fn resampled(samples: &[f32], from_hz: u32, to_hz: u32) -> Vec<f32> {
    let rate = |hz| SampleRate::from_hz(hz).unwrap();
    crate::audio::resample::resample_all(samples, rate(from_hz), rate(to_hz)).unwrap()
}

fn check_at_all_rates(cases: &[Case]) {
    if !has_ffmpeg() {
        return;
    }
    for case in cases {
        for rate_hz in [8_000, 44_100, 48_000] {
            check(case, rate_hz);
        }
    }
}

#[test]
fn wave_files_of_every_coding_are_read_exactly() {
    use Codec::{ALaw, Float, MuLaw, Pcm};
    use Container::Wave;
    check_at_all_rates(&[
        case("u8.wav", "-c:a pcm_u8", Wave, Pcm),
        case("s16.wav", "-c:a pcm_s16le", Wave, Pcm),
        case("s24.wav", "-c:a pcm_s24le", Wave, Pcm),
        case("s32.wav", "-c:a pcm_s32le", Wave, Pcm),
        case("f32.wav", "-c:a pcm_f32le", Wave, Float),
        case("f64.wav", "-c:a pcm_f64le", Wave, Float),
        case("alaw.wav", "-c:a pcm_alaw", Wave, ALaw),
        case("mulaw.wav", "-c:a pcm_mulaw", Wave, MuLaw),
        case("rf64.wav", "-c:a pcm_s16le -rf64 always", Wave, Pcm),
    ]);
}

#[test]
fn lossless_formats_are_read_exactly() {
    use Codec::{ALaw, Alac, Flac, Float, MuLaw, Pcm};
    use Container::{Aiff, Caf, Mp4, Ogg};
    check_at_all_rates(&[
        case("a.flac", "-c:a flac", Container::Flac, Flac),
        case("a.oga", "-c:a flac", Ogg, Flac),
        case("a.m4a", "-c:a alac", Mp4, Alac),
        case("a.aiff", "-c:a pcm_s16be", Aiff, Pcm),
        case("a.aif", "-c:a pcm_f32be", Aiff, Float),
        case("a.caf", "-c:a pcm_s16le", Caf, Pcm),
        case("b.caf", "-c:a pcm_alaw", Caf, ALaw),
        case("c.caf", "-c:a pcm_mulaw", Caf, MuLaw),
    ]);
}

#[test]
fn lossy_formats_keep_channels_length_and_time() {
    use Codec::{Aac, Adpcm, Mpeg, Opus, Vorbis};
    use Container::{Matroska, Mp4, Ogg, Wave};
    check_at_all_rates(&[
        Case { length_slack: 2_000, ..case("m.wav", "-c:a adpcm_ms", Wave, Adpcm) },
        Case { length_slack: 2_000, ..case("i.wav", "-c:a adpcm_ima_wav", Wave, Adpcm) },
        case("a.mp3", "-c:a libmp3lame -q:a 0 -joint_stereo 0", Container::Mpeg, Mpeg),
        case("a.ogg", "-c:a libvorbis -q:a 8", Ogg, Vorbis),
        case("a.opus", "-c:a libopus -b:a 192k", Ogg, Opus),
        case("a.m4a", "-c:a aac -b:a 96k", Mp4, Aac),
        Case { length_slack: 2_000, ..case("a.webm", "-c:a libopus -b:a 192k", Matroska, Opus) },
        Case { length_slack: 2_000, ..case("v.webm", "-c:a libvorbis -q:a 8", Matroska, Vorbis) },
        Case { length_slack: 2_000, ..case("a.mka", "-c:a libopus -b:a 192k", Matroska, Opus) },
    ]);
}

#[test]
fn extensible_wave_and_eight_channels_stay_apart() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    let tone =
        |hz: f64| (0..8_000).map(|n| (0.3 * (TAU * hz * f64::from(n) / 8_000.0).sin()) as f32).collect();
    let planes: Vec<Vec<f32>> = (1..=8).map(|index| tone(f64::from(index) * 200.0)).collect();
    let source = folder.write("source.wav", &wave_bytes(8_000, &planes));
    for (name, arguments) in
        [("e.wav", "-c:a pcm_s24le"), ("e.flac", "-c:a flac"), ("e.caf", "-c:a pcm_s16le")]
    {
        let (info, found) = read_whole(&folder.convert(&source, name, arguments));
        assert_eq!(info.channels, 8, "{name}");
        for (channel, plane) in found.iter().enumerate() {
            let heard = amplitude(plane, (channel + 1) as f64 * 200.0, info.sample_rate.hz());
            assert!((heard - 0.3).abs() < 0.03, "{name}: channel {channel} has {heard}");
        }
    }
    let discrete = folder.convert(&source, "d.opus", "-c:a libopus -mapping_family 255");
    assert!(matches!(open_error(&discrete), Error::UnsupportedCodec { .. }));
    let nine: Vec<Vec<f32>> = vec![vec![0.1; 100]; 9];
    let path = folder.write("nine.wav", &wave_bytes(8_000, &nine));
    assert!(matches!(open_error(&path), Error::TooManyChannels { channels: 9, .. }));
}

#[test]
fn surround_opus_is_decoded_channel_by_channel() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    let tone =
        |hz: f64| (0..8_000).map(|n| (0.3 * (TAU * hz * f64::from(n) / 8_000.0).sin()) as f32).collect();
    let planes: Vec<Vec<f32>> = (1..=6).map(|index| tone(f64::from(index) * 200.0)).collect();
    let source = folder.write("source.wav", &wave_bytes(8_000, &planes));
    let path = folder.convert(
        &source,
        "s.opus",
        "-af channelmap=channel_layout=5.1 -c:a libopus -mapping_family 1 -b:a 512k",
    );
    let (info, found) = read_whole(&path);
    assert_eq!((info.channels, found[0].len()), (6, 48_000));
    // Ogg Opus orders front left, centre, right; rear left, right; low frequencies. WAV has the centre third.
    for (channel, hz) in [(0, 200.0), (1, 600.0), (2, 400.0), (3, 1_000.0), (4, 1_200.0)] {
        let heard = amplitude(&found[channel], hz, 48_000);
        assert!((heard - 0.3).abs() < 0.05, "channel {channel} has {heard} of {hz} Hz");
    }
}

#[test]
fn g711_decodes_as_ffmpeg_does() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    let codes: Vec<u8> = (0..=255).collect();
    let path = folder.write("codes.raw", &codes);
    for (law, name) in [(Law::A, "alaw"), (Law::Mu, "mulaw")] {
        let decoded = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-f", name, "-ar", "8000", "-ac", "1", "-i"])
            .arg(&path)
            .args(["-f", "s16le", "-"])
            .output()
            .unwrap();
        let expected: Vec<i16> =
            decoded.stdout.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b)).collect();
        let found: Vec<i16> = codes.iter().map(|&code| law.decode(code)).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn headerless_audio_is_read_by_its_given_format() {
    let folder = Folder::new();
    let planes = signal(8_000, 0.5);
    let frames = planes[0].len();
    for (name, encoding) in Encoding::NAMES {
        assert_eq!(name.parse(), Ok(encoding));
        let bytes: Vec<u8> = (0..frames)
            .flat_map(|n| [planes[0][n], planes[1][n]])
            .flat_map(|sample| encode(encoding, sample))
            .collect();
        let path = folder.write(name, &bytes);
        let raw = RawFormat { encoding, sample_rate: SampleRate::TELEPHONE, channels: 2 };
        let (info, found, error) = read_all(&path, &OpenOptions { raw: Some(raw) }).unwrap();
        assert!(error.is_none());
        assert_eq!((info.container, info.channels, found[0].len()), (Container::Raw, 2, frames));
        for (expected, found) in planes.iter().zip(&found) {
            let worst = expected.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 0.03, "{name}: {worst}");
        }
    }
    assert!("gsm".parse::<Encoding>().is_err());
}

fn encode(encoding: Encoding, sample: f32) -> Vec<u8> {
    let scaled = |steps: f64| (f64::from(sample) * steps).round() as i32;
    match encoding {
        Encoding::U8 => vec![(scaled(128.0) + 128) as u8],
        Encoding::S16Le => (scaled(32_768.0) as i16).to_le_bytes().to_vec(),
        Encoding::S16Be => (scaled(32_768.0) as i16).to_be_bytes().to_vec(),
        Encoding::S24Le => scaled(8_388_608.0).to_le_bytes()[..3].to_vec(),
        Encoding::S32Le => scaled(2_147_483_648.0).to_le_bytes().to_vec(),
        Encoding::F32Le => sample.to_le_bytes().to_vec(),
        Encoding::F64Le => f64::from(sample).to_le_bytes().to_vec(),
        Encoding::ALaw => vec![Law::A.encode_f32(sample)],
        Encoding::MuLaw => vec![Law::Mu.encode_f32(sample)],
    }
}

#[test]
fn what_is_no_recording_is_named() {
    let folder = Folder::new();
    assert!(matches!(open_error(&folder.0.path().join("none.wav")), Error::NotFound { .. }));
    assert!(matches!(open_error(folder.0.path()), Error::NotAFile { .. }));
    assert!(matches!(open_error(&folder.write("empty.wav", b"")), Error::Empty { .. }));
    let pdf = folder.write("call.wav", b"%PDF-1.7\n");
    let error = open_error(&pdf);
    assert!(matches!(error, Error::NotAudio { .. }));
    assert_eq!(
        error.to_string(),
        format!("{}: not an audio file, it looks like a PDF document", pdf.display())
    );
    let silent = folder.write("silent.wav", &wave_header(8_000, 1, 0));
    assert!(matches!(open_error(&silent), Error::NoSamples { .. }));
}

#[test]
fn absurd_headers_are_named() {
    let folder = Folder::new();
    let with = |rate_hz, channels| {
        let mut bytes = wave_header(rate_hz, channels, 400);
        bytes.resize(bytes.len() + 400, 0);
        folder.write("absurd.wav", &bytes)
    };
    assert!(matches!(open_error(&with(8_000, 0)), Error::NoChannels { .. }));
    assert!(matches!(open_error(&with(8_000, 500)), Error::TooManyChannels { channels: 500, .. }));
    assert!(matches!(open_error(&with(0, 1)), Error::BadSampleRate { rate_hz: 0, .. }));
    assert!(matches!(open_error(&with(4_000_000, 1)), Error::BadSampleRate { rate_hz: 4_000_000, .. }));
    let mut gsm = wave_header(8_000, 1, 65);
    gsm[20] = 0x31;
    let error = open_error(&folder.write("gsm.wav", &gsm));
    assert!(matches!(&error, Error::UnsupportedCodec { codec, .. } if codec.contains("GSM")));
    assert!(error.to_string().contains("hint: convert it first: ffmpeg -i"));
}

#[test]
fn a_declared_length_is_never_believed() {
    let folder = Folder::new();
    let mut bytes = wave_header(8_000, 2, 0xffff_fff0);
    bytes.resize(bytes.len() + 32_000, 0);
    let (_, planes, error) = read_all(&folder.write("big.wav", &bytes), &OpenOptions::default()).unwrap();
    assert_eq!(planes[0].len(), 8_000, "what is there is delivered");
    let error = error.expect("and then named");
    assert!(error.is_partial());
    assert!(matches!(error, Error::Truncated { declared_s: Some(declared), found_s, .. }
        if found_s == 1.0 && declared > 100_000.0));
}

#[test]
fn a_recorder_that_never_wrote_its_length_is_read_to_the_end() {
    let folder = Folder::new();
    for unknown in [0, u32::MAX, 0x7fff_f000] {
        let mut bytes = wave_header(8_000, 1, unknown);
        bytes.extend((0..8_000u32).flat_map(|n| ((n % 100) as i16 * 50).to_le_bytes()));
        let (info, planes) = read_whole(&folder.write("live.wav", &bytes));
        assert_eq!((info.declared_frames, planes[0].len()), (None, 8_000), "declared {unknown:#x}");
    }
}

#[test]
fn content_counts_and_not_the_name() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    let source = folder.write("source.wav", &wave_bytes(8_000, &signal(8_000, 0.3)));
    let flac = folder.convert(&source, "a.flac", "-c:a flac");
    let renamed = folder.0.path().join("renamed.wav");
    std::fs::rename(flac, &renamed).unwrap();
    assert_eq!(read_whole(&renamed).0.container, Container::Flac);
}

#[test]
fn a_recording_cut_short_gives_its_audio_and_then_says_so() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    let source = folder.write("source.wav", &wave_bytes(44_100, &signal(44_100, 3.0)));
    for (name, arguments) in [
        ("cut.wav", "-c:a pcm_s16le"),
        ("cut.flac", "-c:a flac"),
        ("cut.mp3", "-c:a libmp3lame"),
        ("cut.ogg", "-c:a libvorbis"),
        ("cut.opus", "-c:a libopus"),
        ("cut.m4a", "-c:a aac -movflags +faststart"),
        ("cut.aiff", "-c:a pcm_s16be"),
        ("cut.caf", "-c:a pcm_s16le"),
        ("cut.webm", "-c:a libopus"),
    ] {
        let path = folder.convert(&source, name, arguments);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() * 7 / 10]).unwrap();
        let (info, planes, error) = read_all(&path, &OpenOptions::default()).unwrap();
        let seconds = planes[0].len() as f64 / f64::from(info.sample_rate.hz());
        assert!((0.9..2.8).contains(&seconds), "{name}: {seconds} s");
        assert!(matches!(error, Some(Error::Truncated { .. })), "{name}: {error:?}");
    }
}

#[test]
fn a_recording_whose_middle_cannot_be_decoded_gives_what_came_before() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    let source = folder.write("source.wav", &wave_bytes(48_000, &signal(48_000, 8.0)));
    let path = folder.convert(&source, "broken.mp4", "-c:a libopus -f mp4");
    let mut bytes = std::fs::read(&path).unwrap();
    let place = |kind: &[u8]| bytes.windows(4).position(|four| four == kind).unwrap();
    let (audio, index) = (place(b"mdat") + 4, place(b"moov") - 4);
    assert!(audio < index, "the index is behind the audio and stays whole");
    // No Opus packet begins so. A third of 400 packets is more than are tried in a row.
    bytes[audio + (index - audio) / 3..audio + (index - audio) * 2 / 3].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    let (info, planes, error) = read_all(&path, &OpenOptions::default()).unwrap();
    let seconds = planes[0].len() as f64 / f64::from(info.sample_rate.hz());
    let error = error.expect("and then named");
    assert!(error.is_partial(), "{error:?}");
    let Error::Interrupted { found_s, source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*found_s, seconds);
    assert!((2.0..6.0).contains(&seconds), "{seconds} s");
    assert!(matches!(**source, Error::Malformed { .. }), "{source:?}");
    assert!(error.to_string().contains("broken.mp4: given up after"), "{error}");
}

#[test]
fn a_panic_of_the_parser_is_an_error_and_the_next_panic_is_heard_again() {
    let fault = demux::guarded::<()>(|| panic!("a parser that stumbles"));
    assert!(matches!(fault, Err(demux::Fault::Panicked)));
    assert!(!demux::is_guarded());
    assert!(demux::guarded(|| Ok(demux::is_guarded())).is_ok_and(|guarded| guarded));
}

#[test]
fn a_hole_in_a_stream_keeps_the_time_line() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    let planes = signal(8_000, 4.0);
    let source = folder.write("source.wav", &wave_bytes(8_000, &planes));
    for (name, arguments) in
        [("hole.flac", "-c:a flac -frame_size 800"), ("hole.opus", "-c:a libopus -page_duration 100000")]
    {
        let path = folder.convert(&source, name, arguments);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 600].fill(0x55);
        std::fs::write(&path, &bytes).unwrap();
        let (info, found, error) = read_all(&path, &OpenOptions::default()).unwrap();
        let rate_hz = info.sample_rate.hz();
        assert!(matches!(error, Some(Error::Damaged { .. })), "{name}: {error:?}");
        assert_eq!(found[0].len(), 4 * rate_hz as usize, "{name}");
        let expected = resampled(&planes[0], 8_000, rate_hz);
        let tail = 3 * rate_hz as usize..;
        assert_eq!(lag(&expected[tail.clone()], &found[0][tail], 1_000), 0, "{name}: the end is shifted");
    }
}

#[test]
fn half_an_hour_of_stereo_is_streamed_in_small_blocks() {
    let folder = Folder::new();
    let frames = 30 * 60 * 8_000u32;
    let path = folder.write("long.wav", &wave_header(8_000, 2, frames * 4));
    // A hole in the file: no disk is used for the silence.
    File::options().write(true).open(&path).unwrap().set_len(u64::from(frames) * 4 + 44).unwrap();
    let mut recording = Recording::open(&path, &OpenOptions::default()).unwrap();
    let mut block = Block::new();
    let mut total = 0;
    while recording.next_block(&mut block).unwrap() {
        assert!(block.frames() <= MAX_BLOCK_FRAMES);
        total += block.frames();
    }
    assert_eq!(total, frames as usize);
    let held: usize = recording.ready.iter().chain(&block.planes).map(Vec::capacity).sum();
    assert!(held <= 8 * MAX_BLOCK_FRAMES, "{held} samples are held");
}

const SMALL_FILES: [(&str, &str); 8] = [
    ("s.wav", "-c:a pcm_s16le"),
    ("s.flac", "-c:a flac"),
    ("s.ogg", "-c:a libvorbis"),
    ("s.opus", "-c:a libopus"),
    ("s.mp3", "-c:a libmp3lame -b:a 32k"),
    ("s.m4a", "-c:a aac -movflags +faststart"),
    ("s.webm", "-c:a libopus"),
    ("s.aiff", "-c:a pcm_s16be"),
];

type NamedBytes = Vec<(&'static str, Vec<u8>)>;

fn small_files(folder: &Folder) -> NamedBytes {
    let source = folder.write("source.wav", &wave_bytes(8_000, &signal(8_000, 0.06)));
    SMALL_FILES
        .iter()
        .map(|&(name, arguments)| (name, std::fs::read(folder.convert(&source, name, arguments)).unwrap()))
        .collect()
}

/// A broken file gives audio, an error, or both; the error names the file, and nothing panics or runs away.
fn check_broken(path: &Path, name: &str) {
    match read_all(path, &OpenOptions::default()) {
        Ok((info, planes, error)) => {
            let seconds = planes[0].len() as u64 / u64::from(info.sample_rate.hz());
            assert!(seconds <= MAX_DURATION_S + 1, "{name}: {seconds} s");
            if let Some(error) = error {
                assert!(error.to_string().contains(name), "{error}");
            }
        }
        Err(error) => assert!(error.to_string().contains(name) && !error.is_partial(), "{error}"),
    }
}

#[test]
fn a_file_cut_at_any_byte_is_read_or_refused_by_name() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    for (name, bytes) in small_files(&folder) {
        let path = folder.write(name, &bytes);
        let file = File::options().write(true).open(&path).unwrap();
        for length in (0..bytes.len() as u64).rev() {
            file.set_len(length).unwrap();
            check_broken(&path, name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_with_broken_bytes_is_read_or_refused_by_name(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..12),
        is_header in any::<bool>(),
    ) {
        thread_local! {
            static FILES: Option<(Folder, NamedBytes)> = has_ffmpeg().then(|| {
                let folder = Folder::new();
                let files = small_files(&folder);
                (folder, files)
            });
        }
        FILES.with(|files| {
            let Some((folder, files)) = files else { return };
            for (name, bytes) in files {
                let name = *name;
                let mut broken = bytes.clone();
                // Most of the ways to hurt a reader lie in the header.
                let reach = if is_header { broken.len().min(200) } else { broken.len() };
                for (place, value) in &changes {
                    broken[place.index(reach)] = *value;
                }
                check_broken(&folder.write(name, &broken), name);
            }
        });
    }
}
