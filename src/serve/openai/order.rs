//! What a client of `/v1/audio/transcriptions` or `/v1/audio/translations` asks for: every field of the form is either done or refused by name.

use std::sync::Arc;

use super::wire::Granularity;
use crate::asr::{LanguageChoice, Task};
use crate::call::Language;
use crate::serve::Offer;
use crate::serve::error::ApiError;

/// Longest name or term, in words: what is longer is a sentence and would be taken apart by the recogniser's bias.
const TERM_WORDS_MAX: usize = 6;
/// Most names and terms.
const TERMS_MAX: usize = 1_000;
/// Fields of a form for a translation, beside the recording.
const OF_TRANSLATIONS: [&str; 4] = ["model", "prompt", "response_format", "temperature"];

/// How the text is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseFormat {
    /// `{"text"}`.
    Json,
    /// The text alone.
    Text,
    /// `SubRip`.
    Srt,
    /// With times.
    VerboseJson,
    /// `WebVTT`.
    Vtt,
    /// By speaker.
    DiarizedJson,
}

impl ResponseFormat {
    const ALL: [(&'static str, Self); 6] = [
        ("json", Self::Json),
        ("text", Self::Text),
        ("srt", Self::Srt),
        ("verbose_json", Self::VerboseJson),
        ("vtt", Self::Vtt),
        ("diarized_json", Self::DiarizedJson),
    ];
}

/// Whether the text comes at once or as it is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// One answer.
    Whole,
    /// Server-sent events.
    Stream,
}

/// A checked form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What is made of what is said.
    pub task: Task,
    /// The language, or those it may be.
    pub language: LanguageChoice,
    /// Names and terms that may be said.
    pub vocabulary: Arc<[String]>,
    /// How the text is to be written.
    pub format: ResponseFormat,
    /// Which times.
    pub granularity: Granularity,
    /// At once or as it is heard.
    pub delivery: Delivery,
}

/// What a form may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    /// What is made of what is said.
    pub task: Task,
    /// Model and languages.
    pub offer: &'a Offer,
    /// Other names of the model.
    pub aliases: &'a [String],
}

/// The fields as they come, before they are seen together.
#[derive(Default)]
struct Draft {
    has_model: bool,
    languages: Vec<Language>,
    terms: Vec<String>,
    format: Option<ResponseFormat>,
    words: bool,
    segments: bool,
    stream: bool,
}

impl Order {
    /// Reads the fields of a form, in any order.
    ///
    /// # Errors
    /// [`ApiError`] names the field that is not supported.
    pub fn read(fields: &[(String, String)], allowed: Allowed<'_>) -> Result<Self, ApiError> {
        let mut draft = Draft::default();
        for (name, value) in fields {
            draft.take(name, value, allowed)?;
        }
        draft.finish(allowed)
    }
}

impl Draft {
    fn take(&mut self, name: &str, value: &str, allowed: Allowed<'_>) -> Result<(), ApiError> {
        // Client libraries write lists as `name[]`.
        let known = name.strip_suffix("[]").unwrap_or(name);
        if allowed.task == Task::Translate && !OF_TRANSLATIONS.contains(&known) {
            return Err(not_supported(name));
        }
        match known {
            "model" => {
                known_model(value, allowed.offer, allowed.aliases)?;
                self.has_model = true;
            }
            "language" => self.languages.push(language("language", value, allowed.offer)?),
            "languages" => self.languages.push(language("languages", value, allowed.offer)?),
            "prompt" => add_terms("prompt", value, &mut self.terms)?,
            "keywords" => add_terms("keywords", value, &mut self.terms)?,
            "response_format" => {
                let known = ResponseFormat::ALL.iter().find(|(known, _)| *known == value);
                let known = known.map(|(_, format)| *format);
                let (known, expected) = match allowed.task {
                    Task::Transcribe => {
                        (known, "expected json, text, srt, verbose_json, vtt or diarized_json")
                    }
                    Task::Translate => {
                        let known = known.filter(|format| *format != ResponseFormat::DiarizedJson);
                        (known, "expected json, text, srt, verbose_json or vtt")
                    }
                };
                self.format = Some(known.ok_or_else(|| unsupported("response_format", value, expected))?);
            }
            "temperature" => {
                if value.trim().parse::<f64>() != Ok(0.0) {
                    let expected = "only 0 is supported: the search is deterministic";
                    return Err(unsupported("temperature", value, expected));
                }
            }
            "timestamp_granularities" => match value {
                "word" => self.words = true,
                "segment" => self.segments = true,
                _ => return Err(unsupported("timestamp_granularities", value, "expected word or segment")),
            },
            "stream" => self.stream = boolean("stream", value)?,
            "chunking_strategy" if value == "auto" => {}
            "chunking_strategy" => {
                let expected = "only auto is supported; section [vad] of the configuration tunes it";
                return Err(unsupported("chunking_strategy", value, expected));
            }
            "include" => {
                return Err(unsupported(
                    "include",
                    value,
                    "words carry their confidence in `allo transcribe` only",
                ));
            }
            "known_speaker_names" | "known_speaker_references" => {
                let reason = "not supported: speakers are told apart by channel, not by voice";
                let name = name.trim_end_matches("[]").to_owned();
                let message = format!("`{name}` is {reason}");
                return Err(ApiError::parameter(name, message));
            }
            _ => return Err(not_supported(name)),
        }
        Ok(())
    }

    fn finish(self, Allowed { task, offer, .. }: Allowed<'_>) -> Result<Order, ApiError> {
        if !self.has_model {
            return Err(ApiError::parameter(
                "model",
                "`model` is missing; GET /v1/models lists what there is",
            ));
        }
        let format = self.format.unwrap_or(ResponseFormat::Json);
        if (self.words || self.segments) && format != ResponseFormat::VerboseJson {
            let message = "`timestamp_granularities` needs response_format verbose_json";
            return Err(ApiError::parameter("timestamp_granularities", message));
        }
        if self.stream {
            match format {
                ResponseFormat::Json | ResponseFormat::Text | ResponseFormat::DiarizedJson => {}
                ResponseFormat::Srt | ResponseFormat::VerboseJson | ResponseFormat::Vtt => {
                    let message = "`stream` goes with response_format json, text or diarized_json";
                    return Err(ApiError::parameter("stream", message));
                }
            }
        }
        Ok(Order {
            task,
            language: match self.languages.as_slice() {
                [] => LanguageChoice::Among(offer.languages.clone()),
                [one] => LanguageChoice::Known(*one),
                several => LanguageChoice::Among(several.to_vec()),
            },
            vocabulary: self.terms.into(),
            format,
            granularity: Granularity { words: self.words, segments: self.segments || !self.words },
            delivery: if self.stream { Delivery::Stream } else { Delivery::Whole },
        })
    }
}

/// The id under which the loaded model is known, or the alias that a client may use for it.
///
/// # Errors
/// [`ApiError::UnknownModel`].
pub fn known_model(model: &str, offer: &Offer, aliases: &[String]) -> Result<(), ApiError> {
    if model == offer.model || aliases.iter().any(|alias| alias == model) {
        return Ok(());
    }
    Err(ApiError::UnknownModel { model: model.chars().take(80).collect() })
}

fn not_supported(name: &str) -> ApiError {
    let shown: String = name.chars().take(40).collect();
    let message = format!("`{shown}` is not supported; docs/openai.md lists what is");
    ApiError::parameter(shown, message)
}

/// A language that is offered.
///
/// # Errors
/// [`ApiError`] names `field`.
pub fn language(field: &'static str, value: &str, offer: &Offer) -> Result<Language, ApiError> {
    let known = value.parse::<Language>().ok().filter(|language| offer.languages.contains(language));
    let codes: Vec<&str> = offer.languages.iter().map(|language| language.code()).collect();
    known.ok_or_else(|| unsupported(field, value, &format!("expected one of {}", codes.join(", "))))
}

/// The names and terms of a prompt.
///
/// # Errors
/// [`ApiError`] names `field` when it holds a sentence instead.
pub fn terms(field: &'static str, value: &str) -> Result<Vec<String>, ApiError> {
    let terms: Vec<String> = value
        .split([',', ';', '\n'])
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .map(str::to_owned)
        .collect();
    if terms.iter().any(|term| term.split_whitespace().count() > TERM_WORDS_MAX) {
        let message = format!(
            "`{field}` is supported as a list of names and terms that may be said, separated by commas, of at most \
             {TERM_WORDS_MAX} words each; a sentence before is not"
        );
        return Err(ApiError::parameter(field, message));
    }
    if terms.len() > TERMS_MAX {
        return Err(ApiError::parameter(field, format!("`{field}` holds more than {TERMS_MAX} terms")));
    }
    Ok(terms)
}

/// Adds the names and terms of one more field to those of the fields before it.
///
/// # Errors
/// As [`terms`], and [`ApiError`] names `field` when there are too many together.
pub fn add_terms(field: &'static str, value: &str, together: &mut Vec<String>) -> Result<(), ApiError> {
    together.extend(terms(field, value)?);
    if together.len() > TERMS_MAX {
        let message = format!(
            "with `{field}` there are {} names and terms, at most {TERMS_MAX} are taken",
            together.len()
        );
        return Err(ApiError::parameter(field, message));
    }
    Ok(())
}

fn boolean(field: &'static str, value: &str) -> Result<bool, ApiError> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        _ => Err(unsupported(field, value, "expected true or false")),
    }
}

fn unsupported(field: &'static str, value: &str, expected: &str) -> ApiError {
    let shown: String = value.chars().take(40).collect();
    ApiError::parameter(field, format!("`{field}` is `{shown}`: {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> Result<Order, ApiError> {
        read_for(Task::Transcribe, fields)
    }

    fn read_for(task: Task, fields: &[(&str, &str)]) -> Result<Order, ApiError> {
        let offer = Offer { model: "whisper-base".into(), languages: vec![Language::Fr, Language::En] };
        let aliases = ["whisper-1".to_owned()];
        let fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Order::read(&fields, Allowed { task, offer: &offer, aliases: &aliases })
    }

    #[test]
    fn the_smallest_form_gives_json_in_any_offered_language() {
        let order = read(&[("model", "whisper-1")]).unwrap();
        assert_eq!(order.format, ResponseFormat::Json);
        assert_eq!(order.language, LanguageChoice::Among(vec![Language::Fr, Language::En]));
        assert_eq!(order.delivery, Delivery::Whole);
        assert_eq!(order.granularity, Granularity { words: false, segments: true });
    }

    #[test]
    fn a_translation_takes_what_openai_takes_for_it_and_nothing_else() {
        let order =
            [("model", "whisper-1"), ("prompt", "Sosh"), ("response_format", "srt"), ("temperature", "0")];
        let order = read_for(Task::Translate, &order).unwrap();
        assert_eq!((order.task, order.format), (Task::Translate, ResponseFormat::Srt));
        for (field, value) in [
            ("language", "fr"),
            ("stream", "true"),
            ("keywords[]", "Sosh"),
            ("timestamp_granularities[]", "word"),
            ("response_format", "diarized_json"),
        ] {
            let error = read_for(Task::Translate, &[("model", "whisper-1"), (field, value)]).unwrap_err();
            assert_eq!(error.parameter_name(), Some(field), "{field}={value}");
        }
    }

    #[test]
    fn lists_come_with_or_without_brackets() {
        let order = read(&[
            ("timestamp_granularities[]", "word"),
            ("response_format", "verbose_json"),
            ("model", "whisper-base"),
            ("keywords[]", "Livebox"),
            ("prompt", "Aerius, Levothyrox\nSosh"),
            ("language", "fr-FR"),
            ("temperature", "0.0"),
        ])
        .unwrap();
        assert_eq!(order.granularity, Granularity { words: true, segments: false });
        assert_eq!(*order.vocabulary, ["Livebox", "Aerius", "Levothyrox", "Sosh"].map(str::to_owned));
        assert_eq!(order.language, LanguageChoice::Known(Language::Fr));
    }

    #[test]
    fn more_terms_than_are_taken_are_refused_by_the_field_that_has_one_too_many() {
        let terms = |count: usize| vec!["Sosh"; count].join(",");
        let (most, one) = (terms(TERMS_MAX), terms(1));
        let order = read(&[("model", "whisper-1"), ("prompt", &most)]).unwrap();
        assert_eq!(order.vocabulary.len(), TERMS_MAX);
        let error = read(&[("model", "whisper-1"), ("prompt", &most), ("keywords[]", &one)]).unwrap_err();
        assert_eq!(error.parameter_name(), Some("keywords"));
        assert!(error.to_string().contains("1001"), "{error}");
    }

    #[test]
    fn whatever_is_not_supported_is_refused_by_name() {
        for (field, value) in [
            ("response_format", "yaml"),
            ("temperature", "0.4"),
            ("temperature", "NaN"),
            ("language", "de"),
            ("language", "nl"),
            ("languages[]", "xx"),
            ("stream", "perhaps"),
            ("include[]", "logprobs"),
            ("chunking_strategy", "{\"type\":\"server_vad\"}"),
            ("known_speaker_names[]", "agent"),
            ("timestamp_granularities[]", "word"),
            ("prompt", "This is a call about a bill that was much too high"),
            ("beam_size", "5"),
        ] {
            let error = read(&[("model", "whisper-1"), (field, value)]).unwrap_err();
            let named = error.parameter_name().unwrap().to_owned();
            assert_eq!(named.trim_end_matches("[]"), field.trim_end_matches("[]"), "{error}");
        }
        assert_eq!(read(&[]).unwrap_err().parameter_name(), Some("model"));
        assert_eq!(read(&[("model", "gpt-9")]).unwrap_err().code(), "model_not_found");
        let stream = [("model", "whisper-1"), ("stream", "true"), ("response_format", "vtt")];
        assert_eq!(read(&stream).unwrap_err().parameter_name(), Some("stream"));
    }
}
