//! The text messages of a Vonage WebSocket endpoint.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A text message from Vonage.
#[derive(Deserialize)]
pub struct Received {
    /// `websocket:connected`, `websocket:dtmf`, `websocket:cleared`, `websocket:notify`.
    pub event: String,
    /// With `websocket:connected`: `audio/l16;rate=16000`.
    #[serde(rename = "content-type")]
    pub content_type: Option<String>,
    /// With `websocket:dtmf`.
    pub digit: Option<String>,
    /// With `websocket:notify`: as it was sent.
    pub payload: Option<Payload>,
    /// With `websocket:connected`: the headers of the NCCO.
    #[serde(flatten)]
    pub headers: Map<String, Value>,
}

/// What a notification brings back.
#[derive(Serialize, Deserialize)]
pub struct Payload {
    /// Our mark.
    pub mark: Option<String>,
}

/// A text message to Vonage.
#[derive(Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Sent {
    /// Forget what was not played yet.
    Clear,
    /// Comes back when everything before it was played.
    Notify {
        /// What it brings back.
        payload: Payload,
    },
}
