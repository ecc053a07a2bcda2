//! The parts of the ONNX engine, one after the other; `cargo bench --bench asr [-- MODEL_FOLDER_NAME ...]`.
//!
//! For one thread and for two: the spectrogram, the encoder by length, reading a prompt, a step of the decoder by
//! hypotheses and text read, a whole sentence of a fixture call, and loading. Median of several
//! runs; arithmetic and memory traffic of a part are counted from the model's own lengths, so that a line also says how fast the
//! machine was. Needs the models of `allo models pull`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allo::asr::config::Config;
use allo::asr::context::SAMPLES_PER_POSITION;
use allo::asr::onnx::OnnxEngine;
use allo::asr::onnx::network::{Encoded, Feed, Graphs, HIDDEN, Network, Past, Scores};
use allo::asr::onnx::package::Description;
use allo::asr::{CancelFlag, Engine as _, LanguageChoice, Priority, Request, Task};
use allo::audio::SampleRate;
use allo::audio::mel::MelFrontEnd;
use allo::audio::resample::resample_all;
use allo::call::Language;
use allo::home::Home;
use allo::media::{Block, OpenOptions, Recording};
use allo::onnx::Runtime;
use allo::redact::Redacted;
use anyhow::Context as _;

/// The model that is measured when none is named.
const DEFAULT_MODEL: &str = "whisper-base-onnx-int8";
/// Encoder positions of 20 ms: half of what a sentence gets at least, all of it, 20 s, and the whole window.
const POSITIONS: [usize; 4] = [384, 768, 1000, 1500];
/// Frames of the spectrogram for each encoder position.
const FRAMES_A_POSITION: usize = 2;
/// Tokens of text before the step that is measured: a sentence, and a packed window.
const PASTS: [usize; 2] = [20, 100];
/// Utterances that are decoded together.
const UTTERANCES: [usize; 2] = [2, 4];
/// Hypotheses of a step.
const BEAMS: [usize; 3] = [1, 5, 8];
/// A sentence of a caller: the call, and where it begins and ends, in seconds.
const SENTENCE: (&str, f64, f64) = ("fr-facture-mars.wav", 11.9, 16.9);

fn main() -> anyhow::Result<()> {
    let models = Home::resolve(|name| std::env::var_os(name))?.models().to_path_buf();
    let runtime = Runtime::load(&models.join("libonnxruntime.so"))?;
    let mut names: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with("--")).collect();
    if names.is_empty() {
        names.push(DEFAULT_MODEL.to_owned());
    }
    for name in names {
        for threads in [1, 2] {
            say(&format!("## {name}, {threads} thread(s) an inference"));
            Parts::load(&runtime, &models.join(&name), threads)?.measure()?;
            whole_sentence(&runtime, &models.join(&name), threads)?;
        }
    }
    Ok(())
}

/// One loaded model.
struct Parts {
    network: Network,
    mel: MelFrontEnd,
    description: Description,
    scores: Scores,
}

impl Parts {
    fn load(runtime: &Runtime, folder: &Path, threads: usize) -> anyhow::Result<Self> {
        let start = now();
        let (graphs, description) = Graphs::open(runtime, folder, (threads, None))?;
        say(&format!("loading: {:.0} ms", ms(start.elapsed())));
        let mel = MelFrontEnd::new(description.mel_filters.clone(), description.mel_bands)?;
        Ok(Self { network: Network::over(Arc::new(graphs))?, mel, description, scores: Scores::default() })
    }

    fn measure(&mut self) -> anyhow::Result<()> {
        let mut spectrogram = Vec::new();
        for positions in POSITIONS {
            let samples = noise(positions * SAMPLES_PER_POSITION);
            let taken = median(9, || {
                self.mel.compute(&samples, positions * FRAMES_A_POSITION, &mut spectrogram);
                anyhow::Ok(())
            })?;
            let encoder =
                median(7, || self.network.encode(&spectrogram, positions * FRAMES_A_POSITION).map(drop))?;
            let mel = ms(taken);
            say(&format!(
                "{positions} positions: spectrogram {mel:.2} ms, encoder {:.1} ms ({:.0} G multiply-adds/s)",
                ms(encoder),
                self.encoder_work(positions) / encoder.as_secs_f64() / 1e9
            ));
        }
        for positions in [768, 1500] {
            self.mel.compute(
                &noise(positions * SAMPLES_PER_POSITION),
                positions * FRAMES_A_POSITION,
                &mut spectrogram,
            );
            let encoded = self.network.encode(&spectrogram, positions * FRAMES_A_POSITION)?;
            let prompt = median(15, || self.prompt(&encoded, (1, 3)).map(drop))?;
            say(&format!("{positions} positions: prompt of 3 tokens {:.2} ms", ms(prompt)));
            for read in PASTS {
                let past = self.prompt(&encoded, (1, read))?;
                for beams in BEAMS {
                    let step = median(25, || self.step((&encoded, &past), 1, (read, beams)))?;
                    let bytes = self.step_bytes(positions, read);
                    say(&format!(
                        "{positions} positions, {read} tokens read: step of {beams} {:.2} ms ({:.1} GB/s)",
                        ms(step),
                        bytes / step.as_secs_f64() / 1e9
                    ));
                }
            }
            self.measure_together(&spectrogram, positions)?;
        }
        Ok(())
    }

    /// A step of several utterances, each with as many hypotheses.
    fn measure_together(&mut self, spectrogram: &[f32], positions: usize) -> anyhow::Result<()> {
        let (read, beams) = (PASTS[1], BEAMS[1]);
        for utterances in UTTERANCES {
            let heard =
                (0..utterances).map(|_| self.network.encode(spectrogram, positions * FRAMES_A_POSITION));
            let heard = heard.collect::<Result<Vec<_>, _>>()?;
            let heard = self.network.together(&heard)?;
            let past = self.prompt(&heard, (utterances, read))?;
            let step = median(25, || self.step((&heard, &past), utterances, (read, beams)))?;
            say(&format!(
                "{positions} positions, {read} tokens read: step of {utterances} utterances, {beams} each, {:.2} ms \
                 ({:.2} for each)",
                ms(step),
                ms(step) / utterances as f64
            ));
        }
        Ok(())
    }

    /// Reads `count` tokens of each utterance one behind the other; scores after the last.
    fn prompt(&mut self, encoded: &Encoded, (utterances, count): (usize, usize)) -> anyhow::Result<Past> {
        let all = utterances * count;
        let looks_back = |index: usize| {
            let (token, entry) = (index / all, index % all);
            entry <= token && entry / count == token / count
        };
        let past = self.network.nothing()?;
        let feed = Feed {
            encoded,
            past: &past,
            tokens: &vec![400; all],
            places: &(0..all).map(|token| (token % count) as i64).collect::<Vec<_>>(),
            seen: &seen(all * all, looks_back),
            scored: &[all as i64 - 1],
        };
        Ok(self.network.decode(&feed, &mut self.scores)?)
    }

    /// One token for each of `beams` rows of each utterance behind `read` tokens.
    fn step(
        &mut self,
        (encoded, past): (&Encoded, &Past),
        utterances: usize,
        (read, beams): (usize, usize),
    ) -> anyhow::Result<()> {
        let (before, rows) = (utterances * read, utterances * beams);
        let looks_back = |index: usize| {
            let (row, entry) = (index / (before + rows), index % (before + rows));
            if entry < before { entry / read == row / beams } else { entry == before + row }
        };
        let feed = Feed {
            encoded,
            past,
            tokens: &vec![400; rows],
            places: &vec![read as i64; rows],
            seen: &seen(rows * (before + rows), looks_back),
            scored: &(0..rows as i64).collect::<Vec<_>>(),
        };
        self.network.decode(&feed, &mut self.scores)?;
        Ok(())
    }

    /// Multiply-adds of the encoder's matrices, keys and values for the decoder included.
    fn encoder_work(&self, positions: usize) -> f64 {
        let (width, positions) = (self.description.width as f64, positions as f64);
        // Every size has as many layers on either side but turbo, whose encoder is not told by the description.
        let layers = self.description.text_layers as f64;
        let bands = self.description.mel_bands as f64;
        let front = 2.0 * positions * 3.0 * bands * width + positions * 3.0 * width * width;
        let block = positions * 12.0 * width * width + 2.0 * positions * positions * width;
        front + layers * (block + positions * 2.0 * width * width)
    }

    /// Bytes that a step must read once: the decoder's matrices in 8 bits, the scores' included, and the keys and values.
    fn step_bytes(&self, positions: usize, read: usize) -> f64 {
        let (width, layers) = (self.description.width as f64, self.description.text_layers as f64);
        let bytes_a_weight = if self.description.precision == "f32" { 4.0 } else { 1.0 };
        let matrices = layers * 14.0 * width * width + width * self.description.vocabulary as f64;
        let bytes_heard = if self.description.precision.contains("cross-cache") { 2.0 } else { 4.0 };
        let heard = layers * 2.0 * width * positions as f64 * bytes_heard;
        matrices * bytes_a_weight + heard + layers * 2.0 * width * read as f64 * 4.0
    }
}

/// What the decoder takes for each pair of new token and entry.
fn seen(pairs: usize, looks_back: impl Fn(usize) -> bool) -> Vec<f32> {
    (0..pairs).map(|index| if looks_back(index) { 0.0 } else { HIDDEN }).collect()
}

/// A sentence from its samples to its text, by the engine with its defaults.
fn whole_sentence(runtime: &Runtime, folder: &Path, threads: usize) -> anyhow::Result<()> {
    let engine = OnnxEngine::load(runtime, folder, &Config::default(), threads)?;
    let mut recognizer = engine.recognizer()?;
    let request = Request {
        samples: sentence()?.into(),
        language: LanguageChoice::Known(Language::Fr),
        task: Task::Transcribe,
        vocabulary: Vec::new().into(),
        asked: Vec::new().into(),
        sentences: Vec::new().into(),
        prefix: Redacted::new(String::new()),
        priority: Priority::LiveFinal,
    };
    let mut heard = None;
    let taken = median(9, || {
        heard = Some(recognizer.recognize(&request, &CancelFlag::default())?);
        anyhow::Ok(())
    })?;
    let heard = heard.context("nothing was recognised")?;
    say(&format!(
        "a sentence of {:.1} s: {:.0} ms, {} words, {} decoding(s)",
        request.samples.len() as f64 / f64::from(SampleRate::PIPELINE.hz()),
        ms(taken),
        heard.words.len(),
        heard.decodings
    ));
    Ok(())
}

fn sentence() -> anyhow::Result<Vec<f32>> {
    let (file, start_s, end_s) = SENTENCE;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio").join(file);
    let mut recording = Recording::open(&path, &OpenOptions::default())?;
    let rate = recording.info().sample_rate;
    let (mut block, mut caller) = (Block::new(), Vec::new());
    while recording.next_block(&mut block)? {
        caller.extend_from_slice(&block.planes()[0]);
    }
    let at = |seconds: f64| (seconds * f64::from(rate.hz())) as usize;
    let piece = caller.get(at(start_s)..at(end_s)).context("the call is shorter")?;
    Ok(resample_all(piece, rate, SampleRate::PIPELINE)?)
}

/// Quiet noise, the same every time.
fn noise(samples: usize) -> Vec<f32> {
    let mut state = 0x2545_F491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1_u32 << 24) as f32 - 0.5
    };
    (0..samples).map(|_| next() * 0.1).collect()
}

fn median<E>(times: usize, mut act: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    act()?;
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        let start = now();
        act()?;
        taken.push(start.elapsed());
    }
    taken.sort_unstable();
    Ok(taken[times / 2])
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock of the machine")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "the bench's own output")]
fn say(line: &str) {
    println!("{line}");
}
