//! The text messages of jambonz `listen` and `stream`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ingress::text::Number;

/// The first text message: the attributes of the call.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    /// Name of the call.
    pub call_sid: String,
    /// The caller.
    pub from: Option<String>,
    /// The called.
    pub to: Option<String>,
    /// Of the binary messages, in hertz.
    pub sample_rate: Number,
    /// `mono`, `stereo` or `mixed`.
    pub mix_type: Option<String>,
    /// As the verb gives it.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// Every other text message.
#[derive(Deserialize)]
pub struct Received {
    /// `dtmf`.
    pub event: Option<String>,
    /// With `event: dtmf`.
    pub dtmf: Option<String>,
    /// `mark`, `playDone`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// With `type: mark`.
    pub data: Option<Mark>,
}

/// What became of a mark.
#[derive(Deserialize)]
pub struct Mark {
    /// As it was sent.
    pub name: Option<String>,
    /// `playout` or `cleared`.
    pub event: Option<String>,
}

/// A text message to jambonz.
#[derive(Serialize)]
#[serde(tag = "type", content = "data", rename_all = "camelCase")]
pub enum Sent<'a> {
    /// A prompt, when audio does not stream.
    PlayAudio(Prompt),
    /// Forget what was not played yet.
    KillAudio,
    /// Comes back when everything before it was played.
    Mark {
        /// Its name.
        name: &'a str,
    },
    /// Forget the marks too.
    ClearMarks,
    /// End the `listen` verb.
    Disconnect,
}

/// A prompt.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompt {
    /// Base64.
    pub audio_content: String,
    /// `raw`: linear 16 bit.
    pub audio_content_type: &'static str,
    /// In hertz.
    pub sample_rate: String,
}
