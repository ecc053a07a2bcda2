//! The JSON of Telnyx media streaming.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ingress::envelope::wire::{Dtmf, Mark, Media, Name, Payload};
use crate::ingress::text::Number;

/// A message from Telnyx.
#[derive(Deserialize)]
pub struct Received {
    /// `connected`, `start`, `media`, `dtmf`, `mark`, `error`, `stop`.
    pub event: String,
    /// With `start`.
    pub start: Option<Start>,
    /// With `media`.
    pub media: Option<Media>,
    /// With `dtmf`.
    pub dtmf: Option<Dtmf>,
    /// With `mark`.
    pub mark: Option<Mark>,
    /// With `error`.
    pub payload: Option<Failure>,
}

/// The beginning of a stream.
#[derive(Deserialize)]
pub struct Start {
    /// Name of the call leg.
    pub call_control_id: String,
    /// The caller.
    pub from: Option<String>,
    /// The called.
    pub to: Option<String>,
    /// What the payloads hold.
    pub media_format: MediaFormat,
    /// As they were given with the streaming command.
    #[serde(default)]
    pub custom_parameters: Option<Map<String, Value>>,
}

/// What the payloads hold.
#[derive(Deserialize)]
pub struct MediaFormat {
    /// `PCMU`, `PCMA`, `L16`; others are refused.
    pub encoding: String,
    /// In hertz.
    pub sample_rate: Number,
    /// 1.
    pub channels: Number,
}

/// What Telnyx did not like.
#[derive(Deserialize)]
pub struct Failure {
    /// Its number.
    pub code: Option<Number>,
}

/// A message to Telnyx.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Sent<'a> {
    /// Audio to play.
    Media {
        /// The audio.
        media: Payload,
    },
    /// Comes back when everything before it was played.
    Mark {
        /// Its name.
        mark: Name<'a>,
    },
    /// Forget what was not played yet.
    Clear,
}
