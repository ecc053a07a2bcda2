//! The fixture calls as samples beside what is said in them.

use std::path::Path;

use crate::audio::SampleRate;
use crate::audio::resample::resample_all;
use crate::call::Language;
use crate::fixtures::{Truth, TruthUtterance};
use crate::media::{Block, OpenOptions, Recording};

/// Audio kept before and behind an utterance, seconds.
pub const AROUND_S: f64 = 0.3;

/// A fixture call: two channels at 16 kHz and what is said in them.
pub struct Call {
    channels: Vec<Vec<f32>>,
    truth: Truth,
}

impl Call {
    pub fn read(name: &str) -> Self {
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

    pub fn language(&self) -> Language {
        self.truth.language.parse().expect("a known language")
    }

    /// The samples of an utterance with [`AROUND_S`] before and behind it.
    pub fn clip(&self, utterance: &TruthUtterance) -> Vec<f32> {
        let samples = &self.channels[utterance.channel.index()];
        let place = |seconds: f64| ((seconds.max(0.0) * 16_000.0) as usize).min(samples.len());
        samples[place(utterance.start - AROUND_S)..place(utterance.end + AROUND_S)].to_vec()
    }

    /// The first utterance in which `words` are said.
    pub fn utterance(&self, words: &str) -> &TruthUtterance {
        let holds = |utterance: &&TruthUtterance| utterance.text.contains(words);
        self.truth.utterances.iter().find(holds).expect("a sentence of the call")
    }

    /// Utterances that stand alone on their channel.
    pub fn utterances(&self) -> Vec<&TruthUtterance> {
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
