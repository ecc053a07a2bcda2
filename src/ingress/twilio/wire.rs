//! The JSON of Twilio Media Streams. Numbers are text; near copies write them as numbers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ingress::envelope::wire::{Dtmf, Mark, Media, Name, Payload};
use crate::ingress::text::Number;

/// A message from Twilio.
#[derive(Deserialize)]
pub struct Received {
    /// `connected`, `start`, `media`, `dtmf`, `mark`, `stop`.
    pub event: String,
    /// With `start`.
    pub start: Option<Start>,
    /// With `media`.
    pub media: Option<Media>,
    /// With `dtmf`.
    pub dtmf: Option<Dtmf>,
    /// With `mark`.
    pub mark: Option<Mark>,
}

/// The beginning of a stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// Name of the stream; goes into every answer.
    pub stream_sid: String,
    /// Name of the call.
    pub call_sid: String,
    /// `inbound`, `outbound` or both.
    #[serde(default)]
    pub tracks: Vec<String>,
    /// What the payloads hold.
    pub media_format: MediaFormat,
    /// `<Parameter>` elements of the TwiML.
    #[serde(default)]
    pub custom_parameters: Map<String, Value>,
}

/// What the payloads hold.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaFormat {
    /// `audio/x-mulaw`.
    pub encoding: String,
    /// 8000.
    pub sample_rate: Number,
    /// 1.
    pub channels: Number,
}

/// A message to Twilio.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Sent<'a> {
    /// Audio to play.
    Media {
        /// As it came with `start`.
        #[serde(rename = "streamSid")]
        stream_sid: &'a str,
        /// The audio.
        media: Payload,
    },
    /// Comes back when everything before it was played, or cleared.
    Mark {
        /// As it came with `start`.
        #[serde(rename = "streamSid")]
        stream_sid: &'a str,
        /// Its name.
        mark: Name<'a>,
    },
    /// Forget what was not played yet.
    Clear {
        /// As it came with `start`.
        #[serde(rename = "streamSid")]
        stream_sid: &'a str,
    },
}
