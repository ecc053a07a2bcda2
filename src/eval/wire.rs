//! The JSON of `allo eval asr`; other people's scripts read these keys.

use std::collections::BTreeMap;

use serde::Serialize;

/// The whole result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AsrReport {
    /// Over all clips.
    #[serde(flatten)]
    pub total: AsrFigures,
    /// By language column, regions grouped.
    pub languages: BTreeMap<String, AsrFigures>,
}

/// Figures over some clips. Rates are fractions; `None` where nothing could be measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AsrFigures {
    /// Clips measured.
    pub files: usize,
    /// Clips that could not be transcribed.
    pub failed: usize,
    /// Word errors a reference word.
    pub wer: Option<f64>,
    /// Character errors a reference character.
    pub cer: Option<f64>,
    /// Words heard in clips where nothing is said.
    pub invented_words: u64,
    /// The same for an hour of clips where nothing is said.
    pub invented_words_per_hour: Option<f64>,
    /// Seconds of clips where nothing is said.
    pub non_speech_s: f64,
    /// Segments that were recognised and not believed.
    pub rejected_segments: u64,
    /// Median seconds from opening a clip to its text.
    pub latency_p50_s: Option<f64>,
    /// 95th percentile of the same.
    pub latency_p95_s: Option<f64>,
    /// Seconds of work a second of audio.
    pub rtf: Option<f64>,
}
