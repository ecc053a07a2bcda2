//! The query of `/v1/listen`: every parameter is either done or refused by name.
//!
//! A parameter that asks for a feature which is not there to be *off* is fulfilled, and so not refused.

use std::sync::Arc;
use std::time::Duration;

use crate::asr::LanguageChoice;
use crate::audio::SampleRate;
use crate::audio::g711::Law;
use crate::call::Language;
use crate::serve::Offer;
use crate::serve::error::ApiError;
use crate::serve::openai::{known_model, order};

/// Most tracks of one connection.
const CHANNELS_MAX: usize = 8;
const RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=48_000;
/// Deepgram's own default for the pause that ends a turn is 10 ms, which cuts sentences; without the parameter Allo's
/// turn-taking decides.
const ENDPOINTING_MS: std::ops::RangeInclusive<u64> = 10..=3_000;
const UTTERANCE_END_MS: std::ops::RangeInclusive<u64> = 1_000..=5_000;
/// A pause that ends a turn is no shorter, whatever is asked for: the recogniser would get single words.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// The parameters that are known. A name that is not here is refused whatever is made of it below.
pub const PARAMETERS: &[&str] = &[
    "encoding",
    "sample_rate",
    "channels",
    "multichannel",
    "model",
    "version",
    "language",
    "interim_results",
    "endpointing",
    "utterance_end_ms",
    "vad_events",
    "punctuate",
    "keyterm",
    "keywords",
    "smart_format",
    "no_delay",
    "mip_opt_out",
    "diarize",
    "profanity_filter",
    "numerals",
    "filler_words",
    "dictation",
    "detect_entities",
    "detect_language",
    "redact",
];

/// How samples come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 16-bit little-endian PCM.
    Linear16,
    /// G.711.
    Law(Law),
}

impl Encoding {
    /// Bytes of one sample.
    pub const fn sample_bytes(self) -> usize {
        match self {
            Self::Linear16 => 2,
            Self::Law(_) => 1,
        }
    }

    /// One sample of `sample_bytes` bytes.
    pub fn decode(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::Linear16, [low, high, ..]) => f32::from(i16::from_le_bytes([*low, *high])) / 32_768.0,
            (Self::Law(law), [code, ..]) => law.decode_f32(*code),
            (Self::Linear16 | Self::Law(_), _) => 0.0,
        }
    }
}

/// When a turn ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpointing {
    /// As Allo's turn-taking decides.
    Own,
    /// After a pause of this length.
    After(Duration),
    /// When the client says so, the audio ends, or a pause is as long as a turn can wait (`endpointing=false`).
    Never,
}

/// A checked query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The model, as the client names it.
    pub model: String,
    /// How samples come.
    pub encoding: Encoding,
    /// Their rate.
    pub rate: SampleRate,
    /// Interleaved channels.
    pub channels: usize,
    /// Whether each channel is heard by itself; otherwise they are mixed.
    pub multichannel: bool,
    /// Whether partials are wanted.
    pub interim_results: bool,
    /// When a turn ends.
    pub endpointing: Endpointing,
    /// Tell when no word came for so long.
    pub utterance_end: Option<Duration>,
    /// Tell when somebody begins to speak.
    pub vad_events: bool,
    /// False leaves punctuation and capitals out of the transcript.
    pub punctuate: bool,
    /// The language, or those it may be.
    pub language: LanguageChoice,
    /// Names and terms.
    pub vocabulary: Arc<[String]>,
}

struct Draft {
    query: Query,
    encoding: Option<Encoding>,
    rate: Option<SampleRate>,
    languages: Vec<Language>,
    terms: Vec<String>,
    smart_format: bool,
}

impl Query {
    /// Reads the pairs of a query.
    ///
    /// # Errors
    /// [`ApiError`] names the parameter.
    pub fn read(pairs: &[(String, String)], offer: &Offer, aliases: &[String]) -> Result<Self, ApiError> {
        let mut draft = Draft {
            query: Self {
                model: offer.model.clone(),
                encoding: Encoding::Linear16,
                rate: SampleRate::PIPELINE,
                channels: 1,
                multichannel: false,
                interim_results: false,
                endpointing: Endpointing::Own,
                utterance_end: None,
                vad_events: false,
                punctuate: true,
                language: LanguageChoice::Among(offer.languages.clone()),
                vocabulary: Arc::new([]),
            },
            encoding: None,
            rate: None,
            languages: Vec::new(),
            terms: Vec::new(),
            smart_format: false,
        };
        for (name, value) in pairs {
            draft.take(name, value, (offer, aliases))?;
        }
        draft.finish()
    }

    /// Tracks of the call.
    pub const fn tracks(&self) -> usize {
        if self.multichannel { self.channels } else { 1 }
    }
}

impl Draft {
    fn take(&mut self, name: &str, value: &str, allowed: (&Offer, &[String])) -> Result<(), ApiError> {
        if !PARAMETERS.contains(&name) {
            return Err(unknown(name));
        }
        let query = &mut self.query;
        match name {
            "model" => {
                known_model(value, allowed.0, allowed.1)?;
                value.clone_into(&mut query.model);
            }
            "version" if value == "latest" => {}
            "encoding" => {
                self.encoding = Some(match value {
                    "linear16" => Encoding::Linear16,
                    "mulaw" => Encoding::Law(Law::Mu),
                    "alaw" => Encoding::Law(Law::A),
                    _ => return Err(refuse("encoding", value, "expected linear16, mulaw or alaw")),
                });
            }
            "sample_rate" => {
                let rate =
                    value.parse().ok().filter(|hz| RATES_HZ.contains(hz)).and_then(SampleRate::from_hz);
                self.rate = Some(rate.ok_or_else(|| refuse("sample_rate", value, "expected 8000 to 48000"))?);
            }
            "channels" => {
                let channels = value.parse().ok().filter(|count| (1..=CHANNELS_MAX).contains(count));
                query.channels = channels.ok_or_else(|| refuse("channels", value, "expected 1 to 8"))?;
            }
            "multichannel" => query.multichannel = boolean("multichannel", value)?,
            "interim_results" => query.interim_results = boolean("interim_results", value)?,
            "vad_events" => query.vad_events = boolean("vad_events", value)?,
            "punctuate" => query.punctuate = boolean("punctuate", value)?,
            "endpointing" => query.endpointing = endpointing(value)?,
            "utterance_end_ms" => {
                let length = value.parse().ok().filter(|length| UTTERANCE_END_MS.contains(length));
                let length =
                    length.ok_or_else(|| refuse("utterance_end_ms", value, "expected 1000 to 5000"))?;
                query.utterance_end = Some(Duration::from_millis(length));
            }
            "language" if value == "multi" => self.languages.clone_from(&allowed.0.languages),
            "language" => self.languages.push(order::language("language", value, allowed.0)?),
            "keyterm" => order::add_terms("keyterm", value, &mut self.terms)?,
            "keywords" if value.contains(':') => {
                return Err(refuse(
                    "keywords",
                    value,
                    "a weight for one word is not supported, leave `:N` away",
                ));
            }
            "keywords" => order::add_terms("keywords", value, &mut self.terms)?,
            // The recogniser writes figures, amounts and dates as such by itself; what is left to do is to keep them.
            "smart_format" => self.smart_format = boolean("smart_format", value)?,
            // What they ask for is always so: nothing waits for formatting, nothing that is heard is used to train anything.
            "no_delay" => drop(boolean("no_delay", value)?),
            "mip_opt_out" => drop(boolean("mip_opt_out", value)?),
            "diarize" => off("diarize", value)?,
            "profanity_filter" => off("profanity_filter", value)?,
            "numerals" => off("numerals", value)?,
            "filler_words" => off("filler_words", value)?,
            "dictation" => off("dictation", value)?,
            "detect_entities" => off("detect_entities", value)?,
            "detect_language" => off("detect_language", value)?,
            "redact" => off("redact", value)?,
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    fn finish(self) -> Result<Query, ApiError> {
        let Self { mut query, encoding, rate, languages, terms, smart_format } = self;
        // As with Deepgram: formatting includes punctuation, whatever is said about that alone.
        query.punctuate |= smart_format;
        let encoding = encoding.ok_or_else(|| {
            let message =
                "`encoding` is missing: live audio comes as linear16, mulaw or alaw, without a container";
            ApiError::parameter("encoding", message)
        })?;
        query.encoding = encoding;
        query.rate = rate.ok_or_else(|| {
            ApiError::parameter("sample_rate", "`sample_rate` is missing: it goes with `encoding`")
        })?;
        if query.utterance_end.is_some() && !query.interim_results {
            let message = "`utterance_end_ms` needs interim_results=true";
            return Err(ApiError::parameter("utterance_end_ms", message));
        }
        match languages.as_slice() {
            [] => {}
            [one] => query.language = LanguageChoice::Known(*one),
            several => query.language = LanguageChoice::Among(several.to_vec()),
        }
        query.vocabulary = terms.into();
        Ok(query)
    }
}

fn unknown(name: &str) -> ApiError {
    let shown: String = name.chars().take(40).collect();
    let message = format!("`{shown}` is not supported; docs/deepgram.md lists what is");
    ApiError::parameter(shown, message)
}

fn endpointing(value: &str) -> Result<Endpointing, ApiError> {
    if value == "true" {
        return Ok(Endpointing::Own);
    }
    if value == "false" {
        return Ok(Endpointing::Never);
    }
    let length = value.parse().ok().filter(|length| ENDPOINTING_MS.contains(length));
    let length = length
        .ok_or_else(|| refuse("endpointing", value, "expected 10 to 3000 milliseconds, true or false"))?;
    Ok(Endpointing::After(Duration::from_millis(length).max(PAUSE_MIN)))
}

fn boolean(name: &'static str, value: &str) -> Result<bool, ApiError> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(refuse(name, value, "expected true or false")),
    }
}

fn off(name: &'static str, value: &str) -> Result<(), ApiError> {
    if boolean(name, value).is_ok_and(|is_on| !is_on) {
        return Ok(());
    }
    Err(refuse(name, value, "not supported"))
}

fn refuse(name: &'static str, value: &str, expected: &str) -> ApiError {
    let shown: String = value.chars().take(40).collect();
    ApiError::parameter(name, format!("`{name}` is `{shown}`: {expected}"))
}
