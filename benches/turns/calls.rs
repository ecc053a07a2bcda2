//! The scripted calls with what voice detection makes of them.

use std::path::Path;

use allo::audio::SampleRate;
use allo::audio::g711::Law;
use allo::audio::resample::ChannelResampler;
use allo::call::Language;
use allo::turn::{Expectation, Reading, text};
use allo::vad::{BatchRow, SileroBatch, SileroChannel, SileroModel, WINDOW_SAMPLES, level_dbfs};
use anyhow::Context;

/// One recording.
pub struct Call {
    pub language: Language,
    pub channels: [Channel; 2],
}

/// One channel of it.
pub struct Channel {
    pub samples: Vec<f32>,
    /// Probability and level of each window.
    pub windows: Vec<(f32, f32)>,
    pub utterances: Vec<Utterance>,
}

/// What the script says.
pub struct Utterance {
    pub start_s: f64,
    pub end_s: f64,
    pub text: String,
}

/// Every call of `fixtures/audio`.
pub fn load(silero: &SileroModel) -> anyhow::Result<Vec<Call>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/audio");
    let mut paths: Vec<_> = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wav"));
    paths.sort();
    let mut calls = paths.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<Call>>>()?;
    detect(silero, &mut calls)?;
    Ok(calls)
}

fn read(path: &Path) -> anyhow::Result<Call> {
    let truth: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path.with_extension("json"))?)?;
    let bytes = std::fs::read(path)?;
    let data = bytes.windows(4).position(|tag| tag == b"data").context("no data in a WAV")? + 8;
    let channel = |offset: usize, name: &str| -> anyhow::Result<Channel> {
        let narrow: Vec<f32> =
            bytes[data..].chunks_exact(2).map(|pair| Law::A.decode_f32(pair[offset])).collect();
        let mut samples = Vec::new();
        let mut resampler = ChannelResampler::new(SampleRate::TELEPHONE)?;
        resampler.push(&narrow, &mut samples);
        resampler.finish(&mut samples);
        let all = truth["utterances"].as_array().context("no utterances")?;
        let utterances = all
            .iter()
            .filter(|utterance| utterance["channel"] == name)
            .map(|utterance| {
                Some(Utterance {
                    start_s: utterance["start"].as_f64()?,
                    end_s: utterance["end"].as_f64()?,
                    text: utterance["text"].as_str()?.to_owned(),
                })
            })
            .collect::<Option<_>>()
            .context("an utterance without times")?;
        Ok(Channel { samples, windows: Vec::new(), utterances })
    };
    let language = truth["language"].as_str().context("no language")?.parse()?;
    Ok(Call { language, channels: [channel(0, "caller")?, channel(1, "agent")?] })
}

/// Fills in the probabilities, all channels in one batch.
fn detect(silero: &SileroModel, calls: &mut [Call]) -> anyhow::Result<()> {
    let mut batch = SileroBatch::new(silero);
    let mut channels: Vec<(&mut Channel, SileroChannel)> = calls
        .iter_mut()
        .flat_map(|call| call.channels.iter_mut())
        .map(|channel| (channel, SileroChannel::default()))
        .collect();
    let mut at = 0;
    loop {
        let mut rows = Vec::new();
        for (channel, state) in &mut channels {
            if let Some(window) = channel.samples.as_chunks::<WINDOW_SAMPLES>().0.get(at) {
                rows.push((
                    BatchRow { channel: state, window, speech_probability: 0.0 },
                    &mut channel.windows,
                ));
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let (mut rows, results): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        batch.judge(&mut rows)?;
        for (row, windows) in rows.iter().zip(results) {
            windows.push((row.speech_probability, level_dbfs(row.window)));
        }
        at += 1;
    }
}

impl Channel {
    /// What a perfect recogniser would read in the audio from `start_s` to `end_s`.
    pub fn reading(&self, (start_s, end_s): (f64, f64), language: Language) -> Reading {
        let heard = self
            .utterances
            .iter()
            .filter(|utterance| utterance.end_s > start_s + 0.1 && utterance.start_s < end_s - 0.1);
        let pieces: Vec<&str> = heard.map(|utterance| self.said_until(utterance, end_s)).collect();
        let joined = pieces.join(" ");
        // The marks of a script know what comes next; those of a recogniser do not. Nobody is asked for a value in these calls.
        text::read(joined.trim_end_matches([',', ':', ';', '…', '-', ' ']), language, Expectation::Open)
    }

    /// The words of `utterance` up to `end_s`: as large a part of its letters as of its speech, to the next word end.
    pub fn said_until<'t>(&self, utterance: &'t Utterance, end_s: f64) -> &'t str {
        let speech = |from_s: f64, to_s: f64| {
            let window = |seconds: f64| ((seconds / 0.032) as usize).min(self.windows.len());
            self.windows[window(from_s)..window(to_s).max(window(from_s))]
                .iter()
                .filter(|(probability, _)| *probability >= 0.5)
                .count()
        };
        let all = speech(utterance.start_s, utterance.end_s + 0.1).max(1);
        let part = speech(utterance.start_s, end_s.min(utterance.end_s + 0.1)) as f64 / all as f64;
        let text = utterance.text.as_str();
        let ends = text.char_indices().filter(|(_, character)| *character == ' ').map(|(at, _)| at);
        let nearest = ends.chain([0, text.len()]).min_by(|left, right| {
            let off = |at: usize| {
                // A pause falls behind a mark rather than inside a phrase.
                let bonus = if text[..at].ends_with([',', '.', '?', '!']) { 0.12 } else { 0.0 };
                (at as f64 / text.len() as f64 - part).abs() - bonus
            };
            off(*left).total_cmp(&off(*right))
        });
        &text[..nearest.unwrap_or(text.len())]
    }
}
