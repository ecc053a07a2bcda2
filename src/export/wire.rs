//! The JSON of `allo transcribe` and vCon: other people's scripts read these fields.
//!
//! vCon is draft-ietf-vcon-vcon-core-04 (version 0.4.0), party roles are of its contact centre extension.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::audio::SamplePos;
use crate::call::{Channel, Transcript, Utterance};

use super::{Document, Rejection, channel_index, milliseconds, speaker};

/// Name of our transcript body within a vCon.
const TRANSCRIPT_SCHEMA: &str = "allo-transcript-v1";

/// The JSON document on one line.
pub(super) fn json(document: Document<'_>) -> String {
    line(&JsonTranscript::new(document))
}

/// The vCon on one line.
pub(super) fn vcon(document: Document<'_>) -> String {
    line(&Vcon::new(document))
}

fn line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("structs of strings and numbers always serialise");
    line.push('\n');
    line
}

#[derive(Serialize)]
struct JsonTranscript<'a> {
    file: &'a str,
    duration: f64,
    language: Option<&'static str>,
    model: &'a str,
    channels: Vec<String>,
    segments: Vec<JsonSegment<'a>>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    debug: Option<JsonDebug<'a>>,
}

#[derive(Serialize)]
struct JsonSegment<'a> {
    id: usize,
    start: f64,
    end: f64,
    channel: String,
    text: &'a str,
    confidence: f64,
    words: Vec<JsonWord<'a>>,
}

#[derive(Serialize)]
struct JsonWord<'a> {
    word: &'a str,
    start: f64,
    end: f64,
    confidence: f64,
}

#[derive(Serialize)]
struct JsonDebug<'a> {
    rejections: Vec<JsonRejection<'a>>,
}

#[derive(Serialize)]
struct JsonRejection<'a> {
    channel: String,
    start: f64,
    end: f64,
    reason: &'a str,
    text: &'a str,
}

impl<'a> JsonTranscript<'a> {
    fn new(document: Document<'a>) -> Self {
        let transcript = document.transcript;
        Self {
            file: &document.source.file,
            duration: seconds(transcript.end),
            language: transcript.language.map(|language| language.code()),
            model: &document.source.model,
            channels: transcript.channels.iter().map(Channel::to_string).collect(),
            segments: transcript
                .utterances
                .iter()
                .enumerate()
                .map(|(id, utterance)| JsonSegment::new(id, utterance))
                .collect(),
            text: transcript.text_of(None, " ").into_inner(),
            debug: document.rejections.map(|rejections| JsonDebug {
                rejections: rejections.iter().map(JsonRejection::new).collect(),
            }),
        }
    }
}

impl<'a> JsonSegment<'a> {
    fn new(id: usize, utterance: &'a Utterance) -> Self {
        let words = utterance.words.iter().map(|word| JsonWord {
            word: word.text.reveal(),
            start: seconds(word.span.start),
            end: seconds(word.span.end),
            confidence: probability(word.confidence),
        });
        Self {
            id,
            start: seconds(utterance.span.start),
            end: seconds(utterance.span.end),
            channel: utterance.channel.to_string(),
            text: utterance.text.reveal(),
            confidence: probability(utterance.confidence),
            words: words.collect(),
        }
    }
}

impl<'a> JsonRejection<'a> {
    fn new(rejection: &'a Rejection) -> Self {
        Self {
            channel: rejection.channel.to_string(),
            start: seconds(rejection.span.start),
            end: seconds(rejection.span.end),
            reason: &rejection.reason,
            text: rejection.text.reveal(),
        }
    }
}

#[derive(Serialize)]
struct Vcon<'a> {
    vcon: &'static str,
    uuid: Uuid,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extensions: Vec<&'static str>,
    created_at: String,
    parties: Vec<VconParty>,
    dialog: [VconDialog<'a>; 1],
    analysis: [VconAnalysis<'a>; 1],
}

#[derive(Serialize)]
struct VconParty {
    name: String,
    validation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
}

#[derive(Serialize)]
struct VconDialog<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    start: String,
    duration: f64,
    /// The order of the channels in the recording.
    parties: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    originator: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mediatype: Option<&'static str>,
    filename: &'a str,
}

#[derive(Serialize)]
struct VconAnalysis<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    dialog: usize,
    vendor: &'static str,
    product: &'a str,
    schema: &'static str,
    mediatype: &'static str,
    encoding: &'static str,
    body: JsonTranscript<'a>,
}

impl<'a> Vcon<'a> {
    fn new(document: Document<'a>) -> Self {
        let source = document.source;
        let parties: Vec<VconParty> = document.transcript.channels.iter().map(|it| party(*it)).collect();
        let has_roles = parties.iter().any(|party| party.role.is_some());
        let filename = source.file.rsplit(['/', '\\']).next().unwrap_or_default();
        Self {
            vcon: "0.4.0",
            uuid: source.id,
            extensions: if has_roles { vec!["CC"] } else { Vec::new() },
            created_at: timestamp(source.created_at),
            dialog: [VconDialog {
                kind: "recording",
                // The format demands a start; where the recording does not tell, it is the time of transcription.
                start: timestamp(source.started_at.unwrap_or(source.created_at)),
                duration: seconds(document.transcript.end),
                parties: (0..parties.len()).collect(),
                originator: originator(document.transcript),
                mediatype: media_type(filename),
                filename,
            }],
            analysis: [VconAnalysis {
                kind: "transcript",
                dialog: 0,
                vendor: "allo",
                product: &source.model,
                schema: TRANSCRIPT_SCHEMA,
                mediatype: "application/json",
                encoding: "json",
                body: JsonTranscript::new(document),
            }],
            parties,
        }
    }
}

fn party(channel: Channel) -> VconParty {
    let role = match channel {
        Channel::Caller => Some("customer"),
        Channel::Agent => Some("agent"),
        Channel::Bot | Channel::Mixed | Channel::Numbered(_) => None,
    };
    VconParty { name: speaker(channel), validation: "none", role }
}

/// The party that called, where the channels tell.
fn originator(transcript: &Transcript) -> Option<usize> {
    Some(channel_index(transcript, Channel::Caller)).filter(|index| *index < transcript.channels.len())
}

fn media_type(filename: &str) -> Option<&'static str> {
    let extension = filename.rsplit_once('.')?.1.to_ascii_lowercase();
    match extension.as_str() {
        "wav" => Some("audio/x-wav"),
        "mp3" => Some("audio/mpeg"),
        "ogg" | "oga" | "opus" => Some("audio/ogg"),
        "flac" => Some("audio/flac"),
        "m4a" | "mp4" => Some("audio/mp4"),
        "aac" => Some("audio/aac"),
        "aif" | "aiff" => Some("audio/aiff"),
        "caf" => Some("audio/x-caf"),
        "webm" => Some("audio/webm"),
        _ => None,
    }
}

fn timestamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}

fn seconds(position: SamplePos) -> f64 {
    milliseconds(position) as f64 / 1_000.0
}

/// To three decimals; what is no number is no confidence.
fn probability(value: f32) -> f64 {
    if value.is_finite() { (f64::from(value.clamp(0.0, 1.0)) * 1_000.0).round() / 1_000.0 } else { 0.0 }
}
