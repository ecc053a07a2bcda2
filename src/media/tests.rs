//! Recordings that ffmpeg or this file makes from one signal, and what every test does with them.

mod damage;
mod formats;
mod headers;

use std::f64::consts::TAU;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::*;

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

fn resampled(samples: &[f32], from_hz: u32, to_hz: u32) -> Vec<f32> {
    let rate = |hz| SampleRate::from_hz(hz).unwrap();
    crate::audio::resample::resample_all(samples, rate(from_hz), rate(to_hz)).unwrap()
}
