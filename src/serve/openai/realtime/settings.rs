//! What a `session.update` may set: read strictly, so that nothing that a client asks for is silently something else.
//!
//! Two shapes are in use: the present one (`session.update`, formats as objects) and the beta's
//! (`transcription_session.update`, formats as names). Both set the same things.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::asr::LanguageChoice;
use crate::audio::SampleRate;
use crate::audio::g711::Law;
use crate::call::Language;
use crate::serve::Offer;
use crate::serve::error::ApiError;
use crate::serve::openai::{known_model, order};

/// OpenAI's own default.
const SILENCE: Duration = Duration::from_millis(500);
const PREFIX: Duration = Duration::from_millis(300);
/// Pauses outside of these are no turn-taking.
const SILENCE_MS: std::ops::RangeInclusive<u64> = 100..=3_000;

/// Which generation of the protocol a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `session.update`.
    Present,
    /// `transcription_session.update`, announced by the header `OpenAI-Beta: realtime=v1`.
    Beta,
}

/// How audio comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 16-bit little-endian PCM at 24 kHz.
    Pcm24k,
    /// G.711 at 8 kHz.
    Law(Law),
}

impl Format {
    /// Its sample rate.
    pub const fn rate(self) -> SampleRate {
        match self {
            Self::Pcm24k => match SampleRate::from_hz(24_000) {
                Some(rate) => rate,
                None => SampleRate::PIPELINE,
            },
            Self::Law(_) => SampleRate::TELEPHONE,
        }
    }

    /// Bytes of one sample.
    pub const fn sample_bytes(self) -> usize {
        match self {
            Self::Pcm24k => 2,
            Self::Law(_) => 1,
        }
    }

    /// The samples of whole `bytes`.
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::Pcm24k => bytes
                .chunks_exact(2)
                .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
                .collect(),
            Self::Law(law) => bytes.iter().map(|code| law.decode_f32(*code)).collect(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Pcm24k => "audio/pcm",
            Self::Law(Law::Mu) => "audio/pcmu",
            Self::Law(Law::A) => "audio/pcma",
        }
    }

    const fn beta_name(self) -> &'static str {
        match self {
            Self::Pcm24k => "pcm16",
            Self::Law(Law::Mu) => "g711_ulaw",
            Self::Law(Law::A) => "g711_alaw",
        }
    }
}

/// Who says when a turn ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Detection {
    /// The client, by `input_audio_buffer.commit`.
    Client,
    /// A pause of this length.
    Pause {
        /// Probability from which sound is speech.
        threshold: f32,
        /// Audio kept before speech.
        prefix: Duration,
        /// The pause.
        silence: Duration,
    },
    /// Allo's own turn-taking, by sound and text (`semantic_vad`).
    Semantic,
}

impl Default for Detection {
    fn default() -> Self {
        Self::Pause { threshold: 0.5, prefix: PREFIX, silence: SILENCE }
    }
}

/// What a session is set to.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How audio comes.
    pub format: Format,
    /// The model, as the client names it.
    pub model: String,
    /// The languages, when the client gives any.
    pub languages: Vec<Language>,
    /// Names and terms.
    pub vocabulary: Vec<String>,
    /// Turn detection.
    pub detection: Detection,
}

/// What a session may be set to.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// Model and languages.
    pub offer: Offer,
    /// Other names of the model.
    pub aliases: Vec<String>,
}

impl Settings {
    /// The settings of a new session.
    pub fn new(allowed: &Allowed) -> Self {
        Self {
            format: Format::Pcm24k,
            model: allowed.offer.model.clone(),
            languages: Vec::new(),
            vocabulary: Vec::new(),
            detection: Detection::default(),
        }
    }

    /// The languages to recognise.
    pub fn language(&self, offer: &Offer) -> LanguageChoice {
        match self.languages.as_slice() {
            [] => LanguageChoice::Among(offer.languages.clone()),
            [one] => LanguageChoice::Known(*one),
            several => LanguageChoice::Among(several.to_vec()),
        }
    }

    /// The settings after an update with `session`; unchanged ones stay.
    ///
    /// # Errors
    /// [`ApiError`] names the field by its path.
    pub fn updated(&self, session: &Value, shape: Shape, allowed: &Allowed) -> Result<Self, ApiError> {
        let mut settings = self.clone();
        let session = object(session, "session")?;
        match shape {
            Shape::Present => settings.read_present(session, allowed)?,
            Shape::Beta => settings.read_beta(session, allowed)?,
        }
        Ok(settings)
    }

    fn read_present(&mut self, session: &Map<String, Value>, allowed: &Allowed) -> Result<(), ApiError> {
        for (name, value) in session {
            match name.as_str() {
                "type" if value == "transcription" => {}
                "type" => return Err(refuse("session.type", value, "only transcription is supported")),
                "include" => no_include("session.include", value)?,
                "audio" => {
                    for (name, value) in object(value, "session.audio")? {
                        match name.as_str() {
                            "input" => self.read_input(object(value, "session.audio.input")?, allowed)?,
                            _ => return Err(unknown("session.audio", name)),
                        }
                    }
                }
                _ => return Err(unknown("session", name)),
            }
        }
        Ok(())
    }

    fn read_input(&mut self, input: &Map<String, Value>, allowed: &Allowed) -> Result<(), ApiError> {
        const AT: &str = "session.audio.input";
        for (name, value) in input {
            match name.as_str() {
                "format" => self.format = format(value)?,
                "transcription" => self.read_transcription(value, &format!("{AT}.transcription"), allowed)?,
                "turn_detection" => self.detection = detection(value, &format!("{AT}.turn_detection"))?,
                "noise_reduction" => nothing(&format!("{AT}.noise_reduction"), value)?,
                _ => return Err(unknown(AT, name)),
            }
        }
        Ok(())
    }

    fn read_beta(&mut self, session: &Map<String, Value>, allowed: &Allowed) -> Result<(), ApiError> {
        for (name, value) in session {
            let at = format!("session.{name}");
            match name.as_str() {
                "input_audio_format" => {
                    self.format = match value.as_str() {
                        Some("pcm16") => Format::Pcm24k,
                        Some("g711_ulaw") => Format::Law(Law::Mu),
                        Some("g711_alaw") => Format::Law(Law::A),
                        Some(_) | None => {
                            return Err(refuse(&at, value, "expected pcm16, g711_ulaw or g711_alaw"));
                        }
                    }
                }
                "input_audio_transcription" => self.read_transcription(value, &at, allowed)?,
                "turn_detection" => self.detection = detection(value, &at)?,
                "input_audio_noise_reduction" => nothing(&at, value)?,
                "include" => no_include(&at, value)?,
                _ => return Err(unknown("session", name)),
            }
        }
        Ok(())
    }

    fn read_transcription(&mut self, value: &Value, at: &str, allowed: &Allowed) -> Result<(), ApiError> {
        for (name, value) in object(value, at)? {
            let at = format!("{at}.{name}");
            let text = value.as_str();
            match (name.as_str(), text) {
                (_, None) if value.is_null() => {}
                ("model", Some(model)) => {
                    known_model(model, &allowed.offer, &allowed.aliases)
                        .map_err(|error| renamed(error, &at))?;
                    model.clone_into(&mut self.model);
                }
                ("language", Some("")) => self.languages.clear(),
                ("language", Some(code)) => {
                    let language = order::language("language", code, &allowed.offer);
                    self.languages = vec![language.map_err(|error| renamed(error, &at))?];
                }
                ("prompt", Some(prompt)) => {
                    self.vocabulary = order::terms("prompt", prompt).map_err(|error| renamed(error, &at))?;
                }
                ("model" | "language" | "prompt", None) => return Err(refuse(&at, value, "expected a text")),
                ("languages", _) => self.languages = languages(value, &at, allowed)?,
                ("keywords", _) => {
                    let words = strings(value, &at)?.join("\n");
                    self.vocabulary =
                        order::terms("keywords", &words).map_err(|error| renamed(error, &at))?;
                }
                _ => return Err(unknown(at.rsplit_once('.').map_or(&*at, |(before, _)| before), name)),
            }
        }
        Ok(())
    }

    /// The settings as the server tells them.
    pub fn describe(&self, shape: Shape) -> Value {
        let language = self.languages.first().map(|language| language.code());
        let transcription =
            json!({ "model": self.model, "language": language, "prompt": self.vocabulary.join(", ") });
        let detection = match self.detection {
            Detection::Client => Value::Null,
            Detection::Semantic => json!({ "type": "semantic_vad", "eagerness": "auto" }),
            Detection::Pause { threshold, prefix, silence } => json!({
                "type": "server_vad",
                "threshold": (f64::from(threshold) * 1_000.0).round() / 1_000.0,
                "prefix_padding_ms": prefix.as_millis() as u64,
                "silence_duration_ms": silence.as_millis() as u64,
            }),
        };
        match shape {
            Shape::Present => {
                let mut format = json!({ "type": self.format.name() });
                if self.format == Format::Pcm24k {
                    format["rate"] = 24_000.into();
                }
                json!({ "type": "transcription", "audio": { "input": {
                    "format": format,
                    "transcription": transcription,
                    "noise_reduction": null,
                    "turn_detection": detection,
                } } })
            }
            Shape::Beta => json!({
                "input_audio_format": self.format.beta_name(),
                "input_audio_transcription": transcription,
                "turn_detection": detection,
            }),
        }
    }
}

fn format(value: &Value) -> Result<Format, ApiError> {
    const AT: &str = "session.audio.input.format";
    let format = object(value, AT)?;
    let found = match format.get("type").and_then(Value::as_str) {
        Some("audio/pcm") => Format::Pcm24k,
        Some("audio/pcmu") => Format::Law(Law::Mu),
        Some("audio/pcma") => Format::Law(Law::A),
        Some(_) | None => return Err(refuse(AT, value, "expected type audio/pcm, audio/pcmu or audio/pcma")),
    };
    for (name, value) in format {
        match name.as_str() {
            "type" => {}
            "rate" if value.as_u64() == Some(u64::from(found.rate().hz())) => {}
            "rate" => {
                let expected = format!("{} is heard at {} Hz only", found.name(), found.rate().hz());
                return Err(refuse(&format!("{AT}.rate"), value, &expected));
            }
            _ => return Err(unknown(AT, name)),
        }
    }
    Ok(found)
}

fn detection(value: &Value, at: &str) -> Result<Detection, ApiError> {
    if value.is_null() {
        return Ok(Detection::Client);
    }
    let fields = object(value, at)?;
    let kind = fields.get("type").and_then(Value::as_str);
    let (mut threshold, mut prefix, mut silence) = (0.5, PREFIX, SILENCE);
    for (name, value) in fields {
        let whole = at;
        let at = format!("{at}.{name}");
        match (kind, name.as_str()) {
            (Some("server_vad" | "semantic_vad"), "type") => {}
            // There are no responses to create or interrupt, so that both values ask for the same.
            (Some("server_vad" | "semantic_vad"), "create_response" | "interrupt_response") => {}
            (Some("server_vad"), "idle_timeout_ms") => nothing(&at, value)?,
            (Some("server_vad"), "threshold") => match value.as_f64() {
                Some(found) if (0.0..=1.0).contains(&found) => threshold = found as f32,
                Some(_) | None => return Err(refuse(&at, value, "expected 0 to 1")),
            },
            (Some("server_vad"), "prefix_padding_ms") => match value.as_u64() {
                Some(found) if found <= 3_000 => prefix = Duration::from_millis(found),
                Some(_) | None => return Err(refuse(&at, value, "expected 0 to 3000")),
            },
            (Some("server_vad"), "silence_duration_ms") => match value.as_u64() {
                Some(found) if SILENCE_MS.contains(&found) => silence = Duration::from_millis(found),
                Some(_) | None => return Err(refuse(&at, value, "expected 100 to 3000")),
            },
            (Some("semantic_vad"), "eagerness") if value == "auto" => {}
            (Some("semantic_vad"), "eagerness") => return Err(refuse(&at, value, "only auto is supported")),
            (Some("server_vad" | "semantic_vad"), _) => return Err(unknown(whole, name)),
            (Some(_) | None, _) => {
                let expected = "expected server_vad, semantic_vad or null";
                return Err(refuse(&format!("{whole}.type"), value, expected));
            }
        }
    }
    match kind {
        Some("semantic_vad") => Ok(Detection::Semantic),
        Some(_) => Ok(Detection::Pause { threshold, prefix, silence }),
        None => Err(ApiError::parameter(format!("{at}.type"), "`type` is missing")),
    }
}

fn languages(value: &Value, at: &str, allowed: &Allowed) -> Result<Vec<Language>, ApiError> {
    let read = |code: &String| {
        order::language("languages", code, &allowed.offer).map_err(|error| renamed(error, at))
    };
    strings(value, at)?.iter().map(read).collect()
}

fn strings(value: &Value, at: &str) -> Result<Vec<String>, ApiError> {
    let list = value.as_array().and_then(|list| {
        list.iter().map(|entry| entry.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    list.ok_or_else(|| refuse(at, value, "expected a list of texts"))
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, ApiError> {
    value.as_object().ok_or_else(|| refuse(at, value, "expected an object"))
}

fn nothing(at: &str, value: &Value) -> Result<(), ApiError> {
    if value.is_null() { Ok(()) } else { Err(refuse(at, value, "not supported, only null")) }
}

fn no_include(at: &str, value: &Value) -> Result<(), ApiError> {
    match value.as_array() {
        Some(list) if list.is_empty() => Ok(()),
        _ => nothing(at, value),
    }
}

fn unknown(at: &str, name: &str) -> ApiError {
    let name: String = name.chars().take(40).collect();
    ApiError::parameter(format!("{at}.{name}"), format!("`{at}.{name}` is not supported"))
}

fn refuse(at: &str, value: &Value, expected: &str) -> ApiError {
    let shown: String = value.to_string().chars().take(40).collect();
    ApiError::parameter(at.to_owned(), format!("`{at}` is {shown}: {expected}"))
}

/// The same error about the field at its path.
fn renamed(error: ApiError, at: &str) -> ApiError {
    ApiError::parameter(at.to_owned(), error.to_string())
}
