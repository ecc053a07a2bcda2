//! Settings of recognition, section `[asr]`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::context::ContextRule;
use crate::call::Language;

/// Most beams that a search may hold; more than 8 never paid in the literature and only costs time.
pub const WIDEST_BEAM: usize = 8;
/// Encoder positions of the whole 30 s window, 20 ms each.
pub const FULL_CONTEXT: u32 = 1_500;

/// Which engine recognises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum EngineKind {
    /// ONNX Runtime where the model is there in its form, else whisper.cpp.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Whisper on ONNX Runtime: the fastest on a processor.
    #[serde(rename = "onnx")]
    Onnx,
    /// whisper.cpp by whisper-rs: the one for GPUs.
    #[serde(rename = "whisper.cpp")]
    WhisperCpp,
}

impl fmt::Display for EngineKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "auto",
            Self::Onnx => "onnx",
            Self::WhisperCpp => "whisper.cpp",
        })
    }
}

/// Number format of the ONNX engine's matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 8 bits except where they cost words.
    #[default]
    Int8,
    /// Every weight in f32.
    F32,
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Int8 => "int8",
            Self::F32 => "f32",
        })
    }
}

/// What recognition runs on: `auto`, `cpu`, `gpu`, or `gpu:1` for the second of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Device {
    /// A graphics device where whisper.cpp was built for one and finds one, else the processor.
    #[default]
    Auto,
    /// The processor, whatever else there is.
    Cpu,
    /// The graphics device of this number, or an error.
    Gpu(u8),
}

impl fmt::Display for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Cpu => formatter.write_str("cpu"),
            Self::Gpu(0) => formatter.write_str("gpu"),
            Self::Gpu(number) => write!(formatter, "gpu:{number}"),
        }
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let number = |number: &str| number.parse().ok();
        match text.as_str() {
            "auto" => Some(Self::Auto),
            "cpu" => Some(Self::Cpu),
            "gpu" => Some(Self::Gpu(0)),
            other => other.strip_prefix("gpu:").and_then(number).map(Self::Gpu),
        }
        .ok_or_else(|| format!("asr.device is \"{text}\", expected \"auto\", \"cpu\", \"gpu\" or \"gpu:1\""))
    }
}

/// Section `[asr]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which engine recognises.
    pub engine: EngineKind,
    /// What it runs on.
    pub device: Device,
    /// Number format of the ONNX engine's matrices; whisper.cpp's is that of its model.
    pub precision: Precision,
    /// Name of the speech model in the manifest, or a path with a `/` to a model of your own: a folder of graphs for ONNX
    /// Runtime, a ggml file for whisper.cpp.
    pub model: String,
    /// How many hypotheses the search may pursue, 1 (greedy) to 8.
    pub beam_size: usize,
    /// Recognitions at the same time; 0 for one a processor core.
    pub workers: usize,
    /// Threads of one recognition; 0 for the engine's best: ONNX Runtime 2 for calls, since a thread that has nothing to do
    /// sleeps, so that two shorten the wait while the machine is idle and cost little when it is full, and 1 for recordings,
    /// whose several workers keep all cores busy (BENCHMARKS.md, "Recordings: short segments recognised together");
    /// whisper.cpp 2 with a single worker and 1 otherwise, since its threads spin on barriers: more in all than cores is
    /// many times slower.
    pub threads_per_inference: usize,
    /// Requests that may wait for a worker.
    pub queue_capacity: usize,
    /// Encoder positions (20 ms each) kept beyond the end of the segment.
    pub context_margin: u32,
    /// Fewest encoder positions, at most 1500.
    pub context_minimum: u32,
    /// Encoder positions that short segments of one channel of a recording may fill together, at most 1500; 0 recognises
    /// each segment alone.
    pub pack_up_to: u32,
    /// Languages that may be detected, the preferred one first.
    #[serde(with = "language_codes")]
    pub languages: Vec<Language>,
    /// How much likelier (difference of probabilities among the allowed, 0 to 1) another language must be than the
    /// preferred one before it is taken.
    pub language_margin: f32,
    /// How much likelier (natural logarithm, for each token) a name of the call's vocabulary becomes in the search of
    /// the ONNX engine, 0 to 10; 0 for no such bias. Names are also put right by their sound, which finds nearly as many
    /// and costs no other word (BENCHMARKS.md), so that this is off unless asked for.
    pub vocabulary_boost: f32,
    /// Whether the vocabulary is also given to the ONNX engine as text that came before. whisper.cpp knows no other way
    /// and always does.
    pub vocabulary_prompt: bool,
    /// The same for the names of a catalogue while the caller was asked for one of them, when other words hardly matter, 0 to 10.
    /// The names are then given to either engine as text that came before, too; 0 for neither.
    pub vocabulary_boost_asked: f32,
    /// How much the search of the ONNX engine leans to the wording of sentences that are said here, such as the examples of a
    /// voicebot's scenario, 0 to 1: 1 counts as much as what was heard, 0 not at all. Not while the caller was asked for a name.
    pub sentences_weight: f32,
    /// Whether the encoder and decoder use fused attention (less memory; on the reference processor slower).
    pub flash_attention: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            engine: EngineKind::default(),
            device: Device::default(),
            precision: Precision::default(),
            model: "whisper-base".to_owned(),
            beam_size: 5,
            workers: 0,
            threads_per_inference: 0,
            queue_capacity: 64,
            context_margin: 256,
            context_minimum: 768,
            pack_up_to: FULL_CONTEXT,
            languages: Language::ALL.to_vec(),
            language_margin: 0.2,
            vocabulary_boost: 0.0,
            vocabulary_prompt: false,
            vocabulary_boost_asked: 1.0,
            sentences_weight: 0.2,
            flash_attention: false,
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidConfig {
    /// A number outside its range.
    #[error("asr.{key} is {value}, expected {expected}")]
    OutOfRange {
        /// Name of the setting.
        key: &'static str,
        /// What was found.
        value: String,
        /// What is taken.
        expected: &'static str,
    },
    /// Nothing where something is needed.
    #[error("asr.{key} is empty")]
    Empty {
        /// Name of the setting.
        key: &'static str,
    },
}

impl Config {
    /// Checks every range.
    ///
    /// # Errors
    /// The first setting that cannot be used, by its key.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let check = |holds: bool, key, value: String, expected| {
            if holds { Ok(()) } else { Err(InvalidConfig::OutOfRange { key, value, expected }) }
        };
        if self.model.is_empty() {
            return Err(InvalidConfig::Empty { key: "model" });
        }
        if self.languages.is_empty() {
            return Err(InvalidConfig::Empty { key: "languages" });
        }
        let beam = (1..=WIDEST_BEAM).contains(&self.beam_size);
        check(beam, "beam_size", self.beam_size.to_string(), "1 to 8")?;
        check(self.workers <= 256, "workers", self.workers.to_string(), "0 to 256")?;
        let threads = self.threads_per_inference;
        check(threads <= 64, "threads_per_inference", threads.to_string(), "0 to 64")?;
        let capacity = self.queue_capacity;
        check((1..=65_536).contains(&capacity), "queue_capacity", capacity.to_string(), "1 to 65536")?;
        let minimum = self.context_minimum;
        check((1..=FULL_CONTEXT).contains(&minimum), "context_minimum", minimum.to_string(), "1 to 1500")?;
        let margin = self.context_margin;
        check(margin <= FULL_CONTEXT, "context_margin", margin.to_string(), "0 to 1500")?;
        let pack = self.pack_up_to;
        check(pack <= FULL_CONTEXT, "pack_up_to", pack.to_string(), "0 to 1500")?;
        let boost = self.vocabulary_boost;
        check((0.0..=10.0).contains(&boost), "vocabulary_boost", boost.to_string(), "0 to 10")?;
        let asked = self.vocabulary_boost_asked;
        check((0.0..=10.0).contains(&asked), "vocabulary_boost_asked", asked.to_string(), "0 to 10")?;
        let weight = self.sentences_weight;
        check((0.0..=1.0).contains(&weight), "sentences_weight", weight.to_string(), "0 to 1")?;
        let margin = self.language_margin;
        check((0.0..=1.0).contains(&margin), "language_margin", margin.to_string(), "0 to 1")
    }

    /// How much of the window the encoder looks at.
    pub const fn context_rule(&self) -> ContextRule {
        ContextRule { margin: self.context_margin, minimum: self.context_minimum }
    }

    /// Samples up to which segments are recognised together; 0 for each alone.
    pub const fn pack_up_to_samples(&self) -> usize {
        self.context_rule().samples_within(self.pack_up_to)
    }

    /// Workers on a machine with `cores` cores.
    pub fn resolved_workers(&self, cores: usize) -> usize {
        if self.workers == 0 { cores.max(1) } else { self.workers }
    }

    /// Threads of one inference of `engine` on a machine with `cores` cores.
    pub fn resolved_threads(&self, engine: EngineKind, purpose: Purpose, cores: usize) -> usize {
        let idles = engine != EngineKind::WhisperCpp && purpose == Purpose::Calls;
        match self.threads_per_inference {
            0 if idles || self.resolved_workers(cores) == 1 => 2.min(cores.max(1)),
            0 => 1,
            threads => threads,
        }
    }
}

/// What recognisers are loaded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Calls: between what callers say there is time.
    Calls,
    /// Recordings: every worker is busy until the last one is done.
    Recordings,
}

/// Languages as ISO 639-1 codes.
mod language_codes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::call::Language;

    pub fn serialize<S: Serializer>(languages: &[Language], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(languages.iter().map(|language| language.code()))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Language>, D::Error> {
        let codes = Vec::<String>::deserialize(deserializer)?;
        codes.iter().map(|code| code.parse().map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_survive_toml() {
        let config = Config::default();
        assert_eq!(config.validate(), Ok(()));
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains("engine = \"auto\""), "{text}");
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config);
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let check = |text: &str, key: &str| {
            let error = toml::from_str::<Config>(text).unwrap().validate().unwrap_err().to_string();
            assert!(error.starts_with(&format!("asr.{key} is ")), "{error}");
        };
        check("beam_size = 0", "beam_size");
        check("beam_size = 9", "beam_size");
        check("context_minimum = 1501", "context_minimum");
        check("languages = []", "languages");
        check("model = ''", "model");
        check("language_margin = nan", "language_margin");
        check("vocabulary_boost_asked = 11.0", "vocabulary_boost_asked");
        check("sentences_weight = 1.5", "sentences_weight");
        assert!(toml::from_str::<Config>("beams = 5").is_err());
        assert!(toml::from_str::<Config>("languages = ['de']").is_err());
    }

    #[test]
    fn a_device_is_read_as_it_is_written() {
        let read = |text: &str| toml::from_str::<Config>(&format!("device = '{text}'"));
        for (text, device) in
            [("auto", Device::Auto), ("cpu", Device::Cpu), ("gpu", Device::Gpu(0)), ("gpu:3", Device::Gpu(3))]
        {
            let config = read(text).unwrap();
            assert_eq!((config.device, config.device.to_string().as_str()), (device, text));
        }
        for wrong in ["", "cuda", "gpu:", "gpu:-1", "gpu:256", "GPU"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("expected \"auto\", \"cpu\", \"gpu\" or \"gpu:1\""), "{error}");
        }
    }

    #[test]
    fn workers_of_recordings_and_of_whisper_cpp_use_one_thread_each_and_all_others_two() {
        use EngineKind::{Onnx, WhisperCpp};
        use Purpose::{Calls, Recordings};
        let of = |config: &Config, engine, cores| {
            [Calls, Recordings].map(|purpose| config.resolved_threads(engine, purpose, cores))
        };
        let mut config = Config::default();
        assert_eq!(config.resolved_workers(4), 4);
        assert_eq!((of(&config, WhisperCpp, 4), of(&config, Onnx, 4)), ([1, 1], [2, 1]));
        config.workers = 1;
        assert_eq!((of(&config, WhisperCpp, 4), of(&config, Onnx, 4)), ([2, 2], [2, 2]));
        assert_eq!(of(&config, Onnx, 1), [1, 1]);
        config.threads_per_inference = 3;
        assert_eq!((of(&config, WhisperCpp, 8), of(&config, Onnx, 8)), ([3, 3], [3, 3]));
    }
}
