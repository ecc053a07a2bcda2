//! OpenAI's JSON, as the official client libraries read it.

use serde::Serialize;

use crate::asr::Task;
use crate::audio::SamplePos;
use crate::call::{Language, Transcript, Utterance};

/// A model.
#[derive(Debug, Serialize)]
pub struct Model {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl Model {
    /// A model of that name.
    pub fn new(id: String) -> Self {
        Self { id, object: "model", created: 0, owned_by: "allo" }
    }
}

/// Models.
#[derive(Debug, Serialize)]
pub struct ModelList {
    object: &'static str,
    data: Vec<Model>,
}

impl ModelList {
    /// The list.
    pub const fn new(data: Vec<Model>) -> Self {
        Self { object: "list", data }
    }
}

/// What a transcription is charged by elsewhere: begun seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    #[serde(rename = "type")]
    kind: &'static str,
    seconds: u64,
}

impl Usage {
    /// Of so much audio.
    pub fn of(length: SamplePos) -> Self {
        Self { kind: "duration", seconds: length.seconds().ceil() as u64 }
    }
}

/// `response_format=json`.
#[derive(Debug, Serialize)]
pub struct Plain {
    text: String,
    usage: Usage,
}

impl Plain {
    /// The whole text.
    pub fn new(transcript: &Transcript) -> Self {
        Self { text: text(transcript), usage: Usage::of(transcript.end) }
    }
}

/// Which times `verbose_json` carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granularity {
    /// Words.
    pub words: bool,
    /// Segments.
    pub segments: bool,
}

/// `response_format=verbose_json`.
#[derive(Debug, Serialize)]
pub struct Verbose {
    task: &'static str,
    language: &'static str,
    duration: f64,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<Vec<VerboseSegment>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<VerboseWord>>,
    usage: Usage,
}

#[derive(Debug, Serialize)]
struct VerboseSegment {
    id: usize,
    seek: u64,
    start: f64,
    end: f64,
    text: String,
    tokens: [u32; 0],
    temperature: f64,
    avg_logprob: f64,
    compression_ratio: f64,
    no_speech_prob: f64,
}

#[derive(Debug, Serialize)]
struct VerboseWord {
    word: String,
    start: f64,
    end: f64,
}

impl Verbose {
    /// The transcript with the times that were asked for.
    pub fn new(
        transcript: &Transcript,
        granularity: Granularity,
        (task, fallback): (Task, Language),
    ) -> Self {
        let utterances = &transcript.utterances;
        let words = utterances.iter().flat_map(|utterance| &utterance.words).map(|word| VerboseWord {
            word: word.text.reveal().clone(),
            start: seconds(word.span.start),
            end: seconds(word.span.end),
        });
        Self {
            task: match task {
                Task::Transcribe => "transcribe",
                Task::Translate => "translate",
            },
            language: match task {
                Task::Transcribe => english_name(transcript.language.unwrap_or(fallback)),
                // The language of the text, not that of the speech.
                Task::Translate => english_name(Language::En),
            },
            duration: seconds(transcript.end),
            text: text(transcript),
            segments: granularity
                .segments
                .then(|| utterances.iter().enumerate().map(|(id, it)| VerboseSegment::new(id, it)).collect()),
            words: granularity.words.then(|| words.collect()),
            usage: Usage::of(transcript.end),
        }
    }
}

impl VerboseSegment {
    fn new(id: usize, utterance: &Utterance) -> Self {
        let text = utterance.text.reveal();
        Self {
            id,
            // Whisper's unit: 10 ms.
            seek: utterance.span.start.0 / 160,
            start: seconds(utterance.span.start),
            end: seconds(utterance.span.end),
            text: format!(" {text}"),
            tokens: [],
            temperature: 0.0,
            avg_logprob: f64::from(utterance.confidence.clamp(1e-4, 1.0)).ln(),
            compression_ratio: compression_ratio(text),
            no_speech_prob: 0.0,
        }
    }
}

/// Bytes of the text over bytes of its compressed form, as Whisper measures loops.
fn compression_ratio(text: &str) -> f64 {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 6);
    text.len() as f64 / packed.len().max(1) as f64
}

/// `response_format=diarized_json`: the channels are the speakers.
#[derive(Debug, Serialize)]
pub struct Diarized {
    task: &'static str,
    duration: f64,
    text: String,
    segments: Vec<DiarizedSegment>,
    usage: Usage,
}

/// What one speaker said in one go; also an event of the stream.
#[derive(Debug, Serialize)]
pub struct DiarizedSegment {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    start: f64,
    end: f64,
    text: String,
    speaker: String,
}

impl Diarized {
    /// The transcript by speaker.
    pub fn new(transcript: &Transcript) -> Self {
        let utterances = transcript.utterances.iter().enumerate();
        Self {
            task: "transcribe",
            duration: seconds(transcript.end),
            text: text(transcript),
            segments: utterances.map(|(index, utterance)| DiarizedSegment::new(index, utterance)).collect(),
            usage: Usage::of(transcript.end),
        }
    }
}

impl DiarizedSegment {
    /// The `index`th, counted from 0.
    pub fn new(index: usize, utterance: &Utterance) -> Self {
        Self {
            kind: "transcript.text.segment",
            id: format!("seg_{index:03}"),
            start: seconds(utterance.span.start),
            end: seconds(utterance.span.end),
            text: utterance.text.reveal().clone(),
            speaker: utterance.channel.to_string(),
        }
    }
}

/// An event of a stream: more text. The deltas of a stream joined are its text.
#[derive(Debug, Serialize)]
pub struct TextDelta {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: String,
}

impl TextDelta {
    /// The `index`th utterance, counted from 0.
    pub fn new(index: usize, utterance: &Utterance) -> Self {
        let space = if index == 0 { "" } else { " " };
        Self { kind: "transcript.text.delta", delta: format!("{space}{}", utterance.text.reveal()) }
    }
}

/// The last event of a stream.
#[derive(Debug, Serialize)]
pub struct TextDone {
    #[serde(rename = "type")]
    kind: &'static str,
    text: String,
    usage: Usage,
}

impl TextDone {
    /// The whole text.
    pub fn new(transcript: &Transcript) -> Self {
        Self { kind: "transcript.text.done", text: text(transcript), usage: Usage::of(transcript.end) }
    }
}

fn text(transcript: &Transcript) -> String {
    transcript.text_of(None, " ").into_inner()
}

fn seconds(position: SamplePos) -> f64 {
    (position.seconds() * 1_000.0).round() / 1_000.0
}

/// OpenAI names languages in English, in lower case.
pub const fn english_name(language: Language) -> &'static str {
    match language {
        Language::Fr => "french",
        Language::En => "english",
        Language::Nl => "dutch",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::SampleSpan;
    use crate::call::{Channel, Word};

    fn transcript() -> Transcript {
        let span = |start, end| SampleSpan::new(SamplePos::from_seconds(start), SamplePos::from_seconds(end));
        let said = |channel, start: f64, text: &str| Utterance {
            channel,
            span: span(start, start + 1.0),
            language: Language::Fr,
            text: text.into(),
            confidence: 0.5,
            words: vec![Word { text: text.into(), span: span(start, start + 0.5), confidence: 0.5 }],
        };
        Transcript {
            channels: vec![Channel::Caller, Channel::Agent],
            end: SamplePos::from_seconds(4.2),
            language: Some(Language::Fr),
            utterances: vec![said(Channel::Caller, 0.5, "Bonjour."), said(Channel::Agent, 2.0, "Oui ?")],
        }
    }

    #[test]
    fn every_json_answer_has_openais_shape() {
        let transcript = transcript();
        let both = Granularity { words: true, segments: true };
        insta::assert_json_snapshot!("json", Plain::new(&transcript));
        insta::assert_json_snapshot!(
            "verbose_json",
            Verbose::new(&transcript, both, (Task::Transcribe, Language::Fr))
        );
        insta::assert_json_snapshot!("diarized_json", Diarized::new(&transcript));
        insta::assert_json_snapshot!("model", ModelList::new(vec![Model::new("whisper-1".into())]));
    }

    #[test]
    fn the_deltas_of_a_stream_are_its_text() {
        let transcript = transcript();
        let deltas = transcript.utterances.iter().enumerate();
        let joined: String =
            deltas.map(|(index, utterance)| TextDelta::new(index, utterance).delta).collect();
        assert_eq!(joined, TextDone::new(&transcript).text);
    }
}
