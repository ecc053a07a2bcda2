//! What the file beside a Piper network says about it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The parts of `NAME.onnx.json` that speaking needs; the file holds more.
#[derive(Debug, Deserialize)]
pub struct VoiceFile {
    /// Of the output.
    pub audio: Audio,
    /// Of the text.
    pub espeak: Phonemes,
    /// How the network speaks by itself.
    #[serde(default)]
    pub inference: Inference,
    /// `espeak`, or another way to get sounds.
    #[serde(default = "espeak")]
    pub phoneme_type: String,
    /// The numbers of each sound.
    pub phoneme_id_map: BTreeMap<String, Vec<i64>>,
}

/// Of the output.
#[derive(Debug, Deserialize)]
pub struct Audio {
    /// Its rate, in hertz.
    pub sample_rate: u32,
}

/// Of the text.
#[derive(Debug, Deserialize)]
pub struct Phonemes {
    /// The voice of `espeak-ng` whose sounds the network was trained on.
    pub voice: String,
}

/// How the network speaks by itself.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Inference {
    /// How much one rendering differs from another.
    pub noise_scale: f32,
    /// More is slower.
    pub length_scale: f32,
    /// How much the lengths of sounds differ.
    pub noise_w: f32,
}

impl Default for Inference {
    // Piper's own.
    fn default() -> Self {
        Self { noise_scale: 0.667, length_scale: 1.0, noise_w: 0.8 }
    }
}

fn espeak() -> String {
    "espeak".to_owned()
}
