//! Files of every format are made by ffmpeg from one signal and read back.

use super::*;
use crate::audio::g711::Law;

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

struct Case {
    name: &'static str,
    arguments: &'static str,
    container: Container,
    codec: Codec,
    /// Frames by which the length may differ.
    length_slack: i64,
    /// Frames by which the audio may come late: a delay of the encoder that the file does not tell.
    delay_max: i64,
}

const fn case(name: &'static str, arguments: &'static str, container: Container, codec: Codec) -> Case {
    Case { name, arguments, container, codec, length_slack: 0, delay_max: 0 }
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
    assert!((0..=case.delay_max).contains(&shift), "{label}: shifted by {shift} frames");
}

fn check_at_all_rates(cases: &[Case]) {
    check_at(&[8_000, 44_100, 48_000], cases);
}

fn check_at(rates_hz: &[u32], cases: &[Case]) {
    if !has_ffmpeg() {
        return;
    }
    for case in cases {
        for &rate_hz in rates_hz {
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
        case("l.aif", "-c:a pcm_alaw", Aiff, ALaw),
        case("u.aif", "-c:a pcm_mulaw", Aiff, MuLaw),
        case("a.caf", "-c:a pcm_s16le", Caf, Pcm),
        case("f.caf", "-c:a pcm_f32le", Caf, Float),
        case("b.caf", "-c:a pcm_alaw", Caf, ALaw),
        case("c.caf", "-c:a pcm_mulaw", Caf, MuLaw),
    ]);
}

#[test]
fn a_length_in_whole_packets_is_not_taken_for_a_cut_recording() {
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    let source = folder.write("source.wav", &wave_bytes(8_000, &signal(8_000, 1.5)));
    // ffmpeg declares 4096 frames for the last packet too.
    let (info, found) = read_whole(&folder.convert(&source, "d.caf", "-c:a alac"));
    assert_eq!((info.container, info.codec, info.channels), (Container::Caf, Codec::Alac, 2));
    assert_eq!(found, read_whole(&source).1);
}

#[test]
fn lossy_formats_keep_channels_length_and_time() {
    use Codec::{Aac, Adpcm, Mpeg, Opus, Vorbis};
    use Container::{Adts, Matroska, Mp4, Ogg, Wave};
    check_at_all_rates(&[
        Case { length_slack: 2_000, ..case("m.wav", "-c:a adpcm_ms", Wave, Adpcm) },
        Case { length_slack: 2_000, ..case("i.wav", "-c:a adpcm_ima_wav", Wave, Adpcm) },
        case("a.mp3", "-c:a libmp3lame -q:a 0 -joint_stereo 0", Container::Mpeg, Mpeg),
        case("a.ogg", "-c:a libvorbis -q:a 8", Ogg, Vorbis),
        case("a.opus", "-c:a libopus -b:a 192k", Ogg, Opus),
        case("a.m4a", "-c:a aac -b:a 96k", Mp4, Aac),
        case("a.mov", "-c:a aac -b:a 96k", Mp4, Aac),
        case("o.mp4", "-c:a libopus -b:a 192k", Mp4, Opus),
        // Bare frames tell neither how many they are nor the delay of their encoder, which is one frame.
        Case {
            length_slack: 2_000,
            delay_max: 1_024,
            ..case("a.aac", "-c:a aac -b:a 96k -f adts", Adts, Aac)
        },
        Case { length_slack: 2_000, ..case("a.webm", "-c:a libopus -b:a 192k", Matroska, Opus) },
        Case { length_slack: 2_000, ..case("v.webm", "-c:a libvorbis -q:a 8", Matroska, Vorbis) },
        Case { length_slack: 2_000, ..case("a.mka", "-c:a libopus -b:a 192k", Matroska, Opus) },
    ]);
    // Layer II has no 8 kHz. Its filters come late by less than half a frame.
    let layer_two = case("a.mp2", "-c:a mp2 -b:a 256k", Container::Mpeg, Mpeg);
    check_at(&[44_100, 48_000], &[Case { length_slack: 2_000, delay_max: 576, ..layer_two }]);
}

/// A signal of two parts, each of some seconds and with a gain of its own, at 8 kHz.
fn uneven(parts: [(f64, f32); 2]) -> Vec<Vec<f32>> {
    let [first, second] = parts.map(|(seconds, gain)| {
        let mut planes = signal(8_000, seconds);
        planes.iter_mut().flatten().for_each(|sample| *sample *= gain);
        planes
    });
    first.into_iter().zip(second).map(|(first, second)| [first, second].concat()).collect()
}

#[test]
fn bare_frames_are_read_to_their_end_whatever_the_first_ones_are_like() {
    // Loud and silent frames differ in size: the first ones do not tell how many there are.
    const MP3: &str = "-c:a libmp3lame -q:a 9 -write_xing 0 -id3v2_version 0";
    const ADTS: &str = "-c:a aac -b:a 32k -f adts";
    if !has_ffmpeg() {
        return;
    }
    let folder = Folder::new();
    for (name, arguments, parts) in [
        ("loud-first.mp3", MP3, [(2.0, 1.0), (8.0, 0.0)]),
        ("silent-first.mp3", MP3, [(8.0, 0.0), (2.0, 1.0)]),
        ("silent-first.aac", ADTS, [(14.0, 0.0), (40.0, 1.0)]),
    ] {
        let planes = uneven(parts);
        let source = folder.write("source.wav", &wave_bytes(8_000, &planes));
        let (info, found) = read_whole(&folder.convert(&source, name, arguments));
        assert_eq!(info.declared_frames, None, "{name}");
        assert!(found[0].len() >= planes[0].len(), "{name}: {} of {}", found[0].len(), planes[0].len());
    }
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
