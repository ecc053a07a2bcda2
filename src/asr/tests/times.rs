//! Word times of both engines beside each other and beside the truth of the fixture calls.

use std::path::Path;

use super::*;
use crate::audio::SampleRate;
use crate::audio::resample::resample_all;
use crate::fixtures::{Truth, TruthUtterance};
use crate::media::{Block, OpenOptions, Recording};

/// Audio kept before and behind an utterance, seconds.
const AROUND_S: f64 = 0.3;

/// A fixture call: two channels at 16 kHz and what is said in them.
struct Call {
    channels: Vec<Vec<f32>>,
    truth: Truth,
}

impl Call {
    fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio");
        let truth = std::fs::read(folder.join(format!("{name}.json"))).expect("a fixture of the project");
        let truth = serde_json::from_slice(&truth).expect("a truth file");
        let recording = folder.join(format!("{name}.wav"));
        let mut recording = Recording::open(&recording, &OpenOptions::default()).expect("a recording");
        let rate = recording.info().sample_rate;
        let mut channels = vec![Vec::new(); recording.info().channels];
        let mut block = Block::new();
        while recording.next_block(&mut block).expect("whole") {
            channels.iter_mut().zip(block.planes()).for_each(|(channel, plane)| channel.extend(plane));
        }
        let wide = |channel: Vec<f32>| resample_all(&channel, rate, SampleRate::PIPELINE).expect("resampled");
        Self { channels: channels.into_iter().map(wide).collect(), truth }
    }

    fn language(&self) -> Language {
        self.truth.language.parse().expect("a known language")
    }

    /// The samples of an utterance with [`AROUND_S`] before and behind it.
    fn clip(&self, utterance: &TruthUtterance) -> Vec<f32> {
        let samples = &self.channels[utterance.channel.index()];
        let place = |seconds: f64| ((seconds.max(0.0) * 16_000.0) as usize).min(samples.len());
        samples[place(utterance.start - AROUND_S)..place(utterance.end + AROUND_S)].to_vec()
    }

    /// Utterances that stand alone on their channel.
    fn utterances(&self) -> Vec<&TruthUtterance> {
        let is_alone = |one: &&TruthUtterance| {
            let near = |other: &TruthUtterance| {
                other.channel == one.channel
                    && !std::ptr::eq(other, *one)
                    && other.start < one.end + 2.0 * AROUND_S
                    && other.end > one.start - 2.0 * AROUND_S
            };
            one.start > AROUND_S && !self.truth.utterances.iter().any(near)
        };
        self.truth.utterances.iter().filter(is_alone).collect()
    }
}

/// Words as they are compared, with start and end in seconds.
type Heard = Vec<(String, f64, f64)>;

fn heard(engine: &dyn Engine, samples: &[f32], language: Language) -> Heard {
    let found = recognize(engine, samples, LanguageChoice::Known(language));
    let word = |word: &RecognizedWord| {
        let text = crate::text::words_for_scoring(word.text.reveal()).concat();
        (text, word.span.start.seconds(), word.span.end.seconds())
    };
    found.words.iter().map(word).collect()
}

/// The longest common run of words, as pairs of places.
fn alike(one: &Heard, other: &Heard) -> Vec<(usize, usize)> {
    let mut length = vec![vec![0_usize; other.len() + 1]; one.len() + 1];
    for left in (0..one.len()).rev() {
        for right in (0..other.len()).rev() {
            length[left][right] = if one[left].0 == other[right].0 {
                length[left + 1][right + 1] + 1
            } else {
                length[left + 1][right].max(length[left][right + 1])
            };
        }
    }
    let (mut left, mut right, mut pairs) = (0, 0, Vec::new());
    while left < one.len() && right < other.len() {
        if one[left].0 == other[right].0 {
            pairs.push((left, right));
            (left, right) = (left + 1, right + 1);
        } else if length[left + 1][right] >= length[left][right + 1] {
            left += 1;
        } else {
            right += 1;
        }
    }
    pairs
}

/// Distances in milliseconds.
#[derive(Debug, Default)]
struct Distances(Vec<f64>);

impl Distances {
    fn add(&mut self, one_s: f64, other_s: f64) {
        self.0.push((one_s - other_s) * 1_000.0);
    }

    fn quantile(&self, of_hundred: usize) -> f64 {
        let mut sizes: Vec<f64> = self.0.iter().map(|distance| distance.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        sizes[(sizes.len() * of_hundred / 100).min(sizes.len() - 1)]
    }

    fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    fn show(&self, what: &str) {
        let (median, p95, mean) = (self.quantile(50), self.quantile(95), self.mean());
        eprintln!(
            "{what}: {} words, median {median:.0} ms, p95 {p95:.0} ms, mean {mean:+.0} ms",
            self.0.len()
        );
    }
}

/// Distances of the two engines from each other, and of each from what is known.
#[derive(Debug, Default)]
struct Measured {
    starts: Distances,
    ends: Distances,
    /// Starts, then ends.
    of_cpp: [Distances; 2],
    of_onnx: [Distances; 2],
}

impl Measured {
    fn beside_each_other(&mut self, cpp: &Heard, onnx: &Heard) {
        for (left, right) in alike(cpp, onnx) {
            self.starts.add(cpp[left].1, onnx[right].1);
            self.ends.add(cpp[left].2, onnx[right].2);
        }
    }

    fn show(&self, what: &str) {
        self.starts.show(&format!("{what}: starts of the engines apart"));
        self.ends.show(&format!("{what}: ends of the engines apart"));
        for (engine, distances) in [("whisper.cpp", &self.of_cpp), ("onnx", &self.of_onnx)] {
            for (edge, distances) in ["starts", "ends"].into_iter().zip(distances) {
                if !distances.0.is_empty() {
                    distances.show(&format!("{what}: {edge} of {engine} from the truth"));
                }
            }
        }
    }
}

/// Synthetic voices: the first word of an utterance begins where the truth says, the last ends there.
fn on_calls(cpp: &dyn Engine, onnx: &dyn Engine) -> Measured {
    let mut measured = Measured::default();
    for name in ["fr-facture-mars", "en-roaming"] {
        let call = Call::read(name);
        for utterance in call.utterances() {
            let clip = call.clip(utterance);
            let both = [cpp, onnx].map(|engine| heard(engine, &clip, call.language()));
            measured.beside_each_other(&both[0], &both[1]);
            for (heard, distances) in both.iter().zip([&mut measured.of_cpp, &mut measured.of_onnx]) {
                if let (Some(first), Some(last)) = (heard.first(), heard.last()) {
                    distances[0].add(first.1, AROUND_S);
                    distances[1].add(last.2, AROUND_S + utterance.end - utterance.start);
                }
            }
        }
    }
    measured
}

/// A person reading aloud; nobody knows the true times.
fn on_reading(cpp: &dyn Engine, onnx: &dyn Engine) -> Option<Measured> {
    let mut measured = Measured::default();
    for number in ["0870", "0880", "0890", "0920", "0930"] {
        let speech = voice(&ENGLISH.replace("0880", number))?;
        let both = [cpp, onnx].map(|engine| heard(engine, &speech, Language::En));
        measured.beside_each_other(&both[0], &both[1]);
    }
    Some(measured)
}

/// A person saying digits, each recorded alone and cut at its loudness, one behind the other with a little silence
/// between them: every start is known.
fn on_digits(cpp: &dyn Engine, onnx: &dyn Engine) -> Option<Measured> {
    let mut measured = Measured::default();
    for digits in [[3, 7, 1, 9, 4, 8], [5, 2, 8, 6, 7, 3], [1, 4, 6, 2, 9, 5]] {
        let mut samples = vec![0.0_f32; 4_800];
        let mut starts = Vec::new();
        for digit in digits {
            let spoken = voice(&FRENCH.replace("vm-intro", &format!("digits/{digit}")))?;
            let loudest = spoken.iter().fold(0.0_f32, |one, other| one.max(other.abs()));
            let is_loud = |sample: &f32| sample.abs() > 0.03 * loudest;
            let first = spoken.iter().position(is_loud).expect("a sound");
            let last = spoken.iter().rposition(is_loud).expect("a sound");
            starts.push(samples.len() as f64 / 16_000.0);
            samples.extend(&spoken[first..=last]);
            samples.extend(vec![0.0; 1_600]);
        }
        samples.extend(vec![0.0; 4_800]);
        let both = [cpp, onnx].map(|engine| heard(engine, &samples, Language::Fr));
        measured.beside_each_other(&both[0], &both[1]);
        for (heard, distances) in both.iter().zip([&mut measured.of_cpp, &mut measured.of_onnx]) {
            if heard.len() == starts.len() {
                heard.iter().zip(&starts).for_each(|(word, start)| distances[0].add(word.1, *start));
            } else {
                eprintln!("{} words for {} digits", heard.len(), starts.len());
            }
        }
    }
    Some(measured)
}

#[test]
fn words_have_the_same_times_in_both_engines() {
    let Some(([cpp, onnx], _graphs)) = both("ggml-base.bin") else { return };
    let calls = on_calls(&*cpp, &*onnx);
    calls.show("calls");
    let (Some(reading), Some(digits)) = (on_reading(&*cpp, &*onnx), on_digits(&*cpp, &*onnx)) else { return };
    reading.show("reading");
    digits.show("digits");
    for (what, found, most_ms) in [
        ("calls", &calls.starts, 90.0),
        ("reading", &reading.starts, 160.0),
        ("digits", &digits.starts, 60.0),
        ("digits of whisper.cpp", &digits.of_cpp[0], 40.0),
        ("digits of onnx", &digits.of_onnx[0], 40.0),
        ("calls of whisper.cpp", &calls.of_cpp[0], 60.0),
        ("calls of onnx", &calls.of_onnx[0], 100.0),
    ] {
        assert!(found.0.len() > 10, "{what}: {} words", found.0.len());
        assert!(found.quantile(50) <= most_ms, "{what}: the median is {:.0} ms", found.quantile(50));
    }
}
