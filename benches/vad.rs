//! What voice detection costs and what it finds; `cargo bench --bench vad [-- RECORDING_OR_FOLDER ...]`.
//!
//! Each channel of each recording goes through Silero, which is asked about every window (recordings spare it those of steady
//! noise), and the segmenter, with the settings that are shipped. A line
//! for each argument: the time of a window of 32 ms (the quickest and the slowest channel), how much speech was found, and
//! in how many channels none. Without an argument the fixture calls. Hold music (`/usr/share/asterisk/moh`) shows what is taken
//! for speech; clips as a telephone hears them lie in `~/.cache/allo/bench/phone` once `benches/against_faster_whisper.sh` has run.
//! Needs the models of `allo models pull`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use allo::audio::SampleRate;
use allo::audio::resample::resample_all;
use allo::home::Home;
use allo::media::{Block, OpenOptions, Recording};
use allo::onnx::Runtime;
use allo::pipeline::inputs;
use allo::vad::{Config, SegmentStream, SileroModel, WINDOW_SAMPLES};

fn main() -> anyhow::Result<()> {
    let models = Home::resolve(|name| std::env::var_os(name))?.models().to_path_buf();
    let runtime = Runtime::load(&models.join("libonnxruntime.so"))?;
    let silero = SileroModel::open(&runtime, &models.join("silero_vad.onnx"))?;
    let arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let mut named: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    if named.is_empty() {
        named.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio"));
    }
    for path in named {
        measure(&silero, &path)?;
    }
    Ok(())
}

/// What was found in one channel.
struct Found {
    sound: Duration,
    speech: Duration,
    taken: Duration,
}

impl Found {
    fn ms_a_window(&self) -> f64 {
        let windows = self.sound.as_secs_f64() * f64::from(SampleRate::PIPELINE.hz()) / WINDOW_SAMPLES as f64;
        self.taken.as_secs_f64() * 1000.0 / windows.max(1.0)
    }
}

fn measure(silero: &SileroModel, path: &Path) -> anyhow::Result<()> {
    let mut inputs = inputs::list(&[path.to_path_buf()]);
    if let Some(error) = inputs.failed.pop() {
        return Err(error.into());
    }
    let mut all = Vec::new();
    for file in &inputs.files {
        for samples in channels(&file.path)? {
            all.push(detect(silero, &samples)?);
        }
    }
    anyhow::ensure!(!all.is_empty(), "{} holds no recording", path.display());
    let minutes = |of: fn(&Found) -> Duration| all.iter().map(of).sum::<Duration>().as_secs_f64() / 60.0;
    let (sound, speech) = (minutes(|found| found.sound), minutes(|found| found.speech));
    let slowest = all.iter().map(Found::ms_a_window).fold(0.0, f64::max);
    let quickest = all.iter().map(Found::ms_a_window).fold(f64::INFINITY, f64::min);
    let silent = all.iter().filter(|found| found.speech.is_zero()).count();
    say(&format!(
        "{}: {} channels, {sound:.1} min, {quickest:.2} to {slowest:.2} ms a window, {:.1} s of speech a minute, \
         none in {silent} channels",
        path.display(),
        all.len(),
        60.0 * speech / sound
    ));
    Ok(())
}

/// The channels of a recording at the rate of the detector.
fn channels(path: &Path) -> anyhow::Result<Vec<Vec<f32>>> {
    let mut recording = Recording::open(path, &OpenOptions::default())?;
    let rate = recording.info().sample_rate;
    let (mut block, mut planes) = (Block::new(), Vec::<Vec<f32>>::new());
    while recording.next_block(&mut block)? {
        planes.resize(block.planes().len(), Vec::new());
        for (all, plane) in planes.iter_mut().zip(block.planes()) {
            all.extend_from_slice(plane);
        }
    }
    planes.iter().map(|plane| Ok(resample_all(plane, rate, SampleRate::PIPELINE)?)).collect()
}

fn detect(silero: &SileroModel, samples: &[f32]) -> anyhow::Result<Found> {
    let start = now();
    let mut stream = SegmentStream::new(silero.stream(), &Config::default())?;
    let mut speech = Duration::ZERO;
    for second in samples.chunks(SampleRate::PIPELINE.hz() as usize) {
        stream.push(second)?;
        while let Some(segment) = stream.poll() {
            speech += segment.speech.duration();
        }
    }
    stream.finish()?;
    while let Some(segment) = stream.poll() {
        speech += segment.speech.duration();
    }
    let sound = Duration::from_secs_f64(samples.len() as f64 / f64::from(SampleRate::PIPELINE.hz()));
    Ok(Found { sound, speech, taken: start.elapsed() })
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock of the machine")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "the bench's own output")]
fn say(line: &str) {
    println!("{line}");
}
