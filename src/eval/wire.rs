//! The JSON of `allo eval asr`, `allo eval names` and `allo eval itn`; other people's scripts read these keys.

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

/// The JSON of `allo eval names`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NameReport {
    /// Names in the list.
    pub names: usize,
    /// Over all clips.
    #[serde(flatten)]
    pub total: NamesHeard,
    /// By language column, regions grouped.
    pub languages: BTreeMap<String, NamesHeard>,
}

/// The same clips heard twice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NamesHeard {
    /// Without the list of names.
    pub without: NameFigures,
    /// With it.
    pub with: NameFigures,
}

/// How names were heard. Rates are fractions; `None` where nothing could be measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NameFigures {
    /// Clips measured.
    pub clips: usize,
    /// Names said in them.
    pub names_said: u64,
    /// Of those, names that stand in the text.
    pub names_right: u64,
    /// The same as a share.
    pub names_right_share: Option<f64>,
    /// Names in the text that nobody said.
    pub names_invented: u64,
    /// Word errors a reference word, over all clips.
    pub wer: Option<f64>,
    /// The same over clips in which no name is said.
    pub wer_without_names: Option<f64>,
    /// Median seconds from opening a clip to its text.
    pub latency_p50_s: Option<f64>,
    /// 95th percentile of the same.
    pub latency_p95_s: Option<f64>,
}

/// The JSON of `allo eval itn`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItnReport {
    /// Over all pairs.
    #[serde(flatten)]
    pub total: ItnFigures,
    /// By the last part of the file name.
    pub categories: BTreeMap<String, ItnFigures>,
}

/// How many texts came out as they are written.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ItnFigures {
    /// Pairs measured.
    pub pairs: usize,
    /// Of those, pairs that came out letter for letter, all kinds of blanks being one.
    pub right: usize,
    /// The same as a fraction; `None` without pairs.
    pub accuracy: Option<f64>,
}
