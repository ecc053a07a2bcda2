//! The one configuration file: TOML, a section a module, defaults for everything.
//!
//! Unknown keys are refused, so that a typing mistake is found by `allo config check` and not by a customer.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::call::{Channel, UnknownChannel};

/// The file that is read when none is named, in the working folder.
pub const DEFAULT_FILE: &str = "allo.toml";

/// Largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Everything that can be set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Recognition: model, languages, threads.
    pub asr: crate::asr::config::Config,
    /// Voice detection and the cutting of segments.
    pub vad: crate::vad::Config,
    /// When a speaker of a live call is done.
    pub turn: crate::turn::Config,
    /// What is believed to be speech.
    pub guard: crate::guard::config::Config,
    /// Live calls: how many, how they are listened to.
    pub live: crate::live::config::Config,
    /// What is understood and where it goes.
    pub intent: IntentConfig,
    /// Whose voice is on which channel.
    pub recording: RecordingConfig,
    /// Calls that are answered by a scenario's dialogue.
    pub bot: crate::bot::config::Config,
    /// How answers are spoken.
    pub voice: crate::voice::config::Config,
    /// What leaves with a call that is handed over.
    pub handover: crate::webhook::config::Config,
    /// The service: address, keys, limits.
    pub serve: crate::serve::config::Config,
}

/// What is understood and where it goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IntentConfig {
    /// Folder of the scenario; without one no intent is looked for.
    pub scenario: Option<PathBuf>,
}

/// Whose voice is on which channel of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordingConfig {
    /// Names for the channels of two-channel recordings, first channel first: caller, agent, bot.
    pub channels: TwoChannels,
}

impl Default for RecordingConfig {
    fn default() -> Self {
        Self { channels: TwoChannels([Channel::Caller, Channel::Agent]) }
    }
}

/// Two different channels; a list of two names in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct TwoChannels([Channel; 2]);

impl TwoChannels {
    /// First channel first.
    pub const fn get(self) -> [Channel; 2] {
        self.0
    }
}

impl TryFrom<Vec<String>> for TwoChannels {
    type Error = WrongChannels;

    fn try_from(names: Vec<String>) -> Result<Self, WrongChannels> {
        let [first, second] = names.as_slice() else {
            return Err(WrongChannels::Number { found: names.len() });
        };
        let (first, second) = (first.parse::<Channel>()?, second.parse::<Channel>()?);
        if first == second { Err(WrongChannels::Same) } else { Ok(Self([first, second])) }
    }
}

impl From<TwoChannels> for Vec<String> {
    fn from(TwoChannels(channels): TwoChannels) -> Self {
        channels.iter().map(ToString::to_string).collect()
    }
}

/// Why names cannot be those of the channels of a two-channel recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongChannels {
    /// Not two.
    #[error("channels: expected two names, found {found}")]
    Number {
        /// How many there are.
        found: usize,
    },
    /// The same one twice.
    #[error("channels: both channels have the same name")]
    Same,
    /// A name that is none.
    #[error("channels: {0}")]
    Unknown(#[from] UnknownChannel),
}

/// Why a configuration cannot be used. Nothing has started; the file wants a correction.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration `{}`\nhint: give --config or ALLO_CONFIG a file that is there; without them the defaults hold, or `{DEFAULT_FILE}` in this folder",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is larger than any configuration.
    #[error("the configuration `{}` has {found_bytes} bytes, at most {FILE_BYTES_MAX} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        found_bytes: u64,
    },
    /// The text is not what is expected; the cause names line and key.
    #[error("the configuration `{}` is not valid", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: toml::de::Error,
    },
    /// A value cannot be used.
    #[error("the configuration `{}` is not valid: {reason}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key and what is wrong with it.
        reason: String,
    },
}

impl Config {
    /// Reads `path`, or [`DEFAULT_FILE`] when it is there, or takes the defaults.
    ///
    /// # Errors
    /// The file cannot be read or is not valid; the error names file, line and key.
    pub fn load(path: Option<&Path>) -> Result<Self, Error> {
        Self::source(path).map_or_else(|| Ok(Self::default()), Self::read)
    }

    /// The file that [`Config::load`] reads; `None` where it takes the defaults.
    pub fn source(path: Option<&Path>) -> Option<&Path> {
        path.or_else(|| Some(Path::new(DEFAULT_FILE)).filter(|file| file.exists()))
    }

    fn read(path: &Path) -> Result<Self, Error> {
        let read_error = |source| Error::Read { path: path.to_owned(), source };
        let found_bytes = std::fs::metadata(path).map_err(read_error)?.len();
        if found_bytes > FILE_BYTES_MAX {
            return Err(Error::TooLarge { path: path.to_owned(), found_bytes });
        }
        let text = std::fs::read_to_string(path).map_err(read_error)?;
        let config: Self =
            toml::from_str(&text).map_err(|source| Error::Syntax { path: path.to_owned(), source })?;
        config.validate().map_err(|reason| Error::Value { path: path.to_owned(), reason })?;
        Ok(config)
    }

    /// The whole configuration with every default filled in, as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("the configuration holds only what TOML can express")
    }

    /// Names the first mistake of every section, so that a file with several is not corrected one run at a time.
    fn validate(&self) -> Result<(), String> {
        let ways_in = crate::ingress::Protocol::ALL.map(crate::ingress::Protocol::name);
        let sections = [
            self.asr.validate().err().map(|error| format!("[asr] {error}")),
            self.vad.validate().err().map(|error| format!("[vad] {error}")),
            self.turn.validate().err().map(|error| format!("[turn] {error}")),
            self.guard.validate().err().map(|error| format!("[guard] {error}")),
            self.live.validate().err().map(|error| format!("[live] {error}")),
            self.bot.validate(&ways_in).err().map(|error| format!("[bot] {error}")),
            self.voice.validate().err().map(|error| format!("[voice] {error}")),
            self.handover.validate().err().map(|error| error.to_string()),
            self.serve.validate().err().map(|error| format!("[serve] {error}")),
        ];
        let mistakes: Vec<String> = sections.into_iter().flatten().collect();
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes.join("\n")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("allo.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path)).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error}: {cause}")
        })
    }

    #[test]
    fn an_empty_file_gives_the_defaults_and_they_round_trip() {
        let config = read("").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(read(&config.to_toml()).unwrap(), config);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = read("[recording]\nchanels = [\"agent\", \"caller\"]\n").unwrap_err();
        assert!(error.contains("chanels") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named_by_its_key() {
        for (text, expected) in [
            ("[recording]\nchannels = [\"agent\", \"agent\"]", "channels: both channels have the same name"),
            ("[recording]\nchannels = [\"agent\", \"boss\"]", "unknown channel `boss`"),
            ("[recording]\nchannels = [\"agent\"]", "expected two names, found 1"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected) && error.contains("line 2"), "{error}");
        }
    }

    #[test]
    fn the_mistakes_of_all_sections_are_named_at_once() {
        let error = read("[asr]\nbeam_size = 99\n[vad]\nthreshold = 7.0\n").unwrap_err();
        assert!(error.contains("beam_size") && error.contains("vad.threshold"), "{error}");
    }

    /// What the reader says it knows when it finds a key in the table `header` that there is not; nothing of a value
    /// that is no table, or has names of the user's own.
    fn keys_below(header: &str) -> Vec<String> {
        let error = toml::from_str::<Config>(&format!("{header}\nno_such_key = 1\n")).unwrap_err();
        let known = error.message().split_once("unknown field `no_such_key`, expected ");
        known.map_or_else(Vec::new, |(_, names)| {
            names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        })
    }

    /// Every setting by its whole name, tables and those without a default included.
    fn all_settings() -> Vec<String> {
        let (mut all, mut next) = (Vec::new(), keys_below(""));
        while let Some(path) = next.pop() {
            let single = keys_below(&format!("[{path}]"));
            let keys = if single.is_empty() { keys_below(&format!("[[{path}]]")) } else { single };
            next.extend(keys.into_iter().map(|key| format!("{path}.{key}")));
            all.push(path);
        }
        all
    }

    /// What explains a section: its row in docs/configuration.md, the part of that page with its name, and the pages that
    /// the row names.
    fn explanation(section: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        let page = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let overview = page("configuration.md");
        let row = overview.lines().find(|line| line.starts_with(&format!("| `[{section}]`")));
        let row = row.unwrap_or_else(|| panic!("docs/configuration.md has no row for [{section}]"));
        let part = overview.split("\n## ").find(|part| part.starts_with(&format!("`[{section}]`")));
        let pages = row.split("](").skip(1).map(|rest| page(rest.split(')').next().unwrap()));
        std::iter::once(row.to_owned()).chain(part.map(str::to_owned)).chain(pages).collect()
    }

    /// Whether a text names a setting as one: marked as code, as a key of an example, or as the head of a table.
    fn explains(text: &str, path: &str) -> bool {
        let key = path.rsplit('.').next().unwrap_or(path);
        let is_assigned = |line: &str| {
            let value = line.trim_start().strip_prefix(key).map(str::trim_start);
            value.is_some_and(|rest| rest.starts_with('='))
        };
        [format!("`{key}`"), format!("`{key} = "), format!(".{key}`"), format!("[{path}]")]
            .iter()
            .any(|form| text.contains(form))
            || text.lines().any(is_assigned)
    }

    #[test]
    fn every_setting_is_in_the_documentation_of_its_section() {
        let all = all_settings();
        for known in ["asr.engine", "intent.scenario", "serve.limits.idle", "handover.webhook.url"] {
            assert!(all.iter().any(|path| path == known), "{known} is not among {all:?}");
        }
        let missing = |path: &&String| {
            let section = path.split('.').next().unwrap_or(path);
            !explains(&explanation(section), path)
        };
        let missing: Vec<&String> = all.iter().filter(missing).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn a_word_of_a_sentence_explains_no_setting() {
        let text = "The queue is full.\n\n    # attempts are counted\n    timeout = \"1s\"\n";
        assert!(explains(text, "handover.webhook.timeout"));
        assert!(!explains(text, "handover.webhook.queue") && !explains(text, "handover.webhook.attempts"));
        assert!(explains("`turn.settle_delay` says", "turn.settle_delay"));
        assert!(explains("[[serve.keys]]", "serve.keys") && !explains("the keys", "serve.keys"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Config::load(Some(Path::new("nowhere.toml"))).unwrap_err().to_string();
        assert!(error.contains("nowhere.toml"), "{error}");
    }
}
