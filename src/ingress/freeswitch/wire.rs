//! The text messages of FreeSWITCH's mod_audio_stream and mod_audio_fork.

use serde::{Deserialize, Serialize};

/// A text that a script sends while the stream runs.
#[derive(Deserialize)]
pub struct Received {
    /// `dtmf`.
    pub event: Option<String>,
    /// With `event: dtmf`.
    pub dtmf: Option<String>,
}

/// A message to FreeSWITCH.
#[derive(Serialize)]
#[serde(tag = "type", content = "data", rename_all = "camelCase")]
pub enum Sent<'a> {
    /// A prompt, for mod_audio_stream.
    StreamAudio(StreamedPrompt),
    /// A prompt, for mod_audio_fork.
    PlayAudio(Prompt),
    /// Stop what is played.
    KillAudio,
    /// Connect the caller to somebody else.
    Transfer {
        /// Extension or address.
        target: &'a str,
    },
    /// Hang up.
    Disconnect,
}

/// A prompt for mod_audio_stream.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamedPrompt {
    /// `raw`: linear 16 bit.
    pub audio_data_type: &'static str,
    /// In hertz.
    pub sample_rate: u32,
    /// Base64.
    pub audio_data: String,
}

/// A prompt for mod_audio_fork.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompt {
    /// `raw`: linear 16 bit.
    pub audio_content_type: &'static str,
    /// In hertz.
    pub sample_rate: u32,
    /// Base64.
    pub audio_content: String,
}
