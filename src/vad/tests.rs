//! Detectors on real voices, music and noise. Voices and music come from the system packages of a telephone
//! exchange; the Silero model from the models folder. What is missing fails where `CI` is set and is skipped elsewhere.

mod batch;

use std::path::{Path, PathBuf};

use super::*;
use crate::audio::SamplePos;
use crate::home::Home;
use crate::onnx::Runtime;

const VOICES: &str = "/usr/share/asterisk/sounds/fr_CA_f_June";
const MUSIC: &str = "/usr/share/asterisk/moh";

/// Says loudly that a test did not run.
fn missing<T>(what: &Path) -> Option<T> {
    assert!(std::env::var_os("CI").is_none(), "{} is missing", what.display());
    eprintln!("skipped: {} is missing", what.display());
    None
}

fn silero() -> Option<SileroModel> {
    let folder: PathBuf = Home::resolve(|name| std::env::var_os(name)).ok()?.models().to_path_buf();
    let (library, model) = (folder.join("libonnxruntime.so"), folder.join("silero_vad.onnx"));
    if let Some(absent) = [&library, &model].into_iter().find(|path| !path.is_file()) {
        return missing(absent);
    }
    Some(SileroModel::open(&Runtime::load(&library).unwrap(), &model).unwrap())
}

/// A 16-bit mono 8 kHz WAV, brought to 16 kHz by linear interpolation: simple enough to be the same to the last bit
/// in the reference that the probabilities below come from.
fn telephone_wav(path: &Path) -> Option<Vec<f32>> {
    let Ok(bytes) = std::fs::read(path) else {
        return missing(path);
    };
    let data = bytes.windows(4).position(|tag| tag == b"data").unwrap() + 8;
    let narrow: Vec<f32> = bytes[data..]
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| f32::from(i16::from_le_bytes(*pair)) / 32_768.0)
        .collect();
    let following = narrow.iter().skip(1).chain(narrow.last());
    Some(narrow.iter().zip(following).flat_map(|(this, next)| [*this, (this + next) * 0.5]).collect())
}

fn probabilities(detector: &mut impl SpeechDetector, samples: &[f32]) -> Vec<f32> {
    samples
        .as_chunks::<WINDOW_SAMPLES>()
        .0
        .iter()
        .map(|window| detector.probability(window).unwrap())
        .collect()
}

fn segments(detector: impl SpeechDetector, samples: &[f32]) -> Vec<Segment> {
    let mut stream = SegmentStream::new(detector, &Config::default()).unwrap();
    let mut segments = Vec::new();
    for chunk in samples.chunks(16_000) {
        stream.push(chunk).unwrap();
        segments.extend(std::iter::from_fn(|| stream.poll()));
    }
    stream.finish().unwrap();
    segments.extend(std::iter::from_fn(|| stream.poll()));
    segments
}

/// Noise with the same seed everywhere: white, or pink by summing octaves.
pub(crate) fn noise(samples: usize, level: f32, is_pink: bool) -> Vec<f32> {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 40) as f32 / 8_388_608.0 - 1.0
    };
    let mut octaves = [0.0_f32; 12];
    (0..samples)
        .map(|at| {
            if !is_pink {
                return level * 1.7 * random();
            }
            let octave = (at.trailing_zeros() as usize).min(octaves.len() - 1);
            octaves[octave] = random();
            level * 1.7 * octaves.iter().sum::<f32>() / (octaves.len() as f32).sqrt()
        })
        .collect()
}

/// What every detector promises.
fn check_detector(mut detector: impl SpeechDetector) {
    let samples = noise(WINDOW_SAMPLES * 20, 0.1, true);
    let first = probabilities(&mut detector, &samples);
    assert!(first.iter().all(|probability| (0.0..=1.0).contains(probability)), "{first:?}");
    detector.reset();
    assert_eq!(probabilities(&mut detector, &samples), first, "a reset detector starts anew");
    for extreme in [0.0, 1.0, -1.0] {
        let probability = detector.probability(&[extreme; WINDOW_SAMPLES]).unwrap();
        assert!((0.0..=1.0).contains(&probability), "{extreme}: {probability}");
    }
}

#[test]
fn every_detector_keeps_the_promises_of_the_trait() {
    check_detector(EnergyDetector::new());
    let chosen: Box<dyn SpeechDetector> = Box::new(EnergyDetector::new());
    check_detector(chosen);
    if let Some(model) = silero() {
        check_detector(model.stream());
    }
}

#[test]
fn silero_gives_the_probabilities_of_its_reference() {
    // ONNX Runtime 1.31 in Python, called as the package silero-vad 6.2.3 calls it, after 32 windows of zeros.
    let reference = [
        0.0269, 0.4135, 0.9778, 0.9981, 0.9998, 0.9998, 0.9995, 0.9993, 0.9974, 0.9929, 0.9621, 0.8175,
        0.5251, 0.2332, 0.2442, 0.9952, 0.9999, 0.9997, 0.9996, 0.9998, 0.9997, 0.9963,
    ];
    let (Some(model), Some(samples)) =
        (silero(), telephone_wav(&Path::new(VOICES).join("privacy-thankyou.wav")))
    else {
        return;
    };
    let found = probabilities(&mut model.stream(), &samples);
    assert_eq!(found.len(), reference.len());
    for (index, (found, reference)) in found.iter().zip(reference).enumerate() {
        assert!((found - reference).abs() < 1e-3, "window {index}: {found} is not {reference}");
    }
}

#[test]
fn streams_of_one_model_do_not_disturb_each_other() {
    let (Some(model), Some(samples)) =
        (silero(), telephone_wav(&Path::new(VOICES).join("privacy-thankyou.wav")))
    else {
        return;
    };
    let alone = probabilities(&mut model.stream(), &samples);
    let (mut voice, mut other) = (model.stream(), model.stream());
    let mixed: Vec<f32> = samples
        .as_chunks::<WINDOW_SAMPLES>()
        .0
        .iter()
        .map(|window| {
            other.probability(&[0.25; WINDOW_SAMPLES]).unwrap();
            voice.probability(window).unwrap()
        })
        .collect();
    assert_eq!(mixed, alone);
}

#[test]
fn a_file_that_is_another_model_is_refused() {
    let Ok(home) = Home::resolve(|name| std::env::var_os(name)) else { return };
    let (library, other) =
        (home.models().join("libonnxruntime.so"), home.models().join("smart-turn-v3.2-cpu.onnx"));
    if !library.is_file() || !other.is_file() {
        missing::<()>(&other);
        return;
    }
    let error = SileroModel::open(&Runtime::load(&library).unwrap(), &other).unwrap_err();
    assert!(matches!(error, Error::UnknownModel { .. }), "{error}");
}

/// First and last 10 ms of a prompt that are within 35 dB of its loudest.
fn loud_part(samples: &[f32]) -> (u64, u64) {
    let levels: Vec<f32> = samples.chunks(160).map(level_dbfs).collect();
    let limit = levels.iter().copied().fold(SILENCE_DBFS, f32::max) - 35.0;
    let first = levels.iter().position(|level| *level > limit).unwrap();
    let last = levels.iter().rposition(|level| *level > limit).unwrap();
    (first as u64 * 160, (last as u64 + 1) * 160)
}

#[test]
fn silero_finds_prompts_where_they_are() {
    let Some(model) = silero() else { return };
    let names = [
        "activated",
        "privacy-thankyou",
        "vm-tooshort",
        "vm-nobodyavail",
        "tt-weasels",
        "vm-password",
        "vm-goodbye",
        "digits/7",
        "digits/14",
        "check-number-dial-again",
        "conf-now-unmuted",
        "vm-incorrect-mailbox",
    ];
    let gap = noise(32_000, 0.0006, true);
    let mut samples = gap.clone();
    let mut truth = Vec::new();
    for name in names {
        let Some(prompt) = telephone_wav(&Path::new(VOICES).join(name).with_extension("wav")) else { return };
        let (first, last) = loud_part(&prompt);
        truth.push((name, samples.len() as u64 + first, samples.len() as u64 + last));
        samples.extend(prompt);
        samples.extend(&gap);
    }
    let found = segments(model.stream(), &samples);
    let mut starts_off = Vec::new();
    for (name, start, end) in &truth {
        let mine: Vec<&Segment> = found
            .iter()
            .filter(|segment| segment.span.start.0 < *end && segment.span.end.0 > *start)
            .collect();
        let (Some(first), Some(last)) = (mine.first(), mine.last()) else { panic!("{name} was not heard") };
        let (heard_start, heard_end) = (first.speech.start, last.speech.end);
        let off = |heard: SamplePos, truth: u64| (heard.0 as f64 - truth as f64) / 16.0;
        let (start_off, end_off) = (off(heard_start, *start), off(heard_end, *end));
        println!("{name}: start {start_off:+.0} ms, end {end_off:+.0} ms, {} segments", mine.len());
        assert!(
            first.span.start.0 <= *start && last.span.end.0 >= *end,
            "{name}: the rolls must cover all that is heard"
        );
        // Silero looks back: its probability falls three to four windows after the voice, and a soft first vowel
        // takes as long to convince it.
        assert!(start_off.abs() <= 130.0, "{name} starts {start_off} ms off");
        assert!(end_off.abs() <= 130.0, "{name} ends {end_off} ms off");
        starts_off.push(start_off.abs());
    }
    starts_off.sort_by(f64::total_cmp);
    assert!(starts_off[starts_off.len() / 2] <= 40.0, "median start: {starts_off:?}");
    let heard_nowhere = found.iter().find(|segment| {
        truth.iter().all(|(_, start, end)| segment.span.end.0 <= *start || segment.span.start.0 >= *end)
    });
    assert_eq!(heard_nowhere.map(|segment| segment.span), None);
}

#[test]
fn silero_hears_a_single_digit_that_is_the_whole_recording() {
    let Some(model) = silero() else { return };
    let mut missed = Vec::new();
    for digit in 0..=20 {
        let Some(prompt) = telephone_wav(&Path::new(VOICES).join(format!("digits/{digit}.wav"))) else {
            return;
        };
        if segments(model.stream(), &prompt).is_empty() {
            missed.push(digit);
        }
    }
    assert_eq!(missed, Vec::<i32>::new());
}

/// The guard's `courtesy_speech_probability`, which this module does not know.
const GUARDS_COURTESY_PROBABILITY: f32 = 0.6;

#[test]
fn a_lone_short_word_is_surely_speech() {
    let Some(model) = silero() else { return };
    let digits = (0..=20).map(|digit| format!("digits/{digit}"));
    let words = ["hello", "goodbye", "vm-goodbye", "sorry", "invalid", "queue-thankyou", "second", "time"];
    let gap = noise(16_000, 0.0006, true);
    let mut means = Vec::new();
    for name in digits.chain(words.map(str::to_owned)) {
        let Some(prompt) = telephone_wav(&Path::new(VOICES).join(&name).with_extension("wav")) else {
            return;
        };
        let samples = [gap.as_slice(), &prompt, &gap].concat();
        let found = segments(model.stream(), &samples);
        assert!(!found.is_empty(), "{name} was not heard");
        means.extend(found.iter().map(|segment| (segment.mean_probability, name.clone())));
    }
    means.sort_by(|left, right| left.0.total_cmp(&right.0));
    println!("lowest of {}: {:?}", means.len(), &means[..5]);
    assert!(means[0].0 > GUARDS_COURTESY_PROBABILITY, "{means:?}");
}

/// Seconds that end up in segments a minute of audio.
fn false_speech_s_per_minute(name: &str, samples: &[f32], model: &SileroModel) -> f64 {
    let found = segments(model.stream(), samples);
    let samples_heard: u64 = found.iter().map(|segment| segment.speech.samples()).sum();
    let seconds = samples_heard as f64 / 16_000.0;
    let rate = seconds / (samples.len() as f64 / 16_000.0) * 60.0;
    println!("{name}: {rate:.1} s of speech a minute, {} segments", found.len());
    rate
}

#[test]
fn silero_hears_no_speech_in_noise() {
    let Some(model) = silero() else { return };
    for (name, level, is_pink) in [
        ("white -46 dB", 0.005, false),
        ("white -26 dB", 0.05, false),
        ("pink -46 dB", 0.005, true),
        ("pink -26 dB", 0.05, true),
    ] {
        assert_eq!(
            false_speech_s_per_minute(name, &noise(60 * 16_000, level, is_pink), &model),
            0.0,
            "{name}"
        );
    }
    assert_eq!(false_speech_s_per_minute("silence", &vec![0.0; 60 * 16_000], &model), 0.0);
}

#[test]
fn silero_hears_almost_no_speech_in_hold_music() {
    let Some(model) = silero() else { return };
    for name in [
        "macroform-cold_day",
        "macroform-robot_dity",
        "macroform-the_simplicity",
        "manolo_camp-morning_coffee",
        "reno_project-system",
    ] {
        let Some(mut samples) = telephone_wav(&Path::new(MUSIC).join(name).with_extension("wav")) else {
            return;
        };
        samples.truncate(240 * 16_000);
        let rate = false_speech_s_per_minute(name, &samples, &model);
        // Without the rolls; the guard drops what comes of it.
        assert!(rate < 0.5, "{name}: {rate} s a minute");
    }
}
