//! The JSON of Allo's own WebSocket protocol, version 1. docs/ingress.md describes it for its users.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// What the type of a text message is; read first, so that the rest can be checked strictly.
#[derive(Deserialize)]
pub struct Kind {
    /// `start`, `dtmf`, `transfer_failed`, `stop`, `keepalive`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// The first message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// `start`.
    #[serde(rename = "type")]
    pub _kind: IgnoredAny,
    /// How the binary messages are encoded, both ways.
    pub encoding: Encoding,
    /// Samples a second of one channel, 8000 to 48000.
    pub sample_rate: u32,
    /// Who is on the channels, in the order in which they are interleaved; one or two.
    #[serde(default = "caller")]
    pub channels: Vec<String>,
    /// `fr`, `en`, `nl`, `auto`.
    pub language: Option<String>,
    /// Words to expect.
    #[serde(default)]
    pub vocabulary: Vec<String>,
    /// The client's own name of the call.
    pub call_id: Option<String>,
    /// The caller's number or address.
    pub caller: Option<String>,
    /// What was called.
    pub called: Option<String>,
    /// Whether the client plays what it is sent.
    #[serde(default)]
    pub playback: bool,
    /// Anything else, as text.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// How audio is encoded.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Signed 16 bit, the low byte first.
    PcmS16le,
    /// G.711 µ-law.
    Mulaw,
    /// G.711 A-law.
    Alaw,
    /// One Opus packet a message.
    Opus,
}

/// A key was pressed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dtmf {
    /// `dtmf`.
    #[serde(rename = "type")]
    pub _kind: IgnoredAny,
    /// The key.
    pub digit: String,
    /// On which of the channels of the start; the first one when it is missing.
    pub channel: Option<String>,
}

/// A text message to the client.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Sent<'a> {
    /// Stop what is played and forget what was sent.
    Flush,
    /// What was sent before this should have been heard.
    Mark {
        /// Its name.
        name: &'a str,
    },
    /// The call is transferred: the client connects it.
    Transfer {
        /// To whom.
        target: &'a str,
    },
    /// The client should end the call.
    Hangup,
    /// A message was refused.
    Error {
        /// For machines.
        code: &'a str,
        /// The field that is wrong, as a path.
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<&'a str>,
        /// For people.
        message: String,
    },
}

fn caller() -> Vec<String> {
    vec!["caller".to_owned()]
}
